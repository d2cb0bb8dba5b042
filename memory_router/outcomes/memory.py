"""Open everything that is kept of suggestions, and do after each outcome what follows from it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from memory_router import paths
from memory_router.errors import MemoryRouterError
from memory_router.outcomes import patterns_file, validation
from memory_router.outcomes.community import across_users
from memory_router.outcomes.compaction import Compacted, OutcomeCompaction
from memory_router.outcomes.schema import SCHEMA, TABLES
from memory_router.outcomes.search import renew
from memory_router.outcomes.store import OutcomeStore, Recorded
from memory_router.outcomes.suggestions import Suggestion, SuggestionStore
from memory_router.storage import transfer
from memory_router.storage.database import Database, open_database
from memory_router.storage.transfer import Copied


class OutcomeMemory:
    """Suggest, decide and record for any application (seed 003, Profile Evolution).

    Args:
        database: the advice tables.
        patterns_path: the Markdown file of patterns.
        archive_folder: where compacted outcomes are kept in full.
        now: the time, ISO 8601 in UTC.

    Attributes:
        outcomes: what became of suggestions, and profiles.
        suggestions: what waits, and what was decided.
        notes: what could not be done besides, a sentence each; what was recorded is recorded.
    """

    def __init__(
        self, database: Database, patterns_path: str, archive_folder: str, now: Callable[[], str] = validation.now
    ) -> None:
        self.database = database
        self.outcomes = OutcomeStore(database, now)
        self.suggestions = SuggestionStore(database, self.outcomes, now)
        self.notes: list[str] = []
        self._patterns_path = patterns_path
        self._archive_folder = archive_folder
        self._now = now

    def record(self, user_id: str, suggestion_type: str, suggestion_value: str, outcome: str, **more: Any) -> Recorded:
        """Record an outcome; `OutcomeStore.record` says what it takes and raises."""
        recorded = self.outcomes.record(user_id, suggestion_type, suggestion_value, outcome, **more)
        self.settle(validation.clean_user(user_id), recorded)
        return recorded

    def suggest(self, user_id: str, suggestion_type: str, suggestion_value: str, **more: Any) -> Suggestion:
        """Store a suggestion that waits; `SuggestionStore.suggest` says what it takes and raises."""
        return self.suggestions.suggest(user_id, suggestion_type, suggestion_value, **more)

    def decide(
        self,
        suggestion_id: int,
        outcome: str,
        *,
        reason: str | None = None,
        config_after: Any = None,
        decided_by: str | None = None,
    ) -> Recorded:
        """Close a suggestion that waits; `SuggestionStore.decide` says what it takes and raises."""
        recorded = self.suggestions.decide(
            suggestion_id, outcome, reason=reason, config_after=config_after, decided_by=decided_by
        )
        self.settle(self.suggestions.get(suggestion_id).user_id, recorded)
        return recorded

    def expire(self, days: int) -> list[int]:
        """Close suggestions that have waited too long as expired, and return their ids."""
        waited = self.suggestions.older_than(days)
        for suggestion_id in waited:
            self.decide(suggestion_id, "expired", reason=f"nobody decided within {days} days")
        return waited

    def supersede(self, suggestion_id: int, by: int) -> Recorded:
        """Close a suggestion because another takes its place.

        Args:
            suggestion_id: the one that waits.
            by: the one that takes its place.

        Raises:
            AdviceError: one of them is unknown, or the first was decided otherwise.
        """
        return self.decide(suggestion_id, "superseded", reason=f"suggestion {self.suggestions.get(by).suggestion_id}")

    def settle(self, user_id: str, recorded: Recorded) -> None:
        """Do what follows from an outcome that is recorded: patterns for people, compaction, renewed vectors.

        Call it outside any transaction. What fails here is told in `notes` and tried again with the next outcome.
        """
        if not recorded.is_new:
            return
        for work in (self._tell_patterns, self._compact_if_due, lambda user, _: renew(self.database, user)):
            try:
                work(user_id, recorded)
            except MemoryRouterError as error:
                self.notes.append(f"{error.cause} {error.fix}")

    def compaction(self, **settings: int) -> OutcomeCompaction:
        """Return what compacts outcomes; `OutcomeCompaction` says which settings there are."""
        return OutcomeCompaction(self.database, self._archive_folder, self._now(), **settings)

    def _tell_patterns(self, user_id: str, recorded: Recorded) -> None:
        if not recorded.emerged and not recorded.ended:
            return
        patterns_file.write_patterns(self._patterns_path, self.outcomes.profile(user_id), recorded)
        patterns_file.write_associations(self._patterns_path, across_users(self.database))

    def _compact_if_due(self, user_id: str, _recorded: Recorded) -> Compacted | None:
        compaction = self.compaction()
        return compaction.run(user_id) if compaction.is_due(user_id) else None


@contextmanager
def open_outcomes(patterns_path: str | None = None) -> Iterator[OutcomeMemory]:
    """Open the outcomes of this user or team, for the thread that calls this; each thread opens its own.

    Args:
        patterns_path: the Markdown file of patterns; the one in the data directory if left out.

    Raises:
        ConfigError: the database's driver is not installed.
        StoreError: the database cannot be used.
    """
    database = open_database(paths.learning_database(), SCHEMA)
    try:
        yield OutcomeMemory(database, patterns_path or paths.learned_patterns_file(), paths.outcome_archive())
    finally:
        database.close()


# What waited here when it was copied may have been decided there since.
_DECIDED = """
    UPDATE config_suggestions SET
        status = (SELECT min(o.outcome) FROM suggestion_outcomes o
                  WHERE o.suggestion_id = config_suggestions.suggestion_id),
        decided_at = (SELECT min(o.decided_at) FROM suggestion_outcomes o
                      WHERE o.suggestion_id = config_suggestions.suggestion_id)
    WHERE status = 'pending'
    AND EXISTS (SELECT 1 FROM suggestion_outcomes o WHERE o.suggestion_id = config_suggestions.suggestion_id)
"""


def copy_outcomes(source: Database, target: Database) -> list[Copied]:
    """Add what `target` lacks, in one transaction; profiles there follow from the outcomes of both.

    Raises:
        StoreError: a database cannot be used; the target is as it was.
    """
    outcomes = OutcomeStore(target)

    def settle() -> None:
        target.run(_DECIDED)
        for user in OutcomeStore(source).users():
            outcomes.index_tags(user)
            outcomes.recompute_within(user)

    return transfer.copy(source, target, TABLES, settle)
