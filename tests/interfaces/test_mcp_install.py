"""Settings of other programs are changed in one place, and nothing else of them is lost."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.errors import SettingsError
from memory_router.interfaces import settings_file
from memory_router.interfaces.client_settings import CLIENTS, NAME, with_server, without_server
from memory_router.learning.config_text import value_at
from tests.conftest import Home

FILES = {
    "claude": ".claude.json",
    "openclaw": ".openclaw/openclaw.json",
    "cursor": ".cursor/mcp.json",
    "codex": ".codex/config.toml",
    "gemini": ".gemini/settings.json",
    "opencode": ".config/opencode/opencode.json",
}
JSON_SETTINGS = """{
    "zebra": 1,
    "mcpServers": {
        "other": {"command": "other", "args": ["-x"]}
    },
    "mcp": {"servers": {"other": {"command": "other"}}},
    "apple": "caf\u00e9"
}
"""
TOML_SETTINGS = """# My settings
model = "o5"  # the good one

[mcp_servers.other]
command = "other"

# Colours
[tui]
theme = 'dark'
"""
SETTINGS = {name: TOML_SETTINGS if name == "codex" else JSON_SETTINGS for name in CLIENTS}


def parsed(name: str, text: str) -> Any:
    """Return what a client's settings say."""
    return tomllib.loads(text) if CLIENTS[name].is_toml else json.loads(text)


def ours(name: str, text: str) -> Any:
    """Return our entry in a client's settings."""
    return value_at(parsed(name, text), (*CLIENTS[name].place, NAME))


def started(entry: Any) -> list[str]:
    """Return the command with its arguments that an entry starts."""
    command = entry["command"]
    return command if isinstance(command, list) else [command, *entry["args"]]


@pytest.fixture
def user(home: Home) -> Home:
    """Return a home whose clients keep their settings where they do by default."""
    for variable in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "OPENCLAW_STATE_DIR", "OPENCLAW_HOME", "LCM_OPENCLAW_DIR"):
        home.environment.pop(variable, None)
    return home


def write(user: Home, name: str, text: str) -> Path:
    """Write a client's settings."""
    file = user.folder / FILES[name]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize("name", CLIENTS)
def test_the_server_is_added_and_taken_out(name: str, user: Home) -> None:
    """The change is shown first, then made with a backup, is idempotent, and can be undone."""
    file = write(user, name, SETTINGS[name])
    file.chmod(0o640)
    install = ("mcp", "install", "--client", name)

    planned = user.run(*install, "--dry-run").json
    assert (planned["changed"], planned["written"], planned["backup"]) == (True, False, None)
    assert file.read_text("utf-8") == SETTINGS[name]

    done = user.run(*install).json
    assert done["diff"] == planned["diff"]
    assert all(line[0] in " @+-" for line in done["diff"].splitlines())
    assert Path(done["backup"]).read_text("utf-8") == SETTINGS[name]
    assert file.stat().st_mode & 0o777 == 0o640
    entry = ours(name, file.read_text("utf-8"))
    program, *arguments = started(entry)
    assert arguments == ["mcp"]
    assert os.path.isabs(program)
    # A client hands its servers little of its environment.
    assert entry["environment" if name == "opencode" else "env"] == {"MEMORY_ROUTER_HOME": str(user.folder)}

    again = user.run(*install).json
    assert (again["changed"], again["written"], again["diff"]) == (False, False, "")

    user.run(*install, "--uninstall")
    assert parsed(name, file.read_text("utf-8")) == parsed(name, SETTINGS[name])
    assert user.run(*install, "--uninstall").json["changed"] is False
    assert {path.name for path in file.parent.iterdir()} >= {file.name}
    assert not list(file.parent.glob(f"{file.name}.[0-9]*"))


@pytest.mark.parametrize("name", CLIENTS)
def test_all_else_stays_as_written(name: str) -> None:
    """Every line that was there is there afterwards, in its order: other servers, comments, spaces."""
    after = iter(with_server(CLIENTS[name], SETTINGS[name], "settings").splitlines())
    assert all(any(line == other for other in after) for line in SETTINGS[name].splitlines() if '"mcp": {' not in line)


@pytest.mark.parametrize("name", CLIENTS)
def test_missing_settings_are_made(name: str, user: Home) -> None:
    """Where there is no file, or an empty one, it is made for this user alone, and there is nothing to back up."""
    outcome = user.run("mcp", "install", "--client", name).json
    file = user.folder / FILES[name]
    assert (outcome["written"], outcome["backup"]) == (True, None)
    assert started(ours(name, file.read_text()))[1:] == ["mcp"]
    assert file.stat().st_mode & 0o077 == 0
    assert ours(name, with_server(CLIENTS[name], " \n", "settings"))


def test_inline_servers() -> None:
    """An entry is added to servers that stand in one line, and taken out again."""
    before = 'mcp_servers = { other = { command = "x" } }\n'
    after = with_server(CLIENTS["codex"], before, "settings")
    assert set(tomllib.loads(after)["mcp_servers"]) == {"other", "memory-router"}
    assert without_server(CLIENTS["codex"], after, "settings") == before


def test_comments_of_the_next_table() -> None:
    """A comment above the table after ours stays above it, whatever becomes of ours."""
    following = "# about the model\n[profile]\nname = 1\n"
    before = f'[mcp_servers.memory-router]\ncommand = "old"\n\n{following}'
    after = with_server(CLIENTS["codex"], before, "settings")
    assert after.endswith(following)
    assert without_server(CLIENTS["codex"], after, "settings").endswith(following)


BAD = {
    "no JSON": "{nope",
    "a list": "[1, 2]",
    "servers are a list": '{"mcpServers": [], "mcp": []}',
    "servers are a text": '{"mcpServers": "x", "mcp": "x"}',
    "twice": '{"mcpServers": {"a": 1}, "mcpServers": {}, "mcp": {"servers": {"a": 1}}, "mcp": {}}',
    "no TOML": "[mcp_servers\n",
    "array of tables": '[[mcp_servers]]\ncommand = "x"\n',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("fault", BAD)
@pytest.mark.parametrize("name", CLIENTS)
def test_what_cannot_be_read_is_refused(name: str, fault: str) -> None:
    """Settings that are not what the client reads, or that cannot be changed safely, are not changed."""
    with pytest.raises(SettingsError, match="by hand; the entry is: "):
        with_server(CLIENTS[name], BAD[fault], "settings")


@pytest.mark.parametrize(("name", "fault"), [("claude", "no JSON"), ("codex", "no TOML")])
def test_what_is_refused_is_left_alone(name: str, fault: str, user: Home) -> None:
    """The file stays as it is, nothing is put beside it, and the user is told the file and the entry."""
    file = write(user, name, BAD[fault])
    outcome = user.run("mcp", "install", "--client", name)
    assert (outcome.code, outcome.out) == (1, "")
    assert FILES[name] in outcome.err
    assert "by hand" in outcome.err
    assert file.read_text("utf-8") == BAD[fault]
    assert list(file.parent.glob(f"{file.name}*")) == [file]


def test_no_utf8_is_left_alone(user: Home) -> None:
    """A file that is no text stays as it is."""
    file = user.folder / ".claude.json"
    file.write_bytes(b'{"a": "\xff"}')
    outcome = user.run("mcp", "install", "--client", "claude")
    assert (outcome.code, outcome.out) == (1, "")
    assert "UTF-8" in outcome.err
    assert file.read_bytes() == b'{"a": "\xff"}'


def test_links_stay_links(user: Home) -> None:
    """Settings that are kept elsewhere and linked are changed there."""
    kept = user.folder / "dotfiles.json"
    kept.write_text("{}")
    (user.folder / ".claude.json").symlink_to(kept)
    assert user.run("mcp", "install", "--client", "claude").json["written"]
    assert (user.folder / ".claude.json").is_symlink()
    assert ours("claude", kept.read_text())


def test_what_the_user_added_to_the_entry_stays(user: Home) -> None:
    """An environment or a limit beside our members survives an update of the program's path."""
    server = {"command": "/old/memory-router", "args": ["mcp"], "env": {"MEMORY_ROUTER_HOME": "/x"}, "limit": 3}
    before = json.dumps({"mcpServers": {NAME: server}})
    entry = ours("claude", with_server(CLIENTS["claude"], before, "settings"))
    assert entry["command"] != "/old/memory-router"
    assert (entry["env"], entry["limit"]) == ({"MEMORY_ROUTER_HOME": "/x"}, 3)
    toml = (
        f'[mcp_servers.{NAME}]\ncommand = "/old"\nlimit = 3\n\n[mcp_servers.{NAME}.env]\nA = "b c"\n\n# Next\n[tui]\n'
    )
    after = with_server(CLIENTS["codex"], toml, "settings")
    entry = ours("codex", after)
    assert (entry["limit"], entry["env"]) == (3, {"A": "b c"})
    assert "# Next\n[tui]\n" in after
    assert after.count("command") == 1


def test_keys_around_the_change_are_not_shown(user: Home) -> None:
    """A secret that stands beside the change is redacted in what is printed, and kept in the file."""
    key = "sk-ant-api03-" + "A1b2C3d4" * 10
    file = write(user, "claude", json.dumps({"apiKey": key, "mcpServers": {}}, indent=2))
    outcome = user.run("mcp", "install", "--client", "claude")
    assert key not in outcome.out
    assert key in file.read_text()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON_VALUES), st.sampled_from([None, 2, "\t"]))
def test_any_json_survives(body: dict[str, Any], indent: int | str | None) -> None:
    """Whatever the settings hold, adding the server and taking it out again gives the same settings."""
    client, text = CLIENTS["claude"], json.dumps({**body, "mcpServers": {}}, indent=indent)
    added = with_server(client, text, "settings")
    assert ours("claude", added)["args"] == ["mcp"]
    assert json.loads(without_server(client, added, "settings")) == json.loads(text)


@given(st.text(alphabet="[]mcp_servers.memory-router\"=\n# '", max_size=80))
def test_any_toml_survives(text: str) -> None:
    """Whatever stands there, it is refused or nothing but our entry changes."""
    client = CLIENTS["codex"]
    try:
        added = with_server(client, text, "settings")
    except SettingsError:
        return
    removed = tomllib.loads(without_server(client, added, "settings"))
    before = tomllib.loads(text)
    for body in (removed, before):
        body.get("mcp_servers", {}).pop(NAME, None)
        if not body.get("mcp_servers", 1):
            del body["mcp_servers"]
    assert removed == before


def test_a_change_of_one_long_line_can_be_read() -> None:
    """Settings that a client keeps on one line are compared member by member."""
    before = json.dumps({"theme": "dark", "history": ["x" * 200], "mcpServers": {}})
    after = json.dumps({"theme": "dark", "history": ["x" * 200], "mcpServers": {"memory-router": {}}})
    changed = [line for line in settings_file.difference(before, after, "f").splitlines() if line[0] in "+-"]
    assert changed[2:] == ['-  "mcpServers": {}', '+  "mcpServers": {', '+    "memory-router": {}', "+  }"]
