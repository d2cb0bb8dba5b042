"""Forget memories and what was said, wherever the program keeps it, and say what went from where.

What is looked for in questions and logs are the words that only the forgotten texts hold: a word that other memories
or turns hold as well tells nothing about what is gone.
"""

import os
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from memory_router import paths
from memory_router.app import remembering
from memory_router.engines.graph import building
from memory_router.engines.tiers import traces
from memory_router.engines.tiers.filters import selection_of
from memory_router.engines.tiers.memory import Memory
from memory_router.engines.transcripts import forgetting as conversations
from memory_router.engines.transcripts import place
from memory_router.engines.transcripts.forgetting import Choice, SpokenTurn
from memory_router.errors import QueryError
from memory_router.learning.forgetting import blank_questions, holds, questions_with
from memory_router.learning.stores import open_stores
from memory_router.storage.files import exclusive, write_whole
from memory_router.text.words import is_stop_word

CONVERSATIONS = "lossless:"
_MEMORIES = "totalrecall:"
_WORD = re.compile(r"\w{4,}")
_PAIR = re.compile(r"(?=(\b\w{4,}\W+\w{4,}))")
# Words beyond these tell no more; each is looked up once.
_MOST_WORDS = 5_000


class Plan(NamedTuple):
    """Hold what is meant, before anything is forgotten.

    Args:
        memories: the memories that go.
        turns: the turns, tool calls and summaries that go.
        session: the session that goes as a whole, or None.
        words: the words that only these texts hold.
    """

    memories: tuple[Memory, ...]
    turns: tuple[SpokenTurn, ...]
    session: str | None
    words: frozenset[str]

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is meant."""
        return not (self.memories or self.turns)


class Receipt(NamedTuple):
    """Say what went from where.

    Args:
        memories: how many memories.
        turns: how many turns, tool calls and summaries of conversations.
        questions: how many recorded questions and approvals were blanked.
        log_lines: how many lines of logs.
        copies: damaged or earlier copies of databases that were removed, as they held the words, too.
        remains: files that hold parts of it still, and are not touched: backups, and what other programs keep.
    """

    memories: int
    turns: int
    questions: int
    log_lines: int
    copies: tuple[str, ...]
    remains: tuple[str, ...]


def plan(ids: Sequence[str] = (), chosen_by: Mapping[str, Any] | None = None, tier: str | None = None) -> Plan:
    """Find out what is meant, and change nothing.

    Args:
        ids: ids of memories and turns, as answers give them.
        chosen_by: `project`, `session`, `since`, `until` and `tags`, as `filters.selection_of` takes them.
        tier: the tier that memories go from; None is all.

    Raises:
        QueryError: nothing is chosen, or an option cannot be meant.
        StoreError: a database cannot be read.
    """
    conditions = dict(chosen_by or {})
    if not ids and not conditions and tier is None:
        raise QueryError("Nothing is chosen to be forgotten.", "Name ids, a session, a tier or another option.")
    selection = selection_of(conditions, tier, time.time())
    chosen: tuple[Memory, ...] = ()
    own = [remembering.own(one) for one in ids if not one.startswith(CONVERSATIONS)]
    if own or not ids:
        chosen = remembering.work_with(lambda memories: memories.forget(own, filter=selection, dry_run=True)).forgotten
    turns: list[SpokenTurn] = []
    said = tuple(one.removeprefix(CONVERSATIONS) for one in ids if one.removeprefix(_MEMORIES) == one)
    if selection.tiers is None and selection.tags is None and (said or not ids):
        choice = Choice(said, selection.session, selection.project, selection.since, selection.until)
        turns = conversations.chosen(place.archive(), choice)
    texts = (*(memory.text for memory in chosen), *(turn.text for turn in turns))
    words = list(dict.fromkeys(word for text in texts for word in _WORD.findall(text.lower())))
    words = [word for word in words if not is_stop_word(word)][:_MOST_WORDS]
    common = traces.words_of_others(paths.memory_db(), words, [memory.id for memory in chosen])
    common |= conversations.words_of_others(place.archive(), words, turns)
    return Plan(chosen, tuple(turns), None if ids else selection.session, frozenset(words) - common)


def questions(planned: Plan) -> int:
    """Return how many recorded questions hold words that only the forgotten texts hold."""
    with open_stores() as stores:
        return len(questions_with(stores.database, planned.words))


def forget(planned: Plan) -> Receipt:
    """Forget what was planned, and every trace of it that the program keeps.

    Args:
        planned: what `plan` returned.

    Raises:
        StoreError: a database cannot be written; running it again goes on from there.
    """
    if planned.turns or planned.session:
        conversations.forget(place.archive(), planned.turns, planned.session)
    if planned.memories:
        ids = [memory.id for memory in planned.memories]
        remembering.work_with(lambda memories: memories.forget(ids))
    with open_stores() as stores:
        blanked = blank_questions(stores.database, planned.words)
    lines = sum(_blank_lines(log, planned.words) for log in _logs())
    traces.erase(paths.memory_db())
    building.forget_what_is_gone()
    texts = (*(memory.text for memory in planned.memories), *(turn.text for turn in planned.turns))
    copies, remains = _other_copies(texts)
    return Receipt(len(planned.memories), len(planned.turns), blanked, lines, copies, remains)


def _logs() -> Iterator[str]:
    for log in (paths.log_file(), paths.hooks_log()):
        yield from (path for path in (log, f"{log}.1") if os.path.exists(path))


def _blank_lines(log: str, words: Collection[str]) -> int:
    """Take the lines of a log that hold one of `words` out of it, and return how many they were."""
    with exclusive(log):
        with open(log, encoding="utf-8", errors="surrogateescape") as stream:
            lines = stream.readlines()
        kept = [line for line in lines if not holds(line, words)]
        if len(kept) < len(lines):
            write_whole(log, "".join(kept).encode("utf-8", "surrogateescape"))
    return len(lines) - len(kept)


def _other_copies(texts: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Remove damaged and earlier copies of databases that hold two words in a row of `texts`; also return who does."""
    removed: list[str] = []
    remains: list[str] = []
    needles = list(dict.fromkeys(pair.encode() for text in texts for pair in _PAIR.findall(text.lower())))[:_MOST_WORDS]
    for path in _files():
        with open(path, "rb") as stream:
            content = stream.read().lower()
        if not any(needle in content for needle in needles):
            continue
        if ".damaged" in os.path.basename(path) or path.endswith(".bak"):
            os.unlink(path)
            removed.append(path)
        elif path != paths.documents_db():  # the user's own files
            remains.append(path)
    return tuple(removed), tuple(remains)


def _files() -> Iterator[str]:
    """Yield every file in the folders of the program."""
    for top in dict.fromkeys((paths.state_dir(), paths.data_dir(), paths.cache_dir(), paths.config_dir())):
        for folder, _, names in os.walk(top):
            yield from (
                path
                for name in names
                if os.path.isfile(path := os.path.join(folder, name)) and not os.path.islink(path)
            )
