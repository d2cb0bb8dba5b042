"""The state of the real Cognee on this machine: each way of not being ready has its own reason and fix."""

import time

from memory_router.engines.cognee.place import CogneePlace
from memory_router.engines.foreign import ForeignState
from memory_router.errors import StoreError
from memory_router.paths import shown

_SECONDS = 2.0  # for each of the two ways
_FIX_ADD = "Run: cognee-cli add TEXT_OR_FILE, then: cognee-cli cognify"
_NO_PLACE = "If its data is elsewhere, set SYSTEM_ROOT_DIRECTORY as for Cognee itself, or start its server."


def examine(place: CogneePlace | None) -> ForeignState | None:
    """Return the state of Cognee, or None if nothing of it is on this machine.

    Args:
        place: where it is.
    """
    if place is None:
        return None
    by_server = _of_server(place)
    if by_server and by_server.kind == "ready":
        return by_server
    by_file = _of_files(place)
    if by_server is None or by_server.kind == "empty":
        return by_file if by_file.kind != "missing" else by_server or by_file
    if by_file.kind == "ready":
        return ForeignState("ready", f"{by_file.reason} {by_server.reason}", by_server.fix)
    return by_server


def _of_server(place: CogneePlace) -> ForeignState | None:
    from memory_router.engines.cognee import server

    try:
        if not server.is_running(place.server):
            return None
        known = server.datasets(place.server, time.monotonic() + _SECONDS)
    except StoreError as error:
        return ForeignState("unusable", error.cause, error.fix)
    things = sum(max(0, dataset.nodes) for dataset in known)
    if not known or (not things and all(dataset.nodes == 0 for dataset in known)):
        return ForeignState("empty", "Cognee's server answers, and its datasets hold nothing.", _FIX_ADD)
    sizes = f", {things:,} nodes and {sum(max(0, dataset.edges) for dataset in known):,} edges" if things else ""
    return ForeignState("ready", f"Cognee's server: {len(known):,} dataset{'s' * (len(known) != 1)}{sizes}.", "")


def _of_files(place: CogneePlace) -> ForeignState:
    if not place.files:
        where = f"no graph file in {shown(place.folder)}" if place.folder else "no data that can be found"
        return ForeignState(
            "missing", f"Cognee is installed, has {where}, and its server does not run.", f"{_FIX_ADD}. {_NO_PLACE}"
        )
    from memory_router.engines.cognee.files import GraphFiles

    try:
        with GraphFiles(place, time.monotonic() + _SECONDS) as graph:
            held = graph.sizes()
            trouble = graph.trouble
    except StoreError as error:
        return ForeignState("unusable", error.cause, error.fix)
    if not held.things and not held.passages:
        return ForeignState("empty", "Cognee's graph holds nothing.", _FIX_ADD)
    counts = f"{held.things:,} things, {held.relations:,} relations and {held.passages:,} passages"
    return ForeignState("ready", f"Cognee's graph: {counts}. {trouble}".strip(), "")
