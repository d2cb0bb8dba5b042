"""`memory-router get`: fetch results by their ids, with as much around them as is wanted."""

from enum import StrEnum
from typing import Annotated

import typer

from memory_router.app.asking import Router
from memory_router.contract import JsonObject
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.ask import fetched
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_results


class Layer(StrEnum):
    """How much to fetch: a snippet, its surroundings, or everything."""

    search = "search"
    timeline = "timeline"
    detail = "detail"


def get(
    ids: Annotated[list[str], typer.Argument(help="The ids of results, as an answer gave them.")],
    layer: Annotated[Layer, typer.Option(help="How much of each: a snippet, its surroundings, or everything.")] = (
        Layer.detail
    ),
    as_json: AsJson = False,
) -> None:
    """Fetch results by their ids.

    Exit code 1 means that at least one of them could not be fetched; the others are still printed.

    Example: memory-router get qmd:42 --layer timeline
    """
    with Router(keep_warm=True) as router:
        told, code = fetched(router, ids, layer.value)
    output.show(told, lambda: _print(told["results"], told["missing"]), as_json=as_json)
    raise typer.Exit(code)


def _print(results: list[JsonObject], missing: list[JsonObject]) -> None:
    print_results(results)
    for entry in missing:
        output.note(f"{entry['id']}: {entry['error_message']}")
