"""`memory-router backends graph`: look at the knowledge graph, and keep it in step with the index."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memory_router import app
from memory_router.errors import StoreError, install_command
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import terminal

if TYPE_CHECKING:
    from memory_router.engines.graph.search import Neighbourhood

graph = typer.Typer(name="graph", no_args_is_help=True, help="Look at the knowledge graph of what is indexed.")


class Format(StrEnum):
    """How a neighbourhood is drawn."""

    tree = "tree"
    json = "json"
    dot = "dot"
    html = "html"


@graph.callback()
def _group() -> None:
    """Look at the knowledge graph of what is indexed."""


@graph.command()
def show(
    name: Annotated[str, typer.Argument(help="A module, class, function, document, person or term.")],
    depth: Annotated[int, typer.Option(help="How many steps away.", min=1, max=5)] = 1,
    format: Annotated[Format | None, typer.Option(help="How to draw it; a tree on a terminal, else JSON.")] = None,  # noqa: A002
    as_json: AsJson = False,
) -> None:
    """Draw what surrounds a thing in the graph.

    The formats `dot` and `html` need the extra `graph`.

    Example: memory-router backends graph show open_session --depth 2 --format html
    """
    opened = app.indexing.open_graph()
    if opened is None:
        if not app.registration.is_registered(app.indexing.GRAPH):
            cause = f"There is no graph: {app.indexing.GRAPH}, which answers from it, is not set up."
            raise StoreError(cause, "Run: memory-router backends init --tier pro")
        raise StoreError("There is no graph yet: it is made with the index.", "Run: memory-router index PATH")
    neighbourhood = opened.neighbourhood(name, depth)
    if neighbourhood is None:
        raise StoreError(f"Nothing in the graph is called {name!r}.", "Index what defines it, or try another spelling.")
    chosen = format or (Format.json if as_json or not output.is_terminal() else Format.tree)
    if chosen == Format.tree:
        _print_tree(neighbourhood)
    elif chosen == Format.json:
        output.print_json(_as_json(neighbourhood))
    else:
        print(_drawn(neighbourhood, chosen))


def _as_json(found: "Neighbourhood") -> dict[str, Any]:
    return {
        "center": found.center,
        "nodes": [entity._asdict() for entity in found.entities.values()],
        "edges": [edge._asdict() for edge in found.edges],
    }


def _print_tree(found: "Neighbourhood") -> None:
    from rich.tree import Tree

    tree = Tree(_label(found, found.center))
    branches: dict[int, Tree] = {found.center: tree}
    border = [found.center]
    while border:
        reached: list[int] = []
        for edge in found.edges:
            for here, there, arrow in ((edge.source, edge.target, "→"), (edge.target, edge.source, "←")):
                if here in border and there not in branches:
                    branches[there] = branches[here].add(f"[dim]{arrow} {edge.kind}[/] {_label(found, there)}")
                    reached.append(there)
        border = reached
    terminal().print(tree)


def _label(found: "Neighbourhood", node: int) -> str:
    from rich.markup import escape

    entity = found.entities[node]
    place = f" [dim]{escape(output.visible(entity.path))}:{entity.line}[/]" if entity.path else ""
    return f"{escape(output.visible(entity.shown))}{place}"


def _drawn(found: "Neighbourhood", chosen: Format) -> str:
    try:
        import networkx  # type: ignore[import-untyped]
    except ImportError as error:
        raise StoreError(
            f"The format {chosen} needs networkx, which is not installed.",
            f"Install it: {install_command('graph')}; or choose --format tree or json.",
        ) from error
    drawing = networkx.MultiDiGraph()
    for entity in found.entities.values():
        drawing.add_node(entity.id, label=output.visible(entity.shown))
    for edge in found.edges:
        drawing.add_edge(edge.source, edge.target, label=edge.kind)
    if chosen == Format.dot:
        return str(networkx.nx_pydot.to_pydot(drawing).to_string())
    return _page(networkx.spring_layout(drawing, seed=1), found)


def _page(places: Any, found: "Neighbourhood") -> str:
    """Return a page that needs no other file: the layout as SVG, with names as text."""
    from html import escape

    at = {node: (500 + 420 * float(x), 400 + 340 * float(y)) for node, (x, y) in places.items()}
    lines = [
        f'<line x1="{at[edge.source][0]:.0f}" y1="{at[edge.source][1]:.0f}" x2="{at[edge.target][0]:.0f}"'
        f' y2="{at[edge.target][1]:.0f}" stroke="#aab"><title>{escape(edge.kind)}</title></line>'
        for edge in found.edges
    ]
    texts = [
        f'<text x="{at[node][0]:.0f}" y="{at[node][1]:.0f}">{escape(output.visible(entity.shown))}'
        f"<title>{escape(json.dumps([entity.path, entity.line]))}</title></text>"
        for node, entity in found.entities.items()
    ]
    return (
        f'<!doctype html><meta charset="utf-8"><title>{escape(found.entities[found.center].name)}</title>'
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 800" font-family="sans-serif" font-size="11"'
        f' text-anchor="middle">{"".join(lines)}{"".join(texts)}</svg>'
    )
