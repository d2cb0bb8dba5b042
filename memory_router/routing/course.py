"""Ask the steps of a plan in turn, or side by side if the configuration says so."""

from collections.abc import Callable, Iterator, Sequence

from memory_router.routing.config import Step
from memory_router.routing.envelope import Attempt

# Asks one step, and gives up when the descriptor becomes readable.
Ask = Callable[[int | None], Attempt]


def course(
    steps: Sequence[Step],
    prepare: Callable[[Step], Ask | None],
    is_accepted: Callable[[Attempt], bool],
    delay_ms: int | None,
) -> Iterator[tuple[int, Attempt]]:
    """Yield attempts with their positions as they end, until one is accepted or no time is left.

    Args:
        steps: what to ask, in order.
        prepare: gives what asks a step under the time that is left, or None when none is left.
        is_accepted: says whether an attempt ends the search.
        delay_ms: how long a step may be silent before the next one begins, too; None to wait for its end.
    """
    if delay_ms is not None:
        from memory_router.routing.hedging import hedged

        yield from hedged(steps, prepare, is_accepted, delay_ms)
        return
    for position, step in enumerate(steps):
        ask = prepare(step)
        if ask is None:
            return
        attempt = ask(None)
        yield position, attempt
        if is_accepted(attempt):
            return
