"""Ask the parts of a compound request in order, and put their answers into one envelope (seed 000, Future)."""

from collections.abc import Callable, Iterator, Sequence

from memory_router.contract import JsonObject
from memory_router.routing.compound import Part, handed_over
from memory_router.routing.envelope import Envelope, failed
from memory_router.routing.plan import Plan
from memory_router.routing.recording import RoutedQuestion

# How many results of a part the next one may take a name from.
_HANDED_OVER = 3


def answers(parts: Sequence[Part], ask: Callable[[str], Envelope]) -> Iterator[Envelope]:
    """Ask part after part, each with what the one before it found; what fails is told, and the rest is asked.

    But behind a part that waits for approval nothing runs: whoever approves it decides about what follows, too.
    """
    waiting: Envelope | None = None
    before = found = ""
    for part in parts:
        if waiting:
            sentence = f"Not asked: an earlier part needs approval first. {waiting.error_message}"
            yield failed(Plan(part.query), str(waiting.error_code), sentence)
            continue
        envelope = ask(handed_over(part, before, found))
        yield envelope
        before = envelope.query_echo
        found = "\n".join(result["content"] for result in envelope.results[:_HANDED_OVER])
        if envelope.approval_id:
            waiting = envelope


def combine(request: str, parts: Sequence[Part], envelopes: Sequence[Envelope]) -> Envelope:
    """Combine the answers to all parts, in order; each result says in `metadata.part` which one it answers.

    The request is answered as well as its weakest part is: `normalized_relevance` is the least of all parts, and
    `status` is `success` only if all parts succeeded.

    Args:
        request: the whole request.
        parts: its parts.
        envelopes: the answer to each.
    """
    results = [
        {**result, "metadata": {**(result.get("metadata") or {}), "part": number}}
        for number, envelope in enumerate(envelopes, 1)
        for result in envelope.results
    ]
    answered = [envelope for envelope in envelopes if envelope.routed_to]
    steps = {(envelope.routed_to, envelope.routed_mode): envelope.routed_to for envelope in answered}
    path = dict.fromkeys(str(backend) for backend in steps.values())
    troubles = [
        (envelope.error_code, f"Part {number} ({part.text}): {envelope.error_message}")
        for number, (part, envelope) in enumerate(zip(parts, envelopes, strict=True), 1)
        if envelope.error_code
    ]
    return Envelope(
        query_echo=request,
        routed_to=", ".join(path) or None,
        routed_mode=answered[0].routed_mode if len(steps) == 1 else None,
        fallback_chain=tuple(backend for envelope in envelopes for backend in envelope.fallback_chain),
        fallbacks_used=sum(envelope.fallbacks_used for envelope in envelopes),
        results=results,
        result_count=len(results),
        normalized_relevance=min(envelope.normalized_relevance for envelope in envelopes),
        status=_status([envelope.status for envelope in envelopes]),
        error_code=troubles[0][0] if troubles else None,
        error_message=" ".join(message for _, message in troubles) or None,
        router_duration_ms=0,
        backend_duration_ms=sum(envelope.backend_duration_ms for envelope in envelopes),
        execution_id="",
        approval_id=next((envelope.approval_id for envelope in envelopes if envelope.approval_id), None),
        parts=tuple(
            _part(number, part, envelope)
            for number, (part, envelope) in enumerate(zip(parts, envelopes, strict=True), 1)
        ),
    )


def whole(request: str, parts: Sequence[RoutedQuestion], envelope: Envelope) -> RoutedQuestion:
    """Return a compound request as one question that went the way of all its parts.

    Args:
        request: the whole request.
        parts: its parts, of which there must be one, as they were routed.
        envelope: the combined answer.
    """
    checks = [part.governance_check for part in parts if part.governance_check]
    blocked = next((check for check in checks if "approved_by" not in check), None)
    attempts = tuple(attempt for part in parts for attempt in part.attempts)
    check = blocked or (checks[0] if checks else None)
    return RoutedQuestion(
        Plan(request), parts[-1].registry, attempts, envelope, parts[0].project, check, parts=tuple(parts)
    )


def _status(statuses: Sequence[str]) -> str:
    """Return the status that all parts share; `partial` as soon as some are worse than others."""
    return statuses[0] if len(set(statuses)) == 1 else "partial"


def _part(number: int, part: Part, envelope: Envelope) -> JsonObject:
    """Return what the envelope of a part says, without its results."""
    told = {name: value for name, value in envelope.to_dict().items() if name != "results"}
    return {"part": number, "text": part.text, **told}
