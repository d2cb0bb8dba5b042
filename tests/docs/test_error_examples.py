"""The messages that the pages of errors show as examples are those that the program tells."""

import importlib.util
import re
from pathlib import Path

import pytest

from tests.conftest import BROKEN, EMPTY, Home
from tests.docs.test_documentation import DOCS, ROOT

_TIDES = "def tide_offset():\n    return 1\n\n\ndef open_session():\n    return tide_offset()\n\n\n"
_GRAPH = {
    "code/tides.py": f"{_TIDES}def close_session():\n    return 2\n",
    "other/lift.py": "def lift_crane():\n    return 3\n",
}


def _examples() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "scripts" / "reference_pages.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.PUT_TOGETHER)


EXAMPLES = _examples()


def _told(home: Home, *arguments: str) -> tuple[str, str]:
    answer = home.run(*arguments, "--json").json
    return answer["error_code"], answer["error_message"].replace("~/state", "~/.openclaw/state")


def test_every_page_has_an_example() -> None:
    """The page of each error shows a message."""
    assert [page.name for page in DOCS.glob("errors/*.md") if "```text\n" not in page.read_text("utf-8")] == []


def test_messages_of_failing_backends(home: Home) -> None:
    """Where all backends fail, and where one cannot be asked, the message is that of the page."""
    home.with_fakes(qmd=BROKEN, totalrecall=BROKEN)
    code = "ALL_BACKENDS_FAILED"
    assert _told(home, "query", "where is the harbour") == (code, EXAMPLES[code])
    home.fake("totalrecall", EMPTY)
    home.register(totalrecall="ready", ghost="ready")
    rule = {"id": "ghosts", "number": 1, "rationale": "", "primary": "ghost", "fallback": ["totalrecall"]}
    home.configure(rules=[{**rule, "signals": [], "examples": []}])
    code = "BACKEND_SKIPPED"
    assert _told(home, "query", "where is the harbour") == (code, EXAMPLES[code])


def test_messages_of_the_graph(home: Home) -> None:
    """What the graph does not know is told as on the pages."""
    for name, text in _GRAPH.items():
        file = Path(home.folder, name)
        file.parent.mkdir()
        file.write_text(text)
    home.run("init", "--tier", "pro")
    home.run("index", "code", "other")
    questions = {
        "NO_ENTITY": "what depends on zebra_crossing",
        "NO_CHAIN": "what is the call chain from close_session to open_session",
        "NO_RELATION": "what connects lift_crane to close_session",
    }
    for code, question in questions.items():
        assert _told(home, "query", question, "--backend", "cognee") == (code, EXAMPLES[code])


def test_message_of_a_wrong_command(home: Home) -> None:
    """A command that does not exist is told as on the page."""
    assert _told(home, "remembr") == ("USAGE_ERROR", EXAMPLES["USAGE_ERROR"])


@pytest.mark.parametrize("code", ["NO_CHAIN", "NO_RELATION", "NO_ENTITY"])
def test_codes_of_the_graph_are_explained(code: str) -> None:
    """Each code of the graph stands in the tables."""
    told = (ROOT / "memory_router" / "engines" / "graph" / "search.py").read_text("utf-8")
    assert code in re.findall(r'"(NO_[A-Z]+)"', told)
    assert (DOCS / "errors" / f"{code}.md").exists()
