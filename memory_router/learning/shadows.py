"""Keep what other backends answered to questions whose answer was poor: evidence that costs nobody a wait."""

import time
from collections.abc import Callable
from typing import NamedTuple

from memory_router.storage.database import Database


class Shadow(NamedTuple):
    """The answer of a backend that was asked a question again, in the background.

    Args:
        execution_id: the question's execution.
        backend: who was asked.
        relevance: the normalized relevance of its answer; 0 without a result.
    """

    execution_id: str
    backend: str
    relevance: float


class ShadowStore:
    """Keep shadow questions in the learning tables of a database.

    Args:
        database: the learning tables.
        now: the time in seconds since the epoch.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    def add(self, shadow: Shadow) -> None:
        """Store an answer; a backend is asked each question once."""
        self._database.run(
            "INSERT INTO shadows(id, execution_id, backend, relevance, asked_at)"
            " VALUES (:id, :execution_id, :backend, :relevance, :now) ON CONFLICT (id) DO NOTHING",
            {**shadow._asdict(), "id": f"{shadow.execution_id} {shadow.backend}", "now": self._now()},
        )

    def all(self) -> list[Shadow]:
        """Return every answer, the oldest first."""
        rows = self._database.rows("SELECT execution_id, backend, relevance FROM shadows ORDER BY asked_at, id", {})
        return [Shadow(**row) for row in rows]
