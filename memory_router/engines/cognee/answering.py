"""Answer a question from the real Cognee: by its server if one answers, else from its graph files."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from memory_router.engines.cognee import passages, relations
from memory_router.engines.cognee.graph import CogneeGraph
from memory_router.engines.cognee.hit import CogneeHit
from memory_router.engines.cognee.linking import link
from memory_router.engines.cognee.place import CogneePlace
from memory_router.engines.graph.questions import SURROUNDINGS, read
from memory_router.errors import StoreError

_MAX_CHARACTERS = 4000  # a question is a line; of a pasted page the beginning says what it is about
# The server may be busy; what it leaves of the time must still do for the file.
_SERVER_SHARE = 0.6
# To a question about relations: a passage that holds its words need not say how they relate.
_MENTIONED = 0.6
_WORTH_WALKING = 0.6  # a whole question that fits a name no better than this is not about that thing


class CogneeAnswer(NamedTuple):
    """What Cognee's data answers.

    Args:
        hits: most relevant first.
        by: `http` or `file`: what was asked.
        intent: how the question was understood.
        notes: remarks to tell with the answer.
        is_empty: whether there is nothing at all that could be found.
    """

    hits: list[CogneeHit]
    by: str
    intent: str
    notes: dict[str, str]
    is_empty: bool


def find(place: CogneePlace, question: str, limit: int, seconds: float) -> CogneeAnswer:
    """Return what answers a question.

    Args:
        place: where Cognee is.
        question: any text.
        limit: the largest number of hits.
        seconds: how long it may take.

    Raises:
        StoreError: neither way is open; the first one's reason.
    """
    ends = time.monotonic() + seconds
    question = question[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()
    from memory_router.engines.cognee import server

    refused: StoreError | None = None
    if server.is_running(place.server):
        share = _SERVER_SHARE if place.files else 1.0
        try:
            told = server.ask(place.server, question, limit, time.monotonic() + share * (ends - time.monotonic()))
        except StoreError as error:
            refused = error
        else:
            notes = {} if told.is_whole else {"partly": "The graph is large: only what is nearest was looked at."}
            if told.trouble:
                notes["trouble"] = told.trouble
            return _answer(told.graph, question, told.nearest, limit, "http", notes)
    if not place.files:
        raise refused or StoreError(
            "Cognee has no graph on this machine, and its server does not run.",
            "Run: cognee-cli add TEXT, then: cognee-cli cognify; or start its server.",
        )
    from memory_router.engines.cognee.files import GraphFiles

    notes = {"server": refused.cause, "fix": refused.fix} if refused else {}
    with GraphFiles(place, ends) as graph:
        answer = _answer(graph, question, [], limit, "file", notes)
        return answer._replace(notes={**answer.notes, "left_out": graph.trouble}) if graph.trouble else answer


def fetch(place: CogneePlace, identifier: str, seconds: float) -> CogneeHit | None:
    """Return the passage or thing with an id from the graph files, or None if none holds it.

    Args:
        place: where Cognee is.
        identifier: what Cognee calls it.
        seconds: how long it may take.

    Raises:
        StoreError: the files cannot be read, or not in time.
    """
    if not place.files:
        return None
    from memory_router.engines.cognee.files import GraphFiles

    with GraphFiles(place, time.monotonic() + seconds) as graph:
        node = graph.nodes([identifier]).get(identifier)
    return passages.as_hit(node, 1.0) if node else None


def _answer(
    graph: CogneeGraph, question: str, nearest: Sequence[str], limit: int, by: str, notes: dict[str, str]
) -> CogneeAnswer:
    parsed = read(question)
    linked = [link(graph, thing) for thing in parsed.things]
    least = _WORTH_WALKING if parsed.intent == SURROUNDINGS else 0.0
    hits: list[CogneeHit] = []
    if linked and all(match.score > least for match in linked):
        told = relations.answer(graph, parsed, linked, limit)
        hits = told.hits
        notes = {**notes, **({"note": told.note} if told.note else {})}
    factor = 1.0 if parsed.intent == SURROUNDINGS else _MENTIONED
    for hit in passages.find(graph, question, nearest, limit):
        hits.append(hit._replace(relevance=round(factor * hit.relevance, 4)))
    is_empty = not (hits or any(match.nodes for match in linked) or graph.frequencies([]).total)
    return CogneeAnswer(sorted(hits, key=lambda hit: -hit.relevance)[:limit], by, parsed.intent, notes, is_empty)
