"""`memory-router rules learn`: turn what was asked into rules."""

from typing import TYPE_CHECKING, Annotated

import typer

from memory_router import app
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_table

if TYPE_CHECKING:
    from memory_router.learning.learner import Lesson


def learn(
    reset: Annotated[
        bool, typer.Option("--reset", help="Take back every learned prior, and count only what is rated from now on.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print nothing; end at once if another run is at work.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Propose rules for groups of questions that one backend answers.

    It also counts whose results were useful for the questions of each rule: rated, fetched, or right when a question
    was asked again. That moves the priors of `query --all` by at most 1.5.

    It also runs in the background after every 50 questions (`executions.learn_every`). What it proposes
    routes nothing before it is accepted among the `suggestions`, unless the configuration says `"learning": "on"`.

    Example: memory-router rules learn
    """

    def waiting() -> None:
        if quiet:
            raise typer.Exit
        output.note("Another process is learning; waiting for it.")

    if reset:
        number = app.improving.reset_priors(waiting)
        output.show({"reset": number}, f"{number} learned priors were taken back.", as_json=as_json)
        return
    lesson, mode = app.improving.learn(waiting)
    if quiet:
        return
    told = {**lesson._asdict(), "patterns": [pattern._asdict() for pattern in lesson.patterns]}
    output.show(told, lambda: _print_lesson(lesson, mode), as_json=as_json)


def _print_lesson(lesson: "Lesson", mode: str) -> None:
    phases = lesson.phases
    output.say(
        f"{lesson.executions} executions: {phases['rule']} patterns with a rule's worth of them, "
        f"{phases['forming']} forming, {phases['new']} new."
    )
    if lesson.patterns:
        print_table(
            ("pattern", "executions", "rule", ""),
            [
                (pattern.request_pattern, pattern.executions, pattern.rule, pattern.reason)
                for pattern in lesson.patterns
            ],
        )
    if lesson.proposed and mode == "suggest":
        output.note(f"\n{len(lesson.proposed)} rules were found. Decide: memory-router suggestions list")
    if lesson.suspended:
        output.note(f"Suspended, since they fail too often now: {', '.join(lesson.suspended)}")
