"""The real MCP inspector agrees: it lists and calls the tools over stdio and over HTTP.

`bash scripts/clients.sh inspector` installs it; where that cannot be, these tests are skipped and say why.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.places import modules, needs
from tests.conftest import Home

MODULES = modules("inspector")
INSPECTOR = [
    str(MODULES / ".bin" / "node"),
    str(MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"),
    "--cli",
]
PROGRAM = str(Path(sys.executable).with_name("memory-router"))
TOOLS = {"search", "get", "remember", "feedback", "status"}

pytestmark = needs("inspector")


def inspect(home: Home, *arguments: str) -> Any:
    """Run the inspector and return what it printed."""
    done = subprocess.run(
        [*INSPECTOR, *arguments],
        env=home.environment,
        cwd=home.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@contextmanager
def served(home: Home) -> Iterator[str]:
    """Serve over HTTP on a free port while the block runs."""
    command = [PROGRAM, "mcp", "--http", "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(command, env=home.environment, cwd=home.folder, stderr=subprocess.PIPE, text=True)
    assert server.stderr
    try:
        (address,) = [word for word in server.stderr.readline().split() if word.startswith("http")]
        yield address
    finally:
        server.terminate()
        server.communicate()


@pytest.fixture
def user(home: Home) -> Home:
    """Return a home in which something is remembered."""
    assert home.run("init").code == 0
    assert home.run("remember", "We chose Postgres for row-level security.").code == 0
    return home


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_tools_are_listed_and_called(transport: str, user: Home) -> None:
    """Five tools with schemas of what they take and return; a search gives the memory as text and as an object."""
    stdio = ("-e", f"MEMORY_ROUTER_HOME={user.folder}", PROGRAM, "mcp")
    with served(user) as address:
        target = stdio if transport == "stdio" else (address, "--transport", "http")
        tools = inspect(user, *target, "--method", "tools/list")["tools"]
        call = ("--method", "tools/call", "--tool-name", "search")
        found = inspect(user, *target, *call, "--tool-arg", "query=why did we choose Postgres")
    assert {tool["name"] for tool in tools} == TOOLS
    assert all(tool["outputSchema"]["type"] == "object" and tool["annotations"] for tool in tools)
    assert "row-level security" in found["structuredContent"]["results"][0]["content"]
    assert "row-level security" in found["content"][0]["text"]
    assert not found.get("isError")
