"""Keep the full form of compacted outcomes in files that are proved to be whole before anything is dropped.

A file is named by the digest of what it holds: writing the same outcomes again, after a run that was interrupted,
gives the same file, and nobody mistakes half a file for a whole one.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator, Sequence

from memory_router.contract import JsonObject
from memory_router.errors import AdviceError, StoreError
from memory_router.paths import shown
from memory_router.storage.files import write_whole


def write(folder: str, entries: Sequence[JsonObject]) -> str:
    """Write entries to a file of `folder`, read it again, and return its name once it is proved to be whole.

    Args:
        folder: where archives lie; it is created for this user alone.
        entries: what JSON can hold, one a line.

    Raises:
        StoreError: the file cannot be written, or does not hold what was written.
    """
    lines = [json.dumps(entry, ensure_ascii=False, sort_keys=True).encode() + b"\n" for entry in entries]
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    name = f"outcomes-{digest[:16]}.jsonl.gz"
    path = os.path.join(folder, name)
    try:
        write_whole(path, gzip.compress(b"".join(lines), mtime=0))
        with gzip.open(path) as stream:
            read = stream.readlines()
    except (OSError, EOFError) as error:
        raise StoreError(
            f"The archive {shown(path)} cannot be written ({error}).", "Check free disk space; nothing was dropped."
        ) from error
    if len(read) != len(entries) or hashlib.sha256(b"".join(read)).hexdigest() != digest:
        raise StoreError(
            f"The archive {shown(path)} does not hold what was written to it.", "Check the disk; nothing was dropped."
        )
    return name


def read(folder: str, name: str) -> Iterator[JsonObject]:
    """Yield the entries of an archive.

    Raises:
        AdviceError: it is not there, or damaged.
    """
    path = os.path.join(folder, os.path.basename(name))
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            yield from map(json.loads, stream)
    except (OSError, EOFError, ValueError) as error:
        raise AdviceError(
            f"The archive {shown(path)} cannot be read ({error}).",
            "It lies on the machine that compacted; or in a backup.",
        ) from error
