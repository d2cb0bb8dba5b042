"""`memory-router suggestions`: show and decide changes that the router suggests."""

from typing import TYPE_CHECKING, Annotated

import typer

from memory_router import app
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson, Yes, confirm
from memory_router.interfaces.cli.tables import print_members, print_table

if TYPE_CHECKING:
    from memory_router.app.improving import Improving
    from memory_router.outcomes.suggestions import Suggestion

suggestions = typer.Typer(
    name="suggestions", no_args_is_help=True, help="Decide about changes that the router suggests."
)

Id = Annotated[int, typer.Argument(help="The suggestion's id, as `suggestions list` prints it.")]
LastId = Annotated[int | None, typer.Argument(help="The suggestion's id; what was accepted last if left out.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why, in your words; later advice goes by it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing, and show what would change.")]


@suggestions.callback()
def _group() -> None:
    """Decide what the router would change about itself: rules, settings, folders, the order of steps."""


@suggestions.command("list")
def advise(
    why: Annotated[bool, typer.Option("--why", help="Also tell what is not suggested, and why.")] = False,
    as_json: AsJson = False,
) -> None:
    """List suggested changes of the router, with their evidence.

    Example: memory-router suggestions list --why
    """
    advice = app.improving.suggest(_tell_waiting)
    told = {
        "suggestions": [suggestion._asdict() for suggestion in advice.suggestions],
        "notes": advice.notes,
        "settled": [settlement._asdict() for settlement in advice.settled],
    }
    silent = advice.silent if why else []
    told |= {"silent": [silence._asdict() for silence in silent]} if why else {}

    def draw() -> None:
        for closed in advice.settled:
            output.note(f"Suggestion {closed.suggestion_id} is {closed.outcome}: {closed.why}")
        _print(advice.suggestions, advice.notes)
        for silence in silent:
            output.say(f"Not suggested: {silence.type} {silence.value}: {silence.why}.")

    output.show(told, draw, as_json=as_json)


@suggestions.command()
def show(suggestion_id: Id, as_json: AsJson = False) -> None:
    """Show a suggestion, its evidence, and what it would change.

    Example: memory-router suggestions show 3
    """
    with app.improving.opened() as advice:
        suggestion = advice.outcomes.suggestions.get(suggestion_id)
        diff = advice.targets.diff(suggestion) if suggestion.status == "pending" and suggestion.change else None

    def draw() -> None:
        print_members(suggestion._asdict())
        if diff:
            print(output.visible(diff))

    output.show(suggestion._asdict() | ({} if diff is None else {"diff": diff}), draw, as_json=as_json)


@suggestions.command()
def accept(
    suggestion_id: Id, reason: Reason = None, dry_run: DryRun = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Show what a suggestion changes, ask, and carry it out.

    A copy of the old configuration is kept, and `suggestions undo` puts it back.

    Example: memory-router suggestions accept 3 --reason "cognee is not installed here"
    """
    with app.improving.opened() as advice:
        suggestion = advice.advisor.get(suggestion_id)
        advice.advisor.check(suggestion)
        diff = advice.targets.diff(suggestion)
        if not _goes_on(
            suggestion, diff, f"Accept suggestion {suggestion_id}?", dry_run=dry_run, yes=yes, as_json=as_json
        ):
            return
        _let_a_person_change(advice, suggestion)
        with app.improving.deciding(_tell_waiting):
            done = advice.advisor.accept(suggestion_id, reason)
    _tell(done, diff, f"Accepted. To put it back: memory-router suggestions undo {suggestion_id}", as_json=as_json)


@suggestions.command()
def reject(suggestion_id: Id, reason: Reason = None, as_json: AsJson = False) -> None:
    """Refuse a suggestion.

    It is not repeated before twice as much evidence speaks for it.

    Example: memory-router suggestions reject 3 --reason "cognee is only slow on Mondays"
    """
    with app.improving.deciding(_tell_waiting), app.improving.opened() as advice:
        done = advice.advisor.reject(suggestion_id, reason)
    _tell(done, None, "Rejected.", as_json=as_json)


@suggestions.command()
def undo(suggestion_id: LastId = None, dry_run: DryRun = False, yes: Yes = False, as_json: AsJson = False) -> None:
    """Put back what an accepted suggestion changed.

    It is refused if that was changed since.

    Example: memory-router suggestions undo 3
    """
    with app.improving.opened() as advice:
        number = suggestion_id if suggestion_id is not None else advice.advisor.last_accepted().suggestion_id
        suggestion = advice.advisor.get(number, status="accepted")
        advice.advisor.check(suggestion, back=True)
        diff = advice.targets.diff(suggestion, back=True)
        if not _goes_on(suggestion, diff, f"Undo suggestion {number}?", dry_run=dry_run, yes=yes, as_json=as_json):
            return
        _let_a_person_change(advice, suggestion)
        with app.improving.deciding(_tell_waiting):
            done = advice.advisor.undo(number)
    _tell(done, diff, "Undone.", as_json=as_json)


def _goes_on(found: "Suggestion", diff: str, question: str, *, dry_run: bool, yes: bool, as_json: bool) -> bool:
    """Show what would change, and return whether the user agrees."""
    told = f"{found.reason}\n{diff}"
    if dry_run:
        output.show({**found._asdict(), "diff": diff, "dry_run": True}, told, as_json=as_json)
        return False
    if output.is_terminal() and not as_json:
        output.say(told)
    confirm(question, yes=yes)
    return True


def _let_a_person_change(advice: "Improving", found: "Suggestion") -> None:
    """Refuse decisions about a rule that guards questions, except by a person at a terminal.

    Raises:
        ApprovalRequiredError: nobody is at one.
    """
    if rule := advice.targets.guarding_rule(found):
        output.require_person(f"Rule {rule} guards questions. Suggestion {found.suggestion_id} is decided")


def _tell(done: "Suggestion", diff: str | None, sentence: str, *, as_json: bool) -> None:
    output.show(done._asdict() | ({} if diff is None else {"diff": diff}), sentence, as_json=as_json)


def _print(waiting: "list[Suggestion]", notes: list[str]) -> None:
    if waiting:
        rows = [
            (suggestion.suggestion_id, suggestion.suggestion_type, suggestion.suggestion_value, suggestion.reason)
            for suggestion in waiting
        ]
        print_table(("id", "type", "about", "because"), rows)
        output.note(
            "Decide with `memory-router suggestions accept ID` or `memory-router suggestions reject ID --reason WHY`."
        )
    else:
        output.say("Nothing is suggested.")
    for note in notes:
        output.say(note)


def _tell_waiting() -> None:
    output.note("Another process is learning or deciding; waiting for it.")
