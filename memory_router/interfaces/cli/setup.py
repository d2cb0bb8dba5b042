"""`memory-router setup`: from an empty installation to a full memory that agents know, in one command."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memory_router import app, paths
from memory_router.errors import MemoryRouterError, StoreError
from memory_router.interfaces import wiring
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson, Yes, confirm
from memory_router.interfaces.wiring import Connection, FileChange
from memory_router.routing import config_file
from memory_router.text.redaction import redact

if TYPE_CHECKING:
    from memory_router.app.surveying import Findings

_TIER = "pro"
_DEMONSTRATION = "how does the circuit breaker work"
_PARTS = {"mcp": "the MCP server", "skill": "the skill", "hooks": "the hooks"}
_INTERRUPTED = "Interrupted. What was done stays; run `memory-router setup` again to go on from there."
_MEMORY_STAYS = "What is indexed and remembered stays; `memory-router index --remove` and `forget` take that out."


def setup(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of notes or code to index; without any, those in the home folder are found."),
    ] = None,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and each change, and do nothing.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take out of the agents what this command put there; memory stays.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fill memory with what is here, and connect your agents.

    It finds agents and their sessions, repositories and folders of notes, shows a plan, and asks once. Then it
    registers the backends, indexes and imports, connects the agents with the MCP server, the skill and the hooks,
    and asks a question about your own material. Run it again at any time: it adds what is new.

    Example: memory-router setup --dry-run
    """
    if undo:
        _take_out(dry_run=dry_run, as_json=as_json)
        return
    chosen = [os.path.realpath(folder.expanduser()) for folder in folders or ()]
    for folder in chosen:
        if not os.path.exists(folder):
            raise StoreError(f"{paths.shown(folder)} does not exist.", "Give folders of notes or code, or none at all.")
    findings = app.surveying.survey(os.path.expanduser("~"), chosen)
    changes, refused = _changes(findings)
    if not as_json and output.is_terminal():
        _show_plan(findings, changes)
    for sentence in refused:
        output.note(f"Left as it is: {sentence}")
    plan = _plan(findings, changes)
    if dry_run:
        output.show({**plan, "dry_run": True}, lambda: _show_dry_run(changes), as_json=as_json)
        return
    if changes or not findings.is_empty:
        confirm("Do this?", yes=yes)
    try:
        report = _done(findings, changes)
    except KeyboardInterrupt:
        output.note(_INTERRUPTED)
        sys.exit(130)
    output.show(plan | report, lambda: _show_report(report), as_json=as_json)


def _changes(findings: "Findings") -> tuple[list[FileChange], list[str]]:
    """Return what the agents that are here still lack, and why some of them are left as they are."""
    changes: list[FileChange] = []
    refused: list[str] = []
    for agent in findings.agents:
        try:
            changes += [change for change in wiring.connecting(agent.name) if change.after != change.before]
        except MemoryRouterError as error:  # one client's settings are in nobody else's way
            refused.append(str(error))
    return changes, refused


def _done(findings: "Findings", changes: Sequence[FileChange]) -> dict[str, Any]:
    """Carry out the plan, and return what came of it."""
    from memory_router.interfaces.cli import progress  # help needs no engine

    app.registration.register(_TIER, config_file.load().tiers[_TIER])
    report: dict[str, Any] = {"files": 0, "messages": 0}
    folders = [folder.path for folder in findings.folders]
    if folders:
        output.note(f"Indexing {len(folders)} folder{'s' * (len(folders) != 1)} ...")
        listener = progress.of_index()
        with listener.shown:
            report["files"] = app.indexing.index(folders, listener).files
    if any(agent.sessions or agent.noted for agent in findings.agents):
        output.note("Importing conversations ...")
        importer = progress.of_import()
        with importer.shown:
            report["messages"] = app.indexing.import_transcripts((), importer).messages
    report["connected"] = [_applied(change) for change in changes]
    # What has its first content by now is ready.
    state = app.registration.register(_TIER, config_file.load().tiers[_TIER])
    report["backends"] = {name: entry["status"] for name, entry in state["backends"].items()}
    if findings.is_empty:
        return report | {"demonstration": _demonstrated()}
    first = app.surveying.first_answer(folders, has_conversations=bool(report["messages"]))
    return report | {"first": {"question": first.question, "answer": first.envelope.to_dict()} if first else None}


def _applied(change: FileChange) -> dict[str, Any]:
    kept = change.apply()
    connection = Connection(change.client, change.part, not change.before)
    known = [connected for connected in wiring.connected() if connected[:2] != connection[:2]]
    earlier = [connected for connected in wiring.connected() if connected[:2] == connection[:2]]
    wiring.remember_connected([*known, *(earlier or [connection])])
    return _told(change) | {"kept": kept}


def _demonstrated() -> dict[str, Any]:
    """Return a question and its answer over the documents of this program, from a home that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="memory-router-") as home:
        environment = {**os.environ, "MEMORY_ROUTER_HOME": home}
        answer = b""
        documents = app.surveying.documents_of_this_project()
        for arguments in (
            ["init", "--tier", "starter"],
            ["index", *documents],
            ["query", _DEMONSTRATION, "--json", "--limit", "3"],
        ):
            command = [sys.executable, "-m", "memory_router", *arguments]
            answer = subprocess.run(command, env=environment, capture_output=True, check=False).stdout
    return {"question": _DEMONSTRATION, "answer": json.loads(answer)}


def _take_out(*, dry_run: bool, as_json: bool) -> None:
    told: list[dict[str, Any]] = []
    sentences: list[str] = []
    for connection in reversed(wiring.connected()):
        change = wiring.disconnecting(connection)
        is_there = change.after != change.before
        if not dry_run:
            if is_there:
                change.apply()
            wiring.remember_connected([connected for connected in wiring.connected() if connected != connection])
        told.append(_told(change) | {"changed": is_there})
        sentences.append(_taken_out(change, dry_run=dry_run))
    sentences = sentences or ["Nothing is connected by `memory-router setup`."]
    output.show({"disconnected": told, "dry_run": dry_run}, "\n".join([*sentences, _MEMORY_STAYS]), as_json=as_json)


def _taken_out(change: FileChange, *, dry_run: bool) -> str:
    file = paths.shown(change.file)
    if change.after == change.before:
        return f"In {file} {_PARTS[change.part]} of {change.client} is gone or was edited, so the file stays."
    return f"{'Would take' if dry_run else 'Took'} {_PARTS[change.part]} out of {file}."


def _told(change: FileChange) -> dict[str, Any]:
    return {"client": change.client, "part": change.part, "file": change.file}


def _plan(findings: "Findings", changes: Sequence[FileChange]) -> dict[str, Any]:
    return {
        "agents": [agent._asdict() for agent in findings.agents],
        "folders": [folder._asdict() for folder in findings.folders],
        "left_out": list(findings.left_out),
        "seconds": round(findings.seconds, 1),
        "changes": [_told(change) | {"diff": _shown_difference(change)} for change in changes],
    }


def _show_dry_run(changes: Sequence[FileChange]) -> None:
    for change in changes:
        print(output.visible(_shown_difference(change)), end="")
    output.note("Nothing was done.")


def _shown_difference(change: FileChange) -> str:
    # What stands around a change may be somebody's key.
    return redact(change.difference).text


def _show_plan(findings: "Findings", changes: Sequence[FileChange]) -> None:
    from memory_router.interfaces.cli.tables import print_table

    rows = [
        (f"sessions of {agent.title}", output.counted(agent.sessions, "file"), _size(agent.size))
        for agent in findings.agents
        if agent.sessions
    ]
    rows += [
        (f"notes of {agent.title}", output.counted(agent.noted, "fact"), "") for agent in findings.agents if agent.noted
    ]
    rows += [
        (paths.shown(folder.path), output.counted(folder.files, "file"), _size(folder.size))
        for folder in findings.folders
    ]
    if rows:
        print_table(("to remember", "", ""), rows)
        print(f"Reading them takes about {max(1, round(findings.seconds))} s.")
    else:
        print("No sessions of agents, no repositories and no notes were found, so memory stays empty.")
    if findings.left_out:
        shown = ", ".join(paths.shown(path) for path in findings.left_out[:5])
        more = f" and {len(findings.left_out) - 5} more" if len(findings.left_out) > 5 else ""
        print(f"Not touched for a year or too many, so left out: {shown}{more}.")
    if changes:
        print_table(
            ("to connect", "", ""),
            [(change.client, _PARTS[change.part], paths.shown(change.file)) for change in changes],
        )
    elif findings.agents:
        print(f"Connected already: {', '.join(agent.title for agent in findings.agents)}.")


def _show_report(report: dict[str, Any]) -> None:
    from memory_router.interfaces.cli.tables import print_results

    if "demonstration" not in report:
        held = (output.counted(report["files"], "file"), output.counted(report["messages"], "message"))
        output.note(f"You can ask about {' and '.join(held)}.")
    for change in report["connected"]:
        output.note(f"Connected {change['client']}: {_PARTS[change['part']]} in {paths.shown(change['file'])}.")
    shown = report.get("first") or report.get("demonstration")
    if shown:
        print(f'\n$ memory-router query "{output.visible(shown["question"])}"')
        print_results(shown["answer"]["results"][:1])
    if "demonstration" in report:
        output.note("This was asked of the documents of memory-router itself. Your memory is empty:")
        output.note('  memory-router setup FOLDER, or memory-router remember "..."')
    if wiring.connected():
        output.note("To take the connections out again: memory-router setup --undo")


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{max(size / 1e3, 1):,.0f} kB"
