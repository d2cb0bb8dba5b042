"""Find passages in the documents that the real QMD indexed, most probable first.

QMD's own `search` and a plainer reading of the question choose the documents; each is cut into passages as our own
index cuts files, and these are judged as all passages are.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import apsw

from memory_router.engines.documents.fetching import layered
from memory_router.engines.documents.selection import day_of, seconds_of
from memory_router.engines.documents.store import heading_terms, path_terms, symbol_terms
from memory_router.engines.qmd import syntax
from memory_router.engines.qmd.asking import understood
from memory_router.engines.qmd.database import QmdDatabase, read
from memory_router.engines.qmd.freshness import is_changed, is_deleted
from memory_router.retrieval.borrowed import BorrowedPassage, judged
from memory_router.retrieval.wish import wish
from memory_router.scope import project_of
from memory_router.sources import reading
from memory_router.sources.document import Chunk, surroundings

if TYPE_CHECKING:
    from memory_router.engines.documents.selection import PassageSelection

_MAX_CHARACTERS = 4000  # A question is a line; of a pasted page the beginning says what it is about.
_MAX_DOCUMENT = 500_000  # Characters of a document that are looked at.
_MAX_UNCUT = 2000  # Characters of a document that has no passage to show, such as one of symbols only.
# Documents of each reading of the question whose texts are looked at, also where only some of them may answer.
_READ, _READ_TO_CHOOSE = 24, 200
# QMD fetches twice what it shows, at least 50, from ten times as many matches, and shows what is in its collections.
_SCORED = """
    WITH found AS (
        SELECT rowid, bm25(documents_fts, 1.5, 4.0, 1.0) AS score FROM documents_fts
        WHERE documents_fts MATCH :expression ORDER BY score LIMIT 10 * :limit
    )
    SELECT d.id, -found.score FROM found JOIN documents d ON d.id = found.rowid
    WHERE d.active = 1 AND (
        d.collection IN (SELECT name FROM store_collections WHERE include_by_default <> 0)
        OR NOT EXISTS (SELECT 1 FROM store_collections WHERE include_by_default <> 0)
    )
    ORDER BY found.score LIMIT :limit
"""
_DOCUMENT = """
    SELECT d.collection, s.path, d.path, d.title, d.hash, d.modified_at, substr(c.doc, 1, :longest)
    FROM documents d JOIN content c ON c.hash = d.hash LEFT JOIN store_collections s ON s.name = d.collection
    WHERE d.active = 1 AND d.id = :id
"""
_NAMED_SO = """
    SELECT d.id FROM documents d LEFT JOIN store_collections s ON s.name = d.collection
    WHERE d.active = 1 AND (
        '/' || d.collection || '/' || d.path LIKE '%/' || :path ESCAPE '\\'
        OR rtrim(coalesce(s.path, ''), '/') || '/' || d.path LIKE '%/' || :path ESCAPE '\\'
    )
    ORDER BY length(d.path), d.path LIMIT :limit
"""
_BY_URI = "SELECT id FROM documents WHERE active = 1 AND collection = ? AND path = ?"


class QmdHit(NamedTuple):
    """One passage found.

    Args:
        uri: what `qmd get` takes, with the line: `qmd://collection/path:line`.
        content: the passage, as QMD indexed it.
        path: the absolute path of its file, or None if the collection's folder is not known.
        collection: the collection's name.
        first_line: its first line, counted from 1.
        last_line: its last line, inclusive.
        heading: the headings above it.
        title: the document's title.
        project: the repository that the file is in; without one the collection's folder or name.
        modified: when the file was modified, ISO 8601.
        raw_score: QMD's own score of the document, in [0, 1).
        relevance: the probability in [0, 1] that it answers the question.
        is_changed: whether the file was changed after QMD had read it.
    """

    uri: str
    content: str
    path: str | None
    collection: str
    first_line: int
    last_line: int
    heading: str
    title: str
    project: str
    modified: str
    raw_score: float
    relevance: float
    is_changed: bool


class QmdPassages(NamedTuple):
    """The passages found, and what was noticed on the way.

    Args:
        hits: best first.
        deleted: how many documents were left out because their files are gone.
        may_lag: whether what QMD is writing just now may be missing.
    """

    hits: list[QmdHit]
    deleted: int
    may_lag: bool


class _Document(NamedTuple):
    """A document as QMD stores it; `root` is None if its collection is not known."""

    collection: str
    root: str | None
    inside: str
    title: str
    digest: str
    modified: str
    text: str

    @property
    def path(self) -> str | None:
        """Return the absolute path of its file."""
        return os.path.normpath(os.path.join(self.root, self.inside)) if self.root else None

    @property
    def project(self) -> str:
        """Return the project that it belongs to; empty for everywhere."""
        path = self.path
        return project_of(os.path.dirname(path)) or "" if path else self.collection

    def chunks(self, selection: "PassageSelection | None") -> Sequence[Chunk]:
        """Return its passages, or those that may answer."""
        text = self.text.replace("\r\n", "\n")
        beginning = text[:_MAX_UNCUT]
        chunks = reading.parse(self.inside, text).chunks or [Chunk(beginning, last_line=1 + beginning.count("\n"))]
        if selection is None:
            return chunks
        names, modified = (self.project, self.collection), _seconds(self.modified)
        return [chunk for chunk in chunks if selection.admits(names, self._day(chunk), modified)]

    def passage(self, chunk: Chunk, beside: str) -> BorrowedPassage:
        """Return one of its passages as it is judged."""
        names = f"{path_terms(f'{self.collection}/{self.inside}')} {self.title} {heading_terms(chunk.heading)}"
        return BorrowedPassage(chunk.text, names, symbol_terms(chunk.symbols), beside, seconds_of(self._day(chunk)))

    def _day(self, chunk: Chunk) -> str:
        return day_of(chunk.heading, chunk.date, self.inside)


def search(
    path: str, question: str, limit: int = 10, also: Sequence[str] = (), selection: "PassageSelection | None" = None
) -> QmdPassages:
    """Return the passages that answer a question, most probable first, one a document.

    Args:
        path: QMD's index.
        question: any text; quotation marks and `-word` mean what they mean in QMD.
        limit: the largest number of passages.
        also: URIs of documents that QMD's models chose, best first, as `qmd://collection/path`.
        selection: which passages may answer; None for all. A project may also be named by its collection.

    Raises:
        StoreError: the index cannot be read.
    """
    text = question[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()
    if limit < 1:
        return QmdPassages([], 0, False)
    return read(path, lambda opened: _search(opened, text, limit, also, selection))


def as_qmd(path: str, question: str, limit: int = 20) -> list[tuple[str, float]]:
    """Return what `qmd search` would: URIs and scores, best first.

    Raises:
        StoreError: the index cannot be read.
    """

    def work(opened: QmdDatabase) -> list[tuple[str, float]]:
        sql = "SELECT 'qmd://' || collection || '/' || path FROM documents WHERE id = ?"
        rows = _scored(opened.connection, syntax.match_expression(question), max(50, 2 * limit))
        return [(opened.connection.execute(sql, (number,)).get, score) for number, score in rows[:limit]]

    return read(path, work)


def passage(path: str, uri: str, layer: str = "search") -> QmdPassages:
    """Return the passage that a hit's URI names; where it names no line, the document's first one.

    Args:
        path: QMD's index.
        uri: `qmd://collection/path:line`, or without a line.
        layer: `search` (a snippet), `timeline` (with the sections around it) or `detail` (its whole section).

    Raises:
        StoreError: the index cannot be read.
    """
    name, _, line = uri.rpartition(":")
    line_number = int(line) if name.startswith("qmd://") and line.isascii() and line.isdigit() else 1
    document = name if name.startswith("qmd://") else uri

    def work(opened: QmdDatabase) -> QmdPassages:
        numbers = _ids(opened.connection, [document])
        return QmdPassages(
            [_at(opened.connection, number, line_number, layer) for number in numbers], 0, opened.may_lag
        )

    return read(path, work)


def _search(
    opened: QmdDatabase, text: str, limit: int, also: Sequence[str], selection: "PassageSelection | None"
) -> QmdPassages:
    connection = opened.connection
    query = understood(connection, text)
    most = max(_READ if selection is None else _READ_TO_CHOOSE, 2 * limit)
    scores: dict[int, float] = {}
    for expression in (syntax.match_expression(text), query.expression):
        for number, score in _scored(connection, expression, max(50, most))[:most]:
            scores.setdefault(number, score)
    named = [number for path in query.question.paths for number in _named(connection, path, limit)]
    chosen = {number: place for place, number in enumerate(_ids(connection, also))}
    deleted = 0
    candidates: list[tuple[int, _Document, Chunk]] = []
    passages: list[BorrowedPassage] = []
    for number in dict.fromkeys(named or [*scores, *chosen]):
        document = _document(connection, number)
        if document.path and is_deleted(document.root, document.path):
            deleted += 1
            continue
        chunks = document.chunks(selection)
        texts = [chunk.text for chunk in chunks]
        for position, chunk in enumerate(chunks):
            candidates.append((number, document, chunk))
            passage = document.passage(chunk, surroundings(texts, position))
            passages.append(passage._replace(filed=number in named, chosen=chosen.get(number)))
    steps = () if named else query.steps
    told: dict[int, QmdHit] = {}
    for match in judged(passages, query.counts, query.text, query.question, len(passages), wish(query.text), steps):
        number, document, chunk = candidates[match.key]
        if number not in told and len(told) < limit:
            told[number] = _hit(document, chunk, scores.get(number, 0.0), match.relevance)
    return QmdPassages([*told.values()], deleted, opened.may_lag)


def _scored(connection: apsw.Connection, expression: str | None, limit: int) -> list[tuple[int, float]]:
    """Return ids and scores of the documents that an FTS5 expression matches, best first."""
    if not expression:
        return []
    rows = connection.execute(_SCORED, {"expression": expression, "limit": limit})
    return [(number, abs(score) / (1 + abs(score))) for number, score in rows]


def _named(connection: apsw.Connection, name: str, limit: int) -> list[int]:
    """Return the documents whose path ends with what the question calls them; `*` matches anything."""
    pattern = name.removeprefix("./").lstrip("/").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = pattern.replace("**/", "*").replace("*", "%", 3) + ("%" if name.endswith("/") else "")
    return [number for (number,) in connection.execute(_NAMED_SO, {"path": pattern, "limit": limit})]


def _ids(connection: apsw.Connection, uris: Sequence[str]) -> list[int]:
    """Return the ids of documents by their URIs; those that are not in the index are left out."""
    places = (uri.removeprefix("qmd://").partition("?index=")[0].partition("/") for uri in uris)
    rows = (connection.execute(_BY_URI, (collection, path)).get for collection, _, path in places)
    return [number for number in rows if number is not None]


def _document(connection: apsw.Connection, number: int) -> _Document:
    return _Document(*connection.execute(_DOCUMENT, {"id": number, "longest": _MAX_DOCUMENT}).get)


def _at(connection: apsw.Connection, number: int, line: int, layer: str) -> QmdHit:
    """Return what a layer shows of the passage that a line is in, or of the last one before it."""
    document = _document(connection, number)
    chunks = document.chunks(None)
    position = max((place for place, chunk in enumerate(chunks) if chunk.first_line <= line), default=0)
    shown, text = layered(chunks, position, layer)
    hit = _hit(document, chunks[position], 0.0, 1.0)
    return hit._replace(content=text, first_line=shown[0].first_line, last_line=shown[-1].last_line)


def _hit(document: _Document, chunk: Chunk, score: float, relevance: float) -> QmdHit:
    changed = document.path is not None and is_changed(document.path, document.modified, document.digest)
    uri = f"qmd://{document.collection}/{document.inside}:{chunk.first_line}"
    place = uri, chunk.text, document.path, document.collection, chunk.first_line, chunk.last_line
    about = chunk.heading, document.title, document.project, document.modified
    return QmdHit(*place, *about, score, relevance, changed)


def _seconds(moment: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp()
