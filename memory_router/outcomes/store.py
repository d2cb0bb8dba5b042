"""Record what became of suggestions, and keep each user's profile up to date with it (seed 003, Profile Evolution)."""

import hashlib
import os
from array import array
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from memory_router.contract import JsonObject
from memory_router.errors import AdviceError
from memory_router.outcomes import profile, validation
from memory_router.outcomes.profile import Tally
from memory_router.outcomes.tags import tags_of
from memory_router.storage.database import Database, Dialect, Row, decode_json, encode_json
from memory_router.text.request_vectors import model, signature

OUTCOMES = ("accepted", "rejected", "expired", "superseded")
# Of long evidence the beginning tells what it is about, in characters.
_EMBEDDED = 1000
_JSON = ("config_before", "config_after", "evidence_summary")


class Outcome(NamedTuple):
    """What became of one suggestion, under the seed's names; times are ISO 8601."""

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
    """What a user wants, as far as their outcomes tell.

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
    """A recorded outcome: its id, whether it is new, and which patterns it began or ended."""

    outcome_id: int
    is_new: bool
    emerged: tuple[str, ...]
    ended: tuple[str, ...]


class OutcomeStore:
    """Keep outcomes and profiles in the advice tables of a database.

    Args:
        database: the advice tables.
        now: the time, ISO 8601 in UTC.
    """

    def __init__(self, database: Database, now: Callable[[], str] = validation.now) -> None:
        self._database = database
        self._now = now

    def record(self, user_id: str, suggestion_type: str, suggestion_value: str, outcome: str, **more: Any) -> Recorded:
        """Store an outcome and bring the user's profile up to date, in one transaction.

        Args:
            user_id: who decided.
            suggestion_type: what kind of change it was, such as `add_topic`; any lower-case name.
            suggestion_value: what the change was about, such as a topic.
            outcome: `accepted`, `rejected`, `expired` or `superseded`.
            more: what `record_within` takes besides.

        Raises:
            AdviceError: the type, the outcome or a time is invalid, or JSON cannot hold the evidence.
            StoreError: the database cannot be used.
        """
        with self._database.transaction():
            return self.record_within(user_id, suggestion_type, suggestion_value, outcome, **more)

    def record_within(
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
        """Record an outcome within a transaction of the caller's, together with what else it changes.

        Args:
            user_id: who decided.
            suggestion_type: what kind of change it was.
            suggestion_value: what the change was about.
            outcome: what became of it.
            reason: why, in the user's words; secrets are redacted, here as in the rest.
            suggestion_id: the suggestion; None makes one.
            config_before: the configuration when it was suggested.
            config_after: the configuration afterwards.
            evidence: what spoke for it.
            created_at: when it was suggested, ISO 8601; now if left out.
            decided_at: when it was decided; now if left out.
            key: what makes this outcome the same as one recorded before; its suggestion, or its content, if left out.

        Raises:
            AdviceError: the type, the outcome or a time is invalid, or JSON cannot hold the evidence.
        """
        if outcome not in OUTCOMES:
            raise AdviceError(f"{outcome!r} is not an outcome.", f"Use one of: {', '.join(OUTCOMES)}.")
        now = self._now()
        fields: JsonObject = {
            "user_id": validation.clean_user(user_id),
            "suggestion_type": validation.clean_type(suggestion_type),
            "suggestion_value": validation.clean_value(suggestion_value),
            "outcome": outcome,
            "user_reason": validation.clean_reason(reason),
            "config_before": validation.clean_json("configuration before", config_before),
            "config_after": validation.clean_json("configuration after", config_after),
            "evidence_summary": validation.clean_json("evidence", evidence),
            "created_at": validation.in_utc(created_at or decided_at or now),
            "decided_at": validation.in_utc(decided_at or now),
        }
        told = [fields[name] for name in ("user_id", "suggestion_type", "suggestion_value", "outcome")]
        suggestion = self._key_of(suggestion_id) if suggestion_id is not None else None
        key = key or _key(suggestion, *told, created_at, decided_at)
        known = self._database.rows("SELECT outcome_id FROM suggestion_outcomes WHERE outcome_key = :key", {"key": key})
        if known:
            return Recorded(known[0]["outcome_id"], False, (), ())
        fields |= {"outcome_key": key, "suggestion_id": suggestion_id or self._suggest(fields)}
        outcome_id = self._insert(fields)
        emerged, ended = self._count(told[0], suggestion_type, outcome, fields["decided_at"])
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
            self.recompute_within(user_id)
        return self.profile(user_id)

    def recompute_within(self, user_id: str) -> None:
        """Compute a user's profile within a transaction of the caller's; nothing changes where it follows already."""
        rows = self._database.rows(
            "SELECT suggestion_type, outcome, created_at, decided_at FROM suggestion_outcomes WHERE user_id = :user",
            {"user": user_id},
        )
        tally = profile.tally_of(rows)
        if rows and tally != self._tally(user_id):
            self._save(user_id, tally)

    def index_tags(self, user_id: str) -> None:
        """Make sure that a user's outcomes are found by their tags, within a transaction of the caller's."""
        self._index_tags(
            self._database.rows(
                "SELECT user_id, outcome_id, suggestion_type, outcome, tags FROM suggestion_outcomes"
                " WHERE user_id = :user",
                {"user": user_id},
            )
        )

    def _index_tags(self, rows: Sequence[Row]) -> None:
        names = ("user_id", "outcome_id", "suggestion_type", "outcome")
        self._database.run_all(
            "INSERT INTO outcome_tags(user_id, tag, outcome_id, suggestion_type, outcome)"
            " VALUES (:user_id, :tag, :outcome_id, :suggestion_type, :outcome) ON CONFLICT DO NOTHING",
            ({"tag": tag, **{name: row[name] for name in names}} for row in rows for tag in row["tags"].split()),
        )

    def weeks(self, user_id: str) -> list[int]:
        """Return how many outcomes a user had in each week from the first to the last."""
        counts = {date.fromisoformat(day): sum(week.values()) for day, week in self._tally(user_id).weeks.items()}
        if not counts:
            return []
        first, last = min(counts), max(counts)
        return [counts.get(first + timedelta(weeks=week), 0) for week in range((last - first).days // 7 + 1)]

    def users(self) -> list[str]:
        """Return everybody whose outcomes are known, in alphabetical order."""
        rows = self._database.rows("SELECT DISTINCT user_id FROM suggestion_outcomes ORDER BY user_id")
        return [row["user_id"] for row in rows]

    def all(self, user_id: str) -> list[Outcome]:
        """Return every outcome of a user, the oldest first."""
        rows = self._database.rows(
            f"SELECT {', '.join(Outcome._fields)} FROM suggestion_outcomes"  # noqa: S608 - our own columns
            " WHERE user_id = :user ORDER BY created_at, outcome_id",
            {"user": user_id},
        )
        return [outcome_of(row) for row in rows]

    def _key_of(self, suggestion_id: int) -> str:
        rows = self._database.rows(
            "SELECT suggestion_key FROM config_suggestions WHERE suggestion_id = :id", {"id": suggestion_id}
        )
        if not rows:
            raise AdviceError(f"There is no suggestion {suggestion_id}.", "Record the outcome without its id.")
        return str(rows[0]["suggestion_key"])

    def _suggest(self, fields: JsonObject) -> int:
        """Store a suggestion that the application itself made, and return its id."""
        row = {name: fields[name] for name in ("user_id", "suggestion_type", "suggestion_value", "created_at")}
        row |= {"suggestion_key": new_key(), "reason": "", "status": fields["outcome"]}
        return self._stored("config_suggestions", "suggestion_id", {**row, "decided_at": fields["decided_at"]})

    def _insert(self, fields: JsonObject) -> int:
        evidence = decode_json(fields["evidence_summary"])
        kind, value, reason = fields["suggestion_type"], fields["suggestion_value"], fields["user_reason"]
        vector = embedded(kind, value, reason, fields["evidence_summary"])
        tags = tags_of(kind, value, fields["outcome"], reason, evidence)
        row = {
            **fields,
            "tags": " ".join(tags),
            "embedding": vector,
            "embedding_model": model().name,
            "signature": signed(vector, self._database.dialect),
        }
        outcome_id = self._stored("suggestion_outcomes", "outcome_id", row)
        self._index_tags([{**row, "outcome_id": outcome_id}])
        return outcome_id

    def _stored(self, table: str, number: str, row: JsonObject) -> int:
        """Store a row of our own columns and return its number."""
        rows = self._database.rows(
            f"INSERT INTO {table}({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"  # noqa: S608
            f" RETURNING {number}",
            row,
        )
        return int(rows[0][number])

    def _count(
        self, user_id: str, suggestion_type: str, outcome: str, at: str
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Add one outcome to the user's tally; return the patterns that it brought about, and those it ended."""
        before = self._tally(user_id)
        after = before.plus(suggestion_type, outcome, at)
        if not self._save(user_id, after, seen=_total(before)):
            # Somebody else of the team recorded an outcome of this user at this moment.
            self.recompute_within(user_id)
            after = self._tally(user_id)
        had, has = profile.patterns(before).keys(), profile.patterns(after).keys()
        return tuple(sorted(has - had)), tuple(sorted(had - has))

    def _tally(self, user_id: str) -> Tally:
        rows = self._database.rows(
            "SELECT tally FROM user_preference_profiles WHERE user_id = :user", {"user": user_id}
        )
        return Tally(*decode_json(rows[0]["tally"])) if rows else profile.EMPTY

    def _save(self, user_id: str, tally: Tally, seen: int | None = None) -> bool:
        """Store a user's profile if its total is still `seen` (compare and set); return whether it was."""
        user_profile = _profile(user_id, tally, self._now())
        encoded = {
            name: encode_json(getattr(user_profile, name)) for name in ("acceptance_stats", "patterns", "trends")
        }
        row = {**user_profile._asdict(), **encoded, "tally": encode_json(tally)}
        del row["compacted_through"]  # only compaction moves it
        is_saved = self._database.run(
            f"INSERT INTO user_preference_profiles({', '.join(row)})"  # noqa: S608 - our own columns
            f" VALUES ({', '.join(f':{name}' for name in row)}) ON CONFLICT (user_id) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in row if name != "user_id")
            + ("" if seen is None else " WHERE user_preference_profiles.total_outcomes = :seen"),
            row if seen is None else {**row, "seen": seen},
        )
        return bool(is_saved)


def outcome_of(row: Row) -> Outcome:
    """Return an outcome from a row of its columns."""
    return Outcome(**{**row, **{name: decode_json(row[name]) for name in _JSON}})


def embedded(suggestion_type: str, value: str, reason: str | None, evidence: str | None) -> "array[float]":
    """Return the vector of what the seed embeds: type and value, the reason, the evidence."""
    return model().embed(" ".join((suggestion_type.replace("_", " "), value, reason or "", evidence or ""))[:_EMBEDDED])


def signed(vector: "array[float]", dialect: Dialect) -> bytes | str:
    """Return the signs of a vector as a column of bits takes them."""
    bits = signature(vector)
    return bits.to_bytes(len(vector) // 8, "big") if dialect == "sqlite" else f"{bits:0{len(vector)}b}"


def new_key() -> str:
    """Return what tells a suggestion from those of every other database."""
    return os.urandom(8).hex()


def _profile(user_id: str, tally: Tally, now: str) -> Profile:
    return Profile(
        user_id,
        profile.acceptance_stats(tally),
        dict(profile.patterns(tally)),
        profile.trends(tally),
        _total(tally),
        tally.last,
        now,
        None,
    )


def _total(tally: Tally) -> int:
    return sum(sum(counts.values()) for counts in tally.types.values())


def _key(suggestion: str | None, *content: str | None) -> str:
    """Return what an outcome is recognised by: its suggestion, which is decided once, else all that it says."""
    if suggestion is not None:
        return f"suggestion {suggestion}"
    parts: Sequence[str] = [part or "" for part in content]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
