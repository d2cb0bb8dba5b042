"""`memory-router index`: bring the document index up to date."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memory_router import app
from memory_router import paths as places
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.memories import forget_planned
from memory_router.interfaces.cli.parameters import AsJson, Yes, confirm
from memory_router.interfaces.cli.tables import print_table
from memory_router.interfaces.cli.transcripts import import_transcripts
from memory_router.routing.journal import BACKGROUND

if TYPE_CHECKING:
    from memory_router.app.indexing import IndexListener
    from memory_router.engines.documents.indexing import IndexReport
    from memory_router.engines.documents.upkeep import RootStatus

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
    meaning: Annotated[
        bool,
        typer.Option("--meaning", help="Encode what was stored by its meaning (extra `meaning`), and wait for it."),
    ] = False,
) -> None:
    """Index notes and source code, or bring the index up to date.

    Only what changed is read. It may be interrupted at any time; the next run goes on from there.

    Example: memory-router index ~/notes ~/code/project
    """
    if transcripts and remove:
        planned = app.forgetting.plan_transcripts([os.path.realpath(path.expanduser()) for path in remove])
        forget_planned(planned, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    if transcripts:
        import_transcripts([str(path.expanduser()) for path in paths or ()], as_json)
        app.meaning.encode_later()
        return
    if meaning:
        _encode(as_json)
        return
    if status:
        _show_status(as_json)
        return
    if remove:
        _forget([os.path.realpath(path.expanduser()) for path in remove], yes=yes, dry_run=dry_run, as_json=as_json)
        return
    from memory_router.interfaces.cli import progress

    listener = progress.of_index()
    try:
        with listener.shown:
            report = app.indexing.index([str(path.expanduser()) for path in paths or ()], listener)
    except KeyboardInterrupt:
        output.note(_INTERRUPTED)
        sys.exit(130)
    if not os.path.exists(places.backends_file()):
        output.note(_NOT_REGISTERED)
    _tell(report, as_json)
    app.meaning.encode_later()
    if watch:
        _follow(progress.of_log(), lambda report: _tell(report, as_json))


def _encode(as_json: bool) -> None:
    """Encode what is not encoded yet: at full speed, or in the background whenever the machine is idle."""
    if reason := app.meaning.why_not():
        output.show({"encoded": 0, "reason": reason}, reason, as_json=as_json)
        return
    started = time.perf_counter()
    try:
        if os.environ.get(BACKGROUND):
            encoded = app.meaning.encode(app.meaning.wait_while_busy)
        else:
            from memory_router.interfaces.cli import progress

            with progress.of_count() as advanced:
                encoded = app.meaning.encode(advanced, os.cpu_count() or 1)
    except KeyboardInterrupt:
        output.note("Interrupted. What was encoded stays; run `memory-router index --meaning` again to go on.")
        sys.exit(130)
    seconds = time.perf_counter() - started
    stores = app.meaning.coverage()
    output.show(
        {"encoded": encoded, "seconds": seconds, "stores": [store._asdict() for store in stores]},
        f"{encoded:,} passages were encoded in {seconds:.2f} s. {app.meaning.told(stores)}",
        as_json=as_json,
    )


def _tell(report: "IndexReport", as_json: bool) -> None:
    output.show(report._asdict(), lambda: _print_report(report), as_json=as_json)


def _print_report(report: "IndexReport") -> None:
    changes = [(name, f"{getattr(report, name):,}") for name in ("added", "changed", "unchanged", "removed")]
    skipped = [(f"skipped: {reason}", f"{count:,}") for reason, count in report.skipped.items()]
    unreadable = [(f"cannot be read: {path}", reason) for path, reason in report.unreadable.items()]
    print_table(("files", ""), [*changes, *skipped, *unreadable])
    for note in report.notes:
        output.say(note)
    roots = output.counted(len(report.roots), "folder")
    verb = "is" if report.files == 1 else "are"
    output.say(
        f"{output.counted(report.files, 'file')} in {output.counted(report.chunks, 'passage')} {verb} indexed;"
        f" {roots} looked through in {report.seconds:.2f} s."
    )
    if not report.roots:
        output.say("Nothing was ever indexed. Name a folder: memory-router index PATH")


def _show_status(as_json: bool) -> None:
    """Print what is indexed, how old it is, and what has changed since."""
    roots = app.indexing.status()
    size = app.indexing.disk_size()
    told = {"index": places.documents_db(), "bytes": size, "vectors": app.indexing.vectors_in_use()}
    output.show({**told, "roots": [root._asdict() for root in roots]}, lambda: _print_status(roots), as_json=as_json)


def _print_status(roots: "Sequence[RootStatus]") -> None:
    columns = ("folder", "files", "passages", "age", "new", "changed", "removed", "skipped")
    print_table(columns, [_row(root) for root in roots], "Nothing is indexed yet. Run: memory-router index PATH")
    for root in roots:
        for reason, count in root.skipped.items():
            output.say(f"{places.shown(root.path)}: skipped {count:,}: {reason}")
        for path, reason in root.unreadable.items():
            output.say(f"{places.shown(path)} cannot be read: {reason}")
    if not roots:
        return
    output.say(f"{app.indexing.disk_size() / 2**20:,.1f} MiB in {places.shown(places.documents_db())}")
    output.say(app.indexing.vectors_in_use())
    if any(root.new or root.changed or root.removed for root in roots):
        output.say("Bring it up to date: memory-router index")


def _row(one: "RootStatus") -> Sequence[str]:
    counts = (one.new, one.changed, one.removed, sum(one.skipped.values()))
    age = "never finished" if one.age is None else _span(one.age)
    return (places.shown(one.path), f"{one.files:,}", f"{one.chunks:,}", age, *(f"{count:,}" for count in counts))


def _span(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _forget(folders: Sequence[str], *, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Forget folders after a confirmation; the files themselves stay."""
    planned = app.indexing.files_below(folders)
    total = sum(planned.values())
    if not dry_run:
        confirm(f"Forget {total:,} indexed files? The files themselves stay.", yes=yes)
        from memory_router.interfaces.cli import progress

        planned = app.indexing.remove(folders, progress.of_log())
    would = "Would forget" if dry_run else "Forgot"
    told = [
        f"{would} {count:,} files of {places.shown(folder)}; the files themselves stay."
        for folder, count in planned.items()
    ]
    output.show({"dry_run": dry_run, "removed": planned}, "\n".join(told), as_json=as_json)


def _follow(listener: "IndexListener", tell: Callable[[Any], None]) -> None:
    """Index after every burst of changes until Ctrl-C, which is a clean end."""
    output.note("Watching for changes; end with Ctrl-C.")
    try:
        for report in app.indexing.watch(listener):
            tell(report)
    except KeyboardInterrupt:
        output.note("Stopped watching.")
