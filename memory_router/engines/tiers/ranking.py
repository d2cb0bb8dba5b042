"""Judge candidates: how much of a question each memory covers, what stands beside it, and what time left of it.

Every store chooses its candidates in its own way; all of them are judged here, so that the same memories come back in
the same order wherever they are kept.
"""

import math
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple, Self, TypeVar

from memory_router.engines.tiers import judging
from memory_router.engines.tiers.judging import Signs
from memory_router.engines.tiers.memory import Memory, Recollection
from memory_router.engines.tiers.recency import (
    UNFINISHED,
    Wanted,
    decay,
    is_unfinished,
    newest_relevance,
    newness,
)
from memory_router.text.cues import Sought, cues, sought
from memory_router.text.relevance import Evidence, calibrated, coverage, nearness, weigh

_K = TypeVar("_K", bound=Hashable)
Stems = Callable[[str], list[str]]

# A question longer than this is a pasted text; its first words say enough.
MOST_TERMS = 40
# How many memories a store gives to be judged, of those that fit the words best, and as many of the nearest vectors.
JUDGED = 50
# An answer often stands beside the words of its question. Two memories each side count (more did not find more), and
# what belongs to no conversation has neighbours only where they were stored within minutes of each other.
REACH = 2
NEAR_SECONDS = 600.0
# Among a handful of memories every word they hold looks common; rarity is judged as if there were this many.
_FEWEST = 100
# In an answer about the recent, what is nearly as relevant as the best counts as much: among near ties the newest
# comes first: a memory that was superseded often says more of the question's words than the one that supersedes it.
_NEARLY = 0.75
# Fitted to put right memories of LoCoMo development questions above all others of their pool; fitted on either half of
# the conversations it orders the other half as well (benchmarks/tiers_recall.py). A word counts fully where it stands
# in the memory itself, less in the next one, less in the one after that.
_NEAR, _FAR = 0.78, 0.53
_WORDS, _LIKENESS, _SPEAKER, _TIME, _ASKS, _LENGTH = 7.1, 10.2, 2.5, 2.5, -0.9, 1.0
_MOST = _WORDS + _LIKENESS + _SPEAKER + _TIME + _LENGTH
_NEIGHBOUR = 0.5
# From this cosine on a memory is a candidate whatever its words: of conversations that do not hold the answer, the best
# memory reaches 0.23 in the median and 0.35 in one of twenty (LoCoMo development questions); right ones 0.39.
ALIKE = 0.3
# The months as the stemmer leaves them.
_MONTHS = (
    "januari", "februari", "march", "april", "mai", "june", "juli", "august", "septemb", "octob", "novemb", "decemb"
)  # fmt: skip
# A word of a date tells as if it stood in one memory of so many, since it says when all of a month were made.
_DATED = 12
_NOTHING: frozenset[str] = frozenset()


class Asked(NamedTuple):
    """Hold a question as a store sees it.

    Args:
        weights: the idf of each stem.
        known: the weighted share of the question that stands somewhere in the store, in [0, 1].
        is_recent: whether it asks for what is recent.
        latest: when the newest memory was made, in seconds since the epoch: what was said after it can be nowhere here.
        sought: what it looks for beside its words.
        words: logarithm of how many stems there are.
        told: what they tell together: 1 is what some memory of so large a store holds of them by accident.
        dated: those of its stems that may be part of a date.
    """

    weights: dict[str, float]
    known: float
    is_recent: bool
    latest: float
    sought: Sought
    words: float
    told: float
    dated: frozenset[str] = frozenset()


class Held(NamedTuple):
    """Hold what is compared of a memory that is judged or stands beside one.

    Args:
        stems: those of its text and of the parts of its identifiers, in order.
        likeness: cosine of its vector and the question's; 0 without vectors.
    """

    stems: Sequence[str]
    likeness: float = 0.0


class Beside(NamedTuple):
    """Hold the keys of what stands one step from a memory in its conversation, and two steps."""

    near: tuple[Any, ...]
    far: tuple[Any, ...]


def ask(question: str, frequencies: Mapping[str, int], total: int, latest: float, *, is_recent: bool) -> Asked:
    """Weigh the stems of a question by how rare they are in a store.

    Args:
        question: as it was asked.
        frequencies: in how many memories each stem stands.
        total: how many memories there are.
        latest: when the newest of them was made, in seconds since the epoch.
        is_recent: whether the question asks for what is recent.
    """
    dated = frozenset(stem for stem in frequencies if stem.isdigit() or stem in _MONTHS)
    counted = {stem: max(count, total // _DATED) if stem in dated else count for stem, count in frequencies.items()}
    seen = max(_FEWEST, total)
    weights = weigh(counted, seen, counted.__getitem__)
    known = coverage(weights, [stem for stem, frequency in counted.items() if frequency])
    words = math.log(max(1, len(weights)))
    # A memory holds words of so many nats (their idf) with a probability of exp(-nats): one of N does at log(N).
    told = sum(weights.values()) / math.log(seen)
    return Asked(weights, known, is_recent, latest, sought(question), words, told, dated)


def surroundings(line: Sequence[_K], places: Iterable[int], *, is_conversation: bool) -> dict[_K, Beside]:
    """Return which memories of a line are candidates for the sake of some of them, and what stands beside each.

    In a conversation what stands beside a match may be the answer, too; elsewhere it tells what the match is about.

    Args:
        line: the keys of the memories, in order of time.
        places: indexes of the matches in it.
        is_conversation: whether they belong to one conversation.
    """
    reach = REACH if is_conversation else 0
    chosen = {near for place in places for near in range(max(place - reach, 0), min(place + reach + 1, len(line)))}
    return {
        line[place]: Beside(
            (*line[max(place - 1, 0) : place], *line[place + 1 : place + 2]),
            (*line[max(place - 2, 0) : max(place - 1, 0)], *line[place + 2 : place + 3]),
        )
        for place in chosen
    }


def ranked(
    asked: Asked,
    held: Mapping[_K, Held],
    candidates: Mapping[_K, tuple[Memory, Beside]],
    stems: Stems,
    now: float,
    limit: int,
) -> list[Recollection]:
    """Return the candidates that answer the question, best first.

    Args:
        asked: the question.
        held: the candidates and what stands beside them, by key.
        candidates: what may be returned, and what stands beside each.
        stems: cuts a text into stems.
        now: seconds since the epoch.
        limit: how many at the most.
    """
    covered = {key: asked.weights.keys() & one.stems for key, one in held.items()}
    found = [_Candidate.of(asked, held, covered, key, *placed, stems) for key, placed in candidates.items()]
    found = [one for one in found if one.wide or one.held.likeness >= ALIKE]
    order = _recent if asked.is_recent else _lasting
    scored = sorted(order(asked, found, now), key=lambda pair: (pair[0], pair[1].memory.created), reverse=True)
    likeness = judging.ALIKE if any(one.likeness for one in held.values()) else judging.WORDS
    mode = judging.RECENT if asked.is_recent else likeness
    return [_judged(asked, mode, one, score, now) for score, one in scored[:limit]]


def newest(memories: Iterable[Memory], wanted: Wanted, now: float) -> list[Recollection]:
    """Return memories as the answer to a question that asks for nothing but the newest, or for what is unfinished."""
    found = []
    for memory in memories:
        relevance = newest_relevance(now - memory.created)
        if wanted.is_unfinished and is_unfinished(memory.text, memory.tags):
            relevance += UNFINISHED
        found.append(Recollection(memory, relevance, relevance))
    return sorted(found, key=lambda one: -one.raw_score)


def _recent(asked: Asked, found: Sequence["_Candidate"], now: float) -> Iterator[tuple[float, "_Candidate"]]:
    """Prefer the newest of what is nearly as relevant as the best."""
    latest = min(now, asked.latest)
    covered = [_covered(asked, one) for one in found]
    enough = _NEARLY * max(covered, default=0.0)
    for one, share in zip(found, covered, strict=True):
        yield min(share, enough) * decay(latest - one.memory.created, is_recent=True), one


def _lasting(asked: Asked, found: Sequence["_Candidate"], now: float) -> Iterator[tuple[float, "_Candidate"]]:
    for one in found:
        yield _strength(asked, one) * decay(now - one.memory.created, is_recent=False), one


class _Candidate(NamedTuple):
    """Hold a candidate with the asked stems: in its text, also in its tags, up to one step from it, and up to two."""

    memory: Memory
    held: Held
    own: Set[str]
    filed: Set[str]
    near: Set[str]
    wide: Set[str]
    likeness: float

    @classmethod
    def of(
        cls,
        asked: Asked,
        held: Mapping[_K, Held],
        covered: Mapping[_K, Set[str]],
        key: _K,
        memory: Memory,
        beside: Beside,
        stems: Stems,
    ) -> Self:
        one = held[key]
        own = covered[key] | _dated(asked, memory.created)
        filed = {*own, *(asked.weights.keys() & stems(" ".join(memory.tags)) if memory.tags else ())}
        near = filed.union(*(covered[other] for other in beside.near if other in held))
        wide = near.union(*(covered[other] for other in beside.far if other in held))
        around = sum(held[other].likeness for other in (*beside.near, *beside.far) if other in held)
        likeness = (one.likeness + _NEIGHBOUR * around) / (1 + 2 * REACH * _NEIGHBOUR)
        return cls(memory, one, own, filed, near, wide, likeness)


def _strength(asked: Asked, one: _Candidate) -> float:
    """Return in [0, 1] what orders memories where time matters little."""
    own, near, wide = (coverage(asked.weights, stems) for stems in (one.own, one.near, one.wide))
    words = (1 - _NEAR) * own + (_NEAR - _FAR) * near + _FAR * wide
    shown = cues(asked.sought, one.memory.text)
    score = _WORDS * words + _LIKENESS * one.likeness + _SPEAKER * shown.speaker + _TIME * shown.time
    return max(0.0, score + _ASKS * shown.asks + _LENGTH * shown.length) / _MOST


def _covered(asked: Asked, one: _Candidate) -> float:
    """Return in [0, 1] what orders memories by their words alone."""
    own, wide = coverage(asked.weights, one.own), coverage(asked.weights, one.wide)
    near = nearness(asked.weights, one.held.stems) if len(one.own) > 1 else own
    return calibrated(Evidence(own, wide, asked.known, near))


def _judged(asked: Asked, mode: str, one: _Candidate, score: float, now: float) -> Recollection:
    memory = one.memory
    signs = Signs(
        coverage(asked.weights, one.filed),
        asked.known,
        one.held.likeness,
        asked.words,
        asked.told,
        max(0.0, coverage(asked.weights, one.wide) * asked.told - 1),
        cues(asked.sought, memory.text).speaker,
        newness(min(now, asked.latest) - memory.created),
    )
    return Recollection(memory, judging.estimate(mode, signs), score, signs)


def _dated(asked: Asked, created: float) -> Set[str]:
    """Return those stems of the question that name the day, month or year in which a memory was made."""
    if not asked.dated:
        return _NOTHING
    when = time.localtime(created)
    return asked.dated & {str(when.tm_mday), _MONTHS[when.tm_mon - 1], str(when.tm_year)}
