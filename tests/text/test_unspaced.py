"""Laws of texts without spaces between words."""

from hypothesis import given
from hypothesis import strategies as st

from memory_router.text.unspaced import characters, pairs, spread
from memory_router.text.words import parse


def test_runs_become_pairs() -> None:
    """A run becomes its overlapping pairs, a lone character stays, and other scripts are left as they are."""
    assert spread("API\u8a2d\u8a08\u66f8 v2 \u732b") == "API \u8a2d\u8a08 \u8a08\u66f8  v2  \u732b "
    assert spread("plain text, gr\u00fc\u00df") == "plain text, gr\u00fc\u00df"


def test_marks_stay_with_their_character() -> None:
    """Vowel signs and tone marks are no characters of their own."""
    assert characters("\u0e1c\u0e39\u0e49\u0e2b") == ["\u0e1c\u0e39\u0e49", "\u0e2b"]
    assert pairs("\u0e15") == ["\u0e15"]


@given(
    st.text(alphabet="\u6771\u4eac\ud55c\u30bf a", max_size=30),
    st.text(alphabet="\u6771\u4eac\ud55c\u30bf", min_size=2, max_size=4),
)
def test_every_part_of_two_characters_or_more_is_found(text: str, part: str) -> None:
    """The pairs of a part stand in a row among those of every text that holds it."""
    if part in text:
        assert " ".join(spread(part).split()) in " ".join(spread(text).split())


def test_questions_are_read_in_pairs() -> None:
    """Words, phrases and paths of a question keep their places beside these scripts."""
    question = parse('\u6771\u4eac\u30bf\u30ef\u30fc "\u8a2d\u8a08\u66f8" docs/\u65e5\u672c\u8a9e.md parse_token')
    assert parse("\u732b\u3068\u72ac\u306f\u3069\u3053").words == ("\u732b", "\u72ac")
    assert parse("\u3053\u308c\u306f").words == ("\u3053\u308c", "\u308c\u306f")
    assert question.words[:2] == ("\u6771\u4eac", "\u4eac\u30bf")
    assert question.phrases == ("\u8a2d\u8a08\u66f8",)
    assert question.paths == ("docs/\u65e5\u672c\u8a9e.md",)
    assert [name.text for name in question.identifiers] == ["parse_token"]
