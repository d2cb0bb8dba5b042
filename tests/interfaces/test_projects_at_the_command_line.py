"""On the command line the working folder weighs and hides nothing; `--project` narrows and says what others have."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import Home


@pytest.fixture
def two(home: Home) -> Home:
    """Return a home with a fact of the same kind in each of two repositories."""
    home.run("init", "--tier", "starter")
    for name in ("billing", "shop"):
        folder = home.folder / "code" / name
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(f"[project]\nname = '{name}'\n")
        subprocess.run(["git", "init", "-q", folder], check=True)
        home.run("remember", "We use Redis for the cache of sessions", cwd=folder)
    return home


def asked(home: Home, folder: Path, *more: str) -> list[tuple[str, float]]:
    """Return the project and the relevance of each result of a question that is asked in a folder."""
    answer = home.run("query", "which cache do we use for sessions", *more, cwd=folder).json
    return [(one["metadata"]["project"], one["relevance"]) for one in answer["results"]]


@pytest.mark.parametrize("more", [("--backend", "totalrecall"), ("--all",)])
def test_the_project_of_the_folder_comes_first_and_the_other_stays(two: Home, more: tuple[str, ...]) -> None:
    """Of two alike, that of the working folder is likelier; outside of both they are equal."""
    for name, other in (("billing", "shop"), ("shop", "billing")):
        first, second = asked(two, two.folder / "code" / name, *more)
        assert (first[0], second[0]) == (name, other)
        assert first[1] > second[1]
    outside = asked(two, two.folder, *more)
    assert outside[0][1] == outside[1][1]


def test_a_project_without_a_result_names_those_that_have_some(two: Home) -> None:
    """Also the JSON says how many each has, so that a program can ask there."""
    two.run("remember", "The yard closes at noon", "--project", "yard")
    answer = two.run("query", "which cache do we use for sessions", "--project", "yard", "--all").json
    assert answer["metadata"]["elsewhere"] == {"billing": 1, "shop": 1}
    assert "1 result in project billing" in answer["error_message"]


def test_a_question_about_all_projects_lists_them(two: Home) -> None:
    """Where several projects answer, the answer counts them; on a terminal it names them in a line."""
    question = ("query", "which of my projects use Redis", "--backend", "totalrecall")
    assert two.run(*question).json["metadata"]["projects"] == {"billing": 1, "shop": 1}
    assert b"In projects: " in two.at_terminal(list(question))
