"""Add the MCP server to the settings of an agent's client, or take it out, and leave all else as its author wrote it.

Codex keeps TOML, the others JSON, with or without comments. What cannot be read as such is never touched.
"""

import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from memory_router import paths
from memory_router.errors import SettingsError
from memory_router.learning.config_text import changed, removed, value_at
from memory_router.text import json5

NAME = "memory-router"
_TABLE = re.compile(rf'[ \t]*\[\s*mcp_servers\s*\.\s*(?:{NAME}|"{NAME}"|\'{NAME}\')\s*(?:\.[^\]\n]*)?\]')
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ANY_TABLE = re.compile(r"[ \t]*\[")


class Client(NamedTuple):
    """Say where a client keeps its MCP servers.

    Args:
        file: gives the path of its settings.
        place: the keys that lead to the servers.
        is_toml: whether it is TOML, else JSON.
        extra: members that its entries have beside `command` and `args`.
        is_one_list: whether `command` holds the arguments, too, and the environment is called `environment`.
    """

    file: Callable[[], str]
    place: tuple[str, ...]
    is_toml: bool = False
    extra: tuple[tuple[str, str | bool], ...] = ()
    is_one_list: bool = False


CLIENTS = {
    "claude": Client(paths.claude_code_servers_file, ("mcpServers",), extra=(("type", "stdio"),)),
    "openclaw": Client(lambda: os.path.join(paths.openclaw_dir(), "openclaw.json"), ("mcp", "servers")),
    "cursor": Client(paths.cursor_servers_file, ("mcpServers",)),
    "codex": Client(paths.codex_config_file, ("mcp_servers",), is_toml=True),
    "gemini": Client(lambda: os.path.join(paths.gemini_dir(), "settings.json"), ("mcpServers",)),
    "opencode": Client(
        paths.opencode_config_file, ("mcp",), extra=(("type", "local"), ("enabled", True)), is_one_list=True
    ),
}


def program() -> str:
    """Return the path of this program, by which a client can start it."""
    return shutil.which(NAME) or os.path.join(os.path.dirname(sys.executable), NAME)


def entry(client: Client) -> dict[str, Any]:
    """Return what a client has to start: all that it would otherwise need the shell's environment for."""
    started = {"command": [program(), "mcp"]} if client.is_one_list else {"command": program(), "args": ["mcp"]}
    # Clients hand a server little of their environment.
    moved = paths.moved_home()
    return {**dict(client.extra), **started, **({_env(client): {"MEMORY_ROUTER_HOME": moved}} if moved else {})}


def with_server(client: Client, text: str, file: str) -> str:
    """Return settings with the server; members of an earlier entry that are not ours stay.

    Args:
        client: whose settings they are.
        text: what the file holds; nothing where there is none.
        file: its path, for messages.

    Raises:
        SettingsError: the text is not what the client reads, or it cannot be changed safely.
    """
    body = _read(client, text, file)
    place = (*client.place, NAME)
    earlier = value_at(body, place)
    wanted = _updated(earlier if isinstance(earlier, dict) else {}, entry(client), _env(client))
    if wanted == earlier:
        return text
    if client.is_toml:
        kept = _without_tables(text)
        new = f"{kept}\n{_table(wanted)}" if kept else _table(wanted)
    else:
        new = (
            json5.changed(text, lambda strict: changed(strict, place, wanted))
            if text.strip()
            else json.dumps(_nested(place, wanted), indent=2) + "\n"
        )
    return _checked(client, body, new, file, wanted)


def without_server(client: Client, text: str, file: str) -> str:
    """Return settings without the server.

    Raises:
        SettingsError: the text is not what the client reads, or it cannot be changed safely.
    """
    body = _read(client, text, file)
    place = (*client.place, NAME)
    if value_at(body, place) is None:
        return text
    new = _without_tables(text) if client.is_toml else json5.changed(text, lambda strict: removed(strict, place))
    return _checked(client, body, new, file, None)


def _env(client: Client) -> str:
    return "environment" if client.is_one_list else "env"


def _updated(earlier: dict[str, Any], ours: dict[str, Any], env: str) -> dict[str, Any]:
    variables = {**earlier.get(env, {}), **ours.get(env, {})}
    return {**earlier, **ours, **({env: variables} if variables else {})}


def _read(client: Client, text: str, file: str) -> dict[str, Any]:
    kind = "TOML" if client.is_toml else "JSON"
    try:
        body = (tomllib.loads(text) if client.is_toml else json5.decode(text)) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise _refused(client, f"{paths.shown(file)} is not {kind} ({error}), so it was left as it is.") from error
    servers = body
    for key in client.place:
        servers = servers.get(key, {}) if isinstance(servers, dict) else None
    if not isinstance(servers, dict):
        where = ".".join(client.place)
        raise _refused(client, f"{where} in {paths.shown(file)} is no object, so it was left as it is.")
    return body


def _checked(client: Client, before: dict[str, Any], new: str, file: str, wanted: dict[str, Any] | None) -> str:
    """Return `new` if it says what `before` said and differs in our entry alone."""
    try:
        after = tomllib.loads(new) if client.is_toml else json5.decode(new)
    except ValueError:
        after = None
    if (
        _others(after, client.place) != _others(before, client.place)
        or value_at(after, (*client.place, NAME)) != wanted
    ):
        raise _refused(client, f"The entry in {paths.shown(file)} is written in a way that cannot be changed safely.")
    return new


def _others(body: Any, place: Sequence[str]) -> Any:
    """Return a copy of settings without our entry and without what is empty then."""
    if not isinstance(body, dict):
        return body
    if not place:
        return {key: value for key, value in body.items() if key != NAME}
    inner = _others(body.get(place[0], {}), place[1:])
    return {**{key: value for key, value in body.items() if key != place[0]}, **({place[0]: inner} if inner else {})}


def _refused(client: Client, cause: str) -> SettingsError:
    by_hand = _table(entry(client)) if client.is_toml else json.dumps(_nested((*client.place, NAME), entry(client)))
    return SettingsError(cause, f"Correct it, or change it by hand; the entry is: {by_hand.strip()}")


def _without_tables(text: str) -> str:
    """Return TOML without our tables; comments before the table that follows belong to that one."""
    kept: list[str] = []
    cut: list[str] | None = None
    for line in text.splitlines(keepends=True):
        if _ANY_TABLE.match(line):
            kept += _belonging_to_next(cut or [])
            cut = [] if _TABLE.match(line) else None
        if cut is None:
            kept.append(line)
        else:
            cut.append(line)
    left = "".join(kept).rstrip()
    return f"{left}\n" if left else ""


def _belonging_to_next(lines: list[str]) -> list[str]:
    start = len(lines)
    while start and (not lines[start - 1].strip() or lines[start - 1].lstrip().startswith("#")):
        start -= 1
    return lines[start:]


def _table(server: dict[str, Any]) -> str:
    """Return an entry in TOML, with what it holds of objects (such as `env`) in tables of their own."""
    inner = {key: value for key, value in server.items() if isinstance(value, dict)}
    plain = {key: value for key, value in server.items() if key not in inner}
    tables = [_lines(f"[mcp_servers.{NAME}]", plain)]
    tables += [_lines(f"[mcp_servers.{NAME}.{json.dumps(key)}]", value) for key, value in inner.items()]
    return "\n".join(tables)


def _lines(head: str, values: dict[str, Any]) -> str:
    # TOML writes strings, numbers, truths and lists of them as JSON does; what comes out otherwise is not written.
    told = {key: json.dumps(value, ensure_ascii=False, default=str) for key, value in values.items()}
    keys = {key: key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False) for key in values}
    return "".join([f"{head}\n", *(f"{keys[key]} = {value}\n" for key, value in told.items())])


def _nested(place: Sequence[str], value: Any) -> Any:
    for key in reversed(place):
        value = {key: value}
    return value
