"""Record what became of suggestions, and keep each user's profile up to date with it (seed 003, Profile Evolution)."""

import hashlib
from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from memory_router.advice import profile
from memory_router.advice.profile import Tally
from memory_router.contract import JsonObject
from memory_router.errors import AdviceError
from memory_router.learning.meaning import model
from memory_router.storage.database import Database, Row, decode_json, encode_json
from memory_router.text.redaction import redact

OUTCOMES = ("accepted", "rejected", "expired", "superseded")
_JSON = ("config_before", "config_after", "evidence_summary")


class Outcome(NamedTuple):
    """Hold what became of one suggestion, under the seed's names; times are ISO 8601."""

    outcome_id: int
    suggestion_id: int
    user_id: str
    suggestion_type: str
    suggestion_value: str
    outcome: str
    user_reason: str | None
    config_before: Any
    config_after: Any
    evidence_summary: Any
    created_at: str
    decided_at: str | None


class Profile(NamedTuple):
    """Hold what a user wants, as far as their outcomes tell.

    Args:
        user_id: whose it is.
        acceptance_stats: for each type: accepted, rejected, rate, confidence.
        patterns: what holds for this user.
        trends: engagement, preference_stability, suggestion_velocity.
        total_outcomes: from how many outcomes it is computed.
        last_outcome_at: the time of the latest.
        computed_at: when it was computed.
        compacted_through: up to when outcomes were compacted, or None.
    """

    user_id: str
    acceptance_stats: JsonObject
    patterns: JsonObject
    trends: JsonObject
    total_outcomes: int
    last_outcome_at: str | None
    computed_at: str
    compacted_through: str | None


class Recorded(NamedTuple):
    """Say which outcome it is, whether it is new, and which patterns it brought about or ended."""

    outcome_id: int
    is_new: bool
    emerged: tuple[str, ...]
    ended: tuple[str, ...]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class OutcomeStore:
    """Keep outcomes and profiles in the advice tables of a database.

    Args:
        database: the advice tables.
        now: the time, ISO 8601 in UTC.
    """

    def __init__(self, database: Database, now: Callable[[], str] = _now) -> None:
        self._database = database
        self._now = now

    def record(
        self,
        user_id: str,
        suggestion_type: str,
        suggestion_value: str,
        outcome: str,
        *,
        reason: str | None = None,
        suggestion_id: int | None = None,
        config_before: Any = None,
        config_after: Any = None,
        evidence: Any = None,
        created_at: str | None = None,
        decided_at: str | None = None,
        key: str | None = None,
    ) -> Recorded:
        """Store an outcome and bring the user's profile up to date, in one transaction.

        Args:
            user_id: who decided.
            suggestion_type: what kind of change it was, such as `add_topic`; any lower-case name.
            suggestion_value: what the change was about, such as a topic.
            outcome: `accepted`, `rejected`, `expired` or `superseded`.
            reason: why, in the user's words; secrets are redacted.
            suggestion_id: the suggestion; one is made where there is none.
            config_before: the configuration when it was suggested.
            config_after: the configuration afterwards.
            evidence: what spoke for it.
            created_at: when it was suggested, ISO 8601; now if left out.
            decided_at: when it was decided; now if left out.
            key: what makes this outcome the same as one recorded before; its suggestion, or its content, if left out.

        Raises:
            AdviceError: the type, the outcome or a time is none.
            StoreError: the database cannot be used.
        """
        now = self._now()
        created, decided = _time(created_at or decided_at or now), _time(decided_at or now)
        _check(user_id, suggestion_type, suggestion_value, outcome)
        key = key or _key(suggestion_id, user_id, suggestion_type, suggestion_value, outcome, created_at, decided_at)
        with self._database.transaction():
            known = self._database.rows(
                "SELECT outcome_id FROM suggestion_outcomes WHERE outcome_key = :key", {"key": key}
            )
            if known:
                return Recorded(known[0]["outcome_id"], False, (), ())
            fields = {
                "user_id": user_id,
                "suggestion_type": suggestion_type,
                "suggestion_value": suggestion_value,
                "evidence_summary": encode_json(evidence),
                "config_before": encode_json(config_before),
                "created_at": created,
                "decided_at": decided,
            }
            suggestion_id = suggestion_id or self._suggest(fields, outcome, reason)
            outcome_id = self._insert(fields, key, suggestion_id, outcome, reason, config_after)
            emerged, ended = self._count(user_id, suggestion_type, outcome, decided)
        return Recorded(outcome_id, True, emerged, ended)

    def profile(self, user_id: str) -> Profile:
        """Return a user's profile; an empty one for a user without outcomes."""
        rows = self._database.rows(
            f"SELECT {', '.join(Profile._fields)} FROM user_preference_profiles WHERE user_id = :user",  # noqa: S608
            {"user": user_id},
        )
        if not rows:
            return _profile(user_id, profile.EMPTY, self._now())
        decoded = {name: decode_json(rows[0][name]) for name in ("acceptance_stats", "patterns", "trends")}
        return Profile(**{**rows[0], **decoded})

    def recompute(self, user_id: str) -> Profile:
        """Compute a user's profile from all their outcomes, and store it."""
        with self._database.transaction():
            rows = self._database.rows(
                "SELECT suggestion_type, outcome, created_at, decided_at FROM suggestion_outcomes"
                " WHERE user_id = :user",
                {"user": user_id},
            )
            self._save(user_id, profile.tally_of(rows))
        return self.profile(user_id)

    def all(self, user_id: str) -> list[Outcome]:
        """Return every outcome of a user, the oldest first."""
        rows = self._database.rows(
            f"SELECT {', '.join(Outcome._fields)} FROM suggestion_outcomes"  # noqa: S608 - our own columns
            " WHERE user_id = :user ORDER BY created_at, outcome_id",
            {"user": user_id},
        )
        return [outcome_of(row) for row in rows]

    def _suggest(self, fields: JsonObject, outcome: str, reason: str | None) -> int:
        """Store the suggestion that an application made by itself, and return its id."""
        return int(
            self._database.rows(
                "INSERT INTO config_suggestions(user_id, suggestion_type, suggestion_value, reason, config_before,"
                " evidence_summary, status, created_at, decided_at) VALUES (:user_id, :suggestion_type,"
                " :suggestion_value, :reason, :config_before, :evidence_summary, :status, :created_at, :decided_at)"
                " RETURNING suggestion_id",
                {**fields, "status": outcome, "reason": redact(reason or "").text},
            )[0]["suggestion_id"]
        )

    def _insert(
        self, fields: JsonObject, key: str, suggestion_id: int, outcome: str, reason: str | None, config_after: Any
    ) -> int:
        told = redact(reason).text if reason else None
        row = {
            **fields,
            "outcome_key": key,
            "suggestion_id": suggestion_id,
            "outcome": outcome,
            "user_reason": told,
            "config_after": encode_json(config_after),
            "embedding": embedded(
                fields["suggestion_type"], fields["suggestion_value"], told, fields["evidence_summary"]
            ),
            "embedding_model": model().name,
        }
        return int(
            self._database.rows(
                f"INSERT INTO suggestion_outcomes({', '.join(row)})"  # noqa: S608 - our own columns
                f" VALUES ({', '.join(f':{name}' for name in row)}) RETURNING outcome_id",
                row,
            )[0]["outcome_id"]
        )

    def _count(
        self, user_id: str, suggestion_type: str, outcome: str, at: str
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Add one outcome to the user's tally; return the patterns that it brought about, and those it ended."""
        rows = self._database.rows(
            "SELECT tally FROM user_preference_profiles WHERE user_id = :user", {"user": user_id}
        )
        before = Tally(*decode_json(rows[0]["tally"])) if rows else profile.EMPTY
        after = before.plus(suggestion_type, outcome, at)
        self._save(user_id, after)
        had, has = profile.patterns(before).keys(), profile.patterns(after).keys()
        return tuple(sorted(has - had)), tuple(sorted(had - has))

    def _save(self, user_id: str, tally: Tally) -> None:
        found = _profile(user_id, tally, self._now())
        encoded = {name: encode_json(getattr(found, name)) for name in ("acceptance_stats", "patterns", "trends")}
        row = {**found._asdict(), **encoded, "tally": encode_json(tally)}
        del row["compacted_through"]  # only compaction moves it
        self._database.run(
            f"INSERT INTO user_preference_profiles({', '.join(row)})"  # noqa: S608 - our own columns
            f" VALUES ({', '.join(f':{name}' for name in row)}) ON CONFLICT (user_id) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in row if name != "user_id"),
            row,
        )


def outcome_of(row: Row) -> Outcome:
    """Return an outcome from a row of its columns."""
    return Outcome(**{**row, **{name: decode_json(row[name]) for name in _JSON}})


def embedded(suggestion_type: str, value: str, reason: str | None, evidence: str | None) -> "array[float]":
    """Return the vector of what the seed embeds: type and value, the reason, the evidence."""
    return model().embed(" ".join((suggestion_type.replace("_", " "), value, reason or "", evidence or "")))


def _profile(user_id: str, tally: Tally, now: str) -> Profile:
    return Profile(
        user_id,
        profile.acceptance_stats(tally),
        dict(profile.patterns(tally)),
        profile.trends(tally),
        sum(sum(counts.values()) for counts in tally.types.values()),
        tally.last,
        now,
        None,
    )


def _check(user_id: str, suggestion_type: str, suggestion_value: str, outcome: str) -> None:
    if outcome not in OUTCOMES:
        raise AdviceError(f"{outcome!r} is no outcome.", f"Use one of: {', '.join(OUTCOMES)}.")
    if not suggestion_type.isidentifier() or suggestion_type != suggestion_type.lower():
        raise AdviceError(
            f"{suggestion_type!r} is no type of suggestion.",
            "Use a lower-case name such as add_topic or reduce_source.",
        )
    for name, text in (("user", user_id), ("value", suggestion_value)):
        if not text.strip():
            raise AdviceError(f"The {name} is empty.", "Say whose suggestion it was, and what it was about.")


def _time(text: str) -> str:
    """Return a time as ISO 8601 in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise AdviceError(f"{text!r} is no time.", "Give it as ISO 8601, such as 2026-01-14T10:30:00Z.") from error
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _key(suggestion_id: int | None, *content: str | None) -> str:
    """Return what an outcome is recognised by: its suggestion, which is decided once, else all that it says."""
    if suggestion_id is not None:
        return f"suggestion {suggestion_id}"
    parts: Sequence[str] = [part or "" for part in content]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
