"""Find the definitions of a source file with its language's grammar (tree-sitter; the optional extra `code`)."""

import functools
import importlib
import importlib.util
import os
import re
from typing import TYPE_CHECKING

from memory_router.sources.document import SourceDefinition

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Query

_C = """
    (function_definition declarator: (function_declarator declarator: (_) @name)) @definition
    (function_definition declarator: (_ (function_declarator declarator: (_) @name))) @definition
    (function_definition declarator: (_ (_ (function_declarator declarator: (_) @name)))) @definition
    (struct_specifier name: (_) @name body: (_)) @definition
    (union_specifier name: (_) @name body: (_)) @definition
    (enum_specifier name: (_) @name body: (_)) @definition
    (type_definition declarator: (type_identifier) @name) @definition
    (preproc_def name: (_) @name) @definition
    (preproc_function_def name: (_) @name) @definition
    (translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)) @definition)
    (translation_unit (declaration declarator: (init_declarator declarator: (_ (identifier) @name))) @definition)
"""
_FUNCTIONS = "[(arrow_function) (function_expression) (class)]"
_SCRIPT = f"""
    (function_declaration name: (_) @name) @definition
    (generator_function_declaration name: (_) @name) @definition
    (class_declaration name: (_) @name) @definition
    (method_definition name: (_) @name) @definition
    (program (lexical_declaration (variable_declarator name: (identifier) @name)) @definition)
    (program (variable_declaration (variable_declarator name: (identifier) @name)) @definition)
    (export_statement (lexical_declaration (variable_declarator name: (identifier) @name)) @definition)
    (variable_declarator name: (identifier) @name value: {_FUNCTIONS}) @definition
    (pair key: (property_identifier) @name value: {_FUNCTIONS}) @definition
    (assignment_expression left: (member_expression property: (_) @name) right: {_FUNCTIONS}) @definition
"""
_TYPESCRIPT = (
    _SCRIPT
    + """
    (abstract_class_declaration name: (_) @name) @definition
    (interface_declaration name: (_) @name) @definition
    (type_alias_declaration name: (_) @name) @definition
    (enum_declaration name: (_) @name) @definition
    (internal_module name: (_) @name) @definition
    (module name: (_) @name) @definition
    (function_signature name: (_) @name) @definition
    (method_signature name: (_) @name) @definition
    (abstract_method_signature name: (_) @name) @definition
    (public_field_definition name: (_) @name) @definition
"""
)
_QUERIES = {
    "python": """
    (function_definition name: (_) @name) @definition
    (class_definition name: (_) @name) @definition
    (module (expression_statement (assignment left: (identifier) @name)) @definition)
    (module (expression_statement (assignment left: (pattern_list (identifier) @name))) @definition)
    (class_definition (block (expression_statement (assignment left: (identifier) @name)) @definition))
    (type_alias_statement left: (type (identifier) @name)) @definition
""",
    "javascript": _SCRIPT + "(field_definition property: (_) @name) @definition",
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT,
    "go": """
    (function_declaration name: (_) @name) @definition
    (method_declaration name: (_) @name) @definition
    (method_elem name: (_) @name) @definition
    (type_spec name: (_) @name) @definition
    (type_alias name: (_) @name) @definition
    (source_file (const_declaration (const_spec name: (identifier) @name) @definition))
    (source_file (var_declaration (var_spec name: (identifier) @name) @definition))
    (source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name) @definition)))
""",
    "rust": """
    (function_item name: (_) @name) @definition
    (function_signature_item name: (_) @name) @definition
    (struct_item name: (_) @name) @definition
    (enum_item name: (_) @name) @definition
    (union_item name: (_) @name) @definition
    (trait_item name: (_) @name) @definition
    (mod_item name: (_) @name) @definition
    (macro_definition name: (_) @name) @definition
    (const_item name: (_) @name) @definition
    (static_item name: (_) @name) @definition
    (type_item name: (_) @name) @definition
    (impl_item type: (type_identifier) @name) @definition
    (impl_item type: (generic_type type: (type_identifier) @name)) @definition
""",
    "java": """
    (class_declaration name: (_) @name) @definition
    (interface_declaration name: (_) @name) @definition
    (enum_declaration name: (_) @name) @definition
    (record_declaration name: (_) @name) @definition
    (annotation_type_declaration name: (_) @name) @definition
    (method_declaration name: (_) @name) @definition
    (constructor_declaration name: (_) @name) @definition
    (field_declaration declarator: (variable_declarator name: (_) @name)) @definition
""",
    "c": _C,
    "cpp": _C
    + """
    (class_specifier name: (_) @name body: (_)) @definition
    (namespace_definition name: (_) @name) @definition
    (alias_declaration name: (_) @name) @definition
    (concept_definition name: (_) @name) @definition
""",
}
_BY_EXTENSION = {
    **dict.fromkeys(("py", "pyi"), "python"),
    **dict.fromkeys(("js", "jsx", "mjs", "cjs"), "javascript"),
    **dict.fromkeys(("ts", "mts", "cts"), "typescript"),
    "tsx": "tsx",
    "go": "go",
    "rs": "rust",
    "java": "java",
    "c": "c",
    **dict.fromkeys(("h", "cc", "cpp", "cxx", "hpp", "hh", "hxx"), "cpp"),  # C in a header is read as C++ just as well.
}
# What stands around a definition and belongs to it, and which of these may begin on a line above it.
_AROUND = frozenset(
    [
        "decorated_definition", "export_statement", "template_declaration", "ambient_declaration",
        "expression_statement", "lexical_declaration", "variable_declaration", "type_declaration", "const_declaration",
        "var_declaration", "type_definition", "declaration",
    ]
)  # fmt: skip
_ABOVE = frozenset(["decorated_definition", "export_statement", "template_declaration"])
# Levels of a syntax tree that are looked through; without a limit, brackets in brackets take time without end.
_DEEPEST = 100
_LEADING = frozenset(["comment", "line_comment", "block_comment", "attribute_item", "decorator"])
_QUALIFIED = re.compile(r"(?:.*::)?(~?\w+|operator.*)", re.DOTALL)


def has_grammar(path: str) -> bool:
    """Return whether the grammar for a file is installed."""
    language = _language(path)
    return bool(language) and _module(language) is not None


def definitions(text: str, path: str) -> list[SourceDefinition]:
    """Return the definitions of a source file, also nested ones; none where its grammar is not installed.

    Args:
        text: the content with line feeds as line ends.
        path: the file's path, whose extension tells the language.
    """
    if not has_grammar(path):
        return []
    from tree_sitter import QueryCursor

    parser, query = _tools(_language(path))
    tree = parser.parse(text.encode("utf-8", "replace"))
    if tree.root_node.type == "ERROR":  # not this language at all; and looking through it takes quadratic time
        return []
    cursor = QueryCursor(query)
    cursor.set_max_start_depth(_DEEPEST)
    candidates = (
        _definition(match["definition"][0], name)
        for _, match in cursor.matches(tree.root_node)
        for name in match["name"]
    )
    return list(dict.fromkeys(definition for definition in candidates if definition.name))


def _language(path: str) -> str:
    return _BY_EXTENSION.get(os.path.splitext(path)[1][1:].lower(), "")


@functools.cache
def _module(language: str) -> str | None:
    """Return the name of the module that holds a grammar, if it and the parser are installed."""
    name = f"tree_sitter_{'typescript' if language == 'tsx' else language}"
    return name if all(importlib.util.find_spec(needed) for needed in ("tree_sitter", name)) else None


@functools.cache
def _tools(language: str) -> "tuple[Parser, Query]":
    from tree_sitter import Language, Parser, Query

    module = importlib.import_module(str(_module(language)))
    entry = getattr(module, f"language_{language}", None) or module.language
    grammar = Language(entry())
    return Parser(grammar), Query(grammar, _QUERIES[language])


def _definition(node: "Node", name: "Node") -> SourceDefinition:
    text = (name.text or b"").decode("utf-8", "replace")
    bare = _QUALIFIED.fullmatch(re.sub(r"<[^<>]*>", "", text))
    while node.parent and node.parent.type in _AROUND and _is_one_with(node.parent, node):
        node = node.parent
    first = node
    while first.prev_sibling and _belongs(first.prev_sibling, first):
        first = first.prev_sibling
    return SourceDefinition(first.start_point.row, _end(node), name.start_point.row, bare[1] if bare else "")


def _is_one_with(parent: "Node", node: "Node") -> bool:
    return parent.type in _ABOVE or parent.start_point.row == node.start_point.row


def _belongs(before: "Node", node: "Node") -> bool:
    """Return whether a comment or an attribute stands on lines of its own right above a node."""
    if before.type not in _LEADING or _end(before) < node.start_point.row:
        return False
    earlier = before.prev_sibling
    return not earlier or _end(earlier) <= before.start_point.row


def _end(node: "Node") -> int:
    """Return the line after a node's last one."""
    row, column = node.end_point
    return row + 1 if column else row
