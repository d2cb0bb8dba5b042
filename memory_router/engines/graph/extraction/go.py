"""Read Go: what a package defines is called by its import path (`example.com/shop/store.Store.Save`)."""

import os
from typing import Any, ClassVar

from memory_router.engines.graph.extraction.go_packages import go_import, go_package
from memory_router.engines.graph.extraction.scopes import Scope
from memory_router.engines.graph.extraction.syntax import Inside, SyntaxReader
from memory_router.engines.graph.facts import Source

_FUNCTIONS = ("function_declaration", "method_declaration")
_LISTS = {"slice_type": "element", "array_type": "element", "map_type": "value", "channel_type": "value"}
_POINTING = ("pointer_type", "unary_expression", "generic_type", "parenthesized_type")
_BUILT_IN = frozenset(
    """
    any append bool byte cap clear close comparable complex complex64 complex128 copy delete error false float32 float64
    imag int int8 int16 int32 int64 iota len make max min new nil panic print println real recover rune string true
    uint uint8 uint16 uint32 uint64 uintptr
    """.split()  # noqa: SIM905
)


class GoReader(SyntaxReader):
    """Walk the tree of a file of Go."""

    NAMES = frozenset(["identifier", "type_identifier", "package_identifier"])
    MEMBERS: ClassVar[dict[str, tuple[str, str]]] = {
        "selector_expression": ("operand", "field"),
        "qualified_type": ("package", "name"),
    }
    CALLS: ClassVar[dict[str, str]] = {"call_expression": "function"}
    SAME = frozenset(["parenthesized_expression", *_POINTING])
    SELF = frozenset()

    def __init__(self, source: Source, raw: bytes) -> None:
        super().__init__(source, raw)
        self.package = go_package(os.path.dirname(source.path), source.root)
        self.handlers |= {
            **dict.fromkeys(_FUNCTIONS, self._function),
            **dict.fromkeys(("type_spec", "type_alias"), self._type),
            **dict.fromkeys(("var_spec", "const_spec"), self._variables),
            "short_var_declaration": self._assigned,
            "range_clause": self._ranged,
            "func_literal": self._literal,
            "type_switch_statement": self._switch,
            "keyed_element": self._keyed,
            "import_declaration": self._nothing,
            "package_clause": self._nothing,
        }

    def declare(self, root: Any) -> None:
        """Note what the file imports and defines before it is read."""
        self.references.add(self.module, "within", self.package, 1)
        for spec in self.below(root, ("import_spec",)):
            written = self.text(spec.child_by_field_name("path")).strip('"`')
            alias = self.text(spec.child_by_field_name("name"))
            path, name = go_import(written, os.path.dirname(self.source.path), self.source.root)
            self.references.add(self.module, "imports", path, spec.start_point[0] + 1)
            if alias == ".":
                self.bindings |= {f"*{spec.start_point[0]}": path, "*": self.package}
            elif alias != "_":
                self.bindings[alias or name] = path

    def _nothing(self, node: Any, scope: Scope) -> Inside:  # noqa: ARG002
        return ()

    def foreign(self, name: str) -> str:
        """Return what a name denotes that the file itself does not make known."""
        if name in _BUILT_IN or name == "_":
            return ""
        return f"{self.module if '*' in self.bindings else self.package}.{name}"

    def _function(self, node: Any, scope: Scope) -> Inside:
        name = self.text(node.child_by_field_name("name"))
        receiver = node.child_by_field_name("receiver")
        owner = next(self.below(receiver, ("type_identifier",)), None)
        above = f"{self.package}.{self.text(owner)}" if owner is not None else self.package
        inner = Scope(f"{above}.{name}", above if owner is not None else "", {}, scope)
        parent = above if owner is not None and above in self._seen else self.module
        self.define("function", name, above, node, self._result(node, scope), parent=parent)
        for given in (receiver, *map(node.child_by_field_name, ("parameters", "result"))):
            self._parameters(given, inner)
        return [(child, inner) for child in node.named_children if child.type not in ("identifier", "field_identifier")]

    def _result(self, node: Any, scope: Scope) -> str:
        """Return what a function returns, the first of several."""
        result = node.child_by_field_name("result")
        if result is not None and result.type == "parameter_list":
            result = next((parameter.child_by_field_name("type") for parameter in result.named_children), None)
        return self._class(result, scope)

    def _class(self, kind: Any, scope: Scope) -> str:
        """Return the type that is named; `Type[]` for lists, maps and channels of it, nothing for functions."""
        lists = ""
        while kind is not None and (kind.type in _POINTING or kind.type in _LISTS):
            if kind.type in _LISTS:
                kind, lists = kind.child_by_field_name(_LISTS[kind.type]), lists + "[]"
            else:
                kind = next(iter(kind.named_children), None)
        if kind is None or kind.type not in ("type_identifier", "qualified_type"):
            return ""
        held = self.means(kind, scope)
        return held + lists if held else ""

    def _parameters(self, given: Any, scope: Scope) -> None:
        for parameter in given.named_children if given is not None else ():
            held = (
                self._class(parameter.child_by_field_name("type"), scope)
                if parameter.type == "parameter_declaration"
                else ""
            )
            for name in parameter.children_by_field_name("name"):
                scope.names[self.text(name)] = held

    def _type(self, node: Any, scope: Scope) -> Inside:
        name, kind = node.child_by_field_name("name"), node.child_by_field_name("type")
        if scope.outer is not None or name is None or kind is None:
            if name is not None:
                scope.names[self.text(name)] = ""
            return [] if kind is None else [(kind, scope)]
        elements = self._class(kind, scope) if kind.type in _LISTS else ""
        qualified = self.define("class", self.text(name), self.package, node, elements, parent=self.module)
        inner = Scope(qualified, qualified, {}, scope)
        below: list[tuple[Any, Scope]] = []
        for field in self.below(kind, ("field_declaration", "method_elem", "type_elem")):
            below += self._member(field, inner)
        if kind.type not in ("struct_type", "interface_type"):
            if node.type == "type_alias" or kind.type in ("type_identifier", "qualified_type"):
                self.inherits(qualified, kind, scope)
            below.append((kind, inner))
        return below

    def _member(self, field: Any, scope: Scope) -> Inside:
        """Note a field of a struct, a method of an interface, or what is embedded: that is a base."""
        kind = field.child_by_field_name("type")
        if field.type == "method_elem":
            name = self.text(field.child_by_field_name("name"))
            self.define("function", name, scope.qualified, field, self._result(field, scope))
            return [(child, scope) for child in field.named_children[1:]]
        if field.type == "type_elem":
            for base in field.named_children:
                self.inherits(scope.qualified, base, scope)
            return ()
        names = field.children_by_field_name("name")
        if kind is None:
            return ()
        held = self._class(kind, scope)
        if not names and held:
            self.inherits(scope.qualified, kind, scope)
            self.define("variable", held.rpartition(".")[2], scope.qualified, field, held)
            return ()
        for name in names:
            if held:
                self.define("variable", self.text(name), scope.qualified, field, held)
        return [(kind, scope)]

    def _variables(self, node: Any, scope: Scope) -> Inside:
        names = node.children_by_field_name("name")
        kind, value = node.child_by_field_name("type"), node.child_by_field_name("value")
        held = self._class(kind, scope)
        values = value.named_children if value is not None else []
        for position, name in enumerate(names):
            own = held or self._value(values, position, scope)
            if scope.outer is not None:
                scope.names[self.text(name)] = own
            elif self.text(name) != "_":
                self.define("variable", self.text(name), self.package, node, own, parent=self.module)
        return [(part, scope) for part in (kind, value) if part is not None]

    def _value(self, values: list[Any], position: int, scope: Scope) -> str:
        """Return what the variable at a position is given; of a call's results only the first is known."""
        if position >= len(values):
            return ""
        target = self.means(values[position], scope)
        return "" if target.startswith(".") else target

    def _assigned(self, node: Any, scope: Scope) -> Inside:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return ()
        for position, name in enumerate(left.named_children):
            scope.names[self.text(name)] = self._value(right.named_children, position, scope)
        return [(right, scope)]

    def _ranged(self, node: Any, scope: Scope) -> Inside:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        for position, name in enumerate(left.named_children if left is not None else ()):
            held = self._value([right], 0, scope) if position else ""
            scope.names[self.text(name)] = self.element(held)
        return [(right, scope)] if right is not None else ()

    def _literal(self, node: Any, scope: Scope) -> Inside:
        inner = Scope(scope.qualified, scope.owner, {}, scope)
        self._parameters(node.child_by_field_name("parameters"), inner)
        return [(child, inner) for child in node.named_children]

    def _switch(self, node: Any, scope: Scope) -> Inside:
        alias = node.child_by_field_name("alias")
        inner = Scope(scope.qualified, scope.owner, {}, scope)
        for name in alias.named_children if alias is not None else ():
            inner.names[self.text(name)] = ""
        return [(child, inner) for child in node.named_children if child != alias]

    def _keyed(self, node: Any, scope: Scope) -> Inside:
        """Read the value of a field that is given by name; a key may be a field's name."""
        return [(child, scope) for child in node.named_children[1:]]

    def other(self, node: Any, scope: Scope) -> str:
        """Return what a node of this language denotes."""
        if node.type in ("composite_literal", "type_assertion_expression", "type_conversion_expression"):
            return self._class(node.child_by_field_name("type"), scope)
        if node.type == "index_expression":
            return self.element(self.means(node.named_children[0], scope))
        return ""

    def call(self, node: Any, scope: Scope) -> Inside:
        """Note what is called."""
        called = node.child_by_field_name("function")
        if called is not None and called.type == "identifier" and self.text(called) == "new":
            return [(child, scope) for child in node.named_children if child != called]
        return super().call(node, scope)

    def valued(self, call: Any) -> Any:
        """Return the node that says what a call gives: of `new` the type, else what is called."""
        called = super().valued(call)
        if called is None or self.text(called) != "new":
            return called
        given = call.child_by_field_name("arguments")
        return next(iter(given.named_children), None) if given is not None else None
