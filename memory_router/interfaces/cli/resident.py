"""`memory-router backends resident`: show or stop the warm process of this home."""

import json
from contextlib import suppress

import typer

from memory_router import paths
from memory_router import resident as asking
from memory_router.contract import JsonObject
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson

resident = typer.Typer(name="resident", no_args_is_help=True, help="See or stop the process that keeps answers fast.")

_NOBODY = 'No resident runs; the next question starts one, unless `"resident": "off"` is set.'


@resident.callback()
def _group() -> None:
    """See or stop the process that keeps answers fast."""


@resident.command()
def status(as_json: AsJson = False) -> None:
    """Show whether the resident runs, since when, what it watches.

    Example: memory-router backends resident status
    """
    told = _told("status")
    output.show(told, _state(told), as_json=as_json)


@resident.command()
def stop(as_json: AsJson = False) -> None:
    """End the resident; the next question starts another one.

    Example: memory-router backends resident stop
    """
    told = _told("stop")
    sentence = f"The resident (process {told['pid']}) was stopped." if "pid" in told else _NOBODY
    output.show(told, sentence, as_json=as_json)


def _state(told: JsonObject) -> str:
    if not told["running"]:
        return _NOBODY
    if not told.get("answering", True):
        return f"The resident (process {told['pid']}) does not answer. End it: memory-router backends resident stop"
    watched = "watched" if told["watching"] else "not watched"
    return (
        f"The resident runs as process {told['pid']} since {told['seconds']:,} s and answered {told['answered']:,}"
        f" questions; indexed folders are {watched}."
    )


def _told(verb: str) -> JsonObject:
    answer = asking.control(verb)
    with suppress(ValueError):
        if answer:
            told: JsonObject = json.loads(answer[0])
            return told
    return {"running": False, "socket": paths.shown(paths.runtime_dir())}
