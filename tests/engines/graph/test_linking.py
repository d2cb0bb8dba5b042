"""Laws of what a phrase means where a graph is large: frequent words are not walked, rare ones choose."""

from pathlib import Path

import apsw
import pytest

from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.facts import Source
from memory_router.engines.graph.search import KnowledgeGraph


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeGraph:
    """Return a graph of ten thousand functions whose names share two words, and of one that has both and a third."""
    folder = tmp_path_factory.mktemp("large")
    functions = [f"def alpha_{number}_beta():\n    pass\n" for number in range(5000)]
    functions += [f"def {word}_of_{number}():\n    pass\n" for number in range(2500) for word in ("alpha", "beta")]
    functions.insert(4000, "def alpha_gamma_beta_quickly():\n    pass\n")
    (folder / "many.py").write_text("".join(functions))
    (folder / "note.md").write_text("# Tides\n\nThe beta moon pulls alpha water.\n")
    sources = [
        Source(str(folder / "many.py"), str(folder), "python", "1", 1.0),
        Source(str(folder / "note.md"), str(folder), "markdown", "1", 1.0),
    ]
    bring_up_to_date(sources, database=str(folder / "graph.db"))
    graph = KnowledgeGraph.open(str(folder / "graph.db"))
    assert graph
    return graph


@pytest.mark.parametrize("phrase", ["beta alpha gamma", "the gamma of beta", "alpha beta quickly gamma"])
def test_the_rarest_word_chooses(large: KnowledgeGraph, phrase: str) -> None:
    """Among thousands that share the frequent words, the one with the rare word is meant."""
    assert large.find(phrase).entities[0].name == "alpha_gamma_beta_quickly"


def test_frequent_words_alone_mean_what_has_them_all(large: KnowledgeGraph) -> None:
    """Without a rare word, something is meant whose name holds all of them."""
    linked = large.find("beta alpha")
    assert {"alpha", "beta"} <= set(linked.entities[0].name.split("_"))
    assert 0.9 < linked.score < 0.99


def test_words_alone_are_no_question_for_the_graph(large: KnowledgeGraph) -> None:
    """What neither asks for a relation nor names a thing is left to the stores of texts, with the reason."""
    answer = large.ask("beta moon and alpha water")
    assert (list(answer.findings), answer.code) == ([], "NO_ENTITY")


def test_an_empty_graph_holds_no_word(tmp_path: Path) -> None:
    """Where nothing is, nothing is meant."""
    bring_up_to_date([], database=str(tmp_path / "graph.db"))
    graph = KnowledgeGraph.open(str(tmp_path / "graph.db"))
    assert graph
    assert isinstance(graph.connection, apsw.Connection)
    assert not graph.find("beta alpha").entities
