"""`memory-router index`: bring the document index up to date."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory_router import app
from memory_router.interfaces.cli import output, upkeep
from memory_router.interfaces.cli.memories import forget_planned
from memory_router.interfaces.cli.parameters import AsJson, Yes
from memory_router.interfaces.cli.tables import print_table
from memory_router.interfaces.cli.transcripts import import_transcripts
from memory_router.paths import backends_file

if TYPE_CHECKING:
    from memory_router.engines.documents.indexing import Report

_INTERRUPTED = (
    "Interrupted. Every file that was finished stays indexed and can be searched;"
    " run `memory-router index` again to go on from there."
)

_NOT_REGISTERED = "No backend is registered yet, so no question reaches this index. Run: memory-router backends init"


def index(
    paths: Annotated[list[Path] | None, typer.Argument(help="Folders or files; none refreshes all known ones.")] = None,
    as_json: AsJson = False,
    status: Annotated[
        bool, typer.Option("--status", help="Only say what is indexed, how old it is, and what changed since.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep indexing as files change, until Ctrl-C.")] = False,
    remove: Annotated[
        list[Path] | None,
        typer.Option("--remove", help="Forget this folder or file, with --transcripts its talk; files stay."),
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
    if transcripts and remove:
        planned = app.forgetting.plan_transcripts([os.path.realpath(path.expanduser()) for path in remove])
        forget_planned(planned, dry_run=dry_run, yes=yes, as_json=as_json)
        return
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
    from memory_router.interfaces.cli import progress

    listener = progress.of_index()
    try:
        with listener.shown:
            report = app.indexing.index([str(path.expanduser()) for path in paths or ()], listener)
    except KeyboardInterrupt:
        output.note(_INTERRUPTED)
        sys.exit(130)
    if not os.path.exists(backends_file()):
        output.note(_NOT_REGISTERED)
    _tell(report, as_json)
    if watch:
        upkeep.follow(progress.of_log(), lambda report: _tell(report, as_json))


def _tell(report: "Report", as_json: bool) -> None:
    output.show(report._asdict(), lambda: _print_report(report), as_json=as_json)


def _print_report(report: "Report") -> None:
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
