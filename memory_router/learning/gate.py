"""Stand before questions that need approval, and cost nothing before all others."""

from collections.abc import Sequence

from memory_router.contract import JsonObject


class ApprovalGate:
    """Open the database of approvals only when a question needs one: most never do.

    Args:
        url: the database.
        minutes: for how long an approval can be given and used.
    """

    def __init__(self, url: str, minutes: int) -> None:
        self._url = url
        self._minutes = minutes

    def check(self, query: str, needed_by: Sequence[str], *, escalate: bool, approval: str | None) -> JsonObject:
        """Return who approved `query` and when (see `ApprovalStore.check`)."""
        from memory_router.learning.approvals import ApprovalStore
        from memory_router.learning.schema import SCHEMA
        from memory_router.storage.database import open_database

        database = open_database(self._url, SCHEMA)
        try:
            return ApprovalStore(database, self._minutes).check(query, needed_by, escalate=escalate, approval=approval)
        finally:
            database.close()
