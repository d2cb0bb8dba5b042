"""Make scripts without spaces between words searchable, by pairs of characters in place of words.

Runs of Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese become overlapping pairs in the index and in the
question alike: a quoted run is found exactly, and so is any part. Triples, as SQLite's trigram tokenizer makes them,
would miss words of two characters, the commonest length, and would need an index of their own.
"""

import re
import unicodedata
from itertools import pairwise

_CHARACTERS = (
    "\u3005-\u3007\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0eff\u1000-\u103f\u1050-\u109f\u1780-\u17d3"
)
RUN = f"[{_CHARACTERS}]+"
_HIRAGANA = "\u3041-\u309f"
_WORD = f"[{_HIRAGANA}]+|(?:(?![{_HIRAGANA}])[{_CHARACTERS}])+"


def spread(text: str) -> str:
    """Return `text` with every run of these scripts as pairs of neighbours; a lone character stays alone."""
    return text if text.isascii() else re.sub(RUN, lambda run: f" {' '.join(pairs(run[0]))} ", text)


def spread_question(text: str) -> str:
    """Return a question as `spread` does, but with Hiragana, which tells little, apart from the words around it."""
    return text if text.isascii() else re.sub(_WORD, lambda run: f" {' '.join(pairs(run[0]))} ", text)


def is_grammar(word: str) -> bool:
    """Return whether a word is Hiragana, in which Japanese writes endings and particles."""
    return bool(word) and all("\u3041" <= char <= "\u309f" for char in word)


def characters(run: str) -> list[str]:
    """Return the characters of a run, each with the vowel signs and tone marks that belong to it."""
    clusters: list[str] = []
    for char in run:
        if clusters and unicodedata.category(char).startswith("M"):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def pairs(run: str) -> list[str]:
    """Return the overlapping pairs of a run of characters; a lone character alone."""
    units = characters(run)
    return [left + right for left, right in pairwise(units)] or units
