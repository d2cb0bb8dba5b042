"""What `memory-router index` does besides indexing: tell what is indexed, forget a folder, follow changes."""

from collections.abc import Callable, Sequence
from typing import Any

from memory_router import installation, paths
from memory_router.engines.documents import upkeep
from memory_router.engines.documents.indexing import Listener
from memory_router.engines.documents.indexing import index as bring_up_to_date
from memory_router.engines.documents.state import vectors
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import confirm
from memory_router.storage.files import exclusive


def show_status(as_json: bool) -> None:
    """Print what is indexed, how old it is, and what has changed since."""
    roots = upkeep.status(paths.documents_db())
    if as_json or not output.is_terminal():
        size = upkeep.disk_size(paths.documents_db())
        told = {"index": paths.documents_db(), "bytes": size, "vectors": vectors(paths.documents_db())}
        output.print_json({**told, "roots": [one._asdict() for one in roots]})
        return
    from memory_router.interfaces.cli.tables import print_table

    columns = ("folder", "files", "passages", "age", "new", "changed", "removed", "skipped")
    print_table(columns, [_row(one) for one in roots])
    for one in roots:
        for reason, count in one.skipped.items():
            print(output.visible(f"{paths.shown(one.path)}: skipped {count:,}: {reason}"))
        for path, reason in one.unreadable.items():
            print(output.visible(f"{paths.shown(path)} cannot be read: {reason}"))
    if not roots:
        print("Nothing is indexed yet. Run: memory-router index PATH")
        return
    print(f"{upkeep.disk_size(paths.documents_db()) / 2**20:,.1f} MiB in {paths.shown(paths.documents_db())}")
    print(vectors(paths.documents_db()))
    if any(one.new or one.changed or one.removed for one in roots):
        print("Bring it up to date: memory-router index")


def _row(one: upkeep.RootStatus) -> Sequence[str]:
    counts = (one.new, one.changed, one.removed, sum(one.skipped.values()))
    age = "never finished" if one.age is None else _span(one.age)
    return (paths.shown(one.path), f"{one.files:,}", f"{one.chunks:,}", age, *(f"{count:,}" for count in counts))


def _span(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def forget(folders: Sequence[str], *, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Forget folders after a confirmation; the files themselves stay."""
    database = paths.documents_db()
    planned = {folder: upkeep.files_below(database, folder) for folder in folders}
    total = sum(planned.values())
    if not dry_run:
        confirm(f"Forget {total:,} indexed files? The files themselves stay.", yes=yes)
        planned = remove(folders)
    if as_json or not output.is_terminal():
        output.print_json({"dry_run": dry_run, "removed": planned})
        return
    would = "Would forget" if dry_run else "Forgot"
    for folder, count in planned.items():
        print(output.visible(f"{would} {count:,} files of {paths.shown(folder)}; the files themselves stay."))


def remove(folders: Sequence[str]) -> dict[str, int]:
    """Forget folders, and return how many indexed files went with each; the files themselves stay."""
    database = paths.documents_db()
    with exclusive(database, lambda: output.note("Another run is indexing; waiting until it is done.")):
        gone = {folder: upkeep.remove(database, folder) for folder in folders}
    installation.refresh("qmd")
    return gone


def follow(listener: Listener, tell: Callable[[Any], None]) -> None:
    """Index after every burst of changes until Ctrl-C, which is a clean end."""
    output.note("Watching for changes; end with Ctrl-C.")
    try:
        for _ in upkeep.changes(paths.documents_db()):
            report = bring_up_to_date(listener=listener)
            if report.added or report.changed or report.removed:
                tell(report)
    except KeyboardInterrupt:
        output.note("Stopped watching.")
