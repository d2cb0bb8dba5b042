"""Measure what is recalled from conversations, beside the document index in the same run.

    python benchmarks/transcripts_recall.py [--data DIR]

DIR holds `locomo/`, `world-a/` and `world.py` (see its README). LoCoMo's conversations are written as transcripts of
Claude Code, one session a file, and imported. Every question is asked of its own conversation (answerable) and of the
next one (not). The questions of world-a go through the real command line, all of them to the backend `lossless`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from machine import heading
from relevance import conversation_index, lines, said, turn_of

from memory_router.engines.transcripts.archive import ImportedArchive
from memory_router.engines.transcripts.importing import import_transcripts
from memory_router.engines.transcripts.recall import recall
from memory_router.engines.transcripts.turn import ANY_TIME

GATE = 0.4
_ASKED = 60
Turns = Sequence[dict[str, Any]]
# Returns the ids of turns, best first, and the relevance of the answer.
Ask = Callable[[str], tuple[list[str], float]]


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.path.join(os.path.dirname(__file__), "..", "..", "shared", "bench"))
    data = parser.parse_args().data
    print(heading("Recall from conversations"))
    turns: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for turn in lines(os.path.join(data, "locomo", "turns.jsonl")):
        turns[turn["conv"]].append(turn)
    questions = [one for one in lines(os.path.join(data, "locomo", "questions.jsonl")) if one["category"] != 5]
    print("| engine | session recall@5 | turn recall@10 | hit@1 | accepted | refused | median ms |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, engine in (("transcripts", transcripts), ("documents", documents)):
            asks = {conversation: engine(folder, conversation, held) for conversation, held in turns.items()}
            print(f"| {name} | {' | '.join(f'{one:.3f}' for one in measured(asks, turns, questions))} |", flush=True)
        ask_world(data, folder)


def transcripts(folder: str, name: str, turns: Turns) -> Ask:
    """Import a conversation as transcripts."""
    place = os.path.join(folder, name)
    os.makedirs(place)
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for turn in turns:
        sessions[turn["session"]].append(turn)
    for session, held in sessions.items():
        with open(os.path.join(place, f"{session}.jsonl"), "w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(record) + "\n" for record in records(f"{name}-{session}", held))
    database = os.path.join(folder, f"{name}-transcripts.db")
    import_transcripts([place], database=database)
    archive = ImportedArchive.open(database)
    assert archive

    def ask(question: str) -> tuple[list[str], float]:
        found = recall([archive], question, _ASKED, ANY_TIME, time.time())
        return [one.turn.id.partition("/")[2] for one in found], found[0].relevance if found else 0.0

    return ask


def records(session: str, turns: Turns) -> list[dict[str, Any]]:
    """Return a session as Claude Code would write it; who speaks first is the user."""
    made: list[dict[str, Any]] = []
    for number, turn in enumerate(turns):
        role = "user" if turn["speaker"] == turns[0]["speaker"] else "assistant"
        begun = datetime.strptime(turn["date"].replace(",", ""), "%I:%M %p on %d %B %Y").replace(tzinfo=UTC)
        moment = datetime.fromtimestamp(begun.timestamp() + 30 * number, UTC).isoformat()
        identity, parent = f"{session}/{turn['id']}", made[-1]["uuid"] if made else None
        message = {"role": role, "content": said(turn)}
        made.append({"type": role, "uuid": identity, "parentUuid": parent, "sessionId": session,
                     "timestamp": moment, "message": message})  # fmt: skip
    return made


def documents(folder: str, name: str, turns: Turns) -> Ask:
    """Index a conversation as documents: a session is a document, a turn a passage."""
    index = conversation_index(folder, name + "-documents", turns)

    def ask(question: str) -> tuple[list[str], float]:
        hits = index.search(question, _ASKED)
        return [turn_of(hit) or "" for hit in hits], hits[0].relevance if hits else 0.0

    return ask


def measured(asks: dict[str, Ask], turns: dict[str, list[dict[str, Any]]], questions: Turns) -> tuple[float, ...]:
    """Return the columns of the table for one engine."""
    names = list(asks)
    rows = []
    for question in questions:
        home = question["conv"]
        session = {turn["id"]: turn["session"] for turn in turns[home]}
        right = set(question["relevant"]) & session.keys()
        started = time.perf_counter()
        found, relevance = asks[home](question["query"])
        took = (time.perf_counter() - started) * 1000
        _, elsewhere = asks[names[(names.index(home) + 1) % len(names)]](question["query"])
        sessions = set(list(dict.fromkeys(session[one] for one in found if one in session))[:5])
        wanted = {session[one] for one in right}
        if right:
            rows.append((len(wanted & sessions) / len(wanted), len(right & set(found[:10])) / len(right),
                         float(bool(found) and found[0] in right), float(relevance >= GATE),
                         float(elsewhere < GATE), took))  # fmt: skip
    columns = list(zip(*rows, strict=True))
    return (*map(statistics.mean, columns[:5]), statistics.median(columns[5]))


def ask_world(data: str, folder: str) -> None:
    """Ask all questions of world-a through the command line, of conversations alone."""
    world = os.path.realpath(os.path.join(data, "world-a"))
    home = os.path.join(folder, "home")
    os.makedirs(home)
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    environment = {**os.environ, "HOME": home, "PATH": path}
    for command in (["init", "--tier", "pro"], ["index", "--transcripts", os.path.join(world, "transcripts")]):
        subprocess.run(["memory-router", *command], env=environment, capture_output=True, check=True)
    judge = [sys.executable, os.path.join(data, "world.py"), world, "--keep", home, "--backend", "lossless"]
    print("\nworld-a, conversations alone\n")
    print(subprocess.run(judge, env=environment, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    main()
