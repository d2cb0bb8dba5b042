"""Write what follows from something else: reference, pages of rules and errors, JSON Schema, the plugin's skill.

With `--check` it writes nothing, and exit code 1 means that they are stale.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from memory_router.interfaces.cli.commands import app
from memory_router.interfaces.cli.help import placeholder, usage, value
from memory_router.routing.config_schema import json_schema

# Run as a script and loaded by path, so that its neighbour has to be on the path of modules.
sys.path.insert(0, str(Path(__file__).resolve().parent))
from reference_pages import error_pages, rule_pages

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PROGRAM = "memory-router"

_PREFACE = """# Command line

<!-- Written by scripts/generate_docs.py from the program itself. -->

Every command takes `--help`. Data goes to stdout and messages to stderr. Output that is not for a terminal is JSON.
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Yield each command that can be run, as the framework has it, with its full name."""
    yield from _below(PROGRAM, typer.main.get_command(app))


def generated() -> dict[Path, str]:
    """Return what the generated files must hold, by path."""
    sections = [_section(name, command) for name, command in commands()]
    return {
        DOCS / "cli.md": "\n".join([_PREFACE, *sections]),
        DOCS / "router-config.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        **rule_pages(),
        **error_pages(),
        # Hosts copy the plugin's folder and nothing around it.
        ROOT / "plugin" / "skills" / "memory-router" / "SKILL.md": (ROOT / "SKILL.md").read_text("utf-8"),
    }


def main() -> int:
    """Write the files, or with `--check` only compare them; return the exit code."""
    stale = [path for path, text in generated().items() if not path.exists() or path.read_text("utf-8") != text]
    only_check = "--check" in sys.argv[1:]
    for path in stale:
        print(f"{path.name} {'is stale' if only_check else 'was written'}", file=sys.stderr)
        if not only_check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(generated()[path], "utf-8")
    return 1 if only_check and stale else 0


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for own, child in command.commands.items():
        if child.hidden:
            continue
        yield from _below(f"{name} {own}", child)
    if command.invoke_without_command:
        yield name, command


def _section(name: str, command: Any) -> str:
    prose, _, example = _dedented(command.help).partition("Example: ")
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option"]
    rows = [(f"`{placeholder(argument)}`", _words(argument)) for argument in arguments]
    rows += [(", ".join(f"`{flag}{value(option)}`" for flag in option.opts), _words(option)) for option in options]
    table = "\n".join(f"| {flag} | {help_text} |" for flag, help_text in rows)
    return (
        f"## {name}\n\n```text\n{usage(command, name)}\n```\n\n{prose.strip()}\n\n| | |\n|---|---|\n{table}\n\n"
        f"```sh\n{example.strip()}\n```\n"
    )


def _dedented(text: str) -> str:
    return re.sub(r"^ +", "", text, flags=re.MULTILINE)


def _words(parameter: Any) -> str:
    default = "" if parameter.default in (None, False, ()) or callable(parameter.default) else parameter.default
    return f"{parameter.help} Default: {default}." if default else parameter.help


if __name__ == "__main__":
    sys.exit(main())
