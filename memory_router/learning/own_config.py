"""Change settings in the user's own `router-config.json`: atomically, validated, and leaving the rest as written."""

import json
import os
from collections.abc import Sequence
from typing import Any

from memory_router.contract import JsonObject
from memory_router.errors import AmendmentError
from memory_router.learning.config_text import changed, removed, value_at
from memory_router.paths import shown
from memory_router.routing.config_file import completed, read
from memory_router.storage.files import write_whole


class OwnConfig:
    """Read settings in force, and write them into the user's own file.

    A setting is named by the keys that lead to it, such as `deadlines.backends.qmd:query`; in a list, the member whose
    `id` or `name` is the key: `rules.relationship.fallback`.

    Args:
        own: the user's own configuration file, which need not be there yet.
        bundled: the one that is in force without it.

    Attributes:
        own: the path of the user's own file, links followed.
    """

    def __init__(self, own: str, bundled: str) -> None:
        # A configuration that is kept elsewhere and linked stays a link.
        self.own = os.path.realpath(own)
        self._bundled = bundled

    @property
    def in_force(self) -> str:
        """Return the path of the file that counts now."""
        return self.own if os.path.exists(self.own) else self._bundled

    def value(self, setting: str) -> Any:
        """Return what a setting is now; None where nothing stands.

        Raises:
            ConfigError: the file in force cannot be read or is not JSON.
        """
        return value_at(completed(read(self.in_force)), _place(setting))

    def text(self) -> str:
        """Return the text of the file in force.

        Raises:
            ConfigError: the file in force cannot be read or is not JSON.
        """
        read(self.in_force)
        with open(self.in_force, encoding="utf-8-sig") as file:
            return file.read()

    def amended(self, changes: Sequence[tuple[str, Any]]) -> str:
        """Return the text of the file in force with other values, once it is known to be valid.

        Args:
            changes: settings with the values that they are to have.

        Raises:
            AmendmentError: a setting stands twice in the file.
            ConfigError: the file in force cannot be used, or would not be valid.
        """
        from memory_router.routing.config_schema import validate

        text = self.text()
        for setting, value in changes:
            # A deadline that was not there is taken away; the other settings all have a value, and null is one.
            takes_away = value is None and len(_place(setting)) > 1
            text = removed(text, _place(setting)) if takes_away else _changed(text, _place(setting), value)
        amended = completed(json.loads(text))
        validate(amended, self.in_force)
        for setting, value in changes:
            if value_at(amended, _place(setting)) != value:
                raise AmendmentError(
                    f"`{setting}` stands twice in {shown(self.in_force)}.", "Remove the one that does not count."
                )
        return text

    def write(self, changes: Sequence[tuple[str, Any]], backup: str | None, seen: Sequence[Any] = ()) -> None:
        """Give settings other values in the user's file, all at once.

        Args:
            changes: settings with the values that they are to have.
            backup: what is appended to the file's name for a copy of it as it was; None for no copy.
            seen: the values that the settings had when the change was decided about, where that matters.

        Raises:
            AmendmentError: a setting was changed meanwhile, or the file cannot be written; nothing was changed.
            ConfigError: the file in force cannot be used, or would not be valid.
        """
        try:
            for (setting, _), value in zip(changes, seen, strict=False):
                if (present := self.value(setting)) != value:
                    raise AmendmentError(
                        f"`{setting}` was changed meanwhile: it is {json.dumps(present)}. Nothing was changed now.",
                        "Look at it again, then decide anew.",
                    )
            text = self.amended(changes)
            if backup and os.path.exists(self.own):
                with open(self.own, "rb") as file:
                    write_whole(self.own + backup, file.read())
            write_whole(self.own, text.encode("utf-8"))
        except OSError as error:
            raise AmendmentError(
                f"{shown(self.own)} cannot be written ({error.strerror}). Nothing was changed.",
                "Check free disk space and the permissions of its folder.",
            ) from error


def _changed(text: str, place: list[str], value: Any) -> str:
    """Return `text` with `value` at `place`; a rule or signal that it lacks is added with this member alone."""
    body = json.loads(text)
    if place[0] != "rules" or value_at(body, place[:-1]) is not None:
        return changed(text, place, value)
    return changed(text, ["rules"], _added(body.get("rules", []), "id", place[1:], value))


def _added(members: list[JsonObject], key: str, place: list[str], value: Any) -> list[JsonObject]:
    """Return a list of a rule table with `value` at `place` below it."""
    name, *rest = place
    old: JsonObject = next((member for member in members if member[key] == name), {key: name})
    new = value if len(rest) == 1 else _added(list(old.get(rest[0], ())), "name", rest[1:], value)
    return [*(member for member in members if member is not old), {**old, rest[0]: new}]


def _place(setting: str) -> list[str]:
    return setting.split(".")
