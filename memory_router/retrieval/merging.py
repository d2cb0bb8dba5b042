"""Merge the answers of several backends by relevance and prior. Imports nothing heavy: the router uses it.

The posterior of a result is its log-odds of relevance plus the prior of its backend, as a probability again. What
kind of memory a result comes from belongs to the prior; relevance itself knows nothing of it.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from memory_router.retrieval.folding import Folding

# Log-odds beyond this say no more, and keep a sure result comparable with one that is surer.
_SUREST = 0.9999

_Key = TypeVar("_Key", bound=Hashable)


class Candidate(NamedTuple):
    """One result of one backend.

    Args:
        backend: the backend's name.
        place: its place in that backend's answer, from 0.
        text: the passage.
        relevance: the backend's estimate in [0, 1] that it answers.
        superseded_by: the id of the result that took its place, or empty.
        id: the result's own id, or empty.
    """

    backend: str
    place: int
    text: str
    relevance: float
    superseded_by: str = ""
    id: str = ""


class MergedCandidate(NamedTuple):
    """A result of the merged answer.

    Args:
        candidate: the result that speaks for all its copies.
        posterior: the probability in [0, 1] that it answers, backend considered.
        copies: further results that say the same, most probable first.
    """

    candidate: Candidate
    posterior: float
    copies: tuple[Candidate, ...] = ()


def merge(candidates: Sequence[Candidate], priors: Mapping[str, float], limit: int) -> list[MergedCandidate]:
    """Return results most probable first; near-duplicates are folded, a replaced result follows its successor.

    Args:
        candidates: the results of all backends.
        priors: log-odds to add for each backend; 0 for those that are missing.
        limit: the largest number of results.
    """
    posteriors = {
        candidate: posterior(candidate.relevance, priors.get(candidate.backend, 0.0)) for candidate in candidates
    }
    by_id = {candidate.id: candidate for candidate in candidates if candidate.id}
    successors = {
        candidate: successor
        for candidate in candidates
        if (successor := by_id.get(candidate.superseded_by)) is not None and candidate.superseded_by != candidate.id
    }
    posteriors = with_successors(posteriors, successors)
    order = sorted(
        posteriors,
        key=lambda candidate: (
            -posteriors[candidate],
            bool(candidate.superseded_by),
            candidate.place,
            -priors.get(candidate.backend, 0.0),
            candidate.backend,
        ),
    )
    folding, merged = Folding(), list[MergedCandidate]()
    for candidate in order:
        place = folding.duplicate_of(candidate.text)
        if place is None:
            merged.append(MergedCandidate(candidate, posteriors[candidate]))
        else:
            merged[place] = merged[place]._replace(copies=(*merged[place].copies, candidate))
    return merged[:limit]


def with_successors(claims: Mapping[_Key, float], successors: Mapping[_Key, _Key]) -> dict[_Key, float]:
    """Return what results claim where no replaced one claims more than the one in force.

    Who asks for the old is answered by the new, and order and number agree.

    Args:
        claims: the probability in [0, 1] that a result answers, by result.
        successors: by each replaced result the one in force.
    """
    raised = dict(claims)
    for replaced, successor in successors.items():
        raised[successor] = max(raised[successor], raised[replaced])
    return raised


def posterior(relevance: float, prior: float) -> float:
    """Return the probability that a result answers, by its relevance and the log-odds prior of its backend."""
    return 1 / (1 + math.exp(-(log_odds(relevance) + prior)))


def log_odds(relevance: float) -> float:
    """Return the log-odds of a relevance in [0, 1]; claims to be sure are bounded, so that a prior still counts."""
    bounded = min(max(relevance, 1 - _SUREST), _SUREST)
    return math.log(bounded / (1 - bounded))
