"""Answer a question: detect, plan, attempt, judge, envelope, record (design, Ask)."""

import functools
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from memory_router import contract
from memory_router.contract import JsonObject
from memory_router.errors import (
    ApprovalError,
    BackendTimeoutError,
    EmptyQueryError,
    MemoryRouterError,
    NoBackendsError,
    QueryError,
    QueryTooLongError,
    UnknownBackendError,
    UnknownRuleError,
)
from memory_router.routing.approval import Gate, needing_approval, without_guarded_fallbacks
from memory_router.routing.breaker import CircuitBreaker
from memory_router.routing.config import Config, Rule, Step
from memory_router.routing.course import Ask, course
from memory_router.routing.dispatch import Dispatcher
from memory_router.routing.envelope import Attempt, Envelope, failed, judge
from memory_router.routing.journal import Journal
from memory_router.routing.plan import Plan, make_plan
from memory_router.routing.process import SupersededError
from memory_router.routing.recording import Outcome, Recorder
from memory_router.routing.registry import USABLE, Manifest, Registry
from memory_router.routing.response import decode_response
from memory_router.routing.rules import CallersChoice, Match, RuleSource
from memory_router.routing.trace import describe

# Longer than any question, shorter than what an argument of a process may hold (128 KiB on Linux).
MAX_QUERY_CHARACTERS = 32_768
# What callers say who have a project of their own and want to hear of all.
EVERY_PROJECT = "*"


class Choice(NamedTuple):
    """Hold what the caller wants instead of the rules' own decision; all None to let the rules decide.

    Args:
        rule: the id or number of the rule to follow.
        backend: `name` or `name:mode`: the one step to ask.
    """

    rule: str | None = None
    backend: str | None = None


RULES_DECIDE = Choice()


class Router:
    """Route questions to the installed backends and answer them.

    Args:
        config: the rule table, thresholds and deadlines.
        sources: where routes come from; the first that has one wins, and the last has one for every question.
        read_registry: gives the backends; called for each question, so that a long-lived router sees what was
            installed meanwhile.
        dispatcher: carries requests to backends.
        breaker: remembers which steps keep timing out.
        journal: takes what went wrong on the way to an answer.
        gate: knows what was approved.
        recorder: keeps what was asked and how it ended.
        warn: takes a sentence for the user about something that did not stop the answer.
    """

    def __init__(
        self,
        config: Config,
        sources: Sequence[RuleSource],
        read_registry: Callable[[], Registry],
        dispatcher: Dispatcher,
        breaker: CircuitBreaker,
        journal: Journal,
        gate: Gate,
        recorder: Recorder,
        warn: Callable[[str], None],
    ) -> None:
        self._config = config
        self._sources = tuple(sources)
        self._read_registry = read_registry
        self._dispatcher = dispatcher
        self._breaker = breaker
        self._journal = journal
        self._gate = gate
        self._recorder = recorder
        self._warn = warn

    def route(self, query: str, choice: Choice = RULES_DECIDE) -> Plan:
        """Decide where `query` would go, and ask nobody.

        Raises:
            QueryError: the question is empty or too long, or the choice names what is not there.
        """
        registry = self._read_registry()
        if registry.state_error:
            self._warn(str(registry.state_error))
        return self._plan(checked(query), choice, registry)

    def query(
        self,
        query: str,
        *,
        choice: Choice = RULES_DECIDE,
        limit: int = 10,
        trace: bool = False,
        since: str | None = None,
        until: str | None = None,
        project: str | None = None,
        approval: str | None = None,
    ) -> Envelope:
        """Answer `query`; every failure is an envelope of status `error`, never an exception.

        Args:
            query: the question.
            choice: what the caller wants instead of the rules' own decision.
            limit: how many results at the most.
            trace: whether the envelope tells how the answer came about.
            since: nothing older is wanted: a date, an ISO 8601 time, or words such as `last week`.
            until: nothing newer is wanted.
            project: the one project that may answer, by its name; None or EVERY_PROJECT for all.
            approval: the id of the approval for this very question, where it needs one; one that was given is
                also found without it.
        """
        started = time.perf_counter()
        registry = self._read_registry()
        plan = Plan(without_surrogates(query))
        project = None if project == EVERY_PROJECT else project or None
        attempts: list[Attempt] = []
        governance_check: JsonObject | None = None
        try:
            if registry.state_error:
                raise registry.state_error
            plan = self._plan(checked(query), choice, registry)
            if not plan.steps:
                raise _nobody_to_ask(plan)
            asked = _request(plan.query, limit, since, until, project)
            governance_check = self._approved(plan, registry, approval)
            attempts.extend(self._attempts(plan, registry, asked))
            envelope = judge(plan, attempts, self._config.fallback_threshold, self._journal.file)
        except QueryError as error:
            return self._complete(failed(plan, error.code, str(error)), started)
        except ApprovalError as error:
            envelope = failed(plan, error.code, str(error))._replace(approval_id=error.approval)
            governance_check = {"requires_approval": True, "approval_id": error.approval, "error_code": error.code}
        except MemoryRouterError as error:
            envelope = failed(plan, error.code, str(error))
        envelope = self._complete(envelope, started)
        self._keep(Outcome(plan, registry, tuple(attempts), envelope, project, governance_check))
        return envelope._replace(trace=describe(plan, attempts, self._config)) if trace else envelope

    def query_multi(self, request: str, **asked: Any) -> Envelope:
        """Answer the parts of a compound request in order, in one envelope (see `combined`).

        Args:
            request: such as "process payroll and send a voice summary".
            asked: what `query` takes beside the question; it holds for every part. An approval is of one part only
                and is found by itself.
        """
        from memory_router.routing import combined, compound

        started = time.perf_counter()
        request = without_surrogates(request)
        try:
            parts = compound.split(checked(request))
        except QueryError as error:
            return self._complete(failed(Plan(request), error.code, str(error)), started)
        ask = functools.partial(self.query, **{**asked, "approval": None})
        envelopes = list(combined.answers(parts, ask))
        return self._complete(combined.combine(request, parts, envelopes), started)

    def get(self, identifier: str, layer: str = "detail") -> JsonObject:
        """Fetch a result by the id that an answer gave it, with as much around it as `layer` says.

        Args:
            identifier: `backend:id`.
            layer: `search` (a snippet), `timeline` (with what surrounds it) or `detail` (everything).

        Returns:
            The backend's checked response.

        Raises:
            UnknownBackendError: the id names no backend that can be asked and fetches by id.
            BackendError: the backend failed.
        """
        registry = self._read_registry()
        if registry.state_error:
            raise registry.state_error
        backend, _, own_id = identifier.partition(":")
        step = _chosen_step(backend, registry)
        manifest = registry.manifests[backend]
        if "get" not in manifest.verbs:
            raise UnknownBackendError(f"{backend} cannot fetch by id.", "Ask the question again with a higher --limit.")
        deadline_ms = self._config.deadlines.of(step, manifest.deadline_ms)
        request = contract.Request("get", deadline_ms=deadline_ms, id=own_id, layer=layer)
        return _labelled(decode_response(self._dispatcher.ask(manifest, request)), manifest)

    def close(self) -> None:
        """End the backends that were kept running, and let the recorder finish."""
        self._dispatcher.close()
        self._recorder.close()

    def __enter__(self) -> "Router":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _plan(self, query: str, choice: Choice, registry: Registry) -> Plan:
        match = self._match(query, choice, registry)
        for sentence in (*match.warnings, *registry.problems):
            self._warn(sentence)
        plan = make_plan(query, match, registry, self._breaker.seconds_open)
        return without_guarded_fallbacks(plan, registry)

    def _approved(self, plan: Plan, registry: Registry, approval: str | None) -> JsonObject | None:
        """Return who approved the question, or None where nobody has to."""
        needed = needing_approval(plan, registry)
        if not needed:
            return None
        rule = plan.match.routing_rule if plan.match else None
        return self._gate.check(plan.query, needed, escalate=bool(rule and rule.escalate), approval=approval)

    @staticmethod
    def _complete(envelope: Envelope, started: float) -> Envelope:
        return envelope._replace(router_duration_ms=_milliseconds_since(started), execution_id=os.urandom(8).hex())

    def _keep(self, outcome: Outcome) -> None:
        """Record an execution; a disk that refuses costs a warning, not the answer."""
        try:
            self._recorder.record(outcome)
        except OSError as error:
            self._warn(f"this question was not recorded, so nothing is learned from it: {error}.")

    def _match(self, query: str, choice: Choice, registry: Registry) -> Match:
        sources = (_callers_choice(choice, self._config.rules, registry), *self._sources)
        return next(match for source in sources if source and (match := source.match(query)))

    def _attempts(self, plan: Plan, registry: Registry, asked: contract.Request) -> list[Attempt]:
        """Ask the plan's steps until an answer is accepted or the total budget is spent."""
        total_ms = self._config.deadlines.total_ms
        started = time.perf_counter()

        def is_accepted(attempt: Attempt) -> bool:
            return attempt.is_accepted(self._config.fallback_threshold)

        def prepare(step: Step) -> Ask | None:
            manifest = registry.manifests[step.backend]
            deadline_ms = self._config.deadlines.of(step, manifest.deadline_ms)
            if total_ms is not None:
                deadline_ms = min(deadline_ms, total_ms - _milliseconds_since(started))
            if deadline_ms <= 0:
                return None
            request = asked._replace(mode=step.mode, deadline_ms=deadline_ms)
            return lambda stop: self._attempt(step, registry, request, stop)

        attempts: dict[int, Attempt] = {}
        for position, attempt in course(plan.steps, prepare, is_accepted, self._config.fallback_delay_ms):
            attempts[position] = attempt
            if warning := ((attempt.response or {}).get("metadata") or {}).get("warning"):
                self._warn(f"{attempt.step}: {warning}")
            self._record(plan.query, attempt, next(iter(plan.steps[position + 1 :]), None))
        return [attempts[position] for position in sorted(attempts)]

    def _attempt(self, step: Step, registry: Registry, request: contract.Request, stop: int | None) -> Attempt:
        started = time.perf_counter()
        response, problem = None, None
        try:
            manifest = registry.manifests[step.backend]
            response = _labelled(decode_response(self._dispatcher.ask(manifest, request, stop)), manifest)
        except SupersededError:
            pass
        except MemoryRouterError as error:
            problem = error
        return Attempt(step, response, problem, _milliseconds_since(started), request.deadline_ms)

    def _record(self, query: str, attempt: Attempt, following: Step | None) -> None:
        """Write the journal and the breaker's state; a disk that refuses costs a warning, not the answer."""
        if attempt.status == "superseded":
            return
        timed_out = isinstance(attempt.error, BackendTimeoutError)
        backend, following_backend = attempt.step.backend, following.backend if following else None
        try:
            self._breaker.record(attempt.step, timed_out=timed_out)
            if timed_out:
                self._journal.timeout(query, backend, attempt.duration_ms, following_backend)
            elif attempt.status == "error":
                self._journal.fallback(query, backend, str(attempt.code), str(attempt.message), following_backend)
        except OSError as error:
            self._warn(f"what {backend} failed with was not logged: {error}. The answer is complete.")


def _request(query: str, limit: int, since: str | None, until: str | None, project: str | None) -> contract.Request:
    """Return what every backend is asked.

    Raises:
        InvalidTimeError: `since` or `until` is no time.
    """
    if since is not None or until is not None:
        from memory_router.routing.time_range import iso_time_range  # few questions have one

        since, until = iso_time_range(since, until)
    return contract.Request("query", query, limit=limit, scope=project, since=since, until=until)


def checked(query: str) -> str:
    """Return `query` as text that every backend can take.

    Raises:
        EmptyQueryError: nothing visible is in it.
        QueryTooLongError: it has more than MAX_QUERY_CHARACTERS characters.
    """
    query = without_surrogates(query)
    if not any(char.isprintable() and not char.isspace() for char in query):
        raise EmptyQueryError(
            "The question is empty.", 'Ask something: memory-router query "why did we choose Postgres"'
        )
    if len(query) > MAX_QUERY_CHARACTERS:
        raise QueryTooLongError(
            f"The question has {len(query):,} characters; the limit is {MAX_QUERY_CHARACTERS:,}.",
            "Ask for what you want to know in a sentence or two.",
        )
    return query


def without_surrogates(text: str) -> str:
    """Replace the bytes that were no UTF-8 when Python read them from the command line (PEP 383)."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not text.isascii() else text


def _callers_choice(choice: Choice, rules: Sequence[Rule], registry: Registry) -> RuleSource | None:
    if choice.backend:
        return CallersChoice((_chosen_step(choice.backend, registry),))
    if not choice.rule:
        return None
    for rule in rules:
        if choice.rule in (rule.id, str(rule.number)):
            return CallersChoice(rule.steps(None), rule)
    known = ", ".join(f"{rule.number} ({rule.id})" for rule in rules)
    raise UnknownRuleError(f"There is no rule {choice.rule!r}.", f"Choose one of: {known}.")


def _chosen_step(text: str, registry: Registry) -> Step:
    step = Step.parse(text)
    manifest = registry.manifests.get(step.backend)
    if manifest is None:
        known = ", ".join(sorted(registry.manifests))
        raise UnknownBackendError(f"There is no backend {step.backend!r}.", f"Choose one of: {known}.")
    if step.mode and step.mode not in manifest.modes:
        modes = ", ".join(manifest.modes) or "none"
        raise UnknownBackendError(f"{step.backend} has no mode {step.mode!r}.", f"Its modes are: {modes}.")
    installed = registry.state.backends.get(step.backend)
    if registry.state_error is None and (installed is None or installed.status not in USABLE):
        why = f"{installed.status}: {installed.message}" if installed else "not installed"
        raise UnknownBackendError(f"{step.backend} cannot be asked ({why}).", "Run: memory-router init --tier pro")
    return step._replace(mode=step.mode or (manifest.modes[0] if manifest.modes else None))


def _labelled(response: JsonObject, manifest: Manifest) -> JsonObject:
    """Say of each result what it is, and put the backend's name before its id, so that `get` knows whom to ask."""
    for result in response["results"]:
        # The manifest decides: a result must not claim to be something better.
        result["metadata"] = {**(result.get("metadata") or {}), "provenance": manifest.provenance}
        if result.get("id"):
            result["id"] = f"{manifest.name}:{result['id']}"
    return response


def _nobody_to_ask(plan: Plan) -> NoBackendsError:
    skipped = "; ".join(f"{skip.step}: {skip.reason}" for skip in plan.skipped)
    return NoBackendsError(
        f"None of the backends for this question can be asked ({skipped}).",
        "`memory-router doctor` says what to do for each; `memory-router init` registers them anew.",
    )


def _milliseconds_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
