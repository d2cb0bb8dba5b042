"""Add the MCP server to the settings of an agent's client, or take it out, and leave all else as its author wrote it.

Codex keeps TOML, the others JSON, with or without comments. What cannot be read as such is never touched.
"""

import json
import os
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


class Client(NamedTuple):
    """Where a client keeps its MCP servers.

    Args:
        file: gives the path of its settings.
        place: the keys that lead to the servers.
        is_toml: whether it is TOML, else JSON.
        extra: members that its entries have in addition to `command` and `args`.
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
        text: what the file holds; empty for a missing file.
        file: its path, for messages.

    Raises:
        SettingsError: the text is not what the client reads, or it cannot be changed safely.
    """
    body = _read(client, text, file)
    place = (*client.place, NAME)
    earlier = value_at(body, place)
    updated = _updated(earlier if isinstance(earlier, dict) else {}, entry(client), _env(client))
    if updated == earlier:
        return text
    if client.is_toml:
        new = _with_table(text, place, updated)
    else:
        new = (
            json5.changed(text, lambda strict: changed(strict, place, updated))
            if text.strip()
            else json.dumps(_nested(place, updated), indent=2) + "\n"
        )
    return _checked(client, body, new, file, updated)


def without_server(client: Client, text: str, file: str) -> str:
    """Return settings without the server.

    Raises:
        SettingsError: the text is not what the client reads, or it cannot be changed safely.
    """
    body = _read(client, text, file)
    place = (*client.place, NAME)
    if value_at(body, place) is None:
        return text
    new = _without_table(text, place) if client.is_toml else json5.changed(text, lambda strict: removed(strict, place))
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
        raise _refused(client, f"{where} in {paths.shown(file)} is not an object, so it was left as it is.")
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
    place = (*client.place, NAME)
    by_hand = _with_table("", place, entry(client)) if client.is_toml else json.dumps(_nested(place, entry(client)))
    return SettingsError(cause, f"Correct it, or change it by hand; the entry is: {by_hand.strip()}")


def _with_table(text: str, place: Sequence[str], wanted: dict[str, Any]) -> str:
    """Return TOML with an entry at `place`; what surrounds it, and its own comments, stay as they are."""
    import tomlkit

    document = tomlkit.parse(text)
    servers = value_at(document, place[:-1])
    earlier = value_at(document, place)
    if isinstance(earlier, dict):
        following = _following_comments(earlier)
        for key in (key for key in wanted if earlier.get(key) != wanted[key]):
            earlier[key] = wanted[key]
        for comment in following:
            _last_table(earlier).add(comment)
    elif isinstance(servers, tomlkit.items.InlineTable):
        servers[place[-1]] = wanted
    else:  # at the end, where no comment is torn from its table
        return f"{text.rstrip()}\n\n{tomlkit.dumps(_nested(place, wanted))}".lstrip()
    return tomlkit.dumps(document)


def _without_table(text: str, place: Sequence[str]) -> str:
    """Return TOML without the entry at `place`."""
    import tomlkit

    document = tomlkit.parse(text)
    servers = value_at(document, place[:-1])
    following = _following_comments(servers[place[-1]])
    del servers[place[-1]]
    for comment in following:
        servers.add(comment)
    return tomlkit.dumps(document)


def _following_comments(entry: Any) -> list[Any]:
    """Take the comments off the end of an entry, and return them: they belong to the table that follows."""
    body = getattr(getattr(_last_table(entry), "value", None), "body", [])
    start = len(body)
    while start and body[start - 1][0] is None:
        start -= 1
    taken = [item for _, item in body[start:]]
    del body[start:]
    return taken


def _last_table(entry: Any) -> Any:
    """Return the table in which the text of an entry ends: itself, or the last one inside it."""
    last = next(reversed(list(entry.values())), None) if entry else None
    return _last_table(last) if isinstance(last, dict) else entry


def _nested(place: Sequence[str], value: Any) -> Any:
    for key in reversed(place):
        value = {key: value}
    return value
