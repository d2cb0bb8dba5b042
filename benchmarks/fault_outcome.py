"""Describe what one trial of the campaign showed."""

import os
import warnings
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple


class Outcome(NamedTuple):
    """What one trial showed; without any of it, the trial went well.

    Args:
        lost: acknowledged writes that are gone.
        hung: whether an attempt lasted 200 ms longer than its deadline, and than a bare process beside it that is
            killed at the deadline.
        leaked: processes that outlived their attempt, and secrets that were stored.
        wrong: whether a file is not whole, a gate let something through, or a lie was believed.
    """

    lost: int = 0
    hung: bool = False
    leaked: int = 0
    wrong: bool = False


# A trial takes its number, from 0 on, and a seed.
Trial = Callable[[int, int], Outcome]
# How often a rare state was reached: a campaign that never saw one means nothing.
seen: Counter[str] = Counter()


def fork() -> int:
    """Fork as `os.fork` does; the children of a trial use nothing that a thread of the parent may hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()
