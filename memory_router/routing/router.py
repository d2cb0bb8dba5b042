"""Answer a question: detect, plan, attempt, judge, envelope, record (design, Ask)."""

import functools
import os
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, Self

from memory_router import contract
from memory_router.contract import JsonObject
from memory_router.errors import (
    ApprovalError,
    EmptyQueryError,
    GateClosedError,
    MemoryRouterError,
    NoBackendsError,
    QueryError,
    QueryTooLongError,
    UnknownBackendError,
    UnknownRuleError,
)
from memory_router.routing.approval import Gate, guarded_backends, without_guarded_fallbacks
from memory_router.routing.attempts import Attempt, Attempts
from memory_router.routing.config import Config, Step, TableRule
from memory_router.routing.envelope import Envelope, failed, judge, with_guesses, with_merged
from memory_router.routing.merging import MergedResult, merge
from memory_router.routing.plan import Plan, Skip, make_plan, widened
from memory_router.routing.recording import Recorder, RoutedQuestion, describe
from memory_router.routing.registry import USABLE, Registry
from memory_router.routing.rules import CallersChoice, MatchedOverride, RuleMatch, RuleSource

# Longer than any question, shorter than what an argument of a process may hold (128 KiB on Linux).
MAX_QUERY_CHARACTERS = 32_768
# How many results an answer has where the caller names no number: of a guess, few are worth reading.
_MOST_RESULTS, _MOST_GUESSES = 10, 3
# What callers say who have a project of their own and want to hear of all.
EVERY_PROJECT = "*"


class Choice(NamedTuple):
    """What the caller wants instead of the rules' own decision; all None to let the rules decide.

    Args:
        rule: the id or number of the rule to follow.
        backend: `name` or `name:mode`: the one step to ask.
        strategy: `in_turn` or `all`; None for the configuration's.
    """

    rule: str | None = None
    backend: str | None = None
    strategy: str | None = None


RULES_DECIDE = Choice()
# What agents ask by: it finds more than asking in turn (`benchmarks/strategies.py`).
ASK_ALL = Choice(strategy="all")


class QuestionRouter:
    """Route questions to the installed backends and answer them; several threads may ask at once.

    Args:
        config: the rule table and thresholds.
        sources: where routes come from; the first that has one wins, and the last has one for every question.
        read_registry: gives the backends; called for each question, so that a long-lived router sees what was
            installed meanwhile.
        attempts: asks backends.
        gate: knows what needs approval, and what was approved.
        recorder: keeps what was asked and how it ended; None to keep nothing.
        warn: takes a sentence for the user about something that did not stop the answer.
    """

    def __init__(
        self,
        config: Config,
        sources: Sequence[RuleSource],
        read_registry: Callable[[], Registry],
        attempts: Attempts,
        gate: Gate,
        recorder: Recorder | None,
        warn: Callable[[str], None],
    ) -> None:
        self._config = config
        self._sources = tuple(sources)
        self._read_registry = read_registry
        self._attempts = attempts
        self._gate = gate
        self._recorder = recorder
        self._warn = warn

    def route(self, query: str, choice: Choice = RULES_DECIDE) -> Plan:
        """Decide where `query` would go, and ask nobody.

        Raises:
            QueryError: the question is empty or too long, or the choice names what is not there.
            GateClosedError: the rules cannot be read, or one that guards questions cannot be tried on this one.
        """
        registry = self._read_registry()
        if registry.state_error:
            self._warn(str(registry.state_error))
        plan = self._plan(checked(query), choice, registry)
        paused = [(step, self._attempts.seconds_paused(step)) for step in plan.steps]
        return plan._replace(
            skipped=(
                *plan.skipped,
                *(
                    Skip(step, f"timed out too often; it is tried again in {seconds:.0f} s", is_fault=True)
                    for step, seconds in paused
                    if seconds > 0
                ),
            )
        )

    def query(
        self,
        query: str,
        *,
        choice: Choice = RULES_DECIDE,
        limit: int | None = None,
        trace: bool = False,
        since: str | None = None,
        until: str | None = None,
        project: str | None = None,
        by: str | None = None,
        near: str | None = None,
        approval: str | None = None,
        cleared: Collection[str] = (),
        heard: Callable[[RoutedQuestion], None] = lambda _routed: None,
    ) -> Envelope:
        """Answer `query`; every failure is an envelope of status `error`, never an exception.

        Args:
            query: the question.
            choice: what the caller wants instead of the rules' own decision.
            limit: the largest number of results; None for 10, and for 3 of a `partial` answer.
            trace: whether the envelope tells how the answer came about.
            since: nothing older is wanted: a date, an ISO 8601 time, or words such as `last week`.
            until: nothing newer is wanted.
            project: the one project that may answer, by its name; None or EVERY_PROJECT for all.
            by: only what this author wrote: `person`, `agent`, the name of either, a tool or a machine.
            near: the project that the caller works in: its results weigh more, and no other is hidden.
            approval: the id of the approval for this very question, where it needs one; one that was given is
                also found without it.
            cleared: the ids of guarding rules whose approval was given for a request that this question is a part of.
            heard: is called with the question and how it was answered.
        """
        started = time.perf_counter()
        registry = self._read_registry()
        plan = Plan(without_surrogates(query))
        project = None if project == EVERY_PROJECT else project or None
        attempts: list[Attempt] = []
        governance_check: JsonObject | None = None
        merged: list[MergedResult] = []
        try:
            if registry.state_error:
                raise registry.state_error
            plan = self._plan(checked(query), choice, registry)
            if not plan.steps:
                raise _nobody_to_ask(plan)
            request = _request(plan.query, limit or _MOST_RESULTS, since, until, project)
            request = request._replace(by=by or None, near=None if project else near)
            rules = [rule for rule in self._gate.guards(plan.query) if rule.id not in cleared]
            governance_check = self._approved(plan.query, guarded_backends(plan, registry), rules, approval)
            attempts.extend(self._attempts.run(plan, registry, request))
            envelope, merged = self._judged(plan, attempts, request.limit)
        except QueryError as error:
            return self._complete(failed(plan, error.code, str(error)), started)
        except ApprovalError as error:
            envelope = failed(plan, error.code, str(error))._replace(approval_id=error.approval)
            governance_check = {"requires_approval": True, "approval_id": error.approval, "error_code": error.code}
        except GateClosedError as error:
            envelope = failed(plan, error.code, str(error))
            governance_check = {"requires_approval": True, "error_code": error.code}
        except MemoryRouterError as error:
            envelope = failed(plan, error.code, str(error))
        if limit is None and envelope.status == "partial":
            guesses = envelope.results[:_MOST_GUESSES]
            envelope = envelope._replace(results=guesses, result_count=len(guesses))
        envelope = self._complete(envelope, started)
        routed = RoutedQuestion(plan, registry, tuple(attempts), envelope, project, governance_check, tuple(merged))
        self._keep(routed)
        heard(routed)
        if not trace:
            return envelope
        told = describe(plan, attempts, self._config)
        if merged or plan.strategy == "all":
            told["merged"] = [result.to_trace() for result in merged]
        return envelope._replace(trace=told)

    def query_multi(self, request: str, **asked: Any) -> Envelope:
        """Answer the parts of a compound request in order, in one envelope (see `multi_question.combine`).

        Args:
            request: such as "process payroll and send a voice summary".
            asked: what `query` takes in addition to the question, for every part. A rule that guards the whole
                request is approved for the whole; the approval of a part is looked up.
        """
        from memory_router.routing import multi_question

        started = time.perf_counter()
        request = without_surrogates(request)
        try:
            parts = multi_question.split(checked(request))
            rules = self._gate.guards(request)
            self._approved(request, (), rules, asked.get("approval"))
        except ApprovalError as error:
            blocked = failed(Plan(request), error.code, str(error))._replace(approval_id=error.approval)
            return self._complete(blocked, started)
        except MemoryRouterError as error:
            return self._complete(failed(Plan(request), error.code, str(error)), started)
        heard: list[RoutedQuestion] = []
        settled = {"approval": None, "cleared": {rule.id for rule in rules}, "heard": heard.append}
        envelopes = list(multi_question.answers(parts, functools.partial(self.query, **{**asked, **settled})))
        envelope = self._complete(multi_question.combine(request, parts, envelopes), started)
        if heard:
            self._keep(multi_question.whole(request, heard, envelope))
        return envelope

    def get(self, identifier: str, layer: str = "detail") -> JsonObject:
        """Fetch a result by the id that an answer gave it, with as much around it as `layer` says.

        Args:
            identifier: `backend:id`.
            layer: `search` (a snippet), `timeline` (with what surrounds it) or `detail` (everything).

        Returns:
            The backend's checked response.

        Raises:
            UnknownBackendError: the id names no backend that can be asked and fetches by id.
            ApprovalError: the backend needs approval, and nobody gave it for this id.
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
        if manifest.requires_approval:
            self._approved(f"get {identifier}", (backend,), (), None)
        return self._attempts.fetch(step, manifest, contract.Request("get", id=own_id, layer=layer))

    def note_fetched(self, ids: Sequence[str], executions: Collection[str] | None = None) -> None:
        """Record that results were fetched by their ids: somebody found them worth it.

        Args:
            ids: those of the results.
            executions: those in which the results may have been seen; None for all of this account.
        """
        if self._recorder:
            self._recording(functools.partial(self._recorder.fetched, ids, executions))

    def close(self) -> None:
        """End the backends that were kept running, and let the recorder finish."""
        self._attempts.close()
        if self._recorder:
            self._recorder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _plan(self, query: str, choice: Choice, registry: Registry) -> Plan:
        match = self._match(query, choice, registry)
        for sentence in (*match.warnings, *registry.problems):
            self._warn(sentence)
        plan = make_plan(query, match, registry)
        everything = without_guarded_fallbacks(widened(plan, registry, self._config.include), registry)
        if (choice.strategy or self._config.strategy) == "all" and not choice.backend:
            return everything
        plan = without_guarded_fallbacks(plan, registry)
        if match.source == "choice":
            return plan
        chosen = {step.backend for step in plan.chain}
        return plan._replace(beyond=tuple(step for step in everything.steps if step.backend not in chosen))

    def _judged(self, plan: Plan, attempts: Sequence[Attempt], limit: int) -> tuple[Envelope, list[MergedResult]]:
        """Return the answer, and how its results were merged where those of several backends are in one order."""
        threshold = self._config.fallback_threshold
        envelope = judge(plan, attempts, threshold, self._attempts.log_file)
        if plan.strategy == "all":
            merged = merge(attempts, plan.match.priors if plan.match else {}, limit)
            return with_merged(envelope, plan, attempts, merged, threshold), merged
        if envelope.status == "success":
            return envelope, []
        merged = merge(attempts, {}, limit)
        if not merged or merged[0].backend not in (step.backend for step in plan.beyond):
            return with_guesses(envelope, merged), []
        asked = plan._replace(chain=(*plan.chain, *plan.beyond))
        return with_merged(envelope, asked, attempts, merged, threshold), merged

    def _approved(
        self, query: str, backends: Sequence[str], rules: Sequence[MatchedOverride], approval: str | None
    ) -> JsonObject | None:
        """Return who approved the question, or None where nobody has to."""
        return self._gate.check(query, backends, rules, approval) if backends or rules else None

    @staticmethod
    def _complete(envelope: Envelope, started: float) -> Envelope:
        return envelope._replace(router_duration_ms=_milliseconds_since(started), execution_id=os.urandom(8).hex())

    def _keep(self, routed: RoutedQuestion) -> None:
        if self._recorder:
            self._recording(functools.partial(self._recorder.record, routed))

    def _recording(self, record: Callable[[], None]) -> None:
        """Record something; a disk that refuses costs a warning, not the answer."""
        try:
            record()
        except OSError as error:
            self._warn(f"this question was not recorded, so nothing is learned from it: {error}.")

    def _match(self, query: str, choice: Choice, registry: Registry) -> RuleMatch:
        sources = (_callers_choice(choice, self._config.rules, registry), *self._sources)
        return next(match for source in sources if source and (match := source.match(query)))


def _request(query: str, limit: int, since: str | None, until: str | None, project: str | None) -> contract.Request:
    """Return what every backend is asked.

    Raises:
        InvalidTimeError: `since` or `until` is not a time.
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
    """Replace bytes that were not UTF-8 when Python read the command line (PEP 383)."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not text.isascii() else text


def _callers_choice(choice: Choice, rules: Sequence[TableRule], registry: Registry) -> RuleSource | None:
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
        raise UnknownBackendError(
            f"{step.backend} cannot be asked ({why}).", "Run: memory-router backends init --tier pro"
        )
    return step._replace(mode=step.mode or (manifest.modes[0] if manifest.modes else None))


def _nobody_to_ask(plan: Plan) -> NoBackendsError:
    skipped = "; ".join(f"{skip.step}: {skip.reason}" for skip in plan.skipped)
    return NoBackendsError(
        f"None of the backends for this question can be asked ({skipped}).",
        "`memory-router backends doctor` says what to do for each; `memory-router backends init` registers them anew.",
    )


def _milliseconds_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
