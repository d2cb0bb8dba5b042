"""Read the settings of other programs, and put new ones in place without losing the earlier ones."""

import difflib
import json
import os

from memory_router import paths
from memory_router.errors import SettingsError
from memory_router.storage.files import write_whole


def read(file: str) -> str:
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
            f"{paths.shown(file)} is not text in UTF-8, so it was left as it is.", "Save it as UTF-8, and try again."
        ) from error


def write(file: str, before: str, after: str) -> str | None:
    """Put new settings in place at once, and return where the earlier ones are kept, if there were any."""
    backup = kept(file) if os.path.exists(file) else None
    try:
        # The client writes its settings, too.
        if read(file) != before:
            raise SettingsError(f"{paths.shown(file)} was changed meanwhile.", "Run the command again.")
        if backup:
            with open(file, "rb") as stream:
                write_whole(backup, stream.read())
        write_whole(file, after.encode("utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{paths.shown(file)} cannot be written ({error.strerror}). It is as it was.",
            "Check free disk space and the permissions of its folder.",
        ) from error
    return backup


def kept(file: str) -> str:
    """Return where the text that a file had before our last change is kept."""
    return f"{file}.before-memory-router"


def difference(before: str, after: str, name: str) -> str:
    """Return what changes between two texts of a file, line by line, in the unified format.

    JSON on a single line is compared as if it were indented: a person could not read the change otherwise.
    """
    if before and "\n" not in before.strip():
        before, after = _indented(before), _indented(after)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
