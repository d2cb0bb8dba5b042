"""Resolve names and types of Rust: a module is called by its path, a crate by the folder of its root."""

import os
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from memory_router.engines.graph.extraction.crates import crate_of, crates, own_folder, spread
from memory_router.engines.graph.extraction.scopes import Scope
from memory_router.engines.graph.extraction.syntax import SyntaxReader
from memory_router.engines.graph.facts import Source

CLASSES = ("struct_item", "enum_item", "trait_item", "union_item", "type_item")
FUNCTIONS = ("function_item", "function_signature_item")
_POINTING = frozenset(
    ["reference_type", "pointer_type", "abstract_type", "dynamic_type", "bracketed_type", "qualified_type"]
)
_HOLDING = ("Box", "Rc", "Arc", "Option", "Result", "RefCell", "Mutex", "RwLock", "Ref", "RefMut", "MutexGuard", "Pin")
_MAPS = ("HashMap", "BTreeMap", "IndexMap", "DashMap")
_LISTS = (
    "Vec", "VecDeque", "HashSet", "BTreeSet", "LinkedList", "BinaryHeap", "Iterator", "IntoIterator",
    "DoubleEndedIterator", "ExactSizeIterator", "Stream",
)  # fmt: skip
_THROUGH = (
    "unwrap", "expect", "clone", "as_ref", "as_mut", "borrow", "borrow_mut", "lock", "unwrap_or_default", "to_owned",
)  # fmt: skip


class RustNames(SyntaxReader):
    """Look up what one file of Rust knows by name."""

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
    LAMBDAS = frozenset(["closure_expression"])

    def __init__(self, source: Source, raw: bytes) -> None:
        super().__init__(source, raw)
        self.crate = crate_of(source.path, source.root)
        self.folder = own_folder(self.module, source.path, self.crate)

    def declare(self, root: Any) -> None:
        """Note what the file imports and defines before it is read."""
        self.declare_block(root, self.top)

    def declare_block(self, block: Any, scope: Scope) -> None:
        """Note what a block defines and uses before anything in it is read."""
        for node in block.named_children:
            name = self.text(node.child_by_field_name("name"))
            if node.type == "mod_item" and node.child_by_field_name("body") is None:
                self.bindings[name] = self._submodule(node, name)
            elif node.type in (*CLASSES, *FUNCTIONS, "mod_item", "const_item", "static_item") and name:
                scope.names[name] = f"{scope.qualified}.{name}"
        for node in block.named_children:
            if node.type == "use_declaration":
                for target, local in self.uses(node, scope):
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

    def uses(self, node: Any, scope: Scope) -> Iterator[tuple[str, str]]:
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
            return self.class_of(node, scope)
        if node.type == "index_expression":
            return self.element(self.means(node.named_children[0], scope))
        return ""

    def valued(self, call: Any) -> Any:
        """Return the node that says what a call gives: what only unpacks a value leaves its type."""
        called = super().valued(call)
        if called is not None and self.text(called.child_by_field_name("field")) in _THROUGH:
            return called.child_by_field_name("value")
        return called

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
        return super().means(node, scope)

    def class_of(self, kind: Any, scope: Scope) -> str:
        """Return the type that is named, with `[]` for lists of it and `{}` for maps."""
        lists = ""
        while kind is not None:
            if kind.type in _POINTING:
                kind = kind.child_by_field_name("type") or next(iter(kind.named_children), None)
            elif kind.type == "array_type":
                kind, lists = kind.child_by_field_name("element"), f"[]{lists}"
            elif kind.type == "generic_type":
                outer, given = map(kind.child_by_field_name, ("type", "type_arguments"))
                name = self.text(outer).rpartition("::")[2]
                if name not in (*_HOLDING, *_LISTS, *_MAPS) or given is None:
                    kind = outer
                    continue
                lists = f"{'[]' if name in _LISTS else '{}' if name in _MAPS else ''}{lists}"
                inside = [argument for argument in given.named_children if argument.type != "lifetime"]
                kind = inside[-1 if name in _MAPS else 0] if inside else None
                if kind is not None and kind.type == "type_binding":  # `Iterator<Item = Type>`
                    kind = kind.child_by_field_name("type")
            elif kind.type in ("type_identifier", "scoped_type_identifier"):
                held = self.means(kind, scope)
                return held + lists if held else ""
            else:
                return ""
        return ""

    def bounds(self, node: Any, scope: Scope) -> dict[str, str]:
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
        named = (self.class_of(kind, scope) for kind in traits if kind.type not in ("lifetime", "removed_trait_bound"))
        return next(filter(None, named), "")
