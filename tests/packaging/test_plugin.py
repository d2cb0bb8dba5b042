"""The plugin is one folder that says the same as the program."""

import json
import re
import subprocess
import sys
from pathlib import Path

from memory_router import __version__
from tests.conftest import Home

ROOT = Path(__file__).parent.parent.parent
PLUGIN = ROOT / "plugin"


def read(*names: str) -> dict[str, object]:
    """Return a JSON file of the repository."""
    body: dict[str, object] = json.loads(ROOT.joinpath(*names).read_text("utf-8"))
    return body


def test_the_skill_is_the_same() -> None:
    """The plugin's skill is SKILL.md; scripts/generate_docs.py copies it."""
    assert (PLUGIN / "skills/memory-router/SKILL.md").read_bytes() == (ROOT / "SKILL.md").read_bytes()


def test_versions_agree() -> None:
    """The plugin has the program's version, so that a host sees when there is a newer one."""
    assert read("plugin", ".claude-plugin", "plugin.json")["version"] == __version__


def test_both_marketplaces_offer_it() -> None:
    """The repository and the folder itself are marketplaces of the same plugin, and differ in where it lies."""
    inner, outer = read("plugin", ".claude-plugin", "marketplace.json"), read(".claude-plugin", "marketplace.json")
    assert json.loads(json.dumps(inner).replace('"./"', '"./plugin"')) == outer


def test_the_memory_slot_is_left_alone() -> None:
    """Nothing in the plugin asks OpenClaw for its one exclusive place of a memory."""
    assert not list(PLUGIN.rglob("openclaw.plugin.json"))
    assert all('"kind"' not in file.read_text("utf-8") for file in PLUGIN.rglob("*.json"))


def test_what_it_runs_is_there(home: Home) -> None:
    """Each hook and the server is a command of the program, and no failure of a hook reaches the host."""
    hooks = json.dumps(read("plugin", "hooks", "hooks.json"))
    commands = re.findall(r'"command": "(.*?)"', hooks)
    assert len(commands) == 5
    for command in commands:
        program, group, name, *rest = command.split()
        assert (program, rest) == ("memory-router", ["||", "true"])
        assert home.run(group, name, "--help").code == 0
        failing = ["sh", "-c", command.replace(program, f"{sys.executable} -c 'raise SystemExit(2)'")]
        assert subprocess.run(failing, check=False).returncode == 0
    server = json.dumps(read("plugin", ".mcp.json"))
    assert json.loads(server) == {"mcpServers": {"memory-router": {"command": "memory-router", "args": ["mcp"]}}}


def test_the_program_knows_the_folder(home: Home) -> None:
    """`memory-router plugin` prints where the plugin lies, as a line that a shell can use."""
    outcome = home.run("plugin")
    assert outcome.out == f"{PLUGIN}\n"
