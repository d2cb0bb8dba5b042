"""Estimate how many tokens of a language model a text takes, without the model's own tokenizer."""

import math

# English prose takes about four characters a token in current tokenizers; JSON, code and other scripts take fewer, so
# that characters beyond ASCII count as a whole token each and the estimate errs on the dear side.
_CHARACTERS_A_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """Return about how many tokens `text` takes: ASCII characters over four, every other character one."""
    ascii_characters = sum(map(str.isascii, text))
    return math.ceil(ascii_characters / _CHARACTERS_A_TOKEN) + len(text) - ascii_characters


def fit(text: str, tokens: int) -> str:
    """Return `text` cut so that it takes at most `tokens`, at a space where one is near, with an ellipsis where cut."""
    if estimate_tokens(text) <= tokens:
        return text
    spent, end = 1.0, 0  # the ellipsis takes one
    for end, char in enumerate(text):  # noqa: B007 - where it stops is the result
        spent += 1 / _CHARACTERS_A_TOKEN if char.isascii() else 1
        if spent > tokens:
            break
    cut = text[:end]
    space = cut.rfind(" ")
    return (cut[:space] if space > len(cut) * 0.7 else cut).rstrip() + "…"
