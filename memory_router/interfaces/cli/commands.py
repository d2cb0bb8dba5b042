"""The command line as a `typer` application: every command, its help and its errors.

A command's module is imported when the command is called, or when its help is shown; so that `remember` does not pay
for what `learn` needs.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from memory_router.errors import CancelledError, MemoryRouterError, UsageError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.options import Option

if TYPE_CHECKING:
    from memory_router.interfaces.cli.ask import Command

# What `--help` shows, in the order in which a newcomer needs it: each command with its module.
_SHOWN: dict[str, dict[str, str]] = {
    "Every day": {
        "setup": "setup",
        "query": "ask",
        **{name: name for name in ("remember", "index", "status", "suggestions")},
        "forget": "memories",
        "get": "get",
    },
    "Look closer": {"window": "window", **dict.fromkeys(("memories", "rules", "outcomes", "backends", "agents"), "")},
}
# What the groups hold: a group with no help here begins with the commands of the module of its name.
_GROUPS: dict[str, tuple[str | None, dict[str, str]]] = {
    "memories": (
        "Look after what is remembered.",
        {
            **dict.fromkeys(("recall", "list", "history", "promote", "demote", "tiers"), "memories"),
            **dict.fromkeys(("import", "export", "backup"), "transfer"),
        },
    ),
    "rules": (
        None,
        {
            "route": "ask",
            "executions": "executions",
            "stats": "stats",
            "learn": "learn",
            **dict.fromkeys(("dream", "amendments"), "dreams"),
            "approvals": "approvals",
        },
    ),
    "outcomes": (None, {"profile": "profile"}),
    "backends": (
        None,
        {
            "init": "backends",
            "doctor": "doctor",
            "eval": "evaluation",
            **{name: name for name in ("graph", "config", "db", "resident")},
        },
    ),
    "agents": (
        "Connect the agents of this machine.",
        {"mcp": "mcp", "hooks": "hooks", **dict.fromkeys(("skill", "plugin"), "skill")},
    ),
}
# Names that work without their group, and are not shown: earlier ones, and what messages and agents call.
_ALIASES: dict[str, str] = {
    **{name: module for _, members in _GROUPS.values() for name, module in members.items() if name != "list"},
    **dict.fromkeys(("approve", "deny"), "approvals"),
    **dict.fromkeys(("advise", "accept", "reject", "undo"), "suggestions"),
}
_MARKUP: Literal["markdown"] = "markdown"
_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
# The framework does not export the class, only one that is derived from it.
_USAGE_ERROR: Any = typer.BadParameter.__base__
_TOO_MANY_WORDS = "Got unexpected extra argument"
_TEXT = "The question; `-` reads one a line from stdin."


class _Commands(Mapping[str, Any]):
    """The commands of a group by name; each is made when it is looked up.

    Args:
        makers: what makes each command.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = makers
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def _all() -> _Commands:
    shown = {
        name: partial(_group, name, panel) if name in _GROUPS else partial(_command, name, module, panel)
        for panel, members in _SHOWN.items()
        for name, module in members.items()
    }
    aliases = {name: partial(_command, name, module, None) for name, module in _ALIASES.items()}
    return _Commands({**aliases, **shown})


def _group(name: str, panel: str) -> Any:
    help_text, members = _GROUPS[name]
    own = typer.Typer(name=name, no_args_is_help=True, help=help_text) if help_text else _member(name, name)
    group: Any = _named(typer.main.get_group(own), name, panel)
    makers = {child: partial(group.commands.get, child) for child in group.commands}
    makers |= {child: partial(_command, child, module, "") for child, module in members.items()}
    group.commands = _Commands(makers)
    return group


def _command(name: str, module: str, panel: str | None) -> Any:
    """Make a command; without a panel it is hidden."""
    member = _member(name, module)
    if isinstance(member, typer.Typer):
        return _named(typer.main.get_group(member), name, panel)
    single = typer.Typer(add_completion=False, rich_markup_mode=_MARKUP, context_settings=_CONTEXT)
    single.command(name)(member)
    return _named(typer.main.get_command(single), name, panel)


def _member(name: str, module: str) -> Any:
    """Return the function of a command, or a group of commands; names of Python's own end in an underscore."""
    where = import_module(f"memory_router.interfaces.cli.{module}")
    if module == "ask":
        return typer_command(name, where.COMMANDS[name])
    return getattr(where, f"{name}_", None) or getattr(where, name)


def _named(command: Any, name: str, panel: str | None) -> Any:
    command.name = name
    command.rich_help_panel = panel or None
    command.hidden = panel is None
    _draw_help_compactly(command)
    return command


def _draw_help_compactly(command: Any) -> None:
    command.format_help = partial(_write_help, command)
    for child in getattr(command, "commands", {}).values():
        _draw_help_compactly(child)


def _write_help(command: Any, context: Any, formatter: Any) -> None:
    from memory_router.interfaces.cli.help import drawn

    formatter.write(drawn(command, context))


class _Group(typer.core.TyperGroup):
    """Show commands in the order in which a newcomer needs them, and turn our errors into exit code 1."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _all()  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the framework's signature
        return [name for members in _SHOWN.values() for name in members]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _write_help(self, ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MemoryRouterError as error:
            output.fail(error)

    def main(self, *arguments: Any, **settings: Any) -> Any:
        try:
            code = super().main(*arguments, **{**settings, "standalone_mode": False})
        except _USAGE_ERROR as error:
            _fail_by_usage(error)
        except typer.Abort:
            output.fail(CancelledError("Nothing was confirmed, so nothing was done.", ""))
        sys.exit(code)


def _fail_by_usage(error: Any) -> NoReturn:
    is_help = type(error).__name__ == "NoArgsIsHelpError"  # the framework exports neither class
    if is_help and not output.wants_json():
        print(error.message, file=sys.stderr)  # drawn for a terminal already
        sys.exit(error.exit_code)
    cause = "A command is missing." if is_help else error.format_message()
    parameter = getattr(error, "param", None)
    if parameter and parameter.param_type_name == "argument":
        from memory_router.interfaces.cli.help import placeholder

        cause = cause.replace(f"'{parameter.name}'", placeholder(parameter).removesuffix("..."))
    command = error.ctx.command_path if error.ctx else "memory-router"  # an option without its value has no context
    help_ = f"Help: {command} --help"
    if cause.startswith(_TOO_MANY_WORDS) and any(parameter.name == "text" for parameter in error.ctx.command.params):
        help_ = f"Put the whole text in quotes. {help_}"
    output.fail(UsageError(cause, help_), error.exit_code)


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
    """Ask the right memory of an agent, and say why. Begin with `memory-router setup`."""


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
