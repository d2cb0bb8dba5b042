"""`memory-router backends init` and `memory-router backends`: register backends, and list them."""

from collections.abc import Sequence
from typing import Annotated

import typer

from memory_router import app, paths
from memory_router.contract import Health, JsonObject
from memory_router.errors import StateError, UnknownBackendError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_states, print_table
from memory_router.interfaces.cli.transcripts import import_what_hosts_keep
from memory_router.routing import config_file
from memory_router.routing.contract_suite import check_backend
from memory_router.routing.registry import Manifest, RegistryState, read_manifests, read_state


def init(
    tier: Annotated[
        str | None, typer.Option(help="The product tier: starter (qmd, totalrecall) or pro (all four).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register the backends, so that questions can go to them.

    It asks each backend for its health and writes `backends.json`. Where `lossless` is among them, it imports the
    conversations that Claude Code and OpenClaw keep on this machine, as `index --transcripts` does. Run it again at
    any time: nothing that was indexed or remembered is touched, and without `--tier` the present tier stays.

    Example: memory-router backends init --tier pro
    """
    tiers = config_file.load().tiers
    tier = tier or app.registration.present_tier() or "starter"
    if tier not in tiers:
        raise UnknownBackendError(f"There is no tier {tier!r}.", f"Choose one of: {', '.join(tiers)}.")
    state = app.registration.register(tier, tiers[tier])
    if "lossless" in tiers[tier]:
        import_what_hosts_keep()
        state = app.registration.register(tier, tiers[tier])
    states = [(name, entry["status"], entry["message"], "") for name, entry in state["backends"].items()]
    output.show(state, lambda: print_states(states), as_json=as_json)
    output.note(f"Written to {paths.shown(paths.backends_file())}.")


backends = typer.Typer(name="backends")


@backends.command("list", hidden=True)
@backends.callback(invoke_without_command=True)
def list_backends(context: typer.Context, as_json: AsJson = False) -> None:
    """List the backends, how each is, and what would mend it.

    Example: memory-router backends --json
    """
    if context.invoked_subcommand:
        return
    manifests, problems = read_manifests(paths.backend_folders())
    registered = _registered()
    health = app.registration.probe_all(manifests.values())
    rows = [_row(manifest, registered, health[name]) for name, manifest in manifests.items()]
    output.show({"backends": rows, "problems": problems}, lambda: _print(rows, problems), as_json=as_json)


def _print(rows: list[JsonObject], problems: Sequence[str]) -> None:
    columns = ("backend", "tier", "registered", "now", "modes", "engine")
    print_table(
        columns,
        [
            (row["name"], row["tier"], row["registered"] or "no", row["status"], ", ".join(row["modes"]), row["engine"])
            for row in rows
        ],
    )
    print()
    for row in rows:
        output.say(f"{row['name']}: {row['reason']} {row['fix']}")
    for problem in problems:
        output.note(problem)


@backends.command("test")
def check_contract(
    name: Annotated[str, typer.Argument(help="The backend, as `memory-router backends` lists it.")],
    as_json: AsJson = False,
) -> None:
    """Test a backend against the adapter contract.

    The exit code is 1 if one is broken.

    Example: memory-router backends test qmd
    """
    manifests, _ = read_manifests(paths.backend_folders())
    if name not in manifests:
        raise UnknownBackendError(f"There is no backend {name!r}.", f"Choose one of: {', '.join(sorted(manifests))}.")
    deadline_ms = manifests[name].deadline_ms or config_file.load().deadlines.default_ms
    checks = []
    for check in check_backend(manifests[name], deadline_ms):
        checks.append(check)
        if not as_json and output.is_terminal():
            output.say(f"{'kept  ' if check.is_kept else 'BROKEN'}  {check.promise}  {check.observation}")
    output.show({"backend": name, "checks": [check._asdict() for check in checks]}, lambda: None, as_json=as_json)
    if not all(check.is_kept for check in checks):
        raise typer.Exit(1)


def _row(manifest: Manifest, registered: RegistryState, health: Health) -> JsonObject:
    known = registered.backends.get(manifest.name)
    return {
        "name": manifest.name,
        "description": manifest.description,
        "tier": manifest.tier,
        "registered": known.status if known else None,
        "status": health.status,
        "verbs": manifest.verbs,
        "modes": manifest.modes,
        "engine": health.engine,
        "reason": health.reason,
        "fix": health.fix,
        "folder": manifest.folder,
    }


def _registered() -> RegistryState:
    try:
        return read_state(paths.backends_file())
    except StateError as error:
        output.note(f"memory-router: {error}")
        return RegistryState("", {})
