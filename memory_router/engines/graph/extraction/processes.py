"""Read many texts in processes of their own, in the order in which they are given.

A process lives from the pipe that it reads from: it ends with the one that started it, however that ends. One that
dies early costs nothing: what it was to read is read here instead.
"""

import gc
import marshal
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import IO, Any, cast

from memory_router.engines.graph.extraction import reading
from memory_router.engines.graph.facts import Definition, Facts, Reference, Source

_BATCH = 50  # texts that are given at a time
_WORTH_IT = 250  # texts; fewer are read before processes have started (0.1 s each, a text takes 3 ms)
_MOST = 8  # processes; one writer does not keep up with more

Read = list[tuple[Source, Facts | None]]


def read(sources: Sequence[Source], count: int | None = None) -> Generator[Read, None, None]:
    """Yield texts with what they state, a batch at a time; close the iterator to end what it started.

    Args:
        sources: the texts.
        count: how many processes read them; none reads them here. By default as many as there are cores, if it is
            worth it.
    """
    if count is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        count = min(cores, _MOST) if len(sources) >= _WORTH_IT and cores > 1 else 0
    batches = [sources[start : start + _BATCH] for start in range(0, len(sources), _BATCH)]
    workers = _started(min(count, len(batches)))
    try:
        for worker, batch in zip(workers, batches, strict=False):
            worker.give(batch)
        for number, batch in enumerate(batches):
            if not workers:
                yield [(source, reading.facts(source)) for source in batch]
                continue
            worker = workers[number % len(workers)]
            facts = worker.take()
            if number + len(workers) < len(batches):
                worker.give(batches[number + len(workers)])
            yield list(zip(batch, facts or map(reading.facts, batch), strict=True))
    finally:
        for worker in workers:
            worker.end()


def _started(count: int) -> "list[_Worker]":
    """Start `count` processes, or as many as the system allows."""
    workers: list[_Worker] = []
    with suppress(OSError):
        while len(workers) < count:
            workers.append(_Worker())
    return workers


class _Worker:
    """One process; it has at most one batch, so that neither side ever waits for the other to read."""

    def __init__(self) -> None:
        # `-P`: the folder that is indexed may be the current one, and hold modules of any name.
        command = [sys.executable, "-P", "-m", __spec__.name]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        self._in, self._out = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)

    def give(self, batch: Sequence[Source]) -> None:
        """Read a batch in another process."""
        with suppress(OSError):
            _send(self._in, [tuple(source) for source in batch])

    def take(self) -> list[Facts | None] | None:
        """Return what the texts of the batch state, or None if the process is gone."""
        try:
            told = _receive(self._out)
        except (EOFError, OSError):
            return None
        return [_facts(plain) if plain else None for plain in told]

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def _facts(told: tuple[Any, ...]) -> Facts:
    definitions, references, bindings, problem = told
    return Facts(list(map(Definition._make, definitions)), list(map(Reference._make, references)), bindings, problem)


def _plain(facts: Facts | None) -> tuple[Any, ...] | None:
    """Return facts without types of ours, which take ten times as long to write and to read."""
    if facts is None:
        return None
    definitions, references, bindings, problem = facts
    return list(map(tuple, definitions)), list(map(tuple, references)), dict(bindings), problem


def _send(pipe: IO[bytes], told: Any) -> None:
    raw = marshal.dumps(told)
    pipe.write(len(raw).to_bytes(8) + raw)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    """Return what the other side sent; raise `EOFError` if it is gone."""
    size = pipe.read(8)
    raw = pipe.read(int.from_bytes(size))
    if len(size) < 8 or len(raw) < int.from_bytes(size):
        raise EOFError
    return marshal.loads(raw)  # noqa: S302  # both ends are this program


def _serve() -> None:
    """Read batches until the one who gives them is gone."""
    gc.freeze()
    gc.disable()  # syntax trees are many objects, and hardly any cycles
    with suppress(EOFError, OSError):
        while True:
            batch = [Source._make(fields) for fields in _receive(sys.stdin.buffer)]
            _send(sys.stdout.buffer, [_plain(reading.facts(source)) for source in batch])
            gc.collect()


if __name__ == "__main__":
    _serve()
