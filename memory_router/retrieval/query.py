"""Turn a question into weighted terms, as one store sees them.

A word counts by how rare it is in the store (idf). The rarest words choose the candidates, the frequent ones only help
to put them in order, so that a store a hundred times as large is hardly slower.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

from memory_router.text import words

_MAX_TERMS = 64
_MAX_CHARACTERS = 4000  # A question is a line; of a pasted page the beginning says what it is about.
_MAX_NAME_WORDS = 6
# Rows whose BM25 is computed: those of the rarest words, as many of them as fit.
SCORED = 2500
# Entries of posting lists that one question walks. A word beyond it is a stop word of this store.
_WALKED = 100_000
# Of the words of most rows (their idf in the probabilistic model is negative, Robertson and Sparck Jones 1976), those
# that tell less than this share of a question together are not looked for, as they cost more than all others.
_COMMON, _SPARED = math.log(2), 0.1
# In a store this many times larger than what is scored, frequent words are left out that would have told more, so more
# candidates are put in order.
_LARGE = 20 * SCORED
_WIDER = 3
# Among a handful of texts every word looks common; rarity is judged as if there were this many.
_FEWEST = 100
# In a smaller store everything would look like more than an accident, and a made-up question be accepted.
_FEW_ROWS = 30


def idf(document_count: int, document_frequency: int) -> float:
    """Return how much a word tells: Lucene's non-negative form of the BM25 idf, in nats.

    Args:
        document_count: texts in the searched store.
        document_frequency: texts among them that hold the word; 0 gives the largest value.
    """
    return math.log(1 + (document_count - document_frequency + 0.5) / (document_frequency + 0.5))


class Vocabulary(Protocol):
    """What a store knows about its words."""

    @property
    def count(self) -> int:
        """How many rows the store has."""

    def stems(self, text: str) -> list[str]:
        """Cut a text into stems as the store's index does."""

    def frequency(self, term: str) -> int:
        """Count the rows that hold a term themselves."""

    def frequency_beside(self, term: str) -> int:
        """Count the rows that hold a term or are indexed with a neighbour that does."""


class Term(NamedTuple):
    """One word, name or phrase that a question asks for and the store holds.

    Args:
        text: the term as full text is asked for it; a final `*` matches any ending.
        key: its stem or stems.
        frequency: how many rows hold it, alone or in a neighbour.
        idf: its weight in BM25.
        bit: its place in masks of covered terms (a power of two), or 0 if it only ranks.
        is_name: whether a row may define it.
    """

    text: str
    key: str
    frequency: int
    idf: float
    bit: int
    is_name: bool


class Nats(dict[int, float]):
    """The weight of each mask of terms, added up once.

    Args:
        weights: idf by bit.
    """

    def __init__(self, weights: Mapping[int, float]) -> None:
        super().__init__()
        self._weights = weights

    def __missing__(self, mask: int) -> float:
        self[mask] = nats = sum([weight for bit, weight in self._weights.items() if bit & mask])
        return nats


class Query(NamedTuple):
    """A question as one store sees it.

    Args:
        text: the question as it was asked, cut to a few thousand characters.
        terms: what the store holds of it, rarest first.
        choosing: how many of the terms, from the first on, choose the candidates.
        wider: how many times as many candidates as needed are scored.
        weights: idf by bit, of all terms that count, also of those that stand nowhere.
        nats: the weight of the terms in a mask.
        total: the weight of all terms together, in nats.
        rows: how many rows the store has.
        has_code: whether the question names an identifier of code.
    """

    text: str
    terms: tuple[Term, ...]
    choosing: int
    wider: int
    weights: Mapping[int, float]
    nats: Nats
    total: float
    rows: int
    has_code: bool = False

    def share(self, mask: int) -> float:
        """Return the weighted share of the question that a mask covers, in [0, 1]."""
        return self.nats[mask] / self.total if self.total else 0.0

    def whole(self, mask: int) -> float:
        """Return 1 divided by the number of words if a mask covers all of them, else 0."""
        return 1 / len(self.weights) if self.weights and mask == sum(self.weights) else 0.0


def understand(
    vocabulary: Vocabulary, text: str, question: words.Question | None = None, also: Iterable[str] = ()
) -> Query:
    """Look the words of a question up in a store.

    Args:
        vocabulary: the store's words.
        text: the question; no part of it is read as a query language.
        question: the same, split, if that was done before.
        also: further words to look for, such as those of a path that names no file.
    """
    text = text[:_MAX_CHARACTERS]
    question = question or words.parse(text)
    parts = [part for name in question.identifiers for part in name.parts]
    joined = [name.joined for name in question.identifiers] or _spelt_out(vocabulary, question)
    plain = [*joined, *question.words, *parts, *also]
    uncounted = {*joined, *question.phrases} - {name.joined for name in question.identifiers if name.is_code}
    query = weighed(vocabulary, [*list(dict.fromkeys(plain))[:_MAX_TERMS], *question.phrases], uncounted, joined)
    return query._replace(text=text, has_code=any(name.is_code for name in question.identifiers))


def weighed(
    vocabulary: Vocabulary,
    terms: Sequence[str],
    uncounted: Iterable[str] = (),
    names: Iterable[str] = (),
    budget: int | None = None,
) -> Query:
    """Weigh terms by how rare they are in a store.

    Args:
        vocabulary: the store's words.
        terms: words and phrases; those without a stem are left out.
        uncounted: those of them that rank but are not missed where they are missing.
        names: those of them that a row may define.
        budget: how many rows the terms that choose the candidates may stand in together; `SCORED` if None.
    """
    uncounted, names = set(uncounted), set(names)
    keys = {term: " ".join(vocabulary.stems(term)) for term in dict.fromkeys(terms)}
    keys = {term: f"{key}*" if term.endswith("*") else key for term, key in keys.items() if key}
    beside = {term: vocabulary.frequency_beside(term) for term in keys}
    rarest_first = sorted(keys, key=beside.__getitem__)
    kept = rarest_first[: max(1, _within([beside[term] for term in rarest_first], _WALKED))]
    count = max(_FEWEST, vocabulary.count)
    if vocabulary.count > SCORED:
        nats = {term: idf(count, vocabulary.frequency(term)) for term in kept if beside[term]}
        spared = _SPARED * sum(nats.values())
        while len(kept) > 1 and (least := nats.get(kept[-1], math.inf)) <= min(_COMMON, spared):
            spared -= least
            kept.pop()
    bits: dict[str, int] = {}
    weights: dict[int, float] = {}
    for term in kept:
        if term in uncounted or keys[term] in bits:
            continue
        bit = bits[keys[term]] = 1 << len(bits)
        weights[bit] = idf(count, vocabulary.frequency(term))
    held = tuple(
        Term(term, keys[term], beside[term], idf(count, beside[term]), bits.get(keys[term], 0), term in names)
        for term in kept
        if beside[term]
    )
    budget = SCORED if budget is None else budget
    few = vocabulary.count <= budget
    choosing = len(held) if few else max(1, _within([term.frequency for term in held], budget))
    wider = _WIDER if choosing < len(held) and vocabulary.count > _LARGE else 1
    return Query("", held, choosing, wider, weights, Nats(weights), sum(weights.values()), vocabulary.count)


def _spelt_out(vocabulary: Vocabulary, question: words.Question) -> list[str]:
    """Return the name that a few words without separators spell, if the store holds it: `yard store`."""
    name = "".join(question.words)
    is_name = 1 < len(question.words) <= _MAX_NAME_WORDS and vocabulary.stems(name) and vocabulary.frequency(name)
    return [name] if is_name else []


def _within(frequencies: Sequence[int], budget: int) -> int:
    """Return how many of the terms, from the first on, stand in no more rows than the budget together."""
    return sum(total <= budget for total in accumulate(frequencies))


def surprise(query: Query, mask: int) -> float:
    """Return how unlikely it is that some row covers a mask by accident: 1 is what one of all rows does.

    A row holds words of a given number of nats (their idf) with a probability of exp(-nats); one of N does at log(N).
    """
    return query.nats[mask] / math.log(max(_FEW_ROWS, query.rows))
