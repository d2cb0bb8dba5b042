"""Read other languages than Python with tree-sitter: definitions, imports, calls, base types.

A module is named by its path below the root (`web/src/api/client`), a thing in it by `module.name`. What a name
means is followed through imports where a language imports names; elsewhere only its last step is known. Without the
extra `code`, or for a language without a grammar, nothing is read, and the text is treated as prose.
"""

import functools
import importlib
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from memory_router.engines.graph.extraction import imports
from memory_router.engines.graph.extraction.modules import go_package, module_path
from memory_router.engines.graph.facts import Definition, Facts, References, Source, first_sentence


class _Language(NamedTuple):
    """Say how a language spells what the graph is made of: types of tree-sitter's nodes."""

    package: str
    function: str
    defines: dict[str, str]
    imports: tuple[str, ...]
    calls: tuple[str, ...]
    inherits: tuple[str, ...] = ()


_SCRIPT = {
    "function_declaration": "function", "generator_function_declaration": "function", "class_declaration": "class",
    "abstract_class_declaration": "class", "method_definition": "function", "interface_declaration": "class",
    "type_alias_declaration": "class", "enum_declaration": "class", "variable_declarator": "variable",
}  # fmt: skip
_C = {"function_definition": "function", "struct_specifier": "class", "enum_specifier": "class"}
_SCRIPT_HERITAGE = ("class_heritage", "extends_type_clause")
_LANGUAGES = {
    "javascript": _Language(
        "tree_sitter_javascript", "language", _SCRIPT, ("import_statement", "export_statement"),
        ("call_expression", "new_expression"), _SCRIPT_HERITAGE,
    ),
    "typescript": _Language(
        "tree_sitter_typescript", "language_typescript", _SCRIPT, ("import_statement", "export_statement"),
        ("call_expression", "new_expression"), _SCRIPT_HERITAGE,
    ),
    "tsx": _Language(
        "tree_sitter_typescript", "language_tsx", _SCRIPT, ("import_statement", "export_statement"),
        ("call_expression", "new_expression"), _SCRIPT_HERITAGE,
    ),
    "go": _Language(
        "tree_sitter_go", "language",
        {"function_declaration": "function", "method_declaration": "function", "type_spec": "class"},
        ("import_spec",), ("call_expression",),
    ),
    "rust": _Language(
        "tree_sitter_rust", "language",
        {"function_item": "function", "struct_item": "class", "enum_item": "class", "trait_item": "class",
         "mod_item": "class", "union_item": "class", "const_item": "variable"},
        ("use_declaration", "mod_item"), ("call_expression",),
    ),
    "java": _Language(
        "tree_sitter_java", "language",
        {"class_declaration": "class", "interface_declaration": "class", "enum_declaration": "class",
         "record_declaration": "class", "method_declaration": "function", "constructor_declaration": "function"},
        ("import_declaration",), ("method_invocation", "object_creation_expression"),
        ("superclass", "super_interfaces"),
    ),
    "c": _Language("tree_sitter_c", "language", _C, ("preproc_include",), ("call_expression",)),
    "cpp": _Language(
        "tree_sitter_cpp", "language",
        {**_C, "class_specifier": "class", "namespace_definition": "class"},
        ("preproc_include",), ("call_expression",), ("base_class_clause",),
    ),
}  # fmt: skip
_FUNCTIONS = ("arrow_function", "function_expression", "function")
_SCRIPTS = ("javascript", "typescript", "tsx")
_NAMES = ("identifier", "type_identifier", "jsx_identifier", "shorthand_property_identifier")


def facts(source: Source, text: str) -> Facts | None:
    """Return what a source file states, or None if its language has no grammar here."""
    name = "tsx" if source.path.endswith((".tsx", ".jsx")) else source.language
    parser = _parser(name)
    if parser is None:
        return None
    raw = text.encode("utf-8", "replace")
    reader = _Reader(source, name, raw)
    reader.read(parser.parse(raw).root_node)
    return Facts(reader.definitions, reader.references.collected(), reader.bindings)


@functools.cache
def _parser(name: str) -> Any:
    language = _LANGUAGES.get(name)
    if language is None:
        return None
    try:
        import tree_sitter

        grammar = importlib.import_module(language.package)
    except ImportError:
        return None
    return tree_sitter.Parser(tree_sitter.Language(getattr(grammar, language.function)()))


class _Reader:
    """Walk one tree, without recursion."""

    def __init__(self, source: Source, name: str, raw: bytes) -> None:
        self.source = source
        self.language = _LANGUAGES[name]
        self.is_script = name in _SCRIPTS
        self.is_go = name == "go"
        self.raw = raw
        self.module = module_path(source.path, source.root)
        lines = raw.decode("utf-8", "replace").split("\n")
        self.references = References(lines)
        self.bindings: dict[str, str] = {}
        self.definitions = [Definition("module", os.path.basename(self.module), self.module, "", 1, len(lines))]
        self._local: dict[str, str] = {}

    def read(self, root: Any) -> None:
        if package := self._package(root):
            self.references.add(self.module, "within", package, 1)
        self._declare(root)
        todo: list[tuple[Any, str]] = [(root, self.module)]
        while todo:
            node, scope = todo.pop()
            kind = node.type
            if kind in self.language.imports and self._imported(node):
                continue
            if kind in self.language.inherits:
                for name in self._below(node, _NAMES):
                    self._refer(scope, "inherits", name)
                continue
            if kind in ("impl_item", "field_declaration", "assignment_expression"):
                scope = self._entered(node, scope)
            if kind in self.language.defines:
                scope = self._defined(node, scope)
            elif kind in self.language.calls:
                if module := self._required(node):
                    self.references.add(self.module, "imports", module, node.start_point[0] + 1)
                self._called(node, scope)
            elif kind in _NAMES and self._text(node) in self.bindings:
                self._refer(scope, "calls" if kind == "jsx_identifier" else "uses", node)
            todo.extend((child, scope) for child in reversed(node.named_children))

    def _package(self, root: Any) -> str:
        """Return the package that a file of Go or Java belongs to; a class of Java is called by it."""
        if self.is_go:
            return go_package(os.path.dirname(self.source.path), self.source.root)
        declared = next((one for one in root.named_children if one.type == "package_declaration"), None)
        if declared is None:
            return ""
        package = self._text(declared).removeprefix("package").strip(" ;").replace(".", "/")
        self.module = f"{package}/{os.path.basename(self.module)}"
        self.definitions[0] = self.definitions[0]._replace(qualified=self.module)
        return package

    def _declare(self, root: Any) -> None:
        """Note imports and the module's own names first: they are used above where they stand."""
        todo = list(root.named_children)
        while todo:
            node = todo.pop()
            if node.type in ("export_statement", "lexical_declaration", "variable_declaration"):
                todo.extend(node.named_children)
            if self.is_go and node.type in ("import_declaration", "import_spec_list"):
                todo.extend(node.named_children)
            if node.type in self.language.imports:
                self._bound(node)
            if self.is_script and node.type == "variable_declarator":
                self._bind_required(node)
            if node.type in self.language.defines and (name := self._name(node)) and name not in self.bindings:
                self._local[name] = f"{self.module}.{name}"

    def _defined(self, node: Any, scope: str) -> str:
        name = self._name(node)
        kind = self.language.defines[node.type]
        if kind == "variable":
            value = node.child_by_field_name("value")
            if value is not None and value.type in _FUNCTIONS:
                kind = "function"
            elif scope != self.module:
                return scope
        if not name:
            return scope
        if node.type == "method_declaration" and self.language.package == "tree_sitter_go":
            receiver = next(iter(self._below(node.child_by_field_name("receiver"), ("type_identifier",))), None)
            scope = f"{self.module}.{self._text(receiver)}" if receiver is not None else scope
        return self._define(kind, name, scope, node)

    def _define(self, kind: str, name: str, scope: str, node: Any) -> str:
        qualified = f"{scope}.{name}"
        first, last = node.start_point[0] + 1, node.end_point[0] + 1
        self.definitions.append(Definition(kind, name, qualified, scope, first, last, self._comment(node)))
        return qualified

    def _entered(self, node: Any, scope: str) -> str:
        """Return the scope inside a node that extends what stands elsewhere: Rust's `impl`, a script's `exports.name`.

        A field of Go without a name embeds its type, which is then a base.
        """
        if node.type == "impl_item":
            return self._implemented(node, scope)
        if node.type == "assignment_expression":
            return self._exported(node, scope) if self.is_script else scope
        if self.is_go and node.child_by_field_name("name") is None:
            for name in self._below(node, _NAMES):
                self._refer(scope, "inherits", name)
        return scope

    def _implemented(self, node: Any, scope: str) -> str:
        """Return the type that a block of Rust implements; a trait that it implements is a base of it."""
        names = [next(self._below(node.child_by_field_name(field), _NAMES), None) for field in ("type", "trait")]
        if names[0] is None:
            return scope
        qualified = f"{scope}.{self._text(names[0])}"
        if names[1] is not None:
            self._refer(qualified, "inherits", names[1])
        return qualified

    def _exported(self, node: Any, scope: str) -> str:
        """Note a function that is assigned to `exports`."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        owner = self._text(left.child_by_field_name("object")) if left.type == "member_expression" else ""
        if owner not in ("exports", "module.exports") or right.type not in _FUNCTIONS:
            return scope
        name = self._text(left.child_by_field_name("property"))
        return self._define("function", name, scope, node)

    def _name(self, node: Any) -> str:
        named = node.child_by_field_name("name") or node.child_by_field_name("declarator")
        for _ in range(20):  # int *(*name)(void): the innermost declarator holds the name
            inner = named.child_by_field_name("declarator") if named is not None else None
            if inner is None:
                break
            named = inner
        if named is None or named.type in ("object_pattern", "array_pattern"):
            return ""
        return self._text(named).rpartition("::")[2][:100]

    def _comment(self, node: Any) -> str:
        at = node
        for _ in range(3):
            before = at.prev_named_sibling
            if before is not None and "comment" in before.type:
                return first_sentence(self._text(before).strip("/*! \n").replace("\n *", "\n"))
            if before is not None or at.parent is None:
                return ""
            at = at.parent
        return ""

    def _called(self, node: Any, scope: str) -> None:
        target = next(filter(None, map(node.child_by_field_name, ("function", "constructor", "name", "type"))), None)
        if target is None:
            return
        text = self._text(target)
        if len(text) < 200:
            steps = text.replace("::", ".").replace("?.", ".").replace("->", ".")
            self._refer_text(scope, "calls", steps, node.start_point[0] + 1)

    def _refer(self, scope: str, kind: str, node: Any) -> None:
        self._refer_text(scope, kind, self._text(node), node.start_point[0] + 1)

    def _refer_text(self, scope: str, kind: str, text: str, line: int) -> None:
        first, dot, rest = text.partition(".")
        base = self.bindings.get(first) or self._local.get(first, "")
        last = text.rpartition(".")[2]
        if base:
            target = f"{base}.{rest}" if dot else base
        elif last.isidentifier() and (not self.is_script or dot):
            if len(last) < 4:
                return
            target = f".{last}"
        else:
            return
        if target not in (scope, self.module):
            self.references.add(scope, kind, target, line)

    def _imported(self, node: Any) -> bool:
        """Note what is imported; False for an export that imports nothing."""
        line = node.start_point[0] + 1
        if self.is_script:
            module = self._from(node)
            if not module:
                return False
            names = list(self._specified(node))
            for original, _ in names:
                self.references.add(self.module, "imports", f"{module}.{original}", line)
            if not names:
                self.references.add(self.module, "imports", module, line)
            return True
        found = list(self._other_imports(node))
        for _, target in found:
            self.references.add(self.module, "imports", target, line)
        return bool(found)

    def _bound(self, node: Any) -> None:
        if not self.is_script:
            self.bindings.update((local, target) for local, target in self._other_imports(node) if local)
            return
        module = self._from(node)
        if not module:
            return
        whole = list(self._below(node, ("namespace_import",)))
        for space in whole:
            self.bindings[self._text(space).rpartition(" ")[2]] = module
        for original, local in self._specified(node):
            self.bindings[local] = f"{module}.{original}"
        clause = next(iter(self._below(node, ("import_clause",))), None)
        if clause is not None and clause.named_children and clause.named_children[0].type == "identifier":
            self.bindings[self._text(clause.named_children[0])] = module
        if node.type == "export_statement" and not list(self._specified(node)):
            self.bindings[f"*{node.start_point[0]}"] = module

    def _specified(self, node: Any) -> Iterator[tuple[str, str]]:
        for one in self._below(node, ("import_specifier", "export_specifier")):
            original = self._text(one.child_by_field_name("name"))
            alias = one.child_by_field_name("alias")
            yield original, self._text(alias) if alias is not None else original

    def _from(self, node: Any) -> str:
        """Return the module that a script imports from; nothing for an export of its own."""
        where = node.child_by_field_name("source")
        return self._module_called(self._text(where)) if where is not None else ""

    def _module_called(self, quoted: str) -> str:
        return imports.script_module(quoted.strip("\"'`"), self.source.path, self.source.root)

    def _other_imports(self, node: Any) -> Iterator[tuple[str, str]]:
        """Yield local names, empty if there is none, and targets."""
        text = self._text(node)
        if node.type == "preproc_include":
            yield "", imports.c_module(text, self.source.path, self.source.root)
        elif node.type == "import_spec":
            yield imports.go_import(text)
        elif node.type == "import_declaration":
            yield imports.java_import(text)
        elif node.type == "mod_item":
            if node.child_by_field_name("body") is None:
                name = self._name(node)
                yield name, imports.rust_target(["self", name], self.module).replace(".", "/")
        else:
            yield from imports.rust_imports(text, self.module)

    def _required(self, node: Any) -> str:
        """Return the module that a call of `require` or `import` names, else nothing."""
        called = node.child_by_field_name("function")
        given = node.child_by_field_name("arguments")
        if not self.is_script or called is None or given is None or self._text(called) not in ("require", "import"):
            return ""
        named = given.named_children[0] if given.named_children else None
        return self._module_called(self._text(named)) if named is not None and named.type == "string" else ""

    def _bind_required(self, node: Any) -> None:
        """Note what `const name = require(...)` and `const { name } = require(...)` make known."""
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None or value.type != "call_expression" or not (module := self._required(value)):
            return
        if name.type == "identifier":
            self.bindings[self._text(name)] = module
        for one in self._below(name, ("shorthand_property_identifier_pattern",)):
            self.bindings[self._text(one)] = f"{module}.{self._text(one)}"

    def _below(self, node: Any, kinds: tuple[str, ...]) -> Iterator[Any]:
        todo = [node] if node is not None else []
        while todo:
            at = todo.pop()
            if at.type in kinds:
                yield at
            else:
                todo.extend(reversed(at.named_children))

    def _text(self, node: Any) -> str:
        return self.raw[node.start_byte : node.end_byte].decode("utf-8", "replace") if node is not None else ""
