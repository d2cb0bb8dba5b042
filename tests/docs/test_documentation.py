"""The documentation is true of the program."""

import ast
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from memory_router import contract, errors
from memory_router.routing import registry
from tests.conftest import EMPTY, Home
from tests.interfaces.commands import run

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("backends/**/*.md")])
TROUBLESHOOTING = (DOCS / "troubleshooting.md").read_text("utf-8")


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "scripts" / "generate_docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()
COMMANDS: dict[str, Any] = dict(GENERATOR.commands())


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the fenced blocks of a page in some languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def shell_lines(page: Path) -> Iterator[str]:
    """Yield what a page tells its reader to type."""
    yield from "".join(blocks(page, "sh", "bash")).splitlines()
    for line in "".join(blocks(page, "console")).splitlines():
        if line.startswith("$ "):
            yield line.removeprefix("$ ")
    yield from re.findall(r"^ {4}(memory-router .*)$", page.read_text("utf-8"), re.MULTILINE)


def invocations(page: Path) -> list[list[str]]:
    """Return the arguments of each `memory-router` that a page tells its reader to type."""
    found = []
    for line in shell_lines(page):
        words = list(shlex.shlex(line, posix=True, punctuation_chars=True)) if "memory-router " in line else []
        for start, word in enumerate(words):
            if word == "memory-router" and (start == 0 or words[start - 1] in ("|", "&&", ";")):
                end = next((i for i in range(start, len(words)) if words[i] in ("|", ">", "<", "||", "&&")), None)
                found.append(shlex.split(line)[start + 1 : end] if start == 0 else words[start + 1 : end])
    return found


def subclasses(kind: type[Exception]) -> Iterator[type[Exception]]:
    """Yield every class below `kind`."""
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_generated_files_are_fresh() -> None:
    """What is generated from the program says what the program says now; scripts/generate_docs.py mends it."""
    stale = [
        path.name
        for path, text in GENERATOR.generated().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    assert stale == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_explained(name: str) -> None:
    """Every command's help says what it does and shows an example of itself, and the reference holds both."""
    outcome = run((*name.split()[1:], "--help"), at_terminal=False)
    assert outcome.code == 0
    (example,) = re.findall(rf"Example: ({name}.*)", COMMANDS[name].help)
    assert f"Example: {name}" in outcome.out
    section = (DOCS / "cli.md").read_text("utf-8").partition(f"## {name}\n")[2]
    assert example in section
    assert all(parameter.help for parameter in COMMANDS[name].params)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_shown_commands_exist(page: Path) -> None:
    """Whatever a page tells its reader to type is a command with options that it has."""
    for arguments in invocations(page):
        command = next((c for name, c in COMMANDS.items() if arguments[: name.count(" ")] == name.split()[1:]), None)
        assert command, f"{page.name}: memory-router {shlex.join(arguments)}"
        flags = {flag for parameter in command.params for flag in parameter.opts}
        before_dashes = arguments[: arguments.index("--")] if "--" in arguments else arguments
        used = {word for word in before_dashes if re.match(r"--?\w", word)}
        assert used <= flags, f"{page.name}: memory-router {shlex.join(arguments)}"


def test_pages_show_commands() -> None:
    """The reader finds the commands where they are looked for; so this test's reading of pages finds them, too."""
    shown = {page.name: len(invocations(page)) for page in PAGES}
    for name in ("README.md", "SKILL.md", "cli.md", "backends.md", "troubleshooting.md", "writing-a-backend.md"):
        assert shown[name] > 0, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there and a heading that is in it."""
    prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_shown_json_is_json(page: Path) -> None:
    """A block that says it is JSON can be read as JSON, and so can its parts for Python."""
    for text in blocks(page, "json"):
        json.loads(text)
    for text in blocks(page, "python"):
        ast.parse(text)


def test_every_error_code_is_explained() -> None:
    """Each code that the program can give stands in the troubleshooting tables with a meaning and a remedy."""
    ours = {kind.__dict__["code"] for kind in subclasses(errors.MemoryRouterError) if "code" in kind.__dict__}
    backends = "\n".join(path.read_text("utf-8") for path in ROOT.glob("backends/*/adapter.py"))
    backends += "\n".join(
        (ROOT / "memory_router" / name).read_text("utf-8") for name in ("contract.py", "routing/envelope.py")
    )
    theirs = set(re.findall(r"\"([A-Z]+(?:_[A-Z]+)+)\"", backends))
    assert len(ours) > 15
    assert {"NOT_INDEXED", "NOTHING_STORED", "BACKEND_SKIPPED", "BAD_REQUEST"} <= theirs
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", TROUBLESHOOTING, re.MULTILINE)
    assert ours | theirs <= {code for code, meaning, remedy in rows if meaning.strip() and remedy.strip()}


def test_every_rule_and_code_has_a_page() -> None:
    """Each rule of the table and each code has a page that says what it means and what to do, and no other has."""
    rules = {rule["id"] for rule in _bundled_config()["rules"]}
    assert {page.stem for page in (DOCS / "rules").glob("*.md")} == rules | {"index"}
    codes = set(re.findall(r"^\| `([A-Z_]+)` \|", TROUBLESHOOTING, re.MULTILINE))
    assert {page.stem for page in (DOCS / "errors").glob("*.md")} == codes
    for page in [*DOCS.glob("rules/*.md"), *DOCS.glob("errors/*.md")]:
        assert page.stem == "index" or "## What to do" in page.read_text("utf-8"), page.name


def test_agents_know_what_to_do_about_a_code() -> None:
    """SKILL.md says what to do for codes with a remedy of their own, all of which exist, and for any other."""
    skill = (ROOT / "SKILL.md").read_text("utf-8")
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", skill))
    known = set(re.findall(r"^\| `([A-Z_]+)` \|", TROUBLESHOOTING, re.MULTILINE))
    assert named <= known
    assert {"APPROVAL_REQUIRED", "GATE_CLOSED", "NOT_INDEXED", "QUERY_TIMEOUT"} <= named
    assert "| any other | show the message to the user;" in skill


def test_error_tree_is_complete() -> None:
    """The drawing in errors.py shows every error with its code, and none that is not there."""
    drawn = dict(re.findall(r"[├└]── (\w+)(?: +([A-Z_]+))?$", errors.__doc__ or "", re.MULTILINE))
    kinds = [kind for kind in subclasses(errors.MemoryRouterError) if kind.__module__ == errors.__name__]
    real = {kind.__name__: kind.__dict__.get("code", "") for kind in kinds}
    assert drawn == real


def _bundled_config() -> Any:
    return json.loads((ROOT / "router-config.json").read_text("utf-8"))


def _schema() -> Any:
    return json.loads((DOCS / "router-config.schema.json").read_text("utf-8"))


def test_schema_accepts_the_bundled_table() -> None:
    """The published JSON Schema is a valid schema and takes the rule table that ships."""
    jsonschema.Draft202012Validator.check_schema(_schema())
    jsonschema.validate(_bundled_config(), _schema())


@pytest.mark.parametrize(
    "change",
    [
        {"fallback_threshold": 1.5},
        {"rules": {}},
        {"version": 2},
        {"colour": "red"},
        {"deadlines": {"default_ms": "5 s"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_schema_rejects_what_the_program_rejects(change: dict[str, Any], home: Home) -> None:
    """A file that breaks the schema is refused by the schema and by the program alike."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**_bundled_config(), **change}, _schema())
    home.configure(**change)
    assert home.run("config", "check").code == 1


def test_rule_of_the_documentation_works(home: Home) -> None:
    """The rule shown in configuration.md passes `config check` with the example backend, and takes its question."""
    (rule,) = (json.loads(text) for text in blocks(DOCS / "configuration.md", "json") if '"signals"' in text)
    home.fake("hello", EMPTY)
    home.configure(rules=[rule, *_bundled_config()["rules"]])
    checked = home.run("config", "check")
    assert (checked.code, checked.json["findings"]) == (0, []), checked.err
    assert home.run("route", rule["examples"][0]).json["rule"] == {"id": rule["id"], "number": rule["number"]}


def test_contract_names_every_member() -> None:
    """The contract's page names each member of manifest, request, response, result and health, and no other."""
    page = (ROOT / "backends" / "CONTRACT.md").read_text("utf-8")
    sections = dict(re.findall(r"^## (.*?)$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))

    def members(text: str) -> set[str]:
        rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)
        return {member for row in rows for member in re.findall(r"`(\w+)`", row)}

    response, _, results = sections["Response"].partition("Each result:")
    assert members(sections["Manifest"]) == {*registry.Manifest._fields, "contract"} - {"folder"}
    assert members(sections["Request"]) == {*contract.Request._fields, "contract"}
    answered = set(json.loads(_bare_response()))
    assert members(response) == answered
    assert members(results) == set(contract.Result._fields)
    assert members(sections["Health"]) >= set(contract.HEALTH_STATUSES)
    assert all(f'"{member}"' in sections["Health"] for member in contract.Health._fields)


def _bare_response() -> str:
    script = "from memory_router.contract import answer, serve; serve('x', query=lambda request: answer([]))"
    finished = subprocess.run(
        [sys.executable, "-c", script], input='{"verb": "query"}', capture_output=True, text=True, check=True
    )
    return finished.stdout


def test_what_to_touch_is_there() -> None:
    """Whatever the contributor's table names is a file or a folder, and each addition touches at most three."""
    _, _, after = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## What to touch")
    rows = [line for line in after.partition("\n## ")[0].splitlines() if line.startswith("| a")]
    assert {row.split("|")[1].strip() for row in rows} > {
        "a signal",
        "a backend",
        "a tier store",
        "an MCP tool",
        "a command",
    }
    for row in rows:
        named = [name for name in re.findall(r"`([\w./-]+)`", row) if "/" in name or name == "router-config.json"]
        assert 1 <= len(named) <= 3
        assert [name for name in named if not (ROOT / name).exists()] == []
