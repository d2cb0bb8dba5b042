"""Find nodes by full text at a cost that does not grow with the words that stand everywhere.

BM25 reads the whole list of every word it ranks by, and a frequent word's list is as long as the archive. So rare
words choose the candidates, and where each word of the question stands is read for these alone.
"""

import json
from collections.abc import Mapping, Sequence

import apsw

from memory_router.engines.transcripts.turn import TurnMatch

# How many matches at either end of the archive are read to estimate how frequent a word is in all of it.
_SAMPLE = 300


def prepare(connection: apsw.Connection) -> None:
    """Register the function `matched`, which tells where in a row each term stands."""
    connection.register_fts5_function("matched", _matched)


def frequency(connection: apsw.Connection, table: str, term: str, rows: int) -> int:
    """Return in how many rows a term stands: exactly if it is rare, else estimated from both ends of the table.

    Args:
        connection: an open database.
        table: a full-text table of it.
        term: a word or a phrase, as it was asked: stems of stems are others.
        rows: how many rows the table has; their numbers have few gaps.
    """
    ends = f"SELECT rowid FROM {table} WHERE {table} MATCH ? ORDER BY rowid {{}} LIMIT {_SAMPLE}"  # noqa: S608 - a constant
    sql, values = f"SELECT count(*), {{}}(rowid) FROM ({ends})", (_quoted(term),)  # noqa: S608
    count, first = connection.execute(sql.format("max", "ASC"), values).get
    if count < _SAMPLE:
        return int(count)
    _, last = connection.execute(sql.format("min", "DESC"), values).get
    return min(rows, round(2 * _SAMPLE * rows / max(1, int(first) + rows - int(last))))


def matches(
    connection: apsw.Connection,
    table: str,
    terms: Sequence[str],
    required: Sequence[str],
    limit: int,
    *,
    rank: str | None,
    within: str = "",
    bindings: Mapping[str, object] | None = None,
) -> list[TurnMatch]:
    """Return the best rows of a full-text table, with where each term stands in them.

    Args:
        connection: a database that went through `prepare`.
        table: a full-text table of it.
        terms: all terms that are looked for.
        required: those of them of which a row must hold one.
        limit: the largest number of rows.
        rank: the ranking function in SQL; None takes the newest rows, those that hold all terms first.
        within: SQL that says which rows may be found: a join and conditions, from constants.
        bindings: the values of that.
    """
    anything = _any(terms)
    head = f"SELECT {table}.rowid, {{}} FROM {table} {within} WHERE {table} MATCH :expression"  # noqa: S608 - constants
    bound = {**(bindings or {}), "limit": limit}
    if rank and len(required) == len(terms):
        sql = head.format(f"matched({table})") + " AND rank MATCH :rank ORDER BY rank LIMIT :limit"
        rows = connection.execute(sql, {**bound, "expression": anything, "rank": rank})
        return [_match(key, places, len(terms)) for key, places in rows]
    if rank:
        sql = head.format("NULL") + " AND rank MATCH :rank ORDER BY rank LIMIT :limit"
        keys = [key for key, _ in connection.execute(sql, {**bound, "expression": _any(required), "rank": rank})]
    else:
        sql = head.format("NULL") + f" ORDER BY {table}.rowid DESC LIMIT :limit"
        keys = []
        for expression in (" AND ".join(map(_quoted, terms)), _any(required)):
            keys += [key for key, _ in connection.execute(sql, {**bound, "expression": expression})]
            if len(keys) >= limit:
                break
    keys = list(dict.fromkeys(keys))[:limit]
    # The plus keeps SQLite from asking the table anew for every row.
    sql = f"""
        SELECT rowid, matched({table}) FROM {table} WHERE {table} MATCH :expression
        AND rowid BETWEEN :first AND :last AND +rowid IN (SELECT value FROM json_each(:keys))
    """  # noqa: S608 - constants
    bound = {"first": min(keys, default=0), "last": max(keys, default=0), "keys": json.dumps(keys)}
    rows = connection.execute(sql, {**bound, "expression": f"({_any(required)}) AND ({anything})"})
    return [_match(key, places, len(terms)) for key, places in rows]


def _any(terms: Sequence[str]) -> str:
    return " OR ".join(map(_quoted, terms))


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'


def _matched(api: apsw.FTS5ExtensionApi, /, *_: "apsw.SQLiteValue") -> str:
    """Return the length of what was said, and by term and column the positions at which it stands, as JSON."""
    return json.dumps([api.column_size(0), [api.phrase_locations(term) for term in range(api.phrase_count)]])


def _match(key: int, packed: str, terms: int) -> TurnMatch:
    """Return what `matched` packed; the last `terms` phrases are those that were searched for."""
    length, places = json.loads(packed)
    return TurnMatch(key, length, places[-terms:])
