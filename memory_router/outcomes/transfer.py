"""Copy suggestions, outcomes and profiles from one database to another."""

from memory_router.outcomes.schema import TABLES
from memory_router.outcomes.store import OutcomeStore
from memory_router.storage import transfer
from memory_router.storage.database import Database
from memory_router.storage.transfer import Copied

# What waited here when it was copied may have been decided there since.
_DECIDED = """
    UPDATE config_suggestions SET
        status = (SELECT min(o.outcome) FROM suggestion_outcomes o
                  WHERE o.suggestion_id = config_suggestions.suggestion_id),
        decided_at = (SELECT min(o.decided_at) FROM suggestion_outcomes o
                      WHERE o.suggestion_id = config_suggestions.suggestion_id)
    WHERE status = 'pending'
    AND EXISTS (SELECT 1 FROM suggestion_outcomes o WHERE o.suggestion_id = config_suggestions.suggestion_id)
"""


def copy(source: Database, target: Database) -> list[Copied]:
    """Add what `target` lacks, in one transaction; profiles there follow from the outcomes of both.

    Raises:
        StoreError: a database cannot be used; the target is as it was.
    """
    outcomes = OutcomeStore(target)

    def settle() -> None:
        target.run(_DECIDED)
        for user in OutcomeStore(source).users():
            outcomes.index_tags(user)
            outcomes.recompute_within(user)

    return transfer.copy(source, target, TABLES, settle)
