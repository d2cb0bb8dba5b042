"""Write one page that needs nothing else: how everything is, what was asked, what is remembered, what waits."""

import os
import time
from pathlib import Path
from typing import NamedTuple

from memory_router import __version__, app
from memory_router.errors import StoreError
from memory_router.interfaces.window.rendering import environment
from memory_router.learning.stores import open_stores
from memory_router.storage.files import write_whole

# How many entries of each list the page has at most.
_MOST = 500


class Written(NamedTuple):
    """What was written: the file, its size in bytes, and how many entries it holds of each list."""

    file: str
    bytes: int
    memories: int
    executions: int
    suggestions: int


def write(file: str, *, is_replacing: bool) -> Written:
    """Write the page, readable by its owner alone, as a whole or not at all.

    Args:
        file: where to.
        is_replacing: whether a file that is there may be replaced.

    Raises:
        StoreError: the file is there, or cannot be written.
    """
    if os.path.exists(file) and not is_replacing:
        raise StoreError(f"{file} is there already.", "Choose another name, or replace it with --yes.")
    with open_stores() as stores:
        report = app.health.health(stores)
        executions = stores.executions.newest(_MOST)
        llm = stores.config.learning
    suggestions = app.improving.suggest(lambda: None).suggestions
    page = app.looking.page(app.looking.Filter(), limit=_MOST)
    text = (
        environment()
        .get_template("export.html")
        .render(
            style=_style(),
            found=report,
            progress=None,
            llm=llm,
            warning=app.indexing.deletion_warning(),
            page=page,
            executions=executions,
            suggestions=suggestions,
            most=_MOST,
            now=time.time(),
            version=__version__,
        )
    )
    body = text.encode("utf-8", "replace")
    try:
        write_whole(os.path.abspath(file), body)
        os.chmod(file, 0o600)
    except OSError as error:
        raise StoreError(f"{file} cannot be written ({error.strerror}).", "Choose another folder.") from error
    return Written(file, len(body), len(page.listed), len(executions), len(suggestions))


def _style() -> str:
    return (Path(__file__).parent / "static" / "window.css").read_text("utf-8")
