"""Read other languages than Python with tree-sitter.

Without the extra `code`, or for a language without a grammar, nothing is read, and the text is treated as prose.
"""

import functools
import importlib
from typing import Any, NamedTuple

from memory_router.engines.graph.extraction.c import CReader
from memory_router.engines.graph.extraction.go import GoReader
from memory_router.engines.graph.extraction.java import JavaReader
from memory_router.engines.graph.extraction.rust import RustReader
from memory_router.engines.graph.extraction.scripts import ScriptReader
from memory_router.engines.graph.extraction.syntax import SyntaxReader
from memory_router.engines.graph.facts import Facts, Source


class _Grammar(NamedTuple):
    """A package with a grammar, the function that gives it, and what reads its trees."""

    package: str
    function: str
    reader: type[SyntaxReader]


_GRAMMARS = {
    "javascript": _Grammar("tree_sitter_javascript", "language", ScriptReader),
    "typescript": _Grammar("tree_sitter_typescript", "language_typescript", ScriptReader),
    "tsx": _Grammar("tree_sitter_typescript", "language_tsx", ScriptReader),
    "go": _Grammar("tree_sitter_go", "language", GoReader),
    "rust": _Grammar("tree_sitter_rust", "language", RustReader),
    "java": _Grammar("tree_sitter_java", "language", JavaReader),
    "c": _Grammar("tree_sitter_c", "language", CReader),
    "cpp": _Grammar("tree_sitter_cpp", "language", CReader),
}


def facts(source: Source, text: str) -> Facts | None:
    """Return what a source file states, or None if its language has no grammar here."""
    name = "tsx" if source.path.endswith((".tsx", ".jsx")) else source.language
    parser = _parser(name)
    if parser is None:
        return None
    raw = text.encode("utf-8", "replace")
    return _GRAMMARS[name].reader(source, raw).facts(parser.parse(raw).root_node)


def is_code(language: str) -> bool:
    """Return whether a language is read with a grammar, if that is installed."""
    return language in _GRAMMARS


@functools.cache
def _parser(name: str) -> Any:
    grammar = _GRAMMARS.get(name)
    if grammar is None:
        return None
    try:
        import tree_sitter

        package = importlib.import_module(grammar.package)
    except ImportError:
        return None
    return tree_sitter.Parser(tree_sitter.Language(getattr(package, grammar.function)()))
