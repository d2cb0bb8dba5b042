"""`memory-router outcomes profile`: what a user accepts and rejects, and what holds across users."""

from typing import Annotated

import typer

from memory_router.contract import JsonObject
from memory_router.errors import AdviceError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.outcomes import User
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.stats import sparkline
from memory_router.interfaces.cli.tables import print_table
from memory_router.learning.account import account
from memory_router.outcomes.community import Community, across_users
from memory_router.outcomes.memory import open_outcomes
from memory_router.outcomes.profile import alerts, present_trends
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
    """Show what a user accepts and rejects, and the trends.

    Example: memory-router outcomes profile --json
    """
    if across and (user or recompute):
        raise AdviceError("--across-users tells of nobody in particular.", "Leave out --user and --recompute.")
    name = user or account()
    with open_outcomes() as advice:
        if across:
            community = across_users(advice.database)
            output.show(_community_as_object(community), lambda: _print_community(community), as_json=as_json)
            return
        user_profile = advice.outcomes.recompute(name) if recompute else advice.outcomes.profile(name)
        weeks = advice.outcomes.weeks(name)
    told = alerts(user_profile.trends, user_profile.last_outcome_at, now())
    user_profile = user_profile._replace(
        trends=present_trends(user_profile.trends, user_profile.last_outcome_at, now())
    )
    output.show({**user_profile._asdict(), "alerts": told}, lambda: _print(user_profile, weeks, told), as_json=as_json)


def _print(found: Profile, weeks: list[int], told: list[str]) -> None:
    if not found.total_outcomes:
        output.say("Nothing was decided yet: memory-router outcomes record --help")
        return
    output.say(f"{found.user_id}: {found.total_outcomes} outcomes, the last at {found.last_outcome_at}")
    print_table(
        ("type", "accepted", "rejected", "rate", "confidence"),
        [
            (name, tally["accepted"], tally["rejected"], f"{tally['rate']:.0%}", tally["confidence"])
            for name, tally in found.acceptance_stats.items()
        ],
    )
    print()
    print(f"by week   {sparkline(weeks, max(weeks))}")
    output.say(f"patterns  {', '.join(found.patterns) or '-'}")
    output.say(f"trends    {', '.join(f'{name} {value}' for name, value in found.trends.items())}")
    for sentence in told:
        output.say(sentence)


def _community_as_object(found: Community) -> JsonObject:
    rules = [
        {
            **association._asdict(),
            "given": association.given._asdict(),
            "then": association.then._asdict(),
            "told": str(association),
        }
        for association in found.associations
    ]
    return {**found._asdict(), "associations": rules}


def _print_community(found: Community) -> None:
    print(f"{found.users} users or more")
    print_table(
        ("pattern", "users or more", "confidence"),
        [(association, association.support, f"{association.confidence:.2f}") for association in found.associations],
        "No pattern is shared by enough users.",
    )
    for name, counts in found.trends.items():
        print(f"{name}: {', '.join(f'{value} {count}' for value, count in counts.items()) or 'not enough users'}")
