"""`memory-router backends doctor`: check each layer, and name the fix for each problem."""

import os
import shutil
import sys
from collections.abc import Iterator
from typing import NamedTuple

import typer

from memory_router import app, paths
from memory_router.errors import MemoryRouterError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_states
from memory_router.routing import config_file
from memory_router.routing.breaker import CircuitBreaker
from memory_router.routing.config import Config
from memory_router.routing.registry import USABLE, Manifest, RegistryState, read_manifests, read_state
from memory_router.routing.rules import RuleTable


class Diagnosis(NamedTuple):
    """The outcome of one check: `ok`, `warning` (works, but could be better) or `error`, and the fix."""

    layer: str
    status: str
    finding: str
    fix: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Check the program, its folders, the rules and every backend.

    Exit code 1 means that something is broken; each finding says what to do.

    Example: memory-router backends doctor
    """
    checks = list(_checks())
    ok = all(check.status != "error" for check in checks)
    output.show(
        {"ok": ok, "checks": [check._asdict() for check in checks]},
        lambda: print_states(checks),
        as_json=as_json,
    )
    raise typer.Exit(0 if ok else 1)


def _checks() -> Iterator[Diagnosis]:
    yield _program()
    for name, folder in (("state", paths.state_dir()), ("data", paths.data_dir()), ("cache", paths.cache_dir())):
        yield _folder(name, folder)
    for database in app.repairing.damaged():
        yield Diagnosis(
            "database", "error", f"{paths.shown(database)} is damaged", "Run: memory-router backends db repair"
        )
    settings, check = _rule_table()
    yield check
    manifests, problems = read_manifests(paths.backend_folders())
    for problem in problems:
        yield Diagnosis("manifest", "error", problem, "Correct it there, or remove the folder.")
    state, check = _registration()
    yield check
    if state:
        yield from _backends(manifests, state)
    if settings and state:
        yield from _circuits(settings, state)
    yield Diagnosis("meaning", "ok", app.meaning.why_not() or app.meaning.told(app.meaning.coverage()) or "installed")
    if warning := app.indexing.deletion_warning():
        yield Diagnosis("transcripts", "warning", warning, "Run: memory-router index --transcripts")


def _program() -> Diagnosis:
    version = ".".join(map(str, sys.version_info[:3]))
    if shutil.which("memory-router"):
        return Diagnosis("program", "ok", f"Python {version}; memory-router is on the PATH")
    command = os.path.join(os.path.dirname(sys.executable), "memory-router")
    return Diagnosis(
        "program",
        "warning",
        "memory-router is not on the PATH, so agents cannot call it by name",
        f"Run: ln -s {paths.shown(command)} ~/.local/bin/",
    )


def _folder(name: str, folder: str) -> Diagnosis:
    try:
        paths.make_private(folder)
        probe = os.path.join(folder, f".probe-{os.getpid()}")
        with open(probe, "w", encoding="utf-8") as stream:
            stream.write("x")
        os.remove(probe)
    except OSError as error:
        return Diagnosis(
            name,
            "error",
            f"{paths.shown(folder)} cannot be written ({error.strerror})",
            "Mend its permissions, free some space, or point MEMORY_ROUTER_HOME at a folder you may write.",
        )
    return Diagnosis(name, "ok", paths.shown(folder))


def _rule_table() -> tuple[Config | None, Diagnosis]:
    try:
        settings = config_file.load()
        RuleTable(settings)
    except MemoryRouterError as error:
        return None, Diagnosis("rules", "error", error.cause, error.fix)
    where = "the bundled table" if settings.bundled else paths.shown(settings.file)
    return settings, Diagnosis("rules", "ok", f"{len(settings.rules)} rules from {where}")


def _registration() -> tuple[RegistryState | None, Diagnosis]:
    try:
        state = read_state(paths.backends_file())
    except MemoryRouterError as error:
        return None, Diagnosis("registration", "error", error.cause, error.fix)
    usable = [name for name, entry in state.backends.items() if entry.status in USABLE]
    if not usable:
        return state, Diagnosis(
            "registration",
            "error",
            "no registered backend is ready",
            "See the backends below. Then run `memory-router backends init`.",
        )
    return state, Diagnosis("registration", "ok", f"tier {state.tier}; ready: {', '.join(usable)}")


def _backends(manifests: dict[str, Manifest], state: RegistryState) -> Iterator[Diagnosis]:
    for name in state.backends:
        if name not in manifests:
            yield Diagnosis(
                name, "error", "registered, but its backend.json is gone", "Run: memory-router backends init"
            )
    known = [manifest for name, manifest in manifests.items() if name in state.backends]
    for name, health in app.registration.probe_all(known).items():
        registered = state.backends[name].status
        if health.status != registered:
            finding = f"is {health.status} now but registered as {registered}: {health.reason}"
            yield Diagnosis(name, "warning", finding, f"{health.fix} Then run `memory-router backends init`.".strip())
        elif health.status == "ready":
            yield Diagnosis(name, "ok", health.reason or "ready")
        else:
            yield Diagnosis(name, "warning", f"{health.status}: {health.reason}", health.fix)


def _circuits(settings: Config, state: RegistryState) -> Iterator[Diagnosis]:
    breaker = CircuitBreaker(paths.breakers_file(), settings.circuit_breaking)
    steps = {step for rule in settings.rules for step in rule.steps(None) if step.backend in state.backends}
    for step in sorted(steps, key=str):
        left = breaker.seconds_open(step)
        if left:
            yield Diagnosis(
                str(step),
                "warning",
                f"timed out too often and is skipped for another {left:.0f} s",
                "Find out why it is slow, or raise its deadline in router-config.json.",
            )
