"""Judge the attempts of a plan and put the answer into the router's envelope (seed 002, Output Format)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from memory_router.contract import JsonObject
from memory_router.errors import BackendTimeoutError
from memory_router.routing.attempts import Attempt
from memory_router.routing.config import Step
from memory_router.routing.merging import MergedResult
from memory_router.routing.plan import Plan


class Envelope(NamedTuple):
    """The answer to a question: the seed's fields in the seed's order, then the router's own."""

    query_echo: str
    routed_to: str | None
    routed_mode: str | None
    fallback_chain: tuple[str, ...]
    fallbacks_used: int
    results: list[JsonObject]
    result_count: int
    normalized_relevance: float
    status: str
    error_code: str | None
    error_message: str | None
    router_duration_ms: int
    backend_duration_ms: int
    execution_id: str
    approval_id: str | None = None
    metadata: JsonObject | None = None
    trace: JsonObject | None = None
    parts: tuple[JsonObject, ...] | None = None
    layer: str | None = None
    budget: JsonObject | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the envelope as JSON has it: causes only where there are any, the trace only if asked for."""
        optional = ("error_code", "error_message", "approval_id", "metadata", "trace", "parts", "layer", "budget")
        return {name: value for name, value in self._asdict().items() if value is not None or name not in optional}

    @classmethod
    def from_dict(cls, body: dict[str, Any]) -> "Envelope":
        """Return the envelope that `to_dict` wrote."""
        return cls(**{"error_code": None, "error_message": None, **body})


def judge(plan: Plan, attempts: Sequence[Attempt], threshold: float, log_file: str) -> Envelope:
    """Choose the answer among the attempts (design, Judge; seed 002, Fallback Logic).

    The accepted attempt; else the most relevant one as `partial`; else `empty`; `error` when every attempt
    failed. An empty answer says why, wherever a step had a reason other than that nothing matched.

    Args:
        plan: what was to be asked.
        attempts: what came of it, in the plan's order; those beyond its chain say at most why an answer is empty.
        threshold: the normalized relevance from which an attempt is accepted.
        log_file: where the user finds the journal, for the message of a total failure.
    """
    chain = [attempt for attempt in attempts if attempt.step in plan.chain]
    for attempt in chain:
        if attempt.is_accepted(threshold):
            return _answered(plan, attempt, "success", plan.chain.index(attempt.step))
    with_results = [attempt for attempt in chain if attempt.response and attempt.response["results"]]
    if with_results:
        best = max(with_results, key=lambda attempt: attempt.relevance)
        return _answered(plan, best, "partial", len(plan.chain) - 1)
    if first := next((attempt for attempt in chain if attempt.status != "error"), None):
        code, message = _reasons(plan, attempts)
        empty = _answered(plan, first, "empty", len(plan.chain) - 1)
        return empty._replace(error_code=code, error_message=message)
    causes = " ".join(_sentence(attempt.step, attempt.message) for attempt in chain)
    sentence = f"All backends in the fallback chain failed. Check {log_file} for details."
    return failed(plan, "ALL_BACKENDS_FAILED", f"{sentence} {causes}", len(plan.chain))


def with_merged(
    judged: Envelope, plan: Plan, attempts: Sequence[Attempt], merged: Sequence[MergedResult], threshold: float
) -> Envelope:
    """Put merged results into the envelope of a question that was asked of all backends at once.

    Args:
        judged: what `judge` says of the attempts; it stays where no backend has a result.
        plan: what was to be asked.
        attempts: what came of it.
        merged: the results that are returned, most probable first.
        threshold: the normalized relevance from which an answer is a success.
    """
    told = {"late": [attempt.step.backend for attempt in attempts if attempt.code == BackendTimeoutError.code]}
    if not merged:
        return judged._replace(metadata={**(judged.metadata or {}), **told})
    best = next(attempt for attempt in attempts if attempt.step.backend == merged[0].backend)
    status = "success" if merged[0].posterior >= threshold else "partial"
    envelope = _answered(plan, best, status, plan.chain.index(best.step))
    return envelope._replace(
        results=[result.to_result() for result in merged],
        result_count=len(merged),
        normalized_relevance=round(merged[0].posterior, 4),
        metadata={**(envelope.metadata or {}), **told},
    )


def with_guesses(judged: Envelope, merged: Sequence[MergedResult]) -> Envelope:
    """Put what all attempts gave into an answer of which none was accepted: behind the best result the next best.

    Args:
        judged: what `judge` says of the attempts: the answer of the most relevant one.
        merged: the results of all attempts, most probable first; without the best one in front the answer stays.
    """
    if not merged or merged[0].backend != judged.routed_to:
        return judged
    return judged._replace(results=[result.to_result() for result in merged], result_count=len(merged))


def failed(plan: Plan, code: str, message: str, fallbacks_used: int = 0) -> Envelope:
    """Return the envelope of a question that no backend could be asked, or that all failed to answer."""
    return _envelope(plan, status="error", fallbacks_used=fallbacks_used, error_code=code, error_message=message)


def _answered(plan: Plan, attempt: Attempt, status: str, fallbacks_used: int) -> Envelope:
    assert attempt.response is not None  # noqa: S101 - an attempt without a response is never chosen
    return _envelope(
        plan,
        status=status,
        fallbacks_used=fallbacks_used,
        routed_to=attempt.step.backend,
        routed_mode=attempt.step.mode,
        results=attempt.response["results"],
        result_count=len(attempt.response["results"]),
        normalized_relevance=attempt.relevance,
        backend_duration_ms=attempt.duration_ms,
        metadata=attempt.response.get("metadata") or None,
    )


def _envelope(plan: Plan, **fields: Any) -> Envelope:
    blank = Envelope(
        query_echo=plan.query,
        routed_to=None,
        routed_mode=None,
        fallback_chain=tuple(step.backend for step in plan.chain),
        fallbacks_used=0,
        results=[],
        result_count=0,
        normalized_relevance=0.0,
        status="error",
        error_code=None,
        error_message=None,
        router_duration_ms=0,
        backend_duration_ms=0,
        execution_id="",
    )
    return blank._replace(**fields)


def _reasons(plan: Plan, attempts: Sequence[Attempt]) -> tuple[str | None, str | None]:
    """Return the first code and all messages of what kept steps from answering; (None, None) if nothing did."""
    causes = [(attempt.code, _sentence(attempt.step, attempt.message)) for attempt in attempts if attempt.code]
    causes += [("BACKEND_SKIPPED", _sentence(skip.step, skip.reason)) for skip in plan.skipped if skip.is_fault]
    if not causes:
        return None, None
    return causes[0][0], " ".join(message for _, message in causes)


def _sentence(step: Step, text: str | None) -> str:
    ended = text or ""
    return f"{step}: {ended}" if ended.endswith((".", "!", "?")) else f"{step}: {ended}."
