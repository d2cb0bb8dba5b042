"""Read what was asked for last in a project: where its last session was left."""

from typing import NamedTuple

from memory_router.engines.transcripts.schema import SCHEMA
from memory_router.scope import project_of
from memory_router.storage.sqlite import named_errors, open_read_only

_LATEST = 300  # turns
_LONGEST = 400  # characters
_FEWEST_WORDS = 4
_REQUESTS = """
    SELECT s.project, s.name, n.text, n.time FROM nodes AS n JOIN sessions AS s ON s.id = n.session
    WHERE n.role = 'user' AND n.time IS NOT NULL AND s.agent = '' ORDER BY n.time DESC LIMIT ?
"""


class LastRequest(NamedTuple):
    """What a user asked for, shortened, and when, in seconds since the epoch."""

    text: str
    time: float


def last_request(database: str, project: str, session: str) -> LastRequest | None:
    """Return the last request of a project's sessions that can be understood alone, or None.

    Args:
        database: the archive of conversations.
        project: the project's name.
        session: the id of a session that does not count.

    Raises:
        StoreError: the archive is damaged or locked.
    """
    connection = open_read_only(database, SCHEMA)
    if connection is None:
        return None
    with named_errors(database):
        for folder, name, text, at in connection.execute(_REQUESTS, (_LATEST,)):
            if name != session and len(text.split()) >= _FEWEST_WORDS and project_of(folder) == project:
                return LastRequest(" ".join(text.split())[:_LONGEST], at)
    connection.close()
    return None
