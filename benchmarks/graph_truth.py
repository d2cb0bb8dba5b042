"""Measure dependents and paths in the graph against import graphs that the standard `ast` gives.

    python benchmarks/graph_truth.py [--packages flask requests click] [--paths 200]

The packages are installed from the package index into a scratch folder. The truth is computed here, from the syntax
trees alone: `from package import module` depends on the module, `from module import name` on the module.
"""

import argparse
import ast
import os
import random
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from machine import heading

from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.facts import Source
from memory_router.engines.graph.search import KnowledgeGraph

Imports = dict[str, set[str]]


def main() -> None:
    """Install, build, ask and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", nargs="+", default=["rich", "werkzeug", "networkx"])
    parser.add_argument("--paths", type=int, default=200, help="pairs of modules a package")
    options = parser.parse_args()
    print(heading("Dependents and paths against the import graph of ast"))
    print("| package | modules | imports | precision | recall | valid paths | shortest | pairs |")
    print("|---|---|---|---|---|---|---|---|")
    for package in options.packages:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, package]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            print(measured(package, os.path.join(os.path.realpath(folder), package), options.paths), flush=True)


def measured(package: str, root: str, pairs: int) -> str:
    """Return the row of one package."""
    truth = import_graph(root)
    database = os.path.join(root, "..", "graph.db")
    files = [path for path, _ in modules(root)]
    bring_up_to_date([Source(path, root, "python", "1", 1.0) for path in files], database=database)
    graph = KnowledgeGraph.open(database)
    assert graph
    right = said = wanted = 0
    named = dict(modules(root))
    for module in truth:
        expected = {source for source, targets in truth.items() if module in targets and source != module}
        answer = graph.ask(f"what depends on {module}", 10_000)
        found = {named[one.path] for one in answer.findings if one.path in named and one.relevance >= 0.4}
        right, said, wanted = right + len(found & expected), said + len(found), wanted + len(expected)
    chance = random.Random(7)
    valid = shortest = asked = 0
    names = sorted(truth)
    while asked < pairs:
        one, other = chance.sample(names, 2)
        length = distance(truth, one, other)
        if length is None:
            continue
        asked += 1
        (first, *_) = [*graph.ask(f"path from {one} to {other}", 1).findings, None]
        steps = [str(step["qualified"]) for step in first.metadata.get("path", [])] if first else []
        is_valid = bool(steps) and (steps[0], steps[-1]) == (one, other)
        is_valid = is_valid and all(there in truth[here] for here, there in pairwise(steps))
        valid += is_valid
        shortest += is_valid and len(steps) - 1 == length
    graph.close()
    edges = sum(map(len, truth.values()))
    return (
        f"| {package} | {len(truth)} | {edges} | {right / said:.3f} | {right / wanted:.3f}"
        f" | {valid / asked:.3f} | {shortest / asked:.3f} | {asked} |"
    )


def modules(root: str) -> Iterator[tuple[str, str]]:
    """Yield path and dotted name of every module of a package."""
    above = os.path.dirname(root)
    for folder, folders, files in os.walk(root):
        folders.sort()
        for file in sorted(files):
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                yield path, os.path.relpath(path, above)[:-3].removesuffix("/__init__").replace("/", ".")


def import_graph(root: str) -> Imports:
    """Return which module imports which, by the syntax trees."""
    known = {name: path for path, name in modules(root)}
    graph: Imports = {name: set() for name in known}
    for name, path in known.items():
        package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                graph[name].update(alias.name for alias in node.names if alias.name in known)
            elif isinstance(node, ast.ImportFrom):
                parts = package.split(".")
                base = [*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])]
                module = ".".join(base) if node.level else node.module or ""
                for alias in node.names:
                    target = f"{module}.{alias.name}"
                    graph[name].update({target if target in known else module} & known.keys())
        graph[name].discard(name)
    return graph


def distance(graph: Imports, one: str, other: str) -> int | None:
    """Return the length of the shortest chain of imports, or None."""
    border, seen = deque([(one, 0)]), {one}
    while border:
        at, length = border.popleft()
        if at == other:
            return length
        for there in graph[at] - seen:
            seen.add(there)
            border.append((there, length + 1))
    return None


if __name__ == "__main__":
    main()
