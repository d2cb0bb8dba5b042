"""Read what callers say about the memories that they mean."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from memory_router.engines.tiers.admission import share
from memory_router.engines.tiers.memory import TIERS, Selection
from memory_router.errors import QueryError, RefusedMemoryError

_NAMES = ("project", "session", "tags", "by", "min_importance", "max_importance", "since", "until", "max_age_seconds")

Filter = Mapping[str, Any] | Selection


def selection_of(chosen: Filter | None, tier: str | None, now: float) -> Selection:
    """Return the selection that a filter and a tier mean.

    Args:
        chosen: a mapping of `project`, `session`, `tags` (all of them), `by` (a kind of author, a person, an agent, a
            tool or a machine), `min_importance`, `max_importance`, `max_age_seconds`, `since` and `until` (seconds
            since the epoch, `datetime` or ISO 8601); or a selection.
        tier: only this tier, or None for all.
        now: seconds since the epoch; ages are counted from here.

    Raises:
        QueryError: a name is unknown, or a value cannot be meant.
    """
    if tier is not None and tier not in TIERS:
        raise QueryError(f"There is no tier {tier!r}.", f"Choose one of: {', '.join(TIERS)}.")
    tiers = None if tier is None else (tier,)
    if isinstance(chosen, Selection):
        return chosen if tiers is None else chosen._replace(tiers=tiers)
    values = _known(chosen)
    try:
        since = [moment for moment in (_seconds(values.get("since")), _age(values, now)) if moment is not None]
        return Selection(
            project=_text(values.get("project")),
            since=max(since, default=None),
            until=_seconds(values.get("until")),
            tiers=tiers,
            tags=_tags(values.get("tags")),
            session=_text(values.get("session")),
            least=_share(values, "min_importance"),
            most=_share(values, "max_importance"),
            by=_text(values.get("by")),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise QueryError(f"The filter cannot be read: {error}.", f"It takes: {', '.join(_NAMES)}.") from error
    except RefusedMemoryError as error:
        raise QueryError(error.cause, error.fix) from error


def _known(chosen: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if chosen is not None and not isinstance(chosen, Mapping):
        raise QueryError(f"A filter is a mapping, not {type(chosen).__name__}.", f"It takes: {', '.join(_NAMES)}.")
    unknown = [str(name) for name in chosen or {} if name not in _NAMES]
    if unknown:
        raise QueryError(f"A filter has no {', '.join(unknown)}.", f"It takes: {', '.join(_NAMES)}.")
    return chosen or {}


def _seconds(moment: Any) -> float | None:
    """Return a time as seconds since the epoch; without a zone it is in UTC."""
    if moment is None:
        return None
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise ValueError(f"{moment!r} is not a time, such as 2026-06-30 or 2026-06-30T12:00:00Z") from None
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if isinstance(moment, bool) or not isinstance(moment, int | float) or math.isnan(moment):
        raise TypeError(f"{moment!r} is not a time")
    return float(moment)


def _age(values: Mapping[str, Any], now: float) -> float | None:
    age = _seconds(values.get("max_age_seconds"))
    return None if age is None else now - age


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _tags(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    tags = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (None,)
    if not all(isinstance(tag, str) for tag in tags):
        raise TypeError("tags are texts")
    return tags


def _share(values: Mapping[str, Any], name: str) -> float | None:
    return None if values.get(name) is None else share(name, values[name])
