"""Merge the answers of several backends that were asked at once into results of one envelope."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from memory_router.contract import JsonObject
from memory_router.retrieval import merging
from memory_router.retrieval.merging import Candidate
from memory_router.routing.attempts import Attempt


class MergedResult(NamedTuple):
    """A result of the merged answer.

    Args:
        result: as its backend gave it.
        found: what it is as a candidate, its posterior and its copies.
        prior: log-odds added for the backend.
    """

    result: JsonObject
    found: merging.MergedCandidate
    prior: float

    @property
    def backend(self) -> str:
        """Return the backend that gave it."""
        return self.found.candidate.backend

    @property
    def posterior(self) -> float:
        """Return the probability in [0, 1] that it answers."""
        return self.found.posterior

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the backends that gave it or a copy of it, its own first."""
        return tuple(dict.fromkeys((self.backend, *(copy.backend for copy in self.found.copies))))

    def to_result(self) -> JsonObject:
        """Return it as a result of the envelope: `relevance` is the posterior, `metadata` names all sources."""
        metadata = {**(self.result.get("metadata") or {}), "sources": list(self.sources)}
        return {**self.result, "relevance": round(self.posterior, 4), "metadata": metadata}

    def to_trace(self) -> JsonObject:
        """Return how its place came about: relevance, prior, their sum as log-odds and probability, and its copies."""
        return {
            "id": self.result.get("id"),
            "backend": self.backend,
            "relevance": self.found.candidate.relevance,
            "prior": self.prior,
            "log_odds": round(merging.log_odds(self.found.candidate.relevance) + self.prior, 3),
            "posterior": round(self.posterior, 4),
            "folded": [copy.id or copy.backend for copy in self.found.copies],
        }


def merge(attempts: Iterable[Attempt], priors: Mapping[str, float], limit: int) -> list[MergedResult]:
    """Return the results of all attempts, most probable first; copies are folded into one, with all sources.

    Args:
        attempts: what came of asking each backend.
        priors: log-odds by backend; 0 for one that is not there.
        limit: the largest number of results.
    """
    results = {
        _candidate(attempt.step.backend, place, result): result
        for attempt in attempts
        if attempt.response and attempt.status != "error"
        for place, result in enumerate(attempt.response["results"])
    }
    return [
        MergedResult(results[merged.candidate], merged, priors.get(merged.candidate.backend, 0.0))
        for merged in merging.merge(list(results), priors, limit)
    ]


def _candidate(backend: str, place: int, result: JsonObject) -> Candidate:
    metadata = result.get("metadata") or {}
    successor = str(metadata.get("superseded_by") or metadata.get("disputed_by") or "")
    is_whole = successor.startswith(("totalrecall:", f"{backend}:"))
    return Candidate(
        backend,
        place,
        result["content"],
        float(result["relevance"]),
        successor if is_whole or not successor else f"{backend}:{successor}",
        result.get("id") or "",
    )
