"""Blank free text about forgotten things in suggestions and outcomes, also in archives; rows and figures stay."""

import os
from collections.abc import Callable
from typing import Any

from memory_router.outcomes import compaction
from memory_router.storage.blanking import FreeText, blank
from memory_router.storage.database import Database
from memory_router.storage.files import exclusive

_FREE = (
    FreeText(
        "config_suggestions",
        "suggestion_id",
        ("suggestion_value", "reason"),
        ("config_before", "evidence_summary"),
    ),
    FreeText(
        "suggestion_outcomes",
        "outcome_id",
        ("suggestion_value", "user_reason", "tags"),
        ("config_before", "config_after", "evidence_summary"),
        ("embedding", "embedding_model", "signature"),
    ),
)


def blank_outcomes(database: Database, folder: str, blanked: Callable[[Any], Any]) -> int:
    """Blank the free text of suggestions and outcomes, and return how many held it.

    Args:
        database: the tables of suggestions and outcomes.
        folder: where compacted outcomes are archived.
        blanked: returns a text or decoded JSON as it is to be.

    Raises:
        AdviceError: an archive is damaged.
        StoreError: the database or an archive cannot be written; running it again goes on from there.
    """
    with database.transaction():
        suggestions, outcomes = (blank(database, free, blanked) for free in _FREE)
        database.run_all(
            "DELETE FROM outcome_tags WHERE outcome_id = :id", ({"id": outcome_id} for outcome_id in outcomes)
        )
    archived = 0
    if not os.path.isdir(folder):
        return len(suggestions) + len(outcomes)
    with exclusive(os.path.join(folder, "archive")):
        for name in sorted(os.listdir(folder)):
            archived += _blank_archive(database, folder, name, blanked) if name.endswith(".gz") else 0
    return len(suggestions) + len(outcomes) + archived


def _blank_archive(database: Database, folder: str, name: str, blanked: Callable[[Any], Any]) -> int:
    entries = list(compaction.read_archive(folder, name))
    new = [blanked(entry) for entry in entries]
    if new == entries:
        return 0
    written = compaction.write_archive(folder, new)
    database.run("UPDATE suggestion_outcomes SET archive = :new WHERE archive = :old", {"new": written, "old": name})
    os.unlink(os.path.join(folder, name))
    return sum(before != after for before, after in zip(entries, new, strict=True))
