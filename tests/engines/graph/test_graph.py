"""Laws of the knowledge graph: real files, a real database, the public interface."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.engines.graph import questions
from memory_router.engines.graph.building import BuildReport, bring_up_to_date
from memory_router.engines.graph.entity import GraphAnswer
from memory_router.engines.graph.facts import Source
from memory_router.engines.graph.search import KnowledgeGraph

LANGUAGES = {".py": "python", ".md": "markdown", ".ts": "typescript", ".go": "go"}


class World:
    """A folder of files and its graph."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        self.database = str(folder / "cache" / "graph.db")
        self.files.mkdir()

    def write(self, **texts: str) -> None:
        """Write files; `__` in a name is a slash, the last `_` the dot of its ending."""
        for name, text in texts.items():
            stem, _, ending = name.rpartition("_")
            path = self.files / f"{stem.replace('__', '/').replace('~', '__')}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def build(self) -> BuildReport:
        """Bring the graph up to date with the folder."""
        return bring_up_to_date(map(self._source, sorted(self.files.rglob("*.*"))), database=self.database)

    def ask(self, question: str, limit: int = 10) -> GraphAnswer:
        """Ask the graph that is there now."""
        graph = KnowledgeGraph.open(self.database)
        assert graph
        answer = graph.ask(question, limit)
        graph.close()
        return answer

    def names(self, question: str) -> list[str]:
        """Return the file names of an answer that is above the gate."""
        return [os.path.basename(one.path or "") for one in self.ask(question).findings if one.relevance >= 0.4]

    def _source(self, path: Path) -> Source:
        text = path.read_bytes()
        return Source(str(path), str(self.files), LANGUAGES.get(path.suffix, "text"), str(hash(text)), 1.0)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return an empty folder."""
    return World(tmp_path)


@pytest.fixture
def shop(world: World) -> World:
    """Return a small program with its notes."""
    world.write(
        shop__db_py="def open_session():\n    'Open a session.'\n    return 1\n",
        shop__orders_py=(
            "from shop.db import open_session\n\nclass OrderService:\n"
            "    def place(self):\n        return open_session()\n"
        ),
        shop__api_py=(
            "from shop.orders import OrderService\n\ndef endpoint():\n"
            "    service = OrderService()\n    return service.place()\n"
        ),
        docs__orders_md="# Orders\n\nOrders go to [payment](payment.md). Use `OrderService`.\n",
        docs__payment_md="# Payment\n\nThe bank is asked.\n",
    )
    world.build()
    return world


@pytest.mark.parametrize(
    ("question", "files"),
    [
        ("what depends on shop.db", ["orders.py"]),
        ("what depends on the db module", ["orders.py"]),
        ("who uses open_session", ["orders.py"]),
        ("what imports OPEN SESSIONS?", ["orders.py"]),
        ("who else uses open_session in the shop", ["orders.py"]),
        ("what relies on open_session", ["orders.py"]),
        ("find all callers of open_session", ["orders.py"]),
        ("what stops working if open_session is removed", ["orders.py", "api.py"]),
        ("callers of OrderService.place", ["api.py"]),
        ("dependents of shop/orders.py", ["api.py"]),
        ("what does shop.api depend on", ["orders.py"]),
        ("what would break if I change open_session", ["orders.py", "api.py"]),
    ],
)
def test_direction(shop: World, question: str, files: list[str]) -> None:
    """Dependents and dependencies are told apart, by any usual name of a thing; far ones come after near ones."""
    assert shop.names(question) == files


def test_call_chain(shop: World) -> None:
    """A chain names every step, with the line that proves it."""
    (first, *_) = shop.ask("call chain from the endpoint to open_session").findings
    steps = first.metadata["path"]
    assert [step["name"] for step in steps] == ["endpoint", "place", "open_session"]
    assert [step["by"]["line"] for step in steps[1:]] == [5, 5]
    assert "return service.place()" in first.content


def test_documents_relate_by_links_and_mentions(shop: World) -> None:
    """A note is connected with what it links to and with the code that it names, by the sentence that says so."""
    (first, *_) = shop.ask("how do orders relate to payment").findings
    assert first.relevance >= 0.4
    assert any("payment.md" in finding.content for finding in shop.ask("what is related to Payment").findings)
    assert "orders.md" in shop.names("what mentions OrderService")


def test_nothing_found_is_said(shop: World) -> None:
    """An unknown name gives nothing with a reason; a known one on which nothing depends gives a poor answer."""
    unknown = shop.ask("what depends on the flux capacitor")
    assert (list(unknown.findings), unknown.code) == ([], "NO_ENTITY")
    (nobody,) = shop.ask("what depends on shop.api").findings
    assert nobody.relevance < 0.4
    assert nobody.content.startswith("Nothing in the index")


def test_only_what_changed_is_read_again(shop: World) -> None:
    """A second run reads nothing; a changed file changes its edges, and those that lead to it."""
    assert shop.build()[:2] == (0, 0)
    shop.write(shop__db_py="def start_session():\n    return 1\n")
    assert shop.build()[:2] == (1, 0)
    assert shop.names("what depends on open_session") == []
    shop.write(shop__db_py="def open_session():\n    return 2\n")
    shop.build()
    assert shop.names("who calls open_session") == ["orders.py"]
    (shop.files / "shop" / "orders.py").unlink()
    assert shop.build()[:2] == (0, 1)
    assert shop.names("what depends on shop.db") == []


def test_the_way_of_building_does_not_matter(shop: World, tmp_path: Path) -> None:
    """Built file by file, in any order, the graph is the same as built at once."""
    sources = [shop._source(path) for path in sorted(shop.files.rglob("*.*"))]
    database = str(tmp_path / "other.db")
    for count in range(len(sources) + 1):
        report = bring_up_to_date(sources[-count:] if count else [], database=database)
    assert report[2:4] == bring_up_to_date(sources, database=str(tmp_path / "third.db"))[2:4]


def test_cycles_and_self_imports(world: World) -> None:
    """Modules that import each other, or themselves, are walked once."""
    world.write(a_py="import a\nimport b\nfrom b import x as y\n", b_py="import a\nfrom a import y as x\n")
    world.build()
    assert world.names("what depends on a") == ["b.py"]
    assert world.names("path from a to b")[0] == "a.py"


def test_re_exports_are_followed(world: World) -> None:
    """A name that a package hands on means what it was defined as, also through a star."""
    world.write(
        pkg____init___py="",
        pkg__core_py="class Engine:\n    pass\n",
        pkg__api_py="from pkg.core import *\n",
        use_py="from pkg.api import Engine\nEngine()\n",
    )
    (world.files / "pkg" / "__init__.py").write_text("from .core import Engine\n")
    world.build()
    assert world.names("who calls Engine") == ["use.py"]


def test_ten_thousand_homonyms(world: World) -> None:
    """A name that everything bears is answered at once, and said to be ambiguous."""
    text = "".join(f"class C{number}:\n    def run_it(self):\n        pass\n" for number in range(10_000))
    world.write(many_py=text, one_py="def f(x):\n    x.run_it()\n")
    world.build()
    assert "10000 things" in world.ask("what depends on run_it").note


def test_what_cannot_be_parsed(world: World) -> None:
    """A broken, deep or binary file is counted with its reason and spoils no other."""
    world.write(
        broken_py="def (:\n", deep_py="x = " + "(" * 5000 + ")" * 5000, long_py="y = " + "-" * 50_000 + "1",
        fine_py="def fine():\n    pass\n", user_py="from fine import fine\n",
    )  # fmt: skip
    (world.files / "nul.txt").write_bytes(b"\0\xff")
    report = world.build()
    assert sum(report.problems.values()) >= 3
    assert world.names("who imports fine") == ["user.py"]


@pytest.mark.parametrize(
    "name", ["'; DROP TABLE nodes; --", "%", "_", '"', "a OR b", "NEAR(", "(?:x+)+$", "*", "\\", "x" * 5000, "\0", "🙂"]
)
def test_hostile_names(shop: World, name: str) -> None:
    """A thing named like an expression of SQL, FTS5 or regex is a name like any other, and harms nothing."""
    for form in ("what depends on {}", "how does {} relate to shop.db", "call chain from {} to {}"):
        shop.ask(form.replace("{}", name))
    assert shop.names("what depends on shop.db") == ["orders.py"]


@pytest.mark.parametrize("name", ["'; DROP TABLE nodes; --", "a OR b NEAR c", "(?:x+)+$", "<b>[bold]</b>"])
def test_things_with_hostile_names(world: World, name: str) -> None:
    """A document whose name is an expression of SQL, FTS5 or regex, or markup, is found by it."""
    world.write(odd_md=f"# {name}\n\nIt links to [the other](other.md).\n", other_md="# Other\n\nNothing.\n")
    world.build()
    assert world.names(f"what does {name} link to") == ["other.md"]
    assert world.names("what depends on Other") == ["odd.md"]


def test_scripts_and_their_imports(world: World) -> None:
    """TypeScript is followed by relative paths, components and calls alike."""
    pytest.importorskip("tree_sitter_typescript")
    world.write(
        web__store_ts="export const useStore = () => 1;\n",
        web__map_ts="import { useStore } from './store';\nexport function paint() { return useStore(); }\n",
    )
    world.build()
    assert world.names("who uses the store module") == ["map.ts"]
    assert world.names("who calls useStore") == ["map.ts"]


def test_a_damaged_graph_is_built_again(shop: World) -> None:
    """What is no database is set aside."""
    Path(shop.database).write_bytes(b"damage" * 1000)
    assert shop.build().changed == 5
    assert os.path.exists(shop.database + ".damaged")


def test_an_interrupted_run_goes_on(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stored before the end keeps its place, and its edges come with the next run."""
    shop.write(new_py="from shop.db import open_session\n")

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("memory_router.engines.graph.building.resolve", interrupted)
        with pytest.raises(KeyboardInterrupt):
            shop.build()
    assert shop.build().changed == 0
    assert sorted(shop.names("who imports open_session")) == ["new.py", "orders.py"]


FORMS: list[tuple[str, str, tuple[str, ...]]] = [
    ("what links the jam to the reader", questions.RELATION, ("jam", "reader")),
    ("trace PaymentService to Ledger", questions.CHAIN, ("PaymentService", "Ledger")),
    ("what breaks when parser changes", questions.DEPENDENTS, ("parser",)),
    ("which modules does app import?", questions.DEPENDENCIES, ("app",)),
    ("how do A and B work together", questions.RELATION, ("A", "B")),
    ("auth", questions.SURROUNDINGS, ("auth",)),
    ("which services talk to the OrderStore", questions.DEPENDENTS, ("OrderStore",)),
    ("everything that would change if I touched new_id", questions.DEPENDENTS, ("new_id",)),
    ("everything that would need changing if I touched new_id", questions.DEPENDENTS, ("new_id",)),
    ("is the planner coupled with `Ledger`", questions.RELATION, ("planner", "Ledger")),
    ("call graph of planner.plan", questions.SURROUNDINGS, ("planner.plan",)),
    ("give me the call graph of planner.plan", questions.SURROUNDINGS, ("planner.plan",)),
    ("backlinks of the roadmap", questions.DEPENDENTS, ("roadmap",)),
    ("which notes are tagged roads", questions.DEPENDENTS, ("roads",)),
    ("Was hängt von OrderService ab", questions.DEPENDENTS, ("OrderService",)),
    ("was haengt von OrderService ab", questions.DEPENDENTS, ("OrderService",)),
    ("Welche Module importieren das Modul shop.db", questions.DEPENDENTS, ("Modul shop.db",)),
    ("Wovon hängt der Planer ab", questions.DEPENDENCIES, ("Planer",)),
    ("Wer ruft open_session auf", questions.DEPENDENTS, ("open_session",)),
    ("Was geht kaputt, wenn ich new_id ändere", questions.DEPENDENTS, ("new_id",)),
    ("Wie hängen der Planer und „Ledger“ zusammen", questions.RELATION, ("Planer", "Ledger")),
    ("Aufrufkette von endpoint bis open_session", questions.CHAIN, ("endpoint", "open_session")),
    ("Ist der Planer mit Ledger gekoppelt", questions.RELATION, ("Planer", "Ledger")),
    ("Aufrufgraph von planner.plan", questions.SURROUNDINGS, ("planner.plan",)),
    ("Welche Dienste sprechen mit dem Ledger", questions.DEPENDENTS, ("Ledger",)),
    ("qui appelle open_session", questions.DEPENDENTS, ("open_session",)),
    ("qu'est-ce qui dépend de OrderService", questions.DEPENDENTS, ("OrderService",)),
    ("qu'est-ce qui casse si je modifie new_id", questions.DEPENDENTS, ("new_id",)),
    ("de quoi dépend le planificateur", questions.DEPENDENCIES, ("planificateur",)),
    ("chaîne d'appels de endpoint à open_session", questions.CHAIN, ("endpoint", "open_session")),
    ("quel est le lien entre le planificateur et le «Ledger»", questions.RELATION, ("planificateur", "Ledger")),
    ("graphe d'appels de plan_day", questions.SURROUNDINGS, ("plan_day",)),
    ("qué depende de OrderService", questions.DEPENDENTS, ("OrderService",)),
    ("¿quién llama a open_session", questions.DEPENDENTS, ("open_session",)),
    ("qué se rompe si cambio new_id", questions.DEPENDENTS, ("new_id",)),
    ("cadena de llamadas desde endpoint hasta open_session", questions.CHAIN, ("endpoint", "open_session")),
    ("relación entre el planificador y Ledger", questions.RELATION, ("planificador", "Ledger")),
    ("哪些模块依赖 OrderService", questions.DEPENDENTS, ("OrderService",)),
    ("谁调用了 open_session", questions.DEPENDENTS, ("open_session",)),
    ("open_session 被哪些函数调用", questions.DEPENDENTS, ("open_session",)),
    ("修改 new_id 会影响什么", questions.DEPENDENTS, ("new_id",)),
    ("从 endpoint 到 open_session 的调用链", questions.CHAIN, ("endpoint", "open_session")),
    ("OrderService 和 Ledger 有什么关系", questions.RELATION, ("OrderService", "Ledger")),
    ("planner.plan 的调用图", questions.SURROUNDINGS, ("planner.plan",)),
    ("OrderService に依存しているモジュール", questions.DEPENDENTS, ("OrderService",)),
    ("誰が open_session を呼び出している", questions.DEPENDENTS, ("open_session",)),
    ("new_id を変更すると何が壊れる", questions.DEPENDENTS, ("new_id",)),
    ("endpoint から open_session への呼び出し経路", questions.CHAIN, ("endpoint", "open_session")),
    ("OrderService と Ledger の関係は", questions.RELATION, ("OrderService", "Ledger")),
]


@pytest.mark.parametrize(("question", "intent", "things"), FORMS)
def test_questions_are_understood(question: str, intent: str, things: tuple[str, ...]) -> None:
    """Plain forms of a question mean the same, whatever their case and end."""
    forms: list[Callable[[str], str]] = [str, str.capitalize, lambda text: f"{text}?"]
    for form in forms:
        asked = questions.read(form(question))
        assert asked.intent == intent
        assert [one.lower() for one in asked.things] == [one.lower() for one in things]


@pytest.mark.parametrize(
    "question",
    ["who calls X", "wer ruft X auf", "qui appelle X", "quién llama a X", "谁调用了 X", "誰が X を呼んでいる"],
)
def test_a_verb_says_what_counts(question: str) -> None:
    """Who calls a thing is asked for calls alone, in every language."""
    assert questions.read(question).kinds == ("calls",)


@given(st.text(max_size=300))
def test_any_text_can_be_asked(text: str) -> None:
    """No text breaks the reading of questions."""
    assert questions.read(text).intent
