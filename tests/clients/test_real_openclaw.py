"""The real OpenClaw agrees: it takes the plugin, finds the skill ready and reaches the server.

`bash scripts/clients.sh openclaw` installs it; where that cannot be, these tests are skipped and say why.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.places import modules, needs
from tests.conftest import Home

PLUGIN = Path(__file__).parents[2] / "plugin"
MODULES = modules("openclaw")

pytestmark = needs("openclaw")


class OpenClaw:
    """One user of OpenClaw, with the router on their PATH."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        kept = {name: value for name, value in self.home.environment.items() if not name.startswith("OPENCLAW")}
        programs = (str(MODULES / ".bin"), str(Path(sys.executable).parent), kept["PATH"])
        self.environment = {**kept, "PATH": os.pathsep.join(programs)}
        self.home.environment = self.environment

    def run(self, *arguments: str | Path) -> str:
        """Run OpenClaw and return what it printed."""
        done = subprocess.run(
            [MODULES / ".bin" / "openclaw", *arguments],
            cwd=self.home.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def settings(self) -> Any:
        """Return its settings."""
        return json.loads((self.home.folder / ".openclaw/openclaw.json").read_text())


@pytest.fixture(scope="module")
def openclaw(tmp_path_factory: pytest.TempPathFactory) -> OpenClaw:
    """Return a user who installed the plugin."""
    user = OpenClaw(tmp_path_factory.mktemp("openclaw"))
    assert user.home.run("init").code == 0
    user.run("plugins", "install", PLUGIN, "--force", "--accept-capabilities")
    return user


def test_the_plugin_is_loaded_beside_the_memory(openclaw: OpenClaw) -> None:
    """It is a bundle with skill and server, enabled, and no slot was taken for it."""
    plugin = json.loads(openclaw.run("plugins", "inspect", "memory-router", "--json"))["plugin"]
    assert (plugin["status"], plugin["bundleFormat"]) == ("loaded", "claude")
    assert {"skills", "mcpServers"} <= set(plugin["bundleCapabilities"])
    assert plugin.get("kind") is None
    assert "memory-router" not in json.dumps(openclaw.settings()["plugins"].get("slots", {}))


def test_the_skill_is_ready(openclaw: OpenClaw) -> None:
    """`skills info` finds all that it requires; `skills check` counts it among those that can be used."""
    skill = json.loads(openclaw.run("skills", "info", "memory-router", "--json"))
    assert skill["eligible"] is True
    assert skill["requirements"]["bins"] == ["memory-router"]
    assert not any(skill["missing"].values())
    checked = json.loads(openclaw.run("skills", "check", "--json"))
    assert "memory-router" in checked["eligible"]


def test_the_server_is_reached(openclaw: OpenClaw) -> None:
    """`mcp install` writes what OpenClaw reads and keeps what it wrote; it connects and sees the five tools."""
    before = openclaw.settings()
    assert openclaw.home.run("mcp", "install", "--client", "openclaw").json["written"]
    assert {**openclaw.settings(), "mcp": before.get("mcp")} == {**before, "mcp": before.get("mcp")}
    probed = json.loads(openclaw.run("mcp", "probe", "memory-router", "--json"))
    assert probed["servers"]["memory-router"]["tools"] == 5
    assert "memory-router__search" in probed["tools"]
    assert openclaw.home.run("mcp", "install", "--client", "openclaw", "--uninstall").json["written"]
