"""Whatever is asked of whichever engine, results stand in the order of their relevance, and none is below the floor."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.search import DocumentIndex
from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.facts import Source
from memory_router.engines.graph.search import KnowledgeGraph
from memory_router.engines.qmd.answering import find
from memory_router.engines.tiers.admission import admit
from memory_router.engines.tiers.memory import Selection
from memory_router.engines.tiers.stores.in_process import in_memory
from memory_router.engines.transcripts.archive import ImportedArchive
from memory_router.engines.transcripts.importing import import_transcripts
from memory_router.engines.transcripts.recall import recall
from memory_router.engines.transcripts.turn import Window
from memory_router.retrieval.relevance import FLOOR
from memory_router.text.terms import words_in
from tests.engines.qmd.conftest import Indexed

NOW = 1_790_000_000.0
TEXTS = (
    "We chose Postgres for row-level security, not MySQL.",
    "The invoice job retries three times, then the invoice is parked.",
    "Actually, let us go with SQLite instead of Postgres for the invoice job.",
    "Der Liegeplatz wird nach der Tide vergeben, nicht nach der Ankunft.",
    "def park_invoice(job): return job.retries > 3",
)
CODE = (
    "from jobs import retry\n\ndef park_invoice(job):\n    return retry(job)\n\ndef nightly():\n    park_invoice(1)\n"
)
RELATIONS = ("who calls", "what depends on", "how does", "relate to", "what breaks if I change", "retry", "nightly")
WORDS = sorted(
    {word for text in TEXTS for word in words_in(text)} | {"what", "now", "yesterday", "zebra", "?", *RELATIONS}
)

Ask = Callable[[str], Sequence[float]]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ask]:
    """Return what asks each engine that holds the texts."""
    folder = tmp_path_factory.mktemp("order")
    (folder / "notes").mkdir()
    for number, text in enumerate(TEXTS):
        (folder / "notes" / f"{number}.md").write_text(f"# Note {number}\n\n{text}\n")
    index([str(folder / "notes")], database=str(folder / "documents.db"))
    documents = DocumentIndex.open(str(folder / "documents.db"))
    memories = in_memory([admit(text, created=NOW - 86_400 * age).memory for age, text in enumerate(TEXTS)])
    archive = imported(folder)
    graph = related(folder)
    (folder / "qmd").mkdir()
    qmd = Indexed(folder / "qmd")
    for number, text in enumerate(TEXTS):
        qmd.add(f"{number}.md", f"# Note {number}\n\n{text}\n")
    qmd.close()
    assert documents
    return {
        "documents": lambda question: [hit.relevance for hit in documents.search(question, mode="query")],
        "tiers": lambda question: [one.relevance for one in memories.search(question, 10, Selection(), NOW)],
        "transcripts": lambda question: [one.relevance for one in recall([archive], question, 10, Window(), NOW)],
        "graph": lambda question: [finding.relevance for finding in graph.ask(question).findings],
        "qmd": lambda question: [hit.relevance for hit in find(qmd.path, question, "search", 10, 20.0).hits],
    }


def related(folder: Path) -> KnowledgeGraph:
    """Return a graph of a small program and the notes."""
    (folder / "notes" / "jobs.py").write_text("def retry(job):\n    return job\n")
    (folder / "notes" / "main.py").write_text(CODE)
    languages = {".py": "python", ".md": "markdown"}
    files = [path for path in sorted((folder / "notes").iterdir()) if path.suffix in languages]
    sources = [Source(str(path), str(folder / "notes"), languages[path.suffix], "1", 1.0) for path in files]
    bring_up_to_date(sources, database=str(folder / "graph.db"))
    graph = KnowledgeGraph.open(str(folder / "graph.db"))
    assert graph
    return graph


def imported(folder: Path) -> ImportedArchive:
    """Return an archive of one conversation that says the texts."""
    turns = [
        {
            "type": role,
            "uuid": f"u{number}",
            "parentUuid": f"u{number - 1}" if number else None,
            "sessionId": "s",
            "timestamp": f"2026-09-0{number + 1}T10:00:00.000Z",
            "message": {"role": role, "content": text},
        }
        for number, (text, role) in enumerate(zip(TEXTS, ("user", "assistant") * 3, strict=False))
    ]
    (folder / "talk").mkdir()
    (folder / "talk" / "s.jsonl").write_text("".join(f"{json.dumps(turn)}\n" for turn in turns))
    import_transcripts([str(folder / "talk")], database=str(folder / "transcripts.db"))
    archive = ImportedArchive.open(str(folder / "transcripts.db"))
    assert archive
    return archive


@pytest.mark.parametrize("engine", ["documents", "tiers", "transcripts", "graph", "qmd"])
@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join))
def test_results_of_every_engine_stand_in_the_order_of_relevance(
    engines: dict[str, Ask], engine: str, question: str
) -> None:
    """No later result claims more than an earlier one, and each claims at least the floor and at most certainty."""
    claims = engines[engine](question)
    assert list(claims) == sorted(claims, reverse=True)
    assert all((FLOOR if engine != "graph" else 0) <= claim <= 1 for claim in claims)
