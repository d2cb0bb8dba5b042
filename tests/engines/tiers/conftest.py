"""Give tests every kind of store, each empty, with real servers behind it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from memory_router.engines.tiers import (
    EphemeralPolicy,
    MemoryConfig,
    MemorySystem,
    PersistentPolicy,
    Router,
    SessionPolicy,
)
from memory_router.engines.tiers.stores.opening import open_store
from memory_router.engines.tiers.stores.protocol import Store
from tests.engines.tiers import servers

_T = TypeVar("_T")
Make = Callable[..., MemorySystem]
KINDS = ("memory", "sqlite", "postgres", "redis")


class Clock:
    """Say what time it is; tests set it, so nobody sleeps."""

    def __init__(self, now: float = 1_760_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time in seconds since the epoch."""
        return self.now

    def pass_(self, *, days: float = 0, hours: float = 0, seconds: float = 0) -> None:
        """Let time go by."""
        self.now += days * 86_400 + hours * 3600 + seconds


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run asynchronous code to its end."""
    return asyncio.run(coroutine)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Make:
    """Return what makes a system in this process."""

    def system(*, without: tuple[str, ...] = (), router: Router | None = None, **config: Any) -> MemorySystem:
        kinds = {"ephemeral": EphemeralPolicy, "session": SessionPolicy, "persistent": PersistentPolicy}
        policies = {name: kind(store="memory:") for name, kind in kinds.items() if name not in without}
        return MemorySystem(MemoryConfig(**(policies | config)), router=router, clock=clock)

    return system


def _running(server: Any) -> Iterator[str]:
    with ExitStack() as stack:
        try:
            url = stack.enter_context(server())
        except servers.MissingServerError as missing:
            pytest.skip(str(missing))
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Return the URL of a PostgreSQL that runs as long as the tests do."""
    yield from _running(servers.postgres)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Return the URL of a Redis that runs as long as the tests do."""
    yield from _running(servers.redis)


@pytest.fixture
def url_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Return what gives the URL of an empty store by its kind."""

    def url(kind: str) -> str:
        if kind == "memory":
            return "memory:"
        if kind == "sqlite":
            return f"sqlite:{tmp_path}/memory.db"
        address: str = request.getfixturevalue(f"{kind}_url")
        if kind == "postgres":
            import psycopg

            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("DROP SCHEMA public CASCADE")
                connection.execute("CREATE SCHEMA public")
        else:
            import redis

            with redis.Redis.from_url(address) as client:
                client.flushall()
        return address

    return url


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Return each kind of store in turn."""
    return str(request.param)


@pytest.fixture
def store(kind: str, url_of: Callable[[str], str]) -> Iterator[Store]:
    """Return an empty store of each kind."""
    opened = open_store(url_of(kind))
    yield opened
    opened.close()
