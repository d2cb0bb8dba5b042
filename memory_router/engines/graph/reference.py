"""A reference as it is stored, with its number."""

from typing import NamedTuple


class Ref(NamedTuple):
    """One stored reference; `facts.Reference` says what the members mean."""

    id: int
    file: int
    source: int
    kind: str
    target: str
    key: str
