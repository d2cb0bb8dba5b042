"""Put candidates in order by everything that speaks for them: words, likeness of meaning, and cues.

`search` takes its candidates from full text and `vsearch` from vectors; `query` takes both. The order is a weighted
sum, since a sum over the whole range keeps what ranks alone throw away: how much better one passage is than the next.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import apsw

from memory_router.engines.documents import ranking
from memory_router.engines.documents.ranking import Asked, Match
from memory_router.engines.documents.timing import of_the_time
from memory_router.text.cues import cues, sought
from memory_router.text.relevance import Evidence

if TYPE_CHECKING:
    from memory_router.engines.documents.vectors import Vectors

SEARCH, VSEARCH, QUERY = "search", "vsearch", "query"

# More candidates found no more (recall@10 of 50, 100 and 200 of each kind on LoCoMo development questions).
_CANDIDATES = 50
# What being of the time that the question names adds: a hint, never a condition, since what is said of a day need not
# have been said on it. On LoCoMo development questions recall@10 rises from 0.807 to 0.811; 1.0 does little more.
_TIMELY = 0.5
# A model that reads whole sentences tells more by its likeness than vectors of words, for which `ORDER` was fitted.
_SENTENCES = 2.0


class Signs(NamedTuple):
    """Hold what speaks for a passage, each about in [0, 1].

    Args:
        bm25: its BM25 as a share of the best one's.
        own: share of the question in the passage itself.
        wide: the same with its neighbours, title and path.
        known: the same in the store as a whole.
        near: how close the words stand together.
        defines: 1 if it defines an asked name.
        likeness: cosine of the vectors; 0 without any.
        speaker: 1 if somebody speaks whom the question names.
        time: 1 if a time is asked for and told.
        asks: 1 if it ends in a question.
        length: 0 for a few words, 1 for several lines.
        words: logarithm of how many words of the question count.
        told: what those words tell together: 1 is what some passage of so large an index covers by accident.
        surprise: what `wide` covers of it beyond that.
    """

    bm25: float = 0.0
    own: float = 0.0
    wide: float = 0.0
    known: float = 0.0
    near: float = 0.0
    defines: float = 0.0
    likeness: float = 0.0
    speaker: float = 0.0
    time: float = 0.0
    asks: float = 0.0
    length: float = 0.0
    words: float = 0.0
    told: float = 0.0
    surprise: float = 0.0


# What each sign adds to a score, in which the best BM25 counts 1: fitted to put right passages of LoCoMo development
# questions above all others of their pool, five folds by conversation agree; `defines` by hand.
ORDER: Mapping[str, Signs] = {
    SEARCH: Signs(bm25=1.0, wide=0.95, defines=1.0, speaker=0.62, time=0.52, asks=-0.19, length=0.3),
    VSEARCH: Signs(wide=1.2, likeness=2.1, defines=1.0, speaker=0.58, time=0.56, asks=-0.18, length=0.42),
    QUERY: Signs(bm25=1.0, wide=1.2, likeness=2.3, defines=1.0, speaker=0.9, time=0.85, asks=-0.27, length=0.55),
}


class Ranked(NamedTuple):
    """Hold a chunk's id with its score and what speaks for it; `mode` says what it was ranked by."""

    chunk: int
    score: float
    signs: Signs
    mode: str


def ranked(
    connection: apsw.Connection,
    question: str,
    asked: Asked,
    mode: str,
    vectors: "Vectors | None",
    limit: int,
    chunks: Sequence[int] | None = None,
) -> list[Ranked]:
    """Return the chunks that answer a question, best first.

    Args:
        connection: an open index that went through `ranking.prepare`.
        question: as it was asked.
        asked: the same as the index sees it.
        mode: `search`, `vsearch` or `query`.
        vectors: needed for all modes but `search`.
        limit: how many at the most.
        chunks: ids of the only chunks that may answer, or None for all.
    """
    pool = max(_CANDIDATES, limit)
    found = ranking.matches(connection, asked, pool, chunks)
    # A name is found by its definition; likeness of meaning would only put other names above it.
    if vectors is None or any(match.defines for match in found):
        return _ordered(connection, question, asked, SEARCH, found, {})[:limit]
    vector = vectors.of(question)
    likeness = vectors.nearest(vector, pool, chunks)
    known = {match.chunk for match in found}
    likeness.update(vectors.likeness(vector, [chunk for chunk in known if chunk not in likeness]))
    found += ranking.matches_among(connection, asked, [chunk for chunk in likeness if chunk not in known])
    trust = _SENTENCES if vectors.reads_sentences else 1.0
    return _ordered(connection, question, asked, mode, found, likeness, trust)[:limit]


def _ordered(
    connection: apsw.Connection,
    question: str,
    asked: Asked,
    mode: str,
    found: Sequence[Match],
    likeness: Mapping[int, float],
    trust: float = 1.0,
) -> list[Ranked]:
    wanted = sought(question)
    by_chunk = {match.chunk: match for match in found}
    best = max((match.score for match in found), default=0.0) or 1.0
    nothing = Evidence(0.0, 0.0, asked.known)
    weights = ORDER[mode]._replace(likeness=trust * ORDER[mode].likeness)
    words = math.log(max(1, len(asked.weights)))
    # A passage holds words of so many nats (their idf) with a probability of exp(-nats): one of N does at log(N).
    accident = math.log(max(2, int(connection.execute("SELECT chunks FROM totals").get)))
    told = sum(asked.weights.values()) / accident
    all_ranked = []
    candidates = by_chunk.keys() | likeness.keys()
    timely = of_the_time(connection, question, candidates) if mode == QUERY else frozenset()
    chunks = json.dumps(list(candidates))
    for chunk, text in connection.execute(
        "SELECT c.id, c.text FROM json_each(?) wanted JOIN chunks c ON c.id = wanted.value", (chunks,)
    ):
        match = by_chunk.get(chunk) or Match(chunk, 0.0, nothing, False)
        own, wide, known, near = match.evidence
        signs = Signs(
            match.score / best,
            own,
            wide,
            known,
            near,
            float(match.defines),
            likeness.get(chunk, 0.0),
            *cues(wanted, text),
            words,
            told,
            max(0.0, wide * told - 1),
        )
        score = sum(map(float.__mul__, weights, signs)) + _TIMELY * (chunk in timely)
        all_ranked.append(Ranked(chunk, score, signs, mode))
    return sorted(all_ranked, key=lambda one: (-one.score, one.chunk))
