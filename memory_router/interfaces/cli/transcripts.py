"""Import conversations: `memory-router index --transcripts`."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from memory_router import app
from memory_router.errors import MemoryRouterError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.tables import print_table

if TYPE_CHECKING:
    from memory_router.engines.transcripts.importing import ImportReport


def import_transcripts(paths: Sequence[str], as_json: bool) -> None:
    """Import transcripts of Claude Code and OpenClaw, and print what was new.

    Args:
        paths: folders or files; none looks where these programs keep them.
        as_json: print JSON also on a terminal.
    """
    report = _import(paths)
    output.show(report._asdict(), lambda: _print_report(report), as_json=as_json)


def import_what_hosts_keep() -> None:
    """Import the transcripts that lie in the standard places, if there are any, and say how many messages they hold."""
    if not app.indexing.standard_places():
        return
    try:
        report = _import(())
    except MemoryRouterError as error:  # what is in the way of an import is in nobody else's way
        output.note(f"Conversations were not imported: {error}")
        return
    if report.added:
        output.note(f"{report.added:,} messages of {report.sessions:,} sessions were imported.")


def _import(paths: Sequence[str]) -> "ImportReport":
    from memory_router.interfaces.cli import progress

    listener = progress.of_import()
    try:
        with listener.shown:
            report = app.indexing.import_transcripts(paths, listener)
    except KeyboardInterrupt:
        output.note("Interrupted. What was imported stays; run it again to go on from there.")
        sys.exit(130)
    return report


def _print_report(report: "ImportReport") -> None:
    if not report.places and not report.sessions:
        output.say("No transcripts were found. Name their folder:\n  memory-router index --transcripts PATH")
        return
    counts = [(name.replace("_", " "), f"{getattr(report, name):,}") for name in
              ("files", "read", "added", "repeated", "unreadable_lines")]  # fmt: skip
    skipped = [(f"skipped: {reason}", f"{count:,}") for reason, count in report.skipped.items()]
    unreadable = [(f"cannot be read: {path}", reason) for path, reason in report.unreadable.items()]
    print_table(("transcripts", ""), [*counts, *skipped, *unreadable])
    for note in report.notes:
        output.say(note)
    output.say(f"{report.messages:,} messages of {report.sessions:,} sessions can be searched.")
    print(f"{report.added:,} were added; {_rate(report.added, report.seconds)}.")
    if report.embedded:
        print(f"{report.embedded:,} vectors were made; {_rate(report.embedded, report.embedding_seconds)}.")


def _rate(count: int, seconds: float) -> str:
    return f"{seconds:.2f} s, {count / max(seconds, 0.01):,.0f} a second"
