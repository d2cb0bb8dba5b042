"""Draw docs/images/terminal.svg from a real run: a memory of three notes and a fact, and two questions to it.

With `--check` it writes nothing, and exit code 1 means that the picture is stale; times and relevances may differ.
"""

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "terminal.svg"
COLUMNS = 80
NOTES = {
    "billing.md": "# Billing\n\nInvoices are sent on the first working day of the month.\n",
    "incidents.md": "# Incidents\n\n## 12 March\n\nThe queue stood still because the disk of the broker was full.\n",
    "deploying.md": "# Deploying\n\nRun `make release`, then watch the error rate for ten minutes.\n",
}
QUIET = (
    ("init",),
    ("index", "notes"),
    ("remember", "We chose Postgres over MySQL for its row-level security", "--tag", "decision"),
)
SHOWN = (("query", "why did we choose Postgres"), ("query", "why was the disk of the broker full"), ("status",))


def main() -> int:
    """Write the picture, or with `--check` compare it; return the exit code."""
    drawn = draw()
    if "--check" not in sys.argv[1:]:
        PICTURE.write_text(drawn, "utf-8")
        return 0
    return 0 if lasting(drawn) == lasting(PICTURE.read_text("utf-8")) else 1


def draw() -> str:
    """Return the picture of a run in a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        for name, text in NOTES.items():
            file = Path(home, "notes", name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, "utf-8")
        environment = {
            "HOME": home,
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "COLUMNS": str(COLUMNS),
            "LINES": "24",
            "MEMORY_ROUTER_RESIDENT": "off",
            "MEMORY_ROUTER_MEANING": "off",
        }
        for arguments in QUIET:
            run(arguments, environment)
        told = [
            f"\x1b[1m$ memory-router {_quoted(arguments)}\x1b[0m\n{run(arguments, environment)}" for arguments in SHOWN
        ]
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi("\n".join(told)))
    picture = console.export_svg(title="memory-router", unique_id="terminal")
    # Whoever looks at the picture asks no other server for a font.
    return re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)


def run(arguments: tuple[str, ...], environment: dict[str, str]) -> str:
    """Run a command on a terminal of its own and return what it prints there."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "memory_router", *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=environment["HOME"],
    ):
        os.close(follower)
        told = b""
        while chunk := _read(leader):
            told += chunk
    os.close(leader)
    return told.decode().replace("\r\n", "\n")


def lasting(picture: str) -> list[str]:
    """Return the words of a picture that the next run must show again."""
    words = re.sub(r"<[^>]*>", " ", picture.partition("<g class")[2])
    words = re.sub(r"0\.\d\d|\d+&#160;ms|\d{4}-\d\d-\d\d|totalrecall:\w+|qmd:\w+-\w+-\w+", "", words)
    return words.split()


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 2**16)
    except OSError:  # the program ended
        return b""


def _quoted(arguments: tuple[str, ...]) -> str:
    return " ".join(f'"{argument}"' if " " in argument else argument for argument in arguments)


if __name__ == "__main__":
    sys.exit(main())
