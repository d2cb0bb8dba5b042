"""Read a question as a searcher does: content words, quoted phrases, identifiers, paths.

Pure functions on text; no store is asked. Every engine shapes its queries with these, so that the same question
means the same everywhere.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple, TypeVar

from memory_router.text.languages import ENGLISH, language, languages_of
from memory_router.text.spelling import normal
from memory_router.text.terms import words_in
from memory_router.text.unspaced import is_grammar, spread_question
from memory_router.text.word_cache import WordCache

_T = TypeVar("_T")


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Next to a name these only say what sort of thing it names; its definition may be written without them.
_KINDS = _listed(
    """
    call called callers calls class classes component components const constant constants declaration
    declared defined definition definitions
    enum field file files folder function functions implementation implemented interface interfaces method methods
    module modules struct trait type types usage usages uses variable variables
    """
)
_FOLDERS = _listed(
    """
    .claude .github api app apps backend backends bin cmd config configs core crates docs examples frontend
    include infra internal lib libs migrations notes packages pkg plugins runbooks scripts services sql src
    static templates test tests tools web
    """
)
_EXTENSIONS = (
    "adoc|bash|bat|c|cc|cfg|clj|conf|cpp|cs|css|csv|cxx|dart|elm|erl|ex|exs|fs|go|gradle|graphql|h|hpp|hrl|hs|htm|html|"
    "ini|ipynb|java|jl|js|json|jsonl|jsx|kt|kts|less|lua|m|markdown|md|mdx|mjs|ml|mli|mm|nix|org|php|pl|pm|proto|ps1|"
    "py|pyi|r|rb|rs|rst|sass|scala|scss|sh|sql|svelte|swift|tf|tex|toml|ts|tsv|tsx|txt|vue|xml|yaml|yml|zig|zsh"
)
# Patterns that are plain strings are compiled when first met: most questions meet none of them.
_FILE_NAME = rf"(?i:[\w.@*?\[\]{{}}(),+-]*[\w*}}\])]\.(?:{_EXTENSIONS}|\*|\{{[\w,]+\}}))"
_BRACKETED_NAME = r"\([^()]*\)\.\w+|\[[^\[\]]*\]\.\w+"
_LINE_NUMBER = re.compile(r"(?<=\w):\d+(?::\d+)?$")
_TOKEN = re.compile(r"\S+")
_ADDRESS = r"(?<![\w@.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+"
_DASHED = re.compile(r"(?<![\w.:/@-])[a-zA-Z0-9]+(?:[-.:][a-zA-Z0-9]+)+(?![\w:/@-])")
_TICKET = r"[A-Z][A-Z0-9]+-\d+"
_ISO_DATE = r"\d{4}-\d\d-\d\d"
# The look-behinds let a run of letters or of `_` be tried once, from its beginning: linear on hostile text.
_IDENTIFIER = re.compile(
    r"(?<!\w)_*[^\W\d_][^\W_]*(?:(?:_+|[.-])[^\W_]+)+_*"  # snake_case, kebab-case, dotted.name
    r"|(?<!\w)(?:[a-z]+\d*[A-Z]|[A-Z]+[a-z]+\d*[A-Z]|[A-Z]{2,}[a-z]{2,})[^\W_]*"  # camelCase, PascalCase
)
# `parse*`, `parse_au*`; a star on both sides is emphasis.
_BEGINNING = r"(?<![\w*.-])(\w[\w.-]*[^\W_]{2})\*(?![\w*])"
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_SHORT_PART = 3
# `avons-nous`, `est-ce`: how French asks.
_INVERTED = _listed("je tu il elle nous vous ils elles ce")
_QUOTED = r'"([^"\n]{2,200})"|“([^”\n]{2,200})”|`([^`\n]{2,200})`'


class Identifier(NamedTuple):
    """A name of code in the forms in which it can be found.

    Args:
        text: as it was written.
        joined: lower case without separators: the same for `parseAuthToken` and `parse_auth_token`.
        parts: its words, lower case.
    """

    text: str
    joined: str
    parts: tuple[str, ...]

    @property
    def is_code(self) -> bool:
        """Return whether only code writes it so; `long-term` and `node.js` also stand in prose."""
        return "-" not in self.text and "." not in self.text


class Question(NamedTuple):
    """What a question asks for; every member keeps the question's order and repeats nothing.

    Args:
        words: content words, lower case, without those of identifiers and paths; never empty if the question
            has a word and neither identifier nor path. One that ends in `*` matches all that begin so; addresses
            and numbers of things, as `10.0.0.1`, are one word.
        phrases: what stood in quotation marks (its words are among `words` too).
        identifiers: names of code.
        paths: files, folders and globs, as written.
    """

    words: tuple[str, ...]
    phrases: tuple[str, ...]
    identifiers: tuple[Identifier, ...]
    paths: tuple[str, ...]


def parse(text: str) -> Question:
    """Split a question into what can be searched for.

    Args:
        text: the question, of any length, with any characters.
    """
    text = normal(text)
    phrases = _unique(phrase for phrase in map(_flat, _quoted(text)) if len(words_in(phrase)) > 1)
    whole: list[str] = []
    rest = re.sub(_ADDRESS, lambda address: _take(address[0].lower(), whole), text) if "@" in text else text
    rest = _DASHED.sub(lambda name: _take(name[0].lower(), whole) if _is_opaque(name[0]) else name[0], rest)
    paths: list[str] = []
    rest = spread_question(_TOKEN.sub(lambda token: _take_path(token[0], paths), rest))
    if "*" in rest:
        rest = re.sub(_BEGINNING, lambda name: _take("".join(split_name(name[1])) + "*", whole), rest)
    identifiers: list[Identifier] = []
    prose = _IDENTIFIER.sub(lambda name: _take_identifier(name[0], identifiers), rest)
    spoken = words_in(prose)
    named = bool(identifiers or paths or whole)
    words = _content(spoken, named)
    if not words and not named:
        words = [word.lower() for word in spoken]
    return Question(_unique([*whole, *words]), phrases, _unique(identifiers), _unique(paths))


def identifiers_in(text: str) -> tuple[Identifier, ...]:
    """Return the identifiers of a text: camelCase, PascalCase, snake_case, kebab-case and dotted names."""
    return _unique(identifier for name in dict.fromkeys(_IDENTIFIER.findall(text)) for identifier in _identifiers(name))


def identifier_terms(text: str) -> str:
    """Return what an index needs in addition to a text to find its identifiers whole and by their parts."""
    return " ".join(dict.fromkeys(chain.from_iterable(map(_NAMES.__getitem__, text.split()))))


def name_terms(name: str) -> tuple[str, ...]:
    """Return in which forms an index holds a name: as written, joined, split, and with short parts at their neighbours.

    Where a name is parted is a matter of taste: `MySQLPool` is found by `mysql pool`, `OAuthClient` by `oauth`.
    """
    return _unique([name.lower(), *_spellings_of_name(split_name(name))])


def _spellings_of_name(parts: tuple[str, ...]) -> Iterator[str]:
    yield "".join(parts)
    yield from parts
    for left, right in pairwise(parts):
        if min(len(left), len(right)) <= _SHORT_PART:
            yield left + right
    for start in range(len(parts) - 2):  # k8s, i18n
        if max(map(len, parts[start : start + 3])) < _SHORT_PART:
            yield "".join(parts[start : start + 3])


def _terms_of_names(word: str) -> tuple[str, ...]:
    """Return the terms of the identifiers in what stands between two spaces; plain words hold none."""
    if word.isalpha() and word[1:].islower():
        return ()
    return _unique(term for identifier in identifiers_in(word) for term in _spellings_of_name(identifier.parts))


_NAMES = WordCache(_terms_of_names)


def is_stop_word(word: str) -> bool:
    """Return whether a lower-case word is a function word of English."""
    return word in language(ENGLISH).stop_words


def split_name(name: str) -> tuple[str, ...]:
    """Return the lower-case words of a name: `HTTPServer2` gives http, server, 2."""
    return tuple(part.lower() for part in _PART.findall(name))


def _identifiers(name: str) -> list[Identifier]:
    """Return a name and, if it is dotted, those of its steps that are names too: `Planner.plan_pickup`."""
    steps = name.split(".") if "." in name else []
    return [identifier for identifier in map(_identifier, [name, *steps]) if identifier]


def _identifier(name: str) -> Identifier | None:
    parts = split_name(name)
    if len(parts) < 2 or sum(map(len, parts)) < 4:
        return None
    if "-" in name and parts[-1] in _INVERTED:
        return None
    # `e.g`, `a.m` and `3-4` are not names.
    if ("." in name or "-" in name) and not all(part.isdigit() or len(part) > 1 for part in parts):
        return None
    return Identifier(name, "".join(parts), parts)


def _take_identifier(name: str, found: list[Identifier]) -> str:
    identifiers = _identifiers(name)
    found.extend(identifiers)
    return " " if identifiers else name


def _take(term: str, found: list[str]) -> str:
    found.append(term)
    return " "


def _is_opaque(name: str) -> bool:
    """Return whether a name means something as a whole only: `CVE-2024-1234`, `PROJ-17`, `10.0.0.1`, a UUID."""
    if re.fullmatch(_ISO_DATE, name):
        return False
    parts = re.split("[-.:]", name)
    numbered = sum(any(map(str.isdigit, part)) for part in parts)
    return (len(parts) > 2 and numbered > 1) or bool(re.fullmatch(_TICKET, name))


def _take_path(token: str, found: list[str]) -> str:
    if "://" in token:
        return " ".join(split_name(token))
    path = token.strip("\"'`<>,;:!?").rstrip(".")
    if path[:1] not in {"(", "["} or not re.fullmatch(_BRACKETED_NAME, path):  # of `Plan (final).md`
        path = token.strip("\"'`()[]<>,;:!?").rstrip(".")
    path = _LINE_NUMBER.sub("", path)
    if not _is_path(path):
        return token
    found.append(path)
    return " "


def _is_path(token: str) -> bool:
    if not re.search(r"[A-Za-z]", token) or re.fullmatch(r"[^*/]*\?", token):
        return False
    if "/" not in token:
        return len(token) > 3 and "." in token and bool(re.fullmatch(_FILE_NAME, token))
    steps = [step for step in token.split("/") if step]
    if not steps or re.fullmatch(r"[\d/.-]+", token):
        return False
    if token.startswith(("/", "./", "../", "~/")) or token.endswith("/") or "*" in token:
        return len(steps) > 1 or len(steps[0]) > 1
    # `client/server` and `and/or` are prose: one slash needs a reason to be a path.
    return (
        bool(re.fullmatch(_FILE_NAME, steps[-1]))
        or steps[0].lower() in _FOLDERS
        or (len(steps) > 2 and all(len(step) > 1 for step in steps))
        or (all(len(step) > 1 for step in steps) and bool(re.search(r"[_.\d]|\w-\w", token)))
    )


def _content(spoken: Sequence[str], named: bool) -> list[str]:
    """Return the words that say what is asked for, lower case, without those that only ask."""
    small = [word.lower() for word in spoken]
    codes = languages_of(small) or (ENGLISH,)
    dropped = frozenset[str]().union(*(language(code).stop_words for code in codes))
    names = set() if "de" in codes else _names(spoken)  # German writes more than names with a capital
    content = [word for place, word in enumerate(small) if word not in dropped or place in names]
    kept = [word for word in content if not is_grammar(word) and not (named and word in _KINDS)]
    if small[:1] == ["how"]:
        kept = [word for word in kept if word not in {"work", "works"}] or kept
    requests = frozenset[str]().union(*(language(code).requests for code in codes))
    while kept and kept[0] in requests and (len(kept) > 1 or named):
        kept.pop(0)
    return kept


def _names(spoken: Sequence[str]) -> set[int]:
    """Return the places of words that are names by their capitals: `Will` within a sentence, `US` anywhere.

    In a question that is written in capitals throughout, capitals tell nothing.
    """
    if not any(word.islower() for word in spoken[1:] or spoken):
        return set()
    return {
        place
        for place, word in enumerate(spoken)
        if len(word) > 1 and (word.isupper() or (place and word.istitle() and not spoken[place - 1].istitle()))
    }


def _quoted(text: str) -> list[str]:
    if not any(mark in text for mark in '"“`'):
        return []
    return [double or curly or tick for double, curly, tick in re.findall(_QUOTED, text)]


def _flat(text: str) -> str:
    return " ".join(text.split())


def _unique(items: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(items))
