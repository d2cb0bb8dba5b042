"""The state of the real QMD on this machine: each way of not being ready has its own reason and fix."""

import os
import shutil

from memory_router.engines.foreign import ForeignState
from memory_router.engines.qmd.database import QmdDatabase, read
from memory_router.engines.qmd.program import Trouble, missing_models, program
from memory_router.engines.qmd.semantic import daemon_port, unembedded
from memory_router.errors import StoreError
from memory_router.paths import shown

_FIX_ADD = "Run: qmd collection add FOLDER --name NAME"


def examine(index: str | None) -> ForeignState | None:
    """Return the state of QMD, or None if nothing of it is on this machine.

    Args:
        index: its index, or None.
    """
    if index is None:
        return _without_index()
    try:
        documents, collections = read(index, _counts)
        if not documents:
            return ForeignState(
                "empty", f"QMD's index {shown(index)} holds no documents.", f"{_FIX_ADD}, or: qmd update"
            )
        trouble = _of_models(index)
    except StoreError as error:
        return ForeignState("unusable", error.cause, error.fix)
    named = f"{documents:,} document{'s' * (documents != 1)} in {collections:,} collection{'s' * (collections != 1)}"
    reason = f"QMD's index: {named}.{_passed_over()}"
    if trouble is None:
        return ForeignState("ready", reason, "")
    return ForeignState("ready", f"{reason} Its modes vsearch and query: {trouble.reason}", trouble.fix)


def _without_index() -> ForeignState | None:
    if named := os.environ.get("INDEX_PATH"):
        return ForeignState(
            "missing", f"INDEX_PATH names {shown(named)}, and no QMD index is there.", f"{_FIX_ADD}, or unset it"
        )
    if shutil.which("qmd"):
        return ForeignState("missing", f"QMD is installed but has no index yet.{_passed_over()}", _FIX_ADD)
    return None


def _counts(opened: QmdDatabase) -> tuple[int, int]:
    sql = "SELECT count(*), count(DISTINCT collection) FROM documents WHERE active = 1"
    documents, collections = opened.connection.execute(sql).get
    return documents, collections


def _of_models(index: str) -> Trouble | None:
    """Return why meaning cannot be searched for, or is slow; None if the daemon is there for it."""
    if trouble := unembedded(index) or missing_models("embed"):
        return trouble
    if daemon_port():
        return None
    runs = program()
    if isinstance(runs, Trouble):
        return runs
    if trouble := missing_models("generate", "rerank"):
        return trouble
    return Trouble(
        "QMD's daemon is not running, so every question loads the models anew.", "Run: qmd mcp --http --daemon"
    )


def _passed_over() -> str:
    """Return a sentence about the project's own index, if QMD would take that one in the present folder."""
    folder = os.getcwd()
    while True:
        index = os.path.join(folder, ".qmd", "index.sqlite")
        if os.path.exists(index):
            return f" The project's own index {shown(index)} is not read; set INDEX_PATH to it to have it read."
        if folder == (folder := os.path.dirname(folder)):
            return ""
