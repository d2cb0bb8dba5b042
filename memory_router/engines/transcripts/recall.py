"""Answer questions from conversations: decisions with their chain, or what was said, with what stands around it."""

from collections.abc import Sequence
from typing import NamedTuple

from memory_router.engines.transcripts import cues, judging
from memory_router.engines.transcripts.decisions import Decision, DecisionFinder
from memory_router.engines.transcripts.question import Wanted, understand
from memory_router.engines.transcripts.ranking import Asked, Field, Ranked, understood
from memory_router.engines.transcripts.turn import Archive, Turn, Window
from memory_router.storage.sqlite import named_errors
from memory_router.text.cues import cues as cues_of
from memory_router.text.relevance import Evidence

_MAX_CHARACTERS = 4000  # A question is a line; of a pasted page the beginning says what it is about.
# What a mention counts beside a decision that covers as much of the question.
_MENTION = 0.75
# The estimate for the newest decision or turn where a question names nothing but a time, or nothing at all.
_NEWEST, _NEWEST_AT_ALL = 0.7, 0.5
_WALKED = 200
# Two hosts may note the same turn at times that differ by so many seconds.
_SAME_MOMENT = 600
# How many nodes are ranked, and of how many the text is read for it.
_CANDIDATES = 80
_READ = 50
_SURE = 0.6
# A turn that asks something and holds so much of the question asks the same.
_SAME_QUESTION = 0.9


class Step(NamedTuple):
    """Hold one step of a causal chain: `question`, `option`, `decision`, `reason`, `outcome`, `change`, `replaced`."""

    step: str
    turn: Turn
    text: str


class Recollection(NamedTuple):
    """Hold one thing found.

    Args:
        archive: where.
        turn: the turn that decides or says it.
        relevance: calibrated estimate in [0, 1] that this answers the question.
        score: what ranked it; comparable within one archive only.
        chain: for a decision, from the question to what changed after; else empty.
        around: for anything else, the turns around it, oldest first, itself among them.
        superseded_by: the id of the decision that took the place of this one, or None.
        signs: what its relevance was estimated from.
    """

    archive: Archive
    turn: Turn
    relevance: float
    score: float
    chain: tuple[Step, ...] = ()
    around: tuple[Turn, ...] = ()
    superseded_by: str | None = None
    signs: judging.Signs = judging.Signs()


def recall(archives: Sequence[Archive], text: str, limit: int, window: Window, now: float) -> list[Recollection]:
    """Return what answers a question best, best first.

    Args:
        archives: where to look.
        text: the question; no word of it is read as a query language.
        limit: how many at the most.
        window: what may be found; words of time in the question narrow it.
        now: the time of asking, in seconds since the epoch.

    Raises:
        StoreError: an archive is damaged, locked or unreadable.
    """
    found: list[Recollection] = []
    for archive in archives:
        with named_errors(archive.path):
            found += _from_one(archive, text[:_MAX_CHARACTERS], limit, window, now)
    if len(archives) > 1:  # scores of two archives do not compare, relevance does; a line of decisions stays together
        found = _once(sorted(found, key=lambda one: -round(one.relevance, 2)))
    return found[: max(limit, 0)]


def _once(found: list[Recollection]) -> list[Recollection]:
    """Return each turn once, though two hosts kept it: same speaker, same words, the same few minutes."""
    kept: list[Recollection] = []
    for one in found:
        words = " ".join(one.turn.text.split())
        twins = (
            other
            for other in kept
            if other.archive is not one.archive
            and other.turn.role == one.turn.role
            and " ".join(other.turn.text.split()) == words
            and abs((other.turn.time or 0.0) - (one.turn.time or 0.0)) < _SAME_MOMENT
        )
        if next(twins, None) is None:
            kept.append(one)
    return kept


def _from_one(archive: Archive, text: str, limit: int, window: Window, now: float) -> list[Recollection]:
    wanted, window = _narrowed(archive, text, window, now)
    if wanted.is_bare:
        return _newest(archive, limit, window, is_timed=wanted.is_newest or bool(wanted.time.words))
    field = Field(archive, understood(archive, wanted.question, wanted.dropped), window, max(_CANDIDATES, 2 * limit))
    field.compare(text)
    ranked = field.ranked()
    if not ranked or limit < 1:
        return []
    finder = DecisionFinder(field)
    first = ranked[: max(_READ, 3 * limit)]
    finder.load(one.key for one in first)
    ranked[: len(first)] = field.by_signs(first, {key: turn.text for key, turn in finder.turns.items()})
    decisions = [] if wanted.is_name else finder.find(ranked, limit)
    if window.since is not None or window.until is not None or window.session is not None:
        inside = {one.key for one in ranked}
        finder.load(one.key for one in decisions)
        decisions = [one for one in decisions if one.key in inside or _is_within(finder.turns[one.key], window)]
    return _merged(finder, decisions, ranked, limit, is_decision=wanted.is_decision)


def _narrowed(archive: Archive, text: str, window: Window, now: float) -> tuple[Wanted, Window]:
    """Read the words of time; where "today" holds nothing, today is the day of the newest turn."""
    wanted = understand(text, now)
    if not wanted.time.words:
        return wanted, window
    latest = archive.latest()
    if wanted.time.is_conversation:
        return wanted, window._replace(session=latest[1] if latest else None)
    narrowed = _intersection(window, wanted)
    if latest and not archive.newest(narrowed, 1):
        wanted = understand(text, latest[0] + 1)
        narrowed = _intersection(window, wanted)
    return wanted, narrowed


def _intersection(window: Window, wanted: Wanted) -> Window:
    since = max((one for one in (window.since, wanted.time.since) if one is not None), default=None)
    until = min((one for one in (window.until, wanted.time.until) if one is not None), default=None)
    return window._replace(since=since, until=until)


def _is_within(turn: Turn, window: Window) -> bool:
    moment = turn.time or 0.0
    after = window.since is None or moment >= window.since
    return after and (window.until is None or moment <= window.until) and window.session is None


def _newest(archive: Archive, limit: int, window: Window, *, is_timed: bool) -> list[Recollection]:
    """Return the newest decisions, then the newest turns, of what may be found."""
    field = Field(archive, Asked([], [], [], {}, 0.0, {}), window)
    walked = [edge.key for edge in archive.newest(window, _WALKED)]
    finder = DecisionFinder(field)
    finder.load(walked)
    settled = [key for key in walked if finder.turns[key].role == "user" and finder.strength(field, key) >= _SURE]
    others = [key for key in walked if key not in settled]
    found = [_decided(finder, finder.decision(key), {}) for key in settled]
    found += [_said(finder, key) for key in others]
    top = _NEWEST if is_timed else _NEWEST_AT_ALL
    return [one._replace(relevance=max(0.1, top - 0.01 * place)) for place, one in enumerate(found[:limit])]


def _merged(
    finder: DecisionFinder, decisions: list[Decision], ranked: list[Ranked], limit: int, *, is_decision: bool
) -> list[Recollection]:
    """Mix decisions, in their order, with what was merely said; what is part of a chain is not repeated."""
    by_key = {one.key: one for one in decisions}
    best = ranked[0].score or 1.0
    finder.load(one.key for one in ranked[: 2 * limit])
    said = [(_mention(one, best), one) for one in ranked[: 2 * limit] if one.key in finder.turns]
    found: list[Recollection] = []
    shown: set[int] = set()
    seen: set[tuple[str, str, str]] = set()
    while len(found) < limit and (decisions or said):
        leading = max((one.score for one in decisions), default=-1.0)
        if decisions and (not said or leading >= said[0][0]):
            one = decisions.pop(0)
            made = _judged(finder.field, _decided(finder, one, by_key), one.evidence, one.likeness)
        else:
            value, hit = said.pop(0)
            key = _reply(finder, hit)
            if key in shown:
                continue
            made = _judged(finder.field, _said(finder, key), hit.evidence, hit.likeness)._replace(score=value)
        same = (made.turn.session, made.turn.role, made.turn.text)
        if same in seen or (is_decision and made.turn.key in shown and not made.chain):
            continue
        seen.add(same)
        shown.update(step.turn.key for step in made.chain)
        shown.add(made.turn.key)
        found.append(made)
    return found


def _judged(field: Field, made: Recollection, evidence: Evidence, likeness: float) -> Recollection:
    speaker = cues_of(field.sought, made.turn.text).speaker
    held = judging.signs(field.asked, field.archive.count(), evidence, likeness, speaker)
    return made._replace(relevance=judging.estimate(held, is_compared=bool(field.likeness)), signs=held)


def _reply(finder: DecisionFinder, hit: Ranked) -> int:
    """Return the turn that answers a mention that only asks the question again; any other mention itself."""
    shown = finder.shown(hit.key)
    if hit.evidence.own < _SAME_QUESTION or not (shown.asks and shown.is_open):
        return hit.key
    below = finder.field.below(hit.key, 1)
    return below[0] if below else hit.key


def _mention(one: Ranked, best: float) -> float:
    return _MENTION * (0.6 * one.evidence.wide + 0.4 * one.score / best)


def _said(finder: DecisionFinder, key: int) -> Recollection:
    near = [*reversed(finder.field.above(key, 2)), key, *finder.field.below(key, 2)]
    finder.load(near)
    around = tuple(finder.turns[one] for one in near if one in finder.turns)
    return Recollection(finder.field.archive, finder.turns[key], 0.0, 0.0, around=around)


def _decided(finder: DecisionFinder, one: Decision, known: dict[int, Decision]) -> Recollection:
    turns = finder.turns
    finder.load(key for key in (one.question, *one.options, one.key, one.outcome, one.superseded_by) if key is not None)
    later = turns.get(one.superseded_by) if one.superseded_by is not None else None
    replaced = [turns[key] for key, other in known.items() if other.superseded_by == one.key]
    steps: list[Step] = []
    if one.question is not None:
        steps.append(Step("question", turns[one.question], turns[one.question].text))
    options = [turns[key] for key in one.options]
    weighing = [turn for turn in options if finder.shown(turn.key).offers] or options[-1:]
    steps += [Step("option", turn, turn.text) for turn in weighing[-2:]]
    steps.append(Step("decision", turns[one.key], turns[one.key].text))
    for turn in (turns[one.key], *reversed(options), *(step.turn for step in steps[:1])):
        if reason := cues.reason_in(turn.text):
            steps.append(Step("reason", turn, reason))
            break
    if one.outcome is not None:
        steps.append(Step("outcome", turns[one.outcome], turns[one.outcome].text))
    steps += [Step("replaced", turn, turn.text) for turn in replaced[:2]]
    if later:
        steps.append(Step("change", later, later.text))
    return Recollection(
        finder.field.archive,
        turns[one.key],
        0.0,
        one.score,
        tuple(steps),
        superseded_by=later.id if later else None,
    )
