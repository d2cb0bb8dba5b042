"""Read Rust: definitions, implementations, patterns, macros."""

from collections.abc import Iterator
from typing import Any

from memory_router.engines.graph.extraction.rust_names import CLASSES, FUNCTIONS, RustNames
from memory_router.engines.graph.extraction.scopes import Scope
from memory_router.engines.graph.extraction.syntax import Inside
from memory_router.engines.graph.facts import Source

_ITERATING = ("iter", "iter_mut", "into_iter", "drain")
_POINTING_PATTERNS = ("match_pattern", "ref_pattern", "mut_pattern", "reference_pattern", "or_pattern")
_STANDARD_MACROS = frozenset(
    """
    assert assert_eq assert_ne cfg column compile_error concat dbg debug_assert debug_assert_eq debug_assert_ne env
    eprint eprintln file format format_args include include_bytes include_str line matches module_path option_env panic
    print println stringify thread_local todo unimplemented unreachable vec write writeln
    """.split()  # noqa: SIM905
)


class RustReader(RustNames):
    """Walk the tree of a file of Rust."""

    def __init__(self, source: Source, raw: bytes) -> None:
        super().__init__(source, raw)
        self.handlers |= {
            **dict.fromkeys(CLASSES, self._class),
            **dict.fromkeys(FUNCTIONS, self._function),
            **dict.fromkeys(("const_item", "static_item"), self._constant),
            "impl_item": self._implemented,
            "mod_item": self._space,
            "use_declaration": self._used,
            "let_declaration": self._let,
            "let_condition": self._condition,
            "closure_expression": self._closure,
            "macro_invocation": self._macro,
            "macro_definition": self._macro_defined,
            "field_initializer": self._condition,
            "match_arm": self._arm,
            "for_expression": self._for,
        }

    def _class(self, node: Any, scope: Scope) -> Inside:
        name = self.text(node.child_by_field_name("name"))
        qualified = self.define("class", name, scope.qualified, node)
        inner = Scope(qualified, qualified, self.bounds(node, scope), scope)
        for bounds in (child for child in node.named_children if child.type == "trait_bounds"):
            for base in bounds.named_children:
                self.inherits(qualified, base, scope)
        if node.type == "type_item" and (kind := node.child_by_field_name("type")) is not None:
            self.inherits(qualified, kind, scope)
        self._fields(node.child_by_field_name("body"), qualified, inner)
        said = ("type_identifier", "trait_bounds")
        return [(child, inner) for child in node.named_children if child.type not in said]

    def _fields(self, body: Any, owner: str, scope: Scope) -> None:
        """Note the variants of an enum, and what fields hold; those without a name are called by their position."""
        for position, kind in enumerate(body.children_by_field_name("type") if body is not None else ()):
            self._field(str(position), kind, owner, scope)
        for field in body.named_children if body is not None else ():
            name = self.text(field.child_by_field_name("name"))
            if field.type == "field_declaration":
                self._field(name, field.child_by_field_name("type"), owner, scope)
            elif field.type == "enum_variant":
                variant = self.define("variable", name, owner, field, owner)
                self._fields(field.child_by_field_name("body"), variant, scope)

    def _field(self, name: str, kind: Any, owner: str, scope: Scope) -> None:
        if held := self.class_of(kind, scope):
            self.define("variable", name, owner, kind, held)

    def _implemented(self, node: Any, scope: Scope) -> Inside:
        kind, trait, body = map(node.child_by_field_name, ("type", "trait", "body"))
        target = self.class_of(kind, scope) if kind is not None else ""
        if not target or target.startswith(".") or target.endswith("[]"):
            return [(child, scope) for child in node.named_children]
        inner = Scope(target, target, self.bounds(node, scope), scope)
        if trait is not None:
            self.inherits(target, trait, scope)
        return [(body, inner)] if body is not None else ()

    def _function(self, node: Any, scope: Scope) -> Inside:
        name = self.text(node.child_by_field_name("name"))
        is_method = scope.qualified == scope.owner
        parent = scope.qualified if scope.qualified in self._seen or not is_method else self.module
        inner = Scope(f"{scope.qualified}.{name}", scope.owner, self.bounds(node, scope), scope)
        held = self.class_of(node.child_by_field_name("return_type"), inner)
        self.define("function", name, scope.qualified, node, held, parent=parent)
        given, body = map(node.child_by_field_name, ("parameters", "body"))
        for parameter in given.named_children if given is not None else ():
            pattern, kind = map(parameter.child_by_field_name, ("pattern", "type"))
            self._bind(pattern, self.class_of(kind, inner), inner)
        if body is not None:
            self.declare_block(body, inner)
        return [(part, inner) for part in (given, node.child_by_field_name("return_type"), body) if part is not None]

    def _bind(self, pattern: Any, held: str, scope: Scope) -> None:
        """Note what the names of a pattern hold.

        Args:
            pattern: as it stands left of a value.
            held: the type of that value, or what denotes it.
            scope: where the names are known.
        """
        todo = [(pattern, held)] if pattern is not None else []
        while todo:
            pattern, of = todo.pop()
            if pattern.type in ("identifier", "shorthand_field_identifier"):
                if self.text(pattern)[:1].islower() or self.text(pattern)[:1] == "_":
                    scope.names[self.text(pattern)] = of
            elif pattern.type in _POINTING_PATTERNS:
                todo += [(part, of) for part in pattern.named_children]
            elif pattern.type in ("tuple_struct_pattern", "struct_pattern"):
                todo += self._parts_of(pattern, of, scope)
            else:
                todo += [(part, "") for part in self.below(pattern, ("identifier",))]

    def _parts_of(self, pattern: Any, held: str, scope: Scope) -> Iterator[tuple[Any, str]]:
        """Yield the patterns in that of a struct or of a variant, each with what it holds."""
        kind = pattern.child_by_field_name("type")
        variant = self.means(kind, scope)
        is_through = self.text(kind) in ("Some", "Ok")
        for position, part in enumerate(part for part in pattern.named_children if part != kind):
            if part.type == "field_pattern":
                name, inner = map(part.child_by_field_name, ("name", "pattern"))
                yield inner or name, f"{variant}.{self.text(name)}" if variant else ""
            elif pattern.type == "tuple_struct_pattern":
                yield part, held if is_through else f"{variant}.{position}" if variant else ""

    def _space(self, node: Any, scope: Scope) -> Inside:
        name, body = self.text(node.child_by_field_name("name")), node.child_by_field_name("body")
        if body is None:
            self.references.add(self.module, "imports", self.bindings.get(name, name), node.start_point[0] + 1)
            return ()
        qualified = self.define("class", name, scope.qualified, node)
        inner = Scope(qualified, "", {"mod": qualified}, scope)
        self.declare_block(body, inner)
        return [(body, inner)]

    def _used(self, node: Any, scope: Scope) -> Inside:
        for target, _ in self.uses(node, scope):
            if target != self.module:
                self.references.add(self.module, "imports", target, node.start_point[0] + 1)
        return ()

    def _constant(self, node: Any, scope: Scope) -> Inside:
        kind = node.child_by_field_name("type")
        name = self.text(node.child_by_field_name("name"))
        self.define("variable", name, scope.qualified, node, self.class_of(kind, scope))
        return [(part, scope) for part in (kind, node.child_by_field_name("value")) if part is not None]

    def _let(self, node: Any, scope: Scope) -> Inside:
        pattern, kind = map(node.child_by_field_name, ("pattern", "type"))
        held = self.class_of(kind, scope) if kind is not None else self._value(node, scope)
        self._bind(pattern, held, scope)
        return [(child, scope) for child in node.named_children if child != pattern]

    def _value(self, node: Any, scope: Scope) -> str:
        """Return what the value of a node denotes, nothing if only its last step is known."""
        value = node.child_by_field_name("value")
        target = self.means(value, scope) if value is not None else ""
        return "" if target.startswith(".") else target

    def _condition(self, node: Any, scope: Scope) -> Inside:
        """Note what a condition's pattern holds, and read the value; of a field that is given, only the value."""
        self._bind(node.child_by_field_name("pattern"), self._value(node, scope), scope)
        return [(value, scope) for value in node.children_by_field_name("value")]

    def _arm(self, node: Any, scope: Scope) -> Inside:
        inner = Scope(scope.qualified, scope.owner, {}, scope)
        self._bind(node.child_by_field_name("pattern"), self._value(node.parent.parent, scope), inner)
        return [(child, inner) for child in node.named_children]

    def _for(self, node: Any, scope: Scope) -> Inside:
        inner = Scope(scope.qualified, scope.owner, {}, scope)
        pattern = node.child_by_field_name("pattern")
        held = self._value(node, scope)
        owner, _, last = held.rpartition(".")
        self._bind(pattern, self.element(owner if last in _ITERATING else held), inner)
        return [(child, inner) for child in node.named_children if child != pattern]

    def _closure(self, node: Any, scope: Scope) -> Inside:
        inner = Scope(scope.qualified, scope.owner, {}, scope)
        given = node.child_by_field_name("parameters")
        element = self.given.get(node.start_byte, "")
        for position, parameter in enumerate(given.named_children if given is not None else ()):
            pattern = parameter.child_by_field_name("pattern") if parameter.type == "parameter" else parameter
            held = self.class_of(parameter.child_by_field_name("type"), inner) or ("" if position else element)
            self._bind(pattern, held, inner)
        return [(child, inner) for child in node.named_children]

    def call(self, node: Any, scope: Scope) -> Inside:
        """Note what is called, and what its closures are given."""
        called = node.child_by_field_name("function")
        if called is not None and called.type == "field_expression":
            owner, name = map(called.child_by_field_name, self.MEMBERS[called.type])
            self.hand_elements(owner, self.text(name), node.child_by_field_name("arguments"), scope)
        return super().call(node, scope)

    def _macro(self, node: Any, scope: Scope) -> Inside:
        """Note a macro, and what stands in its arguments, which are tokens: a path and brackets are a call."""
        named = node.child_by_field_name("macro")
        path = self.text(named).replace(" ", "").split("::")
        if len(path) > 1 or path[0] in self.bindings:
            self.refer(scope, "calls", self.means(named, scope), node)
        elif path[0] not in _STANDARD_MACROS:
            self.refer(scope, "calls", f"{self.crate}.{path[0]}", node)
        for tree in self.below(node, ("token_tree",)):
            self._tokens(tree, scope)
        return ()

    def _macro_defined(self, node: Any, scope: Scope) -> Inside:  # noqa: ARG002
        """Note a macro as one of its crate, wherever that defines it."""
        self.define("function", self.text(node.child_by_field_name("name")), self.crate, node, parent=self.module)
        return ()

    def _tokens(self, tree: Any, scope: Scope) -> None:
        path: list[str] = []
        at = None
        for token in tree.children:
            kind = token.type
            if kind in ("identifier", "self", "crate", "super", "type_identifier"):
                path.append(self.text(token))
                at = at or token
            elif kind in ("::", "."):
                path.append(kind)
            else:
                if path and at is not None:
                    self._spelt(path, at, scope, is_called=kind == "token_tree" and self.text(token)[:1] == "(")
                path, at = [], None
                if kind == "token_tree":
                    self._tokens(token, scope)

    def _spelt(self, path: list[str], at: Any, scope: Scope, *, is_called: bool) -> None:
        names, marks = path[::2], path[1::2]
        if not names[0].isidentifier():
            return
        is_value = names[0] == "self" and marks[:1] == ["."]
        base = scope.owner if is_value else self.looked_up(names[0], scope)
        if base:
            target = ".".join([base, *names[1:]])
            if is_called or not self.is_variable(names[0], scope):
                self.refer(scope, "calls" if is_called else "uses", target, at)
        elif is_called and "." in marks and names[-1].isidentifier():
            self.refer(scope, "calls", f".{names[-1]}", at)
