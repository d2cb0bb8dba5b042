"""Merge the answers of several backends that were asked at once.

The posterior of a result is its log-odds of relevance plus the prior of its backend under the rule that took the
question, as a probability again. Results stand in its order, and in the envelope it is their `relevance`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from memory_router.contract import JsonObject
from memory_router.routing.attempts import Attempt

# A backend that claims to be sure is bounded, so that a prior still counts.
_SUREST = 0.9999
# Passages share this many of their runs of three words where one is a copy of the other (resemblance; Broder 1997).
_SAME = 0.9
_SHORTEST_COPY = 80  # characters; short passages are alike without being copies
_RUN = 3  # words


class Merged(NamedTuple):
    """Hold a result of the merged answer.

    Args:
        backend: the backend that gave it.
        result: as that backend gave it.
        relevance: that backend's estimate in [0, 1] that it answers.
        prior: log-odds added for the backend.
        posterior: the probability in [0, 1] that results from both.
        sources: the backends that gave it or a copy of it, its own first.
    """

    backend: str
    result: JsonObject
    relevance: float
    prior: float
    posterior: float
    sources: tuple[str, ...]

    def to_result(self) -> JsonObject:
        """Return it as a result of the envelope: `relevance` is the posterior, `metadata` names all sources."""
        metadata = {**(self.result.get("metadata") or {}), "sources": list(self.sources)}
        return {**self.result, "relevance": round(self.posterior, 4), "metadata": metadata}

    def to_trace(self) -> JsonObject:
        """Return how its place came about: relevance, prior, and their sum as log-odds."""
        return {
            "id": self.result.get("id"),
            "backend": self.backend,
            "relevance": self.relevance,
            "prior": self.prior,
            "log_odds": round(_log_odds(self.relevance) + self.prior, 3),
            "posterior": round(self.posterior, 4),
        }


def merge(attempts: Iterable[Attempt], priors: Mapping[str, float]) -> list[Merged]:
    """Return the results of all attempts, most probable first; copies are folded into one, with all sources.

    Args:
        attempts: what came of asking each backend.
        priors: log-odds by backend; 0 for one that is not there.
    """
    merged = [
        _weighed(attempt.step.backend, result, priors.get(attempt.step.backend, 0.0))
        for attempt in attempts
        if attempt.response and attempt.status != "error"
        for result in attempt.response["results"]
    ]
    ranked = sorted(_below_successors(merged), key=lambda one: -one.posterior)
    return _folded(ranked)


def _weighed(backend: str, result: JsonObject, prior: float) -> Merged:
    relevance = float(result["relevance"])
    posterior = 1 / (1 + math.exp(-(_log_odds(relevance) + prior)))
    return Merged(backend, result, relevance, prior, posterior, (backend,))


def _log_odds(relevance: float) -> float:
    bounded = min(max(relevance, 1 - _SUREST), _SUREST)
    return math.log(bounded / (1 - bounded))


def _below_successors(merged: Sequence[Merged]) -> list[Merged]:
    """Let no result that was replaced claim more than its successor, so that order and number agree."""
    by_id = {one.result["id"]: one.posterior for one in merged if one.result.get("id")}
    return [
        one._replace(posterior=min(one.posterior, by_id.get(_successor(one), 1.0)))
        for one in sorted(merged, key=lambda one: bool(_successor(one)))
    ]


def _successor(one: Merged) -> str:
    """Return the id, as the envelope has it, of the result that replaced this one; empty if none did."""
    own_id = (one.result.get("metadata") or {}).get("superseded_by")
    return f"{one.backend}:{own_id}" if own_id else ""


def _folded(ranked: Sequence[Merged]) -> list[Merged]:
    kept: list[Merged] = []
    runs: list[frozenset[tuple[str, ...]]] = []
    for one in ranked:
        own = _runs(one.result["content"])
        place = next((place for place, other in enumerate(runs) if own and _resemblance(own, other) >= _SAME), None)
        if place is None:
            kept.append(one)
            runs.append(own)
        else:
            kept[place] = kept[place]._replace(sources=tuple(dict.fromkeys((*kept[place].sources, *one.sources))))
    return kept


def _runs(content: str) -> frozenset[tuple[str, ...]]:
    if len(content) < _SHORTEST_COPY:
        return frozenset((content,) for content in (content.strip().lower(),))
    words = content.split()
    return frozenset(zip(*(words[start:] for start in range(_RUN)), strict=False))


def _resemblance(first: frozenset[tuple[str, ...]], second: frozenset[tuple[str, ...]]) -> float:
    return len(first & second) / (len(first | second) or 1)
