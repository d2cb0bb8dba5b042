"""Find the passages that answer a question, best first, with a calibrated relevance.

Three modes: `search` by words, `vsearch` by likeness of meaning, `query` by both. Any word may be missing: a plain
question never comes back empty because of one.
"""

import json
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from memory_router import paths
from memory_router.engines.documents import hybrid, ranking
from memory_router.engines.documents.folding import Said
from memory_router.engines.documents.frequencies import Frequencies
from memory_router.engines.documents.judging import estimate
from memory_router.engines.documents.places import files_named
from memory_router.engines.documents.schema import SCHEMA
from memory_router.storage.sqlite import DatabaseReader, named_errors
from memory_router.text import words
from memory_router.text.relevance import idf

if TYPE_CHECKING:
    from memory_router.engines.documents.selection import Selection
    from memory_router.engines.documents.vectors import Vectors

_MAX_CHARACTERS = 4000  # A question is a line; of a pasted page the beginning says what it is about.
# The estimate for a passage of a file that the question names, before its words are looked at, and without any.
_NAMED = 0.6
_LISTED = 0.95
# A question that names a file which is not there is rarely answered by another one.
_UNNAMED = 0.4

_HIT = """
    SELECT c.id, c.text, f.path, r.path, c.first_line, c.last_line, c.heading, f.title, f.language, f.project,
        f.mtime_ns / 1e9
    FROM json_each(?) wanted
"""
_BY_CHUNK = _HIT + "JOIN chunks c ON c.id = wanted.value JOIN files f ON f.id = c.file JOIN roots r ON r.id = f.root"
_BY_FILE = _HIT + (
    "JOIN chunks c ON c.file = wanted.value AND c.position = 0 JOIN files f ON f.id = c.file"
    " JOIN roots r ON r.id = f.root ORDER BY wanted.key"
)


class Hit(NamedTuple):
    """Hold one passage found.

    Args:
        id: the chunk's number in the index.
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
        raw_score: the engine's own score; comparable within one answer only.
        relevance: calibrated estimate in [0, 1] that this answers the question.
        signs: what the relevance was estimated from; None for a file found by its name alone.
        mode: what ranked it: `search`, `vsearch` or `query`.
        copies: the places, as path and first line, of further passages that say the same.
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
    raw_score: float
    relevance: float
    signs: hybrid.Signs | None = None
    mode: str = hybrid.SEARCH
    copies: tuple[tuple[str, int], ...] = ()


class Statistics(NamedTuple):
    """Say what an index holds: counts, roots, and when the last run ended in seconds since the epoch."""

    files: int
    chunks: int
    roots: tuple[str, ...]
    finished: float | None


class DocumentIndex(DatabaseReader):
    """Search one index; open it with `DocumentIndex.open` and keep it as long as questions come."""

    schema = SCHEMA

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        super().__init__(connection, path)
        self._frequencies = Frequencies(connection)
        self._vectors: Vectors | str | None = None
        self._ends = 0.0
        self._unranked = ""
        self._unprepared = ""
        ranking.prepare(connection)

    def statistics(self) -> Statistics:
        """Count what the index holds.

        Raises:
            StoreError: the index is damaged or locked.
        """
        with named_errors(self.path):
            count = self.connection.execute
            roots = list(count("SELECT path, finished FROM roots ORDER BY path"))
            return Statistics(
                int(count("SELECT count(*) FROM files WHERE unfit = ''").get),
                int(count("SELECT count(*) FROM chunks").get),
                tuple(path for path, _ in roots),
                max((finished for _, finished in roots if finished), default=None),
            )

    def search(
        self,
        question: str,
        limit: int = 10,
        mode: str = hybrid.SEARCH,
        selection: "Selection | None" = None,
        seconds: float = 5.0,
    ) -> list[Hit]:
        """Return the passages that answer a question best, best first; copies of one are folded into it.

        Args:
            question: any text; it is never read as a query language.
            limit: how many at the most.
            mode: `search`, `vsearch` or `query`; where there are no vectors, all answer by words (`without_vectors`).
            selection: which passages may answer; None for all.
            seconds: how long models elsewhere may take, if the user chose any.

        Raises:
            StoreError: the index is damaged or locked.
        """
        if limit < 1:
            return []
        self._ends, self._unranked = time.monotonic() + seconds, ""
        with named_errors(self.path):
            return self._search(question[:_MAX_CHARACTERS], limit, mode, selection)

    def without_vectors(self) -> str:
        """Return one sentence that says why the last question was not, or the next cannot be, compared by vectors.

        Raises:
            StoreError: the index is damaged or locked.
        """
        with named_errors(self.path):
            opened = self._opened_vectors()
        return opened if isinstance(opened, str) else self._unprepared

    def told(self, mode: str) -> dict[str, str]:
        """Return the mode that answered the last question and, if anything was missing, what; who chose it is warned.

        Args:
            mode: what was asked for.

        Raises:
            StoreError: the index is damaged or locked.
        """
        why = "" if mode == hybrid.SEARCH else self.without_vectors()
        kind = "note" if paths.embedding_model() == "static" else "warning"
        told = {"answered_by": hybrid.SEARCH, kind: why} if why else {"answered_by": mode}
        return told | ({"warning": f"{told.get('warning', '')} {self._unranked}".strip()} if self._unranked else {})

    def _search(self, text: str, limit: int, mode: str, selection: "Selection | None") -> list[Hit]:
        question = words.parse(text)
        self._frequencies.refresh()
        files = list(
            dict.fromkeys(file for path in question.paths for file in files_named(self.connection, path, text))
        )
        chosen = self._chosen(selection, files)
        if files and chosen:
            named = self._matching(text, question, limit, mode, chosen)
            hits = [hit._replace(relevance=_NAMED + (1 - _NAMED) * hit.relevance) for hit in named]
            seen, allowed = {hit.path for hit in hits}, set(chosen)
            rows = self.connection.execute(_BY_FILE, (json.dumps(files[: limit + len(seen)]),))
            return (hits + [_hit(row, 0.0, _LISTED) for row in rows if row[0] in allowed and row[2] not in seen])[
                :limit
            ]
        # What names no file may be a name that texts hold as it is: `Node.js`, `/api/v1/users`, a branch.
        said = [path for path in question.paths if self._frequencies.own(path)]
        # Of any other, its words are all there is to search for.
        unsaid = [os.path.splitext(path)[0] for path in question.paths if path not in said]
        steps = [part for path in unsaid for part in words.split_name(path)]
        hits = self._matching(text, question._replace(words=(*question.words, *said, *steps)), limit, mode, chosen)
        return [hit._replace(relevance=_UNNAMED * hit.relevance) for hit in hits] if unsaid else hits

    def _chosen(self, selection: "Selection | None", files: Sequence[int]) -> list[int] | None:
        """Return the chunks that may answer, or None for all: those selected, of the files that the question names."""
        if selection is None and not files:
            return None
        from memory_router.engines.documents.selection import Selection, chosen

        return chosen(self.connection, selection or Selection(), files or None)

    def _matching(
        self, text: str, question: words.Question, limit: int, mode: str, chosen: Sequence[int] | None
    ) -> list[Hit]:
        """Return what answers the question, among the chunks `chosen` if not all of them may."""
        asked = ranking.understood(self._frequencies, question)
        vectors = None if mode == hybrid.SEARCH else self._prepared_vectors(text)
        found = hybrid.ranked(self.connection, text, asked, mode, vectors, 2 * limit, chosen)
        rows = {row[0]: row for row in self.connection.execute(_BY_CHUNK, (json.dumps([one.chunk for one in found]),))}
        hits: list[Hit] = []
        said = Said()
        for one in found:
            hit = _hit(rows[one.chunk], one.score, estimate(one), one.signs, one.mode)
            place = said.copied(hit.content)
            if place is None:
                hits.append(hit)
            else:
                hits[place] = hits[place]._replace(copies=(*hits[place].copies, (hit.path, hit.first_line)))
        return self._reranked(text, hits)[:limit] if mode == hybrid.QUERY else hits[:limit]

    def _reranked(self, text: str, hits: list[Hit]) -> list[Hit]:
        """Return hits in the order of the reranker that the user chose, if any; definitions of an asked name stay."""
        if not hits or not paths.reranker_endpoint()[0] or (hits[0].signs and hits[0].signs.defines):
            return hits
        from memory_router.engines.documents.models import reranked

        scores = reranked(text, [hit.content for hit in hits], self._ends - time.monotonic())
        if isinstance(scores, str):
            self._unranked = scores
            return hits
        order = sorted(range(len(scores)), key=lambda place: -scores[place])
        return [hits[place] for place in order] or hits

    def _prepared_vectors(self, text: str) -> "Vectors | None":
        """Return the vectors with the question's own, or None if there are none to compare."""
        opened = self._opened_vectors()
        if isinstance(opened, str):
            return None
        self._unprepared = opened.prepare(text, self._ends - time.monotonic())
        return None if self._unprepared else opened

    def _opened_vectors(self) -> "Vectors | str":
        """Return the vectors, opened once, or why there are none."""
        if self._vectors is None:
            from memory_router.engines.documents.models import chosen_embedding
            from memory_router.engines.documents.vectors import Vectors

            self._vectors = Vectors.open(self.connection, chosen_embedding(), self._weight)
        return self._vectors

    def _weight(self, word: str) -> float:
        """Return a word's idf in this index."""
        frequencies = self._frequencies
        return idf(frequencies.texts, frequencies.own(word)) if frequencies.stems(word) else 0.0


def _hit(
    row: Sequence[Any], score: float, relevance: float, signs: hybrid.Signs | None = None, mode: str = hybrid.SEARCH
) -> Hit:
    return Hit._make([*row, score, relevance, signs, mode, ()])
