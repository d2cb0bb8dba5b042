"""`memory-router rules stats`: how well backends answer, and what routing saves."""

from collections.abc import Sequence

from memory_router import app
from memory_router.contract import iso_time
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_table
from memory_router.learning.savings import LearningStatistics, SourceStatistics, by_source, statistics
from memory_router.learning.stores import open_stores

_BARS = "▁▂▃▄▅▆▇█"


def stats(as_json: AsJson = False) -> None:
    """Show how well each backend answers, and what was saved.

    A cache hit is a question that a rule of yours or a learned one took. No LLM is asked: savings compare with an
    assumed one that routes each question which was answered (`llm_routing` in the configuration: 0.03 USD and 850 ms).

    Example: memory-router rules stats --json
    """
    with open_stores() as stores:
        figures = statistics(stores.database, stores.config.learning)
        sources = by_source(stores.executions.all())
        evidence = app.improving.prior_evidence(stores)
    if waiting := app.improving.waiting_sentence():
        output.note(waiting)
    told = [piece.sentence for piece in evidence]
    output.show(_as_object(figures, sources, told), lambda: _print(figures, sources, told), as_json=as_json)


def _as_object(
    found: LearningStatistics, sources: Sequence[SourceStatistics], evidence: list[str]
) -> dict[str, object]:
    return {
        "sources": [
            {**source._asdict(), "first": iso_time(source.first), "last": iso_time(source.last)} for source in sources
        ],
        "useful": evidence,
        "patterns": [pattern._asdict() for pattern in found.patterns],
        "confidence_by_week": [{**week._asdict(), "week": iso_time(week.week)[:10]} for week in found.weeks],
        "cache_hits_by_day": [{**day._asdict(), "date": iso_time(day.date)[:10]} for day in found.days],
        "savings": found.savings._asdict(),
        "success_rate": found.success_rate,
    }


def _print(found: LearningStatistics, sources: Sequence[SourceStatistics], evidence: list[str]) -> None:
    saved = found.savings
    if not saved.requests:
        output.say("Nothing was asked yet. Ask: `memory-router query TEXT`")
        return
    output.say(f"{saved.requests} requests, {found.success_rate or 0:.0%} answered well")
    output.say(
        f"spent {saved.cost_usd:.2f} USD and {saved.duration_ms / 1000:.1f} s; had an LLM routed the {saved.answered} "
        f"answered ones, as assumed in `llm_routing`: {saved.llm_cost_usd:.2f} USD and "
        f"{saved.llm_duration_ms / 1000:.1f} s"
    )
    weeks, days = found.weeks, found.days[::-1]
    if weeks:
        since = f"weeks from {iso_time(weeks[0].week)[:10]}"
        print(f"confidence, {since}: {sparkline([week.avg_confidence for week in weeks], 1)}")
    if days:
        since = f"days from {iso_time(days[0].date)[:10]}"
        print(f"cache hits in %, {since}: {sparkline([day.cache_hit_rate for day in days], 100)}")
    print()
    print_table(
        ("rule", "backend", "asked", "accepted", "mean", "from", "to"),
        [
            (
                *(row.rule, row.backend, row.asked, f"{row.accepted / row.asked:.0%}", f"{row.mean_ms:.0f} ms"),
                *(iso_time(row.first)[:10], iso_time(row.last)[:10]),
            )
            for row in sources
        ],
    )
    for sentence in evidence:
        output.say(f"useful: {sentence}")
    if found.patterns:
        print()
        print_table(
            ("pattern", "executions", "confidence", "success", "cost"),
            [
                (
                    pattern.request_pattern,
                    pattern.based_on_executions,
                    f"{pattern.confidence_score:.2f}",
                    f"{pattern.success_rate or 0:.0%}",
                    f"{pattern.avg_cost_usd or 0:.4f}",
                )
                for pattern in found.patterns
            ],
        )


def sparkline(values: Sequence[float], highest: float) -> str:
    """Return values as bars, with the first and the last as numbers."""
    bars = "".join(_BARS[min(int(value / highest * len(_BARS)), len(_BARS) - 1)] for value in values)
    return f"{bars}  {values[0]:.2f} to {values[-1]:.2f}" if values else "-"
