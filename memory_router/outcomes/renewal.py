"""Embed outcomes anew whose vectors come from another model than the installed one, some at a time."""

from memory_router.outcomes.store import embedded, signed
from memory_router.storage.database import Database
from memory_router.text.request_vectors import model

BATCH = 50


def renew(database: Database, user_id: str, most: int = BATCH) -> int:
    """Embed a user's stale outcomes with the installed model; return how many were.

    Of a compacted outcome, what is left of it is embedded, and only the signs are kept.

    Args:
        database: the advice tables.
        user_id: whose.
        most: how many at the most.
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
