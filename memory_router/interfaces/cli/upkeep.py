"""What `memory-router index` does besides indexing: tell what is indexed, forget a folder, follow changes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from memory_router import app, paths
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import confirm
from memory_router.interfaces.cli.tables import print_table

if TYPE_CHECKING:
    from memory_router.app.indexing import IndexListener
    from memory_router.engines.documents.upkeep import RootStatus


def show_status(as_json: bool) -> None:
    """Print what is indexed, how old it is, and what has changed since."""
    roots = app.indexing.status()
    size = app.indexing.disk_size()
    told = {"index": paths.documents_db(), "bytes": size, "vectors": app.indexing.vectors_in_use()}
    output.show({**told, "roots": [one._asdict() for one in roots]}, lambda: _print_status(roots), as_json=as_json)


def _print_status(roots: "Sequence[RootStatus]") -> None:
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
    print(f"{app.indexing.disk_size() / 2**20:,.1f} MiB in {paths.shown(paths.documents_db())}")
    print(app.indexing.vectors_in_use())
    if any(one.new or one.changed or one.removed for one in roots):
        print("Bring it up to date: memory-router index")


def _row(one: "RootStatus") -> Sequence[str]:
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
    planned = app.indexing.files_below(folders)
    total = sum(planned.values())
    if not dry_run:
        confirm(f"Forget {total:,} indexed files? The files themselves stay.", yes=yes)
        from memory_router.interfaces.cli import progress

        planned = app.indexing.remove(folders, progress.of_log())
    would = "Would forget" if dry_run else "Forgot"
    told = [
        f"{would} {count:,} files of {paths.shown(folder)}; the files themselves stay."
        for folder, count in planned.items()
    ]
    output.show({"dry_run": dry_run, "removed": planned}, "\n".join(told), as_json=as_json)


def follow(listener: "IndexListener", tell: Callable[[Any], None]) -> None:
    """Index after every burst of changes until Ctrl-C, which is a clean end."""
    output.note("Watching for changes; end with Ctrl-C.")
    try:
        for report in app.indexing.watch(listener):
            tell(report)
    except KeyboardInterrupt:
        output.note("Stopped watching.")
