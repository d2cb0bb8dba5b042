"""The command line as a `typer` application: every command, its help and its errors."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from memory_router import __version__
from memory_router.errors import MemoryRouterError
from memory_router.interfaces.cli import ask, output
from memory_router.interfaces.cli.advise import accept, advise, reject, undo
from memory_router.interfaces.cli.approvals import approvals, approve, deny
from memory_router.interfaces.cli.backends import backends, init
from memory_router.interfaces.cli.config import config
from memory_router.interfaces.cli.db import db
from memory_router.interfaces.cli.doctor import doctor
from memory_router.interfaces.cli.dreams import amendments, dream
from memory_router.interfaces.cli.executions import executions
from memory_router.interfaces.cli.get import get
from memory_router.interfaces.cli.graph import graph
from memory_router.interfaces.cli.hooks import hooks
from memory_router.interfaces.cli.index import index
from memory_router.interfaces.cli.learn import learn
from memory_router.interfaces.cli.mcp import mcp
from memory_router.interfaces.cli.memories import demote, forget, promote, recall, tiers
from memory_router.interfaces.cli.options import Option
from memory_router.interfaces.cli.outcomes import outcomes
from memory_router.interfaces.cli.profile import profile
from memory_router.interfaces.cli.remember import remember
from memory_router.interfaces.cli.rules import rules
from memory_router.interfaces.cli.skill import plugin, skill
from memory_router.interfaces.cli.stats import stats
from memory_router.interfaces.cli.transfer import backup, export, import_

_TEXT = "The question, or `-` for one a line from stdin."


class _Group(typer.core.TyperGroup):
    """Show commands in the order in which a newcomer needs them, and turn our errors into exit code 1."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the framework's signature
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MemoryRouterError as error:
            output.fail(error)


app = typer.Typer(
    name="memory-router",
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"memory-router {__version__}")
        raise typer.Exit


@app.callback()
def memory_router(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Ask the memory that fits a question, under a deadline, with fallback and a reason for every answer.

    Start with `memory-router init`, then `memory-router index FOLDER`, then `memory-router query "..."`.
    """


def typer_command(name: str, command: ask.Command) -> Callable[..., None]:
    """Give the framework a function with the parameters that the option table describes."""

    def run(**values: Any) -> None:
        raise typer.Exit(command.run(values))

    parameters = [
        inspect.Parameter(
            "text",
            inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[str, typer.Argument(metavar="TEXT", help=_TEXT)],
        ),
        *(_parameter(option) for option in command.options),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__doc__ = command.help
    run.__name__ = name
    return run


def _parameter(option: Option) -> inspect.Parameter:
    declared = typer.Option(option.flag, help=option.help, min=option.low, max=option.high)
    kind: Any = Literal[option.choices] if option.choices else option.kind
    kind = kind if option.default is not None else kind | None
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=Annotated[kind, declared]
    )


_ASK = [typer_command(name, command) for name, command in ask.COMMANDS.items()]
# What `--help` shows together, in the order in which a newcomer needs it.
_PANELS: dict[str, tuple[Callable[..., None] | typer.Typer, ...]] = {
    "Begin": (init, index),
    "Ask": (*_ASK, get, graph, mcp),
    "Remember": (remember, recall, promote, demote, forget, tiers, export, import_, backup),
    "Learn from use": (
        executions,
        learn,
        rules,
        approve,
        deny,
        approvals,
        stats,
        dream,
        amendments,
        advise,
        accept,
        reject,
        undo,
        outcomes,
        profile,
    ),
    "Look after it": (backends, doctor, config, db, skill, plugin, hooks),
}
for _panel, _members in _PANELS.items():
    for _member in _members:
        if isinstance(_member, typer.Typer):
            app.add_typer(_member, rich_help_panel=_panel)
        else:
            app.command(_member.__name__.rstrip("_"), rich_help_panel=_panel)(_member)
