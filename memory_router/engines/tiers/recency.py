"""Estimate how well the newest memory answers a question that asks only for the newest."""

# The newest memory is the last thing by definition, however old; what is meant may still be another one.
_NEWEST, _FLOOR = 0.7, 0.4
_HALF_LIFE = 30 * 86_400.0


def newest_relevance(age: float) -> float:
    """Return the relevance of a memory to "what was the last thing": 0.7, falling to 0.4 with age.

    Half of what can be lost is gone after 30 days (seed 002, rule 5).

    Args:
        age: in seconds; a memory from the future is as good as new.
    """
    # The bound keeps the power a float for any age.
    return _FLOOR + (_NEWEST - _FLOOR) * float(2.0 ** -min(max(age, 0.0) / _HALF_LIFE, 1000.0))
