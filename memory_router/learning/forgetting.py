"""Remove traces of forgotten texts from what was learned; rows of executions stay, with their figures."""

from memory_router.learning.rule_store import RuleStore
from memory_router.storage.blanking import FreeText, blank, holding
from memory_router.storage.database import Database
from memory_router.text.traces import Traces

_QUESTIONS = FreeText("executions", "id", ("user_request",), (), ("request_embedding", "embedding_model"))
_ASKED = (_QUESTIONS, FreeText("approvals", "id", ("user_request",)))
_EVIDENCE = (
    FreeText("routing_rules", "id", json=("evidence",)),
    FreeText("dream_cycles", "cycle_id", json=("test_results",)),
    FreeText("constitutional_amendments", "id", json=("evidence",)),
)
_PATTERNS = FreeText("routing_rules", "id", ("request_pattern",))


def questions_with(database: Database, traces: Traces) -> list[str]:
    """Return the ids of the executions whose question repeats forgotten texts."""
    return holding(database, _QUESTIONS, traces.blanked)


def blank_questions(database: Database, rules: RuleStore, traces: Traces) -> tuple[int, list[str]]:
    """Blank the questions and evidence that repeat forgotten texts, and remove the rules that were learned from them.

    Args:
        database: the tables of learning.
        rules: the rules in it.
        traces: by what forgotten texts are recognised.

    Returns:
        How many executions and approvals were blanked, and the ids of a person's own rules that tell of the texts.

    Raises:
        StoreError: the database cannot be written; running it again goes on from there.
    """
    told = set(holding(database, _PATTERNS, traces.blanked))
    learned = {rule.id for rule in rules.all() if rule.auto_generated}
    for rule in sorted(told & learned):
        rules.remove(rule)
    with database.transaction():
        blanked = sum(len(blank(database, free, traces.blanked)) for free in _ASKED)
        for free in _EVIDENCE:
            blank(database, free, traces.blanked)
    rules.refresh_cache()
    return blanked, sorted(told - learned)
