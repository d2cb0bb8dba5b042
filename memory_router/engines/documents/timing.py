"""Notice the time that a question names, and which passages are of it."""

import json
import re
import time
from collections.abc import Collection

import apsw

from memory_router.engines.documents.selection import Selection, day_of

# What a question about some time holds; the words themselves are read only where one of these is.
_HINT = re.compile(
    r"\b(?:19|20)\d\d|\b(?:yesterday|today|tonight|ago|recent(?:ly)?|lately|these days|morning|afternoon|evening"
    r"|(?:last|past|previous|this|on|in|during|since|from) "
    r"(?:week|month|year|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))",
    re.IGNORECASE,
)
_PLACES = """
    SELECT c.id, c.heading, c.date, f.name, f.mtime_ns / 1e9 FROM json_each(?) wanted
    JOIN chunks c ON c.id = wanted.value JOIN files f ON f.id = c.file
"""


def of_the_time(connection: apsw.Connection, question: str, chunks: Collection[int]) -> frozenset[int]:
    """Return those of the chunks that are of the time which a question names, if it names one.

    Args:
        connection: an open index.
        question: any text.
        chunks: ids of candidates.
    """
    if not _HINT.search(question):
        return frozenset()
    from memory_router.text import moments, timewords

    now = time.time()
    asked = timewords.read(question, now)
    if asked.since is None and asked.until is None:
        asked = moments.read_dates(question, now)
    if asked.since is None or asked.until is None:
        return frozenset()
    span = Selection(asked.since, asked.until - 1)
    rows = connection.execute(_PLACES, (json.dumps(list(chunks)),))
    return frozenset(chunk for chunk, *place, modified in rows if span.admits((), day_of(*place), modified))
