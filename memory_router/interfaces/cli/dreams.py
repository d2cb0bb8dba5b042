"""`memory-router rules dream` and `amendments`: try other thresholds on what was asked, use better ones, undo that."""

import functools
import time
from typing import Annotated

import typer

from memory_router import app, paths
from memory_router.advisor.proposal import Silence
from memory_router.contract import JsonObject, iso_time
from memory_router.errors import AmendmentError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson, Yes, confirm
from memory_router.interfaces.cli.tables import print_table
from memory_router.learning.account import account
from memory_router.learning.amendments import Amendment, AmendmentStore
from memory_router.learning.dreams import Cycle, DreamStore, Route
from memory_router.learning.dreams import dream as dream_of
from memory_router.learning.gate import own_rule_cache
from memory_router.learning.overrides import OverrideRules
from memory_router.learning.stores import LearningStores, open_stores
from memory_router.routing.config import Config
from memory_router.routing.routes import Routes
from memory_router.routing.rules import RuleTable
from memory_router.storage.files import exclusive

amendments = typer.Typer(name="amendments", no_args_is_help=True, help="Look at settings that dreams changed.")

# The newest executions say most about the machine as it is now.
_MOST = 10_000


def dream(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep no record of it.")] = False,
    promote: Annotated[
        bool, typer.Option("--promote", help="Put what is surely better into router-config.json.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Replay what was asked under other thresholds, and say whether one of them is faster and loses no answer.

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
        cycle = _dreamt(stores)
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
    """List amendments, the newest first, with their evidence as JSON.

    Example: memory-router rules amendments list --json
    """
    with open_stores() as stores:
        store = _amendments(stores)
        found = [(one, _state(one, store)) for one in store.all()]
    columns = ("id", "when", "state", "setting", "old", "new", "by", "dream")
    rows = [
        (
            one.id,
            iso_time(one.amended_at),
            state,
            one.setting,
            one.old_value,
            one.new_value,
            one.amended_by,
            one.cycle_id,
        )
        for one, state in found
    ]
    told = {"amendments": [_as_object(one, state) for one, state in found]}
    output.show(told, lambda: print_table(columns, rows), as_json=as_json)


@amendments.command()
def revert(
    amendment_id: Annotated[str, typer.Argument(help="The amendment's id, as `amendments list` prints it.")],
    as_json: AsJson = False,
) -> None:
    """Put back what stood in `router-config.json` before an amendment.

    It is refused if the value was changed since.

    Example: memory-router rules amendments revert 4be1a9c0
    """
    with exclusive(f"{paths.executions_spool()}.learning", _tell_waiting), open_stores() as stores:
        reverted = _amendments(stores).revert(amendment_id)
    told = f"{reverted.setting} is {'not set' if reverted.old_value is None else reverted.old_value} again."
    output.show(_as_object(reverted, "reverted"), told, as_json=as_json)


def _dreamt(stores: LearningStores) -> Cycle:
    now = time.time()
    # Durations are this machine's and the thresholds this user's: what others asked says nothing about them.
    own = [one for one in stores.executions.newest(_MOST) if one.asked_by == account()]
    cycle = dream_of(own, stores.config, _route(stores.config), DreamStore(stores.database).next_id(now), now)
    # In a team's database the dreams of others say nothing about this machine.
    return cycle._replace(test_results={**cycle.test_results, "dreamt_by": account()})


def _route(config: Config) -> Route:
    """Return what routes a request as the router would, under another similarity threshold."""
    table = RuleTable(config)

    @functools.cache
    def routes(similarity_threshold: float) -> Routes:
        settings = config.learning._replace(similarity_threshold=similarity_threshold)
        return Routes(OverrideRules(own_rule_cache(), settings, config.signal_timeout_ms), table)

    @functools.cache
    def route(request: str, similarity_threshold: float) -> tuple[str, ...]:
        return tuple(map(str, routes(similarity_threshold).match(request).steps))

    return route


def _amendments(stores: LearningStores) -> AmendmentStore:
    return AmendmentStore(stores.database, paths.own_config_file(), paths.bundled("router-config.json"), account())


def _print(cycle: Cycle) -> None:
    results = cycle.test_results
    print(f"{cycle.cycle_id}: {_changes(cycle) if cycle.mutations else 'no change is worth a test'}.")
    if "mean_ms" in results:
        low, high = results["saved_ms_interval"]
        print(
            f"On {results['executions']} executions that did not choose it: {results['mean_ms']:.0f} instead of "
            f"{results['mean_ms_now']:.0f} ms ({low:.0f} to {high:.0f} saved), {results['success_rate']:.1%} instead "
            f"of {results['success_rate_now']:.1%} succeed, {results['unknown_share']:.1%} cannot be known."
        )
    for reason in results["reasons"]:
        print(f"Not to be promoted: {reason}.")
    for phrase in results.get("cannot_be_known", ()):
        print(f"A replay cannot tell {phrase}.")


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
