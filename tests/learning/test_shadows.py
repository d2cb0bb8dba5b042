"""Poor answers are asked again of other memories in the background, and what these say is evidence."""

import json

import pytest

from memory_router import paths
from memory_router.contract import Result
from memory_router.learning.execution import Execution, Shown
from memory_router.learning.shadows import Shadow, ShadowStore
from memory_router.learning.votes import votes
from memory_router.routing.config_file import load
from memory_router.storage.database import Database
from memory_router.testing import Behaviour, requests_to
from tests.conftest import POOR, Home
from tests.learning.conftest import execution

CONFIG = load(paths.bundled("router-config.json"))
GOOD = Behaviour(results=(Result("in the talk", relevance=0.9),))


def poor(**changes: object) -> Execution:
    """Return a question of the default rule whose answer, a result of qmd, was poor."""
    told: dict[str, object] = {"source": "default", "rule": "ambiguous", "shown": (Shown("qmd:1", 0.2),)}
    return execution(1, "where is it", **{**told, "status": "failed", "user_satisfaction": None, **changes})


@pytest.mark.parametrize(
    ("changes", "shadows", "expected"),
    [
        ({}, [("lossless", 0.9), ("cognee", 0.5)], [("lossless", {"qmd", "lossless"})]),
        ({"shown": ()}, [("lossless", 0.9)], [("lossless", {"lossless"})]),
        ({}, [("lossless", 0.1)], []),
        ({"status": "success"}, [("lossless", 0.9)], []),
        ({"user_satisfaction": 5}, [("lossless", 0.9)], [("qmd", {"qmd"})]),
        ({"source": "choice"}, [("lossless", 0.9)], []),
    ],
)
def test_an_acceptable_answer_of_another_backend_is_a_vote(
    changes: dict[str, object], shadows: list[tuple[str, float]], expected: list[tuple[str, set[str]]]
) -> None:
    """Only the best counts, only after a poor answer by the table, and never against what a person said."""
    asked = poor(**changes)
    told = votes([asked], [], CONFIG, [Shadow(asked.id, *one) for one in shadows])
    assert [(vote.useful, {*vote.odds}) for vote in told] == expected


def test_a_backend_is_asked_each_question_once(database: Database) -> None:
    """A second answer to the same question is no second vote, in both databases."""
    store = ShadowStore(database)
    store.add(Shadow("a", "lossless", 0.9))
    store.add(Shadow("a", "lossless", 0.1))
    assert store.all() == [Shadow("a", "lossless", 0.9)]


def home_with_poor_answer(home: Home, **settings: object) -> dict[str, str]:
    """Let a home without `lossless` answer poorly, then add it; return the folders of its backends by name."""
    (home.folder / "config").mkdir(exist_ok=True)
    (home.folder / "config" / "router-config.json").write_text(json.dumps(settings))
    folders = {name: home.fake(name, POOR) for name in ("qmd", "totalrecall", "cognee")}
    folders["lossless"] = home.fake("lossless", GOOD)
    home.register(qmd="ready", totalrecall="ready", cognee="ready")
    assert home.run("query", "explain the heron").json["status"] == "partial"
    home.register(qmd="ready", totalrecall="ready", cognee="ready", lossless="ready")
    return folders


def test_learning_asks_the_others_and_nobody_hears_of_it(home: Home) -> None:
    """The backend that was not asked hears the question when the router learns, once; no execution is added."""
    folders = home_with_poor_answer(home)
    assert requests_to(folders["lossless"]) == []
    home.run("learn")
    home.run("learn")
    assert [one.query for one in requests_to(folders["lossless"])] == ["explain the heron"]
    assert len(home.run("executions", "list", "--json").json) == 1


@pytest.mark.parametrize("settings", [{"executions": {"shadow": False}}, {"learning": "off"}])
def test_it_can_be_switched_off(home: Home, settings: dict[str, object]) -> None:
    """Then no backend hears a question that nobody asked it."""
    folders = home_with_poor_answer(home, **settings)
    home.run("learn")
    assert requests_to(folders["lossless"]) == []


def test_what_costs_something_or_uses_the_network_is_not_asked(home: Home) -> None:
    """Nobody pays for a question that they did not ask."""
    home_with_poor_answer(home)
    dear = home.fake("lossless", GOOD, cost_usd=0.01)
    home.run("learn")
    assert requests_to(dear) == []
