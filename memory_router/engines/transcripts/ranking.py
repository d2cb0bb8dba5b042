"""Search the turns of an archive, with the part of the conversation graph around what matches.

A turn alone says little: "a quarter of an hour, on the clock" answers a question that was asked two turns before.
So what matches around a turn counts for it, too.
"""

from collections.abc import Iterable, Mapping, Sequence

from memory_router.engines.transcripts.turn import ANY_TIME, SPEAKERS, Archive, Turn, TurnLink, TurnTerms, Window
from memory_router.engines.transcripts.turn import TurnMatch as Found
from memory_router.retrieval import search as core
from memory_router.retrieval.fulltext import RowMatch
from memory_router.retrieval.query import SCORED, Nats, Query, idf, understand, weighed
from memory_router.text import words
from memory_router.text.terms import stems

# How far around a turn what matches counts for it.
REACH = 2
# BM25's own parameters; columns beyond the third, such as a date, name a turn and do not belong to it.
_K1, _B = 1.2, 0.75
_OWN_COLUMNS = 3
NOTHING = Query("", (), 0, 1, {}, Nats({}), 0.0, 0)
_NO_MATCH = RowMatch(0)


class ArchiveWords:
    """What an archive knows about its words."""

    def __init__(self, archive: Archive) -> None:
        self.stems = stems
        self.count = archive.count()
        self.frequency = self.frequency_beside = archive.frequency

    def weight(self, word: str) -> float:
        """Return a word's idf."""
        return idf(self.count, self.frequency(word)) if self.stems(word) else 0.0


def understood(archive: Archive, text: str, question: words.Question) -> Query:
    """Look the words of a question up in an archive; the steps of its paths are searched as words.

    Args:
        archive: where it is to be asked.
        text: the question.
        question: the same, split, without its words of time.
    """
    steps = [part for path in question.paths for part in words.split_name(path)]
    return understand(ArchiveWords(archive), text, question, steps)


def looked_up(archive: Archive, terms: Sequence[str], budget: int | None = None) -> Query:
    """Look terms up in an archive.

    Args:
        archive: where they are to be searched for.
        terms: words.
        budget: about how many nodes are looked at.
    """
    return weighed(ArchiveWords(archive), terms, budget=budget)


class Field:
    """The part of a conversation graph around what matches a question."""

    def __init__(self, archive: Archive, query: Query, window: Window = ANY_TIME, candidates: int = 0) -> None:
        self.archive = archive
        self.query = query
        self.hits: dict[int, RowMatch] = {}
        self.previous: dict[int, int | None] = {}
        self.following: dict[int, list[int]] = {}
        self.attached: dict[int, list[int]] = {}
        self.roles: dict[int, str] = {}
        self.shown: dict[int, int] = {}
        self.turns: dict[int, Turn] = {}
        self.candidates: list[int] = []
        self._expanded: set[int] = set()
        self._spread: dict[int, int] = {}
        self._window = window
        if query.terms:
            terms = [term.text for term in query.terms]
            sought = TurnTerms(terms, terms[: query.choosing], query.terms[0].frequency > SCORED)
            matches = archive.matching(sought, window, candidates)
            average = max(1.0, sum(match.length for match in matches) / max(1, len(matches)))
            self.hits = {match.key: self._match(match, average) for match in matches}
            # A node next to a match is ranked, too, by the two turns on either side of it.
            self.spread(self.hits, 3)

    def load(self, keys: Iterable[int]) -> None:
        """Read turns that are not read yet."""
        missing = [key for key in dict.fromkeys(keys) if key not in self.turns]
        if missing:
            self.turns.update(self.archive.turns(missing))

    def expand(self, keys: Iterable[int]) -> None:
        """Load the edges of nodes and of those below them."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._expanded or key not in self.previous]
        if missing:
            self._expanded.update(missing)
            self._take(self.archive.edges(missing))

    def _take(self, edges: Iterable[TurnLink]) -> None:
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
        """Load what lies within some steps around nodes: their neighbours at once, the rest a level at a time."""
        frontier = set(keys)
        if fresh := [key for key in frontier if self._spread.get(key, 0) < steps]:
            self._spread.update(dict.fromkeys(fresh, steps))
            edges, whole = self.archive.surroundings(fresh, steps + 1)
            self._take(edges)
            self._expanded |= whole
        reached = set(frontier)
        for _ in range(steps):
            self.expand(frontier)
            above = {before for key in frontier if (before := self.previous.get(key)) is not None}
            frontier = (above | {max(self.following[key]) for key in frontier if key in self.following}) - reached
            reached |= frontier

    def role(self, key: int) -> str:
        """Return the role of a node."""
        if key not in self.roles:
            self.expand((key,))
        return self.roles.get(key, "")

    def hit(self, key: int) -> RowMatch:
        """Return what matched in a node."""
        return self.hits.get(key, _NO_MATCH)

    def above(self, key: int, steps: int) -> list[int]:
        """Return the turns that led to a node, the nearest first."""
        turns: list[int] = []
        if key not in self.previous:
            self.expand((key,))
        current = self.previous.get(key)
        while current is not None and len(turns) < steps and current not in turns and current != key:
            turns.append(current)
            if current not in self._expanded:
                self.expand((current,))
            current = self.previous.get(current)
        return turns

    def below(self, key: int, steps: int) -> list[int]:
        """Return the turns that came after a node, the nearest first; of several branches the last one went on."""
        turns: list[int] = []
        current = key
        while len(turns) < steps:
            if current not in self._expanded:
                self.expand((current,))
            children = self.following.get(current)
            if not children or max(children) in turns or max(children) == key:
                break
            current = max(children)
            turns.append(current)
        return turns

    def around(self, key: int, steps: int = REACH) -> list[int]:
        """Return the nodes near a node."""
        return [*self.above(key, steps), *self.below(key, steps), *self.attached.get(key, ())]

    def pool(self, wish: core.Wish) -> core.CandidatePool:
        """Return the candidates: matches, their neighbours, and the nearest by vectors.

        Args:
            wish: what the question says about time.
        """
        words_of = ArchiveWords(self.archive)
        candidates = set(self.hits)
        if self._window == ANY_TIME:  # else a neighbour of a match may lie outside
            candidates |= {neighbour for key in self.hits for neighbour in self.around(key, 1)}
        likeness = self.archive.likeness(self.query.text, words_of.weight, candidates, self._window)
        self.spread(likeness.of, 3)
        candidates = candidates | likeness.of.keys()
        self.load(candidates)
        self.candidates = [key for key in candidates if key in self.turns]
        latest = self.archive.latest()
        wish = wish._replace(now=min(wish.now, latest[0])) if latest else wish
        return core.gathered(
            self.query,
            self.hits,
            likeness,
            {key: self.around(key) for key in candidates},
            {key: core.Unit(_text(turn), turn.time) for key, turn in self.turns.items() if key in candidates},
            wish,
        )

    def by_score(self) -> list[tuple[int, float]]:
        """Return what matches with its BM25 as a share of the best one's, best first."""
        best = max((match.score for match in self.hits.values()), default=0.0) or 1.0
        return sorted(
            ((key, match.score / best) for key, match in self.hits.items()), key=lambda pair: (-pair[1], -pair[0])
        )

    def _match(self, found: Found, average: float) -> RowMatch:
        score, own, named = 0.0, 0, 0
        damped = _K1 * (1 - _B + _B * (found.length or average) / average)
        for term, columns in zip(self.query.terms, found.places, strict=True):
            often = sum(
                weight * len(places) for weight, places in zip(self.archive.column_weights, columns, strict=True)
            )
            score += term.idf * often * (_K1 + 1) / (often + damped)
            own |= term.bit if any(columns[:_OWN_COLUMNS]) else 0
            named |= term.bit if any(columns[_OWN_COLUMNS:]) else 0
        return RowMatch(found.key, score, own, named)


def _text(turn: Turn) -> str:
    return f"{turn.text}\n{turn.tools}".strip()


def support(query: Query, shares: Mapping[int, float], field: Field) -> float:
    """Return the weighted share of a question that some turns say together, in [0, 1].

    Args:
        query: the question.
        shares: how much what each node says counts, in [0, 1].
        field: where the nodes are.
    """
    reached: dict[int, float] = {}
    for key, share in shares.items():
        mask = field.hit(key).own
        reached |= {bit: max(share, reached.get(bit, 0.0)) for bit in query.weights if bit & mask}
    return sum(query.weights[bit] * share for bit, share in reached.items()) / (query.total or 1.0)
