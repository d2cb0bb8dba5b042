"""Group requests that mean the same: each joins the most similar group that is near enough, or founds one.

Leader clustering (Hartigan 1975): one pass, the most frequent requests first, so that a group is named and held
together by what was asked most. Requests come in blocks, so that the comparisons are products of matrices.
"""

from collections.abc import Sequence
from typing import Any

from memory_router.errors import ConfigError, install_command

_BLOCK = 1024


def cluster(vectors: Any, weights: Sequence[int], similarity: float) -> Any:
    """Return for each request the number of the request that leads its group; a leader's is its own.

    Args:
        vectors: float32 array of unit vectors, one row a request.
        weights: how often each was asked.
        similarity: the cosine above which a request joins a group.

    Raises:
        ConfigError: numpy is not installed.
    """
    np = _numpy()
    order = np.argsort(-np.asarray(weights), kind="stable")
    rows = np.ascontiguousarray(vectors, np.float32)[order]
    leads = np.arange(len(rows))
    leaders = np.zeros(0, np.int64)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        leads[start : start + _BLOCK] = _join(np, block, rows[leaders], leaders, start, similarity)
        joined = leads[start : start + _BLOCK]
        leaders = np.concatenate([leaders, np.unique(joined[joined >= start])])
    result = np.empty_like(leads)
    result[order] = order[leads]
    return result


def _join(np: Any, block: Any, led: Any, leaders: Any, start: int, similarity: float) -> Any:
    """Return the leader of each request of a block: one from before, or one of the block itself."""
    leads = np.arange(start, start + len(block))
    best = np.full(len(block), similarity, np.float32)
    if len(leaders):
        cosines = block @ led.T
        nearest = cosines.argmax(1)
        similarities = cosines[np.arange(len(block)), nearest]
        joins = similarities > best
        leads[joins], best[joins] = leaders[nearest[joins]], similarities[joins]
    within = block @ block.T
    for number in range(len(block)):
        if leads[number] != start + number:
            continue
        # What is left finds no nearer leader; those after it in the block may join it.
        joins = within[number] > best
        joins[: number + 1] = False
        leads[joins], best[joins] = start + number, within[number][joins]
    return leads


def _numpy() -> Any:
    try:
        import numpy as np
    except ImportError as error:
        raise ConfigError(
            "Learning compares many requests at once, and numpy is not installed.",
            f"Run: {install_command()}",
        ) from error
    return np
