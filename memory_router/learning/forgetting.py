"""Take the free text that holds certain words out of what was learned; the rows and their figures stay."""

import re
from collections.abc import Collection

from memory_router.storage.database import Database

_WORD = re.compile(r"\w+")
FORGOTTEN = "[forgotten]"


def questions_with(database: Database, words: Collection[str]) -> list[str]:
    """Return the ids of the executions whose question holds one of `words`.

    Args:
        database: the tables of learning.
        words: single words, in lower case.
    """
    rows = database.rows("SELECT id, user_request FROM executions")
    return [row["id"] for row in rows if holds(row["user_request"], words)]


def blank_questions(database: Database, words: Collection[str]) -> int:
    """Blank the questions that hold one of `words`, and return how many executions and approvals held them.

    Args:
        database: the tables of learning.
        words: single words, in lower case.

    Raises:
        StoreError: the database cannot be written; nothing was blanked.
    """
    with database.transaction():
        executions = questions_with(database, words)
        approvals = [
            row["id"]
            for row in database.rows("SELECT id, user_request FROM approvals")
            if holds(row["user_request"], words)
        ]
        database.run_all(
            "UPDATE executions SET user_request = :text, request_embedding = NULL, embedding_model = NULL"
            " WHERE id = :id",
            ({"id": one, "text": FORGOTTEN} for one in executions),
        )
        database.run_all(
            "UPDATE approvals SET user_request = :text WHERE id = :id",
            ({"id": one, "text": FORGOTTEN} for one in approvals),
        )
    return len(executions) + len(approvals)


def holds(text: str | None, words: Collection[str]) -> bool:
    """Return whether a text holds one of `words`, in whatever case."""
    return not set(_WORD.findall((text or "").lower())).isdisjoint(words)
