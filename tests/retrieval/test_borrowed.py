"""Laws of judging passages that another program keeps."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from memory_router.retrieval.borrowed import BorrowedPassage, judged
from memory_router.retrieval.query import idf
from memory_router.retrieval.relevance import FLOOR
from memory_router.retrieval.search import NO_WISH, Scored
from memory_router.text import words

TEXTS = st.text(alphabet="abcdeäß 認é'\"*-\n", max_size=60)


class Counts:
    """What a program with a thousand texts knows, in which every word is as rare."""

    count = 1000

    def frequency(self, _term: str) -> int:
        """Count the texts that hold a term."""
        return 3


def ask(passages: Sequence[BorrowedPassage], question: str, limit: int = 10) -> list[Scored]:
    """Judge passages by one question."""
    return judged(passages, Counts(), question, words.parse(question), limit, NO_WISH)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_rarer_words_tell_more(first: int, second: int) -> None:
    """The idf is positive and falls as more texts hold the word."""
    count = max(first, second)
    assert idf(count, min(first, second)) >= idf(count, count) > 0


@given(st.lists(TEXTS, max_size=6), TEXTS, st.integers(0, 5))
def test_borrowed_passages_come_in_the_order_of_their_relevance(texts: list[str], question: str, limit: int) -> None:
    """For any texts: never a later number that is higher, none below the floor, no more than asked for, none twice."""
    found = ask([BorrowedPassage(text) for text in texts], question, limit)
    claims = [scored.relevance for scored in found]
    assert claims == sorted(claims, reverse=True)
    assert all(FLOOR <= claim <= 1 for claim in claims)
    assert len(found) <= limit
    keys = [key for scored in found for key in (scored.key, *scored.copies)]
    assert len(keys) == len(set(keys))


def test_a_passage_that_holds_more_of_a_question_is_more_relevant() -> None:
    """More of its words, in a name or beside it, raise the number; a passage without any of them is not found."""
    texts = ["The ferry leaves at ten from the north quay.", "The north quay was painted.", "Nothing of the kind."]
    first, second = ask([BorrowedPassage(text) for text in texts], "ferry north quay")
    assert (first.key, second.key) == (0, 1)
    (named,) = ask([BorrowedPassage(texts[1], named="ferry")], "ferry north quay")
    assert named.relevance > second.relevance


def test_what_models_choose_is_believed_with_care() -> None:
    """A passage without a word of the question is found below the gate; with its words it gains by being chosen."""
    passages = [
        BorrowedPassage("Water rises at noon.", chosen=0),
        BorrowedPassage("The tide tables hang in the office."),
    ]
    found = {scored.key: scored.relevance for scored in ask(passages, "tide tables office")}
    assert FLOOR < found[0] < 0.4 < found[1]
    (chosen,) = ask([passages[1]._replace(chosen=0)], "tide tables office")
    assert chosen.relevance > found[1]


def test_copies_are_folded_into_one() -> None:
    """A text that is kept twice is one result that names its copy."""
    text = "The harbour master decides every Monday which of the berths are dredged in the week that follows."
    (scored,) = ask([BorrowedPassage(text), BorrowedPassage(text)], "which berths are dredged")
    assert (scored.key, scored.copies) == (0, (1,))
