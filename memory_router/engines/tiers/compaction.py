"""Put one summary in the place of several memories that are no longer worth a place each."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from memory_router.engines.tiers.admission import identity
from memory_router.engines.tiers.author import together
from memory_router.engines.tiers.memory import Memory, Selection
from memory_router.engines.tiers.stores.room import Room
from memory_router.text.terms import stems
from memory_router.text.words import is_stop_word

Summariser = Callable[[Sequence[Memory]], str]

_LARGEST_GROUP = 50
_LONGEST_SUMMARY = 2000  # characters
_UNIMPORTANT = 0.5
_ALIKE = 0.5
_WEEK = 7 * 86_400
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


class Compaction(NamedTuple):
    """What a compaction did, or would do.

    Args:
        tier: the tier.
        strategy: how the memories were chosen.
        before: how many memories the tier held.
        after: how many it holds.
        groups: the ids that each summary took the place of.
        summaries: the ids of the summaries, in the same order.
    """

    tier: str
    strategy: str
    before: int
    after: int
    groups: tuple[tuple[str, ...], ...]
    summaries: tuple[str, ...]


async def compact(
    room: Room, tier: str, strategy: str, keep: int, now: float, *, summarise: Summariser, dry_run: bool
) -> Compaction:
    """Put summaries in the place of groups of memories, each in one transaction.

    Args:
        room: the tier's store.
        tier: the tier.
        strategy: how the memories are chosen: see `groups`.
        keep: how many of the newest are never touched.
        now: seconds since the epoch.
        summarise: writes the summaries.
        dry_run: change nothing.

    Raises:
        StoreError: the store cannot be used; no memory is lost.
    """
    held = await room.ask(lambda store: store.find(Selection(tiers=(tier,)), now))
    done: dict[tuple[str, ...], str] = {}
    for group in groups(held, strategy, keep, now):
        ids = tuple(memory.id for memory in group)
        summary = summary_of(group, summarise)
        if dry_run or await room.ask(
            lambda store, ids=ids, summary=summary: store.replace(ids, summary, now, f"by {strategy}")  # type: ignore[misc]
        ):
            done[ids] = summary.id
    after = len(held) - sum(len(ids) - 1 for ids in done)
    return Compaction(tier, strategy, len(held), after, tuple(done), tuple(done.values()))


def groups(memories: Sequence[Memory], strategy: str, keep: int, now: float) -> list[list[Memory]]:
    """Return which memories are to be summarised together; each group has two or more of one project.

    Revisions of a fact are never summarised: which of them is in force would be lost.

    Args:
        memories: those of a tier, newest first.
        strategy: `count` takes all but the `keep` newest, oldest first; `importance` those below 0.5 among them;
            `time` those older than a week, a week at a time; `semantic` those that share half of their words.
        keep: how many of the newest are never touched.
        now: seconds since the epoch.
    """
    old = [memory for memory in reversed(memories[keep:]) if not (memory.supersedes or memory.superseded_by)]
    if strategy == "importance":
        old = [memory for memory in old if memory.importance < _UNIMPORTANT]
    if strategy == "time":
        old = [memory for memory in old if now - memory.created > _WEEK]
    gathered: list[list[Memory]] = []
    for project in dict.fromkeys(memory.project for memory in old):
        own = [memory for memory in old if memory.project == project]
        if strategy == "semantic":
            gathered += _alike(own)
        elif strategy == "time":
            weeks = dict.fromkeys(int(memory.created // _WEEK) for memory in own)
            gathered += [part for week in weeks for part in _parts(m for m in own if int(m.created // _WEEK) == week)]
        else:
            gathered += _parts(own)
    return [group for group in gathered if len(group) > 1]


def summary_of(group: Sequence[Memory], summarise: Summariser) -> Memory:
    """Return the memory that takes the place of a group: as new as its newest and as important as its most important.

    Args:
        group: two or more memories of one tier and project.
        summarise: writes the text.
    """
    text = summarise(group).strip()
    newest = max(group, key=lambda memory: memory.created)
    return newest._replace(
        id=identity(text, newest.project),
        text=text,
        tags=tuple(dict.fromkeys(tag for memory in group for tag in memory.tags)),
        importance=max(memory.importance for memory in group),
        source="compaction",
        session=None,
        extra={"summary_of": [memory.id for memory in group]},
        accesses=sum(memory.accesses for memory in group),
        author=together([memory.author for memory in group], "compaction"),
    )


def extract(group: Sequence[Memory]) -> str:
    """Summarise by quoting: the first sentences of the most important memories, in order of time.

    Args:
        group: what is to be summarised.
    """
    chosen: list[tuple[float, str]] = []
    length = 0
    for memory in sorted(group, key=lambda candidate: (-candidate.importance, -candidate.accesses, -candidate.created)):
        sentence = _SENTENCE.split(memory.text, maxsplit=1)[0][:_LONGEST_SUMMARY]
        if length + len(sentence) > _LONGEST_SUMMARY and chosen:
            break
        if sentence not in (text for _, text in chosen):
            chosen.append((memory.created, sentence))
            length += len(sentence)
    return "\n".join(text for _, text in sorted(chosen, key=lambda pair: pair[0]))


def _parts(memories: Iterable[Memory]) -> list[list[Memory]]:
    held = list(memories)
    return [held[start : start + _LARGEST_GROUP] for start in range(0, len(held), _LARGEST_GROUP)]


def _alike(memories: Sequence[Memory]) -> list[list[Memory]]:
    """Group memories whose words overlap by half with the group's first (Jaccard index)."""
    clusters: list[tuple[set[str], list[Memory]]] = []
    for memory in memories:
        words = {stem for stem in stems(memory.text) if not is_stop_word(stem)}
        for first, group in clusters:
            if len(group) < _LARGEST_GROUP and len(first & words) >= _ALIKE * len(first | words) > 0:
                group.append(memory)
                break
        else:
            clusters.append((words, [memory]))
    return [group for _, group in clusters]
