"""`memory-router backends config`: check the rule table."""

from typing import Annotated

import typer

from memory_router import paths
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_entries
from memory_router.routing import config_file, config_schema, lint
from memory_router.routing.registry import read_manifests

config = typer.Typer(name="config", no_args_is_help=True, help="Check the rule table.")


@config.callback()
def _group() -> None:
    """Check the rule table."""


@config.command()
def check(
    file: Annotated[str | None, typer.Argument(help="The file; by default the one in force.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a `router-config.json`, and find likely mistakes.

    Exit code 1 means that it is not valid, or that something was found: a rule that can never match, a backend
    that no manifest knows, a pattern that runs too long, an example that another rule takes.

    Example: memory-router backends config check my-config.json
    """
    file = file or paths.config_file()
    body = config_file.completed(config_file.read(file))
    config_schema.validate(body, file)
    manifests, _ = read_manifests(paths.backend_folders())
    findings = lint.lint(config_file.build(body, file), manifests, lint.examples_of(body))
    output.show(
        {"file": file, "ok": not findings, "findings": [f._asdict() for f in findings]},
        (lambda: print_entries([((where,), f"{what} {fix}") for where, what, fix in findings], ""))
        if findings
        else f"{paths.shown(file)} is valid, and nothing in it looks wrong.",
        as_json=as_json,
    )
    raise typer.Exit(1 if findings else 0)
