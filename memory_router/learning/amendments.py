"""Promote a dream: write what it changes into the user's `router-config.json`, and keep what it takes to undo that."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from memory_router.contract import JsonObject, iso_time
from memory_router.errors import AmendmentError
from memory_router.learning.dreams import Cycle
from memory_router.learning.own_config import OwnConfig
from memory_router.paths import shown
from memory_router.storage.database import Database, Row, decode_json, encode_json

_COLUMNS = "id, cycle_id, setting, old_value, new_value, evidence, amended_at, amended_by, reverted_at, revision"


class Amendment(NamedTuple):
    """One change of one setting.

    Args:
        id: its id.
        cycle_id: the dream that proposed it.
        setting: where it stands in `router-config.json`, such as `deadlines.backends.qmd:query`.
        old_value: what stood there; None for nothing.
        new_value: what stands there since.
        evidence: the dream's test results.
        amended_at: seconds since the epoch.
        amended_by: who promoted it.
        reverted_at: when it was undone, or None.
        revision: how often it was written; a change is made to the revision that was seen.
    """

    id: str
    cycle_id: str
    setting: str
    old_value: Any
    new_value: Any
    evidence: JsonObject
    amended_at: float
    amended_by: str
    reverted_at: float | None
    revision: int = 1


class AmendmentStore:
    """Keep amendments in the learning tables of a database, and the settings in the user's configuration.

    Args:
        database: the learning tables.
        own: the user's own configuration file, which need not be there yet.
        bundled: the one that is in force without it.
        account: whose configuration that is; in a team's database each sees their own amendments.
        now: the time in seconds since the epoch.
    """

    def __init__(
        self, database: Database, own: str, bundled: str, account: str, now: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._config = OwnConfig(own, bundled)
        self._account = account
        self._now = now

    def promote(self, cycle: Cycle) -> list[Amendment]:
        """Put a cycle's mutations in force, all or none, and keep the old file beside the new one.

        Raises:
            AmendmentError: the cycle is not to be promoted, somebody else promotes or reverts it at this moment, or
                the file cannot be written; nothing was changed.
            ConfigError: the file in force cannot be used, or would not be valid.
        """
        if not cycle.promote:
            raise AmendmentError(f"{cycle.cycle_id} is not to be promoted.", "Dream again when more was asked.")
        now = self._now()
        known = {amendment.id: amendment for amendment in self.all()}
        ids = {
            setting: hashlib.sha256(f"{self._account} {cycle.cycle_id} {setting}".encode()).hexdigest()[:8]
            for setting in cycle.mutations
        }
        amendments = [
            Amendment(
                ids[setting],
                cycle.cycle_id,
                setting,
                self._config.value(setting),
                value,
                cycle.test_results,
                now,
                self._account,
                None,
                known[ids[setting]].revision + 1 if ids[setting] in known else 1,
            )
            for setting, value in cycle.mutations.items()
        ]
        changes = [(amendment.setting, amendment.new_value) for amendment in amendments]
        self._config.amended(changes)
        # Recorded first: a change that is recorded and not made is seen and harmless, the reverse would be neither.
        # Promoting the same dream again, after that or after it was reverted, records it anew.
        with self._database.transaction():
            for amendment in amendments:
                self._record(amendment)
        try:
            seen = [amendment.old_value for amendment in amendments]
            self._config.write(changes, copy_suffix(cycle.cycle_id), seen)
        except AmendmentError:
            self._forget(amendments)
            raise
        return amendments

    def all(self) -> list[Amendment]:
        """Return every amendment of the account's configuration, the newest first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM constitutional_amendments WHERE amended_by = :account"  # noqa: S608
            " ORDER BY amended_at DESC, id",
            {"account": self._account},
        )
        return [_decoded(row) for row in rows]

    def is_in_force(self, amendment: Amendment) -> bool:
        """Return whether the setting has the value that the amendment gave it."""
        return amendment.reverted_at is None and self._config.value(amendment.setting) == amendment.new_value

    def revert(self, amendment_id: str) -> Amendment:
        """Put back what stood there before an amendment.

        Raises:
            AmendmentError: there is no such amendment, it was undone before, the value was changed since, or the
                file cannot be written.
            ConfigError: the file in force cannot be used, or would not be valid.
        """
        amendment = next((known for known in self.all() if known.id == amendment_id), None)
        if amendment is None:
            raise AmendmentError(
                f"There is no amendment {amendment_id!r}.", "`memory-router rules amendments list` shows them."
            )
        if amendment.reverted_at is not None:
            raise AmendmentError(
                f"{amendment.id} was reverted at {iso_time(amendment.reverted_at)}.", "Nothing is left to do."
            )
        if not self.is_in_force(amendment):
            present = json.dumps(self._config.value(amendment.setting))
            raise AmendmentError(
                f"`{amendment.setting}` was changed since: it is {present}, and {amendment.id} made "
                f"it {json.dumps(amendment.new_value)}.",
                f"Revert the later amendment first, or write {json.dumps(amendment.old_value)} yourself into "
                f"{shown(self._config.own)}.",
            )
        self._config.undo(
            [(amendment.setting, amendment.old_value)], [amendment.new_value], copy_suffix(amendment.cycle_id)
        )
        reverted = amendment._replace(reverted_at=self._now(), revision=amendment.revision + 1)
        # Where somebody promoted it anew at this moment, that stands; the file says what is in force.
        self._database.run(
            "UPDATE constitutional_amendments SET reverted_at = :at, revision = :revision"
            " WHERE id = :id AND revision = :revision - 1",
            {"at": reverted.reverted_at, "id": amendment.id, "revision": reverted.revision},
        )
        return reverted

    def _record(self, amendment: Amendment) -> None:
        """Write an amendment over the revision that it was made from (compare and set)."""
        is_recorded = self._database.run(
            f"INSERT INTO constitutional_amendments({_COLUMNS}) VALUES (:id, :cycle_id, :setting, :old_value,"  # noqa: S608
            " :new_value, :evidence, :amended_at, :amended_by, :reverted_at, :revision) ON CONFLICT (id) DO UPDATE SET"
            " old_value = excluded.old_value, amended_at = excluded.amended_at, reverted_at = NULL,"
            " revision = excluded.revision WHERE constitutional_amendments.revision = excluded.revision - 1",
            _encoded(amendment),
        )
        if not is_recorded:
            raise AmendmentError(
                f"Somebody else promotes or reverts {amendment.cycle_id} at this moment. Nothing was changed now.",
                "Look at it again: memory-router rules amendments list",
            )

    def _forget(self, amendments: Sequence[Amendment]) -> None:
        self._database.run_all(
            "DELETE FROM constitutional_amendments WHERE id = :id AND revision = :revision",
            ({"id": amendment.id, "revision": amendment.revision} for amendment in amendments),
        )


def copy_suffix(cycle_id: str) -> str:
    """Return what is appended to the name of the configuration for the copy from before a dream was promoted."""
    return f".before-{cycle_id}"


def _encoded(amendment: Amendment) -> dict[str, Any]:
    written = {name: encode_json(getattr(amendment, name)) for name in ("old_value", "new_value", "evidence")}
    return {**amendment._asdict(), **written}


def _decoded(row: Row) -> Amendment:
    read_back = {name: decode_json(row[name]) for name in ("old_value", "new_value", "evidence")}
    return Amendment(**{**row, **read_back})
