"""`memory-router backends db`: look after the database of what was learned and decided."""

from contextlib import closing
from typing import Annotated, Any

import typer

from memory_router import app, paths
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson, Yes, confirm
from memory_router.interfaces.cli.tables import print_table
from memory_router.learning import schema as learning
from memory_router.outcomes import schema as advice
from memory_router.outcomes.memory import copy_outcomes
from memory_router.storage import transfer
from memory_router.storage.database import open_database, without_password
from memory_router.storage.transfer import Copied

db = typer.Typer(name="db", no_args_is_help=True, help="Look after the database of what was learned and decided.")

_ROOMS = (learning, advice)
Url = Annotated[
    str | None, typer.Argument(help="sqlite:PATH or postgresql://USER@HOST/NAME; the one in force if left out.")
]


@db.callback()
def _group() -> None:
    """Look after the database of what was learned and decided.

    It is `memory.db`, or what MEMORY_ROUTER_DATABASE names: a PostgreSQL with pgvector that a team shares.
    """


@db.command()
def migrate(url: Url = None, as_json: AsJson = False) -> None:
    """Bring the tables up to date, after a backup.

    Every other command does so, too.

    Example: memory-router backends db migrate postgresql://team@db.example.com/memory
    """
    url = url or paths.learning_database()
    versions = {}
    for room in _ROOMS:
        with closing(open_database(url, room.SCHEMA)) as database:
            versions[room.SCHEMA.room] = database.version(room.SCHEMA.room)
    told = ", ".join(f"{version} of {room}" for room, version in versions.items())
    _print({"database": without_password(url), "schemas": versions}, f"has schema {told}.", as_json=as_json)


@db.command()
def copy(
    source: Annotated[str, typer.Argument(help="sqlite:PATH or postgresql://USER@HOST/NAME.")],
    target: Annotated[str, typer.Argument(help="Where to, in the same form.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Add to TARGET what only SOURCE holds.

    It copies executions, rules, approvals, dreams, suggestions and outcomes.

    Example: memory-router backends db copy sqlite:memory.db postgresql://team@db.example.com/memory
    """
    confirm(f"Add what {without_password(source)} holds to {without_password(target)}?", yes=yes)
    copied: list[Copied] = []
    for room in _ROOMS:
        with (
            closing(open_database(source, room.SCHEMA)) as origin,
            closing(open_database(target, room.SCHEMA)) as other,
        ):
            is_advice = room is advice
            copied += copy_outcomes(origin, other) if is_advice else transfer.copy(origin, other, room.TABLES)
    output.show(
        {"copied": [row._asdict() for row in copied]},
        lambda: print_table(("table", "rows", "new there"), copied),
        as_json=as_json,
    )


@db.command()
def repair(as_json: AsJson = False) -> None:
    """Salvage damaged databases of memories and conversations.

    The damaged files are kept. A whole database is left alone.

    Example: memory-router backends db repair
    """
    told = [{"database": path, **salvaged._asdict()} for path, salvaged in app.repairing.repair().items()]
    output.show({"repaired": told}, "\n".join(map(_repaired, told)) or "No database is damaged.", as_json=as_json)


@db.command()
def check(url: Url = None, as_json: AsJson = False) -> None:
    """Check whether the database is whole.

    Exit code 1 means that it is damaged.

    Example: memory-router backends db check
    """
    url = url or paths.learning_database()
    problems: list[str] = []
    for room in _ROOMS:
        with closing(open_database(url, room.SCHEMA)) as database:
            problems += [
                problem for problem in transfer.check(database, room.SCHEMA, room.TABLES) if problem not in problems
            ]
    told = "is whole." if not problems else f"has problems: {'; '.join(problems)}."
    _print({"database": without_password(url), "ok": not problems, "problems": problems}, told, as_json=as_json)
    raise typer.Exit(1 if problems else 0)


def _print(found: dict[str, object], told: str, *, as_json: bool) -> None:
    output.show(found, f"{found['database']} {told}", as_json=as_json)


def _repaired(found: dict[str, Any]) -> str:
    kept = f"the damaged file is kept as {found['aside']}" if found["aside"] else "its indexes were built anew"
    return f"{found['database']}: {found['rows']:,} rows were salvaged; {kept}."
