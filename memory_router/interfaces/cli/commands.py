"""The command line as a `typer` application: every command, its help and its errors.

A command's module is imported when the command is called, or when its help is shown; so that `remember` does not pay
for what `learn` needs.
"""

import inspect
import keyword
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from memory_router.errors import MemoryRouterError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.options import Option

if TYPE_CHECKING:
    from memory_router.interfaces.cli.ask import Command

# What `--help` shows together, in the order in which a newcomer needs it: each command with its module.
_PANELS: dict[str, dict[str, str]] = {
    "Begin": {"setup": "setup", "init": "backends", "index": "index"},
    "Ask": {"query": "ask", "route": "ask", "get": "get", "graph": "graph", "mcp": "mcp"},
    "Remember": {
        "remember": "remember",
        **dict.fromkeys(("recall", "promote", "demote", "history", "forget", "tiers"), "memories"),
        **dict.fromkeys(("export", "import", "backup"), "transfer"),
    },
    "Learn from use": {
        **{name: name for name in ("executions", "learn", "rules")},
        **dict.fromkeys(("approve", "deny", "approvals"), "approvals"),
        "stats": "stats",
        "dream": "dreams",
        "suggestions": "suggestions",
        **{name: name for name in ("outcomes", "profile")},
    },
    "Look after it": {
        **{name: name for name in ("backends", "doctor", "config", "db")},
        **dict.fromkeys(("skill", "plugin"), "skill"),
        **{name: name for name in ("hooks", "window")},
    },
    # Earlier names, which still work and are not shown.
    "": {"amendments": "dreams", **dict.fromkeys(("advise", "accept", "reject", "undo"), "suggestions")},
}
_MARKUP: Literal["markdown"] = "markdown"
_CONTEXT = {"help_option_names": ["-h", "--help"]}
# The framework does not export the class, only one that is derived from it.
_USAGE_ERROR: Any = typer.BadParameter.__base__
_TEXT = "The question, or `-` for one a line from stdin."


class _Commands(Mapping[str, Any]):
    """Hold every command by its name, and make one when it is looked up."""

    def __init__(self) -> None:
        self._panels = {name: panel for panel, members in _PANELS.items() for name in members}
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(name, self._panels[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._panels)

    def __len__(self) -> int:
        return len(self._panels)


def _command(name: str, panel: str) -> Any:
    module = import_module(f"memory_router.interfaces.cli.{_PANELS[panel][name]}")
    if _PANELS[panel][name] == "ask":
        member: Any = typer_command(name, module.COMMANDS[name])
    else:
        member = getattr(module, f"{name}_" if keyword.iskeyword(name) else name)
    if isinstance(member, typer.Typer):
        made: Any = typer.main.get_group(member)
    else:
        single = typer.Typer(add_completion=False, rich_markup_mode=_MARKUP, context_settings=_CONTEXT)
        single.command(name)(member)
        made = typer.main.get_command(single)
    made.name = name
    made.rich_help_panel = panel
    made.hidden = not panel
    return made


class _Group(typer.core.TyperGroup):
    """Show commands in the order in which a newcomer needs them, and turn our errors into exit code 1."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands()  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the framework's signature
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MemoryRouterError as error:
            output.fail(error)

    def main(self, *arguments: Any, **settings: Any) -> Any:
        if not output.wants_json():
            return super().main(*arguments, **settings)
        try:
            code = super().main(*arguments, **{**settings, "standalone_mode": False})
        except _USAGE_ERROR as error:
            output.fail_as_json("USAGE_ERROR", error.format_message(), error.exit_code)
        except typer.Abort:
            output.fail_as_json("CANCELLED", "Nothing was confirmed, so nothing was done.", 1)
        sys.exit(code)


app = typer.Typer(
    name="memory-router",
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode=_MARKUP,
    pretty_exceptions_enable=False,
    context_settings=_CONTEXT,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        output.print_version()
        raise typer.Exit


@app.callback()
def memory_router(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Ask the memory that fits a question, under a deadline, with fallback and a reason for every answer.

    Start with `memory-router setup`, then `memory-router query "..."`.
    """


def typer_command(name: str, command: "Command") -> Callable[..., None]:
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
