"""The place of the archive of conversations: the data folder, to which an archive in the cache is moved."""

import os
from contextlib import closing, suppress

import apsw

from memory_router import paths
from memory_router.engines.transcripts.indexed import INSERT, indexed
from memory_router.storage.files import COMPANIONS, exclusive, make_file_private, replace_whole
from memory_router.storage.salvage import Salvaged, salvage
from memory_router.storage.sqlite import back_up, named_errors


def archive() -> str:
    """Return the user's archive, after moving it from where earlier versions kept it.

    Raises:
        StoreError: it is there and cannot be moved; it is whole in the place where it was.
    """
    path, earlier = paths.transcripts_db(), paths.earlier_transcripts_db()
    if os.path.exists(path) or not os.path.exists(earlier):
        return path
    with exclusive(path), exclusive(earlier), named_errors(earlier):
        if not os.path.exists(path) and os.path.exists(earlier):
            _move(earlier, path)
    return path


def mend(database: str) -> Salvaged:
    """Salvage a damaged archive, and make what is read searchable again; the caller holds its lock.

    Raises:
        StoreError: the folder cannot be written.
    """
    return salvage(database, _index_anew)


def _move(earlier: str, path: str) -> None:
    """Copy a database with what its log holds, and only then remove it: the two folders may be on different disks."""
    draft = f"{path}.{os.getpid()}.part"
    try:
        with closing(apsw.Connection(earlier)) as connection:
            make_file_private(draft)
            back_up(connection, draft)
        replace_whole(draft, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)
    for name in (earlier, *(earlier + companion for companion in COMPANIONS), f"{earlier}.lock"):
        with suppress(FileNotFoundError):
            os.unlink(name)


def _index_anew(connection: apsw.Connection) -> None:
    nodes = connection.execute("SELECT id, role, text, tools, ifnull(time, 0) FROM nodes ORDER BY id")
    with suppress(apsw.SQLError):  # an earlier schema: its migration fills the table
        connection.executemany(INSERT, (indexed(*node) for node in nodes))
