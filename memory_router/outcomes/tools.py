"""The seed's two tools for function calling, with the schemas that tell a model how to call them (Tools Summary)."""

from typing import Any

from memory_router import paths
from memory_router.contract import JsonObject
from memory_router.errors import AdviceError
from memory_router.outcomes import validation
from memory_router.outcomes.retrieval import LAYERS, read
from memory_router.outcomes.schema import SCHEMA
from memory_router.outcomes.search import OutcomeSelection
from memory_router.outcomes.store import OUTCOMES, OutcomeStore
from memory_router.storage.database import open_database

_USUAL, _MOST = 20, 100
_USER = {"type": "string", "minLength": 1, "description": "Whose: the user's id."}
# What a query may hold, for the model that writes it and for the check of what it wrote.
_QUERY: dict[str, JsonObject] = {
    "text": {"type": "string", "description": "What the outcomes are about, in any words; without it the newest come."},
    "types": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Only these types of suggestions, such as reduce_source.",
    },
    "outcomes": {
        "type": "array",
        "items": {"type": "string", "enum": list(OUTCOMES)},
        "description": "Only what ended so.",
    },
    "ids": {
        "type": "array",
        "items": {"type": "integer", "minimum": 1},
        "description": "These outcomes, as a search named them, instead of a search.",
    },
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": _MOST,
        "description": f"The most outcomes to return; {_USUAL} if left out.",
    },
}


def _tool(name: str, description: str, properties: JsonObject, required: list[str]) -> JsonObject:
    parameters = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


TOOLS: tuple[JsonObject, ...] = (
    _tool(
        "get_user_profile",
        "Return what a user accepts and rejects, as computed from their decisions: rates by type with their "
        "confidence, patterns, trends. Read it before suggesting anything (about 500 tokens).",
        {"user_id": _USER},
        ["user_id"],
    ),
    _tool(
        "get_suggestion_outcomes",
        "Return what became of suggestions. Begin with layer `search` (50 tokens a result), expand what matters by its "
        "id with `timeline` (200) and only what is critical with `detail` (500).",
        {
            "user_id": _USER,
            "layer": {"type": "string", "enum": list(LAYERS), "description": "How much to tell of each outcome."},
            "query": {
                "type": "object",
                "properties": _QUERY,
                "additionalProperties": False,
                "description": "Which outcomes; the newest if left out.",
            },
        },
        ["user_id", "layer"],
    ),
)


def get_user_profile(user_id: str) -> JsonObject:
    """Return a user's profile, as the seed writes it (Profile Structure).

    Args:
        user_id: whose.

    Raises:
        StoreError: the database cannot be used.
    """
    database = open_database(paths.learning_database(), SCHEMA)
    try:
        return OutcomeStore(database).profile(validation.clean_user(user_id))._asdict()
    finally:
        database.close()


def get_suggestion_outcomes(user_id: str, layer: str = "search", query: JsonObject | None = None) -> list[JsonObject]:
    """Return what became of a user's suggestions, in one of three layers.

    Args:
        user_id: whose.
        layer: `search`, `timeline` or `detail`.
        query: `text`, `types`, `outcomes`, `ids`, `limit`, each of which may be left out.

    Raises:
        AdviceError: the layer or the query is invalid.
        StoreError: the database cannot be used.
    """
    given = _checked(query or {})
    selection = OutcomeSelection(
        validation.clean_user(user_id),
        tuple(given.get("types", ())),
        tuple(given.get("outcomes", ())),
        given.get("limit", _USUAL),
    )
    database = open_database(paths.learning_database(), SCHEMA)
    try:
        return read(database, layer, selection, text=given.get("text", ""), ids=given.get("ids", ())).results
    finally:
        database.close()


def _checked(query: JsonObject) -> JsonObject:
    """Return a query that keeps to its description.

    Raises:
        AdviceError: it does not.
    """
    if not isinstance(query, dict):
        raise AdviceError(f"{query!r} is not a query.", f"Use an object with any of: {', '.join(_QUERY)}.")
    for name, value in query.items():
        if name not in _QUERY:
            raise AdviceError(f"A query has no {name!r}.", f"Use any of: {', '.join(_QUERY)}.")
        if not _fits(value, _QUERY[name]):
            raise AdviceError(f"The query's {name} cannot be {value!r}.", _QUERY[name]["description"])
    return query


def _fits(value: Any, described: JsonObject) -> bool:
    """Return whether a value keeps to the few words of JSON Schema that queries are described in."""
    if described["type"] == "array":
        return isinstance(value, list) and all(_fits(entry, described["items"]) for entry in value)
    if described["type"] == "string":
        return isinstance(value, str) and value in described.get("enum", (value,))
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return bool(described["minimum"] <= value <= described.get("maximum", 2**63 - 1))
