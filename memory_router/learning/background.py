"""Learn in a process of its own, so that no answer waits for it."""

import sys
from contextlib import suppress


def learn_later() -> None:
    """Start `memory-router learn` and leave it alone; one that finds another at work ends at once."""
    # Imported here because most answers start nothing.
    import subprocess

    with suppress(OSError):  # no room for a process: the next batch is as good
        subprocess.Popen(
            [sys.executable, "-m", "memory_router", "learn", "--quiet"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
