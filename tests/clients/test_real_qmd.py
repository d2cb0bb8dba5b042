"""The real QMD agrees: its own program is asked beside our reading of its index.

`bash scripts/clients.sh` installs it; where that cannot be, these tests are skipped and say why.
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from memory_router.contract import Request, encode_request
from memory_router.engines.qmd import search
from memory_router.engines.qmd.program import program
from memory_router.engines.qmd.semantic import daemon_port
from memory_router.engines.qmd.state import examine
from memory_router.routing.response import decode_health, decode_response
from tests.conftest import Home

CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
CLIENT = Path(os.environ.get("MEMORY_ROUTER_CLIENTS") or Path(CACHE, "memory-router-clients")) / "qmd"
MODULES = CLIENT / "node_modules"
NODE = MODULES / ".bin" / "node"
SKIPPED = CLIENT / "skipped"

pytestmark = [
    pytest.mark.skipif(
        not (CLIENT / "installed").exists(),
        reason=SKIPPED.read_text() if SKIPPED.exists() else "QMD is not installed; run: bash scripts/clients.sh",
    ),
    # One worker builds what all these tests share.
    pytest.mark.xdist_group("qmd"),
]

WORDS = [
    "tide",
    "berth",
    "allocator",
    "ledger",
    "auth",
    "token",
    "lease",
    "harbor",
    "crane",
    "invoice",
    "tariff",
    "queue",
]
NOTES = {
    "auth/login.md": "# Signing in\n\nThe function handleLoginRequest checks DEC-0054 and the lease-based scheduler.\n",
    "auth/tokens.md": "# Tokens\n\nauth tokens are kept in the ledger; snake_case_name, kebab-case-name.\n",
    "ja.md": "# 認証メモ\n\n認証は署名されたトークンで行う。ログインの後に更新する。\n",
    "zh.md": "# 数据库\n\n我们选择了数据库的方案。它支持行级安全。\n",
    "release notes & more.md": '# Release 1.7.3\n\nUnder "exact phrase match" the version 1.7.3 was cut. Über alles.\n',
    "dots.md": "# Dots\n\nSee src/auth/login.ts and foo@bar.com, don't forget a.b.c and 3.14.\n",
    **{
        f"area/note-{n}.md": f"# Note {n}: {WORDS[n % 12]}\n\n{' '.join(WORDS[(n * k) % 12] for k in range(1, 9))}\n"
        for n in range(60)
    },
}
PROBES = [
    *("berth", "tide berth", "the", "allocat", "handleLoginRequest", "handleLogin", "LoginRequest", "snake_case_name"),
    *("snake_case", "case_name", "kebab-case-name", "DEC-0054", "lease-based scheduler", "multi-agent", "1.7.3"),
    *('"exact phrase"', '"phrase exact"', '"exact phrase', "auth -ledger", "auth -lease-based", 'note -"Note 3"'),
    *(
        "認証",
        "ログイン",
        "数据库",
        "認証 トークン",
        "Über",
        "uber",
        "don't",
        "src/auth/login.ts",
        "foo@bar.com",
        "title:auth",
    ),
    *(
        "auth OR ledger",
        "C++",
        "*.md",
        "note 17",
        "harbor crane tariff",
        "a.b.c",
        "3.14 dots",
        "nothingofthekind",
        "?!",
    ),
]


class Qmd:
    """One user of the real QMD: a home with notes, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.notes = folder / "notes"
        for name, text in NOTES.items():
            self.write(name, text)
        self.environment = self.home.environment
        for variable in ("INDEX_PATH", "QMD_CONFIG_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            self.environment.pop(variable, None)
        self.index = str(folder / ".cache/qmd/index.sqlite")

    def write(self, name: str, text: str) -> None:
        """Write a note."""
        (self.notes / name).parent.mkdir(parents=True, exist_ok=True)
        (self.notes / name).write_text(text, "utf-8")

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs QMD."""
        return [str(NODE), str(MODULES / "@tobilu/qmd/dist/cli/qmd.js"), *arguments]

    def run(self, *arguments: str) -> str:
        """Run QMD and return what it printed."""
        environment = {**self.environment, "CI": "1"}
        finished = subprocess.run(
            self.command(*arguments), env=environment, cwd=self.home.folder, capture_output=True, text=True, check=True
        )
        return finished.stdout

    def search(self, question: str, limit: int = 20) -> list[tuple[str, float]]:
        """Return the files and scores that QMD's own `search` gives."""
        printed = self.run("search", "--json", "-n", str(limit), "--", question)
        return [(one["file"], one["score"]) for one in json.loads(printed)]

    def ask(self, *requests: Request) -> list[Any]:
        """Send requests to the adapter."""
        adapter = Path(__file__).parents[2] / "backends" / "qmd" / "adapter.py"
        finished = subprocess.run(
            [sys.executable, str(adapter)],
            input=b"".join(map(encode_request, requests)),
            capture_output=True,
            env=self.environment,
            cwd=self.home.folder,
            check=True,
        )
        return finished.stdout.splitlines()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home whose notes QMD has indexed; tests work on copies."""
    folder = tmp_path_factory.mktemp("qmd")
    Qmd(folder).run("collection", "add", str(folder / "notes"), "--name", "notes")
    return folder


@pytest.fixture
def qmd(built: Path) -> Qmd:
    """Return the shared user; what a test changes, it changes back."""
    return Qmd(built)


@pytest.fixture
def own(tmp_path: Path) -> Qmd:
    """Return a user of this test alone."""
    user = Qmd(tmp_path)
    user.run("collection", "add", str(user.notes), "--name", "notes")
    return user


@pytest.mark.parametrize("question", PROBES)
def test_files_and_scores_are_those_of_its_own_search(qmd: Qmd, question: str) -> None:
    """Every file, in the same order but for ties, with the same score to two decimals."""
    theirs = qmd.search(question)
    ours = [(file, round(score, 2)) for file, score in search.as_qmd(qmd.index, question, 20)]
    assert [score for _, score in ours] == [score for _, score in theirs]
    least = theirs[-1][1] if theirs else 0
    assert {one for one in ours if one[1] > least} == {one for one in theirs if one[1] > least}
    assert len(ours) == len(theirs)


def test_plain_questions_are_answered_where_qmd_finds_nothing(qmd: Qmd) -> None:
    """A question in words gets the note that it means, with a relevance above the gate; nonsense does not."""
    question = "how does handleLoginRequest decide, and when?"
    assert qmd.search(question) == []
    answer, nonsense, health = qmd.ask(
        Request("query", question, "search"), Request("query", "penguin zoology"), Request("health")
    )
    body = decode_response(answer)
    assert body["metadata"]["engine"] == "qmd"
    (best, *_) = body["results"]
    assert (best["path"], best["metadata"]["engine"]) == (str(qmd.notes / "auth/login.md"), "qmd")
    assert body["normalized_relevance"] == best["relevance"] > 0.4
    assert decode_response(nonsense)["error_code"] == "NO_MATCH"
    assert decode_health(health)[::3] == ("ready", "qmd")


def test_modes_that_need_models_are_answered_in_time_without_them(qmd: Qmd) -> None:
    """Nothing is embedded: full text answers, and the answer says why and what would help."""
    for line in qmd.ask(
        *(Request("query", "berth allocator", mode, deadline_ms=2000) for mode in ("vsearch", "query"))
    ):
        body = decode_response(line)
        assert body["status"] == "success"
        assert body["metadata"]["answered_by"] == "search"
        assert body["metadata"]["qmd"]["fix"] == "Run: qmd embed"


def test_stale_and_deleted_files_are_told(own: Qmd) -> None:
    """QMD serves what it read; here a changed file is told, a deleted one left out, until `qmd update`."""
    own.write("dots.md", "# Dots\n\nAll of it is new, only Zanzibar.\n")
    (own.notes / "ja.md").unlink()
    assert own.search("認証")
    changed, deleted = (
        decode_response(line) for line in own.ask(Request("query", "foo bar"), Request("query", "認証"))
    )
    assert "changed" in changed["results"][0]["metadata"]["stale"]
    assert all(one["path"] != str(own.notes / "ja.md") for one in deleted["results"])
    own.run("update")
    (line,) = own.ask(Request("query", "Zanzibar"))
    assert "stale" not in decode_response(line)["results"][0]["metadata"]
    assert own.search("認証") == search.as_qmd(own.index, "認証") == []


def test_reading_goes_on_while_qmd_updates(own: Qmd) -> None:
    """Questions during `qmd update` are all answered, from before or after, and leave QMD undisturbed."""
    for number in range(300):
        own.write(f"new/{number}.md", f"# New {number}\n\nzeppelin tide {number}\n")
    update = subprocess.Popen(own.command("update"), env=own.environment, stdout=subprocess.PIPE, cwd=own.home.folder)
    counts = []
    while update.poll() is None:
        assert search.search(own.index, "how is the berth allocator done").hits
        counts.append(len(search.as_qmd(own.index, "zeppelin", 400)))
    assert update.communicate()[0]
    assert update.returncode == 0
    # QMD itself takes a document out of its full text for the moment in which it writes it anew.
    assert all(later >= earlier - 1 for earlier, later in itertools.pairwise(counts))
    assert len(search.as_qmd(own.index, "zeppelin", 400)) == 300 == len(own.search("zeppelin", 400))


def test_an_index_of_nothing_is_told(tmp_path: Path) -> None:
    """QMD itself says `[]`; here it is `NOT_INDEXED` with what to do, and health says `installed`."""
    user = Qmd(tmp_path)
    assert user.search("berth") == []
    line, health = user.ask(Request("query", "berth"), Request("health"))
    body = decode_response(line)
    assert (body["status"], body["error_code"]) == ("error", "NOT_INDEXED")
    assert "qmd collection add" in body["error_message"]
    assert decode_health(health).status == "installed"


def test_a_project_index_is_not_taken(own: Qmd) -> None:
    """QMD prefers a `.qmd` folder above the present one; here a cloned project cannot put itself first."""
    project = own.home.folder / ".qmd"
    project.mkdir()
    (project / "index.yml").write_text("collections: {}\n")
    assert own.search("berth") == []
    line, health = own.ask(Request("query", "berth"), Request("health"))
    assert decode_response(line)["status"] == "success"
    assert "INDEX_PATH" in decode_health(health).reason


def test_the_program_is_found_behind_its_launcher(qmd: Qmd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What starts is QMD itself on the Node.js beside it; the launcher would outlive its killing."""
    monkeypatch.setenv("PATH", str(MODULES / ".bin"))
    assert program() == (str(NODE), str((MODULES / "@tobilu/qmd/dist/cli/qmd.js").resolve()))


def test_the_daemon_is_found_by_its_own_note(own: Qmd, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port of a daemon that QMD started is read from its process; without one there is no port."""
    monkeypatch.setenv("HOME", str(own.home.folder))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert daemon_port() is None
    port = 20_000 + os.getpid() % 20_000
    own.run("mcp", "--http", "--daemon", "--port", str(port))
    try:
        assert daemon_port() == port
        state = examine(own.index)
        assert state
        assert "embedded" in state.reason
    finally:
        process = int((own.home.folder / ".cache/qmd/mcp.pid").read_text())
        os.kill(process, 15)
