"""`memory-router rules approvals`: decide what may be asked."""

from typing import Annotated

import typer

from memory_router.contract import iso_time
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_entries
from memory_router.learning.account import account
from memory_router.learning.approvals import Approval
from memory_router.learning.stores import open_stores
from memory_router.routing.envelope import Envelope

Id = Annotated[str, typer.Argument(help="The approval's id, as the answer names it.")]
By = Annotated[str | None, typer.Option("--by", help="What you call yourself in the record; your account if left out.")]

approvals = typer.Typer(name="approvals")


@approvals.command()
def approve(approval_id: Id, by: By = None, as_json: AsJson = False) -> None:
    """Approve a waiting question for one use.

    The approval holds for the time that the list shows.

    A person does this at a terminal. Escalated questions need another account than the one that asks.

    Example: memory-router rules approvals approve 6d37c54d
    """
    _decide(approval_id, by, approved=True, as_json=as_json)


@approvals.command()
def deny(approval_id: Id, by: By = None, as_json: AsJson = False) -> None:
    """Deny a question that waits for approval.

    Example: memory-router rules approvals deny 6d37c54d --by preston@example.com
    """
    _decide(approval_id, by, approved=False, as_json=as_json)


def approve_now(envelope: Envelope) -> bool:
    """Ask the person at the terminal to approve a question; return whether they did."""
    output.note(f"memory-router: {output.visible(envelope.error_message or '')}")
    if not typer.confirm(f"Approve it now, as {account()}?", err=True):
        return False
    with open_stores() as stores:
        stores.approvals.decide(envelope.approval_id or "", account(), approved=True, account=account())
    return True


@approvals.command("list", hidden=True)
@approvals.callback(invoke_without_command=True)
def list_approvals(
    context: typer.Context,
    pending: Annotated[bool, typer.Option("--pending", help="Only those that wait for a decision.")] = False,
    as_json: AsJson = False,
) -> None:
    """List approvals: who asked for what, who decided, until when.

    Example: memory-router rules approvals --pending
    """
    if context.invoked_subcommand:
        return
    with open_stores() as stores:
        records = stores.approvals.newest(pending=pending)
    entries = [
        (
            (
                *(approval.id, approval.state, f"until {iso_time(approval.expires_at)}"),
                f"for {', '.join(approval.needed_by)}",
                _decider(approval),
            ),
            approval.user_request,
        )
        for approval in records
    ]
    none = "No question waits for approval." if pending else "No question needed approval."
    output.show(
        {"approvals": [_as_object(approval) for approval in records]},
        lambda: print_entries(entries, none),
        as_json=as_json,
    )


def _decide(approval_id: str, by: str | None, *, approved: bool, as_json: bool) -> None:
    output.require_person("An approval is given" if approved else "A question is denied")
    with open_stores() as stores:
        approval = stores.approvals.decide(approval_id, by or account(), approved=approved, account=account())
    told = f"{approval.decided_by} {approval.state}: {approval.user_request}"
    output.show(_as_object(approval), told, as_json=as_json)
    if approved:
        output.note(f"Ask it again until {iso_time(approval.expires_at)}; it holds for one answer.")


def _decider(approval: Approval) -> str:
    if approval.decided_by:
        return f"by {approval.decided_by}"
    return "by another account" if approval.escalation_required else ""


def _as_object(approval: Approval) -> dict[str, object]:
    times = {name: value and iso_time(value) for name, value in approval._asdict().items() if name.endswith("_at")}
    return {**approval._asdict(), **times}
