"""Laws of the static embedding."""

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.text import embedding
from memory_router.text.embedding import StaticEmbedding

np = pytest.importorskip("numpy", reason="numpy comes with the extra `vectors`")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StaticEmbedding:
    """Return a table of two dimensions that knows three words, the letters of `ship`, and every byte."""
    folder = tmp_path_factory.mktemp("table")
    tokens = {f"<0x{byte:02X}>": [0.5, 0.5] for byte in range(256)}
    tokens |= {letter: [0.0, 0.0] for letter in "\u2581tidehp"}
    tokens |= {word: [0.0, 0.0] for word in ("ti", "de", "tide", "sh", "ip", "ship")}
    tokens |= {"s": [0.0, -1.0], "\u2581s": [0.0, -1.0], "\u2581tide": [1.0, 0.0], "\u2581ship": [0.0, 1.0]}
    raw = b"".join(struct.pack("<2e", *vector) for vector in tokens.values())
    header = json.dumps({"w": {"dtype": "F16", "shape": [len(tokens), 2], "data_offsets": [0, len(raw)]}}).encode()
    for part in ("weights", "tokenizers"):
        (folder / part).mkdir()
    table = struct.pack("<Q", len(header)) + header + raw
    (folder / "weights" / "l2_supercat_256.safetensors").write_bytes(table)
    vocabulary = {"model": {"vocab": {token: row for row, token in enumerate(tokens)}, "merges": []}}
    (folder / "tokenizers" / "l2_supercat_tokenizer_config.json").write_text(json.dumps(vocabulary))
    return StaticEmbedding(str(folder))


def evenly(_: str) -> float:
    """Weigh every word alike."""
    return 1.0


def test_a_text_is_the_weighted_sum_of_its_words(small: StaticEmbedding) -> None:
    """A word that weighs three times as much pulls three times as strongly; the length is 1."""
    assert list(small.embed("tide, tide!", evenly)) == [1.0, 0.0]
    plain = small.embed("tide ship", {"tide": 3.0, "ship": 1.0}.__getitem__)
    assert list(plain) == pytest.approx([3 / 10**0.5, 1 / 10**0.5])


def test_words_without_weight_do_not_count(small: StaticEmbedding) -> None:
    """Weight 0 leaves a word out; a text of nothing else is a vector of zeros."""
    assert small.embed("tide ship", {"tide": 1.0, "ship": 0.0}.__getitem__) == small.embed("tide", evenly)
    assert list(small.embed("ship", lambda _: 0.0)) == list(small.embed("", evenly)) == [0.0, 0.0]


@given(text=st.text(max_size=200))
def test_many_at_once_are_as_one_by_one(small: StaticEmbedding, text: str) -> None:
    """Whatever the text, both ways agree, and no vector is longer than 1."""
    one = small.embed(text, evenly)
    many = small.embed_all(["tide", text], evenly)
    assert many[1].tolist() == pytest.approx(list(one), abs=1e-5)
    assert sum(value * value for value in one) <= 1 + 1e-5


def test_the_shipped_files_are_read_as_their_own_tokenizer_does() -> None:
    """Every word is cut as the tokenizer library cuts it, without that library."""
    shipped = embedding.load()
    tokenizers = pytest.importorskip("tokenizers", reason="the reference tokenizer is not installed")
    if shipped is None:
        pytest.skip("wordllama is not installed: pip install --force-reinstall memory-router")
    found = find_spec("wordllama")
    assert found
    assert found.origin
    reference = tokenizers.Tokenizer.from_file(
        str(Path(found.origin).parent / "tokenizers" / "l2_supercat_tokenizer_config.json")
    )
    for word in ("tide", "Caroline", "parseAuthToken", "naïve", "日本語", "ß", "x" * 30, "404"):
        assert shipped._pieces(word) == reference.encode(word, add_special_tokens=False).ids
    assert shipped.identity.dimension == 256


def test_related_words_lie_closer_than_others() -> None:
    """The shipped table knows that a dog is nearer to a puppy than to a database."""
    shipped = embedding.load()
    if shipped is None:
        pytest.skip("wordllama is not installed: pip install --force-reinstall memory-router")
    dog, puppy, database = (shipped.embed(word, evenly) for word in ("dog", "puppy", "database"))
    assert sum(map(float.__mul__, dog, puppy)) > 0.2 + sum(map(float.__mul__, dog, database))


def test_a_missing_package_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package there is no embedding, and nobody is stopped."""
    embedding.load.cache_clear()
    monkeypatch.setattr(embedding, "find_spec", lambda _: None)
    assert embedding.load() is None
    embedding.load.cache_clear()


def test_a_question_is_embedded_without_numpy() -> None:
    """A cold process that embeds one question imports neither numpy nor a tokenizer."""
    program = (
        "import sys; from memory_router.text import embedding; shipped = embedding.load();"
        "shipped and shipped.embed('when is high tide', lambda _: 1.0);"
        "sys.exit(bool({'numpy', 'tokenizers', 'wordllama'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Leave no opened table behind."""
    yield
    embedding.load.cache_clear()


def test_rows_are_quantised_together_as_alone() -> None:
    """A whole array gives the bytes that each row gives, also rows of zeros."""
    rows = np.random.default_rng(1).standard_normal((20, 256)).astype(np.float32)
    rows[3] = 0
    assert embedding.quantized_all(rows) == [embedding.quantized(row) for row in rows.tolist()]
