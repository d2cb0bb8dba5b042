"""Vectors of turns: made after the import, whatever became of earlier runs, and used where they are."""

import json
from pathlib import Path

import apsw
import pytest

from memory_router.engines.transcripts import vectors
from memory_router.engines.transcripts.archive import ImportedArchive
from memory_router.engines.transcripts.importing import Listener, import_transcripts
from memory_router.engines.transcripts.recall import recall
from memory_router.engines.transcripts.turn import ANY_TIME, Window
from tests.engines.transcripts.speech import talk, write

NOW = 1_800_000_000.0
SAID = (
    "My cat was at the veterinarian on Tuesday.",
    "I hope she is well again.",
    "We painted the kitchen yellow.",
    "Yellow makes a kitchen friendly.",
    "The train to Lisbon leaves at nine.",
    "Nine is early, take a coffee along.",
    "I planted tulips and a plum tree.",
    "The plums will need some years.",
)


def stored(database: Path) -> dict[int, tuple[bytes, bytes]]:
    """Return all vectors of an archive."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    sql = "SELECT v.node, v.vector, b.bits FROM node_vectors v JOIN node_bits b ON b.node = v.node"
    return {node: (vector, bits) for node, vector, bits in connection.execute(sql)}


def found(database: Path, question: str, window: Window = ANY_TIME) -> list[str]:
    """Return what an archive answers."""
    archive = ImportedArchive.open(str(database))
    assert archive
    return [one.turn.text for one in recall([archive], question, 3, window, NOW)]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Return an archive of all that was said, imported at once."""
    database = tmp_path / "whole.db"
    report = import_transcripts([str(write(tmp_path / "whole" / "s.jsonl", talk(*SAID)))], database=str(database))
    assert report.embedded == len(SAID)
    assert len(stored(database)) == len(SAID)
    return database


def test_meaning_is_found(whole: Path) -> None:
    """A turn that shares no word with a question is found by likeness, unless it is from another time."""
    assert found(whole, "feline doctor visits")[0] == SAID[0]
    assert found(whole, "feline doctor visits", Window(since=NOW)) == []


def test_vectors_do_not_depend_on_the_runs_that_made_them(whole: Path, tmp_path: Path) -> None:
    """Imported turn by turn, a conversation has the vectors that it has imported at once: surroundings grow."""
    database, path = tmp_path / "steps.db", tmp_path / "steps" / "s.jsonl"
    for count in range(1, len(SAID) + 1):
        write(path, talk(*SAID[:count]))
        assert import_transcripts([str(path)], database=str(database)).embedded == 1
    assert stored(database) == stored(whole)


def test_an_interrupted_run_is_gone_on_with(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made before an interruption stays, and the next run makes exactly what is missing."""

    class Impatient(Listener):
        def embedded(self, turns: int, total: int) -> None:
            if turns >= 6:
                raise KeyboardInterrupt

    monkeypatch.setattr(vectors, "_BATCH", 3)
    database, path = tmp_path / "cut.db", write(tmp_path / "cut" / "s.jsonl", talk(*SAID))
    with pytest.raises(KeyboardInterrupt):
        import_transcripts([str(path)], database=str(database), listener=Impatient())
    assert len(stored(database)) == 6
    assert import_transcripts([str(path)], database=str(database)).embedded == 2
    assert stored(database) == stored(whole)


def test_without_vectors_words_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where vectors are not installed the import makes none and questions find words; installed later, they follow."""
    database, path = tmp_path / "plain.db", write(tmp_path / "plain" / "s.jsonl", talk(*SAID))
    with monkeypatch.context() as patched:
        patched.setattr(vectors, "load", lambda: None)
        assert import_transcripts([str(path)], database=str(database)).embedded == 0
        assert found(database, "the train to Lisbon")[0] == SAID[4]
        assert found(database, "feline doctor visits") == []
    assert import_transcripts([str(path)], database=str(database)).embedded == len(SAID)
    assert found(database, "feline doctor visits")[0] == SAID[0]


def test_another_table_of_words_makes_all_anew(whole: Path) -> None:
    """Vectors of another model are not compared, and the next import makes them anew."""
    before = stored(whole)
    connection = apsw.Connection(str(whole))
    connection.execute("UPDATE vector_model SET name = 'another'")
    connection.close()
    assert found(whole, "feline doctor visits") == []
    assert import_transcripts([str(whole.parent / "whole")], database=str(whole)).embedded == len(SAID)
    assert stored(whole) == before


def test_texts_of_any_kind_are_embedded(tmp_path: Path) -> None:
    """Empty words, other scripts and lone surrogates get a vector or none, and never stop an import."""
    said = ("...", "庭に水をやる", "\u0000 the and of", "x" * 50_000, json.loads('"\\ud83d"'), "water the garden")
    database, path = tmp_path / "odd.db", write(tmp_path / "odd" / "s.jsonl", talk(*said))
    report = import_transcripts([str(path)], database=str(database))
    assert report.embedded == report.messages
    assert "water the garden" in found(database, "water the garden")
