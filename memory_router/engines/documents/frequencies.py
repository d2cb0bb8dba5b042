"""Say in how many passages words stand, without walking the lists of the frequent ones.

FTS5 keeps no such numbers: it would have to read a word's whole list. So the list is read up to a limit from both
ends; where that is not all of it, how far it reached tells the rest.
"""

import apsw

from memory_router.text.relevance import stemmer

# Walked from each end: exact for all but frequent words, and a tenth of a millisecond at the most.
_COUNTED = 2000

_ALL = "{}"
_OWN = "- {{context}} : {}"
_FROM_START = """
    SELECT count(*), max(rowid) FROM
    (SELECT rowid FROM chunk_text WHERE chunk_text MATCH ? ORDER BY rowid LIMIT ?)
"""
_FROM_END = """
    SELECT count(*), min(rowid) FROM
    (SELECT rowid FROM chunk_text WHERE chunk_text MATCH ? ORDER BY rowid DESC LIMIT ?)
"""


class Frequencies:
    """Count in one index, and remember what was counted until the index changes.

    Args:
        connection: an open index.

    Attributes:
        stems: cuts a text into stems as the index does.
        texts: how many passages the index holds.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.stems = stemmer(connection)
        self.texts = 0
        self._connection = connection
        self._ends = 0, 0
        self._version: object = None
        self._counted: dict[str, int] = {}

    def refresh(self) -> None:
        """Forget what was counted if the index was changed since; call it once a question."""
        version = self._connection.pragma("data_version")
        if version == self._version:
            return
        self._version = version
        self._counted.clear()
        self.texts = int(self._connection.execute("SELECT chunks FROM totals").get)
        self._ends = tuple(self._connection.execute("SELECT ifnull(min(id), 0), ifnull(max(id), 0) FROM chunks").get)

    def own(self, term: str) -> int:
        """Return in how many passages a term stands, their neighbours not counted."""
        return self._frequency(_OWN.format(quoted(term)))

    def anywhere(self, term: str) -> int:
        """Return in how many passages a term stands, in them or in what is indexed with them."""
        return self._frequency(_ALL.format(quoted(term)))

    def _frequency(self, expression: str) -> int:
        if expression not in self._counted:
            self._counted[expression] = self._count(expression)
        return self._counted[expression]

    def _count(self, expression: str) -> int:
        count, last = self._connection.execute(_FROM_START, (expression, _COUNTED)).get
        if count < _COUNTED:
            return int(count)
        _, first = self._connection.execute(_FROM_END, (expression, _COUNTED)).get
        start, end = self._ends
        # Where a word is crowded at one end, the other end knows better.
        reached = max(last - start, end - first) + 1
        return min(self.texts, max(_COUNTED, _COUNTED * (end - start + 1) // int(reached)))


def quoted(term: str) -> str:
    """Return a term for FTS5: a word, several words in a row, or with `*` at its end all that begin so."""
    bare = term.replace('"', " ").replace("\0", " ")
    return f'"{bare[:-1]}" *' if bare.endswith("*") else f'"{bare}"'
