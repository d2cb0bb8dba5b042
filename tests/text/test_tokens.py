"""Estimates of tokens add up, and texts are cut to what they may take."""

from hypothesis import given
from hypothesis import strategies as st

from memory_router.text.tokens import estimate_tokens, fit


def test_prose_takes_a_quarter_of_its_characters() -> None:
    """English prose is estimated at four characters a token; other scripts at one."""
    assert estimate_tokens("why did we choose Postgres") == 7
    assert estimate_tokens("数据库") == 3
    assert estimate_tokens("") == 0


@given(st.text(max_size=200), st.text(max_size=200))
def test_estimates_never_fall(one: str, other: str) -> None:
    """A longer text never takes less, and two texts apart take no less than together."""
    together = estimate_tokens(one + other)
    assert together >= max(estimate_tokens(one), estimate_tokens(other))
    assert together <= estimate_tokens(one) + estimate_tokens(other)


@given(st.text(max_size=400), st.integers(1, 60))
def test_cut_texts_fit(text: str, tokens: int) -> None:
    """A text that fits stays as it is; another is cut to what it may take, and says so."""
    cut = fit(text, tokens)
    assert estimate_tokens(cut) <= tokens
    assert cut == text or cut.endswith("…")
