"""The parameters that several commands share, and the question before something is changed for good."""

import sys
from typing import Annotated

import typer

from memory_router.errors import UsageError
from memory_router.interfaces.cli import output

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, also on a terminal.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Id = Annotated[str, typer.Argument(help="The memory's id, as `remember` and `recall` print it.")]
Tier = Annotated[str | None, typer.Option("--tier", help="ephemeral, session or persistent; all if left out.")]
Project = Annotated[str | None, typer.Option("--project", help="Only memories of this project.")]
Tag = Annotated[list[str] | None, typer.Option("--tag", "-t", help="Only memories with this tag; repeatable.")]
Since = Annotated[str | None, typer.Option("--since", help="Only memories of this time or later (ISO 8601).")]
Until = Annotated[str | None, typer.Option("--until", help="Only memories of this time or earlier (ISO 8601).")]
By = Annotated[str | None, typer.Option("--by", help="Only what this author wrote: person, agent, a name.")]
Target = Annotated[str | None, typer.Option("--to", help="The tier to move it to; the next one if left out.")]


def confirm(question: str, *, yes: bool) -> None:
    """Go on if the user agrees; end with exit code 1 if they do not, or if there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        output.fail(UsageError(f"{question} Nobody can be asked here.", "Say so with --yes."))
    typer.confirm(question, abort=True, err=True)
