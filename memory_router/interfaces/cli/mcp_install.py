"""`memory-router mcp install`: make a client start the MCP server."""

import difflib
import os
import shutil
from contextlib import suppress
from enum import StrEnum
from typing import Annotated

import typer

from memory_router import paths
from memory_router.errors import SettingsError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.client_settings import CLIENTS, with_server, without_server
from memory_router.text.redaction import redact


class ClientName(StrEnum):
    """Name the clients whose settings can be changed."""

    claude = "claude"
    openclaw = "openclaw"
    cursor = "cursor"
    codex = "codex"


def install(
    client: Annotated[ClientName, typer.Option("--client", help="Whose settings to change.")],
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Take the server out again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the change, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add the MCP server to the settings of an agent's client, and show the change.

    Everything else in the file stays as it is, and the file as it was is kept beside it. Run again, it changes nothing.

    Example: memory-router mcp install --client claude --dry-run
    """
    # Settings that are kept elsewhere and linked stay a link.
    file = os.path.realpath(CLIENTS[client].file())
    before = _text(file)
    change = without_server if uninstall else with_server
    after = change(CLIENTS[client], before, file)
    written = after != before and not dry_run
    backup = _write(file, before, after) if written else None
    # What stands around the change may be somebody's key.
    diff = redact(_diff(before, after, paths.shown(file))).text
    if after == before:
        done = f"{paths.shown(file)} is as it should be already."
    elif dry_run:
        done = "Nothing was written."
    else:
        kept = f" The file as it was is {paths.shown(backup)}." if backup else ""
        done = f"Wrote {paths.shown(file)}.{kept} Start {client.value} again to see the change."
    told = {"client": client.value, "file": file, "changed": after != before, "written": written}
    output.show({**told, "backup": backup, "diff": diff}, f"{diff}{done}", as_json=as_json)


def _text(file: str) -> str:
    """Return what a file holds; nothing if it is not there."""
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(
            f"{paths.shown(file)} cannot be read ({error.strerror}).", "Check its permissions."
        ) from error
    except ValueError as error:
        raise SettingsError(
            f"{paths.shown(file)} is no text in UTF-8, so it was left as it is.", "Save it as UTF-8, and try again."
        ) from error


def _write(file: str, before: str, after: str) -> str | None:
    """Put new settings in place at once, and return where the earlier ones are kept, if there were any."""
    backup = f"{file}.before-memory-router"
    draft = f"{file}.{os.getpid()}"
    existed = os.path.exists(file)
    try:
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(draft, "x", encoding="utf-8", newline="", opener=_private) as stream:
            stream.write(after)
            stream.flush()
            os.fsync(stream.fileno())
        if existed:
            shutil.copymode(file, draft)
            shutil.copy2(file, backup)
        # The client writes its settings, too.
        if _text(file) != before:
            raise SettingsError(f"{paths.shown(file)} was changed meanwhile.", "Run the command again.")
        os.replace(draft, file)
    except OSError as error:
        raise SettingsError(
            f"{paths.shown(file)} cannot be written ({error.strerror}). It is as it was.",
            "Check free disk space and the permissions of its folder.",
        ) from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)
    return backup if existed else None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _diff(before: str, after: str, name: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    return "".join(f"{line}\n" for line in lines)
