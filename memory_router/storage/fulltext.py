"""Give SQLite's full-text search our own terms (`memory_router.text.terms`).

FTS5 cuts texts and questions by one tokenizer, and takes alternatives of a position as they come
(https://sqlite.org/fts5.html#custom_tokenizers).
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import apsw

from memory_router.text.terms import Alternatives, question_terms, terms

# What our full-text tables say after `tokenize =`.
TOKENIZER = "terms"
# What stands behind it in a question is one term, as an index holds it. FTS5 steps over the rows of such a term ten
# times as fast as over those of a word with alternatives, of which it copies every position.
AS_INDEXED = "\x01"
_AS_INDEXED = AS_INDEXED.encode()
# Shorter texts, bytes of UTF-8, come again: days, the names of folders, nothing at all.
_SHORT = 40
# Looking for FTS5 reads the database, and does not wait where another process has just locked it.
_TRIES = 100


def register(connection: apsw.Connection) -> None:
    """Make the tokenizer known to a connection, which can neither read nor write our full-text tables without it.

    Raises:
        apsw.Error: the database is damaged, locked or no database.
    """
    for _ in range(_TRIES):
        with suppress(apsw.NoFTS5Error):
            connection.register_fts5_tokenizer(TOKENIZER, _tokenizer)
            return
        try:
            # Raises what is wrong with the database, and waits for whoever has locked it.
            connection.execute("SELECT count(*) FROM sqlite_schema")
        except apsw.SQLError as error:  # its header names a format that no version of SQLite has
            raise apsw.CorruptError(str(error)) from error
    raise apsw.BusyError("database is locked")


def _tokenizer(_connection: apsw.Connection, _arguments: Sequence[str]) -> Callable[..., Iterable[Alternatives]]:
    return _tokens


def _tokens(utf8: bytes, reason: int, _locale: str | None) -> Iterable[Alternatives]:
    if utf8[:1] == _AS_INDEXED and reason & apsw.FTS5_TOKENIZE_QUERY:
        return [(utf8[1:].decode(),)]
    cut = question_terms if reason & apsw.FTS5_TOKENIZE_QUERY else terms
    if len(utf8) < _SHORT:
        return _short(utf8, cut)
    return cut(utf8.decode("utf-8", "replace"))


@functools.lru_cache(maxsize=1000)
def _short(utf8: bytes, cut: Callable[[str], list[Alternatives]]) -> list[Alternatives]:
    return cut(utf8.decode("utf-8", "replace"))
