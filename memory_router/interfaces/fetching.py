"""Fetch several results by their ids, and say of each that is missing why."""

from collections.abc import Sequence

from memory_router.contract import JsonObject
from memory_router.errors import MemoryRouterError
from memory_router.routing.router import Router

_OF_MEMORIES = "totalrecall"


def fetch(router: Router, ids: Sequence[str], layer: str) -> tuple[list[JsonObject], list[JsonObject]]:
    """Return the results, and an entry with `id`, `error_code` and `error_message` for each id without one.

    Args:
        router: whom to ask.
        ids: as an answer gave them; one without the name of a backend is a memory's.
        layer: `search`, `timeline` or `detail`.
    """
    results: list[JsonObject] = []
    missing: list[JsonObject] = []
    for identifier in ids:
        try:
            response = router.get(identifier if ":" in identifier else f"{_OF_MEMORIES}:{identifier}", layer)
        except MemoryRouterError as error:
            missing.append({"id": identifier, "error_code": error.code, "error_message": str(error)})
            continue
        results += response["results"]
        if not response["results"]:
            message = response["error_message"] or "Nothing has this id any more; ask the question again."
            missing.append(
                {"id": identifier, "error_code": response["error_code"] or "NOT_FOUND", "error_message": message}
            )
    return results, missing
