"""Laws of finding passages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.search import DocumentIndex
from memory_router.errors import CorruptStoreError
from memory_router.retrieval import fulltext, query

FILES = {
    "README.md": "# Harbor\nSoftware for container terminals.",
    "docs/tides.md": "# Tides\n\n## Source\nTide tables come from Tidewell, every six hours.\n\n"
    "## Limits\nNo berth below two metres.",
    "docs/auth.md": "# Signing in\nThe refresh token is stored only as a hash.",
    "notes/2026-11-02-slow-map.md": "# Slow yard map\nThe picture took nine seconds.",
    "src/auth/login.py": "from tokens import parse_auth_token\n\ndef login(raw):\n    return parse_auth_token(raw)\n",
    "src/auth/tokens.py": "def parse_auth_token(raw):\n    '''Cut a token.'''\n    return raw.split('.')\n",
    "web/src/yardStore.ts": "export const useYardStore = create(() => ({}));\n",
    "web/src/map.tsx": "import { useYardStore } from './yardStore';\nconst yard = useYardStore();\n",
    "sql/schema.sql": "CREATE TABLE berth (id int);\n",
    "empty.txt": "",
}


@pytest.fixture(scope="module")
def harbor(tmp_path_factory: pytest.TempPathFactory) -> DocumentIndex:
    """Return the index of a small project."""
    root = tmp_path_factory.mktemp("search") / "harbor"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    database = str(root.parent / "documents.db")
    index([str(root)], database=database)
    opened = DocumentIndex.open(database)
    assert opened
    return opened


def found(harbor: DocumentIndex, question: str, limit: int = 10) -> list[str]:
    """Return the paths that answer, below the root."""
    return [os.path.relpath(hit.path, hit.root) for hit in harbor.search(question, limit)]


def test_a_missing_word_does_not_hide_the_answer(harbor: DocumentIndex) -> None:
    """A plain question finds its passage although half of its words stand nowhere."""
    assert found(harbor, "which supplier delivers our tide tables nowadays")[0] == "docs/tides.md"


@pytest.mark.parametrize("name", ["parse_auth_token", "parseAuthToken", "ParseAuthToken", "find parse auth token"])
def test_definitions_stand_above_mentions(harbor: DocumentIndex, name: str) -> None:
    """However a name is spelt, the file that defines it comes first and is accepted."""
    hits = harbor.search(f"where is {name} defined")
    assert hits[0].path.endswith("src/auth/tokens.py")
    assert hits[0].relevance > 0.4


def test_only_code_defines_a_name_of_code(tmp_path: Path) -> None:
    """Keys of data, uses and settings never stand above a definition; in words, a section called so is one, too."""
    files = {
        "notes.md": "# Harbour\n\nSome words.\n\n## Yard store\n\nIt keeps containers for ninety days.\n",
        "stock.py": '"""Keep containers."""\n\n\ndef yard_store(one):\n    """Store a container."""\n    return one\n',
        "data.json": '{"yard_store": {"yardStore": "yard_store"}, "yard-store": 1}\n',
        "conf.yaml": "yard_store: 3\nyardStore: yes\n",
        "use.py": "from stock import yard_store\n\nyard_store(1)\nyard_store(2)\nyard_store(3)\n",
        "options.ts": "export const options = {\n  yardStore: 3,\n  yard_store: 4,\n};\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    index([str(tmp_path)], database=str(tmp_path / "x.db"))
    opened = DocumentIndex.open(str(tmp_path / "x.db"))
    assert opened
    for name in ("yard_store", "yardStore", "where is yard_store defined"):
        hits = opened.search(name)
        assert [os.path.basename(hit.path) for hit in hits if hit.features.exact] == ["stock.py"]
        assert os.path.basename(hits[0].path) == "stock.py"
    for words in ("yard store", "what is the yard store"):
        assert {os.path.basename(hit.path) for hit in opened.search(words)[:2]} == {"stock.py", "notes.md"}


def test_the_parts_of_a_name_find_it(harbor: DocumentIndex) -> None:
    """Words find the identifier that is made of them."""
    assert found(harbor, "yard store")[0].startswith("web/src/")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("src/auth/login.py", ["src/auth/login.py"]),
        ("open auth/login.py", ["src/auth/login.py"]),
        ("LOGIN.PY", ["src/auth/login.py"]),
        ("what is in src/auth/", ["src/auth/login.py", "src/auth/tokens.py"]),
        ("harbor/docs/", ["docs/auth.md", "docs/tides.md"]),
        ("*.sql files", ["sql/schema.sql"]),
        ("web/**/*.{ts,tsx}", ["web/src/map.tsx", "web/src/yardStore.ts"]),
        ("src/*.py", []),
    ],
)
def test_paths_and_globs_list_the_files_they_mean(harbor: DocumentIndex, question: str, expected: list[str]) -> None:
    """A question that is a path alone lists exactly the files it means, surely; nothing else is accepted."""
    accepted = [os.path.relpath(hit.path, hit.root) for hit in harbor.search(question) if hit.relevance >= 0.4]
    assert sorted(accepted) == sorted(expected)


def test_words_beside_a_path_search_in_those_files_first(harbor: DocumentIndex) -> None:
    """Only the files that the path means are searched for the words."""
    assert found(harbor, "token in docs/") == ["docs/auth.md", "docs/tides.md"]
    assert found(harbor, "parse_auth_token in src/auth/login.py") == ["src/auth/login.py"]


def test_the_absolute_path_is_understood(harbor: DocumentIndex) -> None:
    """A path copied from an answer finds the same file again."""
    (hit, *_) = harbor.search("schema.sql")
    assert [again.path for again in harbor.search(hit.path)] == [hit.path]


def test_dates_in_names_are_found_by_words(harbor: DocumentIndex) -> None:
    """A note called 2026-11-02 is found by `2 November`."""
    assert found(harbor, "what happened on 2 November")[0] == "notes/2026-11-02-slow-map.md"


def test_a_hit_says_where_it_stands(harbor: DocumentIndex) -> None:
    """Lines, headings and title are those of the file."""
    (hit, *_) = harbor.search("no berth below two metres")
    assert (hit.first_line, hit.last_line, hit.heading, hit.title) == (6, 7, "Tides > Limits", "Tides")
    assert hit.content == "## Limits\nNo berth below two metres."


def test_relevance_tells_answers_from_guesses(harbor: DocumentIndex) -> None:
    """What the files say is accepted; what they only touch on is refused."""
    assert harbor.search("how is the refresh token stored")[0].relevance > 0.6
    guess = harbor.search("token prices on the Tokyo exchange during the second quarter")
    assert not guess or guess[0].relevance < 0.4
    assert harbor.search("penguin zoology") == []


HOSTILE = [
    '"',
    "' OR 1=1 --",
    "NEAR(a b)",
    "body:token",
    "a* ^b -c",
    "{a b} : c",
    "\0",
    "AND OR NOT",
    "((((",
    "%_",
    "\ud800",
]


@pytest.mark.parametrize("question", [*HOSTILE, *(text * 30_000 for text in ("a ", '"', "*/", "a.b_C ", "\0", "{"))])
def test_no_question_is_a_program(harbor: DocumentIndex, question: str) -> None:
    """Nothing in a question is read as a query language, at any length."""
    harbor.search(question)
    assert harbor.search(f"tide tables {question}"[:60])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("tide berth_Token\"'*/.{}()[]^:-~\0\n\u65e5?"), max_size=80))
def test_any_text_is_answered_in_order(harbor: DocumentIndex, question: str) -> None:
    """Every answer holds probabilities, keeps the limit and repeats no passage."""
    hits = harbor.search(question, 5)
    assert len(hits) <= 5
    assert all(0 <= hit.relevance <= 1 for hit in hits)
    assert len({hit.id for hit in hits}) == len(hits)


def test_no_limit_no_hit(harbor: DocumentIndex) -> None:
    """A limit of nothing gives nothing."""
    assert harbor.search("tide", 0) == []


def test_no_index_is_none_and_damage_has_a_name(tmp_path: Path) -> None:
    """A missing index is no error; a damaged one is, with a fix."""
    assert DocumentIndex.open(str(tmp_path / "none.db")) is None
    (tmp_path / "bad.db").write_bytes(b"damage" * 1000)
    with pytest.raises(CorruptStoreError, match="memory-router backends db repair"):
        DocumentIndex.open(str(tmp_path / "bad.db"))


def test_an_open_index_sees_what_is_indexed_later(tmp_path: Path) -> None:
    """A warm reader finds new files at once, and knows when the whole database was replaced."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.md").write_text("walrus")
    database = str(tmp_path / "x.db")
    index([str(tmp_path / "notes")], database=database)
    opened = DocumentIndex.open(database)
    assert opened
    (tmp_path / "notes/b.md").write_text("penguin")
    index(database=database)
    assert opened.search("penguin")
    assert not opened.is_replaced()
    os.rename(database, database + ".old")
    assert opened.is_replaced()


def test_the_search_imports_little() -> None:
    """A cold query pays for no module that it does not need."""
    heavy = "{'pathspec', 'hashlib', 'pathlib', 'dataclasses', 'numpy', 'rich', 'typer', 'msgspec', 'asyncio', 'regex'}"
    code = f"import sys, memory_router.engines.documents.search; print({heavy} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "set()\n"


def test_frequent_words_neither_hide_nor_find_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a store full of one word, a rarer one chooses, an unknown one hides nothing, and the word alone is found."""
    monkeypatch.setattr(query, "SCORED", 20)
    monkeypatch.setattr(fulltext, "SCORED", 20)
    for number in range(40):
        (tmp_path / f"{number}.md").write_text("harbour " + ("walrus" if number == 7 else "wide"))
    database = str(tmp_path / "x.db")
    index([str(tmp_path)], database=database)
    opened = DocumentIndex.open(database)
    assert opened
    (hit, *_) = opened.search("harbour walrus")
    assert os.path.basename(hit.path) == "7.md"
    features = hit.features
    assert (features.own, features.wide) == (1.0, 1.0)
    for question in ("harbour penguin", "harbour"):
        assert len(opened.fulltext.candidates(query.understand(opened.fulltext, question), 10)) == 10


def test_a_glob_full_of_stars_means_nothing(harbor: DocumentIndex) -> None:
    """A pattern that could match in endless ways is not tried (the test's own time limit is the judge)."""
    assert not any(hit.features.filed for hit in harbor.search("src/" + "*a" * 40 + ".py"))


@pytest.mark.parametrize(
    "question",
    [
        "why did we pick Next.js",
        "what does /api/v1/members return",
        "is feature/login-page stale",
        "kim.lee@example.org",
    ],
)
def test_a_name_that_texts_hold_as_it_is_is_found_like_any_word(tmp_path: Path, question: str) -> None:
    """What looks like a path and names no file may be a product, an address or a branch, and is accepted as such."""
    text = (
        "We picked Next.js early. /api/v1/members returns all. feature/login-page is stale. Mail kim.lee@example.org."
    )
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.md").write_text(text)
    for number in range(20):
        (tmp_path / f"notes/other{number}.md").write_text(f"Something else about gardens and boats, number {number}.")
    index([str(tmp_path / "notes")], database=str(tmp_path / "x.db"))
    opened = DocumentIndex.open(str(tmp_path / "x.db"))
    assert opened
    hits = opened.search(question)
    assert hits[0].path.endswith("a.md")
