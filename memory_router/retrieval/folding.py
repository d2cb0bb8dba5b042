"""Find passages that say the same, so that an answer does not repeat itself."""

# Short passages ("Thanks!") are the same often enough without being copies; each stands in a place of its own.
_SHORTEST = 80
_SAME = 0.9


class Folding:
    """The passages of an answer so far, by their runs of three words."""

    def __init__(self) -> None:
        self._passages: list[frozenset[int]] = []
        self._holders: dict[int, list[int]] = {}

    def duplicate_of(self, text: str) -> int | None:
        """Return the place, counted from 0, of an earlier near-duplicate, or None after remembering this one.

        A copy shares nine tenths of its runs (Broder 1997, resemblance). So one of its lowest tenth, in any order, is
        among the lowest tenth of the other (Chaudhuri et al. 2006, prefix filter): only these are looked up.
        """
        runs = _runs(text)
        lowest = sorted(runs)[: len(runs) - int(_SAME * len(runs)) + 1]
        for number in sorted({number for run in lowest for number in self._holders.get(run, ())}):
            other = self._passages[number]
            if len(runs & other) >= _SAME * len(runs | other):
                return number
        for run in lowest:
            self._holders.setdefault(run, []).append(len(self._passages))
        self._passages.append(runs)
        return None


def _runs(text: str) -> frozenset[int]:
    """Return the digests of a text's runs; none if it is too short for a copy to be told."""
    words = text.split()
    return (
        frozenset(map(hash, zip(words, words[1:], words[2:], strict=False))) if len(text) >= _SHORTEST else frozenset()
    )
