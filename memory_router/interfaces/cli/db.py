"""`memory-router db`: look after the database of executions, rules and approvals."""

from typing import Annotated

import typer

from memory_router import paths
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.memories import AsJson, Yes, confirm
from memory_router.learning import transfer
from memory_router.learning.schema import SCHEMA
from memory_router.storage.database import open_database, without_password

db = typer.Typer(name="db", no_args_is_help=True, help="Look after the database of executions, rules and approvals.")

Url = Annotated[
    str | None, typer.Argument(help="sqlite:PATH or postgresql://USER@HOST/NAME; the one in force if left out.")
]


@db.callback()
def _group() -> None:
    """Look after the database of executions, rules and approvals.

    It is `memory.db`, or what MEMORY_ROUTER_DATABASE names: a PostgreSQL with pgvector that a team shares.
    """


@db.command()
def migrate(url: Url = None, as_json: AsJson = False) -> None:
    """Bring the tables up to date; every other command does so, too. A SQLite file is backed up before.

    Example: memory-router db migrate postgresql://team@db.example.com/memory
    """
    url = url or paths.learning_database()
    database = open_database(url, SCHEMA)
    version = database.version(SCHEMA.room)
    database.close()
    _print({"database": without_password(url), "schema": version}, f"has schema {version}.", as_json=as_json)


@db.command()
def copy(
    source: Annotated[str, typer.Argument(help="sqlite:PATH or postgresql://USER@HOST/NAME.")],
    target: Annotated[str, typer.Argument(help="Where to, in the same form.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Add to TARGET every execution, rule, approval, dream and amendment of SOURCE that it lacks.

    Example: memory-router db copy sqlite:memory.db postgresql://team@db.example.com/memory
    """
    confirm(f"Add what {without_password(source)} holds to {without_password(target)}?", yes=yes)
    databases = open_database(source, SCHEMA), open_database(target, SCHEMA)
    copied = transfer.copy(*databases)
    for database in databases:
        database.close()
    if as_json or not output.is_terminal():
        output.print_json({"copied": [one._asdict() for one in copied]})
        return
    from memory_router.interfaces.cli.tables import print_table

    print_table(("table", "rows", "new there"), [(one.table, str(one.rows), str(one.added)) for one in copied])


@db.command()
def check(url: Url = None, as_json: AsJson = False) -> None:
    """Say whether the database is whole; exit code 1 means that it is not.

    Example: memory-router db check
    """
    url = url or paths.learning_database()
    database = open_database(url, SCHEMA)
    problems = transfer.check(database)
    database.close()
    told = "is whole." if not problems else f"has problems: {'; '.join(problems)}."
    _print({"database": without_password(url), "ok": not problems, "problems": problems}, told, as_json=as_json)
    raise typer.Exit(1 if problems else 0)


def _print(found: dict[str, object], told: str, *, as_json: bool) -> None:
    if as_json or not output.is_terminal():
        output.print_json(found)
        return
    print(output.visible(f"{found['database']} {told}"))
