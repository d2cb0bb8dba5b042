"""Tell whether two passages say the same, so that an answer does not repeat itself."""

# Short passages ("Thanks!") are the same often enough without being copies; each stands in a place of its own.
_SHORTEST = 80
_SAME = 0.9

# What a passage says: its different runs of three words.
Runs = frozenset[tuple[str, str, str]]


def runs_of(text: str) -> Runs:
    """Return a passage's different runs of three words; none if it is too short for a copy to be told."""
    words = text.split()
    return frozenset(zip(words, words[1:], words[2:], strict=False)) if len(text) >= _SHORTEST else frozenset()


def is_copy(one: Runs, other: Runs) -> bool:
    """Say whether two passages share nine tenths of their runs (Broder 1997, resemblance)."""
    shorter, longer = sorted((len(one), len(other)))
    if shorter < _SAME * longer or one.isdisjoint(other):  # the usual case, told without counting what they share
        return False
    return len(one & other) >= _SAME * len(one | other)
