"""`memory-router rules stats`: how routing gets on, and what it saves."""

from collections.abc import Sequence

from memory_router import app
from memory_router.contract import iso_time
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_table
from memory_router.learning.savings import Statistics, statistics
from memory_router.learning.stores import open_stores

_BARS = "▁▂▃▄▅▆▇█"


def stats(as_json: AsJson = False) -> None:
    """Show the most common patterns, the confidence by week, the cache hit rate by day, and what was saved.

    A cache hit is a question that a rule of yours or a learned one took. Savings are counted against routing each
    question by an LLM (`llm_routing` in the configuration: 0.03 USD and 850 ms).

    Example: memory-router rules stats --json
    """
    with open_stores() as stores:
        found = statistics(stores.database, stores.config.learning)
    if waiting := app.improving.waiting_sentence():
        output.note(waiting)
    output.show(_as_object(found), lambda: _print(found), as_json=as_json)


def _as_object(found: Statistics) -> dict[str, object]:
    return {
        "patterns": [one._asdict() for one in found.patterns],
        "confidence_by_week": [{**one._asdict(), "week": iso_time(one.week)[:10]} for one in found.weeks],
        "cache_hits_by_day": [{**one._asdict(), "date": iso_time(one.date)[:10]} for one in found.days],
        "savings": found.savings._asdict(),
        "success_rate": found.success_rate,
    }


def _print(found: Statistics) -> None:
    saved = found.savings
    if not saved.requests:
        print('Nothing was asked yet: memory-router query "..."')
        return
    print(f"{saved.requests} requests, {found.success_rate or 0:.0%} answered well")
    print(f"cost {saved.cost_usd:.2f} USD instead of {saved.llm_cost_usd:.2f} ({saved.cost_saved:.0%} saved)")
    print(
        f"time {saved.duration_ms / 1000:.1f} s instead of {saved.llm_duration_ms / 1000:.1f} s"
        f" ({saved.time_saved:.0%} saved)"
    )
    print(f"confidence by week  {sparkline([week.avg_confidence for week in found.weeks], 1)}")
    print(f"cache hits by day   {sparkline([day.cache_hit_rate for day in reversed(found.days)], 100)}")
    if found.patterns:
        print()
        print_table(
            ("pattern", "executions", "confidence", "success", "cost"),
            [
                (
                    one.request_pattern,
                    one.based_on_executions,
                    f"{one.confidence_score:.2f}",
                    f"{one.success_rate or 0:.0%}",
                    f"{one.avg_cost_usd or 0:.4f}",
                )
                for one in found.patterns
            ],
        )


def sparkline(values: Sequence[float], highest: float) -> str:
    """Return values as bars, with the first and the last as numbers."""
    bars = "".join(_BARS[min(int(value / highest * len(_BARS)), len(_BARS) - 1)] for value in values)
    return f"{bars}  {values[0]:.2f} to {values[-1]:.2f}" if values else "-"
