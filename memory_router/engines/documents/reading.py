"""Read a file as text and cut it into chunks."""

import codecs
import os

from memory_router.engines.documents import code, grammars, markdown, prose
from memory_router.engines.documents.document import Chunk, Document
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
}
_BY_EXTENSION = {extension: name for name, extensions in _LANGUAGES.items() for extension in extensions.split()}
_CODE = frozenset(_LANGUAGES) - {"markdown", "css", "html", "yaml", "toml", "json", "rst"}
_MINIFIABLE = frozenset(["javascript", "css", "json", "html"])
_MINIFIED_LINE = 1000  # Mean characters a line; people and formatters stay below 100.
_SNIFFED = 8192
_CUTTING = "4"  # Counted up whenever the chunks of an unchanged file come out differently.
_WIDE = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def language_of(path: str) -> str:
    """Return the language that a file's name promises, or `text`."""
    return _BY_EXTENSION.get(os.path.splitext(path)[1][1:].lower(), "text")


def cutter_of(path: str) -> str:
    """Name the way in which a file is cut: one that was cut in another way is read again."""
    return f"{_CUTTING} by grammar" if grammars.has_grammar(path) else _CUTTING


def decode(raw: bytes) -> str | None:
    """Return bytes as text with line feeds as line ends, or None if they are not text.

    UTF-8 and UTF-16 with a byte order mark are recognised; anything else is read as Windows-1252, in which every
    Western legacy encoding stays legible, and as Latin-1 where that has no character.
    """
    encoding = next((name for mark, name in _WIDE if raw.startswith(mark)), None)
    if encoding is None and b"\0" in raw[:_SNIFFED]:
        return None
    for name in [encoding] if encoding else ["utf-8-sig", "cp1252"]:
        try:
            text = raw.decode(name)
            break
        except UnicodeDecodeError:
            continue
    else:
        text = raw.decode("utf-16", "replace") if encoding else raw.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")


def is_minified(text: str, language: str) -> bool:
    """Say whether a text was written by a program for a program."""
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
        found, chunks = markdown.chunks(text)
        title = found or title
    elif language in _CODE:
        chunks = code.chunks(text, path)
    else:
        chunks = prose.chunks(text)
    return Document(path, title, language, [_without_secrets(chunk) for chunk in chunks], mtime_ns)


def _without_secrets(chunk: Chunk) -> Chunk:
    """Return the chunk as it may be stored; its line numbers were counted before."""
    return chunk._replace(text=redact(chunk.text).text)
