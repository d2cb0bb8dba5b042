"""Read a file as text and cut it into chunks."""

import os
from collections.abc import Sequence

from memory_router.sources import code, grammars, markdown, prose
from memory_router.sources.document import Chunk, Document
from memory_router.sources.encodings import decode
from memory_router.sources.notebooks import as_markdown
from memory_router.text.redaction import redact

_LANGUAGES = {
    "markdown": "md markdown mdx qmd rmd",
    "python": "py pyi pyx",
    "javascript": "js jsx mjs cjs",
    "typescript": "ts tsx mts cts",
    "go": "go",
    "rust": "rs",
    "java": "java",
    "kotlin": "kt kts",
    "scala": "scala",
    "swift": "swift",
    "c": "c h",
    "cpp": "cc cpp cxx hpp hh hxx",
    "csharp": "cs",
    "objc": "m mm",
    "ruby": "rb rake",
    "php": "php",
    "perl": "pl pm",
    "lua": "lua",
    "shell": "sh bash zsh fish",
    "sql": "sql",
    "elixir": "ex exs",
    "dart": "dart",
    "zig": "zig",
    "julia": "jl",
    "proto": "proto",
    "graphql": "graphql gql",
    "vue": "vue",
    "svelte": "svelte",
    "css": "css scss less",
    "html": "html htm",
    "yaml": "yaml yml",
    "toml": "toml",
    "json": "json jsonl",
    "rst": "rst",
    "notebook": "ipynb",
}
_BY_EXTENSION = {extension: name for name, extensions in _LANGUAGES.items() for extension in extensions.split()}
_CODE = frozenset(_LANGUAGES) - {"markdown", "css", "html", "yaml", "toml", "json", "rst", "notebook"}
_MINIFIABLE = frozenset(["javascript", "css", "json", "html"])
_MINIFIED_LINE = 1000  # Mean characters a line; people and formatters stay below 100.
_CUTTING = "6"  # Counted up whenever the chunks of an unchanged file come out differently.


def language_of(path: str) -> str:
    """Return the language that a file's name promises, or `text`."""
    return _BY_EXTENSION.get(os.path.splitext(path)[1][1:].lower(), "text")


def cutter_of(path: str) -> str:
    """Return the name of the way a file is cut: one that was cut in another way is read again."""
    return f"{_CUTTING} by grammar" if grammars.has_grammar(path) else _CUTTING


def is_minified(text: str, language: str) -> bool:
    """Return whether a text was written by a program for a program."""
    return language in _MINIFIABLE and len(text) > _MINIFIED_LINE * (text.count("\n") + 1)


def document(path: str, raw: bytes, mtime_ns: int) -> tuple[str, Document]:
    """Read a file's bytes as a document.

    Args:
        path: the absolute path.
        raw: the content.
        mtime_ns: when it was modified, in nanoseconds since the epoch.

    Returns:
        Why nothing of it is worth indexing (empty if it is), and the document, then without chunks.
    """
    text = decode(raw)
    if text is None:
        return "binary", parse(path, "", mtime_ns)
    if is_minified(text, language_of(path)):
        return "generated", parse(path, "", mtime_ns)
    return "", parse(path, text, mtime_ns)


def parse(path: str, text: str, mtime_ns: int = 0) -> Document:
    """Cut a text into the chunks of a document.

    Args:
        path: the absolute path; its name tells the language.
        text: the content with line feeds as line ends.
        mtime_ns: when it was modified, in nanoseconds since the epoch.
    """
    language = language_of(path)
    title = os.path.basename(path)
    chunks: list[Chunk]
    if language == "markdown":
        own_title, chunks = markdown.chunks(text)
        title = own_title or title
    elif language == "notebook" and (notebook := as_markdown(text)):
        own_title, chunks = markdown.chunks(notebook.text)
        title, chunks = own_title or title, [_placed(chunk, notebook.lines) for chunk in chunks]
    elif language in _CODE:
        chunks = code.chunks(text, path)
    else:
        chunks = prose.chunks(text)
    return Document(path, title, language, [_without_secrets(chunk) for chunk in chunks], mtime_ns)


def _placed(chunk: Chunk, lines: Sequence[int]) -> Chunk:
    """Return a chunk of a notebook's Markdown with the lines of the file."""
    return chunk._replace(first_line=lines[chunk.first_line - 1], last_line=lines[chunk.last_line - 1])


def _without_secrets(chunk: Chunk) -> Chunk:
    """Return the chunk as it may be stored; its line numbers were counted before."""
    return chunk._replace(text=redact(chunk.text).text)
