"""`memory-router memories`, and `forget`: look after what is remembered."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memory_router import app
from memory_router.contract import iso_time
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import (
    AsJson,
    By,
    Id,
    Project,
    Since,
    Tag,
    Target,
    Tier,
    Until,
    Yes,
    confirm,
)
from memory_router.interfaces.cli.tables import print_entries, print_table

if TYPE_CHECKING:
    from memory_router.app.forgetting import ForgetPlan
    from memory_router.engines.tiers.memory import Memory


def recall(
    text: Annotated[str, typer.Argument(help="The question.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Recall at most this many.")] = 10,
    tier: Tier = None,
    project: Project = None,
    tag: Tag = None,
    since: Since = None,
    until: Until = None,
    by: By = None,
    min_importance: Annotated[
        float | None, typer.Option("--min-importance", help="Only memories at least so important, from 0 to 1.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recall the memories that answer a question.

    Each access counts: memories that are used often move up.

    Example: memory-router memories recall "tide offset" --tag decision --limit 3
    """
    chosen = filter_of(project, tag, since, until, by) | (
        {} if min_importance is None else {"min_importance": min_importance}
    )
    recollections = app.remembering.work_with(lambda memories: memories.recall(text, limit, tier, chosen))
    results = [
        {**app.remembering.as_object(recollection.memory), "relevance": round(recollection.relevance, 4)}
        for recollection in recollections
    ]
    entries = [
        (_head(recollection.memory, f"{recollection.relevance:.2f}"), recollection.text)
        for recollection in recollections
    ]
    told = {"query_echo": text, "results": results, "result_count": len(results)}
    output.show(told, lambda: print_entries(entries, "No memory answers this."), as_json=as_json)


def list_(
    tier: Tier = None,
    project: Project = None,
    tag: Tag = None,
    since: Since = None,
    until: Until = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """List what is remembered, the newest first.

    Example: memory-router memories list --tag decision
    """
    chosen = filter_of(project, tag, since, until, by)
    held = app.remembering.work_with(lambda memories: memories.memories(chosen, tier))
    entries = [(_head(memory, memory.author.name or memory.author.kind), memory.text) for memory in held]
    output.show(
        {"memories": [app.remembering.as_object(memory) for memory in held]},
        lambda: print_entries(entries, "No such memory is kept."),
        as_json=as_json,
    )


def promote(memory_id: Id, to: Target = None, as_json: AsJson = False) -> None:
    """Move a memory one tier up, where it is kept longer.

    Example: memory-router memories promote totalrecall:3f9a0c2b7d41e8056c9a --to persistent
    """
    _print_moved(
        app.remembering.work_with(lambda memories: memories.promote(app.remembering.own(memory_id), to)),
        as_json=as_json,
    )


def demote(memory_id: Id, to: Target = None, as_json: AsJson = False) -> None:
    """Move a memory one tier down, where it is kept less long.

    Example: memory-router memories demote totalrecall:3f9a0c2b7d41e8056c9a
    """
    _print_moved(
        app.remembering.work_with(lambda memories: memories.demote(app.remembering.own(memory_id), to)), as_json=as_json
    )


def history(memory_id: Id, as_json: AsJson = False) -> None:
    """Show what a memory replaced, and what replaced it.

    The oldest comes first; the last one is in force.

    Example: memory-router memories history totalrecall:3f9a0c2b7d41e8056c9a
    """
    revisions = app.remembering.work_with(lambda memories: memories.history(app.remembering.own(memory_id)))
    entries = [(_head(memory, "" if memory.superseded_by else "in force"), memory.text) for memory in revisions]
    told = {"revisions": [app.remembering.as_object(memory) for memory in revisions], "count": len(revisions)}
    output.show(told, lambda: print_entries(entries, ""), as_json=as_json)


def forget(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids that answers gave; none to choose by options.")] = None,
    tier: Tier = None,
    project: Project = None,
    tag: Tag = None,
    session: Annotated[str | None, typer.Option("--session", help="A conversation as a whole, by its id.")] = None,
    since: Since = None,
    until: Until = None,
    by: By = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Forget nothing, and say what would go.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete memories or sessions with every trace.

    A receipt says what was removed from where, and what cannot be.

    Imports do not bring back what was forgotten. Files of your own and of other programs stay as they are.

    Example: memory-router forget --tag temporary --until 2026-06-30 --dry-run
    """
    chosen_by = filter_of(project, tag, since, until, by) | ({"session": session} if session else {})
    planned = app.forgetting.plan(ids or (), chosen_by, tier)
    forget_planned(planned, dry_run=dry_run, yes=yes, as_json=as_json)


def forget_planned(planned: "ForgetPlan", *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Forget what was planned after a confirmation, and print what was removed where.

    Args:
        planned: what is meant.
        dry_run: forget nothing, and print what would go.
        yes: do not ask.
        as_json: print JSON also on a terminal.
    """
    meant = (
        output.counted(len(planned.memories), "memory", "memories"),
        output.counted(len(planned.turns), "message"),
    )
    counted = " and ".join(meant)
    receipt = None
    if not dry_run and planned.is_empty:
        app.forgetting.erase_deleted()
    elif not dry_run:
        confirm(f"Forget {counted} for good?", yes=yes)
        receipt = app.forgetting.forget(planned)
    rows: list[dict[str, Any]] = [
        {"id": app.remembering.qualified(memory.id), "tier": memory.tier, "project": memory.project}
        for memory in planned.memories
    ]
    rows += [{"id": f"{app.forgetting.CONVERSATIONS}{turn.id}", "session": turn.session} for turn in planned.turns]
    traces = {"questions": app.forgetting.questions(planned)} if dry_run else receipt._asdict() if receipt else {}
    told = {"forgotten": rows, "count": len(rows), "dry_run": dry_run, "timestamp": iso_time(time.time())}
    sentence = f"{counted} {'would be' if dry_run else 'were'} forgotten."
    output.show(told | {"traces": traces}, lambda: _print_forgotten(planned, receipt, sentence), as_json=as_json)


def _print_forgotten(planned: "ForgetPlan", receipt: "app.forgetting.ForgetReceipt | None", sentence: str) -> None:
    meant = [((app.remembering.qualified(memory.id),), memory.text[:80]) for memory in planned.memories]
    meant += [((f"{app.forgetting.CONVERSATIONS}{turn.id}",), turn.text[:80]) for turn in planned.turns]
    print_entries(meant, "No memory and no message matches this.")
    output.say(sentence)
    if receipt:
        output.say(f"{receipt.questions} recorded questions and decisions were blanked.")
        output.say(f"{receipt.log_lines} lines of logs were removed.")
        for path in receipt.copies:
            output.say(f"Removed, as it held parts of it: {path}")
        for path in receipt.remains:
            output.say(f"Still holds parts of it, and is left alone: {path}")


def tiers(
    audit: Annotated[
        int, typer.Option("--audit", min=0, max=10_000, help="Also print this many of the latest changes.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Show what each tier holds and what happened in it.

    Example: memory-router memories tiers --audit 20
    """

    async def look(memories: Any) -> tuple[list[dict[str, Any]], list[Any]]:
        stats = [await memories.get_tier_stats(tier) for tier in memories.config.tiers]
        return stats, await memories.audit(audit)

    stats, events = app.remembering.work_with(look)
    rows = [event._asdict() | {"at": iso_time(event.at), "id": app.remembering.qualified(event.id)} for event in events]
    told = {"tiers": stats} | ({"audit": rows} if audit else {})
    output.show(told, lambda: _print_tiers(stats, rows), as_json=as_json)


def _print_tiers(stats: list[dict[str, Any]], audit: list[dict[str, Any]]) -> None:
    counts = ("tier", "entry_count", "stores", "recalls", "promotions", "demotions", "expirations", "forgotten")
    columns = ("tier", "holds", "stored", "recalled", "promoted", "demoted", "expired", "forgotten")
    print_table(columns, [[row[name] for name in counts] for row in stats])
    if audit:
        print()
        entries = [([row[name] for name in ("id", "at", "event", "tier")], row["detail"]) for row in audit]
        print_entries(entries, "Nothing has happened yet.")


def filter_of(
    project: str | None, tags: list[str] | None, since: str | None, until: str | None, by: str | None
) -> dict[str, Any]:
    """Return the filter that the options mean."""
    values = {"project": project, "tags": tags or None, "since": since, "until": until, "by": by}
    return {name: value for name, value in values.items() if value is not None}


def _head(memory: "Memory", more: str) -> tuple[str, ...]:
    """Return what the list tells of a memory besides its text."""
    return (app.remembering.qualified(memory.id), iso_time(memory.created)[:10], memory.tier, more)


def _print_moved(memory: "Memory", *, as_json: bool) -> None:
    told = f"{app.remembering.qualified(memory.id)} is in {memory.tier} now."
    output.show(app.remembering.as_object(memory), told, as_json=as_json)
