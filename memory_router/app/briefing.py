"""Gather what an agent should know as a session begins: the project, where it was left, what is new, what is open.

Each part is a result as answers hold them, so that it is quoted as data like all that memory says.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from memory_router import paths, scope
from memory_router.contract import JsonObject, iso_time
from memory_router.engines.tiers.memory import Selection
from memory_router.engines.tiers.stores.opening import read_own
from memory_router.engines.transcripts.last_session import last_request
from memory_router.routing.router import Choice, QuestionRouter
from memory_router.storage.files import beginning

_READMES = ("README.md", "readme.md", "README.rst", "README.txt", "README")
_TASK_LISTS = ("TODO.md", "TODO", "NOTES.md", "ROADMAP.md", *_READMES[:2])
_OPEN_TASK = re.compile(r"^\s*[-*+] \[ \] +(\S.*)$", re.MULTILINE)
_PARAGRAPH = re.compile(r"^(?![#!<\[|>=\-`]).{20,}(?:\n(?!\s*$).+)*", re.MULTILINE)
_READ = 20_000  # characters of a file
_NEW_FACTS, _OPEN_TASKS, _DECISIONS = 4, 3, 2
_LATEST_DECISIONS = "what did we decide last"


class SessionStart(NamedTuple):
    """Where a session begins.

    Args:
        folder: its working folder, an absolute path.
        project: the project of that folder; None for everywhere.
        session: the session's id; its own words are not told to it again.
        since: when the last session began there, in seconds since the epoch.
    """

    folder: str
    project: str | None
    session: str
    since: float


def parts(place: SessionStart, open_router: Callable[[], QuestionRouter]) -> Iterator[JsonObject]:
    """Yield what is known for a session, the most useful first.

    Args:
        place: where the session begins.
        open_router: gives whom to ask for the latest decisions, where there may be some.
    """
    top = scope.checkout_of(place.folder) or place.folder
    yield from _about(top)
    if place.project and (left := last_request(paths.transcripts_db(), place.project, place.session)):
        yield _part(f"Last asked for here: {left.text}", "last session", left.time)
    yield from _new_facts(place)
    yield from _open_tasks(top)
    if place.project and os.path.exists(paths.transcripts_db()):
        choice = Choice(backend="lossless")
        envelope = open_router().query(_LATEST_DECISIONS, choice=choice, limit=_DECISIONS, project=place.project)
        if envelope.status == "success":
            yield from envelope.results


def _about(folder: str) -> Iterator[JsonObject]:
    for name in _READMES:
        file = os.path.join(folder, name)
        if told := _PARAGRAPH.search(beginning(file, _READ)):
            yield _part(told[0], "about", os.path.getmtime(file), path=file)
            return


def _new_facts(place: SessionStart) -> Iterator[JsonObject]:
    store = read_own()
    if store is None:
        return
    now = time.time()
    selection = Selection(scope=place.project, since=place.since, tiers=("session", "persistent"))
    for memory in store.find(selection, now, _NEW_FACTS):
        if memory.superseded_by is None:
            yield _part(memory.text, "remembered since", memory.created, id=f"totalrecall:{memory.id}")
    store.close()


def _open_tasks(folder: str) -> Iterator[JsonObject]:
    for name in _TASK_LISTS:
        file = os.path.join(folder, name)
        if tasks := _OPEN_TASK.findall(beginning(file, _READ)):
            yield _part("Open: " + "; ".join(tasks[:_OPEN_TASKS]), "open", os.path.getmtime(file), path=file)
            return


def _part(text: str, source: str, at: float | None, **place: str) -> JsonObject:
    return {"content": text, "source": source, "timestamp": iso_time(at) if at else None, **place}
