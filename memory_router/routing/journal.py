"""Write `router.log`: a line for every fallback that an error caused, and for every timeout (seed 002).

[2026-03-17T14:30:00Z] FALLBACK query="auth" backend=cognee error_code=BACKEND_ERROR error_message="..." next=qmd
[2026-03-17T14:30:01Z] TIMEOUT query="auth" backend=qmd duration_ms=5230 next=totalrecall
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator

from memory_router.contract import JsonObject, iso_time
from memory_router.paths import make_private, shown

# Set in the environment of a command that runs in the background: what it was started as.
BACKGROUND = "MEMORY_ROUTER_BACKGROUND"
_MAX_BYTES = 2**20
_MAX_VALUE = 500


class Journal:
    """Append lines to the log, each whole, whoever else writes; the file before the last rotation is kept.

    Args:
        file: the path of `router.log`.
        now: the time in seconds since the epoch.
        max_bytes: the size above which the file is rotated to `router.log.1`.
    """

    def __init__(self, file: str, now: Callable[[], float] = time.time, max_bytes: int = _MAX_BYTES) -> None:
        self._file = file
        self._now = now
        self._max_bytes = max_bytes

    @property
    def file(self) -> str:
        """Return the path of the log, for messages."""
        return shown(self._file)

    def fallback(self, query: str, backend: str, code: str, message: str, following: str | None) -> None:
        """Record that `backend` ended in an error and what was asked next.

        Raises:
            OSError: the log cannot be written.
        """
        fields = f"error_code={_word(code)} error_message={_quoted(message)}"
        self._append(f"FALLBACK query={_quoted(query)} backend={_word(backend)} {fields} next={_word(following)}")

    def timeout(self, query: str, backend: str, duration_ms: int, following: str | None) -> None:
        """Record that `backend` did not answer in time and what was asked next.

        Raises:
            OSError: the log cannot be written.
        """
        fields = f"duration_ms={duration_ms}"
        self._append(f"TIMEOUT query={_quoted(query)} backend={_word(backend)} {fields} next={_word(following)}")

    def hook(self, event: str, outcome: str, **told: str | int | None) -> None:
        """Record in a log of hooks what one did.

        Args:
            event: `PROMPT` or `SESSION_END`.
            outcome: how it ended, in a word.
            told: what else there is to say; None is left out.

        Raises:
            OSError: the log cannot be written.
        """
        known = {name: value for name, value in told.items() if value is not None}
        fields = [f"{name}={value if isinstance(value, int) else _quoted(value)}" for name, value in known.items()]
        self._append(" ".join([event, f"outcome={_word(outcome)}", *fields]))

    def background(self, command: str, code: str, message: str) -> None:
        """Record that work which nobody waited for ended in an error.

        Args:
            command: what was run, such as `learn --quiet`.
            code: the error's code.
            message: what happened and what to do.

        Raises:
            OSError: the log cannot be written.
        """
        self._append(f"BACKGROUND command={_quoted(command)} error_code={_word(code)} error_message={_quoted(message)}")

    def _append(self, entry: str) -> None:
        line = f"[{iso_time(self._now())}] {entry}\n".encode()
        make_private(os.path.dirname(self._file))
        self._rotate()
        # O_APPEND and a single write: POSIX puts the whole line at the end, whoever else appends.
        log = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(log, line)
        finally:
            os.close(log)

    def _rotate(self) -> None:
        if not self._is_full():
            return
        lock = os.open(f"{self._file}.lock", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Somebody else may have rotated while this process waited; a second time would lose the first file.
            if self._is_full():
                os.replace(self._file, f"{self._file}.1")
        finally:
            os.close(lock)

    def _is_full(self) -> bool:
        try:
            return os.stat(self._file).st_size > self._max_bytes
        except FileNotFoundError:
            return False


def entries(file: str) -> Iterator[JsonObject]:
    """Yield the lines of a log as objects with `time`, `event` and what else they tell, the oldest first."""
    for path in (f"{file}.1", file):
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                yield from filter(None, map(_entry, stream))
        except OSError:
            continue


def _entry(line: str) -> JsonObject | None:
    match = _LINE.match(line)
    if not match:
        return None
    told = {name: _value(value) for name, value in _FIELD.findall(match["told"])}
    return {"time": match["time"], "event": match["event"], **told}


_LINE = re.compile(r"\[(?P<time>[^\]]+)\] (?P<event>[A-Z_]+) (?P<told>.*)")
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')


def _value(text: str) -> str | int:
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return int(text) if text.isdigit() else text


def _quoted(text: str) -> str:
    # Imported here because most answers log nothing.
    from memory_router.text.redaction import redact

    text = redact(text).text
    text = text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 3] + "..."
    # Only what is visible stays as it is: neither a line separator nor a terminal escape gets into the log.
    return "".join(
        char if char.isprintable() else json.dumps(char)[1:-1] for char in json.dumps(text, ensure_ascii=False)
    )


def _word(text: str | None) -> str:
    return "".join(char for char in text or "none" if char.isalnum() or char in "_-:.") or "none"
