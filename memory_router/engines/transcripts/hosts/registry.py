"""The hosts that keep sessions on this machine, and which of them wrote a file."""

import os
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import apsw

from memory_router.engines.transcripts.hosts import (
    claude_code,
    codex,
    cursor,
    cursor_store,
    gemini,
    hermes,
    openclaw,
    opencode,
)
from memory_router.engines.transcripts.record import Record


class HostReader(Protocol):
    """Turn the records of one session into ours."""

    host: str

    def read(self, raw: Mapping[str, Any], line: int) -> Iterator[Record]:
        """Yield what a record says."""


class Host(Protocol):
    """A program that keeps sessions, and where."""

    NAME: str
    TITLE: str

    def places(self) -> list[str]:
        """Return where it keeps them, whether these places exist or not."""

    def keeps(self, name: str) -> bool:
        """Return whether a file of that name holds sessions."""


class DatabaseHost(Protocol):
    """Read the database of a host: by these tables it is known, and `ROWS` is the one with the messages."""

    NAME: str
    TABLES: frozenset[str]
    ROWS: str

    def rows(self, connection: apsw.Connection, after: int) -> Iterator[tuple[int, list[Record]]]:
        """Yield what the rows after one say, with their numbers."""


HOSTS: tuple[Host, ...] = (claude_code, openclaw, codex, gemini, cursor, opencode, hermes)
# In this order: the more particular a record is, the earlier.
_OF_LINES = (codex, gemini, opencode, claude_code, cursor, openclaw)
_OF_DATABASES: tuple[DatabaseHost, ...] = (openclaw, opencode, cursor, cursor_store, hermes)


def places() -> dict[str, Host]:
    """Return the folders and files in which hosts keep sessions, whether they exist or not."""
    return {place: host for host in HOSTS for place in host.places()}


def standard_places() -> dict[str, Host]:
    """Return the folders and files in which hosts keep their sessions on this machine; only those that exist."""
    return {place: host for place, host in places().items() if os.path.exists(place)}


def keeps(name: str) -> bool:
    """Return whether a file of that name may hold sessions of any host."""
    return name.endswith(".jsonl") or any(host.keeps(name) for host in HOSTS)


def reader_of(path: str, first: Mapping[str, Any]) -> HostReader | None:
    """Return what reads a file of records, by one of its first ones; None if that belongs to no host."""
    owner = next((host for host in _OF_LINES if host.is_ours(first)), None)
    return owner.Reader(path, first) if owner else None


def database_of(connection: apsw.Connection) -> DatabaseHost | None:
    """Return the host that writes a database; None if it is nobody's."""
    tables = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return next((host for host in _OF_DATABASES if tables >= host.TABLES), None)
