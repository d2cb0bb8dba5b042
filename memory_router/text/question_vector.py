"""Keep the vector of the question that this process answers, where a router that stays running made one.

A question is encoded once, however many stores it is put to: the router hands its vector over with the request, and
stores that hold vectors of the same model are compared by it.
"""

from typing import NamedTuple

# A longer one is not a vector of a model that we know.
_LONGEST = 20_000


class QuestionVector(NamedTuple):
    """What a question means.

    Args:
        model: the name of the model that made the vector.
        vector: one signed byte a dimension.
    """

    model: str
    vector: bytes

    def written(self) -> str:
        """Return it as text, as a request carries it."""
        return f"{self.model} {self.vector.hex()}"


_at_hand: list[QuestionVector] = []


def at_hand() -> QuestionVector | None:
    """Return the vector of the question that is being answered, or None."""
    return _at_hand[0] if _at_hand else None


def take(written: str | None) -> None:
    """Take the vector of the next question.

    Args:
        written: as `QuestionVector.written` gives it; None, and whatever is not a vector, forgets the last one.
    """
    _at_hand.clear()
    if not isinstance(written, str) or len(written) > _LONGEST:
        return
    model, _, digits = written.partition(" ")
    try:
        vector = bytes.fromhex(digits)
    except ValueError:
        return
    if vector:
        _at_hand.append(QuestionVector(model, vector))
