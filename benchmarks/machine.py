"""Say on which machine and with which versions a benchmark ran, and summarise its samples."""

import os
import platform
import statistics
from collections.abc import Sequence

import apsw

from memory_router import __version__

# A benchmark measures what it names: without a warm process, but for the one that measures that.
os.environ.setdefault("MEMORY_ROUTER_RESIDENT", "off")
# The first run compiles the modules, as on any user's machine; a workplace may have switched that off.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def heading(title: str) -> str:
    """Return the first lines of a benchmark's output."""
    with open("/proc/cpuinfo", encoding="utf-8") as stream:
        models = [line.split(":", 1)[1].strip() for line in stream if line.startswith("model name")]
    cpu = models[0] if models else platform.machine()
    return (
        f"{title}\n{cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {platform.system()} "
        f"{platform.release()}; Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}, "
        f"memory-router {__version__}\n"
    )


def spread(samples: Sequence[float]) -> str:
    """Return median, 5th and 95th percentile of `samples`."""
    ordered = sorted(samples)
    low, high = ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]
    return f"{statistics.median(samples):8.2f}  ({low:.2f} to {high:.2f})"
