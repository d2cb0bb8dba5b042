"""Read Java: a class is called by its package (`acme.store.Shelf`), its file by the path below the sources."""

import os
import re
from typing import Any, ClassVar

from memory_router.engines.graph.extraction.scopes import Scope
from memory_router.engines.graph.extraction.syntax import Inside, SyntaxReader
from memory_router.engines.graph.facts import Source

_CLASSES = (
    "class_declaration", "interface_declaration", "enum_declaration", "record_declaration",
    "annotation_type_declaration",
)  # fmt: skip
_METHODS = ("method_declaration", "constructor_declaration", "compact_constructor_declaration")
_FIELDS = ("field_declaration", "constant_declaration")
_MARKS = {
    **dict.fromkeys(
        ("Collection", "Deque", "Iterable", "Iterator", "List", "Optional", "Queue", "Set", "Stream"), "[]"
    ),
    **dict.fromkeys(("ArrayDeque", "ArrayList", "HashSet", "LinkedHashSet", "LinkedList", "TreeSet", "Vector"), "[]"),
    **dict.fromkeys(("ConcurrentHashMap", "ConcurrentMap", "HashMap", "LinkedHashMap", "Map", "TreeMap"), "{}"),
}
_HERITAGE = ("superclass", "super_interfaces", "extends_interfaces")
_DECLARING = ("local_variable_declaration", "enhanced_for_statement", "resource", "catch_formal_parameter")
_UNNAMED = "(unnamed)"  # the package of files at the root that declare none
_PATH = re.compile(r"([a-z_]\w*)(?:\.[a-z_]\w*)*\.[A-Z]\w*(?:\.[A-Z]\w*)*")  # packages, then a class


class JavaReader(SyntaxReader):
    """Walk the tree of a file of Java."""

    MEMBERS: ClassVar[dict[str, tuple[str, str]]] = {
        "field_access": ("object", "field"),
        "method_invocation": ("object", "name"),
        "scoped_identifier": ("scope", "name"),
    }
    CALLS: ClassVar[dict[str, str]] = {"object_creation_expression": "type"}
    SAME = frozenset(["parenthesized_expression", "class_literal"])
    INVOKED = frozenset(["method_invocation"])
    LAMBDAS = frozenset(["lambda_expression"])

    def __init__(self, source: Source, raw: bytes) -> None:
        super().__init__(source, raw)
        self.package = ""
        self.handlers |= {
            **dict.fromkeys(_CLASSES, self._class),
            **dict.fromkeys(_METHODS, self._method),
            **dict.fromkeys(_DECLARING, self._declared),
            "method_invocation": self._invoked,
            "object_creation_expression": self._created,
            "method_reference": self._handed_on,
            "scoped_type_identifier": self._typed_by,
            "explicit_constructor_invocation": self._constructed,
            **dict.fromkeys(_FIELDS, self._field),
            "enum_constant": self._constant,
            "lambda_expression": self._lambda,
            "instanceof_expression": self._instance,
            "import_declaration": self._nothing,
            "package_declaration": self._nothing,
        }

    def declare(self, root: Any) -> None:
        """Note what the file imports and defines before it is read."""
        imports = []
        self.package = os.path.dirname(self.module).replace("/", ".") or _UNNAMED
        for node in root.named_children:
            if node.type == "package_declaration":
                self.package = self.text(node.named_children[-1])
            elif node.type == "import_declaration":
                imports.append(node)
            elif node.type in _CLASSES and (name := self.text(node.child_by_field_name("name"))):
                self.top.names[name] = f"{self.package}.{name}"
        self.module = f"{self.package.replace('.', '/')}/{self.definitions[0].name}"
        self.definitions[0] = self.definitions[0]._replace(qualified=self.module)
        self.top = Scope(self.module, "", self.top.names, None)
        self.references.add(self.module, "within", self.package, 1)
        self.bindings["*"] = self.package
        for node in imports:
            self._import(node)

    def _import(self, node: Any) -> None:
        path = self.text(next(iter(node.named_children), None))
        line = node.start_point[0] + 1
        self.references.add(self.module, "imports", path, line)
        if any(child.type == "asterisk" for child in node.named_children):
            self.bindings[f"*{line}"] = path
            return
        name = path.rpartition(".")[2]
        is_static = any(child.type == "static" for child in node.children)
        if not is_static or name not in self.bindings:
            self.bindings[name] = path

    def foreign(self, name: str) -> str:
        """Return what a name denotes that the file itself does not make known."""
        # What the file does not declare or import by name is of its package or of one that is imported whole.
        return f"{self.module}.{name}" if name[:1].isupper() else ""

    def _nothing(self, node: Any, scope: Scope) -> Inside:  # noqa: ARG002
        return ()

    def _class(self, node: Any, scope: Scope) -> Inside:
        name = self.text(node.child_by_field_name("name"))
        body = node.child_by_field_name("body")
        if not name:
            return ()
        is_outer = scope.outer is None
        above = self.package if is_outer else scope.qualified
        parent = self.module if is_outer else scope.qualified
        qualified = self.define("class", name, above, node, parent=parent)
        scope.names[name] = qualified
        inner = Scope(qualified, qualified, {}, scope)
        self._bounds(node, inner)
        for clause in node.named_children:
            if clause.type in _HERITAGE:
                parts = clause.named_children
                for base in parts[0].named_children if parts and parts[0].type == "type_list" else parts:
                    self.inherits(qualified, base, scope)
        below: list[tuple[Any, Scope]] = []
        given = node.child_by_field_name("parameters")
        if given is not None:
            self._parameters(given, inner, fields=True)
            below.append((given, inner))
        if body is not None:
            self._members(body, inner)
            below.append((body, inner))
        return [(child, scope) for child in node.named_children if child.type == "modifiers"] + below

    def _members(self, body: Any, scope: Scope) -> None:
        """Note the fields and nested classes of a class before its methods are read."""
        for node in body.named_children:
            if node.type == "enum_body_declarations":
                self._members(node, scope)
            elif node.type in _FIELDS:
                held = self._typed(node, scope)
                is_static = node.type == "constant_declaration" or any(
                    "static" in self.text(part).split() for part in node.named_children[:1]
                )
                for declarator in node.children_by_field_name("declarator"):
                    name = self.text(declarator.child_by_field_name("name"))
                    scope.names[name] = held or (f"{scope.qualified}.{name}" if is_static else "")
                    if held or is_static:
                        self.define("variable", name, scope.qualified, node, held)
            elif node.type in _CLASSES:
                name = self.text(node.child_by_field_name("name"))
                scope.names[name] = f"{scope.qualified}.{name}"

    def _typed(self, node: Any, scope: Scope) -> str:
        """Return the class that a declaration names as its type."""
        kind = node.child_by_field_name("type")
        return "" if kind is None or self.text(kind) == "var" else self.means(kind, scope)

    def _field(self, node: Any, scope: Scope) -> Inside:
        values = [declarator.child_by_field_name("value") for declarator in node.children_by_field_name("declarator")]
        kind = node.child_by_field_name("type")
        modifiers = [child for child in node.named_children if child.type == "modifiers"]
        return [(part, scope) for part in (*modifiers, kind, *values) if part is not None]

    def _method(self, node: Any, scope: Scope) -> Inside:
        name = self.text(node.child_by_field_name("name"))
        inner = Scope(f"{scope.qualified}.{name}", scope.owner, {}, scope)
        self._bounds(node, inner)
        self.define("function", name, scope.qualified, node, self._typed(node, inner))
        given = node.child_by_field_name("parameters")
        if given is not None:
            self._parameters(given, inner)
        skipped = ("identifier", "type_parameters")
        return [(child, inner) for child in node.named_children if child.type not in skipped]

    def _parameters(self, given: Any, scope: Scope, *, fields: bool = False) -> None:
        for parameter in given.named_children:
            name = parameter.child_by_field_name("name")
            if parameter.type == "spread_parameter":
                name = next(self.below(parameter, ("identifier",)), None)
            if name is not None:
                held = "" if parameter.type == "spread_parameter" else self._typed(parameter, scope)
                scope.names[self.text(name)] = held
                if fields and held:
                    self.define("variable", self.text(name), scope.qualified, parameter, held)

    def _declared(self, node: Any, scope: Scope) -> Inside:
        """Note what local variables hold, of `for`, `try` and `catch` too."""
        held = self._typed(node, scope)
        below = [] if (kind := node.child_by_field_name("type")) is None else [(kind, scope)]
        if node.type == "local_variable_declaration":
            for declarator in node.children_by_field_name("declarator"):
                value = declarator.child_by_field_name("value")
                scope.names[self.text(declarator.child_by_field_name("name"))] = held or self._held(value, scope)
                below += [(value, scope)] if value is not None else []
            return below
        value = node.child_by_field_name("value")
        name = node.child_by_field_name("name")
        if name is not None:
            value_held = self._held(value, scope)
            scope.names[self.text(name)] = held or (value_held if node.type == "resource" else self.element(value_held))
        caught = [child for child in node.named_children if child.type == "catch_type"]
        if caught and name is not None:
            scope.names[self.text(name)] = self.means(caught[0].named_children[0], scope)
        below += [(part, scope) for part in (value, *caught, node.child_by_field_name("body")) if part is not None]
        return below

    def _held(self, value: Any, scope: Scope) -> str:
        target = self.means(value, scope) if value is not None else ""
        return "" if target.startswith(".") else target

    def means(self, node: Any, scope: Scope) -> str:
        """Return what an expression or a type denotes: a path through packages to a class as it is written, too."""
        target = super().means(node, scope)
        if target.startswith(".") and node.type in self.MEMBERS:
            path = _PATH.match(self.text(node))
            if path and not self.is_declared(path[1], scope):
                return f"{path[0]}{target}" if node.type in self.INVOKED else self.text(node)
        return target

    def other(self, node: Any, scope: Scope) -> str:
        """Return what a node of this language denotes."""
        if node.type == "array_type":
            held = self.means(node.named_children[0], scope)
            return f"{held}[]" if held else ""
        if node.type == "generic_type":
            return self._generic(node, scope)
        if node.type == "array_access":
            return self.element(self.means(node.named_children[0], scope))
        if node.type == "cast_expression" and (kind := node.child_by_field_name("type")) is not None:
            return self.means(kind, scope)
        if node.type == "scoped_type_identifier":
            return self._spelt(self.text(node), scope)
        return ""

    def _generic(self, node: Any, scope: Scope) -> str:
        """Return a generic type without its arguments; of a list or a map, the type of its elements."""
        outer, given = node.named_children[0], node.named_children[-1]
        mark = _MARKS.get(self.text(outer).rpartition(".")[2], "")
        kinds = [kind for kind in given.named_children if kind.type != "wildcard"] if mark else []
        element = self.means(kinds[-1], scope) if kinds else ""
        return f"{element}{mark}" if element else self.means(outer, scope)

    def _bounds(self, node: Any, scope: Scope) -> None:
        """Note what the parameters of a type or a method are bound to: the first bound stands for the type."""
        for parameter in self.below(node.child_by_field_name("type_parameters"), ("type_parameter",)):
            names = [self.text(child) for child in parameter.named_children if child.type in self.NAMES]
            bound = next(self.below(parameter, ("type_bound",)), None)
            if names:
                scope.names[names[0]] = self.means(bound.named_children[0], scope) if bound is not None else ""

    def _spelt(self, path: str, scope: Scope) -> str:
        """Return what a dotted type means: of a class in sight a nested one, else a full name."""
        first, _, rest = path.partition(".")
        held = self.looked_up(first, scope)
        return f"{held}.{rest}" if held else path

    def unqualified(self, name: str, scope: Scope) -> str:
        """Return what a call without a receiver denotes: a static import, else a method of the classes around."""
        if name in self.bindings:
            return self.bindings[name]
        return f"{scope.owner}.{name}" if scope.owner else ""

    def _invoked(self, node: Any, scope: Scope) -> Inside:
        owner, given = map(node.child_by_field_name, ("object", "arguments"))
        name = self.text(node.child_by_field_name("name"))
        below = [(given, scope)] if given is not None else []
        if owner is None:
            for target in self._candidates(name, scope):
                self.refer(scope, "calls", target, node)
            return below
        self.hand_elements(owner, name, given, scope)
        self.refer(scope, "calls", self._member(node, owner, name, scope), node)
        return [(owner, scope), *below]

    def _member(self, node: Any, owner: Any, name: str, scope: Scope) -> str:
        """Return the method that a call names, not what the call gives."""
        held = self.means(owner, scope)
        if held and not held.startswith("."):
            return f"{held}.{name}"
        return f".{name}" if self.means(node, scope) else ""

    def _candidates(self, name: str, scope: Scope) -> list[str]:
        """Return what an unqualified call may denote: an import, a method of the class, of those around it."""
        if name in self.bindings:
            return [self.bindings[name]]
        candidates, inner = [], scope
        while inner.outer is not None:
            if inner.qualified == inner.owner:
                candidates.append(f"{inner.owner}.{name}")
            inner = inner.outer
        stars = [target for star, target in self.bindings.items() if star.startswith("*") and target != self.package]
        return [*candidates, *(f"{star}.{name}" for star in stars if star.rpartition(".")[2][:1].isupper())]

    def _created(self, node: Any, scope: Scope) -> Inside:
        kind = node.child_by_field_name("type")
        target = self.means(kind, scope) if kind is not None else ""
        self.refer(scope, "calls", target, node)
        below: list[tuple[Any, Scope]] = []
        for clause in node.named_children:
            if clause.type == "class_body":  # an anonymous class: what it does is done by what encloses it
                below += [(child, Scope(scope.qualified, "", {}, scope)) for child in clause.named_children]
            elif clause != kind:
                below.append((clause, scope))
            else:
                below += [(part, scope) for part in self.below(clause, ("type_arguments",))]
        return below

    def _handed_on(self, node: Any, scope: Scope) -> Inside:
        """Note `Owner::method`."""
        parts = node.named_children
        name = self.text(parts[-1]) if len(parts) > 1 else "new"
        owner = self.means(parts[0], scope)
        if owner:
            self.refer(scope, "uses", f"{owner}.{name}" if len(parts) > 1 else owner, node)
        elif name.isidentifier() and name != "new":
            self.refer(scope, "calls", f".{name}", node)
        return [(parts[0], scope)] if parts[0].type not in ("this", "super") else ()

    def _typed_by(self, node: Any, scope: Scope) -> Inside:
        self.refer(scope, "uses", self._spelt(self.text(node), scope), node)
        return ()

    def _constructed(self, node: Any, scope: Scope) -> Inside:
        called = node.child_by_field_name("constructor")
        if called is not None and called.type == "super" and scope.owner in self._bases:
            self.refer(scope, "calls", self._bases[scope.owner], node)
        return [(child, scope) for child in node.named_children if child != called]

    def _constant(self, node: Any, scope: Scope) -> Inside:
        self.define("variable", self.text(node.child_by_field_name("name")), scope.qualified, node, scope.owner)
        return [(child, scope) for child in node.named_children[1:]]

    def _lambda(self, node: Any, scope: Scope) -> Inside:
        inner = Scope(scope.qualified, scope.owner, {}, scope)
        given, held = node.child_by_field_name("parameters"), self.given.get(node.start_byte, "")
        if given is not None and given.type == "identifier":
            inner.names[self.text(given)] = held
        elif given is not None and given.type == "inferred_parameters":
            inner.names.update((self.text(parameter), "") for parameter in given.named_children)
        elif given is not None:
            self._parameters(given, inner)
        body = node.child_by_field_name("body")
        return [(body, inner)] if body is not None else ()

    def _instance(self, node: Any, scope: Scope) -> Inside:
        kind, name = node.child_by_field_name("right"), node.child_by_field_name("name")
        if kind is not None and name is not None:
            scope.names[self.text(name)] = self.means(kind, scope)
        return [(child, scope) for child in node.named_children if child != name]
