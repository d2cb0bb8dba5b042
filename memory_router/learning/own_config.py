"""Change settings in the user's own `router-config.json`: atomically, validated, and leaving the rest as written.

The file holds only what differs from the bundled one. Undoing a change leaves what the user wrote, or no file.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from memory_router.contract import JsonObject
from memory_router.errors import AmendmentError
from memory_router.learning.config_text import changed, stands, value_at, without
from memory_router.paths import shown, state_dir
from memory_router.routing.config_file import completed, read
from memory_router.storage.files import exclusive, write_whole


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

    def value(self, setting: str) -> Any:
        """Return the present value of a setting, or None.

        Raises:
            ConfigError: the file in force cannot be read or is not JSON.
        """
        return value_at(self._completed(self.text()), _place(setting))

    def text(self) -> str:
        """Return the text of the user's own file; empty if the user has no file.

        Raises:
            ConfigError: the file cannot be read or is not JSON.
        """
        if not os.path.exists(self.own):
            return ""
        read(self.own)
        return _text(self.own)

    def amended(self, changes: Sequence[tuple[str, Any]]) -> str:
        """Return the text of the user's own file with other values, once it is known to be valid.

        It holds what differs from the bundled file: a setting that is to be as it is there is taken out.

        Args:
            changes: settings with the values that they are to have.

        Returns:
            The text; empty where nothing differs any more.

        Raises:
            AmendmentError: a setting stands twice in the file.
            ConfigError: the file cannot be used, or would not be valid.
        """
        return self._amended(self.text(), changes, "{}")

    def restored(self, changes: Sequence[tuple[str, Any]], made: Sequence[Any], suffix: str) -> str:
        """Return the text of the user's own file once `write` is undone; empty where there is to be none.

        Where nothing else was changed since, it is the file as it was, to the letter.

        Args:
            changes: settings with the values that they had before.
            made: the values that `write` gave them.
            suffix: what `write` appended to the name of its copy.

        Raises:
            AmendmentError, ConfigError: as in `amended`.
        """
        text, before = self.text(), self._copied(suffix)
        names = [setting for setting, _ in changes]
        if before and self._amended(before, list(zip(names, made, strict=True)), "{}") == text:
            return before
        return self._amended(text, changes, before or "{}")

    def write(self, changes: Sequence[tuple[str, Any]], suffix: str, seen: Sequence[Any]) -> None:
        """Give settings other values in the user's file, all at once.

        Args:
            changes: settings with the values that they are to have.
            suffix: what is appended to the file's name for a copy of it as it was.
            seen: the values that the settings had when the change was decided about.

        Raises:
            AmendmentError: a setting was changed meanwhile, or the file cannot be written; nothing was changed.
            ConfigError: the file cannot be used, or would not be valid.
        """
        with self._unchanged(changes, seen):
            text = self.amended(changes)
            with suppress(FileNotFoundError):
                os.unlink(self.own + suffix)  # of an earlier time
            if before := self.text():
                write_whole(self.own + suffix, before.encode("utf-8"))
            self._put(text)

    def undo(self, changes: Sequence[tuple[str, Any]], made: Sequence[Any], suffix: str) -> None:
        """Take back what `write` did; see `restored`.

        Raises:
            AmendmentError: a setting was changed meanwhile, or the file cannot be written; nothing was changed.
            ConfigError: the file cannot be used, or would not be valid.
        """
        with self._unchanged(changes, made):
            text = self.restored(changes, made, suffix)
            self._put(text)
            if text == self._copied(suffix):
                with suppress(FileNotFoundError):
                    os.unlink(self.own + suffix)

    def _amended(self, text: str, changes: Sequence[tuple[str, Any]], kept: str) -> str:
        from memory_router.routing.config_schema import validate

        is_new = not text
        text = text or "{}"
        for setting, value in changes:
            text = self._with(text, _place(setting), value, kept)
        body = self._completed(text)
        validate(body, self.own)
        for setting, value in changes:
            if value_at(body, _place(setting)) != value:
                raise AmendmentError(
                    f"`{setting}` stands twice in {shown(self.own)}.", "Remove the one that does not count."
                )
        if not (differing := json.loads(text)):
            return ""
        return json.dumps(differing, indent=2, ensure_ascii=False) + "\n" if is_new else text

    def _with(self, text: str, place: list[str], value: Any, kept: str) -> str:
        """Return `text` with `value` at `place`, or without it where that says the same and `kept` lacks it, too."""
        left_out = without(text, place, kept)
        if not stands(kept, place) and value_at(self._completed(left_out), place) == value:
            return left_out
        return _changed(text, place, value)

    def _completed(self, text: str) -> Any:
        return completed(json.loads(text or "{}"), read(self._bundled))

    def _copied(self, suffix: str) -> str:
        """Return the copy that `write` made; empty if it made no copy."""
        try:
            return _text(self.own + suffix)
        except OSError:
            return ""

    @contextmanager
    def _unchanged(self, changes: Sequence[tuple[str, Any]], seen: Sequence[Any]) -> Iterator[None]:
        """Keep other processes from the file while it is written, and refuse where a setting is not as it was seen."""
        try:
            with exclusive(os.path.join(state_dir(), os.path.basename(self.own))):
                for (setting, _), value in zip(changes, seen, strict=True):
                    if (present := self.value(setting)) != value:
                        raise AmendmentError(
                            f"`{setting}` was changed meanwhile: it is {json.dumps(present)}. Nothing was changed now.",
                            "Look at it again, then decide anew.",
                        )
                yield
        except OSError as error:
            raise AmendmentError(
                f"{shown(self.own)} cannot be written ({error.strerror}). Nothing was changed.",
                "Check free disk space and the permissions of its folder.",
            ) from error

    def _put(self, text: str) -> None:
        if text:
            write_whole(self.own, text.encode("utf-8"))
        elif os.path.exists(self.own):
            os.unlink(self.own)


def _text(file: str) -> str:
    with open(file, encoding="utf-8-sig", newline="") as stream:
        return stream.read()


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
