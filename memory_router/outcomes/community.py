"""Find what holds across users without telling of any of them (seed 003, Cross-user pattern learning).

Only types of suggestions are compared, never values, reasons or ids: a type is a name that an application gave, and
nothing that a person wrote. What fewer than k users share is not told (k-anonymity; L. Sweeney 2002). Counts are
rounded down to multiples of k and confidences to twentieths below one, so that neither a rule nor the difference
between two reports says what a single user decided.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Any, NamedTuple

from memory_router.storage.database import Database, decode_json

ANONYMOUS = 5
# From how many decisions on a user rejects or accepts a type, and at which rates.
_ENOUGH, _SELDOM, _OFTEN = 3, 0.25, 0.75
_CONFIDENT, _STEP, _MOST = 0.6, 0.05, 0.95


class Preference(NamedTuple):
    """A user `rejects` or `accepts` a type of suggestion."""

    verb: str
    suggestion_type: str


class Association(NamedTuple):
    """Users of one preference tend to have another.

    Args:
        given: what they do.
        then: what they tend to do besides.
        support: how many users do both, rounded down to a multiple of k.
        confidence: the share of those who do the first, rounded down to twentieths, at most 0.95.
    """

    given: Preference
    then: Preference
    support: int
    confidence: float

    def __str__(self) -> str:
        return (
            f"Users who {_plural(self.given.verb)} {self.given.suggestion_type} tend to "
            f"{_plural(self.then.verb)} {self.then.suggestion_type}"
        )


class Community(NamedTuple):
    """What is told across users.

    Args:
        users: how many there are, rounded down to a multiple of k.
        associations: rules, those of most users first.
        trends: for each trend, how many users have each of its values, rounded down; rare ones are left out.
    """

    users: int
    associations: tuple[Association, ...]
    trends: dict[str, dict[str, int]]


def across_users(database: Database, anonymous: int = ANONYMOUS) -> Community:
    """Return what holds across all users of a database.

    Args:
        database: the advice tables.
        anonymous: k: how many users have to share what is told.
    """
    rows = database.rows("SELECT acceptance_stats, trends FROM user_preference_profiles")
    preferences = [_preferences(decode_json(row["acceptance_stats"])) for row in rows]
    trends = [decode_json(row["trends"]) or {} for row in rows]
    told = {
        name: _told((trend.get(name) for trend in trends), anonymous) for name in ("engagement", "preference_stability")
    }
    return Community(_rounded(len(rows), anonymous), _associations(preferences, anonymous), told)


def _preferences(stats: Mapping[str, Mapping[str, Any]]) -> list[Preference]:
    preferences = []
    for name, counts in sorted(stats.items()):
        if counts["accepted"] + counts["rejected"] < _ENOUGH:
            continue
        preferences += [Preference("rejects", name)] if counts["rate"] <= _SELDOM else []
        preferences += [Preference("accepts", name)] if counts["rate"] >= _OFTEN else []
    return preferences


def _associations(users: list[list[Preference]], anonymous: int) -> tuple[Association, ...]:
    single = Counter(preference for preferences in users for preference in preferences)
    pairs = Counter(pair for preferences in users for pair in permutations(preferences, 2))
    associations = []
    for (given, then), both in pairs.items():
        confidence = both / single[given]
        # A rule that holds of everybody alike tells nothing about those who do the first.
        is_telling = confidence > single[then] / len(users)
        if both >= anonymous and confidence >= _CONFIDENT and is_telling:
            coarse = min(round(confidence // _STEP * _STEP, 2), _MOST)
            associations.append(Association(given, then, _rounded(both, anonymous), coarse))
    return tuple(sorted(associations, key=lambda rule: (-rule.support, -rule.confidence, rule.given, rule.then)))


def _told(values: Iterable[str | None], anonymous: int) -> dict[str, int]:
    counted = Counter(value for value in values if value)
    return {value: _rounded(count, anonymous) for value, count in sorted(counted.items()) if count >= anonymous}


def _rounded(count: int, anonymous: int) -> int:
    return count // anonymous * anonymous


def _plural(verb: str) -> str:
    return verb.removesuffix("s")
