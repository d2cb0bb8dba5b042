"""Whatever people decide while `learn` runs beside them, it stands, and an approval lets one question run."""

import tempfile
import threading
from contextlib import suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from memory_router.errors import ApprovalError, RuleError
from memory_router.learning.approvals import ApprovalStore
from memory_router.learning.executions import ExecutionStore
from memory_router.learning.gate import rule_cache
from memory_router.learning.learner import learn
from memory_router.learning.rule_store import RuleStore
from memory_router.learning.schema import SCHEMA
from memory_router.routing.config_file import load
from memory_router.storage.database import open_database
from tests.learning.conftest import NOW, attempt, execution

QUESTIONS = ("process payroll PDFs", "read the tide tables", "who runs the crane")
ACCOUNTS = ("ann", "katie")


class Deciding(RuleBasedStateMachine):
    """Compare rules and approvals with what people decided, each step beside a `learn` in another thread."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"sqlite:{self.folder.name}/memory.db"
        self.database = open_database(self.url, SCHEMA)
        self.table = RuleStore(self.database, rule_cache(f"{self.folder.name}/rules.json", self.url))
        self.clock = NOW
        self.approvals = ApprovalStore(self.database, 60, lambda: self.clock)
        self.count = 0
        self.decided: dict[str, tuple[str, str, bool]] = {}  # id: state, first step, whether it guards
        self.granted: dict[str, int] = {}  # id of an approval: uses that it still allows

    def beside(self, act: Any) -> None:
        """Let a person act while another connection learns."""

        def learning() -> None:
            other = open_database(self.url, SCHEMA)
            try:
                learn(ExecutionStore(other), RuleStore(other, rule_cache(f"{self.folder.name}/rules.json", self.url)),
                      load(), lambda: self.clock)  # fmt: skip
            finally:
                other.close()

        thread = threading.Thread(target=learning)
        thread.start()
        try:
            act()
        finally:
            thread.join()

    @rule(question=st.sampled_from(QUESTIONS), good=st.booleans(), times=st.integers(5, 40))
    def ask(self, question: str, good: bool, times: int) -> None:
        """Questions are asked and answered well or not."""
        tried = (attempt("qmd:search", accepted=not good), attempt("totalrecall", accepted=good))
        rows = [
            execution(self.count + number, question, *tried, asked_by="mallory", user_satisfaction=5 if good else 1)
            for number in range(times)
        ]
        self.count += times
        self.beside(lambda: ExecutionStore(self.database).add(rows))

    @rule(pattern=st.sampled_from(QUESTIONS), step=st.sampled_from(["qmd", "totalrecall"]), guards=st.booleans())
    def write(self, pattern: str, step: str, guards: bool) -> None:
        """A person writes a rule, unless there is one with this pattern."""

        def act() -> None:
            with suppress(RuleError):
                written = self.table.add(pattern, [step], account="katie", requires_approval=guards)
                self.decided[written.id] = ("approved", step, guards)

        self.beside(act)

    @rule(number=st.integers(0, 9), state=st.sampled_from(["approved", "rejected", "disabled"]))
    def decide(self, number: int, state: str) -> None:
        """A person decides about some rule; one that is refused because the rule changed meanwhile is no decision."""

        def act() -> None:
            known = sorted(self.table.all(), key=lambda one: one.id)
            if known:
                chosen = known[number % len(known)]
                with suppress(RuleError):
                    now = self.table.set_state(chosen.id, state, "katie")
                    self.decided[now.id] = (state, now.recommended_system_id, now.requires_approval)

        self.beside(act)

    @rule(number=st.integers(0, 9), step=st.sampled_from(["qmd", "lossless"]))
    def edit(self, number: int, step: str) -> None:
        """A person lets one of their rules ask another backend."""

        def act() -> None:
            if self.decided:
                chosen = sorted(self.decided)[number % len(self.decided)]
                with suppress(RuleError):
                    now = self.table.edit(chosen, "katie", recommended_system_id=step, alternative_systems=())
                    self.decided[chosen] = (now.state, step, now.requires_approval)

        self.beside(act)

    @rule(question=st.sampled_from(QUESTIONS), asker=st.sampled_from(ACCOUNTS), escalate=st.booleans())
    def use(self, question: str, asker: str, escalate: bool) -> None:
        """A question runs exactly where an approval of it was given and not used."""

        def act() -> None:
            try:
                check = self.approvals.use(question, ["rule r"], account=asker, escalate=escalate)
            except ApprovalError:
                return
            identifier = check["approval_id"]
            assert self.granted.get(identifier, 0) == 1
            self.granted[identifier] = 0

        self.beside(act)

    @rule(number=st.integers(0, 9), approved=st.booleans(), account=st.sampled_from(ACCOUNTS))
    def answer(self, number: int, approved: bool, account: str) -> None:
        """A person approves or denies what waits; nobody who asked gives an approval that needs another account."""

        def act() -> None:
            waiting = self.approvals.newest(pending=True)
            if not waiting:
                return
            chosen = waiting[number % len(waiting)]
            with suppress(ApprovalError):
                self.approvals.decide(chosen.id, account, approved=approved, account=account)
                assert not (approved and chosen.escalation_required and account == chosen.requested_by)
                self.granted[chosen.id] = int(approved)

        self.beside(act)

    @rule(minutes=st.integers(1, 100))
    def wait(self, minutes: int) -> None:
        """Time goes on; what was approved expires, which allows less and never more."""
        self.clock += 60 * minutes

    @invariant()
    def decisions_stand(self) -> None:
        """Every rule is as a person last decided, whatever was learned beside it."""
        known = {one.id: (one.state, one.recommended_system_id, one.requires_approval) for one in self.table.all()}
        assert {identifier: known.get(identifier) for identifier in self.decided} == self.decided

    @invariant()
    def the_cache_tells_of_every_guard(self) -> None:
        """The ask path knows every rule in force that guards."""
        cached = rule_cache(f"{self.folder.name}/rules.json", self.url).in_force().rules
        guards = {one.id for one in self.table.all() if one.requires_approval and one.is_active}
        assert guards <= {stored.rule.id for stored in cached}

    def teardown(self) -> None:
        """Remove the files."""
        self.database.close()
        self.folder.cleanup()


TestDeciding = Deciding.TestCase
TestDeciding.settings = settings(max_examples=12, stateful_step_count=15, derandomize=True)
