"""Describe the tables of a room and every step they took; one scheme for all rooms, engines and both databases.

Each database counts the migrations of each room in its table `schema_versions`. A room is an engine or another part
of the program that owns tables; several rooms share `memory.db`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from memory_router.errors import NewerStoreError
from memory_router.paths import shown

if TYPE_CHECKING:
    import apsw

Dialect = Literal["sqlite", "postgresql"]
Row = dict[str, Any]

# The index repeats the table on a page of its own: a damaged page cannot take both.
VERSIONS = """
    CREATE TABLE IF NOT EXISTS schema_versions(room TEXT PRIMARY KEY, version INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS schema_versions_copy ON schema_versions(room, version)
"""
VERSION = "SELECT version FROM schema_versions WHERE room = :room"
SET_VERSION = (
    "INSERT INTO schema_versions(room, version) VALUES (:room, :version)"
    " ON CONFLICT (room) DO UPDATE SET version = excluded.version"
)


class Moment(float):
    """A time in seconds since the epoch, for a column that is a timestamp in PostgreSQL and is read as seconds."""


class Migration(NamedTuple):
    """One step that a schema took; a released one is never changed.

    Args:
        sqlite: SQL, or a function that is called with the connection inside the transaction.
        postgresql: SQL; empty for rooms that live in SQLite alone.
    """

    sqlite: "str | Callable[[apsw.Connection], None]"
    postgresql: str = ""


class Schema(NamedTuple):
    """The tables of one room.

    Args:
        room: whose tables they are; the database counts each room's migrations by this name.
        migrations: every step the schema ever took, oldest first.
        precious: whether they hold what cannot be rebuilt: then each commit outlives a power cut, and the file is
            copied before it is migrated.
        counted_by_file: whether earlier versions of the program counted this room's migrations in `user_version`.
    """

    room: str
    migrations: tuple[Migration, ...]
    precious: bool = True
    counted_by_file: bool = False

    def to_do(self, version: int, database: str) -> tuple[Migration, ...]:
        """Return the migrations that a database of `version` lacks.

        Args:
            version: how many were done.
            database: what messages call the database.

        Raises:
            NewerStoreError: more were done than this program knows.
        """
        if version > len(self.migrations):
            raise NewerStoreError(
                f"The tables of {self.room} in {database} have schema {version}, and this program knows "
                f"{len(self.migrations)}.",
                "Update memory-router, or point it at another database. Nothing was changed.",
            )
        return self.migrations[version:]


def without_password(url: str) -> str:
    """Return a database's URL as messages may show it."""
    if url.startswith("sqlite:"):
        return shown(url.removeprefix("sqlite:"))
    from urllib.parse import urlsplit  # a question to a file does not wait for it

    parts = urlsplit(url)
    host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    return f"{parts.scheme}://{host}{parts.path}"
