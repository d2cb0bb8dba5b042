"""The two tools do what their schemas say, and refuse what these do not allow."""

import subprocess
import sys
from typing import Any

import jsonschema
import pytest

import memory_router.outcomes
from memory_router.errors import AdviceError
from memory_router.outcomes import TOOLS, get_suggestion_outcomes, get_user_profile, open_outcomes
from tests.conftest import Home

SCHEMAS = {tool["function"]["name"]: tool["function"]["parameters"] for tool in TOOLS}
GOOD: list[dict[str, Any]] = [
    {},
    {"text": "gaming"},
    {"types": ["reduce_source"], "outcomes": ["rejected"], "limit": 20},
    {"ids": [1, 2]},
]
BAD: list[dict[str, Any]] = [
    {"txt": "gaming"},
    {"types": "reduce_source"},
    {"types": [1]},
    {"outcomes": ["liked"]},
    {"limit": 0},
    {"limit": 101},
    {"limit": True},
    {"ids": [-1]},
    {"ids": ["1"]},
    {"text": None},
]


@pytest.fixture(autouse=True)
def decided(own_home: Home) -> None:
    """Record one decision in the home of this process."""
    with open_outcomes() as advice:
        advice.record("abc123", "reduce_source", "theverge", "rejected", reason="I like their gaming coverage")


def test_tools_are_valid_for_function_calling() -> None:
    """Each tool has a name, a description and a JSON Schema, in the form that function calling takes."""
    assert [tool["type"] for tool in TOOLS] == ["function", "function"]
    for tool in TOOLS:
        assert set(tool["function"]) == {"name", "description", "parameters"}
        jsonschema.Draft202012Validator.check_schema(tool["function"]["parameters"])
        assert callable(getattr(memory_router.outcomes, tool["function"]["name"]))


@pytest.mark.parametrize("query", GOOD, ids=str)
def test_what_the_schema_allows_is_answered(query: dict[str, Any]) -> None:
    """A call that keeps to the schema finds the outcome, in every layer."""
    for layer in ("search", "timeline", "detail"):
        call: dict[str, Any] = {"user_id": "abc123", "layer": layer, "query": query}
        jsonschema.validate(call, SCHEMAS["get_suggestion_outcomes"])
        assert [one["id"] for one in get_suggestion_outcomes(**call)] == [1]


@pytest.mark.parametrize("query", BAD, ids=str)
def test_what_the_schema_forbids_is_refused(query: dict[str, Any]) -> None:
    """A query that breaks the schema is refused with a reason, so that a model can mend it."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"user_id": "a", "layer": "search", "query": query}, SCHEMAS["get_suggestion_outcomes"])
    with pytest.raises(AdviceError):
        get_suggestion_outcomes("abc123", "search", query)


def test_profiles_are_the_users_own() -> None:
    """A profile is told of the user that is asked for; of a stranger an empty one."""
    jsonschema.validate({"user_id": "abc123"}, SCHEMAS["get_user_profile"])
    assert get_user_profile("abc123")["acceptance_stats"]["reduce_source"]["rejected"] == 1
    assert get_user_profile("stranger")["total_outcomes"] == 0
    assert get_suggestion_outcomes("stranger") == []
    with pytest.raises(AdviceError, match="user is empty"):
        get_user_profile(" ")


def test_importing_costs_nothing() -> None:
    """The package is imported without the database's driver, numpy or typer, until a name is used."""
    code = (
        "import sys, memory_router.outcomes\n"
        "assert not {'apsw', 'numpy', 'typer', 'rank_bm25', 'psycopg'} & set(sys.modules), sorted(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        memory_router.outcomes.nothing  # noqa: B018 - asking is the test
