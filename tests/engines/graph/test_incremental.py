"""Laws of bringing the graph up to date: as if built anew, looking up only what a change concerns, keeping no text."""

import tempfile
from pathlib import Path

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.facts import Source

ABSENT = ""
STATES = {
    "pkg/__init__.py": ["", "from .core import Engine\n", "from .core import *\n", "from .make import core\n"],
    "pkg/core.py": [
        "class Base:\n    def stop(self):\n        pass\n\n\nclass Engine(Base):\n    def start(self):\n        pass\n",
        "class Engine:\n    def start(self):\n        pass\n\n    def stop(self):\n        pass\n",
        "def start():\n    pass\n",
    ],
    "pkg/make.py": [
        "from pkg.core import Engine\n\n\ndef make() -> Engine:\n    return Engine()\n\n\ncore = make\n",
        "from typing import Iterator\n\nfrom pkg import Engine\n\n\ndef make() -> list[Engine]:\n    return []\n",
    ],
    "use.py": [
        "import pkg\nfrom pkg.make import make\n\n\ndef use(other):\n    make().start()\n    make()[0].stop()\n"
        "    pkg.Engine().stop()\n    pkg.core()\n    other.start()\n",
    ],
    "pkg/note.md": ["# Engine\n\nSee [[use]] and `pkg.make`. #cars\n", "---\naliases: [use]\n---\n# Note\n\nEngine.\n"],
    "use.md": ["# Use\n\nThe Engine and [[Engine]] again. #cars\n"],
}  # fmt: skip
LANGUAGES = {".py": "python", ".md": "markdown"}


def build(folder: Path, state: dict[str, str], database: str) -> None:
    """Write a state and bring a graph up to date with it."""
    sources = []
    for name, text in state.items():
        path = folder / name
        path.unlink(missing_ok=True)
        if text == ABSENT and name != "pkg/__init__.py":
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        sources.append(Source(str(path), str(folder), LANGUAGES[path.suffix], str(hash(text)), 1.0))
    bring_up_to_date(sources, database=database)


def edges(database: str) -> set[tuple[object, ...]]:
    """Return the edges of a graph by the names of what they connect."""
    sql = (
        "SELECT s.qualified, e.kind, t.kind, t.qualified, round(e.weight, 6) FROM edges e"
        " JOIN nodes s ON s.id = e.source JOIN nodes t ON t.id = e.target"
    )
    return set(apsw.Connection(database).execute(sql))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.fixed_dictionaries({name: st.sampled_from([*texts, ABSENT]) for name, texts in STATES.items()}), min_size=2, max_size=3))  # fmt: skip # noqa: E501
def test_the_way_to_a_state_does_not_matter(states: list[dict[str, str]]) -> None:
    """After any changes the graph has the edges that it has if it is built from the last state alone."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        for state in states:
            build(folder / "files", state, str(folder / "kept.db"))
        build(folder / "files", states[-1], str(folder / "fresh.db"))
        assert edges(str(folder / "kept.db")) == edges(str(folder / "fresh.db"))


def test_a_change_looks_up_what_it_concerns(tmp_path: Path) -> None:
    """When one file changes, references of others that have nothing to do with it keep their edges as they are."""
    state = {
        "a.py": "def alpha():\n    pass\n",
        "b.py": "from a import alpha\n\n\ndef beta():\n    alpha()\n",
        **{f"c{number}.py": f"from d{number} import gamma\n\n\ndef c():\n    gamma()\n" for number in range(20)},
        **{f"d{number}.py": "def gamma():\n    pass\n" for number in range(20)},
    }
    database = str(tmp_path / "graph.db")
    build(tmp_path / "files", state, database)
    stored = "SELECT e.rowid, e.source, e.target, e.ref FROM edges e"
    before = set(apsw.Connection(database).execute(stored))
    build(tmp_path / "files", {**state, "a.py": "def alpha():\n    return 1\n\n\ndef delta():\n    pass\n"}, database)
    after = set(apsw.Connection(database).execute(stored))
    assert len(before - after) <= 4
    connection = apsw.Connection(database)
    assert [connection.execute(f"SELECT count(*) FROM {table}").get for table in ("pending", "touched")] == [0, 0]


def test_the_graph_keeps_no_text(tmp_path: Path) -> None:
    """A text is kept where it comes from: the graph has the words of one that refers to nothing, not its sentences."""
    database = str(tmp_path / "graph.db")
    build(tmp_path / "files", {"note.md": "# Note\n\nwavelets murmur beneath lanterns\n"}, database)
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("graph.db*"))
    assert b"lantern" in raw
    assert b"murmur beneath" not in raw
