"""Give every test an empty home and the real command line."""

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest

from memory_router.contract import Result
from memory_router.testing import Behaviour, requests_to, write_fake_backend

GOOD = Behaviour(results=(Result("the answer", relevance=0.9),))
POOR = Behaviour(results=(Result("a guess", relevance=0.2),))
EMPTY = Behaviour()
BROKEN = Behaviour(status="error", error_code="DISK_ON_FIRE", error_message="The disk is on fire. Put it out.")

# Whether a law holds says nothing about how busy the machine is.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

# The many processes of the tests start as those of an installation do: from bytecode, a quarter of the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No test leaves a process behind but those of the resident itself, which end it.
os.environ["MEMORY_ROUTER_RESIDENT"] = "off"
# Whether an encoder is installed must not show, but where it is tested.
os.environ["MEMORY_ROUTER_MEANING"] = "off"

# A developer's own QMD, Claude Code or database must not leak into a test.
_OF_COGNEE = ("COGNEE_SERVICE_URL", "COGNEE_API_KEY", "COGNEE_API_TOKEN", "SYSTEM_ROOT_DIRECTORY", "HTTP_API_PORT")
_OF_OTHER_PROGRAMS = (
    "MEMORY_ROUTER_DATABASE",
    "INDEX_PATH",
    "QMD_CONFIG_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
)


# Who runs the tests, a person or an agent, must not decide either.
_OF_AGENTS = (
    *("AGENT", "AI_AGENT", "CLAUDECODE", "CODEX_SANDBOX", "CODEX_THREAD_ID", "CURSOR_AGENT", "GEMINI_CLI"),
    *("OPENCODE", "OPENCLAW_SHELL"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let snapshots be written anew."""
    parser.addoption("--update", action="store_true", help="write what commands print now as their snapshots")


class Outcome(NamedTuple):
    """What a run of the command line printed and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return stdout, which must be one JSON value."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Return stdout, which must be one JSON value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Home:
    """One user: a home folder of their own, their backends, and the command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.log = self.state / "router.log"
        self.backends = folder / "config" / "backends"
        others = {*_OF_OTHER_PROGRAMS, *_OF_COGNEE, *_OF_AGENTS}
        clean = {name: value for name, value in os.environ.items() if name not in others}
        self.environment = {**clean, "HOME": str(folder), "MEMORY_ROUTER_HOME": str(folder), "NO_COLOR": "1"}

    def run(self, *arguments: str | bytes, stdin: str | bytes = b"", cwd: Path | None = None) -> Outcome:
        """Run `memory-router ARGUMENTS` as a user's shell would."""
        return self.python("-m", "memory_router", *arguments, stdin=stdin, cwd=cwd)

    def python(self, *arguments: str | bytes, stdin: str | bytes = b"", cwd: Path | None = None) -> Outcome:
        """Run Python as this user."""
        finished = subprocess.run(
            [sys.executable, *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=self.environment,
            cwd=cwd or self.folder,
            check=False,
        )
        return Outcome(finished.returncode, finished.stdout.decode(), finished.stderr.decode())

    def at_terminal(self, arguments: list[str], typed: bytes = b"") -> bytes:
        """Run the command line at a terminal, type, and return what it showed."""
        child, terminal = pty.fork()
        if child == 0:
            os.environ.update(self.environment)
            os.execv(sys.executable, [sys.executable, "-m", "memory_router", *arguments])
        os.write(terminal, typed)
        shown = bytearray()
        try:
            while block := os.read(terminal, 4096):
                shown += block
        except OSError:  # Linux ends a terminal so when its last process ends
            pass
        os.waitpid(child, 0)
        return bytes(shown)

    def fake(self, name: str, behaviour: Behaviour, **manifest: Any) -> str:
        """Put a fake backend in the place of `name`, with all modes that the rule table asks for."""
        modes = ["search", "vsearch", "query"] if name == "qmd" else []
        return write_fake_backend(str(self.backends), name, behaviour, **{"modes": modes, **manifest})

    def register(self, **statuses: str) -> None:
        """Write `backends.json` as the setup scripts would."""
        entries = {
            name: {"status": status, "setup_exit_code": 0, "installed_at": "2026-03-10T14:30:00Z", "message": ""}
            for name, status in statuses.items()
        }
        self.write_state({"version": 1, "tier": "starter", "backends": entries})

    def write_state(self, state: Any) -> None:
        """Write anything at all as `backends.json`."""
        self.state.mkdir(parents=True, exist_ok=True)
        (self.state / "backends.json").write_text(state if isinstance(state, str) else json.dumps(state))

    def with_fakes(self, **behaviours: Behaviour) -> dict[str, str]:
        """Install and register fakes by name; return their folders."""
        folders = {name: self.fake(name, behaviour) for name, behaviour in behaviours.items()}
        self.register(**dict.fromkeys(behaviours, "ready"))
        return folders

    def asked(self, name: str) -> list[str | None]:
        """Return the modes in which the fake `name` was asked, in order."""
        return [request.mode for request in requests_to(str(self.backends / name))]

    def configure(self, **changes: Any) -> None:
        """Write a user's `router-config.json`: the bundled one with `changes` at its top level."""
        bundled = json.loads((Path(__file__).parent.parent / "router-config.json").read_text())
        target = self.folder / "config" / "router-config.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({**bundled, **changes}))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return an empty home."""
    return Home(tmp_path)


@pytest.fixture
def own_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return an empty home that this process uses, too."""
    monkeypatch.setenv("MEMORY_ROUTER_HOME", str(home.folder))
    return home


def ends(pid: int) -> bool:
    """Wait for the end of a process that may be nobody's child; say whether it came within ten seconds."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poll = select.poll()
    poll.register(process, select.POLLIN)
    ended = bool(poll.poll(10_000))
    os.close(process)
    return ended


def bounded(texts: Sequence[str]) -> list[str]:
    """Return `texts` shortened for names of test cases."""
    return [text[:30] for text in texts]
