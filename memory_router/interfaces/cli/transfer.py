"""`memory-router memories import`, `export` and `backup`: bring memories in, and take them along."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from memory_router import app, paths
from memory_router.errors import StoreError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.memories import filter_of
from memory_router.interfaces.cli.parameters import AsJson, By, Project, Since, Tag, Tier, Until, Yes, confirm
from memory_router.storage.files import replace_whole, write_whole

_Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")]


def import_(
    file: Annotated[str, typer.Argument(help="A file of JSON objects, one a line; `-` reads stdin.")],
    project: Annotated[str | None, typer.Option("--project", help="The project of facts that name no project.")] = None,
    allow_sensitive: Annotated[
        bool, typer.Option("--allow-sensitive", help="Keep secrets and personal data instead of redacting them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import memories with their times.

    What is there already stays as it is, so a second import changes nothing.

    A line is an object with `text`, and any of `timestamp`, `importance`, `tags`, `tier`, `project`, `source`,
    `session` and `metadata`. Lines that cannot be read are told and left out; then the exit code is 1.

    Example: memory-router memories import memories.jsonl
    """
    try:
        lines = sys.stdin.buffer.read() if file == "-" else Path(file).expanduser().read_bytes()
    except OSError as error:
        raise StoreError(f"{file} cannot be read ({error.strerror}).", "Name a file of JSON objects.") from error

    text = lines.decode("utf-8", "replace").splitlines()
    counts = app.remembering.import_lines(text, project, allow_sensitive=allow_sensitive)
    for refused in counts["refused"]:
        output.note(output.visible(f"line {refused['line']}: {refused['reason']}"))
    told = (
        f"{counts['imported']} imported, {counts['already_there']} already there, "
        f"{len(counts['refused'])} refused; secrets or personal data redacted in {counts['redacted']}."
    )
    output.show(counts, told, as_json=as_json)
    if counts["refused"]:
        raise typer.Exit(1)


def export(
    file: Annotated[str, typer.Argument(help="The file to write; `-` is stdout.")],
    format_: Annotated[
        str | None, typer.Option("--format", help="jsonl or markdown; by the file's suffix if left out.")
    ] = None,
    tier: Tier = None,
    project: Project = None,
    tag: Tag = None,
    since: Since = None,
    until: Until = None,
    by: By = None,
    force: _Force = False,
    as_json: AsJson = False,
) -> None:
    """Write memories to a file, the oldest first.

    JSON Lines can be read back with `import`; Markdown is for people.

    Example: memory-router memories export memories.md --project harbor
    """
    form = format_ or ("markdown" if file.lower().endswith((".md", ".markdown")) else "jsonl")
    if form not in app.remembering.FORMATS:
        raise typer.BadParameter(f"choose one of: {', '.join(app.remembering.FORMATS)}", param_hint="--format")
    chosen = filter_of(project, tag, since, until, by)
    held = app.remembering.work_with(lambda memories: memories.memories(chosen, tier))
    text = "".join(app.remembering.exported(reversed(held), form)).encode("utf-8", "replace")
    if file == "-":
        sys.stdout.buffer.write(text)
        return
    _write(file, text, force=force)
    told = f"{len(held)} memories were written to {file}."
    output.show({"file": file, "format": form, "memories": len(held)}, told, as_json=as_json)


def backup(
    file: Annotated[
        str | None, typer.Argument(help="The file to write; default: `memory-DATE.db` beside the database.")
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Copy the database of memories to a file.

    The copy is consistent, even if others write meanwhile.

    Example: memory-router memories backup memory-backup.db
    """
    store = app.remembering.open_database()
    if store is None:
        raise StoreError("Nothing is remembered yet, so there is nothing to back up.", "")
    if file is None:
        import time

        file = os.path.join(paths.data_dir(), time.strftime("memory-%Y%m%dT%H%M%SZ.db", time.gmtime()))
    target = os.path.abspath(os.path.expanduser(file))
    if os.path.exists(target):
        if os.path.samefile(target, store.path):
            raise StoreError("That is the database itself.", "Name another file.")
        confirm(f"Overwrite {paths.shown(target)}?", yes=yes)
    draft = f"{target}.{os.getpid()}.part"
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL, 0o600))
        store.back_up(draft)
        replace_whole(draft, target)
    except OSError as error:
        raise StoreError(
            f"{paths.shown(target)} cannot be written ({error.strerror}).", "Name another file."
        ) from error
    finally:
        if os.path.exists(draft):
            os.unlink(draft)
    told = {"backup": target, "memories": store.count(), "bytes": os.path.getsize(target)}
    store.close()
    output.show(told, f"{told['memories']:,} memories were copied to {paths.shown(target)}.", as_json=as_json)


def _write(file: str, text: bytes, *, force: bool) -> None:
    target = os.path.expanduser(file)
    if os.path.exists(target) and not os.path.isfile(target):
        raise StoreError(f"{file} is not a file.", "Name another one, or `-` for stdout.")
    if os.path.exists(target) and not force:
        raise StoreError(f"{file} is there already.", "Name another file, or overwrite it with --force.")
    try:
        write_whole(target, text)
    except OSError as error:
        raise StoreError(f"{file} cannot be written ({error.strerror}).", "Name another file.") from error
