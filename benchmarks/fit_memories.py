"""Fit the map from what speaks for the best memory to the probability that it answers the question.

    python benchmarks/fit_memories.py [--data DIR] [--modes alike words recent]

DIR holds `locomo/` (see its README). Turns are stored as memories, as conversations and each for itself. Every
development question is asked of its own conversation (answerable) and of the next one's (not), with the speakers' names
in it and without: found by words and likeness, by words alone, and as a question for the recent. The last is asked as
soon as the session is stored in which the answer stands, and of the next conversation when as much of it is stored.
Five folds by conversation tell whether what was fitted carries over. Prints `_BIAS` and `_WEIGHTS` as
`engines/tiers/judging.py` holds them.
"""

import argparse
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from fit_relevance import Case, report, samples
from relevance import lines, without

from memory_router.engines.tiers.admission import admit
from memory_router.engines.tiers.judging import ALIKE, RECENT, SPEAKER, WORDS
from memory_router.engines.tiers.memory import Memory
from memory_router.engines.tiers.store import MemoryStore

_SIGNS = {
    ALIKE: ("own", "known", "likeness", "words", "told", "surprise"),
    WORDS: ("own", "known", "words", "told", "surprise"),
    RECENT: ("own", "known", "words", "told", "surprise", "new"),
}
# Turns that are stored each for itself are further apart than what is taken for belonging together (ten minutes).
_APART = {True: 1.0, False: 660.0}


class Due(NamedTuple):
    """Hold a question that is to be asked of a conversation: place of its own one, whether it has an answer there."""

    query: str
    home: int
    answerable: bool


class Conversations:
    """Hold LoCoMo's turns by conversation and session, and its questions."""

    def __init__(self, folder: str) -> None:
        self.sessions: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for turn in lines(os.path.join(folder, "turns.jsonl")):
            self.sessions[turn["conv"]][turn["session"]].append(turn)
        asked = lines(os.path.join(folder, "questions.jsonl"))
        self.questions = [one for one in asked if one["category"] != 5 and one["relevant"]]
        self.names = list(self.sessions)
        turns = [turn for held in self.sessions.values() for session in held.values() for turn in session]
        self.speakers = {turn["speaker"].lower() for turn in turns}

    def due(self, mode: str) -> dict[tuple[str, int], list[Due]]:
        """Return what to ask of each conversation once so many sessions of it are stored."""
        due: dict[tuple[str, int], list[Due]] = defaultdict(list)
        for question in self.questions:
            home = self.names.index(question["conv"])
            share = self._told_after(question) if mode == RECENT else 1.0
            for place in (home, (home + 1) % len(self.names)):
                name = self.names[place]
                stored = max(1, round(share * len(self.sessions[name])))
                due[name, stored].append(Due(question["query"], home, place == home))
        return due

    def _told_after(self, question: dict[str, Any]) -> float:
        """Return the share of its conversation after which a question can be answered."""
        sessions = self.sessions[question["conv"]]
        held = [any(turn["id"] in question["relevant"] for turn in session) for session in sessions.values()]
        return (len(held) - held[::-1].index(True)) / len(held)


def main() -> None:
    """Fit every mode and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.path.join(os.path.dirname(__file__), "..", "..", "shared", "bench"))
    parser.add_argument("--modes", nargs="+", choices=_SIGNS, default=list(_SIGNS))
    options = parser.parse_args()
    held = Conversations(os.path.join(options.data, "locomo"))
    for mode in options.modes:
        cases = [case for together in (True, False) for case in ask(held, mode, together=together)]
        report(mode, _SIGNS[mode], samples(cases, _SIGNS[mode], SPEAKER))


def ask(held: Conversations, mode: str, *, together: bool) -> Iterator[Case]:
    """Store the conversations, turns of a session together or each for itself, and ask what is due."""
    due = held.due(mode)
    for name, sessions in held.sessions.items():
        with tempfile.TemporaryDirectory() as folder:
            store = MemoryStore.open(os.path.join(folder, "memory.db"))
            store._connection.pragma("synchronous", "off")  # this store is not to outlive a power cut
            number, now = 0, 0.0
            for stored, session in enumerate(sessions.values(), start=1):
                for turn in session:
                    memory = remembered(turn, number, together=together)
                    store.add(memory, memory.created)
                    number, now = number + 1, max(now, memory.created)
                if mode == WORDS:
                    store._connection.execute("UPDATE memories SET vector = NULL")
                for one in due[name, stored]:
                    for named in (True, False):
                        query = one.query if named else without(one.query, held.speakers)
                        found = store.recall(f"{query} lately" if mode == RECENT else query, 1, now=now)
                        signs = found[0].signs if found else None
                        yield Case(signs, one.answerable, one.home / len(held.names), named)
            store.close()


def remembered(turn: dict[str, Any], number: int, *, together: bool) -> Memory:
    """Return a turn as a memory, of its session or for itself."""
    created = datetime.strptime(turn["date"], "%I:%M %p on %d %B, %Y").timestamp() + number * _APART[together]
    text = f"{turn['speaker']}: {turn['text']} {turn['caption']}".strip()
    return admit(text, created=created, session=turn["session"] if together else None).memory


if __name__ == "__main__":
    main()
