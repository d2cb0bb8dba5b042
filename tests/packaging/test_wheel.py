"""The wheel holds all that the program needs, wherever it is installed."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_is_complete(wheel: Path) -> None:
    """The wheel carries the backends with their documents, the rule table, the skill and the mark of typed code."""
    names = set(zipfile.ZipFile(wheel).namelist())
    inside = {name.removeprefix("memory_router/") for name in names if name.startswith("memory_router/")}
    backends = {str(path.relative_to(ROOT)) for path in ROOT.glob("backends/**/*.*") if path.suffix != ".pyc"}
    plugin = {str(path.relative_to(ROOT)) for path in ROOT.glob("plugin/**/*") if path.is_file()}
    assert {"plugin/.claude-plugin/plugin.json", "plugin/.mcp.json"} < plugin
    assert {"router-config.json", "SKILL.md", "py.typed", "backends/CONTRACT.md", *backends, *plugin} <= inside
    assert not any("__pycache__" in name or name.startswith(("tests", "docs", "scripts")) for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.timeout(300)
def test_installed_wheel_answers(wheel: Path, tmp_path: Path) -> None:
    """Installed into an environment with nothing else, the program answers from another folder and an empty home."""
    venv.create(tmp_path / "venv", with_pip=True)
    binaries = tmp_path / "venv" / "bin"
    subprocess.run([binaries / "python", "-m", "pip", "install", "--quiet", wheel], check=True, capture_output=True)
    home = tmp_path / "home"
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "tides.md").write_text("# Tides\n\nThe tide table hangs on the fridge.\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG_", "MEMORY_"))}

    def run(*arguments: str) -> Any:
        finished = subprocess.run(
            [binaries / "memory-router", *arguments],
            cwd=notes,
            env={**kept, "HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)

    assert run("init")["backends"]["qmd"]["status"] == "installed"
    assert run("index", str(notes))["added"] == 1
    envelope = run("query", "where does the tide table hang")
    assert (envelope["status"], envelope["routed_to"]) == ("success", "qmd")
    assert "fridge" in envelope["results"][0]["content"]
    assert run("config", "check")["ok"] is True
    assert not (notes / ".memory-router").exists()
    assert [path.name for path in notes.iterdir()] == ["tides.md"]
