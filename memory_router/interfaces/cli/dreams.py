"""`memory-router rules dream` and `amendments`: try other thresholds on what was asked, use better ones, undo that."""

from typing import Annotated

import typer

from memory_router import app
from memory_router.advisor.proposal import Silence
from memory_router.contract import JsonObject, iso_time
from memory_router.errors import AmendmentError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson, Yes, confirm
from memory_router.interfaces.cli.tables import print_entries
from memory_router.learning.amendments import Amendment, AmendmentStore
from memory_router.learning.dreams import Cycle, DreamStore
from memory_router.learning.stores import open_stores

amendments = typer.Typer(name="amendments", no_args_is_help=True, help="Look at settings that dreams changed.")


def dream(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep no record of it.")] = False,
    promote: Annotated[
        bool, typer.Option("--promote", help="Put what is surely better into router-config.json.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Try other thresholds on what was asked.

    It says whether one of them is faster and loses no answer.

    Without --promote it only proposes. With it, and if the test is passed, the change is written to your
    `router-config.json`: after a question, unless the configuration says `"learning": "on"`.

    Example: memory-router rules dream --dry-run
    """
    with app.improving.deciding(_tell_waiting), app.improving.opened() as improving:
        stores = improving.stores
        mode = stores.config.learning.mode
        if promote and mode == "off":
            raise AmendmentError(
                "Learning is off, so nothing is promoted.", 'Set `"learning": "suggest"` in router-config.json first.'
            )
        cycle = app.improving.dreamt(stores)
        if not dry_run:
            DreamStore(stores.database).record(cycle)
        output.show({**cycle._asdict(), "dreamt_at": iso_time(cycle.dreamt_at)}, lambda: _print(cycle), as_json=as_json)
        if dry_run or not cycle.promote:
            return
        suggestion = app.improving.propose_dream(improving, cycle)
        if suggestion is None:
            return
        if isinstance(suggestion, Silence):
            why = f"This change is not suggested: {suggestion.why}."
            if promote:
                raise AmendmentError(why, "Decide about what waits: memory-router suggestions list")
            output.note(why)
            return
        number = suggestion.suggestion_id
        if not promote:
            output.note(f"To put it in force: memory-router suggestions accept {number}")
            return
        confirm(f"Put {_changes(cycle)} in force?", yes=yes or mode == "on")
        improving.advisor.accept(number)
        output.note(f"It is in force; undo it with: memory-router suggestions undo {number}")


@amendments.callback()
def _group() -> None:
    """Look at settings that dreams changed, and change them back."""


@amendments.command("list")
def list_(as_json: AsJson = False) -> None:
    """List amendments, the newest first, with their evidence.

    Example: memory-router rules amendments list --json
    """
    with open_stores() as stores:
        store = app.improving.amendments(stores)
        pairs = [(amendment, _state(amendment, store)) for amendment in store.all()]
    entries = [
        (
            (amendment.id, iso_time(amendment.amended_at), state, f"by {amendment.amended_by}"),
            f"{amendment.setting}: {amendment.old_value} became {amendment.new_value}, by {amendment.cycle_id}",
        )
        for amendment, state in pairs
    ]
    told = {"amendments": [_as_object(amendment, state) for amendment, state in pairs]}
    output.show(told, lambda: print_entries(entries, "No dream has changed a setting."), as_json=as_json)


@amendments.command()
def revert(
    amendment_id: Annotated[str, typer.Argument(help="The amendment's id, as `amendments list` prints it.")],
    as_json: AsJson = False,
) -> None:
    """Put back the setting that an amendment changed.

    It is refused if the value was changed since.

    Example: memory-router rules amendments revert 4be1a9c0
    """
    reverted = app.improving.revert_amendment(amendment_id, _tell_waiting)
    told = f"{reverted.setting} is {'not set' if reverted.old_value is None else reverted.old_value} again."
    output.show(_as_object(reverted, "reverted"), told, as_json=as_json)


def _print(cycle: Cycle) -> None:
    results = cycle.test_results
    output.say(f"{cycle.cycle_id}: {_changes(cycle) if cycle.mutations else 'no change is worth a test'}.")
    if "mean_ms" in results:
        low, high = results["saved_ms_interval"]
        output.say(
            f"On {results['executions']} executions that did not choose it: {results['mean_ms']:.0f} instead of "
            f"{results['mean_ms_now']:.0f} ms ({low:.0f} to {high:.0f} saved), {results['success_rate']:.1%} instead "
            f"of {results['success_rate_now']:.1%} succeed, {results['unknown_share']:.1%} cannot be known."
        )
    for reason in results["reasons"]:
        output.say(f"Not to be promoted: {reason}.")
    for phrase in results.get("cannot_be_known", ()):
        output.say(f"A replay cannot tell {phrase}.")


def _changes(cycle: Cycle) -> str:
    return ", ".join(f"{setting} = {value}" for setting, value in cycle.mutations.items())


def _state(amendment: Amendment, store: AmendmentStore) -> str:
    if amendment.reverted_at is not None:
        return "reverted"
    return "in force" if store.is_in_force(amendment) else "changed since"


def _as_object(amendment: Amendment, state: str) -> JsonObject:
    times = {name: value and iso_time(value) for name, value in amendment._asdict().items() if name.endswith("_at")}
    return {**amendment._asdict(), **times, "state": state}


def _tell_waiting() -> None:
    output.note("Another process is learning; waiting for it.")
