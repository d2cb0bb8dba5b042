"""Measure callers and call chains in the graph against labels that were read in the sources of public packages.

    python benchmarks/graph_labels.py [--folder FOLDER]

`graph_edges.tsv` says of pairs of a file and a function whether the file calls the function, `graph_chains.tsv` of
pairs of functions whether calls lead from one to the other. The pairs were drawn at random from those that share a
name. A label counts what the code says: a call through an interface calls the interface's method. The sources come
from Debian's packages, by `apt-get download`.
"""

import argparse
import csv
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator

import apsw
from machine import heading

from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.facts import Source
from memory_router.engines.graph.search import KnowledgeGraph

_HERE = os.path.dirname(os.path.abspath(__file__))
_GATE = 0.4
_LANGUAGES = {"golang": ("Go", "go", ".go"), "librust": ("Rust", "rust", ".rs")}
_QUALIFIED = """
    SELECT n.qualified FROM nodes n JOIN files f ON f.id = n.file
    WHERE n.kind = 'function' AND f.path = ?1 AND substr('.' || n.qualified, -1 - length(?2)) = '.' || ?2
"""
Label = dict[str, str]


def main() -> None:
    """Unpack, build, ask and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", help="where the packages are unpacked already")
    parser.add_argument("--wrong", action="store_true", help="name the labels that the graph does not agree with")
    options = parser.parse_args()
    edges, chains = (list(labels(name)) for name in ("graph_edges.tsv", "graph_chains.tsv"))
    counts: Counter[tuple[str, str, str, bool]] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or scratch
        for package, version in sorted({(one["package"], one["version"]) for one in edges}):
            if not options.folder:
                unpack(package, version, scratch)
            language, root, database = built(package, folder, scratch)
            graph = KnowledgeGraph.open(database)
            assert graph
            asked = Asker(graph, root, apsw.Connection(database))
            for what, column, listed in (("callers", "calls", edges), ("chains", "chain", chains)):
                for one in (one for one in listed if one["package"] == package):
                    said = asked.calls(one) if what == "callers" else asked.leads(one)
                    counts[what, language, one[column], said] += 1
                    if options.wrong and said != (one[column] == "1"):
                        print("the graph says", said, *one.values())
            graph.close()
    print(heading("Callers and chains against labels that were read in the code"))
    print("| what | language | labels | of these true | precision | recall |\n|---|---|---|---|---|---|")
    for what, language in dict.fromkeys((key[0], key[1]) for key in sorted(counts)):
        right, wrong, missed = (counts[what, language, *key] for key in (("1", True), ("0", True), ("1", False)))
        total = sum(number for key, number in counts.items() if key[:2] == (what, language))
        print(
            f"| {what} | {language} | {total} | {right + missed} | {right / max(1, right + wrong):.3f}"
            f" | {right / max(1, right + missed):.3f} |"
        )


def labels(name: str) -> Iterator[Label]:
    """Yield the rows of a table."""
    with open(os.path.join(_HERE, name), encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter="\t")


def unpack(package: str, version: str, folder: str) -> None:
    """Download a package and unpack it beside others."""
    subprocess.run(["apt-get", "download", "-q", f"{package}={version}"], check=True, cwd=folder, capture_output=True)
    archive = next(name for name in os.listdir(folder) if name.startswith(f"{package}_"))
    subprocess.run(["dpkg", "-x", archive, os.path.join(folder, package)], check=True, cwd=folder)


def built(package: str, folder: str, scratch: str) -> tuple[str, str, str]:
    """Build the graph of a package, and return its language, the root of its sources, and the database."""
    name, language, ending = _LANGUAGES[package.partition("-")[0]]
    above = os.path.realpath(os.path.join(folder, package, "usr", "share"))
    files = [os.path.join(at, one) for at, _, names in os.walk(above) for one in names if one.endswith(ending)]
    root = os.path.commonpath(files)
    root = os.path.dirname(root) if os.path.basename(root) == "src" and language == "rust" else root
    database = os.path.join(scratch, f"{package}.db")
    bring_up_to_date([Source(file, root, language, "1", 1.0) for file in files], database=database)
    return name, root, database


class Asker:
    """Ask one graph for what a label says.

    Args:
        graph: the graph of one package.
        root: where its sources begin.
        connection: the same graph, to name a function of a file in full.
    """

    def __init__(self, graph: KnowledgeGraph, root: str, connection: apsw.Connection) -> None:
        self._graph = graph
        self._root = root
        self._connection = connection

    def calls(self, label: Label) -> bool:
        """Return whether a file is told as a caller of a function."""
        callee = self._named(label["callee_file"], label["callee"])
        answer = self._graph.ask(f"who calls {callee}", 10_000)
        caller = os.path.join(self._root, label["caller_file"])
        return any(one.path == caller and one.relevance >= _GATE for one in answer.findings)

    def leads(self, label: Label) -> bool:
        """Return whether a chain of calls from one function to another is told."""
        start = self._named(label["caller_file"], label["caller"])
        end = self._named(label["callee_file"], label["callee"])
        answer = self._graph.ask(f"call chain from {start} to {end}")
        return any(one.relevance >= _GATE for one in answer.findings)

    def _named(self, file: str, function: str) -> str:
        found = self._connection.execute(_QUALIFIED, (os.path.join(self._root, file), function)).get
        assert found, f"{function} of {file} is not in the graph"
        return str(found)


if __name__ == "__main__":
    main()
