"""Give tests the advice tables in both databases, with a real PostgreSQL behind one of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from memory_router.outcomes.memory import OutcomeMemory
from memory_router.outcomes.schema import SCHEMA
from memory_router.storage.database import Database, open_database
from tests.learning.conftest import empty_postgres, postgres_server, url

__all__ = ["empty_postgres", "postgres_server", "url"]

NOW = "2026-01-28T12:00:00.000Z"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Return the advice tables in each kind of database in turn."""
    opened = open_database(url, SCHEMA)
    yield opened
    opened.close()


@pytest.fixture
def advice(database: Database, tmp_path: Path) -> OutcomeMemory:
    """Return the advice of a team on 28 January 2026, at noon."""
    return OutcomeMemory(database, str(tmp_path / "learned-patterns.md"), str(tmp_path / "archive"), lambda: NOW)
