"""Find what a backend started and left behind in a group or session of its own, and kill it.

Every backend gets a random mark in its environment, which its children inherit. Linux shows the environment and the
parent of each process of the same user under `/proc`, so a child that called `setsid`, or whose parent ended, is found
by its mark, and one without the mark by its parent. Elsewhere (macOS) nothing is found: there only the process group
ends. A program that both clears its environment and detaches from its parent escapes on every system.
"""

import contextlib
import os
import signal
from collections.abc import Iterable

VARIABLE = "MEMORY_ROUTER_ATTEMPT"
# Each round kills what the last one left; a program that starts new processes faster than that is not waited for.
_ROUNDS = 20


def new_mark() -> str:
    """Return a mark that no other process carries; it begins with this process's own mark, if it has one."""
    own, random = os.environ.get(VARIABLE), os.urandom(8).hex()
    return f"{own}.{random}" if own else random


def find(mark: str, backend: int) -> list[int]:
    """Return the processes that carry a mark, or one that begins with it, or descend from a backend.

    Args:
        mark: the value of VARIABLE that the backend was given.
        backend: its process id; it is not among those that are returned.
    """
    sought = f"{VARIABLE}={mark}".encode()
    family = {backend}
    for pid in _newer_than(backend):
        with contextlib.suppress(OSError, ValueError):
            if _parent(pid) in family or sought in _environment(pid):
                family.add(pid)
    return sorted(family - {backend})


def kill(processes: Iterable[int], mark: str, backend: int) -> None:
    """Kill processes, and whatever with the mark came into being meanwhile.

    Args:
        processes: what `find` returned before the backend's own group was killed.
        mark: the value of VARIABLE that the backend was given.
        backend: its process id.
    """
    for _ in range(_ROUNDS):
        for pid in processes:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        processes = find(mark, backend)
        if not processes:
            return


def _newer_than(backend: int) -> list[int]:
    """Return the ids of the processes that were started after a backend, in the order of their numbers."""
    try:
        with open("/proc/loadavg", encoding="ascii") as stream:
            newest = int(stream.read().split()[4])  # proc_loadavg(5): the id that was given last
        running = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except (OSError, ValueError, IndexError):
        return []
    if newest >= backend:
        return sorted(pid for pid in running if backend < pid <= newest)
    # The numbers began anew meanwhile.
    return sorted(pid for pid in running if pid > backend) + sorted(pid for pid in running if pid <= newest)


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat", "rb") as stream:
        # proc_pid_stat(5): the name, which may hold anything, stands in parentheses before the state and the parent.
        state, parent = stream.read().rpartition(b")")[2].split()[:2]
    if state == b"Z":
        raise ProcessLookupError(pid)
    return int(parent)


def _environment(pid: int) -> bytes:
    with open(f"/proc/{pid}/environ", "rb") as stream:
        return stream.read()
