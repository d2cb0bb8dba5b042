"""Read Rust: a module is called by its path, a crate by the folder of its root."""

import os
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from memory_router.engines.graph.extraction.crates import crate_of, crates, own_folder, spread
from memory_router.engines.graph.extraction.syntax import Inside, Scope, SyntaxReader
from memory_router.engines.graph.facts import Source

_CLASSES = ("struct_item", "enum_item", "trait_item", "union_item", "type_item")
_FUNCTIONS = ("function_item", "function_signature_item")
_POINTING = frozenset(
    ["reference_type", "pointer_type", "abstract_type", "dynamic_type", "bracketed_type", "qualified_type"]
)
_HOLDING = ("Box", "Rc", "Arc", "Option", "Result", "RefCell", "Mutex", "RwLock", "Ref", "RefMut", "MutexGuard", "Pin")
_LISTS = ("Vec", "VecDeque", "HashSet", "BTreeSet", "LinkedList", "BinaryHeap")
_ITERATING = ("iter", "iter_mut", "into_iter", "drain")
_THROUGH = (
    "unwrap", "expect", "clone", "as_ref", "as_mut", "borrow", "borrow_mut", "lock", "unwrap_or_default", "to_owned",
)  # fmt: skip
_POINTING_PATTERNS = ("match_pattern", "ref_pattern", "mut_pattern", "reference_pattern", "or_pattern")


class RustReader(SyntaxReader):
    """Walk the tree of a file of Rust."""

    MEMBERS: ClassVar[dict[str, tuple[str, str]]] = {
        "field_expression": ("value", "field"),
        "scoped_identifier": ("path", "name"),
        "scoped_type_identifier": ("path", "name"),
    }
    CALLS: ClassVar[dict[str, str]] = {"call_expression": "function", "struct_expression": "name"}
    SAME = frozenset(
        ["parenthesized_expression", "await_expression", "try_expression", "reference_expression", "unary_expression",
         "generic_function", *_POINTING]
    )  # fmt: skip
    SELF = frozenset(["self"])

    def __init__(self, source: Source, raw: bytes) -> None:
        super().__init__(source, raw)
        self.crate = crate_of(source.path, source.root)
        self.folder = own_folder(self.module, source.path, self.crate)
        self.handlers |= {
            **dict.fromkeys(_CLASSES, self._class),
            **dict.fromkeys(_FUNCTIONS, self._function),
            **dict.fromkeys(("const_item", "static_item"), self._constant),
            "impl_item": self._implemented,
            "mod_item": self._space,
            "use_declaration": self._used,
            "let_declaration": self._let,
            "let_condition": self._condition,
            "closure_expression": self._closure,
            "macro_invocation": self._macro,
            "field_initializer": self._condition,
            "match_arm": self._arm,
            "for_expression": self._for,
        }

    def declare(self, root: Any) -> None:
        """Note what the file imports and defines before it is read."""
        self._declare(root, self.top)

    def _declare(self, block: Any, scope: Scope) -> None:
        for node in block.named_children:
            name = self.text(node.child_by_field_name("name"))
            if node.type == "mod_item" and node.child_by_field_name("body") is None:
                self.bindings[name] = self._submodule(node, name)
            elif node.type in (*_CLASSES, *_FUNCTIONS, "mod_item", "const_item", "static_item") and name:
                scope.names[name] = f"{scope.qualified}.{name}"
        for node in block.named_children:
            if node.type == "use_declaration":
                for target, local in self._uses(node, scope):
                    if not local and target != self.module:
                        self.bindings[f"*{node.start_point[0]}.{len(self.bindings)}"] = target
                    elif local:
                        (self.bindings if scope.outer is None else scope.names)[local] = target

    def _submodule(self, node: Any, name: str) -> str:
        before = node.prev_named_sibling
        if before is not None and before.type == "attribute_item":
            placed = re.search(r'path\s*=\s*"([^"]+)\.rs"', self.text(before))
            if placed:
                return os.path.normpath(os.path.join(os.path.dirname(self.folder + "/x"), placed[1]))
        return f"{self.folder}/{name}" if self.folder else name

    def _uses(self, node: Any, scope: Scope) -> Iterator[tuple[str, str]]:
        """Yield the targets of a `use`, each with its local name; that is empty for all of a module."""
        path = re.sub(r"^(?:pub(?:\s*\([^)]*\))?\s+)?use\s+", "", self.text(node).strip()).rstrip(" ;")
        for steps, local in spread(path):
            if target := self._path(steps, scope):
                yield target, local

    def _path(self, steps: list[str], scope: Scope) -> str:
        """Return what a path means: from the crate's root, from here, through a name in sight, or of a library."""
        first, rest = (steps[0], steps[1:]) if steps else ("", [])
        if first == "crate":
            base = self.crate
        elif first in ("self", "super"):
            base = self._space_of(scope)
            while (rest and first in ("self", "super")) or first == "super":
                if first == "super":
                    base = self._above(base)
                if not rest or rest[0] not in ("self", "super"):
                    break
                first, rest = rest[0], rest[1:]
        elif scope.outer is None and first in scope.names:
            base = scope.names[first]
        elif first in self.bindings and scope.outer is None:
            base = self.bindings[first]
        else:
            base = crates(self.source.path, self.source.root).get(first, first)
        return ".".join([base, *rest]) if base else ""

    def _space_of(self, scope: Scope) -> str:
        """Return the module in which a scope lies, that of a file or one in braces."""
        inner: Scope | None = scope
        while inner and inner.outer is not None:
            if inner.names.get("mod") == inner.qualified:
                return inner.qualified
            inner = inner.outer
        return self.module

    def _above(self, module: str) -> str:
        if "." in module.removeprefix(self.module):
            return module.rpartition(".")[0]
        above = module.rpartition("/")[0]
        return above or self.crate

    def looked_up(self, name: str, scope: Scope) -> str:
        """Return what a name denotes in a scope, or nothing."""
        if name == "Self":
            return scope.owner
        if name in ("crate", "self", "super"):
            return self._path([name], scope)
        return super().looked_up(name, scope)

    def foreign(self, name: str) -> str:
        """Return what a name denotes that the file itself does not make known: a crate, or of what is used whole."""
        crate = crates(self.source.path, self.source.root).get(name, "")
        is_open = not crate and any(local.startswith("*") for local in self.bindings)
        return f"{self.module}.{name}" if is_open else crate

    def other(self, node: Any, scope: Scope) -> str:
        """Return what a node of this language denotes."""
        if node.type == "crate":
            return self.crate
        if node.type == "super":
            return self._above(self._space_of(scope))
        if node.type == "generic_type":
            return self._class_of(node, scope)
        if node.type == "index_expression":
            return self.element(self.means(node.named_children[0], scope))
        return ""

    def means(self, node: Any, scope: Scope) -> str:
        """Return what an expression or a type denotes."""
        if node.type in ("scoped_identifier", "scoped_type_identifier"):
            first = node
            while first.type in ("scoped_identifier", "scoped_type_identifier"):
                inner = first.child_by_field_name("path")
                if inner is None:
                    break
                first = inner
            if first.type == "self":  # `self::name`, not a receiver
                return ".".join([self._space_of(scope), *self.text(node).replace(" ", "").split("::")[1:]])
            if first.type == "super":
                return self._path(self.text(node).replace(" ", "").split("::"), scope)
        called = node.child_by_field_name("function") if node.type == "call_expression" else None
        if called is not None and self.text(called.child_by_field_name("field")) in _THROUGH:
            # What only unpacks a value leaves its type.
            value = called.child_by_field_name("value")
            return self.means(value, scope) if value is not None else ""
        return super().means(node, scope)

    def _class_of(self, kind: Any, scope: Scope) -> str:
        """Return the type that is named, through references and what only holds it; `Type[]` for a list of it."""
        lists = ""
        while kind is not None:
            if kind.type in _POINTING:
                kind = kind.child_by_field_name("type") or next(iter(kind.named_children), None)
            elif kind.type == "array_type":
                kind, lists = kind.child_by_field_name("element"), lists + "[]"
            elif kind.type == "generic_type":
                outer, given = map(kind.child_by_field_name, ("type", "type_arguments"))
                name = self.text(outer).rpartition("::")[2]
                if name not in (*_HOLDING, *_LISTS) or given is None:
                    kind = outer
                    continue
                lists += "[]" * (name in _LISTS)
                kind = next((argument for argument in given.named_children if argument.type != "lifetime"), None)
            elif kind.type in ("type_identifier", "scoped_type_identifier"):
                held = self.means(kind, scope)
                return held + lists if held else ""
            else:
                return ""
        return ""

    def _bounds(self, node: Any, scope: Scope) -> dict[str, str]:
        """Return what the parameters of a type or a function are bound to: the first trait is taken for the type."""
        bounds = {}
        for parameter in self.below(node.child_by_field_name("type_parameters"), ("type_parameter",)):
            bounds[self.text(parameter.child_by_field_name("name"))] = self._bound(parameter, scope)
        for clause in node.named_children:
            if clause.type == "where_clause":
                for parameter in clause.named_children:
                    name = self.text(parameter.child_by_field_name("left"))
                    if name.isidentifier() and not bounds.get(name):
                        bounds[name] = self._bound(parameter, scope)
        return bounds

    def _bound(self, node: Any, scope: Scope) -> str:
        bounds = node.child_by_field_name("bounds")
        traits = bounds.named_children if bounds is not None else ()
        named = (self._class_of(kind, scope) for kind in traits if kind.type not in ("lifetime", "removed_trait_bound"))
        return next(filter(None, named), "")

    def _class(self, node: Any, scope: Scope) -> Inside:
        name = self.text(node.child_by_field_name("name"))
        qualified = self.define("class", name, scope.qualified, node)
        inner = Scope(qualified, qualified, self._bounds(node, scope), scope)
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
        if held := self._class_of(kind, scope):
            self.define("variable", name, owner, kind, held)

    def _implemented(self, node: Any, scope: Scope) -> Inside:
        kind, trait, body = map(node.child_by_field_name, ("type", "trait", "body"))
        target = self._class_of(kind, scope) if kind is not None else ""
        if not target or target.startswith(".") or target.endswith("[]"):
            return [(child, scope) for child in node.named_children]
        inner = Scope(target, target, self._bounds(node, scope), scope)
        if trait is not None:
            self.inherits(target, trait, scope)
        return [(body, inner)] if body is not None else ()

    def _function(self, node: Any, scope: Scope) -> Inside:
        name = self.text(node.child_by_field_name("name"))
        is_method = scope.qualified == scope.owner
        parent = scope.qualified if scope.qualified in self._seen or not is_method else self.module
        inner = Scope(f"{scope.qualified}.{name}", scope.owner, self._bounds(node, scope), scope)
        held = self._class_of(node.child_by_field_name("return_type"), inner)
        self.define("function", name, scope.qualified, node, held, parent=parent)
        given, body = map(node.child_by_field_name, ("parameters", "body"))
        for parameter in given.named_children if given is not None else ():
            pattern, kind = map(parameter.child_by_field_name, ("pattern", "type"))
            self._bind(pattern, self._class_of(kind, inner), inner)
        if body is not None:
            self._declare(body, inner)
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
        self._declare(body, inner)
        return [(body, inner)]

    def _used(self, node: Any, scope: Scope) -> Inside:
        for target, _ in self._uses(node, scope):
            if target != self.module:
                self.references.add(self.module, "imports", target, node.start_point[0] + 1)
        return ()

    def _constant(self, node: Any, scope: Scope) -> Inside:
        kind = node.child_by_field_name("type")
        name = self.text(node.child_by_field_name("name"))
        self.define("variable", name, scope.qualified, node, self._class_of(kind, scope))
        return [(part, scope) for part in (kind, node.child_by_field_name("value")) if part is not None]

    def _let(self, node: Any, scope: Scope) -> Inside:
        pattern, kind = map(node.child_by_field_name, ("pattern", "type"))
        held = self._class_of(kind, scope) if kind is not None else self._value(node, scope)
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
        for parameter in given.named_children if given is not None else ():
            pattern = parameter.child_by_field_name("pattern") if parameter.type == "parameter" else parameter
            self._bind(pattern, self._class_of(parameter.child_by_field_name("type"), inner), inner)
        return [(child, inner) for child in node.named_children]

    def _macro(self, node: Any, scope: Scope) -> Inside:
        """Note what stands in a macro's arguments, which are tokens: a path and brackets are a call."""
        for tree in self.below(node, ("token_tree",)):
            self._tokens(tree, scope)
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
