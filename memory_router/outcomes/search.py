"""Find a user's outcomes by tags and by meaning: 0.7 cosine + 0.3 BM25 (seed 003, Phase 2: Hybrid Search).

Nothing is read in full. An index of tags gives the newest outcomes of each tag in the question; the signs of the
vectors, which stand in an index of their own, give the nearest of those recorded last; only these candidates are
compared in full. Vectors of another model than the installed one are left out until they are made anew.
"""

import json
import math
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from memory_router.outcomes.store import embedded, signed
from memory_router.outcomes.tags import tags
from memory_router.storage.database import Database, Row
from memory_router.text import embedding
from memory_router.text.request_vectors import model

_BY_MEANING, _BY_TAGS = 0.7, 0.3
# How many tags of a question are looked up, and how many outcomes each gives.
_MOST_TAGS, _OF_A_TAG = 8, 20
# Of how many outcomes, those recorded last, the signs are compared (1 ms), and how many of these are compared in full.
_COMPARED, _NEAREST = 5000, 40
_BITS = 256
# How many stale outcomes are embedded anew at a time.
BATCH = 50
MISSING = "Outcomes are found by their tags alone, since no model of meaning is installed. Run: {command}"

# Joined with '', a column cannot use an index: the better one is known here, whatever the planner expects.
_OF_TYPES = {
    "sqlite": "suggestion_type || '' IN (SELECT value FROM json_each(:types))",
    "postgresql": "suggestion_type || '' IN (SELECT jsonb_array_elements_text(CAST(:types AS jsonb)))",
}
_OF_OUTCOMES = {
    name: sql.replace("suggestion_type", "outcome").replace(":types", ":outcomes") for name, sql in _OF_TYPES.items()
}
_AMONG = {
    "sqlite": "IN (SELECT value FROM json_each(:candidates))",
    "postgresql": "IN (SELECT CAST(jsonb_array_elements_text(CAST(:candidates AS jsonb)) AS bigint))",
}
_BITS_APART = {
    "sqlite": "vec_distance_hamming(vec_bit(signature), vec_bit(:signature))",
    "postgresql": "bit_count(signature # CAST(:signature AS bit(256)))",
}
_COSINE = {
    "sqlite": "1 - vec_distance_cosine(embedding, :vector)",
    "postgresql": "1 - (embedding <=> CAST(:vector AS vector))",
}


class OutcomeSelection(NamedTuple):
    """Conditions on outcomes.

    Args:
        user_id: whose.
        types: of which types; of any if empty.
        outcomes: what became of them; anything if empty.
        limit: the largest number.
    """

    user_id: str
    types: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    limit: int = 20

    def condition(self, database: Database) -> str:
        """Return what a statement has to ask for besides the user, beginning with AND."""
        kinds = f" AND {_OF_TYPES[database.dialect]}" if self.types else ""
        return kinds + (f" AND {_OF_OUTCOMES[database.dialect]}" if self.outcomes else "")

    def values(self) -> dict[str, Any]:
        """Return the values of the condition's parameters."""
        given = {"types": self.types, "outcomes": self.outcomes}
        return {"user": self.user_id, **{name: json.dumps(values) for name, values in given.items() if values}}


class ScoredOutcome(NamedTuple):
    """An outcome that was found, and how well it fits, from 0 to 1."""

    row: Row
    score: float


def fitting(database: Database, text: str, wanted: OutcomeSelection) -> list[ScoredOutcome]:
    """Return the outcomes that fit a text, the best first.

    Args:
        database: the advice tables.
        text: what is looked for, in any words.
        wanted: whose, and which.
    """
    terms = tags(text)[:_MOST_TAGS]
    vector = _vector(database, text)
    numbers = _by_tags(database, terms, wanted)
    numbers |= _by_meaning(database, vector, wanted) if vector else set()
    rows = _compared(database, numbers, vector, wanted)
    if not rows:
        return []
    likeness = _bm25(terms, [row["tags"].split() for row in rows])
    share = _BY_TAGS if vector else 1.0
    matches = [
        ScoredOutcome(row, (1 - share) * _cosine(row) + share * by_tags)
        for row, by_tags in zip(rows, likeness, strict=True)
    ]
    matches.sort(key=lambda match: (-match.score, -match.row["outcome_id"]))
    return [match for match in matches if match.score > 0][: wanted.limit]


def compares_meaning(database: Database) -> bool:
    """Return whether outcomes can be compared by meaning here: word vectors and a way to compare them are installed."""
    return embedding.load() is not None and database.compares_vectors()


def _vector(database: Database, text: str) -> "array[float] | None":
    """Return what a text means, or None where nothing can be compared with it."""
    if not compares_meaning(database):
        return None
    vector = model().embed(text.replace("_", " "))
    return vector if any(vector) else None


def _by_tags(database: Database, asked: Sequence[str], wanted: OutcomeSelection) -> set[int]:
    sql = (
        "SELECT outcome_id FROM outcome_tags WHERE user_id = :user AND tag = :tag"  # noqa: S608 - our own columns
        f"{wanted.condition(database)} ORDER BY outcome_id DESC LIMIT :most"
    )
    values = wanted.values() | {"most": _OF_A_TAG}
    return {row["outcome_id"] for tag in asked for row in database.rows(sql, values | {"tag": tag})}


def _by_meaning(database: Database, vector: "array[float]", wanted: OutcomeSelection) -> set[int]:
    """Return the outcomes recorded last whose signs differ least from a vector's."""
    sql = f"""
        SELECT outcome_id, {_BITS_APART[database.dialect]} AS apart FROM (
            SELECT outcome_id, signature, suggestion_type, outcome FROM suggestion_outcomes
            WHERE user_id = :user AND embedding_model = :model ORDER BY outcome_id DESC LIMIT :compared
        ) AS latest WHERE signature IS NOT NULL{wanted.condition(database)} ORDER BY apart LIMIT :nearest
    """  # noqa: S608 - our own columns
    values = wanted.values() | {"signature": signed(vector, database.dialect), "model": model().name}
    return {row["outcome_id"] for row in database.rows(sql, values | {"compared": _COMPARED, "nearest": _NEAREST})}


def _compared(
    database: Database, numbers: set[int], vector: "array[float] | None", wanted: OutcomeSelection
) -> list[Row]:
    """Return candidates with their tags, and with cosine and differing signs where there is a vector."""
    measured = ""
    values: dict[str, Any] = {"user": wanted.user_id, "candidates": json.dumps(sorted(numbers))}
    if vector:
        is_ours = "embedding_model = :model"
        measured = (
            f", CASE WHEN {is_ours} AND embedding IS NOT NULL THEN {_COSINE[database.dialect]} END AS cosine"
            f", CASE WHEN {is_ours} THEN {_BITS_APART[database.dialect]} END AS apart"
        )
        values |= {"vector": vector, "signature": signed(vector, database.dialect), "model": model().name}
    return database.rows(
        "SELECT outcome_id, suggestion_type, suggestion_value, outcome, created_at, tags"  # noqa: S608
        f"{measured} FROM suggestion_outcomes WHERE user_id || '' = :user AND outcome_id {_AMONG[database.dialect]}",
        values,
    )


def _cosine(row: Row) -> float:
    """Return how alike an outcome is; of a compacted one, as far as its signs tell (M. Charikar 2002)."""
    if row.get("cosine") is not None and math.isfinite(row["cosine"]):
        return max(float(row["cosine"]), 0.0)
    if row.get("apart") is None:
        return 0.0
    return max(math.cos(math.pi * row["apart"] / _BITS), 0.0)


def _bm25(asked: Sequence[str], documents: list[list[str]]) -> list[float]:
    """Return how well tags fit, each from 0 to 1: what a document scores of what the question itself would score."""
    if not asked:
        return [0.0] * len(documents)
    from rank_bm25 import BM25Plus  # type: ignore[import-untyped] # it imports numpy

    scores = BM25Plus([*documents, list(asked), [""]]).get_scores(list(asked))
    # The last one holds no tag of the question: what everybody gets.
    floor, best = float(scores[-1]), float(scores[-2])
    return [min(max((float(score) - floor) / (best - floor), 0.0), 1.0) for score in scores[:-2]]


def renew(database: Database, user_id: str, most: int = BATCH) -> int:
    """Embed a user's stale outcomes with the installed model; return how many were.

    Of a compacted outcome, what is left of it is embedded, and only the signs are kept.

    Args:
        database: the advice tables.
        user_id: whose.
        most: the largest number.
    """
    name = model().name
    # Two ranges rather than <>, so that the index leads to them.
    rows = database.rows(
        "SELECT outcome_id, suggestion_type, suggestion_value, user_reason, evidence_summary, archive"
        " FROM suggestion_outcomes WHERE user_id = :user AND (embedding_model < :model OR embedding_model > :model)"
        " LIMIT :most",
        {"user": user_id, "model": name, "most": most},
    )
    if not rows:
        return 0
    made = []
    for row in rows:
        vector = embedded(row["suggestion_type"], row["suggestion_value"], row["user_reason"], row["evidence_summary"])
        kept = None if row["archive"] else vector
        bits = signed(vector, database.dialect)
        made.append({"id": row["outcome_id"], "vector": kept, "bits": bits, "model": name})
    with database.transaction():
        database.run_all(
            "UPDATE suggestion_outcomes SET embedding = :vector, signature = :bits, embedding_model = :model"
            " WHERE outcome_id = :id",
            made,
        )
    return len(made)
