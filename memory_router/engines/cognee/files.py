"""Read Cognee's graph files where they lie, for reading only, through a Python that has the library for them."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from memory_router.engines.cognee.datasets import datasets
from memory_router.engines.cognee.graph import (
    DOCUMENT,
    NO_THINGS,
    PASSAGE,
    CogneeEdge,
    CogneeNode,
    Frequencies,
    read_node,
)
from memory_router.engines.cognee.place import CogneePlace
from memory_router.errors import StoreError, install_command
from memory_router.paths import shown

_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reader.py")
_FIX_LIBRARY = f"Put `cognee-cli` on the PATH, or run: {install_command('cognee')}"
_MOST_NAMED = 200  # those that hold most fragments, and of them the shortest
_MOST_EDGES = 5000
_MOST_MENTIONS = 400
_IS_THING = "NOT {0}.type IN $no_things AND NOT {0}.type ENDS WITH $document AND {0}.name <> ''"
_NAMED = (
    f"MATCH (n:Node) WHERE {_IS_THING.format('n')}"
    " WITH n, replace(replace(replace(lower(n.name), ' ', ''), '_', ''), '-', '') AS held"
    " UNWIND $fragments AS f WITH n, held, f WHERE held CONTAINS f"
    " WITH n, size(held) AS length, count(*) AS fits ORDER BY fits DESC, length, n.id LIMIT $most"
    " RETURN n.id, n.type, n.name, n.properties"
)
_EDGES = (
    f"MATCH (a:Node)-[e:EDGE]->(b:Node) WHERE %s.id IN $ids AND a.id <> b.id AND {_IS_THING.format('a')}"
    f" AND {_IS_THING.format('b')} RETURN a.id, b.id, e.relationship_name, e.properties LIMIT $most"
)
_NODES = "MATCH (n:Node) WHERE n.id IN $ids RETURN n.id, n.type, n.name, n.properties"
_MENTIONS = (
    "MATCH (n:Node)-[e:EDGE]->(t:Node) WHERE t.id IN $ids AND n.type = $passage"
    " RETURN t.id, n.id, n.type, n.name, n.properties LIMIT $most"
)
_COUNT_PASSAGES = "MATCH (n:Node) WHERE n.type = $passage RETURN count(*)"
_FREQUENCIES = (
    "MATCH (n:Node) WHERE n.type = $passage WITH lower(n.properties) AS text"
    " UNWIND $words AS w WITH w, text WHERE text CONTAINS w RETURN w, count(*)"
)
_PASSAGES = (
    "MATCH (n:Node) WHERE n.type = $passage WITH n, lower(n.properties) AS text"
    " UNWIND $words AS w WITH n, w, text WHERE text CONTAINS w.word"
    " RETURN n.id, sum(w.weight) AS score ORDER BY score DESC, n.id LIMIT $most"
)
_EVERYTHING = (
    f"MATCH (n:Node) WHERE n.type = $passage OR ({_IS_THING.format('n')})"
    " RETURN n.id, n.type, n.name, n.properties ORDER BY n.id LIMIT $most"
)
_COUNT_THINGS = f"MATCH (n:Node) WHERE {_IS_THING.format('n')} RETURN count(*)"
_COUNT_EDGES = _EDGES.replace("%s.id IN $ids AND ", "").partition(" RETURN ")[0] + " RETURN count(*)"
_SORTS = {"no_things": list(NO_THINGS), "document": DOCUMENT}


class _FileError(StoreError):
    """One file cannot be read; others may."""


class Sizes(NamedTuple):
    """The size of graphs."""

    things: int
    relations: int
    passages: int


class GraphFiles:
    """The graph of all files together; use it in a `with` block, which ends the process that reads them.

    Args:
        place: where Cognee is, with at least one file.
        ends: until when, on the monotonic clock.

    Attributes:
        trouble: why a file was left out, or empty; while another one can be read, a damaged one is not an error.

    Raises:
        StoreError: there is no Python that can open them.
    """

    def __init__(self, place: CogneePlace, ends: float) -> None:
        if place.reader is None:
            raise StoreError("No Python here has the library that opens Cognee's graph files.", _FIX_LIBRARY)
        self._files = list(place.files)
        self._datasets = datasets(place.files)
        self.trouble = ""
        self._ends = ends
        self._pending = b""
        self._wire, other = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [place.reader, "-I", _SCRIPT],
                stdin=other.fileno(),
                stdout=other.fileno(),
                stderr=subprocess.DEVNULL,
                cwd="/",
            )
        except OSError as error:
            self._wire.close()
            raise StoreError(f"{shown(place.reader)} does not start ({error.strerror}).", _FIX_LIBRARY) from error
        finally:
            other.close()

    def __enter__(self) -> Self:
        """Return the graph."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process that reads."""
        self._process.kill()
        self._process.wait()
        self._wire.close()

    def sizes(self) -> Sizes:
        """Count what the files hold.

        Raises:
            StoreError: a file cannot be read, or not in time; so do all methods below.
        """
        things = sum(row[0] for row in self._rows(_COUNT_THINGS, **_SORTS))
        relations = sum(row[0] for row in self._rows(_COUNT_EDGES, **_SORTS))
        return Sizes(things, relations, self._passage_count())

    def named(self, fragments: Sequence[str]) -> list[CogneeNode]:
        """Return things whose names, written together, hold any of some fragments in lower case."""
        rows = self._by_file(_NAMED, fragments=list(fragments), most=_MOST_NAMED, **_SORTS)
        return list({row[0]: self._node(path, row) for path, row in rows}.values())

    def edges(self, ids: Sequence[str]) -> list[CogneeEdge]:
        """Return the relations between things that begin or end at some of them."""
        edges: set[CogneeEdge] = set()
        for end in ("a", "b"):
            for source, target, relation, held in self._rows(_EDGES % end, ids=list(ids), most=_MOST_EDGES, **_SORTS):
                edges.add(CogneeEdge(source, target, relation or "related_to", str(_held(held).get("edge_text") or "")))
        return sorted(edges)

    def nodes(self, ids: Iterable[str]) -> dict[str, CogneeNode]:
        """Return things by their ids."""
        return {row[0]: self._node(path, row) for path, row in self._by_file(_NODES, ids=list(ids))}

    def everything(self, most: int) -> list[CogneeNode]:
        """Return the passages and the things of each file, a limited number of each."""
        rows = self._by_file(_EVERYTHING, passage=PASSAGE, most=most, **_SORTS)
        return list({row[0]: self._node(path, row) for path, row in rows}.values())

    def mentions(self, ids: Sequence[str]) -> dict[str, list[CogneeNode]]:
        """Return the passages that speak of some things, by the thing."""
        by_thing: dict[str, list[CogneeNode]] = {node: [] for node in ids}
        for path, (thing, *row) in self._by_file(_MENTIONS, ids=list(ids), passage=PASSAGE, most=_MOST_MENTIONS):
            by_thing[thing].append(self._node(path, row))
        return {thing: sorted(passages) for thing, passages in by_thing.items()}

    def frequencies(self, words: Sequence[str]) -> Frequencies:
        """Count the passages, and those that hold each of some words in lower case."""
        counts = dict.fromkeys(words, 0)
        spellings = {spelling: word for word in words for spelling in _stored(word)}
        for spelling, count in self._rows(_FREQUENCIES, passage=PASSAGE, words=list(spellings)) if words else ():
            counts[spellings[spelling]] += count
        return Frequencies(self._passage_count(), counts)

    def passages(self, weights: Mapping[str, float], most: int) -> list[CogneeNode]:
        """Return the passages that hold the most of some weighted words in lower case."""
        words = [
            {"word": spelling, "weight": float(weight)}
            for word, weight in weights.items()
            for spelling in _stored(word)
        ]
        rows = self._rows(_PASSAGES, passage=PASSAGE, words=words, most=most) if words else []
        best = [key for key, _ in sorted(rows, key=lambda row: (-row[1], row[0]))[:most]]
        held = self.nodes(best)
        return [held[key] for key in best if key in held]

    def _node(self, path: str, row: Sequence[Any]) -> CogneeNode:
        key, kind, name, held = row
        return read_node(key, kind, name, _held(held), self._datasets.get(path, ""))

    def _passage_count(self) -> int:
        return int(sum(row[0] for row in self._rows(_COUNT_PASSAGES, passage=PASSAGE)))

    def _rows(self, cypher: str, **parameters: Any) -> list[list[Any]]:
        return [row for _, row in self._by_file(cypher, **parameters)]

    def _by_file(self, cypher: str, **parameters: Any) -> list[tuple[str, list[Any]]]:
        rows: list[tuple[str, list[Any]]] = []
        for path in list(self._files):
            try:
                rows += [(path, row) for row in self._ask(path, cypher, parameters)]
            except _FileError as error:
                self._files.remove(path)
                if not self._files:
                    raise
                self.trouble = error.cause
        return rows

    def _ask(self, path: str, cypher: str, parameters: Mapping[str, Any]) -> list[list[Any]]:
        left = max(0.001, self._ends - time.monotonic())
        request = {"path": path, "cypher": cypher, "parameters": parameters, "milliseconds": round(left * 1000)}
        try:
            self._wire.settimeout(left)
            self._wire.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(self._line())
        except TimeoutError as error:
            raise _too_slow(path) from error
        except (OSError, ValueError) as error:
            raise StoreError(f"What reads Cognee's graph {shown(path)} broke down.", _FIX_LIBRARY) from error
        if "error" in answer:
            raise _error(path, str(answer["error"]))
        rows: list[list[Any]] = answer["rows"]
        return rows

    def _line(self) -> bytes:
        parts = [self._pending]
        while b"\n" not in parts[-1]:
            self._wire.settimeout(max(0.001, self._ends - time.monotonic()))
            read = self._wire.recv(1 << 20)
            if not read:
                raise ConnectionError
            parts.append(read)
        line, _, self._pending = b"".join(parts).partition(b"\n")
        return line


def _too_slow(path: str) -> StoreError:
    return StoreError(f"Cognee's graph {shown(path)} was not read in time.", "Give it a longer deadline.")


def _error(path: str, said: str) -> StoreError:
    if said.startswith(("ModuleNotFoundError", "ImportError")):
        return StoreError("The Python of `cognee-cli` lacks the library that opens graph files.", _FIX_LIBRARY)
    if "Interrupted" in said or "checkpoint is in progress" in said:
        return _too_slow(path)
    return _FileError(
        f"Cognee's graph {shown(path)} cannot be read ({said}).",
        "Check its permissions; `cognee-cli doctor` tells what Cognee makes of it.",
    )


def _held(properties: Any) -> dict[str, Any]:
    try:
        held = json.loads(properties or "{}")
    except (TypeError, ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}


def _stored(word: str) -> list[str]:
    """Return how a word may stand in what Cognee stored, in lower case: as JSON, where letters like é are codes."""
    forms = dict.fromkeys([word] if word.isascii() else [word, word.capitalize(), word.upper()])
    return list(dict.fromkeys(json.dumps(form)[1:-1].lower() for form in forms))
