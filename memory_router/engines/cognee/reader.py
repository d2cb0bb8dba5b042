"""Answer Cypher from graph files, for a process that cannot open them itself: a script of its own, on Cognee's Python.

One JSON object a line on stdin (`path`, `cypher`, `parameters`, `milliseconds`), one on stdout (`rows` or `error`).
Files are opened for reading only, so that Cognee may hold them open at the same time.
"""

import importlib
import json
import os
import sys
import time
from typing import Any

_MEMORY = 256 * 2**20  # bytes of its cache; by default it would take most of the machine's memory


def main() -> None:
    """Answer until stdin closes."""
    wire = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    opened: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer: dict[str, Any] = {"rows": _rows(opened, **request)}
        except Exception as error:  # the process boundary: whatever the library raises is an answer
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        wire.write(json.dumps(answer, default=str) + "\n")
        wire.flush()


def _rows(
    opened: dict[str, Any], path: str, cypher: str, parameters: dict[str, Any], milliseconds: int
) -> list[list[Any]]:
    if path not in opened:
        opened[path] = _opened(path, time.monotonic() + milliseconds / 1000)
    opened[path].set_query_timeout(milliseconds)
    rows: list[list[Any]] = opened[path].execute(cypher, parameters).get_all()
    return rows


def _opened(path: str, ends: float) -> Any:
    library = _library()
    while True:
        try:
            return library.Connection(library.Database(path, read_only=True, buffer_pool_size=_MEMORY))
        except RuntimeError as error:
            # For a moment at the end of each of its writes Cognee lets nobody in.
            if "checkpoint is in progress" not in str(error) or time.monotonic() >= ends:
                raise
            time.sleep(0.01)


def _library() -> Any:
    try:
        return importlib.import_module("ladybug")
    except ImportError:
        return importlib.import_module("kuzu")  # its former name


if __name__ == "__main__":
    main()
