"""`memory-router status`: one screen about what memory holds, and the next step."""

from typing import TYPE_CHECKING

from memory_router import app
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_states

if TYPE_CHECKING:
    from memory_router.app.overview import Overview


def status(as_json: AsJson = False) -> None:
    """Show what memory holds, what is broken, and the next step.

    Example: memory-router status
    """
    overview = app.overview.take()
    reason = app.meaning.why_not()
    stores = [] if reason else app.meaning.coverage()
    backends = [{"name": name, **health._asdict()} for name, health in overview.backends.items()]
    told = {
        **overview._asdict(),
        "backends": backends,
        "problems": [problem._asdict() for problem in overview.problems],
        "next_step": overview.next_step and overview.next_step._asdict(),
        "meaning": {"reason": reason, "stores": [store._asdict() for store in stores]},
    }
    waiting = app.improving.waiting_sentence()
    if waiting:
        told["waiting"] = waiting
    meaning = app.meaning.told(stores)
    output.show(told, lambda: _print_overview(overview, meaning, waiting), as_json=as_json)


def _print_overview(overview: "Overview", meaning: str, waiting: str | None) -> None:
    states = [
        (name, "empty" if name in overview.empty else health.status, health.reason, "")
        for name, health in overview.backends.items()
    ]
    # Without any backend, the next step registers them all.
    missing = [
        (name, "not set up", f"Run: {command}" if states else "", "") for name, command in overview.not_set_up.items()
    ]
    print_states([*states, *missing])
    print()
    if meaning:
        output.say(meaning)
    for problem in overview.problems[1:]:
        output.say(problem.why)
        output.say(problem.do, "  ")
    step = overview.next_step
    if step is None:
        output.say("Everything works and is up to date.")
        return
    output.say(f"Next: {step.why}")
    output.say(step.do, "  ")
    if waiting and not waiting.endswith(step.do.removeprefix("Run: ")):
        output.say(waiting)
