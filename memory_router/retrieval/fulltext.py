"""Search a full-text table of SQLite at a cost that does not grow with the words that stand everywhere.

What of a question stands where comes from the table's own postings: no text is read or cut again.
"""

import json
from collections.abc import Mapping, Sequence
from operator import mul
from typing import Any, NamedTuple

import apsw

from memory_router.retrieval.query import SCORED, Query, Term
from memory_router.text.terms import stems

# Walked from each end of a posting list: exact for all but frequent words, and a tenth of a millisecond at most.
_COUNTED = 2000
# Rows looked at for frequent words alone, the newest.
_NEWEST = 200
# BM25 as FTS5 computes it, https://sqlite.org/fts5.html#the_bm25_function.
_K1, _B = 1.2, 0.75


class TableLayout(NamedTuple):
    """What stands where in a full-text table.

    Args:
        table: its name.
        columns: its columns in order, with their weights in BM25.
        own: the columns that belong to the text itself.
        named: the columns that name the text: title, path, headings, tags.
        defining: the columns in which a row that defines a name holds it.
        count_sql: SQL that counts the rows, or nearly.
        ends_sql: SQL that gives the lowest and the highest row number.
    """

    table: str
    columns: Mapping[str, float]
    own: tuple[str, ...]
    named: tuple[str, ...]
    count_sql: str
    ends_sql: str
    defining: tuple[str, ...] = ()

    @property
    def beside(self) -> tuple[str, ...]:
        """The columns that hold the text of neighbours."""
        return tuple(column for column in self.columns if column not in (*self.own, *self.named))


class Within(NamedTuple):
    """Which rows may be found.

    Args:
        sql: joins and conditions on `{table}.rowid`, from constants of ours; empty for all rows.
        bindings: the values of that.
    """

    sql: str = ""
    bindings: Mapping[str, Any] = {}


ANYWHERE = Within()


class RowMatch(NamedTuple):
    """What of a question stands in a row.

    Args:
        key: the row's number.
        score: BM25 over all columns; larger is better.
        own: mask of the terms in the text itself.
        named: mask of those in its title, path, headings or tags.
        beside: mask of the terms in its neighbours.
        defines: whether it defines a name that was asked for.
    """

    key: int
    score: float = 0.0
    own: int = 0
    named: int = 0
    beside: int = 0
    defines: bool = False


class FullText:
    """One full-text table, with counts that are remembered until the database changes.

    Args:
        connection: an open database that holds the table.
        layout: what stands where in it.
    """

    def __init__(self, connection: apsw.Connection, layout: TableLayout) -> None:
        self.stems = stems
        self.count = 0
        self._connection = connection
        self._table = layout.table
        self._count_sql, self._ends_sql = layout.count_sql, layout.ends_sql
        self._ends = 0, 0
        self._version: object = None
        self._counted: dict[str, int] = {}
        self._own_filter = f"- {{{' '.join(layout.beside)}}} : " if layout.beside else ""
        names = list(layout.columns)
        weights = tuple(layout.columns.values())
        own, named, defining = (
            [names.index(column) for column in part] for part in (layout.own, layout.named, layout.defining)
        )
        beside = [names.index(column) for column in layout.beside]
        parts = _Parts(weights, own, named, beside, defining)
        # The name belongs to the table: two tables of one connection do not overwrite each other's function.
        self._function = f"matched_{layout.table}"
        connection.register_fts5_function(self._function, parts.matched)
        self._rank = f"bm25({layout.table}, {', '.join(map(str, weights))})"

    def refresh(self) -> None:
        """Forget what was counted if the database was changed since; call it once a question."""
        version = self._connection.pragma("data_version"), self._connection.total_changes()
        if version == self._version:
            return
        self._version = version
        self._counted.clear()
        self.count = int(self._connection.execute(self._count_sql).get or 0)
        first, last = self._connection.execute(self._ends_sql).get
        self._ends = int(first or 0), int(last or 0)

    def frequency(self, term: str) -> int:
        """Count the rows that hold a term themselves, their neighbours left out; estimated if they are many."""
        return self._frequency(f"{self._own_filter}{quoted(term)}")

    def frequency_beside(self, term: str) -> int:
        """Count the rows that hold a term, alone or in a neighbour; estimated if they are many."""
        return self._frequency(quoted(term))

    def candidates(self, query: Query, limit: int, within: Within = ANYWHERE) -> dict[int, RowMatch]:
        """Return the rows that match a question best by BM25, by key.

        Args:
            query: the question, understood by this table's words.
            limit: the largest number of rows.
            within: which rows may be found.
        """
        matches: dict[int, RowMatch] = {}
        bindings = {**within.bindings, "limit": limit * query.wider}
        if query.choosing and query.terms:
            expression = _any(query.terms[: query.choosing])
            sql = f"""
                SELECT {self._table}.rowid FROM {self._table} {within.sql} WHERE {self._table} MATCH :expression
                ORDER BY {self._rank} LIMIT :limit
            """  # noqa: S608  # names and numbers of ours
            frequent = query.terms[0].frequency > SCORED
            if not frequent:
                best = [key for (key,) in self._connection.execute(sql, {**bindings, "expression": expression})]
                matches = self._matches(query, expression, best)
        for expression in _frequent(query.terms[query.choosing if matches else 0 :]):
            if len(matches) >= limit:
                break
            sql = f"""
                SELECT {self._table}.rowid FROM {self._table} {within.sql} WHERE {self._table} MATCH :expression
                ORDER BY {self._table}.rowid DESC LIMIT :newest
            """  # noqa: S608
            bound = {**within.bindings, "expression": f"{self._own_filter}({expression})", "newest": _NEWEST}
            newest = [key for (key,) in self._connection.execute(sql, bound)]
            matches |= self._matches(query, expression, [key for key in newest if key not in matches])
        best_first = sorted(matches.values(), key=lambda match: (-match.score, match.key))
        return {match.key: match for match in best_first[:limit]}

    def among(self, query: Query, keys: Sequence[int]) -> dict[int, RowMatch]:
        """Return what of a question stands in given rows; rows without any of it are left out."""
        return self._matches(query, _any(query.terms), keys) if query.terms and keys else {}

    def _matches(self, query: Query, choice: str, keys: Sequence[int]) -> dict[int, RowMatch]:
        if not keys:
            return {}
        anything = _any(query.terms)
        # The last phrases of the expression are the terms, in order. The plus makes one walk of one a row.
        expression = anything if choice == anything else f"({choice}) AND ({anything})"
        sql = f"""
            SELECT {self._function}({self._table}, :query) FROM {self._table} WHERE {self._table} MATCH :expression
            AND rowid BETWEEN :first AND :last AND +rowid IN (SELECT value FROM json_each(:keys))
        """  # noqa: S608
        bindings = {
            "expression": expression,
            "query": apsw.pyobject(query),
            "first": min(keys),
            "last": max(keys),
            "keys": json.dumps(keys),
        }
        return {match.key: match for (match,) in self._connection.execute(sql, bindings)}

    def _frequency(self, expression: str) -> int:
        if expression not in self._counted:
            self._counted[expression] = self._estimate(expression)
        return self._counted[expression]

    def _estimate(self, expression: str) -> int:
        """Count matches exactly if they are few; else tell from how far the first of them reach at either end."""
        sql = f"SELECT count(*), min(rowid), max(rowid) FROM (SELECT rowid FROM {self._table} WHERE {self._table} MATCH ? ORDER BY rowid {{}} LIMIT {_COUNTED})"  # noqa: E501, S608
        count, _, last = self._connection.execute(sql.format("ASC"), (expression,)).get
        if count < _COUNTED:
            return int(count)
        _, first, _ = self._connection.execute(sql.format("DESC"), (expression,)).get
        start, end = self._ends
        # Where a word is crowded at one end, the other end knows better.
        reached = max(last - start, end - first) + 1
        return min(self.count, max(_COUNTED, _COUNTED * (end - start + 1) // int(reached)))


class _Parts(NamedTuple):
    """The columns of a layout by number."""

    weights: tuple[float, ...]
    own: list[int]
    named: list[int]
    beside: list[int]
    defining: list[int]

    def matched(self, api: apsw.FTS5ExtensionApi, /, *arguments: Any) -> Any:
        """Return what the row that FTS5 stands at has of a question, as a `RowMatch`."""
        (query,) = arguments
        own = named = beside = 0
        score = 0.0
        defines = False
        length = _K1 * (1 - _B + _B * api.column_size(-1) * api.row_count / max(1, api.column_total_size(-1)))
        for number, term in enumerate(query.terms, api.phrase_count - len(query.terms)):
            columns = api.phrase_locations(number)
            often = sum(map(mul, self.weights, map(len, columns)))
            if not often:
                continue
            score += term.idf * often * (_K1 + 1) / (often + length)
            if term.is_name:
                # What code calls so is defined by code alone; what words spell may be a section about it, too.
                defining = self.defining[:1] if query.has_code else self.defining
                defines = defines or any(columns[column] for column in defining)
            if bit := term.bit:
                own |= bit if any(columns[column] for column in self.own) else 0
                named |= bit if any(columns[column] for column in self.named) else 0
                beside |= bit if any(columns[column] for column in self.beside) else 0
        return apsw.pyobject(RowMatch(api.rowid, score, own, named, beside, defines))


def quoted(term: str) -> str:
    """Return a term for FTS5: a word, several words in a row, or with `*` at its end all that begin so."""
    bare = term.replace('"', " ").replace("\0", " ")
    return f'"{bare[:-1]}" *' if bare.endswith("*") else f'"{bare}"'


def _any(terms: Sequence[Term]) -> str:
    return " OR ".join(quoted(term.text) for term in terms)


def _frequent(terms: Sequence[Term]) -> list[str]:
    """Return what is asked for frequent words, one after the other: for all of them, then for the rarest."""
    everything = " AND ".join(quoted(term.text) for term in terms)
    alone = [quoted(term.text) for term in terms[:1]]
    return [expression for expression in dict.fromkeys([everything, *alone]) if expression]
