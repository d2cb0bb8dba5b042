"""`memory-router profile`: what a user accepts and rejects, and what holds across users."""

from typing import Annotated

import typer

from memory_router.errors import AdviceError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.outcomes import User
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.stats import sparkline
from memory_router.learning.account import account
from memory_router.outcomes.community import Community, across_users
from memory_router.outcomes.memory import open_outcomes
from memory_router.outcomes.profile import alerts
from memory_router.outcomes.store import Profile
from memory_router.outcomes.validation import now


def profile(
    user: User = None,
    recompute: Annotated[bool, typer.Option("--recompute", help="Compute it anew from all outcomes.")] = False,
    across: Annotated[
        bool, typer.Option("--across-users", help="Tell instead what at least 5 users share; names nobody.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a user accepts and rejects: rates by type, patterns, trends, and what to look at.

    Example: memory-router profile --json
    """
    if across and (user or recompute):
        raise AdviceError("--across-users tells of nobody in particular.", "Leave out --user and --recompute.")
    name = user or account()
    with open_outcomes() as advice:
        if across:
            _show_community(across_users(advice.database), as_json=as_json)
            return
        found = advice.outcomes.recompute(name) if recompute else advice.outcomes.profile(name)
        weeks = advice.outcomes.weeks(name)
    told = alerts(found.trends, found.last_outcome_at, now())
    if as_json or not output.is_terminal():
        output.print_json({**found._asdict(), "alerts": told})
        return
    _print(found, weeks, told)


def _print(found: Profile, weeks: list[int], told: list[str]) -> None:
    from memory_router.interfaces.cli.tables import print_table

    if not found.total_outcomes:
        print("Nothing was decided yet: memory-router outcomes record --help")
        return
    print(output.visible(f"{found.user_id}: {found.total_outcomes} outcomes, the last at {found.last_outcome_at}"))
    print_table(
        ("type", "accepted", "rejected", "rate", "confidence"),
        [
            (name, str(one["accepted"]), str(one["rejected"]), f"{one['rate']:.0%}", one["confidence"])
            for name, one in found.acceptance_stats.items()
        ],
    )
    print()
    print(f"by week   {sparkline(weeks, max(weeks))}")
    print(f"patterns  {output.visible(', '.join(found.patterns)) or '-'}")
    print(f"trends    {', '.join(f'{name} {value}' for name, value in found.trends.items())}")
    for sentence in told:
        print(sentence)


def _show_community(found: Community, *, as_json: bool) -> None:
    if as_json or not output.is_terminal():
        rules = [
            {**one._asdict(), "given": one.given._asdict(), "then": one.then._asdict(), "told": str(one)}
            for one in found.associations
        ]
        output.print_json({**found._asdict(), "associations": rules})
        return
    from memory_router.interfaces.cli.tables import print_table

    print(f"{found.users} users or more")
    print_table(
        ("pattern", "users or more", "confidence"),
        [(str(one), str(one.support), f"{one.confidence:.2f}") for one in found.associations],
    )
    for name, counts in found.trends.items():
        print(f"{name}: {', '.join(f'{value} {count}' for value, count in counts.items()) or 'not enough users'}")
