"""Merge the answers of several backends by relevance and prior. Imports nothing heavy: the router uses it.

The posterior of a result is its log-odds of relevance plus the prior of its backend, as a probability again. What
kind of memory a result comes from belongs to the prior; relevance itself knows nothing of it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from memory_router.retrieval.folding import Folding

# Log-odds beyond this say no more, and keep a sure result comparable with one that is surer.
_SUREST = 0.9999


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


class Merged(NamedTuple):
    """A result of the merged answer.

    Args:
        candidate: the result that speaks for all its copies.
        posterior: the probability in [0, 1] that it answers, backend considered.
        copies: further results that say the same, most probable first.
    """

    candidate: Candidate
    posterior: float
    copies: tuple[Candidate, ...] = ()


def merge(candidates: Sequence[Candidate], priors: Mapping[str, float], limit: int) -> list[Merged]:
    """Return results most probable first; near-duplicates are folded, a replaced result follows its successor.

    Args:
        candidates: the results of all backends.
        priors: log-odds to add for each backend; 0 for those that are missing.
        limit: the largest number of results.
    """
    posteriors = {one: posterior(one.relevance, priors.get(one.backend, 0.0)) for one in candidates}
    by_id = {one.id: one for one in candidates if one.id}
    for one in candidates:
        if (successor := by_id.get(one.superseded_by)) is not None and one.superseded_by != one.id:
            # A replaced result never claims more than what replaced it, so that order and number agree.
            posteriors[successor] = max(posteriors[successor], posteriors[one])
            posteriors[one] = min(posteriors[one], posteriors[successor])
    order = sorted(
        posteriors,
        key=lambda one: (
            -posteriors[one],
            bool(one.superseded_by),
            one.place,
            -priors.get(one.backend, 0.0),
            one.backend,
        ),
    )
    folding, merged = Folding(), list[Merged]()
    for one in order:
        place = folding.duplicate_of(one.text)
        if place is None:
            merged.append(Merged(one, posteriors[one]))
        else:
            merged[place] = merged[place]._replace(copies=(*merged[place].copies, one))
    return merged[:limit]


def posterior(relevance: float, prior: float) -> float:
    """Return the probability that a result answers, by its relevance and the log-odds prior of its backend."""
    return 1 / (1 + math.exp(-(log_odds(relevance) + prior)))


def log_odds(relevance: float) -> float:
    """Return the log-odds of a relevance in [0, 1]; claims to be sure are bounded, so that a prior still counts."""
    bounded = min(max(relevance, 1 - _SUREST), _SUREST)
    return math.log(bounded / (1 - bounded))
