"""Resolve names and expressions of JavaScript and TypeScript: imports, re-exports, types, values."""

from collections.abc import Iterator
from typing import Any, ClassVar

from memory_router.engines.graph.extraction.scopes import Scope
from memory_router.engines.graph.extraction.script_modules import script_module
from memory_router.engines.graph.extraction.syntax import SyntaxReader

FUNCTIONS = ("function_declaration", "generator_function_declaration", "function_signature")
CLASSES = ("class_declaration", "abstract_class_declaration", "interface_declaration", "enum_declaration", "class")
VALUES = ("arrow_function", "function_expression", "generator_function")
SPACES = ("internal_module", "module")
_VARIABLES = ("lexical_declaration", "variable_declaration")
_OF_MODULE = (*FUNCTIONS, *CLASSES, "type_alias_declaration", *SPACES)
_MARKS = {
    **dict.fromkeys(("Array", "ReadonlyArray", "Set", "ReadonlySet", "Iterable", "Iterator", "Generator"), "[]"),
    **dict.fromkeys(("Map", "ReadonlyMap", "Record", "WeakMap"), "{}"),
}
_UNWRAPPED = ("Promise", "Readonly", "Partial", "Required", "NonNullable", "Awaited")


class ScriptNames(SyntaxReader):
    """Look up what one script knows by name."""

    NAMES = frozenset(["identifier", "type_identifier", "shorthand_property_identifier", "jsx_identifier"])
    MEMBERS: ClassVar[dict[str, tuple[str, str]]] = {
        "member_expression": ("object", "property"),
        "nested_type_identifier": ("module", "name"),
        "nested_identifier": ("object", "property"),
    }
    CALLS: ClassVar[dict[str, str]] = {"call_expression": "function", "new_expression": "constructor"}
    LAMBDAS = frozenset(VALUES)
    SAME = frozenset(
        ["parenthesized_expression", "await_expression", "non_null_expression", "type_annotation", "generic_type"]
    )

    def declare(self, root: Any) -> None:
        """Note what the file imports and defines before it is read."""
        self.declare_block(root, self.top)

    def declare_block(self, block: Any, scope: Scope) -> None:
        """Note what a block defines before anything in it is read."""
        todo = list(block.named_children)
        while todo:
            node = todo.pop()
            if node.type in ("export_statement", "ambient_declaration", "expression_statement"):
                todo.extend(node.named_children)
            if node.type in ("import_statement", "export_statement"):
                self._bound(node)
            elif node.type in _OF_MODULE:
                if name := self.text(node.child_by_field_name("name")):
                    scope.names[name] = f"{scope.qualified}.{name}"
            elif node.type in _VARIABLES:
                for declarator in node.named_children:
                    self._declared_variable(declarator, scope)

    def _declared_variable(self, node: Any, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        if name is None or (scope.outer is not None and not self.makes(node)):
            return
        module = self.required(node.child_by_field_name("value"))
        if module:
            self.bind(name, module, scope)
            self.bindings.update((local, meant) for local, meant in scope.names.items() if meant.startswith(module))
        elif name.type == "identifier":
            scope.names[self.text(name)] = f"{scope.qualified}.{self.text(name)}"

    def makes(self, node: Any) -> bool:
        """Return whether a declaration gives a name to a function or a class."""
        value = node.child_by_field_name("value")
        return value is not None and value.type in (*VALUES, "class")

    def _bound(self, node: Any) -> None:
        """Note what an import or a re-export makes known."""
        where = node.child_by_field_name("source")
        if where is None:
            self._bound_export(node)
            return
        module = self.module_named(where)
        clauses = [child for child in node.named_children if child.type not in ("string", "import_attribute")]
        if node.type == "export_statement" and not clauses:
            self.bindings[f"*{node.start_point[0]}"] = module
        for space in self.below(node, ("namespace_import", "namespace_export")):
            self.bindings[self.text(space.named_children[-1])] = module
        for original, local in self.specified(node):
            self.bindings[local] = f"{module}.{original}"
        for clause in clauses:
            if clause.type == "import_clause" and clause.named_children[0].type == "identifier":
                self.bindings[self.text(clause.named_children[0])] = f"{module}.default"
            elif clause.type == "import_require_clause":
                self.bindings[self.text(clause.named_children[0])] = module

    def _bound_export(self, node: Any) -> None:
        """Note under which other names a module exports its own things."""
        for original, local in self.specified(node):
            if original != local:
                self.bindings[local] = f"{self.module}.{original}"
        if any(child.type == "default" for child in node.children):
            value = node.child_by_field_name("value") or node.child_by_field_name("declaration")
            name = value.child_by_field_name("name") if value is not None and value.type in _OF_MODULE else value
            if name is not None and name.type in self.NAMES:
                self.bindings["default"] = f"{self.module}.{self.text(name)}"

    def specified(self, node: Any) -> Iterator[tuple[str, str]]:
        """Yield what an import or export names, each with the name that it gets."""
        for specifier in self.below(node, ("import_specifier", "export_specifier")):
            original = self.text(specifier.child_by_field_name("name"))
            alias = specifier.child_by_field_name("alias")
            yield original, self.text(alias) if alias is not None else original

    def module_named(self, quoted: Any) -> str:
        """Return the module that a string names."""
        return script_module(self.text(quoted).strip("\"'`"), self.source.path, self.source.root)

    def required(self, node: Any) -> str:
        """Return the module that a call of `require` or `import` names, else nothing."""
        if node is not None and node.type == "await_expression" and node.named_children:
            node = node.named_children[0]
        if node is None or node.type != "call_expression":
            return ""
        called, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if called is None or given is None or self.text(called) not in ("require", "import"):
            return ""
        named = given.named_children[0] if given.named_children else None
        return self.module_named(named) if named is not None and named.type == "string" else ""

    def bind(self, pattern: Any, held: str, scope: Scope) -> None:
        """Note what the names of a pattern hold."""
        if pattern.type in ("identifier", "shorthand_property_identifier_pattern"):
            scope.names[self.text(pattern)] = held
            return
        for part in pattern.named_children:
            if part.type == "shorthand_property_identifier_pattern":
                scope.names[self.text(part)] = f"{held}.{self.text(part)}" if held else ""
            elif part.type == "pair_pattern":
                key, value = map(part.child_by_field_name, ("key", "value"))
                if key is not None and value is not None:
                    self.bind(value, f"{held}.{self.text(key)}" if held else "", scope)
            elif part.type == "assignment_pattern":
                self.bind(part.named_children[0], held, scope)
            elif part.type in ("identifier", "rest_pattern", "array_pattern", "object_pattern"):
                self.bind(part, "", scope)

    def typed(self, annotation: Any, scope: Scope) -> str:
        """Return the class that an annotation names: what a promise gives, the first of a union."""
        while annotation is not None:
            if annotation.type == "array_type":
                element = self.typed(annotation.named_children[0], scope)
                return f"{element}[]" if element else ""
            if annotation.type == "generic_type":
                name = self.text(annotation.named_children[0])
                if mark := _MARKS.get(name):
                    given = annotation.named_children[-1].named_children
                    element = self.typed(given[-1], scope) if given else ""
                    return f"{element}{mark}" if element else ""
                if name not in _UNWRAPPED:
                    return self.means(annotation.named_children[0], scope)
                annotation = annotation.named_children[-1]
            elif annotation.type in ("type_annotation", "union_type", "type_arguments", "parenthesized_type"):
                annotation = next((part for part in annotation.named_children if part.type != "literal_type"), None)
            elif annotation.type == "this_type":
                return scope.owner
            else:
                return self.means(annotation, scope)
        return ""

    def held(self, value: Any, scope: Scope) -> str:
        """Return what a value is an instance of, or denotes."""
        target = self.means(value, scope)
        return "" if target.startswith(".") else target

    def valued(self, call: Any) -> Any:
        """Return the node that says what a call gives: of `require` its arguments, else what is called."""
        return call.child_by_field_name("arguments") if self.required(call) else super().valued(call)

    def other(self, node: Any, scope: Scope) -> str:
        """Return what a node of this language denotes."""
        if node.type == "subscript_expression":
            return self.element(self.means(node.named_children[0], scope))
        if node.type == "arguments":
            return self.required(node.parent)
        if node.type in ("as_expression", "satisfies_expression") and len(node.named_children) > 1:
            return self.typed(node.named_children[1], scope) or self.means(node.named_children[0], scope)
        if node.type in ("union_type", "this_type"):
            return self.typed(node, scope)
        return ""
