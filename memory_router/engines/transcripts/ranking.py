"""Choose turns by BM25 and order them by how much of the question they and the turns around them cover.

A turn alone says little: "a quarter of an hour, on the clock" answers a question that was asked two turns before.
So what matches around a turn counts for it too, less with distance.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from memory_router.engines.transcripts.turn import ANY_TIME, SPEAKERS, Archive, Edge, Match, Wanted, Window
from memory_router.text import words
from memory_router.text.cues import Cues, cues, sought
from memory_router.text.relevance import Evidence, coverage, nearness, stemmer, weigh

_MAX_TERMS = 40
# Words in so many nodes are looked for only in those that a rarer word of the question has found.
_MOST_MATCHES = 2_000
# Among a handful of turns every word looks common; rarity is judged as if there were this many.
_FEWEST = 100

# What a word counts in a column, and in a neighbour by distance; BM25's own k1 and b. Chosen on LoCoMo development
# questions (benchmarks/transcripts_recall.py).
_NEIGHBOUR = (1.0, 0.35, 0.35)
_K1 = 1.2
_B = 0.3
# From this cosine on a node is a candidate whatever its words.
_ALIKE = 0.2


class _Weights(NamedTuple):
    """Say what each sign adds to a score in which the best BM25 counts 1.

    Args:
        cover: share of the question that stands in a node and around it.
        near: how close the words stand together.
        likeness: cosine of the vectors.
        shown: somebody speaks whom the question names, tells the time that is asked for, only asks, speaks at length.
    """

    cover: float
    near: float
    likeness: float
    shown: Cues


# Fitted to put right turns of LoCoMo development questions above all others of their pool, with vectors and without;
# fitted on either half of the conversations they order the other half as well.
_COMPARED = _Weights(1.1, 0.1, 2.7, Cues(speaker=1.0, time=0.94, asks=-0.34, length=0.64))
_UNCOMPARED = _Weights(0.75, 0.1, 0.0, Cues(speaker=0.55, time=0.51, asks=-0.21, length=0.26))


class Asked(NamedTuple):
    """Hold a question as the archive sees it.

    Args:
        terms: what is searched for, any of them.
        required: those of them that choose the candidates.
        keys: the stems of each term.
        weights: idf by key, of the terms that count.
        known: weighted share of the question that stands somewhere in the archive.
        idf: idf by key, of all terms.
        is_frequent: whether even the rarest term stands in too many nodes to look at them all.
    """

    terms: list[str]
    required: list[str]
    keys: list[str]
    weights: dict[str, float]
    known: float
    idf: dict[str, float]
    is_frequent: bool = False


class Ranked(NamedTuple):
    """Hold a node with its score and what speaks for it; `likeness` is the cosine of its vector, 0 without one."""

    key: int
    score: float
    evidence: Evidence
    likeness: float = 0.0


class Hit(NamedTuple):
    """Hold what matched in a node: how often each stem stands in it, weighted, its length, and their nearness."""

    counts: Mapping[str, float]
    length: float
    near: float


_NO_HIT = Hit({}, 0.0, 0.0)


def understood(archive: Archive, question: words.Question, dropped: Iterable[str] = ()) -> Asked:
    """Look the words of a question up in an archive.

    Args:
        archive: where it is to be asked.
        question: what is asked; the steps of its paths are searched as words.
        dropped: words that say what kind of answer is wanted, not about what; they stay if there is nothing else.
    """
    names = [part for name in question.identifiers for part in (name.joined, *name.parts)]
    names += [part for path in question.paths for part in words.split_name(path)]
    phrases = [" ".join(phrase.split()) for phrase in question.phrases]
    about = [word for word in question.words if word not in set(dropped) and not words.is_stop_word(word)]
    plain = list(dict.fromkeys([*about, *names] or question.words))[:_MAX_TERMS]
    return looked_up(archive, plain, uncounted={*phrases, *(name.joined for name in question.identifiers)})


def looked_up(archive: Archive, plain: list[str], uncounted: Iterable[str] = (), most: int = _MOST_MATCHES) -> Asked:
    """Look terms up in an archive.

    Args:
        archive: where they are to be searched for.
        plain: the terms.
        uncounted: further terms, or some of them, that rank but are not missed where they are missing.
        most: how many nodes are looked at, about.
    """
    stems = stemmer(archive.connection)
    keys = {term: " ".join(stems(term)) for term in dict.fromkeys((*plain, *uncounted))}
    keys = {term: key for term, key in keys.items() if key}
    count = max(_FEWEST, archive.count())
    frequencies = {key: archive.frequency(term) for term, key in keys.items()}
    counted = [key for term, key in keys.items() if term not in set(uncounted)] or list(frequencies)
    idf = weigh(frequencies, count, frequencies.__getitem__)
    weights = {key: idf[key] for key in counted}
    known = coverage(weights, {key for key in counted if frequencies[key]})
    required = _required(keys, frequencies, most)
    is_frequent = bool(required) and frequencies[keys[required[0]]] > most
    return Asked(list(keys), required, list(keys.values()), weights, known, idf, is_frequent)


def _required(keys: dict[str, str], frequencies: dict[str, int], most: int) -> list[str]:
    """Return the rarest terms, as many as match few enough nodes together; at least one."""
    required: list[str] = []
    matches = 0
    for term in sorted(
        (term for term, key in keys.items() if frequencies[key]), key=lambda one: frequencies[keys[one]]
    ):
        matches += frequencies[keys[term]]
        if required and matches > most:
            break
        required.append(term)
    return required


class Field:
    """Hold the part of a conversation graph around what matches a question."""

    def __init__(self, archive: Archive, asked: Asked, window: Window = ANY_TIME, candidates: int = 0) -> None:
        self.archive = archive
        self.asked = asked
        self.hits: dict[int, Hit] = {}
        self.previous: dict[int, int | None] = {}
        self.following: dict[int, list[int]] = {}
        self.attached: dict[int, list[int]] = {}
        self.roles: dict[int, str] = {}
        self.shown: dict[int, int] = {}
        self._expanded: set[int] = set()
        self._spread: dict[int, int] = {}
        self._window = window
        self.likeness: dict[int, float] = {}
        self.sought = sought("")
        if asked.required:
            wanted = Wanted(asked.terms, asked.required, asked.is_frequent)
            self.hits = {match.key: self._hit(match) for match in archive.matching(wanted, window, candidates)}
            # A node beside one that matches is ranked, too, by what stands two turns around it.
            self.spread(self.hits, 3)

    def compare(self, question: str) -> None:
        """Compare what matches, and what stands beside it, with a question by vectors; find the nearest, too."""
        self.sought = sought(question)
        stems = stemmer(self.archive.connection)

        def weight(word: str) -> float:
            return self.asked.idf.get(" ".join(stems(word)), 0.0)

        self.likeness = self.archive.likeness(question, weight, self._candidates(), self._window)
        self.spread(self.likeness, 3)

    def expand(self, keys: Iterable[int]) -> None:
        """Load the edges of nodes and of those below them."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._expanded or key not in self.previous]
        if wanted:
            self._expanded.update(wanted)
            self._take(self.archive.edges(wanted))

    def _take(self, edges: Iterable[Edge]) -> None:
        for key, previous, role, shown in edges:
            if key in self.previous:
                continue
            self.previous[key] = previous
            self.roles[key] = role
            if shown is not None:
                self.shown[key] = shown
            if previous is not None:
                below = self.following if role in SPEAKERS else self.attached
                below.setdefault(previous, []).append(key)

    def spread(self, keys: Iterable[int], steps: int) -> None:
        """Load what lies so many steps around nodes: what stands beside them at once, the rest a level at a time."""
        frontier = set(keys)
        if fresh := [key for key in frontier if self._spread.get(key, 0) < steps]:
            self._spread.update(dict.fromkeys(fresh, steps))
            edges, whole = self.archive.surroundings(fresh, steps + 1)
            self._take(edges)
            self._expanded |= whole
        reached = set(frontier)
        for _ in range(steps):
            self.expand(frontier)
            above = {one for key in frontier if (one := self.previous.get(key)) is not None}
            frontier = (above | {max(self.following[key]) for key in frontier if key in self.following}) - reached
            reached |= frontier

    def role(self, key: int) -> str:
        """Return the role of a node."""
        if key not in self.roles:
            self.expand((key,))
        return self.roles.get(key, "")

    def hit(self, key: int) -> Hit:
        """Return what matched in a node."""
        return self.hits.get(key, _NO_HIT)

    def above(self, key: int, steps: int) -> list[int]:
        """Return the turns that led to a node, the nearest first."""
        found: list[int] = []
        if key not in self.previous:
            self.expand((key,))
        current = self.previous.get(key)
        while current is not None and len(found) < steps and current not in found and current != key:
            found.append(current)
            if current not in self._expanded:
                self.expand((current,))
            current = self.previous.get(current)
        return found

    def below(self, key: int, steps: int) -> list[int]:
        """Return the turns that came after a node, the nearest first; of several branches the last one went on."""
        found: list[int] = []
        current = key
        while len(found) < steps:
            if current not in self._expanded:
                self.expand((current,))
            children = self.following.get(current)
            if not children or max(children) in found or max(children) == key:
                break
            current = max(children)
            found.append(current)
        return found

    def around(self, key: int, steps: int = 2) -> list[tuple[int, int]]:
        """Return the nodes near a node with their distance."""
        near = [(one, distance) for line in (self.above(key, steps), self.below(key, steps))
                for distance, one in enumerate(line, 1)]  # fmt: skip
        return near + [(one, 1) for one in self.attached.get(key, ())]

    def ranked(self) -> list[Ranked]:
        """Return all nodes that match, stand next to one that does, or are alike in meaning, best first."""
        average = max(1.0, sum(hit.length for hit in self.hits.values()) / max(1, len(self.hits)))
        found = [self._ranked(key, average) for key in self._candidates() | self.likeness.keys()]
        best = max((one.score for one in found), default=0.0) or 1.0
        weights = self._weights
        found = [
            one._replace(
                score=one.score / best
                + weights.cover * one.evidence.wide
                + weights.near * one.evidence.near
                + weights.likeness * one.likeness
            )
            for one in found
            if one.evidence.wide or one.likeness >= _ALIKE
        ]
        return sorted(found, key=lambda one: (-one.score, -one.key))

    def by_signs(self, found: list[Ranked], texts: Mapping[int, str]) -> list[Ranked]:
        """Put what was found in order by what its text shows of what is looked for, too.

        Args:
            found: the first of what `ranked` returned.
            texts: what was said, by key.
        """
        weights = self._weights.shown
        scored = [
            one._replace(score=one.score + sum(map(float.__mul__, weights, cues(self.sought, texts.get(one.key, "")))))
            for one in found
        ]
        return sorted(scored, key=lambda one: (-one.score, -one.key))

    @property
    def _weights(self) -> _Weights:
        return _COMPARED if self.likeness else _UNCOMPARED

    def _candidates(self) -> set[int]:
        """Return what matches and what stands beside it, unless that may lie outside the span that may be found."""
        if self._window != ANY_TIME:
            return set(self.hits)
        return self.hits.keys() | {one for key in self.hits for one, _ in self.around(key, 1)}

    def _ranked(self, key: int, average: float) -> Ranked:
        hit = self.hit(key)
        counts = dict(hit.counts)
        for one, distance in self.around(key):
            for stem, count in self.hit(one).counts.items():
                counts[stem] = counts.get(stem, 0.0) + _NEIGHBOUR[distance] * min(count, 1.0)
        weights = self.asked.weights
        damped = _K1 * (1 - _B + _B * (hit.length or average) / average)
        score = sum(
            self.asked.idf.get(stem, 0.0) * count * (_K1 + 1) / (count + damped) for stem, count in counts.items()
        )
        evidence = Evidence(coverage(weights, hit.counts), coverage(weights, counts), self.asked.known, hit.near)
        return Ranked(key, score, evidence, self.likeness.get(key, 0.0))

    def _hit(self, match: Match) -> Hit:
        counts: dict[str, float] = {}
        said: dict[int, str] = {}
        columns_weights = self.archive.column_weights
        for key, columns in zip(self.asked.keys, match.places, strict=True):
            count = sum(weight * len(positions) for weight, positions in zip(columns_weights, columns, strict=True))
            if count:
                counts[key] = max(count, counts.get(key, 0.0))
            said.update(dict.fromkeys(columns[0], key))
        near = 0.0
        if len(said) > 1:
            places = sorted(said)
            in_order = [said.get(position, "") for position in range(places[0], places[-1] + 1)]
            near = nearness(self.asked.weights, in_order)
        return Hit(counts, match.length, near)
