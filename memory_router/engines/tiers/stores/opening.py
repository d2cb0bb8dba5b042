"""Open the store that a URL names, and know which one is the user's."""

from memory_router import paths
from memory_router.engines.tiers.stores.protocol import Store
from memory_router.errors import ConfigError
from memory_router.storage.database import missing_driver


def read_own() -> Store | None:
    """Open the user's store to be read; return None before it is made.

    Raises:
        ConfigError: the configuration cannot be read, or the driver of a server is missing.
        StoreError: the store cannot be reached or used.
    """
    from memory_router.engines.tiers.store import MemoryStore

    file = paths.memory_file()
    return MemoryStore.open_read_only(file) if file else open_store(None)


def open_store(url: str | None) -> Store:
    """Open the store at `url`: `memory:`, `sqlite:PATH`, `postgresql://...` or `redis://...`; None is the user's own.

    Raises:
        ConfigError: no store is meant by `url`, or the package that it needs is not installed.
        StoreError: the store cannot be reached or used.
    """
    url = paths.memory_store() if url is None else url
    scheme = url.partition(":")[0]
    if scheme == "memory":
        from memory_router.engines.tiers.stores.in_process import InProcessStore

        return InProcessStore()
    if file := paths.file_of(url):
        from memory_router.engines.tiers.store import MemoryStore

        return MemoryStore.open(file)
    if scheme in ("postgresql", "postgres"):
        try:
            from memory_router.engines.tiers.stores.postgres import PostgresStore
        except ImportError as error:
            raise missing_driver("PostgreSQL", "postgres") from error
        return PostgresStore(url)
    if scheme in ("redis", "rediss", "unix"):
        try:
            from memory_router.engines.tiers.stores.redis import RedisStore
        except ImportError as error:
            raise missing_driver("Redis", "redis") from error
        return RedisStore(url)
    raise ConfigError(
        f"{scheme!r} names no store.", "Use memory:, sqlite:PATH, postgresql://HOST/NAME or redis://HOST/NUMBER."
    )
