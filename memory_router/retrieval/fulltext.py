"""Search a full-text table of SQLite at a cost that does not grow with the words that stand everywhere.

What of a question stands where comes from the table's own postings: no text is read or cut again.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import apsw

from memory_router.retrieval.query import SCORED, Query, Term
from memory_router.storage.fulltext import AS_INDEXED
from memory_router.text.terms import question_terms, stems

# Walked from each end of a posting list: exact for all but frequent words, and a tenth of a millisecond at most.
_COUNTED = 1000
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
        title: the column that holds nothing but the title; empty without one.
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
    title: str = ""

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
        defines: whether it defines a name that was asked for, or has the whole question as its title.
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
        self._spelt: dict[str, tuple[str, ...]] = {}
        self._own_filter = f"- {{{' '.join(layout.beside)}}} : " if layout.beside else ""
        names = list(layout.columns)
        weights = tuple(layout.columns.values())
        own, named, beside, defining = (
            tuple(map(names.index, part)) for part in (layout.own, layout.named, layout.beside, layout.defining)
        )
        title = names.index(layout.title) if layout.title else None
        parts = _Parts(weights, frozenset(own), frozenset(named), frozenset(beside), defining, title)
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
        self._spelt.clear()
        self.count = int(self._connection.execute(self._count_sql).get or 0)
        first, last = self._connection.execute(self._ends_sql).get
        self._ends = int(first or 0), int(last or 0)

    def frequency(self, term: str) -> int:
        """Count the rows that hold a term themselves, their neighbours left out; estimated if they are many."""
        return self._frequency(f"{self._own_filter}({' OR '.join(self._phrases(term))})")

    def frequency_beside(self, term: str) -> int:
        """Count the rows that hold a term, alone or in a neighbour; estimated if they are many."""
        return self._frequency(" OR ".join(self._phrases(term)))

    def candidates(
        self, query: Query, limit: int, within: Within = ANYWHERE, also: Sequence[int] = ()
    ) -> dict[int, RowMatch]:
        """Return what of a question stands in the rows that match it best by BM25, by key, and in given rows.

        Args:
            query: the question, understood by this table's words.
            limit: the largest number of rows beside those given.
            within: which rows may be found.
            also: rows that are looked at in any case; those without a word of the question are left out.
        """
        terms = query.terms
        choice = self._any(terms[: query.choosing]) if terms and terms[0].frequency <= SCORED else ""
        best = self._best(choice, limit * query.wider, within)
        is_any = bool(also) or query.choosing == len(terms)
        matches = self._matches(query, "" if is_any else choice, dict.fromkeys((*best, *also)))
        chosen = {key: matches[key] for key in best if key in matches}
        for expression in _frequent(query.terms[query.choosing if chosen else 0 :]):
            if len(chosen) >= limit:
                break
            newest = self._newest(expression, within)
            chosen |= self._matches(query, expression, [key for key in newest if key not in chosen])
        best_first = sorted(chosen.values(), key=lambda match: (-match.score, match.key))
        given = {key: matches[key] for key in also if key in matches}
        return {match.key: match for match in best_first[:limit]} | given

    def among(self, query: Query, keys: Iterable[int]) -> dict[int, RowMatch]:
        """Return what of a question stands in given rows; rows without any of it are left out."""
        return self._matches(query, "", keys)

    def _best(self, choice: str, limit: int, within: Within) -> list[int]:
        """Return the rows that match an expression best by BM25, best first."""
        if not choice:
            return []
        sql = f"""
            SELECT {self._table}.rowid FROM {self._table} {within.sql} WHERE {self._table} MATCH :expression
            ORDER BY {self._rank} LIMIT :limit
        """  # noqa: S608  # names and numbers of ours
        bindings = {**within.bindings, "expression": choice, "limit": limit}
        return [key for (key,) in self._connection.execute(sql, bindings)]

    def _newest(self, expression: str, within: Within) -> list[int]:
        """Return the newest rows that hold an expression themselves, newest first."""
        sql = f"""
            SELECT {self._table}.rowid FROM {self._table} {within.sql} WHERE {self._table} MATCH :expression
            ORDER BY {self._table}.rowid DESC LIMIT :limit
        """  # noqa: S608
        bindings = {**within.bindings, "expression": f"{self._own_filter}({expression})", "limit": _NEWEST}
        return [key for (key,) in self._connection.execute(sql, bindings)]

    def _matches(self, query: Query, choice: str, keys: Iterable[int]) -> dict[int, RowMatch]:
        """Return what of a question stands in rows, which hold a choice of its terms; in any rows if that is empty."""
        rows = list(keys)
        if not rows or not query.terms:
            return {}
        phrases = [self._phrases(term.text) for term in query.terms]
        anything = " OR ".join(phrase for of_term in phrases for phrase in of_term)
        # The last phrases of the expression are those of the terms, in order. The plus makes one walk of one a row.
        expression = f"({choice}) AND ({anything})" if choice else anything
        sql = f"""
            SELECT {self._function}({self._table}, :query) FROM {self._table} WHERE {self._table} MATCH :expression
            AND rowid BETWEEN :first AND :last AND +rowid IN (SELECT value FROM json_each(:keys))
        """  # noqa: S608
        bindings = {
            "expression": expression,
            "query": apsw.pyobject((query, [len(of_term) for of_term in phrases], sum(query.weights))),
            "first": min(rows),
            "last": max(rows),
            "keys": json.dumps(rows),
        }
        return {match.key: match for (match,) in self._connection.execute(sql, bindings)}

    def _any(self, terms: Sequence[Term]) -> str:
        """Return what finds any of some terms, each of which is one phrase."""
        phrases = [self._phrases(term.text) for term in terms]
        return " OR ".join(
            of_term[0] if len(of_term) == 1 else quoted(term.text) for term, of_term in zip(terms, phrases, strict=True)
        )

    def _phrases(self, term: str) -> tuple[str, ...]:
        """Return what finds a term: of a word each form that the table holds, of several words in a row the whole."""
        if term not in self._spelt:
            positions = question_terms(term)
            self._spelt[term] = (quoted(term),)
            if len(positions) == 1:
                ending = "*" if term.endswith("*") else ""
                forms = [quoted(f"{AS_INDEXED}{form}{ending}") for form in positions[0]]
                sql = f"SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM {self._table} WHERE {self._table} MATCH value)"  # noqa: E501, S608
                held = self._connection.execute(sql, (json.dumps(forms),))
                self._spelt[term] = tuple(form for (form,) in held) or (forms[0],)
        return self._spelt[term]

    def _frequency(self, expression: str) -> int:
        if expression not in self._counted:
            self._counted[expression] = self._estimate(expression)
        return self._counted[expression]

    def _estimate(self, expression: str) -> int:
        """Count matches exactly if they are few; else tell from how far the first of them reach at either end."""
        matching = f"FROM {self._table} WHERE {self._table} MATCH ?"
        # Stepping over rows costs half of counting them.
        reached_sql = f"SELECT rowid {matching} ORDER BY rowid {{}} LIMIT 1 OFFSET {_COUNTED - 1}"
        last = self._connection.execute(reached_sql.format("ASC"), (expression,)).get
        if last is None:
            return int(self._connection.execute(f"SELECT count(*) {matching}", (expression,)).get)
        first = self._connection.execute(reached_sql.format("DESC"), (expression,)).get
        start, end = self._ends
        # Where a word is crowded at one end, the other end knows better.
        reached = max(last - start, end - first) + 1
        return min(self.count, max(_COUNTED, _COUNTED * (end - start + 1) // int(reached)))


class _Parts(NamedTuple):
    """The columns of a layout by number."""

    weights: tuple[float, ...]
    own: frozenset[int]
    named: frozenset[int]
    beside: frozenset[int]
    defining: tuple[int, ...]
    title: int | None

    def matched(self, api: apsw.FTS5ExtensionApi, /, *arguments: Any) -> Any:
        """Return what the row that FTS5 stands at has of a question, as a `RowMatch`."""
        ((query, phrase_counts, everything),) = arguments
        own = named = beside = titled = 0
        score = 0.0
        defines = False
        length = _K1 * (1 - _B + _B * api.column_size(-1) * api.row_count / max(1, api.column_total_size(-1)))
        # What code calls so is defined by code alone; what words spell may be a section about it, too.
        defining = self.defining[:1] if query.has_code else self.defining
        number = api.phrase_count - sum(phrase_counts)
        for term, phrase_count in zip(query.terms, phrase_counts, strict=True):
            columns: dict[int, Collection[int]] = {}
            for phrase in range(number, number + phrase_count):
                for column in api.phrase_columns(phrase):
                    offsets = api.phrase_column_offsets(phrase, column)
                    columns[column] = {*columns[column], *offsets} if column in columns else offsets
            number += phrase_count
            if not columns:
                continue
            often = sum([self.weights[column] * len(offsets) for column, offsets in columns.items()])
            score += term.idf * often * (_K1 + 1) / (often + length)
            defines = defines or (term.is_name and not columns.keys().isdisjoint(defining))
            if bit := term.bit:
                own |= 0 if self.own.isdisjoint(columns) else bit
                named |= 0 if self.named.isdisjoint(columns) else bit
                beside |= 0 if self.beside.isdisjoint(columns) else bit
                titled |= bit if self.title in columns else 0
        if self.title is not None and titled == everything:
            defines = defines or 0 < len(query.weights) == api.column_size(self.title)
        return apsw.pyobject(RowMatch(api.rowid, score, own, named, beside, defines))


def quoted(term: str) -> str:
    """Return a term for FTS5: a word, several words in a row, or with `*` at its end all that begin so."""
    bare = term.replace('"', " ").replace("\0", " ")
    return f'"{bare[:-1]}" *' if bare.endswith("*") else f'"{bare}"'


def _frequent(terms: Sequence[Term]) -> list[str]:
    """Return what is asked for frequent words, one after the other: for all of them, then for the rarest."""
    everything = " AND ".join(quoted(term.text) for term in terms)
    alone = [quoted(term.text) for term in terms[:1]]
    return [expression for expression in dict.fromkeys([everything, *alone]) if expression]
