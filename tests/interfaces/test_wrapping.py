"""What a terminal shows is broken between words, and no command, id or name in it is broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.interfaces.cli.tables import print_entries, print_states, print_table
from memory_router.interfaces.cli.wrapping import wrapped

_ID = "totalrecall:437b4555081f5e8d463b"
_FIX = "Run: memory-router memories import ~/a-folder/of-some-length/with-memories.jsonl --format jsonl --dry-run"


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the process a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


@given(
    st.lists(st.text("abcdefg.?!", min_size=1, max_size=30), max_size=60).map(
        lambda words: " ".join(["Words:", *words])
    )
)
def test_no_word_is_broken_or_lost(sentence: str) -> None:
    """Lines hold the words of the text in their order, and are too long only where one word is."""
    lines = wrapped(sentence, "  ").split("\n")
    assert " ".join(lines).split() == sentence.split()
    assert all(len(line) <= 80 for line in lines)


def test_a_command_has_a_line_of_its_own() -> None:
    """What follows `Run:` can be copied as a whole, wherever it stands in a message."""
    lines = wrapped(f"qmd: No folder is indexed yet. {_FIX}. totalrecall: Nothing is remembered yet.", "   ").split(
        "\n"
    )
    assert lines == ["   qmd: No folder is indexed yet.", f"   {_FIX}", "   totalrecall: Nothing is remembered yet."]


@pytest.mark.parametrize("command", ["`memory-router rules add --help`", "memory-router rules learn --reset"])
@pytest.mark.parametrize("place", range(60, 82, 3))
def test_a_command_in_a_sentence_stays_whole(command: str, place: int) -> None:
    """A command within a sentence stands in one line, wherever the line ends."""
    assert any(command in line for line in wrapped(f"{'x' * place} {command}, and so on.").split("\n"))


def test_a_difference_stays_as_it_is() -> None:
    """Lines of a difference are printed as they are, however long."""
    difference = f"--- a\n+++ b\n@@ -1 +1 @@\n-{'old ' * 40}\n+{'new ' * 40}\n {'same ' * 30}"
    assert wrapped(difference) == difference


def test_a_table_breaks_no_id(capsys: pytest.CaptureFixture[str]) -> None:
    """At 80 columns, ids and names in a table are whole, and the texts beside them are wrapped."""
    print_table(("when", "tier", "id", "text"), [("2026-11-28", "persistent", _ID, "some words " * 12)])
    told = capsys.readouterr().out
    assert _ID in told
    assert "persistent" in told
    assert all(len(line) <= 80 for line in told.splitlines())


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is nothing to list, a sentence says that."""
    print_table(("id", "text"), [], "Nothing is remembered yet.")
    print_entries([], "No question needed approval.")
    assert capsys.readouterr().out.splitlines() == ["Nothing is remembered yet.", "No question needed approval."]


def test_a_fix_stands_below_what_it_mends(capsys: pytest.CaptureFixture[str]) -> None:
    """The fix of a finding is one line, however long its command is."""
    print_states([("totalrecall", "warning", "one finding that takes more than a single line " * 2, _FIX)])
    assert capsys.readouterr().out.splitlines()[-1] == f"  {_FIX}"
