"""Detect kinds of signals: names of code, paths, quotations and times.

Each detector takes a question and its words and returns the first character and the end of what it found, or None.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from memory_router.text.phrases import Token

Span = tuple[int, int]
Detector = Callable[[str, Sequence[Token]], Span | None]


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# camelCase, PascalCase, HTTPServer.
_HUMPS = re.compile(r"[A-Z]?[a-z][a-z0-9]*(?:[A-Z]+[a-z0-9]*)+|[A-Z]{2,}[a-z][a-z0-9]+(?:[A-Z][a-z0-9]*)*")
# Names of products that are written like names of code.
_PRODUCTS = _listed(
    """
    iOS iPhone iPad iCloud macOS eBay JavaScript TypeScript GitHub GitLab YouTube LinkedIn PayPal WordPress DevOps
    OpenAI LaTeX WhatsApp
    """
)
# PostgreSQL, GraphQL, MongoDB, RabbitMQ.
_SYSTEM = re.compile(r"[A-Z][A-Za-z]*(?:DB|SQL|QL|MQ)")
_FOLDERS = _listed(
    """
    src lib libs app apps test tests spec specs doc docs pkg cmd internal web config scripts packages modules components
    hooks utils include public assets notes runbooks controllers services middleware migrations templates pages handlers
    fixtures plugins adapters examples bin crates node_modules .github .claude
    """
)
_EXTENSIONS = _listed(
    """
    c cc cfg cjs clj conf cpp cs css csv cts cxx dart env erl ex exs gradle go graphql h hpp hs htm html ini ipynb java
    jl js json jsonl jsx kt kts less lock log lua m md mdx mjs ml mm mts nix php pl plist png proto ps1 py pyi r rb rs
    rst sass scala scss sh bash zsh sql svelte svg swift tf toml ts tsv tsx txt vue xml yaml yml zig
    """
)
# Frameworks that are called like files.
_FRAMEWORKS = _listed("node.js next.js vue.js nuxt.js express.js three.js d3.js react.js ember.js backbone.js")
_FILES = _listed(
    """
    Brewfile Dockerfile Gemfile Jenkinsfile Justfile Makefile Procfile Rakefile Vagrantfile CHANGELOG CODEOWNERS LICENSE
    README
    """
)
_CHUNK = re.compile(r"\S+")
_AROUND = "\"'`()[]{}<>,;:?!"
_LINE_NUMBER = re.compile(r":\d+(?::\d+)?$")
_WINDOWS_PATH = re.compile(r"[A-Za-z]:\\|[\w.-]\\[\w.-]+[\\.]")
_GLOB = re.compile(r"(?<![\w*])\*{1,2}(?:/[\w*.]|\.\w)|\w/\*")
_QUOTED = re.compile(r'"[^"\n]{2,200}"|“[^”\n]{2,200}”|«[^»\n]{2,200}»|`[^`\n]{2,200}`')
_LETTER = re.compile(r"[^\W\d_]")
_INSIDE = frozenset(["in", "under", "inside", "within", "open", "from"])


def identifier(question: str, tokens: Sequence[Token]) -> Span | None:
    """Find a name that only code writes: `parseAuthToken`, `parse_auth_token`, `__init__`, `run()`."""
    for token in tokens:
        if any(map(_is_code_name, token.text.split("."))) or question.startswith("()", token.end):
            return token.start, token.end
    return None


def _is_code_name(word: str) -> bool:
    inner = word.strip("_")
    if "_" in inner:
        return _LETTER.match(inner) is not None
    if word.startswith("__") and word.endswith("__"):
        return bool(inner)
    if word.islower() or word in _PRODUCTS or _SYSTEM.fullmatch(word):
        return False
    return _HUMPS.fullmatch(word) is not None


def path(question: str, tokens: Sequence[Token]) -> Span | None:  # noqa: ARG001 - a detector takes both
    """Find a file, a folder or a pattern of files: `test_auth.py`, `src/auth/`, `*.swift`."""
    before = ""
    for match in _CHUNK.finditer(question):
        chunk = match[0].strip(_AROUND).removesuffix("'s").rstrip(_AROUND + ".")
        if chunk and _is_path(chunk, before):
            start = match.start() + match[0].index(chunk)
            return start, start + len(chunk)
        before = match[0].lower()
    return None


def _is_path(chunk: str, before: str) -> bool:
    if "://" in chunk or "@" in chunk:
        return False
    if chunk in _FILES or _GLOB.search(chunk) or _WINDOWS_PATH.match(chunk):
        return True
    chunk = _LINE_NUMBER.sub("", chunk)
    *folders, name = chunk.split("/")
    if _is_file_name(name) and chunk.lower() not in _FRAMEWORKS:
        return True
    if not folders or not all(map(_is_segment, filter(None, [*folders, name]))):
        return False
    if folders[0] in ("~", ".", ".."):
        return bool(name or folders[1:])
    if not folders[0]:  # `/etc/nginx`; `/help` is a command of a chat
        return len(folders) > 1
    lettered = all(_LETTER.search(folder) for folder in folders)
    if not name or (before in _INSIDE and len(folders) > 1):
        return lettered
    return not _FOLDERS.isdisjoint(map(str.lower, folders))


def _is_segment(segment: str) -> bool:
    return segment == "~" or all(character.isalnum() or character in "._-" for character in segment)


def _is_file_name(name: str) -> bool:
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return False
    if not stem:  # `.env`, and `.py` in "all .py files"
        return extension.islower() and len(extension) > 1 and extension.isalpha() and extension != "net"
    return extension.lower() in _EXTENSIONS and _is_segment(stem) and stem[-1].isalnum()


def quote(question: str, tokens: Sequence[Token]) -> Span | None:  # noqa: ARG001 - a detector takes both
    """Find words in quotation marks or backticks, which are to be found exactly."""
    match = _QUOTED.search(question)
    return match.span() if match else None


def time(question: str, tokens: Sequence[Token]) -> Span | None:  # noqa: ARG001 - a detector takes both
    """Find an expression of time that reaches to the present or nearly so: "yesterday", "last 3 days"."""
    from memory_router.text import timewords  # read only where no other signal has spoken

    phrase = timewords.find(tokens)
    return (phrase.start, phrase.end) if phrase else None


DETECTORS: Mapping[str, Detector] = {"identifier": identifier, "path": path, "time": time, "quote": quote}
