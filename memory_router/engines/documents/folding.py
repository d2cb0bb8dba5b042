"""Tell whether two passages say the same, so that an answer does not repeat itself."""

from collections.abc import Sequence

# Short passages ("Thanks!") are the same often enough without being copies; each stands in a place of its own.
_SHORTEST = 80
_WORDS = 3
_SAME = 0.9


def is_copy(one: str, other: str) -> bool:
    """Say whether two passages share nine tenths of their runs of three words (Broder 1997, resemblance)."""
    shorter, longer = sorted((len(one), len(other)))
    if shorter < _SHORTEST or shorter < _SAME * longer / 2:
        return False
    mine, others = _runs(one.split()), _runs(other.split())
    return len(mine & others) >= _SAME * len(mine | others)


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + _WORDS]) for start in range(max(1, len(words) - _WORDS + 1))}
