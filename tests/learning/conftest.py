"""Give tests the learning tables in both databases, with a real PostgreSQL behind one of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from memory_router.learning.execution import AttemptRecord, Execution
from memory_router.learning.schema import SCHEMA
from memory_router.storage.database import Database, open_database
from tests.engines.tiers import servers

NOW = 1_790_000_000.0


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Return the URL of a PostgreSQL that runs as long as the tests do."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(servers.postgres())
        except servers.MissingServerError as missing:
            pytest.skip(str(missing))
        yield url


@pytest.fixture
def empty_postgres(postgres_server: str) -> str:
    """Return the URL of a PostgreSQL without a table in it."""
    import psycopg

    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute("DROP EXTENSION IF EXISTS vector")
    return postgres_server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of each kind of database in turn, empty."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path}/memory.db"
    return str(request.getfixturevalue("empty_postgres"))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Return the learning tables in each kind of database in turn."""
    opened = open_database(url, SCHEMA)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Callable[[], float]:
    """Return a clock that stands still."""
    return lambda: NOW


def attempt(step: str, *, accepted: bool, duration_ms: int = 40, cost_usd: float = 0.0) -> AttemptRecord:
    """Return an attempt that was accepted or came back empty."""
    status, relevance = ("success", 0.8) if accepted else ("empty", 0.0)
    return AttemptRecord(step, status, relevance, duration_ms, 5000, None, accepted, cost_usd)


def execution(number: int, request: str, *attempts: AttemptRecord, **changes: object) -> Execution:
    """Return an execution of a request; by default one that its first step answered."""
    tried = attempts or (attempt("qmd:search", accepted=True),)
    blank = Execution(
        id=f"{number:016x}",
        user_request=request,
        routing_path=tuple(one.step for one in tried),
        routing_confidence=0.7,
        status="success" if any(one.accepted for one in tried) else "failed",
        duration_ms=sum(one.duration_ms for one in tried),
        cost_usd=sum(one.cost_usd for one in tried),
        user_satisfaction=None,
        governance_check=None,
        started_at=NOW - 1000 + number,
        should_retry_with_different_path=False,
        source="table",
        rule="ambiguous",
        similarity=None,
        attempts=tried,
        project=None,
        asked_by="katie",
    )
    return blank._replace(**changes)  # type: ignore[arg-type]
