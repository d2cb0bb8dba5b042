"""`memory-router backends eval`: test memory on the user's own material."""

import sys
from typing import Annotated

import typer

from memory_router import app
from memory_router.app.evaluating import Evaluation
from memory_router.interfaces.cli import output, progress
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_table


def eval(  # noqa: A001 - the name of the command
    questions: Annotated[
        int, typer.Option(min=1, max=1000, help="The largest number of passages to ask each backend for.")
    ] = 30,
    as_json: AsJson = False,
) -> None:
    """Measure how well each backend finds what is known to be there.

    It also asks for what is not there.

    The questions are made from your own notes, memories and conversations; nothing is recorded, and nothing leaves the
    machine. They are easier than yours: compare the figures of one installation before and after a change.

    Example: memory-router backends eval --questions 50 --json
    """
    with progress.of_count() as advanced:
        evaluation = app.evaluating.evaluate(questions, advanced)
    output.show(evaluation.to_dict(), lambda: _print(evaluation), as_json=as_json)
    if not any(evaluation.passages.values()):
        sys.exit(1)


def _print(found: Evaluation) -> None:
    rows = [
        (
            name,
            score.questions,
            f"{score.success_at_1:.2f}",
            f"{score.success_at_3:.2f}",
            f"{score.claimed:.2f}",
            f"{score.right:.2f}",
            "-" if score.wrongly_accepted is None else f"{score.wrongly_accepted:.0%}",
            f"{score.median_ms:.0f} ms",
        )
        for name, score in found.scores.items()
    ]
    print_table(("", "questions", "first", "in 3", "claims", "right", "accepts nothing's", "median"), rows)
    for proposal in found.proposals:
        output.say(proposal)
