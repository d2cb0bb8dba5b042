"""Measure the archive of conversations: import, questions to half a million messages, looks, a live lcm.db of 100 MB.

    python benchmarks/transcripts_speed.py [--messages 500000] [--keep DIR] [--session MEGABYTES]

`--session` imports one session of this size instead, and prints the peak of memory.

The conversations are made: words by Zipf's law over 20,000 invented ones and the vocabulary of decisions.
"""

import argparse
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from typing import Any
from unittest import mock

import apsw
from machine import heading, spread

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from memory_router.engines.transcripts import survey, vectors
from memory_router.engines.transcripts.archive import ImportedArchive
from memory_router.engines.transcripts.importing import import_transcripts
from memory_router.engines.transcripts.recall import recall
from memory_router.engines.transcripts.turn import Archive, Window

_A_SESSION = 500
_START = 1_780_000_000
_SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "ol", "is")]


class Speech:
    """Make sentences by Zipf's law, the same ones every time."""

    def __init__(self, seed: int = 5) -> None:
        self.chance = random.Random(seed)
        self.words = [self._word() for _ in range(20_000)]
        self.weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(self.words))))

    def said(self, length: int) -> str:
        """Return so many words, sometimes with a decision in front."""
        text = " ".join(self.chance.choices(self.words, cum_weights=self.weights, k=length))
        return f"Agreed, we go with {text}." if self.chance.random() < 0.03 else f"{text}."

    def question(self) -> str:
        """Return a question about one or two rare words and some common ones."""
        rare = self.chance.choices(self.words[200:], k=2)
        return f"what did we decide about the {' '.join(rare)} {self.said(2)}"

    def _word(self) -> str:
        return "".join(self.chance.choice(_SYLLABLES) for _ in range(self.chance.randint(2, 4)))


def sessions(speech: Speech, messages: int) -> Iterator[list[bytes]]:
    """Yield the lines of one session after the other, as Claude Code writes them."""
    for number in range(0, messages, _A_SESSION):
        session, parent, lines = str(uuid.UUID(int=speech.chance.getrandbits(128))), None, []
        for turn in range(_A_SESSION):
            name = str(uuid.UUID(int=speech.chance.getrandbits(128)))
            role = ("user", "assistant")[turn % 2]
            blocks: list[dict[str, Any]] = [{"type": "text", "text": speech.said(speech.chance.randint(5, 45))}]
            if role == "assistant" and turn % 6 == 1:
                given = {"file_path": f"src/{speech.words[turn]}.py", "new_string": speech.said(20)}
                blocks.append({"type": "tool_use", "name": "Edit", "input": given})
            moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(_START + (number + turn) * 20))
            record: dict[str, Any] = {
                "type": role,
                "uuid": name,
                "parentUuid": parent,
                "sessionId": session,
                "timestamp": moment,
                "cwd": "/srv/made",
                "isSidechain": False,
                "message": {"role": role, "content": blocks},
            }
            lines.append(json.dumps(record).encode())
            parent = name
        yield lines


def write_sessions(folder: str, speech: Speech, messages: int) -> int:
    """Write transcripts and return their size in bytes."""
    size = 0
    for number, lines in enumerate(sessions(speech, messages)):
        with open(os.path.join(folder, f"{number}.jsonl"), "wb") as stream:
            size += stream.write(b"\n".join(lines) + b"\n")
    return size


def write_lcm(path: str, speech: Speech, size: int) -> int:
    """Write an lcm.db of at least so many bytes with the program's own core tables, and return its messages."""
    connection = apsw.Connection(path)
    connection.execute(
        """
        CREATE TABLE conversations(conversation_id INTEGER PRIMARY KEY, session_id TEXT, session_key TEXT, title TEXT);
        CREATE TABLE messages(message_id INTEGER PRIMARY KEY, conversation_id INTEGER, seq INTEGER, role TEXT,
            content TEXT, created_at TEXT, UNIQUE(conversation_id, seq));
        CREATE TABLE summaries(summary_id TEXT PRIMARY KEY, conversation_id INTEGER, kind TEXT, depth INTEGER,
            content TEXT, created_at TEXT);
        CREATE TABLE summary_messages(summary_id TEXT, message_id INTEGER, ordinal INTEGER);
        CREATE TABLE summary_parents(summary_id TEXT, parent_summary_id TEXT, ordinal INTEGER);
        CREATE VIRTUAL TABLE messages_fts USING fts5(content, tokenize = 'porter unicode61');
        """
    )
    count = 0
    while os.path.getsize(path) < size:
        with connection:
            conversation = count // 1000 + 1
            connection.execute(
                "INSERT OR IGNORE INTO conversations VALUES (?, ?, 'main', '')", (conversation, str(count))
            )
            for seq in range(1000):
                text = speech.said(60)
                count += 1
                role = ("user", "assistant")[seq % 2]
                row = (count, conversation, seq, role, text, "2026-10-01 10:00:00")
                connection.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)", row)
                connection.execute("INSERT INTO messages_fts(rowid, content) VALUES (?, ?)", (count, text))
    connection.close()
    return count


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=500_000)
    parser.add_argument("--keep", help="use this folder and leave it; what is there already is not made again")
    parser.add_argument("--session", type=int, help="import one session of so many megabytes, and nothing else")
    options = parser.parse_args()
    print(heading("Archive of conversations"))
    if options.session:
        measure_session(options.session * 1_000_000)
        return
    with tempfile.TemporaryDirectory() as own:
        folder = options.keep or own
        measure_look(folder, 1000)
        measure_archive(folder, options.messages)
        measure_lcm(os.path.join(folder, "lcm.db"))


def measure_look(folder: str, files: int) -> None:
    """Print how long it takes to see that none of so many session files is new, as every question does."""
    sessions = os.path.join(folder, "look")
    for number in range(files):
        path = os.path.join(sessions, f"project-{number % 40}", f"{number}.jsonl")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(b"{}\n")
    with mock.patch.dict(os.environ, {"MEMORY_ROUTER_HOME": folder}):
        survey.note(time.time() + 1, [sessions])
        times, cpu = list[float](), time.process_time()
        for _ in range(100):
            started = time.perf_counter()
            assert not survey.is_behind()
            times.append((time.perf_counter() - started) * 1000)
        cpu = (time.process_time() - cpu) * 10
    print(f"look for new ones among {files:,} session files, ms: {spread(times)}; {cpu:.1f} of CPU")


def measure_archive(folder: str, messages: int) -> None:
    """Print the rate of import and the time of questions."""
    database, speech = os.path.join(folder, "transcripts.db"), Speech()
    if not os.path.exists(database):
        made = os.path.join(folder, "made")
        os.makedirs(made, exist_ok=True)
        size = write_sessions(made, speech, messages)
        used = time.process_time()
        with mock.patch.object(vectors, "refresh", return_value=vectors.Embedded(0, 0.0)):
            report = import_transcripts([made], database=database)
        used = time.process_time() - used
        print(
            f"import: {report.added:,} messages of {size / 1e6:.0f} MB in {report.seconds:.1f} s,"
            f" {used:.1f} s of CPU: {report.added / used:,.0f} a second of CPU"
        )
        report = import_transcripts([made], database=database)
        if report.embedded:
            pace = report.embedded / report.embedding_seconds
            print(f"vectors: {report.embedded:,} in {report.embedding_seconds:.1f} s: {pace:,.0f} a second")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory {peak:.0f} MB, archive {os.path.getsize(database) / 1e6:.0f} MB")
    archive = ImportedArchive.open(database)
    assert archive
    speech.chance.seed(11)
    decisions = [speech.question() for _ in range(60)]
    kinds = {
        "a word or two": [" ".join(speech.chance.choices(speech.words[200:], k=2)) for _ in range(60)],
        "a sentence": [f"where was {speech.said(6)}" for _ in range(60)],
        "a decision": decisions,
    }
    print(f"\nquestions to {archive.count():,} messages, ms of CPU: median (5th to 95th percentile)")
    for kind, questions in kinds.items():
        print(f"  {kind:14} {spread([asked(archive, question) for question in questions])}")


def measure_session(size: int) -> None:
    """Print the peak of memory while one session of at least so many bytes is imported."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "one.jsonl")
        with open(path, "wb") as stream:
            for lines in sessions(Speech(), sys.maxsize):
                stream.write(b"\n".join(lines) + b"\n")
                if stream.tell() >= size:
                    break
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        report = import_transcripts([path], database=os.path.join(folder, "transcripts.db"))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"a session of {os.path.getsize(path) / 1e6:.0f} MB, {report.added:,} messages in {report.seconds:.0f} s:"
        )
        print(f"peak memory {peak:.0f} MB, {before:.0f} MB of it before the import")


def asked(archive: Archive, question: str) -> float:
    """Return what a question took, in ms of CPU."""
    started = time.process_time()
    recall([archive], question, 5, Window(), _START + 1e9)
    return (time.process_time() - started) * 1000


def measure_lcm(path: str, size: int = 100_000_000) -> None:
    """Print the time of the first answer from a large lcm.db, by the adapter as a new process."""
    if not os.path.exists(path):
        write_lcm(path, Speech(), size)
    adapter = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "backends/lossless/adapter.py")
    home = os.path.dirname(path)
    environment = {**os.environ, "LCM_DATABASE_PATH": path, "MEMORY_ROUTER_HOME": os.path.join(home, "none")}
    environment["PYTHONPATH"] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    samples = []
    speech = Speech()
    for _ in range(9):
        request = json.dumps({"contract": 1, "verb": "query", "query": speech.question(), "limit": 5}).encode()
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, adapter], input=request, capture_output=True, env=environment, check=True
        )
        samples.append((time.perf_counter() - started) * 1000)
        assert json.loads(done.stdout)["status"] == "success", done.stdout
    megabytes = os.path.getsize(path) / 1e6
    print(f"\nfirst answer from an lcm.db of {megabytes:.0f} MB, whole process, ms: {spread(samples)}")


if __name__ == "__main__":
    main()
