"""`memory-router index`: bring the document index up to date."""

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from memory_router import installation
from memory_router.engines.documents.indexing import Listener, Report
from memory_router.engines.documents.indexing import index as bring_up_to_date
from memory_router.interfaces.cli import output, upkeep
from memory_router.interfaces.cli.graph import follow_index
from memory_router.interfaces.cli.parameters import AsJson, Yes
from memory_router.interfaces.cli.transcripts import import_transcripts
from memory_router.paths import backends_file

_INTERRUPTED = (
    "Interrupted. Every file that was finished stays indexed and can be searched;"
    " run `memory-router index` again to go on from there."
)

_NOT_REGISTERED = "No backend is registered yet, so no question reaches this index. Run: memory-router init"


def index(
    paths: Annotated[list[Path] | None, typer.Argument(help="Folders or files; none refreshes all known ones.")] = None,
    as_json: AsJson = False,
    status: Annotated[
        bool, typer.Option("--status", help="Only say what is indexed, how old it is, and what changed since.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep indexing as files change, until Ctrl-C.")] = False,
    remove: Annotated[
        list[Path] | None, typer.Option("--remove", help="Forget this folder or file; the file itself stays.")
    ] = None,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --remove: only tell what would go.")] = False,
    transcripts: Annotated[
        bool, typer.Option("--transcripts", help="Import conversations instead; no path looks where agents keep them.")
    ] = False,
) -> None:
    """Index notes and source code, or bring what is indexed up to date.

    Only what changed is read. It may be interrupted at any time; the next run goes on from there.

    Example: memory-router index ~/notes ~/code/project
    """
    if transcripts:
        import_transcripts([str(path.expanduser()) for path in paths or ()], as_json)
        return
    if status:
        upkeep.show_status(as_json)
        return
    if remove:
        upkeep.forget(
            [os.path.realpath(path.expanduser()) for path in remove], yes=yes, dry_run=dry_run, as_json=as_json
        )
        return
    listener = _Bar() if sys.stderr.isatty() else _Words()
    try:
        with listener.shown:
            report = refresh([str(path.expanduser()) for path in paths or ()], listener)
    except KeyboardInterrupt:
        output.note(_INTERRUPTED)
        sys.exit(130)
    if not os.path.exists(backends_file()):
        output.note(_NOT_REGISTERED)
    _tell(report, as_json)
    if watch:
        upkeep.follow(_Words(), lambda report: _tell(report, as_json))


def refresh(folders: Sequence[str], listener: Listener) -> Report:
    """Index folders, or bring all known ones up to date, with what follows from the index."""
    report = bring_up_to_date(folders, listener=listener)
    follow_index()
    installation.refresh("qmd")
    return report


def _tell(report: Report, as_json: bool) -> None:
    if as_json or not output.is_terminal():
        output.print_json(report._asdict())
        return
    _print_report(report)


class _Words(Listener):
    """Tell only what a reader of a log has to know."""

    shown: AbstractContextManager[Any] = nullcontext()

    def waiting(self) -> None:
        output.note("Another run is indexing; waiting until it is done.")


class _Bar(_Words):
    """Draw a progress bar on stderr."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self.shown = self._progress
        self._task = self._progress.add_task("looking around", total=None)

    def surveyed(self, root: str, files: int) -> None:
        from rich.markup import escape

        self._progress.update(self._task, description=escape(output.visible(root)), total=files, completed=0)

    def advanced(self, files: int) -> None:
        self._progress.advance(self._task, files)


def _print_report(report: Report) -> None:
    from memory_router.interfaces.cli.tables import print_table

    changes = [(name, f"{getattr(report, name):,}") for name in ("added", "changed", "unchanged", "removed")]
    skipped = [(f"skipped: {reason}", f"{count:,}") for reason, count in report.skipped.items()]
    unreadable = [(f"cannot be read: {path}", reason) for path, reason in report.unreadable.items()]
    print_table(("files", ""), [*changes, *skipped, *unreadable])
    for note in report.notes:
        print(output.visible(note))
    roots = f"{len(report.roots)} folder" + "s" * (len(report.roots) != 1)
    print(
        f"{report.files:,} files in {report.chunks:,} passages are indexed;"
        f" {roots} looked through in {report.seconds:.2f} s."
    )
    if not report.roots:
        print("Nothing was ever indexed. Name a folder: memory-router index PATH")
