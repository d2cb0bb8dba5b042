"""Compute what a user wants from how often they accepted what (seed 003, Profile Structure).

A profile is a function of a tally, and a tally only counts: outcomes may come in any order, one at a time or all at
once, and the profile is the same.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from memory_router.contract import JsonObject
from memory_router.wilson import wilson_interval

DECIDED = ("accepted", "rejected")
# 95 %: the width of the interval then calls the seed's own examples high and medium as it does.
_Z = 1.96
_HIGH, _MEDIUM = 0.5, 0.75
# How many decisions a pattern needs, and from which rates on it is one.
_ENOUGH = 5
_OFTEN, _SELDOM, _APART = 0.7, 0.25, 0.3
_ADDING, _REMOVING = ("add_", "boost_"), ("remove_", "reduce_")
# Trends compare the latest weeks with as many before them.
_WEEKS = 4
_SILENT_DAYS = 2 * _WEEKS * 7
_CHANGE = 0.25


class Tally(NamedTuple):
    """Count a user's outcomes.

    Args:
        types: for each suggestion type, how many ended in each outcome.
        weeks: for each Monday (ISO 8601 date), how many outcomes there were, and how many were accepted and rejected.
        last: the time of the latest outcome, ISO 8601, or None.
    """

    types: dict[str, dict[str, int]]
    weeks: dict[str, dict[str, int]]
    last: str | None = None

    def plus(self, suggestion_type: str, outcome: str, at: str) -> "Tally":
        """Return the tally with one outcome more.

        Args:
            suggestion_type: what was suggested.
            outcome: what became of it.
            at: when it was decided, ISO 8601.
        """
        return Tally(
            {**self.types, suggestion_type: _counted(self.types.get(suggestion_type, {}), outcome)},
            {**self.weeks, _monday(at): _counted(self.weeks.get(_monday(at), {}), outcome)},
            max(self.last or at, at),
        )


EMPTY = Tally({}, {})


def tally_of(outcomes: Iterable[Mapping[str, Any]]) -> Tally:
    """Return the tally of outcomes as the database holds them."""
    tally = EMPTY
    for outcome in outcomes:
        tally = tally.plus(
            outcome["suggestion_type"], outcome["outcome"], outcome["decided_at"] or outcome["created_at"]
        )
    return tally


def acceptance_stats(tally: Tally) -> dict[str, JsonObject]:
    """Return for each type how often it was accepted and rejected, the rate, and how far that can be trusted."""
    return {name: _stats(counts) for name, counts in sorted(tally.types.items())}


def patterns(tally: Tally) -> dict[str, bool]:
    """Return what holds for this user: `never_T` and `always_T` for types, and the seed's general ones."""
    flags: dict[str, bool] = {}
    for name, counts in sorted(tally.types.items()):
        accepted, rejected = _decided(counts)
        if accepted + rejected < _ENOUGH:
            continue
        flags |= {f"never_{name}s": True} if not accepted else {}
        flags |= {f"always_{name}s": True} if not rejected else {}
    adding, removing = (_together(tally, prefixes) for prefixes in (_ADDING, _REMOVING))
    topics = _decided(tally.types.get("add_topic", {}))
    if sum(topics) >= _ENOUGH and _rate(topics) >= _OFTEN:
        flags["open_to_new_topics"] = True
    if sum(removing) >= _ENOUGH and _rate(removing) <= _SELDOM:
        flags["protective_of_existing_config"] = True
    if min(sum(adding), sum(removing)) >= _ENOUGH and _rate(adding) - _rate(removing) >= _APART:
        flags["prefers_additions_over_removals"] = True
    return flags


def trends(tally: Tally) -> JsonObject:
    """Return how often the user decides, whether that changes, and whether they still decide alike.

    Weeks are counted back from that of the latest outcome, so that a profile does not change as time passes.
    """
    if not tally.weeks:
        return {"engagement": "none", "preference_stability": "unknown", "suggestion_velocity": "0.0/week"}
    latest = date.fromisoformat(max(tally.weeks))
    recent, earlier = (
        [tally.weeks.get(str(latest - timedelta(weeks=start + back)), {}) for back in range(_WEEKS)]
        for start in (0, _WEEKS)
    )
    now, before = (sum(sum(week.values()) for week in weeks) for weeks in (recent, earlier))
    return {
        "engagement": _direction(now, before),
        "preference_stability": _stability(recent, earlier),
        "suggestion_velocity": f"{now / _WEEKS:.1f}/week",
    }


def present_trends(found: Mapping[str, Any], last: str | None, now: str) -> JsonObject:
    """Return trends as they are today: a user who decided nothing for two periods is silent, whatever was before.

    Args:
        found: what `trends` returns.
        last: the time of the user's latest outcome, ISO 8601, or None.
        now: the time, ISO 8601.
    """
    return {**found, "engagement": "silent"} if _days_silent(last, now) > _SILENT_DAYS else dict(found)


def alerts(found: Mapping[str, Any], last: str | None, now: str) -> list[str]:
    """Return what somebody should look at in a user's trends, a sentence each.

    Args:
        found: what `trends` returns.
        last: the time of the user's latest outcome, ISO 8601, or None.
        now: the time, ISO 8601.
    """
    told = []
    if (days := _days_silent(last, now)) > _SILENT_DAYS:
        told.append(f"Nothing was decided for {days} days: the trends are those of then. Ask what is still wanted.")
    if found["engagement"] == "decreasing":
        told.append(
            f"Engagement is decreasing: {found['suggestion_velocity']} lately. Suggest less, or something else."
        )
    if found["preference_stability"] == "changing":
        told.append(
            "Preferences are changing: the last four weeks were decided unlike those before. Trust old rates less."
        )
    return told


def _days_silent(last: str | None, now: str) -> int:
    return (date.fromisoformat(now[:10]) - date.fromisoformat(last[:10])).days if last else 0


def _counted(counts: Mapping[str, int], outcome: str) -> dict[str, int]:
    return {**counts, outcome: counts.get(outcome, 0) + 1}


def _monday(at: str) -> str:
    day = date.fromisoformat(at[:10])
    return str(day - timedelta(days=day.weekday()))


def _decided(counts: Mapping[str, int]) -> tuple[int, int]:
    return counts.get("accepted", 0), counts.get("rejected", 0)


def _rate(decided: tuple[int, int]) -> float:
    return decided[0] / sum(decided) if sum(decided) else 0.0


def _stats(counts: Mapping[str, int]) -> JsonObject:
    accepted, rejected = _decided(counts)
    low, high = wilson_interval(accepted, accepted + rejected, _Z)
    confidence = "high" if high - low < _HIGH else "medium" if high - low < _MEDIUM else "low"
    others = {name: count for name, count in sorted(counts.items()) if name not in DECIDED}
    rate = round(_rate((accepted, rejected)), 4)
    return {"accepted": accepted, "rejected": rejected, "rate": rate, "confidence": confidence, **others}


def _together(tally: Tally, prefixes: tuple[str, ...]) -> tuple[int, int]:
    """Return how often types of these beginnings were accepted and rejected."""
    return _sum(_decided(counts) for name, counts in tally.types.items() if name.startswith(prefixes))


def _sum(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    accepted = rejected = 0
    for left, other in pairs:
        accepted, rejected = accepted + left, rejected + other
    return accepted, rejected


def _direction(now: int, before: int) -> str:
    if not before:
        return "new"
    change = now / before - 1
    return "increasing" if change > _CHANGE else "decreasing" if change < -_CHANGE else "steady"


def _stability(recent: list[dict[str, int]], earlier: list[dict[str, int]]) -> str:
    now, before = (_sum(_decided(week) for week in weeks) for weeks in (recent, earlier))
    if min(sum(now), sum(before)) < _ENOUGH:
        return "unknown"
    return "changing" if abs(_rate(now) - _rate(before)) > _CHANGE else "stable"
