"""Compact old outcomes: what profiles and searches need stays, the rest moves to an archive (seed 003, Compaction).

The last 30 days stay as they are. Of older outcomes stay id, suggestion, user, type, value, outcome, dates, and what
they are found by: tags and the signs of the vector. Configurations, evidence, reason and the vector itself are in the
archive, which is proved to be whole before one transaction drops them. A process killed at any moment leaves
either everything in the database, or the archive and what stays.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from memory_router.contract import JsonObject
from memory_router.errors import AdviceError, StoreError
from memory_router.outcomes import validation
from memory_router.outcomes.store import Outcome, OutcomeStore, outcome_of
from memory_router.paths import shown
from memory_router.storage.database import Database, Row, decode_json
from memory_router.storage.files import exclusive, write_whole


def write_archive(folder: str, entries: Sequence[JsonObject]) -> str:
    """Write entries to a file of `folder`, read_archive it again, and return its name once it is proved to be whole.

    Args:
        folder: where archives lie; it is created for this user alone.
        entries: what JSON can hold, one a line.

    Raises:
        StoreError: the file cannot be written, or does not hold what was written.
    """
    lines = [json.dumps(entry, ensure_ascii=False, sort_keys=True).encode() + b"\n" for entry in entries]
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    name = f"outcomes-{digest[:16]}.jsonl.gz"
    path = os.path.join(folder, name)
    try:
        write_whole(path, gzip.compress(b"".join(lines), mtime=0))
        with gzip.open(path) as stream:
            read_archive = stream.readlines()
    except (OSError, EOFError) as error:
        raise StoreError(
            f"The archive {shown(path)} cannot be written ({error}).", "Check free disk space; nothing was dropped."
        ) from error
    if len(read_archive) != len(entries) or hashlib.sha256(b"".join(read_archive)).hexdigest() != digest:
        raise StoreError(
            f"The archive {shown(path)} does not hold what was written to it.", "Check the disk; nothing was dropped."
        )
    return name


def read_archive(folder: str, name: str) -> Iterator[JsonObject]:
    """Yield the entries of an archive.

    Raises:
        AdviceError: it is not there, or damaged.
    """
    path = os.path.join(folder, os.path.basename(name))
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            yield from map(json.loads, stream)
    except (OSError, EOFError, ValueError) as error:
        raise AdviceError(
            f"The archive {shown(path)} cannot be read_archive ({error}).",
            "It lies on the machine that compacted; or in a backup.",
        ) from error


KEPT_DAYS = 30
# The seed's example: after 100 outcomes of a user; or once what could be dropped takes this many characters.
AFTER, SIZE = 100, 1_000_000
_PAGE = 2000
_OLD = "user_id = :user AND archive IS NULL AND decided_at < :before"
_DROPPED = ("config_before", "config_after", "evidence_summary")
_LENGTH = " + ".join(f"length(coalesce(CAST({name} AS TEXT), ''))" for name in _DROPPED)


class Compacted(NamedTuple):
    """What a compaction did, or would do.

    Args:
        user_id: whose outcomes.
        outcomes: how many were compacted.
        characters: how long what was dropped is.
        archives: the names of the files that hold it.
        compacted_through: the time of the latest of them, ISO 8601, or None.
    """

    user_id: str
    outcomes: int
    characters: int
    archives: tuple[str, ...]
    compacted_through: str | None


class OutcomeCompaction:
    """Compact the outcomes of users.

    Args:
        database: the advice tables.
        folder: where archives are kept.
        now: the time, ISO 8601 in UTC.
        after: how many old outcomes of a user make it due.
        kept_days: for how many days outcomes stay as they are.
    """

    def __init__(
        self, database: Database, folder: str, now: str, *, after: int = AFTER, kept_days: int = KEPT_DAYS
    ) -> None:
        self._database = database
        self._folder = folder
        self._before = validation.iso(datetime.fromisoformat(now) - timedelta(days=kept_days))
        self._after = after

    def is_due(self, user_id: str) -> bool:
        """Return whether a user has enough old outcomes, or large ones; it reads no more than that takes."""
        totals = self._database.rows(
            f"SELECT count(*) AS number, coalesce(sum({_LENGTH}), 0) AS size FROM"  # noqa: S608 - our own columns
            f" (SELECT {', '.join(_DROPPED)} FROM suggestion_outcomes WHERE {_OLD} LIMIT :after) AS old",
            {"user": user_id, "before": self._before, "after": self._after},
        )[0]
        return int(totals["number"]) >= self._after or int(totals["size"]) >= SIZE

    def users(self) -> list[str]:
        """Return the users who have outcomes that can be compacted."""
        rows = self._database.rows(
            "SELECT DISTINCT user_id FROM suggestion_outcomes WHERE archive IS NULL AND decided_at < :before"
            " ORDER BY user_id",
            {"before": self._before},
        )
        return [row["user_id"] for row in rows]

    def preview(self, user_id: str) -> Compacted:
        """Return what `run` would do, without doing it."""
        totals = self._database.rows(
            f"SELECT count(*) AS number, coalesce(sum({_LENGTH}), 0) AS size, max(decided_at) AS latest"  # noqa: S608
            f" FROM suggestion_outcomes WHERE {_OLD}",
            {"user": user_id, "before": self._before},
        )[0]
        return Compacted(user_id, int(totals["number"]), int(totals["size"]), (), totals["latest"])

    def run(self, user_id: str) -> Compacted:
        """Compact every old outcome of a user; their profile stays as it is.

        Raises:
            StoreError: the archive or the database cannot be written; what was not archived is untouched.
        """
        whole = self.preview(user_id)
        archives: list[str] = []
        with exclusive(os.path.join(self._folder, "archive"), lambda: None):
            while rows := self._old(user_id):
                archives.append(write_archive(self._folder, [_entry(row) for row in rows]))
                self._drop(user_id, rows, archives[-1])
        return whole._replace(archives=tuple(archives))

    def _old(self, user_id: str) -> list[Row]:
        columns = ", ".join(f"o.{name}" for name in (*Outcome._fields, "outcome_key"))
        condition = _OLD.replace("user_id", "o.user_id").replace("decided_at", "o.decided_at")
        return self._database.rows(
            f"SELECT {columns}, s.reason, s.change, s.config_before AS suggested_before,"  # noqa: S608 - our own columns
            " s.evidence_summary AS suggested_evidence FROM suggestion_outcomes o"
            f" JOIN config_suggestions s ON s.suggestion_id = o.suggestion_id WHERE {condition}"
            " ORDER BY o.outcome_id LIMIT :page",
            {"user": user_id, "before": self._before, "page": _PAGE},
        )

    def _drop(self, user_id: str, rows: Sequence[Row], name: str) -> None:
        """Drop what an archive holds by now, in one transaction with the mark of how far it went."""
        through = max(row["decided_at"] for row in rows)
        with self._database.transaction():
            self._database.run_all(
                "UPDATE suggestion_outcomes SET config_before = NULL, config_after = NULL, evidence_summary = NULL,"
                " user_reason = NULL, embedding = NULL, archive = :archive WHERE outcome_id = :id AND archive IS NULL",
                [{"archive": name, "id": row["outcome_id"]} for row in rows],
            )
            # What is decided keeps what it would change, so that it can be undone.
            self._database.run_all(
                "UPDATE config_suggestions SET config_before = NULL, evidence_summary = NULL"
                " WHERE suggestion_id = :id AND status <> 'pending'",
                [{"id": row["suggestion_id"]} for row in rows],
            )
            OutcomeStore(self._database).recompute_within(user_id)
            self._database.run(
                "UPDATE user_preference_profiles SET compacted_through = :through"
                " WHERE user_id = :user AND (compacted_through IS NULL OR compacted_through < :through)",
                {"user": user_id, "through": through},
            )


def _entry(row: Row) -> JsonObject:
    """Return the whole of an outcome and its suggestion, as the archive holds it."""
    suggestion = {"reason": row.pop("reason"), "change": decode_json(row.pop("change"))}
    suggestion["config_before"] = decode_json(row.pop("suggested_before"))
    suggestion["evidence_summary"] = decode_json(row.pop("suggested_evidence"))
    return {"outcome_key": row.pop("outcome_key"), **outcome_of(dict(row))._asdict(), "suggestion": suggestion}
