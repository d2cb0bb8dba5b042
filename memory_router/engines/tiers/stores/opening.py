"""Open the store that a URL names."""

from memory_router import paths
from memory_router.engines.tiers.stores.protocol import Store
from memory_router.errors import ConfigError
from memory_router.storage.database import missing_driver


def open_store(url: str | None) -> Store:
    """Open the store at `url`: `memory:`, `sqlite:PATH`, `postgresql://...` or `redis://...`; None is `memory.db`.

    Raises:
        ConfigError: no store is meant by `url`, or the package that it needs is not installed.
        StoreError: the store cannot be reached or used.
    """
    scheme, _, rest = (url if url is not None else f"sqlite:{paths.memory_db()}").partition(":")
    if scheme == "memory":
        from memory_router.engines.tiers.stores.in_process import InProcessStore

        return InProcessStore()
    if scheme == "sqlite" and rest:
        from memory_router.engines.tiers.store import MemoryStore

        return MemoryStore.open(rest.removeprefix("//"))
    if scheme in ("postgresql", "postgres"):
        try:
            from memory_router.engines.tiers.stores.postgres import PostgresStore
        except ImportError as error:
            raise missing_driver("PostgreSQL", "postgres") from error
        return PostgresStore(str(url))
    if scheme in ("redis", "rediss", "unix"):
        try:
            from memory_router.engines.tiers.stores.redis import RedisStore
        except ImportError as error:
            raise missing_driver("Redis", "redis") from error
        return RedisStore(str(url))
    raise ConfigError(
        f"{scheme!r} names no store.", "Use memory:, sqlite:PATH, postgresql://HOST/NAME or redis://HOST/NUMBER."
    )
