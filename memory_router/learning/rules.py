"""Keep the routing rules beside the table, and compile those in force for the ask path."""

import os
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from memory_router.contract import JsonObject
from memory_router.errors import ConfigError, RuleError
from memory_router.learning.compiled import write_compiled
from memory_router.learning.rule import RuleRecord
from memory_router.routing.patterns import compile_pattern
from memory_router.storage.database import Database, Row, decode_json, decode_vector, encode_json
from memory_router.text.request_vectors import cosine, model

_COLUMNS = RuleRecord._fields
_VECTOR_COLUMNS = (*_COLUMNS, "request_embedding", "embedding_model")
_SELECT = f"SELECT {', '.join(_VECTOR_COLUMNS)} FROM routing_rules"  # noqa: S608 - the names of our own columns
_UPSERT = (
    f"INSERT INTO routing_rules({', '.join(_VECTOR_COLUMNS)}) VALUES ("  # noqa: S608
    f"{', '.join(f':{column}' for column in _VECTOR_COLUMNS)}) ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _VECTOR_COLUMNS if column != "id")
)
_JSON = ("alternative_systems", "governance_check", "evidence")
_FLAGS = ("auto_generated", "is_active", "requires_approval")
_ACTIVE = ("proposed", "approved")


class RuleStore:
    """Keep rules in the learning tables of a database; every change is compiled for the ask path at once.

    Args:
        database: the learning tables.
        compiled: the path of the compiled rules.
        now: the time in seconds since the epoch.
    """

    def __init__(self, database: Database, compiled: str, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._compiled = compiled
        self._now = now

    def all(self) -> list[RuleRecord]:
        """Return every rule: people's, oldest first, then learned ones, those with most executions first."""
        return [rule for rule, _ in self._read()]

    def get(self, rule_id: str) -> RuleRecord:
        """Return a rule by its id.

        Raises:
            RuleError: there is none.
        """
        for rule in self.all():
            if rule.id == rule_id:
                return rule
        raise RuleError(f"There is no rule {rule_id!r}.", "`memory-router rules list` shows them.")

    def with_vectors(self) -> "list[tuple[RuleRecord, array[float] | None]]":
        """Return every rule with the vector of its pattern; None for a regular expression."""
        return self._read()

    def similar(self, request: str) -> list[tuple[float, RuleRecord]]:
        """Return the rules matched by meaning with their similarity to a request, the most similar first."""
        vector = model().embed(request)
        found = [(cosine(vector, other), rule) for rule, other in self._read() if other]
        return sorted(found, key=lambda pair: -pair[0])

    def add(
        self,
        pattern: str,
        systems: Sequence[str],
        *,
        created_by: str | None = None,
        kind: str = "text",
        requires_approval: bool = False,
        governance_check: JsonObject | None = None,
    ) -> RuleRecord:
        """Write a person's rule.

        Args:
            pattern: the request, or the regular expression, that it takes questions by.
            systems: the steps to ask, in order.
            created_by: who writes it.
            kind: `text` or `regex`.
            requires_approval: whether somebody has to approve each question that it takes.
            governance_check: what the approval must say.

        Raises:
            RuleError: the pattern is empty or does not compile, another rule has it, or no step is named.
        """
        now = self._now()
        rule = RuleRecord(
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
            evidence={},
            created_by=created_by,
            created_at=now,
            updated_at=now,
        )
        self._check(rule)
        self.save([rule])
        return rule

    def edit(self, rule_id: str, **changes: Any) -> RuleRecord:
        """Change a rule's columns and return it as it is now.

        Raises:
            RuleError: there is no such rule, or it would not be one any more.
        """
        rule = self.get(rule_id)._replace(**changes, updated_at=self._now())
        self._check(rule)
        self.save([rule])
        return rule

    def set_state(self, rule_id: str, state: str, by: str | None = None) -> RuleRecord:
        """Approve, reject, suspend or disable a rule.

        Args:
            rule_id: the rule.
            state: what it is from now on.
            by: who says so, kept for an approval.
        """
        rule = self.get(rule_id)
        return self.edit(
            rule_id,
            state=state,
            is_active=state in _ACTIVE,
            created_by=by if by and rule.auto_generated else rule.created_by,
        )

    def remove(self, rule_id: str) -> RuleRecord:
        """Delete a rule and return it as it was.

        Raises:
            RuleError: there is none.
        """
        rule = self.get(rule_id)
        self._database.run("DELETE FROM routing_rules WHERE id = :id", {"id": rule_id})
        self.compile()
        return rule

    def save(self, rules: Sequence[RuleRecord]) -> None:
        """Store rules as they are, in one transaction, and compile them."""
        with self._database.transaction():
            self._database.run_all(_UPSERT, map(_encoded, rules))
        self.compile()

    def compile(self) -> None:
        """Write the rules in force where the ask path reads them."""
        active = [(rule, vector) for rule, vector in self._read() if rule.is_active]
        write_compiled(self._compiled, [rule for rule, _ in active], [vector for _, vector in active])

    def _read(self) -> "list[tuple[RuleRecord, array[float] | None]]":
        rows = self._database.rows(f"{_SELECT} ORDER BY auto_generated, based_on_executions DESC, created_at, id")
        requests = model()
        return [
            (
                _decoded(row),
                None
                if row["pattern_kind"] == "regex"
                else decode_vector(row["request_embedding"])
                if row["embedding_model"] == requests.name
                # Another model was installed meanwhile: its vectors say nothing beside this one's.
                else requests.embed(row["request_pattern"]),
            )
            for row in rows
        ]

    def _check(self, rule: RuleRecord) -> None:
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


def _encoded(rule: RuleRecord) -> dict[str, Any]:
    is_text = rule.pattern_kind == "text"
    return {
        **rule._asdict(),
        **{name: encode_json(getattr(rule, name)) for name in _JSON},
        "request_embedding": model().embed(rule.request_pattern) if is_text else None,
        "embedding_model": model().name if is_text else None,
    }


def _decoded(row: Row) -> RuleRecord:
    fields = {name: row[name] for name in _COLUMNS}
    fields.update({name: decode_json(row[name]) for name in _JSON})
    fields.update({name: bool(row[name]) for name in _FLAGS})
    return RuleRecord(**{**fields, "alternative_systems": tuple(fields["alternative_systems"])})
