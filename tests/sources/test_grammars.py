"""Laws of cutting source code by its grammar."""

# ruff: noqa: E501 - a source and what it defines stand side by side.
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_router.sources import grammars
from memory_router.sources.document import Chunk
from memory_router.sources.reading import cutter_of, parse

pytest.importorskip("tree_sitter", reason="the extra `code` is not installed")

SOURCES = {
    "a.py": (
        '# About A.\n@register(\n    "a",\n)\nclass A(B):\n    LIMIT = 1\n\n    # Why.\n    @property\n    def f(self):\n'
        "        def inner(): ...\n        return inner\n\nasync def g(): ...\nx, y = 1, 2  # not about h\ndef h(): ...\n",
        {"A": (1, 12), "LIMIT": (6, 6), "f": (8, 12), "inner": (11, 11), "g": (14, 14), "x": (15, 15), "y": (15, 15), "h": (16, 16)},
    ),
    "a.ts": (
        "/** About A. */\n@Injectable()\nexport abstract class A {\n  static make = async () => 1;\n  /** About m. */\n"
        "  m<T>(x: T): void;\n  abstract n(): void;\n}\nexport const useYard = create<Y>(() => ({}));\n"
        "export interface I { o(): void }\ntype T = string;\nenum E { A }\nnamespace N { function deep() {} }\n",
        {"A": (1, 8), "make": (4, 4), "m": (5, 6), "n": (7, 7), "useYard": (9, 9), "I": (10, 10), "o": (10, 10), "T": (11, 11), "E": (12, 12), "N": (13, 13), "deep": (13, 13)},
    ),
    "a.tsx": ("export function View() {\n  return <b>{1}</b>;\n}\n", {"View": (1, 3)}),
    "a.js": (
        "// About a.\nexport const a = () => {};\nFoo.prototype.bar = function () {};\nmodule.exports = { run() {}, go: () => 1 };\n"
        "function* gen() {}\nclass A { b = 2 }\n",
        {"a": (1, 2), "bar": (3, 3), "run": (4, 4), "go": (4, 4), "gen": (5, 5), "A": (6, 6), "b": (6, 6)},
    ),
    "a.go": (
        "package a\n\n// About Move.\nfunc (s *S) Move() {\n}\n\ntype (\n\tA struct{}\n\t// About B.\n\tB interface{ Foo() }\n)\n\n// About X.\ntype X = int\nconst limit = 1\nvar (\n\tz = 2\n)\n",
        {"Move": (3, 5), "A": (8, 8), "B": (9, 10), "Foo": (10, 10), "X": (13, 14), "limit": (15, 15), "z": (17, 17)},
    ),
    "a.rs": (
        "/// About A.\n#[derive(Debug)]\npub struct A;\nimpl<T> Foo for Wide<T> {\n    /// About b.\n    fn b(&self) {}\n}\n"
        "trait Q { fn m(&self); }\nmacro_rules! mm { () => {} }\nconst X: i32 = 1;\nmod deep { pub fn inner() {} }\n",
        {"A": (1, 3), "Wide": (4, 7), "b": (5, 6), "Q": (8, 8), "m": (8, 8), "mm": (9, 9), "X": (10, 10), "deep": (11, 11), "inner": (11, 11)},
    ),
    "A.java": (
        "package a;\n/** About A. */\n@Foo\npublic class A<T> extends B {\n  static final int MAX = 1;\n  /** About run. */\n"
        "  @Override\n  public void run() {}\n  A() {}\n  enum E { X }\n  record R(int x) {}\n}\n",
        {"A": (2, 12), "MAX": (5, 5), "run": (6, 8), "E": (10, 10), "R": (11, 11)},
    ),
    "a.c": (
        "/* About count. */\nstatic int\ncount(struct yard *y)\n{\n}\n#define MAX 3\ntypedef struct box { int x; } box_t;\n"
        "char **names(void) { }\nint declared_only(int);\nstatic const int table[] = {1};\n#ifdef X\nint inner(void) {}\n#endif\n",
        {"count": (1, 5), "MAX": (6, 6), "box": (7, 7), "box_t": (7, 7), "names": (8, 8), "table": (10, 10), "inner": (12, 12)},
    ),
    "a.hpp": (
        "namespace yard {\n/// About A.\ntemplate <typename T>\nclass A : B {\n  ~A() {}\n};\ntemplate <class T>\nint A<T>::foo() const { return 1; }\n"
        "A operator+(A a, A b) { }\nusing X = int;\nenum class E { Q };\n}\n",
        {"yard": (1, 12), "A": (2, 6), "~A": (5, 5), "foo": (7, 8), "operator+": (9, 9), "X": (10, 10), "E": (11, 11)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", SOURCES)
def test_definitions_reach_from_their_comments_to_their_ends(path: str) -> None:
    """Comments, decorators and attributes right above belong to a definition; lines are those of the file."""
    text, expected = SOURCES[path]
    if not grammars.has_grammar(path):
        pytest.skip("this grammar is not installed")
    found: dict[str, tuple[int, int]] = {}
    for one in grammars.definitions(text, path):
        found.setdefault(one.name, (one.start + 1, one.end))
    assert found == expected


def function(name: str, lines: int, indent: str = "") -> str:
    """Return the source of a function that is so many lines long."""
    return f"{indent}def {name}(self):\n" + f"{indent}    call_something_long('with text')\n\n" * (lines // 2)


def by_symbol(chunks: "list[Chunk]") -> dict[str, Chunk]:
    """Return the chunk that defines each name."""
    return {name: chunk for chunk in reversed(chunks) for name in chunk.symbols.split()}


def test_what_fits_stays_together_and_what_does_not_is_cut_at_the_next_level() -> None:
    """A class that is too long is cut at its methods, a method at blank lines; each part says what it is in."""
    text = f'class Yard:\n    """The yard."""\n\n{function("short", 4, "    ")}{function("long", 200, "    ")}\ndef after(): ...\n'
    chunks = list(parse("/x/a.py", text).chunks)
    first, *parts, last = chunks
    assert (first.symbols, first.heading, first.continues) == ("Yard short", "", False)
    assert (parts[0].symbols, parts[0].heading, parts[0].continues) == ("long", "Yard", False)
    assert {(part.heading, part.symbols, part.continues) for part in parts[1:]} == {("Yard > long", "", True)}
    assert (last.symbols, last.heading) == ("after", "")


def test_a_function_in_a_function_stays_in_it() -> None:
    """What is defined inside a definition that fits into one chunk is found in that chunk."""
    text = "def outer():\n" + function("inner", 8, "    ") + "    return inner\n" + function("next", 40)
    named = by_symbol(list(parse("/x/a.py", text).chunks))
    assert named["inner"] is named["outer"]
    assert named["inner"] is not named["next"]


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("ab \n#@{}():;=<>\"'/*\\,.\u65e5\t"), max_size=300),
    st.sampled_from(sorted(SOURCES)),
)
def test_any_text_is_cut_without_loss(text: str, path: str) -> None:
    """Whatever a file holds, every visible line is in one chunk at its place, in order."""
    lines = text.split("\n")
    covered: list[int] = []
    for chunk in parse(path, text).chunks:
        assert chunk.text == "\n".join(lines[chunk.first_line - 1 : chunk.last_line])
        covered += range(chunk.first_line, chunk.last_line + 1)
    assert covered == sorted(set(covered))
    assert {number for number, line in enumerate(lines, 1) if line.strip()} <= set(covered)


@pytest.mark.parametrize("path", [*SOURCES, "a.rb"])
def test_deep_and_dense_files_end(path: str) -> None:
    """Nesting of thousands of levels and thousands of definitions in a line are cut in time (the test's limit)."""
    for text in (
        "{(" * 50_000,
        "class A { " * 5_000,
        "def f(): pass; " * 5_000,
        "".join(" " * n + f"def f{n}():\n" for n in range(900)),
    ):
        parse(path, text)


def test_the_way_of_cutting_is_known() -> None:
    """A file is cut anew once its grammar is installed, or gone; other files do not mind."""
    assert cutter_of("a.py") != cutter_of("a.rb") == cutter_of("a.md")
