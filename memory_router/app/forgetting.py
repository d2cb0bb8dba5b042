"""Forget memories and conversations wherever the program keeps them, and report what was removed where.

What is looked for in questions and logs are the words that only the forgotten texts hold: a word that other memories
or turns hold as well tells nothing about what is gone.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from memory_router import paths
from memory_router.app import remembering
from memory_router.engines.graph import building
from memory_router.engines.tiers.filters import selection_of
from memory_router.engines.tiers.memory import Memory
from memory_router.engines.tiers.traces import erase, words_of_others
from memory_router.engines.transcripts import forgetting as conversations
from memory_router.engines.transcripts import place
from memory_router.engines.transcripts.forgetting import SpokenTurn, TurnSelection
from memory_router.engines.transcripts.sources import sessions_below
from memory_router.errors import QueryError, StoreError
from memory_router.learning.forgetting import blank_questions, questions_with
from memory_router.learning.stores import open_stores
from memory_router.outcomes.forgetting import blank_outcomes
from memory_router.outcomes.memory import open_outcomes
from memory_router.storage.files import exclusive, write_whole
from memory_router.text.traces import ByteTraces, Traces, telling_words, traces_of

CONVERSATIONS = "lossless:"
_MEMORIES = "totalrecall:"


class ForgetPlan(NamedTuple):
    """What would be forgotten.

    Args:
        memories: the memories that go.
        turns: the turns, tool calls and summaries that go.
        sessions: the sessions that go as a whole.
        traces: by what these texts are recognised elsewhere.
    """

    memories: tuple[Memory, ...]
    turns: tuple[SpokenTurn, ...]
    sessions: tuple[str, ...]
    traces: Traces

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to forget."""
        return not (self.memories or self.turns)


class ForgetReceipt(NamedTuple):
    """What was removed where.

    Args:
        memories: how many memories.
        turns: how many turns, tool calls and summaries of conversations.
        questions: how many recorded questions, approvals and outcomes were blanked.
        log_lines: how many lines of logs.
        copies: damaged or earlier copies of databases that were removed, as they held the words, too.
        remains: what still holds parts of it and is left: rules that a person wrote, and files.
    """

    memories: int
    turns: int
    questions: int
    log_lines: int
    copies: tuple[str, ...]
    remains: tuple[str, ...]


def plan(ids: Sequence[str] = (), chosen_by: Mapping[str, Any] | None = None, tier: str | None = None) -> ForgetPlan:
    """Plan what to forget, and change nothing.

    Args:
        ids: ids of memories and turns, as answers give them.
        chosen_by: `project`, `session`, `since`, `until` and `tags`, as `filters.selection_of` takes them.
        tier: the tier that memories go from; None is all.

    Raises:
        QueryError: nothing is chosen, or an option is impossible.
        StoreError: a database cannot be read.
    """
    conditions = dict(chosen_by or {})
    if not ids and not conditions and tier is None:
        raise QueryError("Nothing is chosen to be forgotten.", "Name ids, a session, a tier or another option.")
    selection = selection_of(conditions, tier, time.time())
    chosen: tuple[Memory, ...] = ()
    own = [remembering.own(identifier) for identifier in ids if not identifier.startswith(CONVERSATIONS)]
    if own or not ids:
        chosen = remembering.work_with(lambda memories: memories.forget(own, filter=selection, dry_run=True)).forgotten
    turns: list[SpokenTurn] = []
    said = tuple(
        identifier.removeprefix(CONVERSATIONS) for identifier in ids if identifier.removeprefix(_MEMORIES) == identifier
    )
    if selection.tiers is None and selection.tags is None and (said or not ids):
        sessions = (selection.session,) if selection.session else ()
        choice = TurnSelection(said, sessions, selection.project, selection.since, selection.until)
        turns = conversations.chosen(place.archive(), choice)
    return _planned(chosen, turns, () if ids or not selection.session else (selection.session,))


def plan_transcripts(places: Sequence[str]) -> ForgetPlan:
    """Plan to forget the conversations that came from files and folders of transcripts, and change nothing.

    Args:
        places: the files and folders; of a file that is gone, the session of its name is meant.

    Raises:
        QueryError: nothing of it is in the archive.
        StoreError: the archive cannot be read.
    """
    sessions = sorted(sessions_below(places) | conversations.sessions_of_files(place.archive(), places))
    turns = conversations.chosen(place.archive(), TurnSelection(sessions=tuple(sessions))) if sessions else []
    if not turns:
        raise QueryError(
            f"Nothing of {', '.join(map(paths.shown, places))} is in the archive of conversations.",
            "Name the folder or file of the transcripts, or a session: memory-router forget --session ID",
        )
    return _planned((), turns, tuple(sessions))


def _planned(memories: tuple[Memory, ...], turns: Sequence[SpokenTurn], sessions: tuple[str, ...]) -> ForgetPlan:
    texts = (*(memory.text for memory in memories), *(turn.text for turn in turns))
    words = telling_words(texts)
    common = words_of_others(words, [memory.id for memory in memories])
    common |= conversations.words_of_others(place.archive(), words, turns)
    return ForgetPlan(memories, tuple(turns), sessions, traces_of(texts, common))


def questions(planned: ForgetPlan) -> int:
    """Return how many recorded questions repeat what would be forgotten."""
    with open_stores() as stores:
        return len(questions_with(stores.database, planned.traces))


def forget(planned: ForgetPlan) -> ForgetReceipt:
    """Forget what was planned, and every trace of it that the program keeps.

    Args:
        planned: what `plan` returned.

    Raises:
        StoreError: a database cannot be written; running it again, or `erase_deleted`, goes on from there.
    """
    # The texts go last: until then the same words find them again, should this be interrupted.
    with open_stores() as stores:
        blanked, own_rules = blank_questions(stores.database, stores.rules, planned.traces)
    with open_outcomes() as outcomes:
        blanked += blank_outcomes(outcomes.database, paths.outcome_archive(), planned.traces.blanked)
    lines = sum(_blank_lines(log, planned.traces) for log in _logs())
    texts = [*(memory.text for memory in planned.memories), *(turn.text for turn in planned.turns)]
    pieces = ByteTraces(texts, planned.traces.words)
    copies = tuple(path for path in _files() if _is_copy(path) and pieces.stand_in(path))
    for path in copies:
        os.unlink(path)
    if planned.turns or planned.sessions:
        conversations.forget(place.archive(), planned.turns, planned.sessions)
    if planned.memories:
        ids = [memory.id for memory in planned.memories]
        remembering.work_with(lambda memories: memories.forget(ids))
    erase_deleted()
    # Indexed files are the user's own.
    remains = (path for path in _files() if path != paths.documents_db() and pieces.stand_in(path))
    return ForgetReceipt(
        len(planned.memories),
        len(planned.turns),
        blanked,
        lines,
        copies,
        (*(f"rule {rule}" for rule in own_rules), *remains),
    )


def erase_deleted() -> None:
    """Erase every byte of deleted rows from all databases, also after a `forget` that was interrupted.

    Raises:
        StoreError: a database cannot be written, or another program still reads what was deleted; the others are done.
    """
    archive, databases = place.archive(), filter(None, dict.fromkeys((paths.memory_db(), paths.memory_file())))
    steps: list[Callable[[], None]] = [building.forget_what_is_gone, lambda: conversations.erase(archive)]
    steps += [partial(erase, database) for database in databases]
    failures = []
    for step in steps:
        try:
            step()
        except StoreError as error:
            failures.append(error)
    if failures:
        raise failures[0]


def _logs() -> Iterator[str]:
    for log in (paths.log_file(), paths.hooks_log()):
        yield from (path for path in (log, f"{log}.1") if os.path.exists(path))


def _blank_lines(log: str, traces: Traces) -> int:
    """Remove the lines of a log that repeat forgotten texts, and return how many there were."""
    with exclusive(log):
        with open(log, encoding="utf-8", errors="surrogateescape") as stream:
            lines = stream.readlines()
        kept = [line for line in lines if not traces.stand_in(line)]
        if len(kept) < len(lines):
            write_whole(log, "".join(kept).encode("utf-8", "surrogateescape"))
    return len(lines) - len(kept)


def _is_copy(path: str) -> bool:
    """Return whether a file is a damaged or an earlier copy of a database."""
    return ".damaged" in os.path.basename(path) or path.endswith(".bak")


def _files() -> Iterator[str]:
    """Yield every file in the folders of the program."""
    for top in dict.fromkeys((paths.state_dir(), paths.data_dir(), paths.cache_dir(), paths.config_dir())):
        for folder, _, names in os.walk(top):
            yield from (
                path
                for name in names
                if os.path.isfile(path := os.path.join(folder, name)) and not os.path.islink(path)
            )
