"""Translate a question into FTS5's language as QMD's own `search` understands it.

Every rule here was found by asking QMD 2.8.3 and comparing (tests/clients/test_real_qmd.py does it again): words are
beginnings and all required, `-word` excludes, quotation marks make phrases, hyphens phrases of their parts, dots parts
that must all be there, and other punctuation inside a word vanishes.
"""

import re

# JavaScript's idea of white space, which is not Python's.
_SPACE = "\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_PIECE = re.compile(rf'[{_SPACE}]*(-?)(?:"([^"]*)"?|([^{_SPACE}"]*))')
_DROPPED = re.compile(r"[^\w']")
_HYPHENATED = re.compile(r"[^\W_](?:[^\W_]|['-])*-[^\W_](?:[^\W_]|['-])*")
_DOTTED = re.compile(r"\w+(?:\.\w+)+")
_CJK = (
    "\u1100-\u11ff\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa"
    "\u30fd-\u30ff\u3131-\u318e\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7fb\uf900-\ufad9"
    "\uff66-\uff6f\uff71-\uff9d\uffa0-\uffdc\U0001aff0-\U0001b167\U00020000-\U000323af"
)
_CJK_RUN = re.compile(f"[{_CJK}]+")


def match_expression(question: str) -> str | None:
    """Return the FTS5 expression of QMD's `search` for a question, or None where it would not search at all.

    Args:
        question: what the user typed.
    """
    required, excluded = _parts(question)
    return _with_exclusions(" AND ".join(required), excluded) if required else None


def any_of(phrases: list[str], question: str) -> str:
    """Return the FTS5 expression that any of some phrases satisfies, without what the question excludes.

    Args:
        phrases: FTS5 phrases, quoted.
        question: what the user typed; only its exclusions (`-word`) are read.
    """
    return _with_exclusions(f"({' OR '.join(phrases)})", _parts(question)[1])


def phrase(term: str) -> str:
    """Return the FTS5 phrase for a word or several in a row; a final `*` matches any ending."""
    bare = spaced(term.replace('"', " ").replace("\0", " ")).strip()
    return f'"{bare[:-1]}" *' if bare.endswith("*") else f'"{bare}"'


def spaced(text: str) -> str:
    """Return a text with the characters of Chinese, Japanese and Korean apart, as QMD indexes them."""
    return _CJK_RUN.sub(lambda run: f" {' '.join(run[0])} ", text)


def without_exclusions(question: str) -> str:
    """Return the question without the words that it excludes."""
    return re.sub(r'(?:^|(?<=\s))-(?:"[^"]*"?|(?=[^\W_])\S+)', " ", question)


def _parts(question: str) -> tuple[list[str], list[str]]:
    """Return what must be there and what must not, as FTS5 phrases."""
    required: list[str] = []
    excluded: list[str] = []
    for minus, quoted, term in _PIECE.findall(question):
        phrases = [f'"{phrase}"'] if (phrase := _phrase(quoted)) else _term(term)
        if minus and phrases:
            excluded.append(f"({' AND '.join(phrases)})" if len(phrases) > 1 else phrases[0])
        else:
            required += phrases
    return required, excluded


def _term(term: str) -> list[str]:
    if _HYPHENATED.fullmatch(term):
        return [f'"{" ".join(filter(None, map(_bare, term.split("-"))))}"']
    if _DOTTED.fullmatch(term):
        return [f'"{_bare(part)}"*' for part in term.split(".")]
    if _CJK_RUN.search(term):
        phrase = _phrase(term)
        return [f'"{phrase}"'] if phrase else []
    return [f'"{bare}"*'] if (bare := _bare(term)) else []


def _phrase(text: str) -> str:
    words = (part for word in spaced(text).split() for part in (word.split(".") if _DOTTED.fullmatch(word) else [word]))
    return " ".join(filter(None, map(_bare, words)))


def _bare(term: str) -> str:
    return _DROPPED.sub("", term).lower()


def _with_exclusions(expression: str, excluded: list[str]) -> str:
    return " NOT ".join([expression, *excluded])
