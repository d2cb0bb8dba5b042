"""Folders that questions speak of are proposed, and nothing that a question could be meant to smuggle in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.advisor import folders
from tests.learning.conftest import attempt, execution

NOTHING = attempt("qmd:search", accepted=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder with two projects, one of them indexed."""
    for name in ("notes", "payroll/src", ".ssh", "payroll/.git", "code/wiki/docs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "payroll/src/run.py").write_text("x = 1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def proposed(home: Path, *questions: str, times: int = 3, project: str | None = None) -> list[str]:
    """Return the folders that are proposed when each question was asked so often in vain, below the home folder."""
    asked = [execution(number, question, NOTHING, project=project) for number, question in enumerate(questions * times)]
    found = folders.proposals(asked, [str(home / "notes")], str(home))
    return [str(Path(one.value).relative_to(home)) for one in found]


@pytest.mark.parametrize(
    "question",
    [
        "what does ~/payroll/src/run.py do?",
        "what is in ~/payroll/src.",
        "is there a todo in the payroll project",
        "how is the project payroll deployed",
    ],
)
def test_a_repository_that_is_asked_about_is_proposed(home: Path, question: str) -> None:
    """A path within it or its name is enough; the whole repository is proposed."""
    assert proposed(home, question) == ["payroll"]


def test_absolute_paths_and_named_projects_count(home: Path) -> None:
    """An absolute path counts, and so does the project that a question was asked for."""
    assert proposed(home, f"what stands in {home}/code/wiki/docs") == ["code/wiki/docs"]
    assert proposed(home, "who runs it", project="payroll") == ["payroll"]


@pytest.mark.parametrize(
    "question",
    ["read ~/.ssh", "read ~/notes", "read ~/notes/a.md", "read /etc/passwd", "read ~", "read ~/../..", "read /"],
)
def test_hidden_foreign_and_indexed_folders_are_not_proposed(home: Path, question: str) -> None:
    """Nothing hidden, outside, indexed, or as large as the whole home folder is proposed."""
    assert proposed(home, question) == []


def test_evidence_is_needed(home: Path) -> None:
    """Two questions, or questions that were answered all the same, propose nothing."""
    assert proposed(home, "what is in ~/payroll", times=2) == []
    answered = [execution(number, "what is in ~/payroll", attempt("totalrecall", accepted=True)) for number in range(9)]
    assert folders.proposals(answered, [], str(home)) == []


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    """Whatever was asked, looking for folders in it ends without an error."""
    assert (
        folders.proposals([execution(1, f"~/{text} project {text}", NOTHING, project=text)] * 3, [], "/nowhere") == []
    )
