"""Read C and C++: files know each other by `#include`, and anything that is declared somewhere by its name."""

import os
from typing import Any, ClassVar

from memory_router.engines.graph.extraction.modules import module_path, upwards
from memory_router.engines.graph.extraction.scopes import Scope
from memory_router.engines.graph.extraction.syntax import Inside, SyntaxReader
from memory_router.engines.graph.facts import Source

_CLASSES = ("struct_specifier", "class_specifier", "union_specifier", "enum_specifier", "namespace_definition")


class CReader(SyntaxReader):
    """Walk the tree of a file of C or C++."""

    NAMES = frozenset(["identifier", "type_identifier", "namespace_identifier", "field_identifier"])
    MEMBERS: ClassVar[dict[str, tuple[str, str]]] = {
        "field_expression": ("argument", "field"),
        "qualified_identifier": ("scope", "name"),
    }
    CALLS: ClassVar[dict[str, str]] = {"call_expression": "function", "new_expression": "type"}
    SAME = frozenset(["parenthesized_expression", "pointer_expression", "template_type", "template_function"])

    def __init__(self, source: Source, raw: bytes) -> None:
        super().__init__(source, raw)
        self.handlers |= {
            **dict.fromkeys(_CLASSES, self._class),
            **dict.fromkeys(("declaration", "field_declaration", "parameter_declaration"), self._declared),
            "function_definition": self._function,
            "preproc_include": self._included,
        }

    def declare(self, root: Any) -> None:
        """Note what the file imports and defines before it is read."""
        for node in self.below(root, ("function_definition", "preproc_include", *_CLASSES)):
            if node.type == "preproc_include":
                self.bindings[f"*{node.start_point[0]}"] = self._header(node)
            elif node.type == "function_definition":
                name = self._named(node)
                if "::" not in name:
                    self.top.names[name] = f"{self.module}.{name}"
            elif (name := self.text(node.child_by_field_name("name"))) and node.child_by_field_name("body") is not None:
                self.top.names[name] = f"{self.module}.{name}"

    def _header(self, node: Any) -> str:
        """Return the module that is included: beside the file, or in a folder of headers around it; else a library."""
        text = self.text(node)
        name = text.partition("include")[2].strip().strip('"<>')
        folder, root = os.path.dirname(self.source.path), self.source.root
        places = [] if "<" in text else [folder]
        places += [
            os.path.join(above, inside) for above in upwards(folder, root) for inside in ("include", "inc", "src", "")
        ]
        for place in places:
            header = os.path.normpath(os.path.join(place, name))
            if os.path.isfile(header):
                return module_path(header, root)
        return name if "<" in text else module_path(os.path.normpath(os.path.join(folder, name)), root)

    def _included(self, node: Any, scope: Scope) -> Inside:  # noqa: ARG002
        self.references.add(self.module, "imports", self._header(node), node.start_point[0] + 1)
        return ()

    def _named(self, node: Any) -> str:
        """Return the name in a declarator, the innermost of `int *(*name)(void)`."""
        named = node.child_by_field_name("declarator")
        for _ in range(20):
            inner = named.child_by_field_name("declarator") if named is not None else None
            if inner is None:
                break
            named = inner
        return self.text(named)[:100]

    def _class(self, node: Any, scope: Scope) -> Inside:
        name, body = self.text(node.child_by_field_name("name")), node.child_by_field_name("body")
        if not name or body is None:
            return [(child, scope) for child in node.named_children if child.type != "type_identifier"]
        is_space = node.type == "namespace_definition"
        qualified = self.define("class", name, scope.qualified, node, "::" if is_space else "")
        scope.names[name] = qualified
        inner = Scope(qualified, "" if is_space else qualified, {}, scope)
        for clause in node.named_children:
            if clause.type == "base_class_clause":
                for base in clause.named_children:
                    self.inherits(qualified, base, scope)
        if is_space:
            for definition in self.below(body, ("function_definition", *_CLASSES)):
                text = self._named(definition) if definition.type == "function_definition" else ""
                text = text or self.text(definition.child_by_field_name("name"))
                if text and "::" not in text:
                    inner.names[text] = f"{qualified}.{text}"
        return [(body, inner)]

    def _function(self, node: Any, scope: Scope) -> Inside:
        name = self._named(node)
        owner, _, last = name.rpartition("::")
        above = self.looked_up(owner.rpartition("::")[2], scope) if owner else scope.qualified
        if owner and not above:
            above = f"{scope.qualified}.{owner.replace('::', '.')}"
        parent = above if above in self._seen or above == self.module else self.module
        held = self._typed(node.child_by_field_name("type"), scope)
        qualified = self.define("function", last or name, above, node, held, parent=parent)
        inner = Scope(qualified, above if owner or scope.owner else "", {}, scope)
        return [(child, inner) for child in node.named_children]

    def _typed(self, kind: Any, scope: Scope) -> str:
        if kind is None or kind.type not in ("type_identifier", "qualified_identifier", "struct_specifier"):
            return ""
        target = self.means(kind.child_by_field_name("name") if kind.type == "struct_specifier" else kind, scope)
        return "" if target.startswith(".") else target

    def _declared(self, node: Any, scope: Scope) -> Inside:
        """Note what variables, parameters and fields hold, and methods that a class declares."""
        kind = node.child_by_field_name("type")
        held = self._typed(kind, scope)
        declarators = node.children_by_field_name("declarator")
        below = [(part, scope) for part in (kind, node.child_by_field_name("default_value")) if part is not None]
        for declarator in declarators:
            name = declarator
            is_function = False
            for _ in range(20):
                is_function = is_function or name.type == "function_declarator"
                inner = name.child_by_field_name("declarator")
                if inner is None:
                    break
                below += [(part, scope) for part in name.named_children if part != inner]
                name = inner
            text = self.text(name)
            if not text.isidentifier():
                continue
            if node.type == "field_declaration" and scope.owner == scope.qualified:
                if is_function:
                    self.define("function", text, scope.qualified, node, held)
                elif held:
                    self.define("variable", text, scope.qualified, node, held)
            elif scope.outer is not None and not is_function:
                scope.names[text] = held
        return below

    def foreign(self, name: str) -> str:
        """Return what a name denotes that the file itself does not make known."""
        return f"{self.module}.{name}"
