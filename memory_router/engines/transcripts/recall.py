"""Answer questions from conversations: decisions with their chain, or what was said, with what stands around it."""

from collections.abc import Sequence
from typing import NamedTuple

from memory_router.engines.transcripts import cues
from memory_router.engines.transcripts.decisions import Decision, DecisionFinder
from memory_router.engines.transcripts.question import TurnQuestion, understand
from memory_router.engines.transcripts.ranking import NOTHING, Field, understood
from memory_router.engines.transcripts.turn import Archive, Turn, Window
from memory_router.retrieval import search as core
from memory_router.retrieval.relevance import FLOOR, Features
from memory_router.retrieval.wish import wish
from memory_router.storage.sqlite import named_errors

_MAX_CHARACTERS = 4000  # A question is a line; of a pasted page the beginning says what it is about.
# The estimate for the newest decision or turn where a question names nothing but a time, or nothing at all.
_NEWEST, _NEWEST_AT_ALL = 0.7, 0.5
_WALKED = 200
# The seconds by which the times may differ at which two hosts note the same turn.
_SAME_MOMENT = 600
# How many nodes are ranked.
_CANDIDATES = 80
_SURE = 0.6
# The share of the question from which a turn that asks something asks the same.
_SAME_QUESTION = 0.9


class ChainStep(NamedTuple):
    """One step: `question`, `option`, `decision`, `reason`, `outcome`, `change`, `replaced`, `reply`."""

    step: str
    turn: Turn
    text: str


class RecalledTurn(NamedTuple):
    """One thing found.

    Args:
        archive: where.
        turn: the turn that decides or says it.
        relevance: the probability in [0, 1] that this answers the question.
        chain: for a decision, from the question to what changed after; else empty.
        around: for anything else, the turns around it, oldest first, itself among them.
        superseded_by: the id of the decision that took the place of this one, or None.
        asked: the turn that asks the same as the question, where this is what was replied to it.
        features: what its relevance was estimated from.
    """

    archive: Archive
    turn: Turn
    relevance: float
    chain: tuple[ChainStep, ...] = ()
    around: tuple[Turn, ...] = ()
    superseded_by: str | None = None
    asked: Turn | None = None
    features: Features = Features()


def recall(archives: Sequence[Archive], text: str, limit: int, window: Window, now: float) -> list[RecalledTurn]:
    """Return what answers a question best, best first.

    Args:
        archives: where to look.
        text: the question; no word of it is read as a query language.
        limit: the largest number.
        window: what may be found; words of time in the question narrow it.
        now: the time of asking, in seconds since the epoch.

    Raises:
        StoreError: an archive is damaged, locked or unreadable.
    """
    recollections: list[RecalledTurn] = []
    for archive in archives:
        with named_errors(archive.path):
            recollections += _from_one(archive, text[:_MAX_CHARACTERS], limit, window, now)
    recollections.sort(key=lambda recollection: -recollection.relevance)
    if len(archives) > 1:
        recollections = _once(recollections)
    return recollections[: max(limit, 0)]


def _once(found: list[RecalledTurn]) -> list[RecalledTurn]:
    """Return each turn once, though two hosts kept it: same speaker, same words, the same few minutes."""
    kept: list[RecalledTurn] = []
    for recollection in found:
        words = " ".join(recollection.turn.text.split())
        twins = (
            other
            for other in kept
            if other.archive is not recollection.archive
            and other.turn.role == recollection.turn.role
            and " ".join(other.turn.text.split()) == words
            and abs((other.turn.time or 0.0) - (recollection.turn.time or 0.0)) < _SAME_MOMENT
        )
        if next(twins, None) is None:
            kept.append(recollection)
    return kept


def _from_one(archive: Archive, text: str, limit: int, window: Window, now: float) -> list[RecalledTurn]:
    parsed, window = _narrowed(archive, text, window, now)
    if parsed.is_bare:
        return _newest(archive, limit, window, is_timed=parsed.is_newest or bool(parsed.time.words))
    query = understood(archive, text, parsed.question)
    field = Field(archive, query, window, max(_CANDIDATES, 2 * limit))
    pool = field.pool(wish(text, now))
    finder = DecisionFinder(field)
    decisions = [] if parsed.is_name else finder.find(field.by_score(), 3 * limit)
    decisions = finder.in_force_first(_likely(finder, pool, decisions))[:limit]
    if window.since is not None or window.until is not None or window.session is not None:
        finder.load(decision.key for decision in decisions)
        decisions = [
            decision
            for decision in decisions
            if decision.key in pool.units or _is_within(finder.turns[decision.key], window)
        ]
    return _merged(finder, pool, decisions, limit)


def _narrowed(archive: Archive, text: str, window: Window, now: float) -> tuple[TurnQuestion, Window]:
    """Read the words of time; where "today" holds nothing, today is the day of the newest turn."""
    parsed = understand(text, now)
    if not parsed.time.words:
        return parsed, window
    latest = archive.latest()
    if parsed.time.is_conversation:
        return parsed, window._replace(session=latest[1] if latest else None)
    narrowed = _intersection(window, parsed)
    if latest and not archive.newest(narrowed, 1):
        parsed = understand(text, latest[0] + 1)
        narrowed = _intersection(window, parsed)
    return parsed, narrowed


def _intersection(window: Window, wanted: TurnQuestion) -> Window:
    since = max((moment for moment in (window.since, wanted.time.since) if moment is not None), default=None)
    until = min((moment for moment in (window.until, wanted.time.until) if moment is not None), default=None)
    return window._replace(since=since, until=until)


def _is_within(turn: Turn, window: Window) -> bool:
    moment = turn.time or 0.0
    after = window.since is None or moment >= window.since
    return after and (window.until is None or moment <= window.until) and window.session is None


def _newest(archive: Archive, limit: int, window: Window, *, is_timed: bool) -> list[RecalledTurn]:
    """Return the newest decisions, then the newest turns, of what may be found."""
    field = Field(archive, NOTHING, window)
    walked = [edge.key for edge in archive.newest(window, _WALKED)]
    finder = DecisionFinder(field)
    finder.load(walked)
    settled = [key for key in walked if finder.turns[key].role == "user" and finder.strength(field, key) >= _SURE]
    others = [key for key in walked if key not in settled]
    recollections = [_decided(finder, finder.decision(key), {}) for key in settled]
    recollections += [_said(finder, key) for key in others]
    top = _NEWEST if is_timed else _NEWEST_AT_ALL
    return [
        recollection._replace(relevance=max(0.1, top - 0.01 * place))
        for place, recollection in enumerate(recollections[:limit])
    ]


def _likely(finder: DecisionFinder, pool: core.CandidatePool, decisions: list[Decision]) -> list[Decision]:
    """Return the decisions that may be shown: whether another one was replaced is not worth looking up."""
    told = _told(finder, pool, decisions)
    return [choice for choice in decisions if pool.relevance(told[choice.key]) >= FLOOR]


def _told(finder: DecisionFinder, pool: core.CandidatePool, decisions: list[Decision]) -> dict[int, Features]:
    """Return what speaks for each decision, its chain included."""
    finder.load(member for choice in decisions for member in choice.members)
    units = {key: core.Unit(turn.text, turn.time) for key, turn in finder.turns.items()}
    pool = pool._replace(units={**units, **pool.units})
    return {choice.key: pool.features(choice.key, choice.members) for choice in decisions}


def _merged(
    finder: DecisionFinder, pool: core.CandidatePool, decisions: list[Decision], limit: int
) -> list[RecalledTurn]:
    """Return decisions and what was merely said, most probable first; what is part of a chain is not repeated."""
    by_key = {choice.key: choice for choice in decisions}
    told = _told(finder, pool, decisions)
    claims = {key: pool.relevance(features) for key, features in told.items()}
    for earlier in reversed(decisions):  # each stands after the one that took its place
        if earlier.superseded_by in claims:
            later = earlier.superseded_by
            claims[later] = max(claims[later], claims[earlier.key])
            claims[earlier.key] = min(claims[earlier.key], claims[later])
    said = core.ranked(pool, 2 * limit, finder.field.candidates)
    settled = {member: choice for choice in decisions for member in choice.members}
    for mention in said:  # so does what was said on the way to a decision
        if led_to := settled.get(mention.key):
            in_force = led_to.superseded_by if led_to.superseded_by in claims else led_to.key
            claims[in_force] = max(claims[in_force], mention.relevance)
    order = [(claims[choice.key], choice, None) for choice in decisions if claims[choice.key] >= FLOOR]
    every = sorted([*order, *((candidate.relevance, None, candidate) for candidate in said)], key=lambda each: -each[0])
    recollections: list[RecalledTurn] = []
    shown: set[int] = set()
    seen: set[tuple[str, str, str]] = set()
    for claim, decision, hit in every:
        if decision:
            made = _decided(finder, decision, by_key)._replace(relevance=claim, features=told[decision.key])
        elif hit and (key := _reply(finder, hit)) not in shown:
            question = finder.turns[hit.key] if key != hit.key else None
            made = _said(finder, key)._replace(relevance=claim, features=hit.features, asked=question)
        else:
            continue
        same = (made.turn.session, made.turn.role, made.turn.text)
        if same in seen:
            continue
        seen.add(same)
        shown.update((made.turn.key, *(step.turn.key for step in made.chain)))
        recollections.append(made)
        if len(recollections) == limit:
            break
    return recollections


def _reply(finder: DecisionFinder, hit: core.Scored) -> int:
    """Return the turn that answers a mention that only asks the question again; any other mention itself."""
    shown = finder.shown(hit.key)
    if hit.features.own < _SAME_QUESTION or not (shown.asks and shown.is_open):
        return hit.key
    below = finder.field.below(hit.key, 1)
    return below[0] if below else hit.key


def _said(finder: DecisionFinder, key: int) -> RecalledTurn:
    near = [*reversed(finder.field.above(key, 2)), key, *finder.field.below(key, 2)]
    finder.load(near)
    around = tuple(finder.turns[node] for node in near if node in finder.turns)
    return RecalledTurn(finder.field.archive, finder.turns[key], 0.0, around=around)


def _decided(finder: DecisionFinder, one: Decision, known: dict[int, Decision]) -> RecalledTurn:
    turns = finder.turns
    finder.load(key for key in (one.question, *one.options, one.key, one.outcome, one.superseded_by) if key is not None)
    later = turns.get(one.superseded_by) if one.superseded_by is not None else None
    replaced = [turns[key] for key, other in known.items() if other.superseded_by == one.key]
    steps: list[ChainStep] = []
    if one.question is not None:
        steps.append(ChainStep("question", turns[one.question], turns[one.question].text))
    options = [turns[key] for key in one.options]
    weighing = [turn for turn in options if finder.shown(turn.key).offers] or options[-1:]
    steps += [ChainStep("option", turn, turn.text) for turn in weighing[-2:]]
    steps.append(ChainStep("decision", turns[one.key], turns[one.key].text))
    for turn in (turns[one.key], *reversed(options), *(step.turn for step in steps[:1])):
        if reason := cues.reason_in(turn.text):
            steps.append(ChainStep("reason", turn, reason))
            break
    if one.outcome is not None:
        steps.append(ChainStep("outcome", turns[one.outcome], turns[one.outcome].text))
    steps += [ChainStep("replaced", turn, turn.text) for turn in replaced[:2]]
    if later:
        steps.append(ChainStep("change", later, later.text))
    return RecalledTurn(
        finder.field.archive,
        turns[one.key],
        0.0,
        tuple(steps),
        superseded_by=later.id if later else None,
    )
