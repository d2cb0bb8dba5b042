"""What newcomers ask is answered within two hops of the README, and the pages of languages say what the data says."""

import json
import re

import pytest

from tests.docs.test_documentation import COMMANDS, DOCS, ROOT

_ROWS = re.findall(r"^\| (.+\?) \| (.+) \| (.+) \|$", (DOCS / "questions.md").read_text("utf-8"), re.MULTILINE)


def test_the_readme_leads_to_the_questions() -> None:
    """The README links to the page of first questions, which holds at least fifteen."""
    assert "(docs/questions.md)" in (ROOT / "README.md").read_text("utf-8")
    assert len(_ROWS) >= 15


@pytest.mark.parametrize(("question", "answer", "where"), _ROWS)
def test_a_question_is_answered(question: str, answer: str, where: str) -> None:
    """Each question has an answer, and a page or the help of a command that says more."""
    assert answer.strip(), question
    if helped := re.fullmatch(r"`(memory-router .+) --help`", where):
        assert helped[1] in COMMANDS
    else:
        assert re.search(r"\]\([\w./#-]+\)", where), question


def test_the_page_of_languages_is_complete() -> None:
    """The page names each language that has a file of words, and those whose words of intent the rule table takes."""
    table = (DOCS / "languages.md").read_text("utf-8").partition("- **")[0]
    known = dict(re.findall(r"^\| (\w+) \| yes \| (yes|no) \|", table, re.MULTILINE))
    files = (ROOT / "memory_router" / "text" / "languages").glob("*.json")
    names = {file.stem: json.loads(file.read_text("utf-8"))["name"].capitalize() for file in files}
    assert set(known) == set(names.values())
    config = json.loads((ROOT / "router-config.json").read_text("utf-8"))
    speaking = {names[code] for code in ["en", *config["languages"]] if code in names}
    assert {name for name, intent in known.items() if intent == "yes"} == speaking
