"""Laws of searching by meaning, and of words and meaning together."""

import subprocess
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.engines.documents.folding import Said
from memory_router.engines.documents.hybrid import Ranked, Signs
from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.judging import estimate
from memory_router.engines.documents.search import DocumentIndex
from memory_router.engines.documents.vectors import refresh
from memory_router.text import embedding
from memory_router.text.cues import cues, sought

needs_vectors = pytest.mark.skipif(
    embedding.load() is None, reason="wordllama is not installed: pip install 'memory-router[vectors]'"
)
NOTES = {
    "pets.md": "# At home\nThe puppy sleeps beside the sofa and barks at every cat.",
    "bank.md": "# Money\nThe loan has a fixed interest rate until the mortgage is paid off.",
    "store.py": "def open_store(path):\n    return connect(path)\n",
    "use.py": "from store import open_store\n\nstore = open_store('x')\n",
}


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Return the path of an index of a few notes."""
    for name, text in NOTES.items():
        (tmp_path / "notes" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "notes" / name).write_text(text)
    index([str(tmp_path / "notes")], database=str(tmp_path / "x.db"))
    return str(tmp_path / "x.db")


def opened(database: str) -> DocumentIndex:
    """Open an index that must be there."""
    found = DocumentIndex.open(database)
    assert found
    return found


@needs_vectors
def test_meaning_finds_what_shares_no_word(database: str) -> None:
    """A question in other words finds its passage by vectors, and by both; full text alone has nothing to say."""
    for mode in ("vsearch", "query"):
        assert opened(database).search("dog", mode=mode)[0].path.endswith("pets.md")
    assert opened(database).search("dog") == []


@needs_vectors
def test_names_are_found_by_their_definition_in_every_mode(database: str) -> None:
    """Likeness of meaning puts nothing above the definition of an asked name."""
    for mode in ("search", "vsearch", "query"):
        hit = opened(database).search("open_store", mode=mode)[0]
        assert hit.path.endswith("store.py")


class Reader:
    """Stand for a model that reads whole texts: it keeps what it was given."""

    identity = embedding.Identity("reader", 2)
    is_weighted = False
    is_calibrated = False

    def __init__(self) -> None:
        self.read: list[str] = []

    def embed(self, _text: str, _weight: embedding.Weight, _seconds: float = 5.0) -> "array[float]":
        """Return one direction for everything."""
        return array("f", (1.0, 0.0))

    def embed_all(self, texts: Sequence[str], _weight: embedding.Weight, _around: Sequence[str] = ()) -> object:
        """Keep the texts."""
        self.read += texts
        return [[1.0, 0.0] for _ in texts]


def test_a_model_of_sentences_reads_what_a_passage_is_about(database: str) -> None:
    """Title and headings are read with the passage, its neighbours are not."""
    reader = Reader()
    connection = apsw.Connection(database)
    assert refresh(connection, reader) == len(NOTES)
    assert "At home\nAt home\n# At home\nThe puppy sleeps beside the sofa and barks at every cat." in reader.read


@needs_vectors
def test_words_propose_passages_to_the_search_by_meaning(tmp_path: Path) -> None:
    """However many passages are nearer in meaning, the one that holds what is asked for is weighed beside them."""
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(120):
        (folder / f"{number}.md").write_text(f"The puppy barks at dog {number} and at every hound of the kennel.")
    (folder / "names.md").write_text(f"Visitors: {' '.join(f'guest{number}' for number in range(200))} Xanthippe")
    index([str(folder)], database=str(tmp_path / "x.db"))
    found = opened(str(tmp_path / "x.db")).search("puppy of Xanthippe", 200, mode="vsearch")
    assert any(hit.path.endswith("names.md") for hit in found)


@given(st.floats(0, 1), st.floats(0, 5), st.floats(0, 5), st.sampled_from(("search", "vsearch", "query")))
def test_relevance_grows_with_what_is_covered_beyond_accident(wide: float, less: float, more: float, mode: str) -> None:
    """Of two passages that are alike otherwise, the one that covers rarer words is the more relevant, within [0, 1]."""
    low, high = (Ranked(1, 1.0, Signs(wide=wide, surprise=value), mode) for value in sorted((less, more)))
    assert 0 <= estimate(low) <= estimate(high) <= 1


def test_without_the_package_words_answer_and_the_reason_is_told(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing fails where vectors are not installed: every mode answers by words, and says what to install."""
    monkeypatch.setattr(embedding, "load", lambda: None)
    one = opened(database)
    (hit, *_) = one.search("mortgage interest", mode="query")
    assert (hit.mode, hit.path.endswith("bank.md")) == ("search", True)
    assert "memory-router[vectors]" in one.without_vectors()


@needs_vectors
def test_vectors_of_another_model_are_told_and_made_anew(database: str) -> None:
    """A changed model is never compared with old vectors; the next run replaces them all."""
    connection = apsw.Connection(database)
    connection.execute("UPDATE vector_model SET name = 'other'")
    assert "other" in opened(database).without_vectors()
    index(database=database)
    assert opened(database).without_vectors() == ""
    assert connection.execute("SELECT count(*) FROM chunk_vectors").get == len(NOTES)


@needs_vectors
def test_removed_passages_leave_no_vector(database: str, tmp_path: Path) -> None:
    """Every passage has one vector and every vector its passage, whatever comes and goes."""
    (tmp_path / "notes" / "pets.md").unlink()
    (tmp_path / "notes" / "new.md").write_text("The kitten climbs the curtain.")
    index(database=database)
    connection = apsw.Connection(database)
    sql = "SELECT (SELECT group_concat(id) FROM chunks) = (SELECT group_concat(chunk) FROM chunk_vectors)"
    assert connection.execute(sql).get == 1


@needs_vectors
def test_an_interrupted_embedding_goes_on(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks that have no vector yet get theirs in the next run, the others keep theirs."""
    connection = apsw.Connection(database)
    connection.execute("DELETE FROM chunk_vectors WHERE chunk % 2")
    assert opened(database).search("dog", mode="query") is not None
    index(database=database)
    assert connection.execute("SELECT count(*) FROM chunk_vectors").get == len(NOTES)


@needs_vectors
def test_words_need_no_vectors_library(database: str) -> None:
    """Searching loads neither numpy nor a tokenizer, in any mode."""
    program = (
        "import sys; from memory_router.engines.documents.search import DocumentIndex;"
        f"found = DocumentIndex.open({database!r});"
        "[found.search('a dog', mode=mode) for mode in ('search', 'vsearch', 'query')];"
        "sys.exit(bool({'numpy', 'tokenizers', 'wordllama'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=8))
def test_a_byte_a_dimension_keeps_the_direction(vector: list[float]) -> None:
    """The largest value becomes 127 or -127, and no sign turns."""
    held = [byte - 256 if byte > 127 else byte for byte in embedding.quantized(vector)]
    assert all(one * other >= 0 for one, other in zip(held, vector, strict=True))
    assert max(map(abs, held)) == (127 if any(vector) else 0)


def test_cues_are_noticed() -> None:
    """Who is named and speaks, a time asked for and told, and a mere question are noticed."""
    wanted = sought("When did Caroline move?")
    assert cues(wanted, "Caroline: We moved last week.")[:3] == (1.0, 1.0, 0.0)
    assert cues(wanted, "**Melanie:** Did you move?")[:3] == (0.0, 0.0, 1.0)
    assert cues(sought("why did we move"), "moved last week").time == 0.0


@given(st.text(max_size=300), st.text(max_size=300))
def test_cues_are_shares(question: str, text: str) -> None:
    """Whatever the texts, each cue lies in [0, 1]."""
    assert all(0 <= cue <= 1 for cue in cues(sought(question), text))


def test_copies_are_folded_into_one(tmp_path: Path) -> None:
    """The same passage in two files is answered once and names the other place; short ones stay apart."""
    text = "The retention of container photographs is ninety days, after which the nightly job removes them all.\n"
    for name in ("one.md", "two.md"):
        (tmp_path / name).write_text(text)
    index([str(tmp_path)], database=str(tmp_path / "x.db"))
    (hit,) = opened(str(tmp_path / "x.db")).search("retention of container photographs")
    assert {Path(hit.path).name, *(Path(path).name for path, _ in hit.copies)} == {"one.md", "two.md"}
    said = Said()
    assert [said.copied(one) for one in (text, "Thanks!", text + "Indeed.", "Thanks!")] == [None, None, 0, None]
