"""Ask the next step already while the one before it is silent (hedged requests; Dean and Barroso, The Tail at Scale).

The chain's order still decides: the answer is the one that asking in turn would have given, only sooner. What is
still being asked when the answer is known is superseded, and its backend is ended.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from memory_router.routing.config import Step
from memory_router.routing.course import Ask
from memory_router.routing.envelope import Attempt


def hedged(
    steps: Sequence[Step],
    prepare: Callable[[Step], Ask | None],
    is_accepted: Callable[[Attempt], bool],
    delay_ms: int,
) -> Iterator[tuple[int, Attempt]]:
    """Ask `steps`, each in a thread, and yield every attempt with its position as it ends, superseded ones last.

    A step begins when the one before it has ended unaccepted, or has been silent for `delay_ms`; none begins once
    an answer is there that could be accepted.

    Args:
        steps: what to ask, in order.
        prepare: gives what asks a step under the time that is left, or None when none is left.
        is_accepted: says whether an attempt ends the search.
        delay_ms: how long a step may be silent before the next one begins.
    """
    ended: dict[int, Attempt] = {}
    arrivals: queue.SimpleQueue[tuple[int, Attempt | BaseException]] = queue.SimpleQueue()
    threads: list[threading.Thread] = []
    # A pipe whose writing end is closed is readable for everybody at once.
    stop, stopping = os.pipe()

    def arrive(wait_seconds: float | None) -> tuple[int, Attempt]:
        position, attempt = arrivals.get(timeout=wait_seconds)
        if isinstance(attempt, BaseException):
            raise attempt
        ended[position] = attempt
        return position, attempt

    def run(position: int, ask: Ask) -> None:
        try:
            arrivals.put((position, ask(stop)))
        except BaseException as error:  # it is raised again where the attempts are awaited
            arrivals.put((position, error))

    try:
        for position, step in enumerate(steps):
            ask = prepare(step)
            if ask is None:
                break
            thread = threading.Thread(target=run, args=(position, ask))
            thread.start()
            threads.append(thread)
            next_begins = time.monotonic() + delay_ms / 1000
            while position not in ended and not any(map(is_accepted, ended.values())):
                try:
                    yield arrive(max(0.0, next_begins - time.monotonic()))
                except queue.Empty:
                    break
            if any(map(is_accepted, ended.values())):
                break
        while not _is_decided(ended, len(threads), is_accepted):
            yield arrive(None)
    finally:
        os.close(stopping)
        for thread in threads:
            thread.join()
        os.close(stop)
    while len(ended) < len(threads):
        yield arrive(None)


def _is_decided(ended: Mapping[int, Attempt], begun: int, is_accepted: Callable[[Attempt], bool]) -> bool:
    """Say whether an attempt is accepted and all before it are not, or all have ended unaccepted."""
    for position in range(begun):
        if position not in ended:
            return False
        if is_accepted(ended[position]):
            return True
    return True
