"""Answer a question from one store: candidates, features, relevance, in one order."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from memory_router.retrieval.folding import Folding
from memory_router.retrieval.fulltext import ANYWHERE, FullText, RowMatch, Within
from memory_router.retrieval.likeness import NO_LIKENESS, Likeness, Vectors
from memory_router.retrieval.query import Query, surprise
from memory_router.retrieval.relevance import FLOOR, Features, fitted

# Candidates by words, and as many by vectors.
_CANDIDATES = 50
_DAY = 86_400.0
# Half of what newness counts is gone after 30 days (seed 002, rule 5).
_HALF_LIFE = 30 * _DAY
_LONG = math.log(2000)


class Unit(NamedTuple):
    """What a store knows about one row.

    Args:
        text: the passage.
        time: when it was said or written, in seconds since the epoch, or None.
        filed: whether the question names its file.
    """

    text: str
    time: float | None = None
    filed: bool = False


class PassageStore(Protocol):
    """What a store gives to be searched; it neither ranks nor judges."""

    @property
    def fulltext(self) -> FullText:
        """Its full-text table."""

    def units(self, keys: Sequence[int]) -> Mapping[int, Unit]:
        """Return rows by key; those that may not be found are left out."""

    def neighbours(self, keys: Sequence[int], /) -> Mapping[int, Sequence[int]]:
        """Return the neighbours of rows, nearest first; empty where they are indexed with the row itself."""

    def inside(self, keys: Sequence[int]) -> Sequence[int]:
        """Return those of the rows that may be found."""


class Wish(NamedTuple):
    """What a question says about time.

    Args:
        present: how much it asks for what is so now, in [0, 1].
        since: the beginning of the time that it names, in seconds since the epoch, or None.
        until: its end, or None.
        now: the time from which ages are counted, in seconds since the epoch.
    """

    present: float = 0.0
    since: float | None = None
    until: float | None = None
    now: float = math.inf


NO_WISH = Wish()


class Scored(NamedTuple):
    """One row of an answer.

    Args:
        key: the row's number.
        relevance: the probability in [0, 1] that it answers.
        features: what that was estimated from.
        copies: rows that say the same, best first.
    """

    key: int
    relevance: float
    features: Features
    copies: tuple[int, ...] = ()


class CandidatePool(NamedTuple):
    """The candidates of a question, with what speaks for each.

    Args:
        query: the question.
        matches: what of it stands in each row.
        likeness: how like the question rows are, and which fitted map judges them.
        beside: the neighbours of each row.
        units: the rows.
        wish: what the question says about time.
        scores: the BM25 of all candidates that hold a word of the question, ascending.
        best_likeness: the largest cosine of all candidates.
        latest: the time of the newest candidate that covers a mask of the question itself, by mask.
    """

    query: Query
    matches: Mapping[int, RowMatch]
    likeness: Likeness
    beside: Mapping[int, Sequence[int]]
    units: Mapping[int, Unit]
    wish: Wish = NO_WISH
    scores: Sequence[float] = ()
    best_likeness: float = 0.0
    latest: Mapping[int, float] = {}

    def features(self, key: int, members: Iterable[int] = ()) -> Features:
        """Return what speaks for a row, or for a passage of several rows, such as a chain of turns.

        Args:
            key: the row.
            members: further rows that belong to the passage.
        """
        query = self.query
        rows = (key, *members)
        held = [self.matches[row] for row in rows if row in self.matches]
        own = named = around = 0
        for match in held:
            own, named, around = own | match.own, named | match.named, around | match.beside
        for row in self.beside.get(key, ()):
            if row in self.matches:
                around |= self.matches[row].own
        wide = own | named | around
        score = max([match.score for match in held], default=0.0)
        best_score = self.scores[-1] if self.scores else 0.0
        compared = self.likeness.of
        likeness, standing = max([compared[row] for row in rows if row in compared], default=(0.0, 0.0))
        unit = self.units[key]
        new = self._newness(unit.time)
        return Features(
            own=query.share(own),
            named=query.share(named),
            wide=query.share(wide),
            whole=query.whole(own | named),
            behind=score / best_score - 1 if best_score else 0.0,
            place=math.log(1 + len(self.scores) - bisect_right(self.scores, score)),
            surprise=min(3.0, surprise(query, wide)),
            exact=float(any(match.defines for match in held)),
            filed=float(unit.filed),
            likeness=likeness,
            standing=min(2.0, standing / 5),
            unlike=likeness - self.best_likeness,
            current=self.wish.present * new,
            new=new,
            overtaken=self._overtaken(unit.time, own | named),
            timely=float(self._is_timely(unit.time)),
            length=min(1.0, math.log(1 + len(unit.text)) / _LONG),
            words=math.log(max(1, len(query.weights))),
        )

    def relevance(self, features: Features) -> float:
        """Return the probability in [0, 1] that a passage with these features answers."""
        return fitted()[self.likeness.map_name](features)

    def _overtaken(self, time: float | None, mask: int) -> float:
        if time is None or self.wish.since is not None:  # who names a time wants no newer one
            return 0.0
        newer = {mask & other for other, latest in self.latest.items() if latest > time + _DAY}
        return max(map(self.query.share, newer), default=0.0)

    def _newness(self, time: float | None) -> float:
        if time is None or self.wish.since is not None:  # who names a time does not ask for the newest
            return 0.0
        return float(2.0 ** -min(max(self.wish.now - time, 0.0) / _HALF_LIFE, 1000.0))

    def _is_timely(self, time: float | None) -> bool:
        since, until = self.wish.since, self.wish.until
        if time is None or (since is None and until is None):
            return False
        return (since is None or time >= since) and (until is None or time <= until)


def pool(
    store: PassageStore,
    query: Query,
    limit: int = 10,
    vectors: Vectors | None = None,
    within: Within = ANYWHERE,
    wish: Wish = NO_WISH,
    also: Sequence[int] = (),
) -> CandidatePool:
    """Return the candidates of a question.

    Args:
        store: where to look.
        query: the question, understood by the store's words.
        limit: how many results are wanted.
        vectors: vectors of the store that are prepared for the question, or None to go by words alone.
        within: which rows full text may find; `Store.inside` says the same of rows found otherwise.
        wish: what the question says about time.
        also: rows that are always candidates.
    """
    size = max(_CANDIDATES, limit)
    near = vectors.nearest(size) if vectors else []
    further = [*dict.fromkeys((*near, *also))]
    if within.sql:
        further = list(store.inside(further))
    matches = store.fulltext.candidates(query, size, within, further)
    beside = store.neighbours([*dict.fromkeys((*matches, *further))])
    units = store.units([*dict.fromkeys((*matches, *further, *(row for rows in beside.values() for row in rows)))])
    likeness = vectors.likeness(units) if vectors else NO_LIKENESS
    return gathered(query, matches, likeness, beside, units, wish)


def gathered(
    query: Query,
    matches: Mapping[int, RowMatch],
    likeness: Likeness,
    beside: Mapping[int, Sequence[int]],
    units: Mapping[int, Unit],
    wish: Wish,
) -> CandidatePool:
    """Return candidates with what compares them with each other; arguments as of `CandidatePool`."""
    scores = sorted([match.score for match in matches.values()])
    best_likeness = max((cosine for cosine, _ in likeness.of.values()), default=0.0)
    latest: dict[int, float] = {}
    for key, unit in units.items():
        if unit.time is not None and key in matches:
            mask = matches[key].own | matches[key].named
            latest[mask] = max(unit.time, latest.get(mask, unit.time))
    return CandidatePool(query, matches, likeness, beside, units, wish, scores, best_likeness, latest)


def ranked(found: CandidatePool, limit: int, keys: Iterable[int] | None = None) -> list[Scored]:
    """Return the candidates that answer, most probable first, near-duplicates folded, none below the floor.

    Args:
        found: the candidates.
        limit: the largest number of results.
        keys: the only candidates to return; all if None.
    """
    judged = [(key, found.features(key)) for key in (found.units if keys is None else keys)]
    return folded(found, [Scored(key, found.relevance(features), features) for key, features in judged], limit)


def folded(found: CandidatePool, scored: Iterable[Scored], limit: int) -> list[Scored]:
    """Return judged candidates, most probable first, near-duplicates folded, none below the floor.

    Args:
        found: the candidates.
        scored: those of them that were judged.
        limit: the largest number of results.
    """
    best_first = sorted(
        (candidate for candidate in scored if candidate.relevance >= FLOOR),
        key=lambda candidate: (-candidate.relevance, candidate.key),
    )
    folding, answers = Folding(), list[Scored]()
    for candidate in best_first:
        place = folding.duplicate_of(found.units[candidate.key].text)
        if place is not None:
            answers[place] = answers[place]._replace(copies=(*answers[place].copies, candidate.key))
        elif len(answers) == limit:
            break
        else:
            answers.append(candidate)
    return answers
