"""Draw `--help` of any command on one screen: no boxes, one line for a command, short lines for options."""

import re
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from memory_router.interfaces.cli.tables import terminal

_WIDEST = 100
_EXAMPLE = "Example: "


def drawn(command: Any, context: Any) -> str:
    """Return what a command does, what it takes, and an example, as `--help` prints it.

    Args:
        command: the command as the framework has it.
        context: the framework's context of it.
    """
    console = terminal()
    console.width = min(console.width, _WIDEST)
    with console.capture() as capture:
        _print(console, command, context)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _print(console: Console, command: Any, context: Any) -> None:
    prose, _, example = (command.help or "").partition(_EXAMPLE)
    console.print(Text(f"Usage: {usage(command, context.command_path)}"), soft_wrap=True)
    for paragraph in re.split(r"\n\s*\n", prose.strip()):
        console.print()
        console.print(_marked(" ".join(paragraph.split())))
    for title, rows in _panels(command, context).items():
        _print_list(console, title, rows)
    options = [(_names(parameter), _words(parameter)) for parameter in command.get_params(context)]
    if getattr(command, "invoke_without_command", not hasattr(command, "commands")):
        # Whoever reads the last row, `--help`, has found it.
        _print_list(console, "Options", options[:-1] or options)
    else:
        console.print()
        console.print(Text.assemble(("Options: ", "bold"), (", ".join(name for name, _ in options), "cyan")))
    if example:
        console.print()
        console.print(Text.assemble((_EXAMPLE, "bold"), " ".join(example.split())), soft_wrap=True)


def usage(command: Any, path: str) -> str:
    """Return the usage line of a command.

    Args:
        command: the command as the framework has it.
        path: its name with those of its groups.
    """
    arguments = [placeholder(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
    if hasattr(command, "commands"):
        arguments.append("[COMMAND]" if command.invoke_without_command else "COMMAND")
    return " ".join([path, "[OPTIONS]", *arguments])


def summary(command: Any) -> str:
    """Return the first paragraph of a command's help, as the help of its group shows it."""
    first, _, _ = (command.help or "").strip().partition("\n\n")
    return " ".join(first.split())


def _panels(command: Any, context: Any) -> dict[str, list[tuple[str, str]]]:
    """Return the commands of a group with what they do, by the panel that they stand in."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for name in command.list_commands(context) if hasattr(command, "commands") else ():
        child = command.get_command(context, name)
        if not child.hidden:
            panels.setdefault(child.rich_help_panel or "Commands", []).append((name, summary(child)))
    return panels


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return placeholder(parameter)
    names = sorted([*parameter.opts, *parameter.secondary_opts], key=len)
    return ", ".join(names) + value(parameter)


def placeholder(argument: Any) -> str:
    """Return how usage names an argument."""
    name = (argument.metavar or argument.name).upper().strip("[]")
    name += "..." if argument.nargs == -1 and not name.endswith("...") else ""
    return name if argument.required else f"[{name}]"


def value(option: Any) -> str:
    """Return how usage names the value of an option, after a space; nothing for a flag."""
    return "" if option.is_flag else f" {option.metavar or option.opts[0].rpartition('-')[2].upper()}"


def _words(parameter: Any) -> str:
    default = parameter.default
    is_told = default not in (None, False, True, (), [], "") and not callable(default)
    return f"{parameter.help or ''}{f' [{default}]' if is_told else ''}"


def _print_list(console: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    console.print()
    console.print(Text(f"{title}:", style="bold"))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, words in rows:
        table.add_row(Text(f"  {name}", style="cyan"), _marked(words))
    console.print(table)


def _marked(words: str) -> Text:
    """Return a text with what stands between backticks in bold."""
    parts = words.split("`")
    return Text.assemble(*((part, "bold" if position % 2 else "") for position, part in enumerate(parts)))
