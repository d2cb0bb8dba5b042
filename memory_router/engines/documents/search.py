"""Search the passages of one document index."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import apsw

from memory_router import paths
from memory_router.engines.documents.identity import identity
from memory_router.engines.documents.places import files_named
from memory_router.engines.documents.schema import EMBEDDED, LAYOUT, SCHEMA
from memory_router.engines.documents.selection import EVERYTHING, PassageSelection, seconds_of
from memory_router.engines.documents.superseding import Opening, successors
from memory_router.retrieval import search as core
from memory_router.retrieval.fulltext import FullText, Within
from memory_router.retrieval.likeness import StoreVectors, Vectors
from memory_router.retrieval.merging import with_successors
from memory_router.retrieval.models import reranked
from memory_router.retrieval.query import Query, idf, understand
from memory_router.retrieval.relevance import Features
from memory_router.retrieval.wish import wish
from memory_router.storage.sqlite import DatabaseReader, named_errors
from memory_router.text import words

SEARCH, VSEARCH, QUERY = "search", "vsearch", "query"
# Passages that a reranker reads.
_RERANKED = 20

_ALLOWED = """
    JOIN chunks c ON c.id = {rows} JOIN files f ON f.id = c.file
    AND (:project IS NULL OR f.project = '' OR f.project = :project COLLATE NOCASE)
    AND (:files IS NULL OR f.id IN (SELECT value FROM json_each(:files)))
    AND (:absent IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(:absent) gone WHERE f.path = gone.value
        OR (f.path > gone.value || '/' AND f.path < gone.value || '0')))
    AND CASE WHEN c.day <> ''
        THEN (:first IS NULL OR c.day >= :first) AND (:last IS NULL OR c.day <= :last)
        ELSE (:since IS NULL OR f.mtime_ns / 1e9 >= :since) AND (:until IS NULL OR f.mtime_ns / 1e9 <= :until)
    END
"""
_WITHIN = _ALLOWED.format(rows="chunk_text.rowid")
_INSIDE = f"SELECT c.id FROM json_each(:keys) wanted {_ALLOWED.format(rows='wanted.value')}"  # noqa: S608
_UNITS = "SELECT c.id, c.text, c.day, c.file FROM json_each(?) wanted JOIN chunks c ON c.id = wanted.value"
_FIRST_CHUNKS = "SELECT c.id FROM json_each(?) wanted JOIN chunks c ON c.file = wanted.value AND c.position = 0"
_HITS = """
    SELECT c.id, c.text, f.path, r.path, c.first_line, c.last_line, c.heading, f.title, f.language, f.project,
        f.mtime_ns / 1e9
    FROM json_each(?) wanted JOIN chunks c ON c.id = wanted.value JOIN files f ON f.id = c.file
    JOIN roots r ON r.id = f.root
"""

# How many of a document's passages are read for what it says about itself.
_OPENING = 3
_OPENINGS = """
    SELECT f.path, f.title, group_concat(c.text, char(10) ORDER BY c.position)
    FROM json_each(?) wanted JOIN files f ON f.path = wanted.value JOIN chunks c ON c.file = f.id AND c.position < ?
    GROUP BY f.id
"""


class DocumentHit(NamedTuple):
    """One passage found.

    Args:
        id: the passage's number in the index.
        content: the passage.
        path: the absolute path of its file.
        root: the folder that it was indexed with.
        first_line: its first line, counted from 1.
        last_line: its last line, inclusive.
        heading: the headings above it.
        title: the file's title.
        language: the file's language.
        project: the project that the file belongs to; empty for everywhere.
        modified: when the file was modified, in seconds since the epoch.
        relevance: the probability in [0, 1] that it answers the question.
        features: what the relevance was estimated from.
        copies: the places, as path and first line, of further passages that say the same.
        successor: the passage of the document that took its document's place, as the two say, or None.
    """

    id: int
    content: str
    path: str
    root: str
    first_line: int
    last_line: int
    heading: str
    title: str
    language: str
    project: str
    modified: float
    relevance: float
    features: Features
    copies: tuple[tuple[str, int], ...] = ()
    successor: "DocumentHit | None" = None

    @property
    def name(self) -> str:
        """The id by which an answer names it, and by which it is fetched."""
        return str(identity(self.path, self.first_line, self.content))


class IndexStatistics(NamedTuple):
    """What an index holds: counts, roots, and when the last run ended in seconds since the epoch."""

    files: int
    chunks: int
    roots: tuple[str, ...]
    finished: float | None


class DocumentIndex(DatabaseReader):
    """Search one index; open it with `DocumentIndex.open` and keep it as long as questions come."""

    schema = SCHEMA

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        super().__init__(connection, path)
        self.fulltext = FullText(connection, LAYOUT)
        self._vectors: StoreVectors | None = None
        self._filter: dict[str, Any] = {}
        self._ends = 0.0
        self._unranked = ""

    def statistics(self) -> IndexStatistics:
        """Count what the index holds.

        Raises:
            StoreError: the index is damaged or locked.
        """
        with named_errors(self.path):
            count = self.connection.execute
            roots = list(count("SELECT path, finished FROM roots ORDER BY path"))
            return IndexStatistics(
                int(count("SELECT count(*) FROM files WHERE unfit = ''").get),
                int(count("SELECT chunks FROM totals").get),
                tuple(path for path, _ in roots),
                max((finished for _, finished in roots if finished), default=None),
            )

    def search(
        self,
        question: str,
        limit: int = 10,
        mode: str = SEARCH,
        selection: PassageSelection = EVERYTHING,
        seconds: float = 5.0,
    ) -> list[DocumentHit]:
        """Return the passages that answer a question, most probable first; copies of one are folded into it.

        Args:
            question: any text; it is never read as a query language.
            limit: the largest number of passages.
            mode: `search` by words, `vsearch` by vectors, `query` by both; without vectors all go by words.
            selection: which passages may answer.
            seconds: how long models elsewhere may take, if the user chose any.

        Raises:
            StoreError: the index is damaged or locked.
        """
        if limit < 1:
            return []
        self._ends, self._unranked = time.monotonic() + seconds, ""
        with named_errors(self.path):
            return self._search(question, limit, mode, selection)

    def without_vectors(self) -> str:
        """Return one sentence that says why questions are not compared by vectors, or nothing if they are.

        Raises:
            StoreError: the index is damaged or locked.
        """
        with named_errors(self.path):
            return self._opened_vectors().trouble()

    def answer_metadata(self, mode: str) -> dict[str, str]:
        """Return the mode that answered the last question, and why it is not the one that was asked for.

        Args:
            mode: what was asked for.

        Raises:
            StoreError: the index is damaged or locked.
        """
        why = "" if mode == SEARCH else self.without_vectors()
        kind = "note" if paths.embedding_model() == "static" else "warning"
        told = {"answered_by": SEARCH, kind: why} if why else {"answered_by": mode}
        return told | ({"warning": f"{told.get('warning', '')} {self._unranked}".strip()} if self._unranked else {})

    def units(self, keys: Sequence[int]) -> Mapping[int, core.Unit]:
        """Return passages by key."""
        files = set(json.loads(self._filter.get("files") or "[]"))
        rows = self.connection.execute(_UNITS, (json.dumps(keys),))
        return {key: core.Unit(text, seconds_of(day), file in files) for key, text, day, file in rows}

    def neighbours(self, _keys: Sequence[int]) -> Mapping[int, Sequence[int]]:
        """Return nothing: the neighbours of a passage are indexed with it."""
        return {}

    def inside(self, keys: Sequence[int]) -> Sequence[int]:
        """Return those of the passages that may answer the question at hand."""
        return [key for (key,) in self.connection.execute(_INSIDE, {**self._filter, "keys": json.dumps(keys)})]

    def _search(self, text: str, limit: int, mode: str, selection: PassageSelection) -> list[DocumentHit]:
        question = words.parse(text)
        self.fulltext.refresh()
        files = list(
            dict.fromkeys(file for path in question.paths for file in files_named(self.connection, path, text))
        )
        # What names no file may be a name that texts hold as it is (`Node.js`, a branch); of any other its words are
        # searched for, and the name itself is missing.
        steps = [part for path in question.paths if not files for part in (path, *self._steps(path))]
        query = understand(self.fulltext, text, question, steps)
        vectors = None if mode == SEARCH else self._prepared_vectors(query)
        self._filter = {**selection.bindings(), "files": json.dumps(files) if files else None}
        is_open = not files and selection == EVERYTHING
        within = Within() if is_open else Within(_WITHIN, self._filter)
        firsts = [key for (key,) in self.connection.execute(_FIRST_CHUNKS, (json.dumps(files[:limit]),))]
        pool = core.pool(self, query, 2 * limit, vectors, within, wish(text), firsts)
        hits = self._hits(core.ranked(pool, max(limit, _RERANKED)))
        return self._in_force_first(self._reranked(query.text, hits, mode))[:limit]

    def _steps(self, path: str) -> tuple[str, ...]:
        """Return the words of a path, unless texts hold it as it is."""
        return () if self.fulltext.frequency(path) else words.split_name(os.path.splitext(path)[0])

    def _hits(self, scored: Sequence[core.Scored]) -> list[DocumentHit]:
        keys = [key for candidate in scored for key in (candidate.key, *candidate.copies)]
        rows: dict[int, Any] = {row[0]: row for row in self.connection.execute(_HITS, (json.dumps(keys),))}
        return [
            DocumentHit._make(
                [
                    *rows[candidate.key],
                    candidate.relevance,
                    candidate.features,
                    tuple((rows[key][2], rows[key][4]) for key in candidate.copies),
                    None,
                ]
            )
            for candidate in scored
        ]

    def _in_force_first(self, hits: list[DocumentHit]) -> list[DocumentHit]:
        """Return hits in their order, but what a document says to be replaced after what took its place."""
        files = json.dumps(list(dict.fromkeys(hit.path for hit in hits)))
        replaced = successors([Opening._make(row) for row in self.connection.execute(_OPENINGS, (files, _OPENING))])
        if not replaced:
            return hits
        first = {hit.path: hit for hit in reversed(hits)}
        later = {hit.id: first[replaced[hit.path]] for hit in hits if hit.path in replaced}
        ids = {key: successor.id for key, successor in later.items()}
        claims = with_successors({hit.id: hit.relevance for hit in hits}, ids)
        judged = [hit._replace(relevance=claims[hit.id], successor=later.get(hit.id)) for hit in hits]
        return sorted(judged, key=lambda hit: (-hit.relevance, hit.successor is not None))

    def _reranked(self, text: str, hits: list[DocumentHit], mode: str) -> list[DocumentHit]:
        """Return hits with the order and the numbers of the reranker that the user chose, if any."""
        # A name is found by its definition; a reranker would only put uses above it.
        if mode != QUERY or not paths.reranker_endpoint()[0] or (hits and hits[0].features.exact):
            return hits
        head, tail = hits[:_RERANKED], hits[_RERANKED:]
        scores = reranked(text, [hit.content for hit in head], self._ends - time.monotonic())
        if isinstance(scores, str):
            self._unranked = scores
            return hits
        judged = [hit._replace(relevance=score) for hit, score in zip(head, scores, strict=bool(scores))]
        least = min((hit.relevance for hit in judged), default=1.0)
        kept = [hit._replace(relevance=min(least, hit.relevance)) for hit in tail]
        return sorted(judged, key=lambda hit: -hit.relevance) + kept if judged else hits

    def _prepared_vectors(self, query: Query) -> Vectors | None:
        """Return the vectors, prepared for the question, or None without vectors to compare."""
        return self._opened_vectors().prepared(query.text, self._weight, self._ends - time.monotonic())

    def _opened_vectors(self) -> StoreVectors:
        if self._vectors is None:
            self._vectors = StoreVectors(self.connection, EMBEDDED)
        return self._vectors

    def _weight(self, word: str) -> float:
        """Return a word's idf in this index."""
        held = self.fulltext
        return idf(held.count, held.frequency(word)) if held.stems(word) else 0.0
