"""`memory-router advise`, `accept`, `reject` and `undo`: what the router would change about itself."""

import getpass
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated, NamedTuple

import typer

from memory_router import app, paths
from memory_router.advisor import folders, rule_proposals, step_order
from memory_router.advisor.advisor import Advisor
from memory_router.advisor.appliers import Folders, Targets
from memory_router.advisor.proposal import Proposal, Silence
from memory_router.contract import JsonObject
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson, Yes, confirm
from memory_router.learning.amendments import AmendmentStore
from memory_router.learning.dreams import DreamStore
from memory_router.learning.own_config import OwnConfig
from memory_router.learning.recording import account
from memory_router.learning.stores import LearningStores, open_stores
from memory_router.outcomes.memory import open_outcomes
from memory_router.outcomes.suggestions import Suggestion
from memory_router.storage.files import exclusive

# The newest questions say most about the sources as they are now.
_MOST = 2000
# What was dreamt of an older configuration says little about the present one.
_DREAMT_DAYS = 30

Id = Annotated[int, typer.Argument(help="The suggestion's id, as `advise` prints it.")]
LastId = Annotated[int | None, typer.Argument(help="The suggestion's id; what was accepted last if left out.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why, in your words; later advice goes by it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing, and show what would change.")]


class _Opened(NamedTuple):
    """Hold what the commands need: the stores, who advises, and what is changed."""

    stores: LearningStores
    advisor: Advisor
    targets: Targets
    config: OwnConfig


def advise(
    why: Annotated[bool, typer.Option("--why", help="Also tell what is not suggested, and why.")] = False,
    as_json: AsJson = False,
) -> None:
    """Suggest changes of the router's own configuration, each with its evidence; nothing is changed.

    Example: memory-router advise --why
    """
    with _deciding(), _opened() as advice:
        settled = advice.advisor.settle()
        proposals, kept_back, notes = _found(advice)
        waiting, silent = advice.advisor.advise(proposals)
        shown = [_as_object(one) for one in waiting]
    silences = [one._asdict() for one in [*silent, *kept_back]]
    if as_json or not output.is_terminal():
        told = {"suggestions": shown, "notes": notes, "settled": [one._asdict() for one in settled]}
        output.print_json(told | ({"silent": silences} if why else {}))
        return
    for closed in settled:
        output.note(output.visible(f"Suggestion {closed.suggestion_id} is {closed.outcome}: {closed.why}"))
    _print(waiting, notes)
    for one in silences if why else ():
        print(output.visible(f"Not suggested: {one['type']} {one['value']}: {one['why']}."))


def accept(
    suggestion_id: Id, reason: Reason = None, dry_run: DryRun = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Carry out a suggestion: show what changes, ask, and change it at once or not at all.

    The configuration as it was stays beside yours, and `memory-router undo` puts it back.

    Example: memory-router accept 3 --reason "cognee is not installed here"
    """
    with _opened() as advice:
        found = advice.advisor.get(suggestion_id)
        advice.advisor.check(found)
        diff = advice.targets.diff(found)
        if not _goes_on(found, diff, f"Accept suggestion {suggestion_id}?", dry_run=dry_run, yes=yes, as_json=as_json):
            return
        with _deciding():
            done = advice.advisor.accept(suggestion_id, reason)
    _tell(done, diff, f"Accepted. To put it back: memory-router undo {suggestion_id}", as_json=as_json)


def reject(suggestion_id: Id, reason: Reason = None, as_json: AsJson = False) -> None:
    """Refuse a suggestion: it is not repeated before twice as much speaks for it.

    Example: memory-router reject 3 --reason "cognee is only slow on Mondays"
    """
    with _deciding(), _opened() as advice:
        done = advice.advisor.reject(suggestion_id, reason)
    _tell(done, None, "Rejected.", as_json=as_json)


def undo(suggestion_id: LastId = None, dry_run: DryRun = False, yes: Yes = False, as_json: AsJson = False) -> None:
    """Put back what an accepted suggestion changed.

    It is refused if that was changed since.

    Example: memory-router undo 3
    """
    with _opened() as advice:
        number = suggestion_id if suggestion_id is not None else advice.advisor.last_accepted().suggestion_id
        found = advice.advisor.get(number, status="accepted")
        advice.advisor.check(found, back=True)
        diff = advice.targets.diff(found, back=True)
        if not _goes_on(found, diff, f"Undo suggestion {number}?", dry_run=dry_run, yes=yes, as_json=as_json):
            return
        with _deciding():
            done = advice.advisor.undo(number)
    _tell(done, diff, "Undone.", as_json=as_json)


@contextmanager
def _opened() -> Iterator[_Opened]:
    with open_stores() as stores, open_outcomes() as advice:
        own, bundled = paths.own_config_file(), paths.bundled("router-config.json")
        config = OwnConfig(own, bundled)
        amendments = AmendmentStore(stores.database, own, bundled, account())
        indexed = Folders(app.indexing.roots, _index, _forget)
        targets = Targets(config, amendments, stores.rules, indexed, getpass.getuser())
        yield _Opened(stores, Advisor(advice, targets, getpass.getuser()), targets, config)
        for note in advice.notes:
            output.note(note)


def _deciding() -> AbstractContextManager[None]:
    """Hold the right to decide: it is the one to learn, so that no rule changes meanwhile."""
    return exclusive(f"{paths.executions_spool()}.learning", _tell_waiting)


def _found(advice: _Opened) -> tuple[list[Proposal], list[Silence], list[str]]:
    """Return what there is evidence for, what of it is kept back, and what should be known besides."""
    stores = advice.stores
    # How the sources behave here is not what others of a team see.
    asked = [one for one in stores.executions.newest(_MOST) if one.asked_by == account()]
    rules = stores.rules.all()
    cycle = DreamStore(stores.database).latest(account(), time.time() - _DREAMT_DAYS * 86_400)
    proposals = [
        *step_order.proposals(asked, stores.config),
        *rule_proposals.of_rules(rules, stores.config),
        *rule_proposals.of_dream(cycle, advice.config, stores.config),
        *folders.proposals(asked, app.indexing.roots(), os.path.expanduser("~")),
    ]
    return proposals, rule_proposals.kept_back(rules, cycle, stores.config), step_order.notes(asked, stores.config)


def _goes_on(found: Suggestion, diff: str, question: str, *, dry_run: bool, yes: bool, as_json: bool) -> bool:
    """Show what would change, and ask; say whether it is to be done."""
    if dry_run and (as_json or not output.is_terminal()):
        output.print_json({**_as_object(found), "diff": diff, "dry_run": True})
    elif output.is_terminal() and not as_json:
        print(output.visible(f"{found.reason}\n{diff}"))
    if dry_run:
        return False
    confirm(question, yes=yes)
    return True


def _tell(done: Suggestion, diff: str | None, sentence: str, *, as_json: bool) -> None:
    if as_json or not output.is_terminal():
        output.print_json(_as_object(done) | ({} if diff is None else {"diff": diff}))
        return
    print(sentence)


def _print(waiting: list[Suggestion], notes: list[str]) -> None:
    from memory_router.interfaces.cli.tables import print_table

    if waiting:
        rows = [(str(one.suggestion_id), one.suggestion_type, one.suggestion_value, one.reason) for one in waiting]
        print_table(("id", "type", "about", "because"), rows)
        output.note("Decide: memory-router accept ID, or memory-router reject ID --reason WHY")
    else:
        print("Nothing is suggested.")
    for note in notes:
        print(output.visible(note))


def _as_object(suggestion: Suggestion) -> JsonObject:
    return suggestion._asdict()


def _index(folder: str) -> None:
    app.indexing.index([folder])


def _forget(folder: str) -> None:
    app.indexing.remove([folder])


def _tell_waiting() -> None:
    output.note("Another process is learning or deciding; waiting for it.")
