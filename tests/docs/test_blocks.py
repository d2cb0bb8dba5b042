"""Whatever a page shows in a block runs: commands, Python, configuration; and the output that it shows is printed."""

import importlib.resources
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from memory_router.routing import config_file, config_schema
from tests.conftest import Home, Outcome
from tests.docs.test_documentation import PAGES, ROOT, blocks
from tests.interfaces.commands import FACT, NOTES, UNHURRIED, run

_NEEDS = {
    "another program, which tests/clients run where they are": r"claude |openclaw ",
    "an installation of its own, as tests/packaging makes": r"pip |pipx |uv |REPOSITORY=|bash scripts/setup",
    "all tests, or checks of this program": r"bash (scripts/test|\.ci)|\.venv/bin/(ruff|mypy|python (scripts|bench))",
    "a server that runs until it is stopped": r"memory-router (window( --json.*)?$|index --w|agents mcp( --http.*)?$)",
    "a PostgreSQL server, as tests/storage starts": r".*postgresql://",
    "a host's event, as the snapshots give": r"memory-router agents hooks (session|tool|compaction|prompt)",
}
# What nobody has before they were given it; and what only a person may do is refused here.
_REFUSED = r"suggestions (show|accept|reject|undo) \d|amendments revert|approvals (approve|deny)|--requires-approval"
_FILLED = (
    ("backends", "init", "--tier", "pro"),
    ("index", "notes", "code/project"),
    ("remember", FACT, "--tag", "decision"),
    ("query", "why did we choose Postgres", "--json"),
    ("outcomes", "record", "--type", "add_topic", "--value", "ports", "--outcome", "accepted"),
    ("outcomes", "suggest", "--type", "add_topic", "--value", "tides"),
)
_GUARDED = "audit payroll compliance"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filled_home: Path) -> Path:
    """Return the home of somebody who has notes, code, a memory and a question of theirs, and be in it."""
    shutil.rmtree(filled_home)
    shutil.copytree(filled_home.with_name("copy"), filled_home)
    _enter(monkeypatch, filled_home)
    return filled_home


@pytest.fixture(scope="module")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home that each page finds; what it is made of anew lies beside it."""
    folder = tmp_path_factory.mktemp("reader") / "home"
    for name, text in NOTES.items():
        for place in ("notes", "code/project"):
            (folder / place).mkdir(parents=True, exist_ok=True)
            (folder / place / name).write_text(f"{text}\ndef open_session() -> None:\n    tide_offset('x')\n")
    settings = folder / ".config" / "memory-router" / "router-config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(UNHURRIED))
    (folder / "memories.jsonl").write_text(json.dumps({"text": "The crane is serviced in May"}) + "\n")
    (folder / "questions.txt").write_text("why did we choose Postgres\n")
    somebody = ("-c", "user.name=A", "-c", "user.email=a@b.c")
    for words in (("init",), (*somebody, "commit", "--allow-empty", "-m", "Begun")):
        subprocess.run(["git", *words, "-q"], cwd=folder, check=True)
    (folder / "event.json").write_text("{}")
    for name in ("my-config.json", "router-config.json"):
        shutil.copy(ROOT / "router-config.json", folder / name)
    with pytest.MonkeyPatch.context() as patch:
        _enter(patch, folder)
        for arguments in _FILLED:
            outcome = run(arguments, at_terminal=True)
            assert outcome.code == 0, (arguments, outcome)
    shutil.copytree(folder, folder.with_name("copy"))
    return folder


def _enter(patch: pytest.MonkeyPatch, folder: Path) -> None:
    for name, value in Home(folder).environment.items():
        patch.setenv(name, value)
    patch.delenv("MEMORY_ROUTER_HOME")
    patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    patch.chdir(folder)


def _lines(page: Path) -> Iterator[str]:
    """Yield each line of a page that its reader may type in a shell."""
    for text in blocks(page, "sh", "bash"):
        if not text.startswith("#!"):  # a script, which test_examples runs
            yield from filter(None, text.splitlines())


def _first(what: tuple[str, ...], member: str) -> str:
    told = json.loads(run(what, at_terminal=False).out)[member]
    return str(told[0]["id"])


def _rule() -> str:
    """Return the id of a rule that anybody may change; there is one."""
    run(("rules", "add", "what the harbour master wants", "--to", "qmd:search"), at_terminal=False)
    rules = json.loads(run(("rules", "list"), at_terminal=False).out)["rules"]
    return str(next(rule["id"] for rule in rules if not rule["requires_approval"]))


# The ids that pages show, and what a reader has in their place.
_IDS: dict[str, Callable[[], str]] = {
    r"totalrecall:[0-9a-f]{20}": lambda: _first(("memories", "list"), "memories"),
    r"qmd:(ID|42)": lambda: str(json.loads(run(("query", "invoices"), at_terminal=False).out)["results"][0]["id"]),
    r"lossless:ID ": lambda: "",
    r"\b(3f9c|830458af56a3bcc2)\b": lambda: _first(("rules", "executions", "list"), "executions"),
    r"\b(d9a87292|20addd96)\b": _rule,
    r"(?<=outcomes show )42( 38)?": lambda: "1",
    r"(?<=outcomes decide )\d+": lambda: "2",
}


@pytest.mark.parametrize("page", [page for page in PAGES if [*_lines(page)]], ids=lambda page: page.name)
def test_shell_blocks_run(page: Path, user: Path) -> None:
    """Each line of a page's shell blocks runs in the page's order, without an error that the page does not tell."""
    for shown in _lines(page):
        if any(re.match(needed, shown) for needed in _NEEDS.values()):
            continue
        line = _of_this_reader(shown)
        outcome = _typed(line, user)
        told = outcome.out + outcome.err
        is_guarded = _GUARDED in line and "APPROVAL_REQUIRED" in told
        assert outcome.code == 0 or is_guarded or (outcome.code == 1 and re.search(_REFUSED, line)), (line, told)


def _of_this_reader(line: str) -> str:
    """Return a line with the ids and the paths that it has for whoever types it."""
    for pattern, present in _IDS.items():
        if re.search(pattern, line):
            line = re.sub(pattern, present(), line)
    return line.replace("docs/examples", f"{ROOT}/docs/examples").replace(".venv/bin/python", sys.executable)


def _typed(line: str, folder: Path) -> Outcome:
    words = list(shlex.shlex(line, posix=True, punctuation_chars=True))
    if words[0] != "memory-router" or any(word in ("|", "||", ">", "<", "&&") for word in words) or "$" in line:
        finished = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, cwd=folder, check=False, stdin=subprocess.DEVNULL
        )
        return Outcome(finished.returncode, finished.stdout, finished.stderr)
    return run(tuple(shlex.split(line, comments=True)[1:]), at_terminal=True, typed="y\ny\n")


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_blocks_run(page: Path, user: Path) -> None:
    """Each block of Python runs as it stands; what needs servers is checked for its names, a test runs as a test."""
    for text in blocks(page, "python"):
        if "postgresql://" in text or "def test_" in text:
            compile(text, page.name, "exec")
            continue
        finished = subprocess.run(
            [sys.executable, "-c", text.replace('{"ids": [42]}', '{"ids": [1]}')],
            capture_output=True,
            text=True,
            check=False,
            input='{"verb": "query", "query": "greeting"}',
        )
        assert finished.returncode == 0, (page.name, finished.stderr)


def test_shown_configuration_is_valid() -> None:
    """Each object of configuration that a page shows is one that `router-config.json` may hold."""
    known = config_file.completed({"version": 1})
    shown = [json.loads(text) for page in PAGES for text in blocks(page, "json")]
    settings = [value for value in shown if set(value) <= set(known) - {"version"}]
    assert len(settings) >= 2
    for value in settings:
        config_schema.validate(config_file.completed({"version": 1, **value}), "a page")


def test_consoles_show_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the home of a newcomer, the console of the README shows what its commands print, but for numbers and ids."""
    _enter(monkeypatch, tmp_path)
    (console,) = blocks(ROOT / "README.md", "console")
    run(("backends", "init"), at_terminal=False)
    run(("index", str(ROOT / "docs"), str(ROOT / "README.md")), at_terminal=False)
    shown = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", console, re.MULTILINE)
    assert len(shown) > 3
    for line, expected in shown:
        if "|" in line:
            assert _stable(_typed(line, tmp_path).out) == _stable(expected), line
        else:
            assert _stable(run(tuple(shlex.split(line)[1:]), at_terminal=True).out) == _stable(expected), line


def _stable(text: str) -> str:
    return re.sub(
        r" +(?=\n)| +(?= )", "", re.sub(r"\d+\.\d+|(?<=totalrecall:)[0-9a-f]+|(?<=\"line\": )\d+", "N", text)
    ).strip()


def test_few_lines_are_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not run is named with the reason, and is the smaller part by far."""
    lines = [line for page in PAGES for line in _lines(page)]
    left: dict[str, Any] = {
        reason: [line for line in lines if re.match(needed, line)] for reason, needed in _NEEDS.items()
    }
    assert all(left.values()), "a reason without a line has to go"
    assert sum(map(len, left.values())) < len(lines) / 4


def test_commands_of_the_skill_run_for_an_agent(user: Path) -> None:
    """Each command that SKILL.md gives an agent is one that it is allowed, and answers a program with JSON."""
    page = ROOT / "SKILL.md"
    text = page.read_text("utf-8")
    allowed = re.findall(r"Bash\((memory-router [^:]+):\*\)", text)
    shown = [*_lines(page), *re.findall(r"`(memory-router (?:query|backends) [^`]+)`", text)]
    assert len(shown) >= 6
    for line in shown:
        assert any(line.startswith(prefix) for prefix in allowed), line
        typed = _of_this_reader(line).replace("$question", "why did we choose Postgres")
        outcome = run(tuple(shlex.split(typed)[1:]), at_terminal=False)
        assert outcome.code == 0, (line, outcome)
        assert isinstance(json.loads(outcome.out), dict)


def test_the_skill_is_short() -> None:
    """An agent reads SKILL.md in 1,000 tokens, even by the coarse vocabulary of Llama 2."""
    folder = importlib.resources.files("wordllama")
    vocabulary = Tokenizer.from_file(str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    assert len(vocabulary.encode((ROOT / "SKILL.md").read_text("utf-8")).ids) <= 1000
