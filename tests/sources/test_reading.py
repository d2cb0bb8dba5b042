"""Laws of reading files and cutting them into chunks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.sources.reading import document, parse

PYTHON = '''"""A module."""
import os

LIMIT = 3


class Planner:
    """Plans."""

    def plan_pickup(self):
        return 1

    async def drop(self):
        return 2


# Why it is here.
@decorated
def helper():
    return LIMIT
'''


def test_markdown_is_cut_at_headings_with_the_way_to_them() -> None:
    """A section knows the headings above it and its lines; fences hide what only looks like a heading."""
    text = "---\ntitle: The Guide\n---\nIntro.\n\n# One\n\n```sh\n# no heading\n```\n\n"
    text += "## Two ##\nText\n\nThree\n-----\nEnd\n# Four"
    guide = parse("/x/guide.md", text)
    assert guide.title == "The Guide"
    assert [(chunk.heading, chunk.first_line, chunk.last_line) for chunk in guide.chunks] == [
        ("", 1, 4),
        ("One", 6, 10),
        ("One > Two", 12, 13),
        ("One > Three", 15, 17),
        ("Four", 18, 18),
    ]


def test_headings_without_a_text_belong_to_what_follows_below_them() -> None:
    """A heading of its own is no passage; it begins the first section that it stands above."""
    text = "# Alpha\n\n## Risks\n\nA risk.\n\n# Beta\n\n## Risks\n\nAnother.\n\n## Empty\n\n## Last\n\nEnd."
    chunks = parse("/x/risks.md", text).chunks
    assert [(chunk.heading, chunk.first_line) for chunk in chunks] == [
        ("Alpha > Risks", 1),
        ("Beta > Risks", 7),
        ("Beta > Empty", 13),
        ("Beta > Last", 15),
    ]


def test_a_notebook_is_read_by_its_cells() -> None:
    """Markdown and code of a notebook are passages at their lines; outputs and the format around them are not."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Tide study\n", "\n", "Neap tides \u00fcber alles."]},
        {
            "cell_type": "code",
            "metadata": {},
            "outputs": [{"text": "secret output"}],
            "source": "level = 3\nprint(level)",
        },
    ]
    raw = json.dumps({"cells": cells, "nbformat": 4}, indent=1)
    study = parse("/x/study.ipynb", raw)
    assert study.title == "Tide study"
    (chunk,) = study.chunks
    assert "Neap tides \u00fcber" in chunk.text
    assert "print(level)" in chunk.text
    assert "output" not in chunk.text
    assert "# Tide study" in raw.split("\n")[chunk.first_line - 1]
    assert parse("/x/broken.ipynb", "{").chunks


def test_the_title_is_the_first_heading_or_the_name() -> None:
    """Without front matter the first top heading is the title, and without one the file's name."""
    assert parse("/x/a.md", "## Sub\n# Top\n").title == "Top"
    assert parse("/x/a.md", "text").title == "a.md"
    assert parse("/x/a.py", "# Top").title == "a.py"


def test_code_is_cut_at_definitions_with_their_comments() -> None:
    """Defined names are symbols; a comment and a decorator stay with what they are about."""
    long = PYTHON.replace("return 1", "return 1\n" + "        x = 'filler filler filler'\n" * 70)
    chunks = parse("/x/planner.py", long).chunks
    by_symbol = {name: chunk for chunk in chunks for name in chunk.symbols.split()}
    assert set(by_symbol) == {"LIMIT", "Planner", "plan_pickup", "drop", "helper"}
    assert by_symbol["plan_pickup"].heading == "Planner"
    assert by_symbol["helper"].text.startswith("# Why it is here.")
    assert by_symbol["helper"].heading == ""


@pytest.mark.parametrize(
    ("name", "line", "symbol"),
    [
        ("a.ts", "export const useYardStore = create<Yard>((set) => ({", "useYardStore"),
        ("a.ts", "export default async function loadAll(x: number) {", "loadAll"),
        ("a.ts", "export interface Berth {", "Berth"),
        ("a.go", "func (s *Server) HandleMove(w http.ResponseWriter) {", "HandleMove"),
        ("a.rs", "pub(crate) fn parse_all<'a>(x: &'a str) -> Result<()> {", "parse_all"),
        ("A.java", "public static void main(String[] args) {", "main"),
        ("a.c", "static int count_boxes(struct yard *y)\n{", "count_boxes"),
        ("a.rb", "def empty?", "empty?"),
        ("a.sql", "CREATE TABLE IF NOT EXISTS berth_window (", "berth_window"),
        ("a.sh", "deploy_all() {", "deploy_all"),
        ("a.c", "#define MAX_BOXES 3", "MAX_BOXES"),
    ],
)
def test_definitions_are_recognised_in_many_languages(name: str, line: str, symbol: str) -> None:
    """The names that a chunk defines are known without a grammar."""
    assert parse(f"/x/{name}", line + "\n  body\n}\n").chunks[0].symbols.split()[0] == symbol


@pytest.mark.parametrize("line", ["if (a) {", "  return call(x) {", "for (;;) {", "x == y", "useEffect(() => {"])
def test_statements_are_no_definitions(line: str) -> None:
    """What only looks like a definition gives no symbol."""
    assert parse("/x/a.ts", line + "\n").chunks[0].symbols == ""


def test_programs_write_for_programs() -> None:
    """Minified and binary files are kept out with the reason."""
    assert document("/x/a.js", b"var a=1;" * 1000, 0)[0] == "generated"
    assert document("/x/a.md", b"\0\0", 0)[0] == "binary"
    assert document("/x/a.md", b"long prose " * 1000, 0)[0] == ""


@given(
    st.text(alphabet=st.sampled_from("ab \n#`~-=\t{}():;def "), max_size=600),
    st.sampled_from(["md", "py", "txt", "ts"]),
)
def test_every_visible_line_is_in_one_chunk_at_its_place(text: str, extension: str) -> None:
    """No line is lost, none stands twice, and the line numbers point at the chunk's text."""
    lines = text.split("\n")
    covered: list[int] = []
    for chunk in parse(f"/x/a.{extension}", text).chunks:
        assert chunk.text == "\n".join(lines[chunk.first_line - 1 : chunk.last_line])
        covered += range(chunk.first_line, chunk.last_line + 1)
    assert covered == sorted(set(covered))
    assert {number for number, line in enumerate(lines, 1) if line.strip()} <= set(covered)


def test_long_lines_and_long_texts_come_in_pieces() -> None:
    """No chunk grows beyond limits, and nothing of a long line is lost."""
    chunks = parse("/x/a.txt", "x" * 10_000 + "\n" + "word word\n" * 5000).chunks
    assert max(len(chunk.text) for chunk in chunks) <= 3600
    assert sum(chunk.text.count("x") for chunk in chunks) == 10_000
