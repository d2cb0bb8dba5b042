"""Connect agents with this program: the MCP server, the skill and the hooks in the files of each client.

What was connected is written down, so that it can be taken out again and nothing else with it.
"""

import json
import os
import re
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

from memory_router import paths
from memory_router.errors import SettingsError
from memory_router.interfaces import settings_file
from memory_router.interfaces.client_settings import CLIENTS, NAME, program, with_server, without_server
from memory_router.learning.config_text import changed, removed
from memory_router.storage.files import write_whole
from memory_router.text import json5

SKILLS = {"claude": paths.claude_code_dir, "openclaw": paths.openclaw_dir}
_OURS = re.compile(rf"\b{NAME}['\"]? hooks [a-z-]+")


class Connection(NamedTuple):
    """A part of a client that is connected.

    Args:
        client: such as `claude`.
        part: `mcp`, `skill` or `hooks`.
        is_new: whether there was no such file before.
    """

    client: str
    part: str
    is_new: bool


class FileChange(NamedTuple):
    """A file of a client, before and after a change.

    Args:
        client: whose file it is.
        part: `mcp`, `skill` or `hooks`.
        file: its path; settings that are linked stay a link.
        before: its text; empty where there is no file.
        after: its text then; empty to remove the file.
    """

    client: str
    part: str
    file: str
    before: str
    after: str

    @property
    def difference(self) -> str:
        """Return the change in the unified format; a skill is too long to be shown and has none."""
        if self.part == "skill":
            return ""
        return settings_file.difference(self.before, self.after, paths.shown(self.file))

    def apply(self) -> str | None:
        """Write the file, and return where its earlier text is kept, if there was one.

        Raises:
            SettingsError: it cannot be written, or it was changed meanwhile.
        """
        if self.after:
            return settings_file.write(self.file, self.before, self.after)
        try:
            os.unlink(self.file)
        except OSError as error:
            raise SettingsError(
                f"{paths.shown(self.file)} cannot be removed ({error.strerror}).", "Check the folder's permissions."
            ) from error
        return None


def connecting(client: str) -> Iterator[FileChange]:
    """Yield what a client still lacks; nothing where our plugin brings it.

    Raises:
        SettingsError: a file of the client cannot be read, or it cannot be changed safely.
    """
    if client == "claude" and _has_plugin():
        return
    if client in CLIENTS:
        file = os.path.realpath(CLIENTS[client].file())
        before = settings_file.read(file)
        yield FileChange(client, "mcp", file, before, with_server(CLIENTS[client], before, file))
    if client in SKILLS:
        yield skill_of(client)
    if client == "claude":
        file = _claude_settings()
        before = settings_file.read(file)
        yield FileChange(client, "hooks", file, before, _with_hooks(before, file))


def skill_of(client: str) -> FileChange:
    """Return what puts our skill where a client reads it.

    Raises:
        SettingsError: a skill that is there cannot be read.
    """
    file = os.path.realpath(os.path.join(paths.skill_dir(SKILLS[client]()), "SKILL.md"))
    return FileChange(client, "skill", file, settings_file.read(file), settings_file.read(paths.bundled("SKILL.md")))


def disconnecting(connection: Connection) -> FileChange:
    """Return what takes one part out of a client again; a skill that somebody edited stays.

    Raises:
        SettingsError: a file of the client cannot be read, or it cannot be changed safely.
    """
    client, part, is_new = connection
    if part == "skill":
        installing = skill_of(client)
        earlier = "" if is_new else settings_file.read(settings_file.kept(installing.file))
        return installing._replace(after=earlier if installing.before == installing.after else installing.before)
    file = _claude_settings() if part == "hooks" else os.path.realpath(CLIENTS[client].file())
    before = settings_file.read(file)
    after = _without_hooks(before, file) if part == "hooks" else without_server(CLIENTS[client], before, file)
    return FileChange(client, part, file, before, "" if is_new and _says_nothing(after) else after)


def connected() -> list[Connection]:
    """Return what `remember_connected` wrote down, the earliest first."""
    try:
        body = json.loads(settings_file.read(_record()) or "[]")
        return [Connection(str(client), str(part), bool(is_new)) for client, part, is_new in body]
    except (ValueError, TypeError):
        return []


def remember_connected(connections: list[Connection]) -> None:
    """Write down which parts of which clients are connected."""
    paths.make_private(os.path.dirname(_record()))
    write_whole(_record(), (json.dumps(connections) + "\n").encode())


def _record() -> str:
    return os.path.join(paths.state_dir(), "connected.json")


def _claude_settings() -> str:
    return os.path.realpath(os.path.join(paths.claude_code_dir(), "settings.json"))


def _has_plugin() -> bool:
    enabled = _object(settings_file.read(_claude_settings()), _claude_settings()).get("enabledPlugins")
    return isinstance(enabled, dict) and any(on and key.partition("@")[0] == NAME for key, on in enabled.items())


def _with_hooks(text: str, file: str) -> str:
    """Return settings of Claude Code with our hooks, as the plugin has them, after those of others."""
    present = _hooks(text, file)
    for event, entries in json.loads(settings_file.read(paths.bundled("plugin/hooks/hooks.json")))["hooks"].items():
        ours = [_started_here(entry) for entry in entries]
        kept = [entry for entry in present.get(event, []) if not _is_ours(entry)]
        if present.get(event) != [*kept, *ours]:
            text = _put(text, ("hooks", event), [*kept, *ours])
    return text


def _without_hooks(text: str, file: str) -> str:
    present = _hooks(text, file)
    others = {event: [entry for entry in entries if not _is_ours(entry)] for event, entries in present.items()}
    if not any(others.values()) and any(present.values()):
        return json5.changed(text, lambda strict: removed(strict, ("hooks",)))
    for event, kept in others.items():
        if kept != present[event]:
            text = _put(text, ("hooks", event), kept) if kept else _dropped(text, event)
    return text


def _dropped(text: str, event: str) -> str:
    return json5.changed(text, lambda strict: removed(strict, ("hooks", event)))


def _put(text: str, place: tuple[str, ...], value: Any) -> str:
    return json5.changed((text.strip() and text) or "{}\n", lambda strict: changed(strict, place, value))


def _hooks(text: str, file: str) -> dict[str, list[Any]]:
    hooks = _object(text, file).get("hooks", {})
    if not isinstance(hooks, dict) or not all(isinstance(entries, list) for entries in hooks.values()):
        raise SettingsError(
            f"`hooks` in {paths.shown(file)} is not what Claude Code reads.", "Correct it, and try again."
        )
    return hooks


def _object(text: str, file: str) -> dict[str, Any]:
    try:
        body = json5.decode(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise SettingsError(
            f"{paths.shown(file)} is not JSON ({error}), so it was left as it is.", "Correct it, and try again."
        ) from error
    return body if isinstance(body, dict) else {}


def _is_ours(entry: Any) -> bool:
    return _OURS.search(json.dumps(entry)) is not None


def _started_here(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a hook of the plugin with the place of this program, which need not be on the client's PATH."""
    moved = paths.moved_home()
    start = f"{f'MEMORY_ROUTER_HOME={shlex.quote(moved)} ' if moved else ''}{shlex.quote(program())} "
    inner = [{**hook, "command": hook["command"].replace(f"{NAME} ", start, 1)} for hook in entry["hooks"]]
    return {**entry, "hooks": inner}


def _says_nothing(text: str) -> bool:
    """Return whether settings hold no value at all, only what would hold some."""
    try:
        return not text.strip() or _is_hollow(json5.decode(text))
    except ValueError:  # TOML with something in it
        return False


def _is_hollow(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_hollow, value.values()))
