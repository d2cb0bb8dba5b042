"""Block questions that need approval; all others cost a look at a small file."""

from collections.abc import Sequence

from memory_router import paths
from memory_router.contract import JsonObject
from memory_router.errors import ApprovalRequiredError
from memory_router.learning.account import account
from memory_router.learning.overrides import OverrideRules
from memory_router.learning.rule_cache import InForce, RuleCache
from memory_router.routing.rules import MatchedOverride


class ApprovalGate:
    """Find what needs approval for a question, and whether somebody gave it (see `routing.approval.Gate`).

    Args:
        rules: the override rules, some of which guard questions.
        url: the database of approvals, opened only when a question needs one.
        minutes: for how long an approval can be given and used.
        is_attended: whether an approval may be requested; without that, every guarded question is refused.
    """

    def __init__(self, rules: OverrideRules, url: str, minutes: int, *, is_attended: bool = True) -> None:
        self._rules = rules
        self._url = url
        self._minutes = minutes
        self._is_attended = is_attended

    def guards(self, query: str) -> tuple[MatchedOverride, ...]:
        """Return every rule that takes `query` and needs somebody's approval.

        Raises:
            GateClosedError: nobody can tell.
        """
        return self._rules.guards(query)

    def check(
        self, query: str, backends: Sequence[str], rules: Sequence[MatchedOverride], approval: str | None
    ) -> JsonObject:
        """Use up an approval of `query`, and return who gave it and when, for the record.

        Raises:
            ApprovalError: no approval has this id.
        """
        if not self._is_attended:
            raise ApprovalRequiredError(
                "Somebody has to approve this question.", "Ask that part alone.", approval or ""
            )
        from memory_router.learning.approvals import ApprovalStore
        from memory_router.learning.schema import SCHEMA
        from memory_router.storage.database import open_database

        authors = {name for rule in rules for name in rule.evidence.get("accounts", ())}
        database = open_database(self._url, SCHEMA)
        try:
            return ApprovalStore(database, self._minutes).use(
                query,
                [*(f"rule {rule.id}" for rule in rules), *(f"backend {backend}" for backend in backends)],
                escalate=any(rule.escalate for rule in rules),
                approval=approval,
                account=account(),
                authors=sorted(authors),
            )
        finally:
            database.close()


def own_rule_cache() -> RuleCache:
    """Return the cache of the rules of this user or team."""
    return rule_cache(paths.routing_rules_file(), paths.learning_database())


def rule_cache(file: str, url: str) -> RuleCache:
    """Return the cache at `file` of the rules in the database at `url`."""

    def read() -> InForce:
        from memory_router.learning.rule_store import read_in_force

        return read_in_force(url)

    return RuleCache(file, url, read)
