"""Store the override rules, and give those in force to the cache of the ask path."""

import os
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from memory_router.contract import JsonObject
from memory_router.errors import ConfigError, RuleError
from memory_router.learning.priors import priors_in_force
from memory_router.learning.rule import OverrideRule
from memory_router.learning.rule_cache import InForce, RuleCache, StoredRule, prefixes
from memory_router.learning.schema import SCHEMA
from memory_router.routing.patterns import compile_pattern
from memory_router.storage.database import Database, Row, decode_json, decode_vector, encode_json, open_database
from memory_router.text.request_vectors import cosine, model, telling_words

_COLUMNS = OverrideRule._fields
_VECTOR_COLUMNS = (*_COLUMNS, "request_embedding", "embedding_model")
_SELECT = f"SELECT {', '.join(_VECTOR_COLUMNS)} FROM routing_rules"  # noqa: S608 - the names of our own columns
_INSERT = (
    f"INSERT INTO routing_rules({', '.join(_VECTOR_COLUMNS)}) VALUES ("  # noqa: S608
    f"{', '.join(f':{column}' for column in _VECTOR_COLUMNS)}) ON CONFLICT (id) DO NOTHING"
)
_CHANGED = ", ".join(f"{column} = :{column}" for column in _VECTOR_COLUMNS if column not in ("id", "revision"))
_UPDATE = f"UPDATE routing_rules SET revision = revision + 1, {_CHANGED} WHERE id = :id AND revision = :seen"  # noqa: S608
_JSON = ("alternative_systems", "governance_check", "evidence")
_FLAGS = ("auto_generated", "is_active", "requires_approval")
_ACTIVE = ("proposed", "approved")


class RuleStore:
    """Keep rules in the learning tables of a database; every change reaches the ask path before it is acknowledged.

    Each rule has a revision. A change names the revision that it was made from, and is refused if the rule has another
    one by now: two people, or a person and `learn`, cannot undo each other's decision without knowing.

    Args:
        database: the learning tables.
        cache: the rules in force, for the ask path.
        now: the time in seconds since the epoch.
    """

    def __init__(self, database: Database, cache: RuleCache, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._cache = cache
        self._now = now

    def all(self) -> list[OverrideRule]:
        """Return every rule: people's, oldest first, then learned ones, those with most executions first."""
        return [rule for rule, _ in self._read()]

    def get(self, rule_id: str) -> OverrideRule:
        """Return a rule by its id.

        Raises:
            RuleError: no rule has this id.
        """
        for rule in self.all():
            if rule.id == rule_id:
                return rule
        raise RuleError(f"There is no rule {rule_id!r}.", "`memory-router rules list` shows them.")

    def with_vectors(self) -> "list[tuple[OverrideRule, array[float] | None]]":
        """Return every rule with the vector of its pattern; None for a regular expression."""
        return self._read()

    def similar(self, request: str) -> list[tuple[float, OverrideRule]]:
        """Return the rules matched by meaning with their similarity to a request, the most similar first."""
        vector = model().embed(request)
        pairs = [(cosine(vector, other), rule) for rule, other in self._read() if other]
        return sorted(pairs, key=lambda pair: -pair[0])

    def add(
        self,
        pattern: str,
        systems: Sequence[str],
        *,
        created_by: str | None = None,
        account: str | None = None,
        kind: str = "text",
        requires_approval: bool = False,
        governance_check: JsonObject | None = None,
    ) -> OverrideRule:
        """Write a person's rule.

        Args:
            pattern: the request, or the regular expression, that it takes questions by.
            systems: the steps to ask, in order.
            created_by: who writes it, as they call themselves.
            account: their account.
            kind: `text` or `regex`.
            requires_approval: whether somebody has to approve each question that it takes.
            governance_check: what the approval must say.

        Raises:
            RuleError: the pattern is empty or does not compile, another rule has it, or no step is named.
        """
        now = self._now()
        rule = OverrideRule(
            id=os.urandom(4).hex(),
            request_pattern=pattern,
            pattern_kind=kind,
            recommended_system_id=systems[0] if systems else "",
            alternative_systems=tuple(systems[1:]),
            based_on_executions=0,
            success_rate=None,
            avg_cost_usd=None,
            avg_duration_ms=None,
            confidence_score=1.0,
            auto_generated=False,
            is_active=True,
            state="approved",
            requires_approval=requires_approval,
            governance_check=governance_check,
            evidence={"accounts": [account]} if account else {},
            created_by=created_by,
            created_at=now,
            updated_at=now,
        )
        self._check(rule)
        self.insert([rule])
        return rule

    def edit(self, rule_id: str, account: str | None = None, **changes: Any) -> OverrideRule:
        """Change a rule's columns and return it as it is now; what a person changed, `learn` leaves as it is.

        Args:
            rule_id: the rule.
            account: the account of the person who changes it.
            changes: the columns.

        Raises:
            RuleError: there is no such rule, it would not be one any more, or it was changed meanwhile.
        """
        seen = self.get(rule_id)
        accounts = list(dict.fromkeys((*seen.evidence.get("accounts", ()), *([account] if account else ()))))
        evidence = {
            **seen.evidence,
            "edited": sorted({*seen.evidence.get("edited", ()), *changes}),
            "accounts": accounts,
        }
        changed = seen._replace(**changes, evidence=evidence, updated_at=self._now())
        self._check(changed)
        return self._update(changed)

    def set_state(self, rule_id: str, state: str, by: str | None = None, seen: int | None = None) -> OverrideRule:
        """Approve, reject, suspend or disable a rule; one that was suspended is judged by what it does from now on.

        Args:
            rule_id: the rule.
            state: what it is from now on.
            by: who says so, kept for an approval.
            seen: the revision that was decided about; the present one if left out.

        Raises:
            RuleError: there is no such rule, or it was changed meanwhile.
        """
        rule = self.get(rule_id)
        since = {"counted_since": self._now()} if rule.state == "suspended" else {}
        return self._update(
            rule._replace(
                state=state,
                evidence={**rule.evidence, **since},
                is_active=state in _ACTIVE,
                created_by=by if by and rule.auto_generated else rule.created_by,
                updated_at=self._now(),
                revision=rule.revision if seen is None else seen,
            )
        )

    def remove(self, rule_id: str) -> OverrideRule:
        """Delete a rule and return it as it was.

        Raises:
            RuleError: no rule has this id.
        """
        rule = self.get(rule_id)
        with self.changing():
            self._database.run("DELETE FROM routing_rules WHERE id = :id", {"id": rule_id})
        return rule

    def insert(self, rules: Sequence[OverrideRule]) -> None:
        """Store new rules; one whose id is known already is left as it is."""
        with self.changing():
            self._database.run_all(_INSERT, map(_encoded, rules))

    def bring_up_to_date(self, rules: Sequence[OverrideRule]) -> list[str]:
        """Store what was learned about known rules, and return the ids of those that nobody had changed meanwhile."""
        with self.changing():
            return [rule.id for rule in rules if self._swap(rule)]

    def refresh_cache(self, *, only_if_stale: bool = False) -> None:
        """Write the rules in force where the ask path reads them.

        Args:
            only_if_stale: leave a cache as it is that can be trusted.
        """
        if not (only_if_stale and self._cache.is_trusted()):
            with self.changing():
                pass

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Run a transaction, then write the cache from what is committed."""
        with self._cache.changing() as write:
            with self._database.transaction():
                yield
            write(in_force(self._database))

    def _update(self, rule: OverrideRule) -> OverrideRule:
        with self.changing():
            if not self._swap(rule):
                raise RuleError(
                    f"Rule {rule.id} was changed by somebody else meanwhile. Nothing was changed now.",
                    f"Look at it again: memory-router rules show {rule.id}",
                )
        return rule._replace(revision=rule.revision + 1)

    def _swap(self, rule: OverrideRule) -> bool:
        """Write a rule if it still has the revision that it was read with (compare and set)."""
        return bool(self._database.run(_UPDATE, {**_encoded(rule), "seen": rule.revision}))

    def _read(self) -> "list[tuple[OverrideRule, array[float] | None]]":
        embedder = model()
        return [
            (rule, vector if made_by in (None, embedder.name) else embedder.embed(rule.request_pattern))
            for rule, vector, made_by in _rows(self._database)
        ]

    def _check(self, rule: OverrideRule) -> None:
        if not rule.request_pattern.strip():
            raise RuleError("The pattern is empty.", "Give the request that the rule is for.")
        if not rule.recommended_system_id:
            raise RuleError("The rule asks nobody.", "Name a backend with --to BACKEND or --to BACKEND:MODE.")
        if rule.pattern_kind == "regex":
            try:
                compile_pattern(rule.request_pattern, "the rule")
            except ConfigError as error:
                raise RuleError(error.cause, error.fix) from error
        elif not any(model().embed(rule.request_pattern)):
            raise RuleError(
                f"{rule.request_pattern!r} holds no word that says what it is about.",
                "Give more of the request, or a --regex.",
            )
        for other in self.all():
            is_same = (other.request_pattern, other.pattern_kind) == (rule.request_pattern, rule.pattern_kind)
            if is_same and other.id != rule.id and other.auto_generated is rule.auto_generated is False:
                raise RuleError(
                    f"Rule {other.id} has the same pattern and asks {other.recommended_system_id}.",
                    f"Change that one: memory-router rules edit {other.id} --to {rule.recommended_system_id}",
                )


def read_in_force(url: str) -> InForce:
    """Return the rules that may route and the learned priors from the database at `url`, and change nothing there.

    Raises:
        MemoryRouterError: it cannot be reached, read, or was written by a newer version of the program.
    """
    if url.startswith("sqlite:"):
        from memory_router.storage.sqlite_database import SqliteDatabase

        database: Database | None = SqliteDatabase.read_only(url.removeprefix("sqlite:"), SCHEMA)
    else:
        database = open_database(url, SCHEMA)
    if database is None:
        return InForce()
    try:
        return in_force(database)
    finally:
        database.close()


def in_force(database: Database) -> InForce:
    """Return what the ask path takes from a database: the rules that may route, and the learned priors.

    Each rule comes with its pattern as a vector of the model installed here.

    A rule that guards questions keeps the vector by which it was written: by another model it would guard others.
    """
    stored = []
    for rule, vector, made_by in _rows(database):
        if not rule.is_active:
            continue
        if rule.pattern_kind == "regex":
            stored.append(StoredRule(rule))
            continue
        embedder = model()
        if made_by != embedder.name and not rule.requires_approval:
            vector, made_by = embedder.embed(rule.request_pattern), embedder.name  # noqa: PLW2901
        stored.append(StoredRule(rule, vector, made_by, prefixes(telling_words(rule.request_pattern))))
    return InForce(tuple(stored), priors_in_force(database))


def _rows(database: Database) -> "Iterator[tuple[OverrideRule, array[float] | None, str | None]]":
    for row in database.rows(f"{_SELECT} ORDER BY auto_generated, based_on_executions DESC, created_at, id"):
        yield _decoded(row), decode_vector(row["request_embedding"]), row["embedding_model"]


def _encoded(rule: OverrideRule) -> dict[str, Any]:
    is_text = rule.pattern_kind == "text"
    return {
        **rule._asdict(),
        **{name: encode_json(getattr(rule, name)) for name in _JSON},
        "request_embedding": model().embed(rule.request_pattern) if is_text else None,
        "embedding_model": model().name if is_text else None,
    }


def _decoded(row: Row) -> OverrideRule:
    fields = {name: row[name] for name in _COLUMNS}
    fields.update({name: decode_json(row[name]) for name in _JSON})
    fields.update({name: bool(row[name]) for name in _FLAGS})
    return OverrideRule(**{**fields, "alternative_systems": tuple(fields["alternative_systems"])})
