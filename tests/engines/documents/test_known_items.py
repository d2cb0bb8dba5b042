"""Laws of questions that name what the asker knows to be there: a word of one place, or a title."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.search import DocumentHit, DocumentIndex

GATE = 0.4
PLAIN = {
    f"{topic}.md": f"# {topic.title()}\n\nThis note is about the {topic}. Somebody looks at it again next month.\n"
    for topic in ("garden", "bicycle", "kitchen", "holiday", "insurance", "guitar", "budget", "server", "language")
}
ROWS = [f"{number},person{number},town{number % 7}\n" for number in range(200)]
NOTES = {
    "shipping.md": "# Shipping\n\nWe ship twice a week.\n",
    "orders.md": "# Orders\n\n## Shipping service\n\nIt uses the shipping queue. Shipping is retried.\n",
    "glossary.md": "# Glossary\n\nShipping: see shipping. Shipping is about shipping and shipping again.\n",
    "fahrplan.md": "# Fahrplan Nordversand\n\nDer Wagen fährt am Montag.\n",
    "people.csv": f"id,name,city\n{''.join(ROWS[:100])}999,Quennell,Lund\n{''.join(ROWS[100:])}",
    "pl.md": "# Łódź\n\nW Łodzi mieszka Włodzimierz.\n",
    "el.md": "# Σημειώσεις\n\nΈνα μουσείο είναι στη Θεσσαλονίκη.\n",  # noqa: RUF001
    "teams.md": "# Offices\n\nThe R&D team sits upstairs.\n",
}


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentIndex]:
    """Return an index of a small vault."""
    folder = tmp_path_factory.mktemp("vault")
    for name, text in {**PLAIN, **NOTES}.items():
        (folder / name).write_text(text, "utf-8")
    index([str(folder)], database=str(folder / "x.db"))
    opened = DocumentIndex.open(str(folder / "x.db"))
    assert opened
    yield opened
    opened.close()


def first(notes: DocumentIndex, question: str) -> DocumentHit:
    """Return the first passage of an answer."""
    return notes.search(question, mode="query")[0]


@pytest.mark.parametrize(
    ("question", "file"),
    [
        ("Quennell", "people.csv"),
        ("quennell", "people.csv"),
        ("Wlodzimierz", "pl.md"),
        ("ΘΕΣΣΑΛΟΝΙΚΗ", "el.md"),
        ("R&D", "teams.md"),
    ],
)
def test_a_name_that_stands_in_one_place_is_accepted(notes: DocumentIndex, question: str, file: str) -> None:
    """A name that stands nowhere else is found there for certain, however little the rest says about it."""
    hit = first(notes, question)
    assert Path(hit.path).name == file
    assert hit.relevance >= GATE


@pytest.mark.parametrize("question", ["Shipping", "shipping", "SHIPPING"])
def test_a_note_called_like_the_question_is_first(notes: DocumentIndex, question: str) -> None:
    """Its title says that it is about that, whatever the case of the letters and however often others mention it."""
    hit = first(notes, question)
    assert Path(hit.path).name == "shipping.md"
    assert hit.features.exact
    assert hit.relevance >= GATE


def test_a_title_of_several_words_is_one_only_as_a_whole(notes: DocumentIndex) -> None:
    """What holds more or fewer words than a title does not ask for it by its name."""
    assert first(notes, "nordversand Fahrplan").features.exact
    assert not any(hit.features.exact for hit in notes.search("fahrplan", mode="query"))
    assert not any(hit.features.exact for hit in notes.search("shipping budget", mode="query"))


def test_a_name_that_stands_nowhere_is_not_accepted(notes: DocumentIndex) -> None:
    """Words that look like it are no reason to accept an answer."""
    assert all(hit.relevance < GATE for hit in notes.search("Zubrowka", mode="query"))


def test_two_notes_do_not_answer_what_only_names_their_subject(tmp_path: Path) -> None:
    """In a home of two notes, a question is answered if they tell it, and not because they share a word with it."""
    (tmp_path / "boat.md").write_text("# Boat\n\nThe boat is moored at pier seven. Odile is the harbour master.\n")
    (tmp_path / "garden.md").write_text("# Garden\n\nThe tomatoes grow on the south wall, the beans beside the gate.\n")
    index([str(tmp_path)], database=str(tmp_path / "x.db"))
    opened = DocumentIndex.open(str(tmp_path / "x.db"))
    assert opened
    told = ["where is the boat moored", "who is the harbour master", "where do the beans grow", "Odile"]
    made_up = ["what did the boat cost", "why did we sell the boat", "when do the beans ripen", "phone number of Odile"]
    relevance = {question: first(opened, question).relevance for question in (*told, *made_up)}
    opened.close()
    assert {question for question in relevance if relevance[question] >= GATE} == set(told)
