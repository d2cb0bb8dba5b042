"""Write to each store until it refuses, and look afterwards whether what was acknowledged is there."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

import apsw
from fault_outcome import Outcome, seen

from memory_router.engines.documents.indexing import index
from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.facts import Source
from memory_router.engines.tiers.memory import Selection
from memory_router.engines.tiers.store import MemoryStore
from memory_router.engines.transcripts.importing import import_transcripts
from memory_router.errors import MemoryRouterError
from memory_router.learning import schema as learning
from memory_router.learning.execution import AttemptRecord, Execution
from memory_router.learning.executions import ExecutionStore
from memory_router.outcomes import schema as advice
from memory_router.outcomes.memory import OutcomeMemory
from memory_router.storage.database import Database, open_database
from memory_router.storage.salvage import is_whole
from memory_router.storage.schema import Schema

_ALL = Selection()


def remembered(folder: Path, size: int = 6) -> list[str]:
    """Remember facts until an error, and return those that were acknowledged."""
    acknowledged: list[str] = []
    store = None
    try:
        store = MemoryStore.open(str(folder / "memory.db"))
        for number in range(size):
            store.remember(f"fact {number} about the harbour")
            acknowledged.append(f"fact {number} about the harbour")
    except (MemoryRouterError, apsw.Error):
        seen["write refused"] += 1
    finally:
        if store:
            with suppress(apsw.Error, MemoryRouterError):
                store.close()
    return acknowledged


def memories_kept(folder: Path, acknowledged: list[str]) -> Outcome:
    """Compare what the store holds with what was acknowledged."""
    path = str(folder / "memory.db")
    store = MemoryStore.open(path)
    held = {memory.text for memory in store.find(_ALL, 0)}
    store.close()
    return Outcome(len(set(acknowledged) - held), not is_whole(path))


def transcript(folder: Path, turns: int = 8, *, torn: bool = False, texts: Sequence[str] = ()) -> Path:
    """Write a session of Claude Code; what is said in it, where `texts` does not tell, is about tides."""
    said = [*texts, *(f"turn {number} about tides" for number in range(len(texts), turns))]
    rows = [
        {
            "type": ("user", "assistant")[number % 2],
            "uuid": f"u{number}",
            "parentUuid": f"u{number - 1}" if number else None,
            "sessionId": "s",
            "cwd": "/srv",
            "timestamp": f"2026-06-01T{number // 60:02d}:{number % 60:02d}:00.000Z",
            "message": {"role": ("user", "assistant")[number % 2], "content": said[number]},
        }
        for number in range(turns)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file = folder / "in" / "s.jsonl"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text[: len(text) * 2 // 3] if torn else text)
    return file


def imported(folder: Path, size: int = 6) -> list[str]:
    """Import a session; what a finished import has read is acknowledged."""
    file = transcript(folder, size + 2)
    try:
        report = import_transcripts([str(file)], database=str(folder / "conversations.db"))
    except (MemoryRouterError, apsw.Error):
        seen["write refused"] += 1
        return []
    return [f"turn {number} about tides" for number in range(report.messages)]


def turns_kept(folder: Path, acknowledged: list[str]) -> Outcome:
    """Import again, as the next session's end does, and look whether every turn is there once."""
    path = str(folder / "conversations.db")
    import_transcripts([str(folder / "in" / "s.jsonl")], database=path)
    with closing(apsw.Connection(path)) as connection:
        texts = [str(text) for (text,) in connection.execute("SELECT text FROM nodes")]
    expected = {*acknowledged, *(f"turn {number} about tides" for number in range(len(texts)))}
    return Outcome(len(expected - set(texts)), wrong=len(set(texts)) < len(texts) or not is_whole(path))


def indexed(folder: Path, size: int = 6) -> list[str]:
    """Index a folder of notes; what a finished run has read is acknowledged."""
    notes = folder / "notes"
    notes.mkdir(exist_ok=True)
    for number in range(size):
        (notes / f"{number}.md").write_text(f"# Note {number}\n\nThe tide is {number}.\n")
    try:
        index([str(notes)], database=str(folder / "documents.db"))
    except (MemoryRouterError, apsw.Error):
        seen["write refused"] += 1
        return []
    return [str(notes / f"{number}.md") for number in range(size)]


def notes_kept(folder: Path, _acknowledged: list[str]) -> Outcome:
    """Index again, and look whether every note is there."""
    path = str(folder / "documents.db")
    expected = set(indexed(folder, len(list((folder / "notes").iterdir()))))
    with closing(apsw.Connection(path)) as connection:
        held = {str(file) for (file,) in connection.execute("SELECT path FROM files")}
    return Outcome(len(expected - held), wrong=not is_whole(path))


def graphed(folder: Path, size: int = 6) -> list[str]:
    """Build a graph of notes; what a finished run has read is acknowledged."""
    try:
        bring_up_to_date(_notes(size), database=str(folder / "graph.db"))
    except (MemoryRouterError, apsw.Error):
        seen["write refused"] += 1
        return []
    return [source.path for source in _notes(size)]


def graph_kept(folder: Path, acknowledged: list[str]) -> Outcome:
    """Bring the graph up to date again, and look whether it holds what a graph without faults does."""
    size = max(len(acknowledged), 6)
    told = bring_up_to_date(_notes(size), database=str(folder / "graph.db"))
    whole = bring_up_to_date(_notes(size), database=str(folder / "whole.db"))
    is_same = (told.entities, told.relations) == (whole.entities, whole.relations)
    return Outcome(wrong=not is_same or not is_whole(str(folder / "graph.db")))


def _notes(size: int) -> list[Source]:
    return [
        Source(f"/notes/{n}.md", "/notes", "markdown", "1", 0.0, f"# Quay {n}\n\nQuay {n} uses the Crane {n + 1}.\n")
        for n in range(size)
    ]


def recorded(folder: Path, size: int = 6) -> list[str]:
    """Store executions one by one, and return those that were acknowledged."""
    return _until_refused(f"sqlite:{folder}/memory.db", learning.SCHEMA, size, _record_execution)


def executions_kept(folder: Path, acknowledged: list[str]) -> Outcome:
    """Compare the executions in the database with those that were acknowledged."""
    return _rows_kept(folder, learning.SCHEMA, "SELECT id AS key FROM executions", acknowledged)


def decided(folder: Path, size: int = 6) -> list[str]:
    """Record outcomes of suggestions, and return those that were acknowledged."""
    return _until_refused(f"sqlite:{folder}/memory.db", advice.SCHEMA, size, _record_outcome)


def outcomes_kept(folder: Path, acknowledged: list[str]) -> Outcome:
    """Compare the outcomes in the database with those that were acknowledged."""
    sql = "SELECT suggestion_value AS key FROM suggestion_outcomes"
    return _rows_kept(folder, advice.SCHEMA, sql, acknowledged)


def _until_refused(url: str, schema: Schema, size: int, write: Callable[[Database, str], None]) -> list[str]:
    acknowledged: list[str] = []
    try:
        with closing(open_database(url, schema)) as database:
            for number in range(size):
                write(database, f"row {number}")
                acknowledged.append(f"row {number}")
    except (MemoryRouterError, apsw.Error):
        seen["write refused"] += 1
    return acknowledged


def _rows_kept(folder: Path, schema: Schema, sql: str, acknowledged: list[str]) -> Outcome:
    with closing(open_database(f"sqlite:{folder}/memory.db", schema)) as database:
        held = [str(row["key"]) for row in database.rows(sql)]
    is_torn = len(set(held)) < len(held) or not is_whole(f"{folder}/memory.db")
    return Outcome(len(set(acknowledged) - set(held)), wrong=is_torn)


def _record_execution(database: Database, name: str) -> None:
    ExecutionStore(database).add([execution(name, f"where is {name}")])


def _record_outcome(database: Database, name: str) -> None:
    memory = OutcomeMemory(database, "/nonexistent/patterns.md", "/nonexistent/archive")
    memory.record("ann", "add_topic", name, "accepted", reason=f"about {name}")


def execution(name: str, question: str, **changes: object) -> Execution:
    """Return an execution of a question that its first step answered."""
    attempt = AttemptRecord("qmd:search", "success", 0.8, 40, 5000, None, accepted=True, cost_usd=0.0)
    blank = Execution(
        id=name,
        user_request=question,
        routing_path=("qmd:search",),
        routing_confidence=0.7,
        status="success",
        duration_ms=40,
        cost_usd=0.0,
        user_satisfaction=None,
        governance_check=None,
        started_at=1_790_000_000.0,
        should_retry_with_different_path=False,
        source="table",
        rule="ambiguous",
        similarity=None,
        attempts=(attempt,),
        project=None,
        asked_by="ann",
    )
    return blank._replace(**changes)  # type: ignore[arg-type]


STORES: dict[str, tuple[Callable[[Path, int], list[str]], Callable[[Path, list[str]], Outcome]]] = {
    "memories": (remembered, memories_kept),
    "conversations": (imported, turns_kept),
    "documents": (indexed, notes_kept),
    "graph": (graphed, graph_kept),
    "executions": (recorded, executions_kept),
    "outcomes": (decided, outcomes_kept),
}
