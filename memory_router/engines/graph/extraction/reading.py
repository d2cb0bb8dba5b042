"""Choose the reader for a text."""

import os

from memory_router.engines.graph.extraction import grammars, manifests, prose, python
from memory_router.engines.graph.facts import Definition, Facts, Source, shown

_MAX_BYTES = 2 * 1024 * 1024  # the document index holds no larger files


def facts(source: Source) -> Facts | None:
    """Return what a text states, or None if its file is gone."""
    if source.text is not None:
        return prose.facts(source, source.text)
    try:
        # O_NOFOLLOW and O_NONBLOCK: what was a file when it was indexed may be a link or a pipe by now.
        with open(os.open(source.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            raw = file.read(_MAX_BYTES)
    except OSError:
        return None
    try:
        return _stated(source, raw)
    except RecursionError:
        return _unreadable(source, "it nests too deeply")


def _stated(source: Source, raw: bytes) -> Facts:
    if source.language == "python":
        return python.facts(source, raw)
    if b"\0" in raw:
        return _unreadable(source, "it is not UTF-8 text")
    text = raw.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    read = manifests.facts(source, text) or grammars.facts(source, text)
    if read is not None:
        return read
    problem = "its language has no grammar here" if grammars.is_code(source.language) else ""
    return prose.facts(source, text)._replace(problem=problem)


def _unreadable(source: Source, reason: str) -> Facts:
    path = shown(source.path, source.root)
    return Facts([Definition("document", os.path.basename(path), path, "", 1, 1)], problem=reason)
