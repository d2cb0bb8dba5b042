"""Find decisions about what a question asks for, what led to each, and which later one took its place.

A decision is a turn that sounds like one (`cues`), stands after turns that weigh something, and is taken on by the
next one. It answers a question as far as the turns that led to it are about the question. A later decision about the
same subject that takes something back, or changes it, supersedes it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from memory_router.engines.transcripts.cues import INTERRUPTS, SILENT, TurnCues, unpacked
from memory_router.engines.transcripts.ranking import Field, looked_up, support
from memory_router.engines.transcripts.statements import turned_down_in
from memory_router.engines.transcripts.turn import Turn, Window
from memory_router.retrieval.query import idf
from memory_router.text import words
from memory_router.text.terms import stems

_SEEDS = 24
_REACH = 6
# The weight of a word by the number of turns before the decision, and after it.
_BEFORE = (1.0, 0.95, 0.9, 0.85, 0.75, 0.65, 0.55)
_AFTER = (1.0, 0.8, 0.5)
# What was said before another decision belongs to that one.
_ELSEWHERE = 0.3
_NEAR_ENOUGH = 0.5
_SETTLED = 0.5
# From here on an answer that takes up what was said settles it.
_DOUBTFUL = 0.2
# From here on a later decision supersedes an earlier one, and how much of that does not depend on its taking something
# back. Of 26 decisions of the four worlds that are shown and were changed later, 21 are linked to the change with these
# values and one to another turn; no decision in force counts as superseded. `benchmarks/decisions.py` counts them where
# all memories are asked.
_SUPERSEDES = 0.5
_LATER_WINS = 0.9
_LATER_CANDIDATES = 24
_LATER_SEEDS = 8
# Words of a subject in more nodes than these together lead to no later decision: they are not a subject.
_LATER_MATCHES = 300
# What it adds to the link that the later decision answers the question, too, and that it names the earlier one.
_ANSWERS, _MENTIONS = 0.25, 0.3
_LEAST = 0.1
# From here on a turn takes something back that was decided a few turns before.
_TAKES_BACK = 0.8

_WORD = re.compile(r"[^\W_]{3,}")
_SUBJECT_WORDS = 8
# What a word of a decision's subject counts when it stands in one, two, three turns that led to it.
_COMES_BACK = (0.3, 1.0, 1.5)
_FOLLOWED = 4


class Decision(NamedTuple):
    """One decision with the keys of what led to it and what came after.

    Args:
        key: the turn that decides.
        score: how well it answers the question; comparable within one field only.
        support: share of the question that was said on the way to it, in [0, 1]; what was said far from it counts less.
        question: the turn that raised the matter, or None.
        options: the turns between, oldest first.
        outcome: the turn that took it on, or None.
        superseded_by: the key of the decision that took its place, or None.
    """

    key: int
    score: float
    support: float
    question: int | None
    options: tuple[int, ...]
    outcome: int | None
    superseded_by: int | None = None

    @property
    def members(self) -> tuple[int, ...]:
        """The turns that a result shows of it."""
        return tuple(key for key in (self.question, *self.options, self.key, self.outcome) if key is not None)


class DecisionFinder:
    """Find the decisions in one field."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.turns = field.turns
        self._cues: dict[int, TurnCues] = {}
        self._strengths: dict[int, float] = {}
        self._contents: dict[str, frozenset[str]] = {}

    def find(self, ranked: list[tuple[int, float]], limit: int) -> list[Decision]:
        """Return the decisions around what was found, best first; `in_force_first` tells which were replaced.

        Args:
            ranked: what matches the question with its score in [0, 1], best first.
            limit: the largest number.
        """
        decisions = self._around(self.field, ranked)
        decisions.sort(key=lambda decision: -decision.score)
        return decisions[:limit]

    def load(self, keys: Iterable[int]) -> None:
        """Read turns that are not read yet."""
        self.field.load(keys)

    def decision(self, key: int) -> Decision:
        """Return the decision that a turn takes, with what led to it."""
        return self._decision(self.field, key, {})

    def _around(self, field: Field, ranked: list[tuple[int, float]], seeds: int = _SEEDS) -> list[Decision]:
        near: dict[int, None] = {}
        first = [key for key, _ in ranked[:seeds]]
        field.spread(first, _REACH + 2)
        for key in first:
            near |= dict.fromkeys((key, *field.above(key, _REACH), *field.below(key, _REACH)))
        self.read(field, {neighbour for key in near for neighbour in (key, *field.above(key, 2), *field.below(key, 1))})
        settled = [key for key in near if self.strength(field, key) >= _SETTLED]
        field.spread(settled, _REACH + 2)
        self.read(field, {neighbour for key in settled for neighbour in field.above(key, _REACH + 2)})
        scores = dict(ranked)
        return [self._decision(field, key, scores) for key in settled]

    def read(self, field: Field, keys: Iterable[int]) -> None:
        """Read what turns show that were not read yet."""
        fresh = {key for key in keys if key not in self._cues}
        self._cues.update((key, unpacked(field.shown[key])) for key in fresh if key in field.shown)
        if missing := [key for key in fresh if key not in field.shown]:
            held = self.field.archive.cues(missing)
            self._cues.update((key, held.get(key, SILENT)) for key in missing)

    def shown(self, key: int | None) -> TurnCues:
        """Return what a turn shows."""
        if key is None:
            return SILENT
        if key not in self._cues:
            self.read(self.field, (key,))
        return self._cues[key]

    def strength(self, field: Field, key: int) -> float:
        """Return how surely a turn decides something, in [0, 1]; only a user does."""
        if key not in self._strengths:
            self._strengths[key] = self._strength(field, key)
        return self._strengths[key]

    def _strength(self, field: Field, key: int) -> float:
        if field.role(key) != "user":
            return 0.0
        shown = self.shown(key)
        if shown.is_open:
            return 0.4 * shown.commitment
        strength = shown.commitment
        above, below = field.previous.get(key), next(iter(field.below(key, 1)), None)
        if above is not None and field.role(above) == "assistant":
            strength += 0.15 + 0.2 * self.shown(above).offers
            question = self.shown(field.previous.get(above))
            strength += 0.15 * question.asks + 0.2 * (
                question.asks and question.offers and not self.shown(above).offers
            )
        if below is not None and field.role(below) == "assistant":
            strength += 0.35 * self._acts(field, below) + 0.1 * self.shown(below).acknowledges
            if strength >= _DOUBTFUL and shown.commitment < _SETTLED and not self._acts(field, below):
                if self._taken_up(key, below):
                    strength += 0.3
                elif not shown.commitment and not self._picks(key, field.above(key, 2)):
                    return _DOUBTFUL  # a plain answer, a refusal, a task
        return min(1.0, strength)

    def _picks(self, key: int, offers: Sequence[int]) -> bool:
        """Return whether a turn names something that was said right before it."""
        self.load((key, *offers))
        named = self._content(self.turns[key].text)
        return any(named & self._content(self.turns[offer].text) for offer in offers)

    def _taken_up(self, key: int, outcome: int | None) -> frozenset[str]:
        """Return the words of a turn that an answer takes up which acknowledges it."""
        if outcome is None or not self.shown(outcome).acknowledges:
            return frozenset()
        self.load((key, outcome))
        return self._content(self.turns[key].text) & self._content(self.turns[outcome].text)

    def _choice(self, key: int, outcome: int | None) -> frozenset[str]:
        """Return what was chosen: the words that an answer takes up, but those that are asked for."""
        return self._taken_up(key, outcome) - {stem for term in self.field.query.terms for stem in stems(term.text)}

    def _acts(self, field: Field, key: int) -> bool:
        return self.shown(key).acts or bool(field.attached.get(key))

    def _decision(self, field: Field, key: int, scores: dict[int, float]) -> Decision:
        shares, span = self._window(field, key)
        said = support(field.query, shares, field)
        matching = max((share * scores.get(turn, 0.0) for turn, share in shares.items()), default=0.0)
        score = (0.6 * said + 0.4 * matching) * (0.7 + 0.3 * self.strength(field, key))
        return Decision(key, score, said, *span)

    def _window(
        self, field: Field, key: int
    ) -> tuple[dict[int, float], tuple[int | None, tuple[int, ...], int | None]]:
        """Return what belongs to a decision: how much each turn counts; and question, options and outcome."""
        shares = {key: 1.0}
        led: list[int] = []
        factor = 1.0
        above = field.above(key, _REACH)
        for distance, turn in enumerate(above, 1):
            if factor == 1.0 and self._is_done(field, turn):
                factor = _ELSEWHERE
            shares[turn] = factor * _BEFORE[distance]
            if factor == 1.0:
                led.append(turn)
        below = field.below(key, 2)
        for distance, turn in enumerate(below, 1):
            shares[turn] = _AFTER[distance]
        for turn in (key, *below[:1]):
            for tool in field.attached.get(turn, ()):
                shares[tool] = 0.8
        led.reverse()
        while led and field.role(led[0]) == "assistant":
            led.pop(0)
        outcome = below[0] if below and field.role(below[0]) == "assistant" else None
        return shares, (led[0] if led else None, tuple(led[1:]), outcome)

    def _is_done(self, field: Field, key: int) -> bool:
        """Return whether a turn decided something that was carried out or taken up: what follows is another matter."""
        below = field.below(key, 1)
        if not below or self.strength(field, key) < _SETTLED:
            return False
        return self._acts(field, below[0]) or bool(self._taken_up(key, below[0]))

    def in_force_first(self, found: list[Decision]) -> list[Decision]:
        """Put each decision behind the one that took its place, and mark it."""
        known = {decision.key: decision for decision in found}
        self.load(decision.key for decision in found)
        for decision in found[:_FOLLOWED]:
            later = self._later(decision)
            if later:
                known[later.key] = self._successor(known.get(later.key) or self.decision(later.key), decision)
                known[decision.key] = known[decision.key]._replace(superseded_by=later.key)
        marked: dict[int, Decision] = {}
        for decision in found:
            for link in self._succession(known[decision.key], known):
                marked.setdefault(link.key, link)
        return list(marked.values())

    def _successor(self, own: Decision, one: Decision) -> Decision:
        """Give a decision that replaced another at least the score of the replaced one."""
        return own._replace(score=max(own.score, one.score))

    def _succession(self, one: Decision, known: dict[int, Decision]) -> list[Decision]:
        """Return the decisions after this one in its line, the latest first, and this one."""
        line = [one]
        while (after := line[-1].superseded_by) is not None and after not in {each.key for each in line}:
            line.append(known[after])
        return line[::-1]

    def _later(self, one: Decision) -> Decision | None:
        """Return the decision that most surely took the place of this one, or None."""
        subject = self._subject(one)
        moment = self.turns[one.key].time
        if not subject or moment is None:
            return None
        archive = self.field.archive
        query = looked_up(archive, list(subject), _LATER_MATCHES)
        weights = {term.key: subject[term.text] for term in query.terms}
        by_bit = {term.bit: subject[term.text] for term in query.terms}
        query = query._replace(weights=by_bit, total=sum(by_bit.values()))
        field = Field(archive, query, Window(since=moment + 1), _LATER_CANDIDATES)
        others = [
            each for each in self._around(field, field.by_score(), _LATER_SEEDS) if self._may_link(one, each, field)
        ]
        self.load(key for each in others for key in (each.key, each.outcome) if key is not None)
        self.field.spread((each.key for each in others), _REACH + 2)
        links = [(self._link(one, each, field, weights), each) for each in others]
        surest, later = max(links, default=(0.0, None), key=lambda link: (link[0], link[1].key))
        return later if surest >= _SUPERSEDES else None

    def _may_link(self, one: Decision, other: Decision, field: Field) -> bool:
        """Return whether a decision could take the place of an earlier one, by what is known without its text."""
        if other.support < _LEAST:
            return False
        if one.key in field.above(other.key, 2 * _REACH) and self._reversal(one, other) < _TAKES_BACK:
            return False  # what follows a decision carries it out, unless it takes something back
        return (other.support + _ANSWERS + _MENTIONS) * self._change(one, other, field) >= _SUPERSEDES

    def _reversal(self, one: Decision, other: Decision) -> float:
        """Return how surely a later decision takes something back: by how it sounds, or by what it turns down."""
        reversal = max(self.shown(other.key).reversal, 0.8 * self.shown(other.outcome).reversal)
        if reversal >= _TAKES_BACK:
            return reversal
        if reversal >= INTERRUPTS and self._choice(other.key, other.outcome):
            return 1.0
        self.load((other.key,))
        turned_down = frozenset(stems(" ".join(turned_down_in(self.turns[other.key].text))))
        return 1.0 if turned_down & self._choice(one.key, one.outcome) else reversal

    def _change(self, one: Decision, other: Decision, field: Field) -> float:
        """Return how surely a later turn about the same subject takes another's place: the surer it decides."""
        reversal = self._reversal(one, other)
        strength = self.strength(field, other.key)
        return (_LATER_WINS + (1 - _LATER_WINS) * reversal * strength) * (1 + strength) / 2

    def _link(self, one: Decision, other: Decision, field: Field, weights: dict[str, float]) -> float:
        """Return how surely a decision takes the place of an earlier one.

        Args:
            one: the earlier decision.
            other: a decision found in `field`.
            field: what was found for the subject of the earlier one.
            weights: the stems of that subject with what they count.
        """
        earlier, later = self.turns[one.key], self.turns[other.key]
        if (later.time or 0.0) <= (earlier.time or 0.0):
            return 0.0
        asked_support = self.decision(other.key).support
        answers = min(1.0, asked_support / one.support) if one.support else 0.0
        mention = self._mention(one, later, weights)
        return (other.support + _ANSWERS * answers + _MENTIONS * mention) * self._change(one, other, field)

    def _mention(self, one: Decision, later: Turn, weights: dict[str, float]) -> float:
        """Return the share of the weightiest word of what was decided earlier that a later turn says, in [0, 1]."""
        decided = self.turns[one.key].text + (f" {self.turns[one.outcome].text}" if one.outcome else "")
        shared = self._content(decided) & self._content(later.text)
        return max((weights.get(stem, 0.0) for stem in shared), default=0.0) / max(weights.values())

    def _content(self, text: str) -> frozenset[str]:
        if text not in self._contents:
            spoken = [word for word in _WORD.findall(text[:500].lower()) if not words.is_stop_word(word)]
            self._contents[text] = frozenset(stems(" ".join(spoken)))
        return self._contents[text]

    def _subject(self, one: Decision) -> dict[str, float]:
        """Return the words that say what a decision is about, with their weights: rare ones that come back."""
        spoken = [key for key in (one.question, *one.options, one.key, one.outcome) if key is not None]
        tools = [tool for key in (one.key, one.outcome) if key for tool in self.field.attached.get(key, ())]
        self.load([*spoken, *tools])
        said = {key: dict.fromkeys(_terms(self.turns[key])) for key in (*spoken, *tools)}
        turns = Counter(chain.from_iterable(said.values()))
        for term in chain.from_iterable(said[key] for key in one.options):
            if turns[term] == 1:  # said once, on the way
                del turns[term]
        count = max(100, self.field.archive.count())
        weights: dict[str, float] = {}
        for term, times in turns.items():
            frequency = self.field.archive.frequency(term)
            if frequency > 1:
                weights[term] = idf(count, frequency) * _COMES_BACK[min(times, len(_COMES_BACK)) - 1]
        chosen = sorted(weights, key=lambda term: -weights[term])[:_SUBJECT_WORDS]
        return {term: weights[term] for term in chosen}


def _terms(turn: Turn) -> list[str]:
    parsed = words.parse(turn.text[:1000])
    files = [file.rsplit("/", 1)[-1].partition(".")[0] for file in turn.files]
    return [*(word for word in parsed.words if len(word) > 2), *(name.joined for name in parsed.identifiers), *files]
