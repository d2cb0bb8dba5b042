"""How the snapshots run every command: with what arguments, in which home, and what differs from run to run."""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memory_router.interfaces.cli.commands import app
from memory_router.learning.account import account
from tests.conftest import Outcome

NOTES = {
    "billing.md": "# Billing\n\nInvoices are sent on the first working day of the month.\n",
    "incidents.md": "# Incidents\n\n## 12 March\n\nThe queue stood still because the disk of the broker was full.\n",
    "tides.py": 'def tide_offset(gauge: str) -> float:\n    """Return how far a gauge is off."""\n    return 0.3\n',
}
# What a snapshot shows does not depend on how busy the machine is.
UNHURRIED = {"version": 1, "deadlines": {"default_ms": 60_000}}
FACT = "We chose Postgres over MySQL for its row-level security"
LATER = "We chose Postgres over MySQL for row-level security"
FILLED = (
    ("backends", "init", "--tier", "starter"),
    ("index", "notes"),
    ("remember", FACT, "--tag", "decision"),
    ("rules", "add", "handle the payroll files", "--to", "totalrecall", "--requires-approval"),
    ("outcomes", "suggest", "--type", "add_topic", "--value", "tides", "--reason", "asked often"),
    ("outcomes", "record", "--type", "add_topic", "--value", "ports", "--outcome", "accepted"),
)
# What each command is run with; one that is not here runs without arguments.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "setup": ("--dry-run",),
    "query": ("why was the disk of the broker full",),
    "remember": (LATER, "--tag", "decision"),
    "index": ("notes",),
    "suggestions show": ("9",),
    "suggestions accept": ("9", "--yes"),
    "suggestions reject": ("9",),
    "suggestions undo": ("9", "--yes"),
    "forget": ("--tag", "decision", "--dry-run"),
    "get": ("MEMORY", "qmd:no-such-id"),
    "window": ("--export", "no-such-folder/window.html"),
    "memories recall": ("postgres",),
    "memories history": ("MEMORY",),
    "memories promote": ("MEMORY",),
    "memories demote": ("MEMORY",),
    "memories tiers": ("--audit", "2"),
    "memories import": ("memories.jsonl",),
    "memories export": ("exported.jsonl",),
    "memories backup": ("copy.db",),
    "rules add": ("what the harbour master wants", "--to", "qmd:search"),
    "rules edit": ("RULE", "--to", "qmd:search"),
    "rules approve": ("RULE",),
    "rules reject": ("RULE",),
    "rules disable": ("RULE",),
    "rules remove": ("RULE", "--yes"),
    "rules show": ("RULE",),
    "rules test": ("handle the payroll files",),
    "rules route": ("why did we choose Postgres",),
    "rules executions show": ("no-such-id",),
    "rules executions rate": ("no-such-id", "5"),
    "rules executions purge": ("--older-than", "90", "--yes"),
    "rules dream": ("--dry-run",),
    "rules amendments revert": ("no-such-id",),
    "rules approvals approve": ("no-such-id",),
    "rules approvals deny": ("no-such-id",),
    "outcomes suggest": ("--type", "add_topic", "--value", "cranes"),
    "outcomes decide": ("1", "accepted"),
    "outcomes record": ("--type", "add_topic", "--value", "cranes", "--outcome", "rejected", "--reason", "too many"),
    "outcomes search": ("ports",),
    "outcomes show": ("1",),
    "outcomes compact": ("--dry-run",),
    "backends test": ("no-such-backend",),
    "backends init": ("--tier", "starter"),
    "backends eval": ("--questions", "1"),
    "backends graph show": ("tide_offset",),
    "backends db copy": ("sqlite:no-such.db", "sqlite:other.db", "--yes"),
    "agents mcp": ("--http", "--listen", "nowhere"),
    "agents mcp install": ("--client", "cursor", "--dry-run"),
    "agents skill install": ("--claude", "--dry-run"),
    "agents hooks session-end": ("--transcript", "no-such-session.jsonl"),
}
# What answers a host's event ends its process, so that it has to have one.
EVENTS = {f"agents hooks {name}" for name in ("session-start", "prompt", "tool", "compaction")}

_VARYING = (
    (r"dream-\d{4}-\d\d-\d\d-[\d:]+", "dream-TIME"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?Z?", "TIME"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\b[0-9a-f]{12}-\d+-[0-9a-f]{6}\b", "PASSAGE"),
    (r"\b(?=[a-f]*\d)[0-9a-f]{8,64}\b", "ID"),
    (r'("\w*(?:_ms|seconds|bytes|size|age|pid|at|days_ago)": )[\d.e-]+', r"\1N"),
    (r"\d+(?:\.\d+)+", "N"),
    (r"\d+ (ms|s|min|h|d)\b", r"N \1"),
    (r"by week  +\S+", "by week  WEEKS"),
    (r"\d+ days ago", "N days ago"),
    (r"\(\d[\d,]* bytes\)", "(N bytes)"),
    (r'"host": "[^"]*"', '"host": "MACHINE"'),
    (rf'\b{re.escape(account())}\b(?!": )', "USER"),
)


class _Stream(io.TextIOWrapper):
    """A stream of the process that may be a terminal."""

    def __init__(self, content: bytes = b"", *, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8", write_through=True)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def text(self) -> str:
        return bytes(self.buffer.getvalue()).decode()  # type: ignore[attr-defined]


def run(arguments: tuple[str, ...], *, at_terminal: bool, typed: str = "") -> Outcome:
    """Run the command line in this process.

    Args:
        arguments: what is typed after `memory-router`.
        at_terminal: whether stdin and stdout are a terminal of 80 columns.
        typed: what is typed when the command asks.
    """
    out, err = _Stream(is_terminal=at_terminal), _Stream()
    with _streams(_Stream(typed.encode(), is_terminal=at_terminal), out, err, ["memory-router", *arguments]):
        try:
            app(list(arguments), prog_name="memory-router")
            code = 0
        except SystemExit as error:
            code = int(error.code or 0)
    return Outcome(code, out.text(), err.text())


@contextmanager
def _streams(*streams: Any) -> Iterator[None]:
    names = ("stdin", "stdout", "stderr", "argv")
    kept = [getattr(sys, name) for name in names]
    for name, stream in zip(names, streams, strict=True):
        setattr(sys, name, stream)
    try:
        yield
    finally:
        for name, stream in zip(names, kept, strict=True):
            setattr(sys, name, stream)


def lasting(text: str, home: Path) -> str:
    """Return what a command printed with stable words for what differs from run to run and from machine to machine.

    Args:
        text: what it printed.
        home: the home folder of the run.
    """
    root = Path(__file__).parents[2]
    for path, name in ((home, "HOME"), (root, "PROGRAM"), (Path(sys.executable).parent, "BIN")):
        text = text.replace(os.path.realpath(path), name).replace(str(path), name)
    for pattern, word in _VARYING:
        text = re.sub(pattern, word, text)
    # Columns are as wide as what stands in them.
    return re.sub(r"(?<=\S) {2,}", "  ", re.sub(r" +$", "", text, flags=re.MULTILINE))
