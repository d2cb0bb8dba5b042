"""What names mean within one scope of a file and those around it."""

from typing import NamedTuple


class Scope(NamedTuple):
    """One scope.

    Args:
        qualified: the name of what encloses it.
        owner: the class whose members it is among, or empty.
        names: what its own names mean; empty for what is not known.
        outer: the scope around it.
    """

    qualified: str
    owner: str
    names: dict[str, str]
    outer: "Scope | None"

    def meaning(self, name: str) -> str | None:
        """Return what a name means in this scope or the nearest around it that has it; None if none has."""
        inner: Scope | None = self
        while inner:
            if name in inner.names:
                return inner.names[name]
            inner = inner.outer
        return None
