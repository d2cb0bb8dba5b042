"""Let Chinese, Japanese and Korean be searched: no spaces part their words, so pairs of characters stand in.

Runs of these scripts become overlapping pairs in the index and in the question alike: a quoted run is found exactly,
and so is any part of it. Triples, as SQLite's trigram tokenizer makes them, would miss words of two characters, the
commonest length, and would need an index of their own.
"""

import re

# Han with its extensions, Hiragana, Katakana, Hangul. Compiled when first met: most questions are ASCII.
_CHARACTERS = "\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = f"[{_CHARACTERS}]+"
_HIRAGANA = "\u3041-\u309f"
_WORD = f"[{_HIRAGANA}]+|(?:(?![{_HIRAGANA}])[{_CHARACTERS}])+"


def spread(text: str) -> str:
    """Return `text` with every run of these scripts as pairs of neighbours; a lone character stays alone."""
    return text if text.isascii() else re.sub(_RUN, lambda run: f" {_pairs(run[0])} ", text)


def spread_question(text: str) -> str:
    """Return a question as `spread` does, but with Hiragana, which tells little, apart from the words around it."""
    return text if text.isascii() else re.sub(_WORD, lambda run: f" {_pairs(run[0])} ", text)


def characters(text: str) -> str:
    """Return the different characters of these scripts, separated by spaces, to be found one by one."""
    return "" if text.isascii() else " ".join(dict.fromkeys("".join(re.findall(_RUN, text))))


def is_grammar(word: str) -> bool:
    """Say whether a word is Hiragana, in which Japanese writes endings and particles."""
    return bool(word) and all("\u3041" <= char <= "\u309f" for char in word)


def _pairs(run: str) -> str:
    return " ".join(run[place : place + 2] for place in range(max(1, len(run) - 1)))
