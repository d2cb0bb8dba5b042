"""Measure dependents in the graph against what compilers say: the TypeScript compiler, and `jdeps` of a JDK.

    python benchmarks/graph_truth_compilers.py typescript FOLDER... [--compiler node_modules/typescript]
    python benchmarks/graph_truth_compilers.py java FOLDER...

A folder holds sources, for Java those that compile without libraries. A file depends on another if it imports it
(TypeScript), or if its classes refer to the other's (Java); `what depends on FILE` is asked for every file.
"""

import argparse
import json
import os
import re
import subprocess
import tempfile

from machine import heading

from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.facts import Source
from memory_router.engines.graph.search import KnowledgeGraph

Truth = dict[str, set[str]]  # by file, those that it depends on
_HERE = os.path.dirname(os.path.abspath(__file__))
_GATE = 0.4


def main() -> None:
    """Ask the compiler, build, ask the graph and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", choices=["typescript", "java"])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--compiler", default="node_modules/typescript", help="the npm package `typescript`")
    options = parser.parse_args()
    print(heading(f"Dependents against the compiler: {options.language}"))
    print("| folder | files | edges | precision | recall |")
    print("|---|---|---|---|---|")
    for folder in map(os.path.realpath, options.folders):
        truth = typescript(folder, options.compiler) if options.language == "typescript" else java(folder)
        print(measured(folder, truth, options.language), flush=True)


def typescript(folder: str, compiler: str) -> Truth:
    """Return which file imports which."""
    command = ["node", os.path.join(_HERE, "typescript_imports.js"), compiler, folder]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {file: set(targets) - {file} for file, targets in told.items()}


def java(folder: str) -> Truth:
    """Return which file's classes refer to which file's."""
    files = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(".java")]
    files = [file for file in files if not file.endswith("-info.java")]
    with tempfile.TemporaryDirectory() as classes:
        subprocess.run(
            ["javac", "-nowarn", "-encoding", "UTF-8", "-d", classes, *files], check=True, capture_output=True
        )
        command = ["jdeps", "-v", "-filter:none", classes]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    named = {os.path.relpath(file, folder)[:-5].replace("/", "."): file for file in files}
    truth: Truth = {file: set() for file in files}
    for match in re.finditer(r"^\s+(\S+)\s+-> (\S+)", told, re.MULTILINE):
        one, other = (named.get(name.partition("$")[0]) for name in match.groups())
        if one and other and one != other:
            truth[one].add(other)
    return truth


def measured(folder: str, truth: Truth, language: str) -> str:
    """Return the row of one folder."""
    right = said = wanted = 0
    with tempfile.TemporaryDirectory() as scratch:
        database = os.path.join(scratch, "graph.db")
        bring_up_to_date([Source(file, folder, language, "1", 1.0) for file in truth], database=database)
        graph = KnowledgeGraph.open(database)
        assert graph
        for file in truth:
            expected = {one for one, targets in truth.items() if file in targets}
            answer = graph.ask(f"what depends on {os.path.relpath(file, folder)}", 10_000)
            found = {one.path for one in answer.findings if one.relevance >= _GATE and one.path}
            right, said, wanted = right + len(found & expected), said + len(found), wanted + len(expected)
        graph.close()
    return f"| {os.path.basename(folder)} | {len(truth)} | {wanted} | {right / said:.3f} | {right / wanted:.3f} |"


if __name__ == "__main__":
    main()
