"""`memory-router rules executions`: look at what was asked, rate it, and delete what is old."""

from enum import StrEnum
from typing import Annotated

import typer

from memory_router.contract import iso_time
from memory_router.errors import StoreError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson, Yes, confirm
from memory_router.interfaces.cli.tables import print_entries, print_members, print_table
from memory_router.learning.account import account
from memory_router.learning.evidence import DISSATISFIED, SATISFIED
from memory_router.learning.execution import Execution
from memory_router.learning.stores import LearningStores, open_stores

executions = typer.Typer(name="executions", no_args_is_help=True, help="Look at what was asked, and rate it.")

Id = Annotated[str, typer.Argument(help="The execution's id, or its beginning; every answer carries it.")]


class ExecutionStatus(StrEnum):
    """How an execution ended."""

    success = "success"
    failed = "failed"
    governance_blocked = "governance_blocked"


@executions.callback()
def _group() -> None:
    """Look at what was asked, and rate it: routing learns from it."""


@executions.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="List at most this many.")] = 20,
    status: Annotated[ExecutionStatus | None, typer.Option(help="Only those that ended so.")] = None,
    project: Annotated[str | None, typer.Option(help="Only those of this project.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what was asked, the newest first.

    Example: memory-router rules executions list --status failed
    """
    with open_stores() as stores:
        records = stores.executions.newest(limit, status=status, project=project)
    entries = [
        (
            (
                *(execution.id, iso_time(execution.started_at), execution.status, f"{execution.duration_ms} ms"),
                "*" * (execution.user_satisfaction or 0),
            ),
            f"{execution.user_request}  ({' > '.join(execution.routing_path) or 'nothing was asked'})",
        )
        for execution in records
    ]
    output.show(
        {"executions": [as_object(execution) for execution in records]},
        lambda: print_entries(entries, "No such question was asked."),
        as_json=as_json,
    )


@executions.command()
def show(execution_id: Id, as_json: AsJson = False) -> None:
    """Show one execution: its route, every attempt, its cost.

    Example: memory-router rules executions show 3f9c
    """
    with open_stores() as stores:
        execution = stores.executions.get(execution_id)
    output.show(as_object(execution), lambda: _print(execution), as_json=as_json)


@executions.command()
def rate(
    answer: Annotated[str, typer.Argument(metavar="ID", help="An execution's id, or the id of one of its results.")],
    stars: Annotated[int, typer.Argument(min=1, max=5, help="From 1 (useless) to 5 (just right).")],
    as_json: AsJson = False,
) -> None:
    """Rate an answer from 1 to 5.

    1 and 2 count as a failure of its route, whatever its relevance.

    With the id of a result, such as `qmd:42`, rate that result alone: useful with 4 and 5 stars, useless with 1
    and 2.

    Example: memory-router rules executions rate 3f9c 5
    """
    with open_stores() as stores:
        execution = stores.executions.rate(answer, stars) if ":" not in answer else _rated_result(stores, answer, stars)
    output.show(as_object(execution), f"{answer} has {stars} of 5 stars now: {execution.user_request}", as_json=as_json)


def _rated_result(stores: LearningStores, result_id: str, stars: int) -> Execution:
    if DISSATISFIED < stars < SATISFIED:
        raise StoreError(f"{stars} stars leave open whether a result was useful.", "Give 1 or 2, or 4 or 5.")
    return stores.executions.rate_result(result_id, account(), useful=stars >= SATISFIED)


@executions.command()
def purge(
    older_than: Annotated[
        int | None, typer.Option(min=0, help="In days; the retention of the configuration if left out.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many they are.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete old executions for good.

    Example: memory-router rules executions purge --older-than 90 --dry-run
    """
    with open_stores() as stores:
        days = stores.config.learning.retention_days if older_than is None else older_than
        count = stores.executions.older_than(days)
        if not dry_run:
            confirm(f"Delete {count} executions older than {days} days?", yes=yes)
            count = stores.executions.purge(days)
    output.show(
        {"older_than_days": days, "executions": count, "deleted": not dry_run},
        f"{count} executions older than {days} days {'would be' if dry_run else 'were'} deleted.",
        as_json=as_json,
    )


def as_object(execution: Execution) -> dict[str, object]:
    """Return an execution as JSON has it, its time in ISO 8601."""
    return {**execution.to_dict(), "started_at": iso_time(execution.started_at)}


def _print(execution: Execution) -> None:
    print_members({name: value for name, value in as_object(execution).items() if name != "attempts"})
    print()
    print_table(
        ("step", "status", "relevance", "ms", "accepted", "error"),
        [
            (
                attempt.step,
                attempt.status,
                f"{attempt.relevance:.2f}",
                attempt.duration_ms,
                attempt.accepted,
                attempt.error_code,
            )
            for attempt in execution.attempts
        ],
    )
