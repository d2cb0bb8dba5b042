"""Resolve names and expressions of Python in the scopes of one file.

A name means what the scopes around it say. What a variable holds is followed where it is written down: a call, an
annotation, an attribute that a method assigns; of lists (`Type[]`) and of maps (`Type{}`) to their elements. Other
receivers stay open (`.method`).
"""

import ast
import builtins
import re
from collections.abc import Iterator
from typing import Any

from memory_router.engines.graph.extraction.scopes import Scope

_BUILT_IN = frozenset(dir(builtins))
_LITERALS = (
    ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp,
    ast.GeneratorExp,
)  # fmt: skip
_TYPE = re.compile(r"[\w.\[\], |]{1,500}")  # an annotation in quotation marks
_DEPTH = 60  # steps of one attribute chain; deeper ones are data
_LISTS = frozenset(
    """
    AsyncGenerator AsyncIterable AsyncIterator Collection Deque FrozenSet Generator Iterable Iterator List
    MutableSequence MutableSet Sequence Set Tuple deque frozenset list set tuple
    """.split()  # noqa: SIM905
)
_MAPS = frozenset(["DefaultDict", "Dict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict", "dict"])
_SAME_ELEMENTS = frozenset(["frozenset", "iter", "list", "reversed", "set", "sorted", "tuple"])
_WRAPPED = frozenset(["Annotated", "Awaitable", "ClassVar", "Final", "Optional", "Required", "Type", "type"])


class PythonNames:
    """Look up what expressions of one file denote.

    Args:
        module: the name under which the file is imported.
    """

    def __init__(self, module: str) -> None:
        self.module = module
        self.bindings: dict[str, str] = {}
        self.bases: dict[str, str] = {}
        self.is_open = False  # whether the file takes all names of another module

    def looked_up(self, name: str, scope: Scope) -> str:
        """Return what a name denotes in a scope, or nothing."""
        meaning = scope.meaning(name)
        if meaning is not None:
            return meaning
        if f"{name}#2" in self.bindings:
            return f"{self.module}.{name}"
        if name in self.bindings or name in _BUILT_IN:
            return self.bindings.get(name) or f"builtins.{name}"
        return f"{self.module}.{name}" if self.is_open else ""

    def means(self, node: ast.expr, scope: Scope) -> str:
        """Return what an expression denotes as a qualified name; `.step` if only its last step is known."""
        steps: list[str] = []
        while isinstance(node, ast.Attribute) and len(steps) < _DEPTH:
            if node.attr != "__class__":  # what is looked for in an instance is looked for in its class
                steps.append(node.attr)
            node = node.value
        base = ""
        if isinstance(node, ast.Name):
            base = self.looked_up(node.id, scope)
        elif isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            if called == "super":
                base = self.bases.get(scope.owner, "")
            elif called == "type" and len(node.args) == 1 and isinstance(node.args[0], ast.Name):
                base = self.looked_up(node.args[0].id, scope)
            elif len(steps) < _DEPTH and isinstance(node.func, ast.Name | ast.Attribute):
                base = self.made(node, scope)
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name | ast.Attribute):
            base = self._element(self._known(node.value, scope), "[*]")
        elif isinstance(node, _LITERALS):
            base = "builtins.object"
        if not base:
            return f".{steps[0]}" if steps else ""
        return ".".join([base, *reversed(steps)])

    def made(self, value: ast.expr, scope: Scope) -> str:
        """Return what an expression denotes: the class of an instance, or what is called; nothing if it is open."""
        value = value.value if isinstance(value, ast.Await) else value
        value = value.func if isinstance(value, ast.Call) else value
        if isinstance(value, _LITERALS):
            return "builtins.object"
        return self._known(value, scope) if isinstance(value, ast.Name | ast.Attribute | ast.Subscript) else ""

    def annotated(self, annotation: ast.expr | None, scope: Scope, owner: str = "") -> str:
        """Return the class that an annotation names: the first of `X | None`, with `[]` for lists, `{}` for maps."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            if not _TYPE.fullmatch(annotation.value):
                return ""
            try:
                return self.annotated(ast.parse(annotation.value, mode="eval").body, scope, owner)
            except (SyntaxError, RecursionError, MemoryError):
                return ""
        if isinstance(annotation, ast.BinOp):
            return self.annotated(annotation.left, scope, owner) or self.annotated(annotation.right, scope, owner)
        if isinstance(annotation, ast.Subscript):
            return self._generic(annotation, scope, owner)
        if isinstance(annotation, ast.Name) and annotation.id == "Self":
            return owner
        return self._known(annotation, scope) if isinstance(annotation, ast.Name | ast.Attribute) else ""

    def bound(self, value: ast.expr, scope: Scope) -> str:
        """Return the class that a `TypeVar` is bound to or a `NewType` made of, else nothing."""
        if not isinstance(value, ast.Call):
            return ""
        name = self.means(value.func, scope).rpartition(".")[2]
        if name == "TypeVar":
            return next((self.annotated(given.value, scope) for given in value.keywords if given.arg == "bound"), "")
        return self.annotated(value.args[1], scope) if name == "NewType" and len(value.args) > 1 else ""

    def looped(self, target: ast.expr, value: ast.expr, scope: Scope) -> Iterator[tuple[str, str]]:
        """Yield the names that a loop binds, each with what it holds: an element of what is looped over."""
        called = value.func if isinstance(value, ast.Call) else None
        elements, second = "", ""
        if isinstance(called, ast.Attribute) and called.attr in ("values", "items", "keys"):
            inside = self._element(self._known(called.value, scope), "{}")
            elements, second = (inside, "") if called.attr == "values" else ("", inside)
        elif isinstance(called, ast.Name) and isinstance(value, ast.Call) and value.args:
            inside = self._element(self._known(value.args[0], scope), "[]")
            if called.id == "enumerate":
                second = inside
            elements = inside if called.id in _SAME_ELEMENTS else ""
        elements = elements or ("" if second else self._element(self.made(value, scope), "[]"))
        if isinstance(target, ast.Name):
            yield target.id, elements
            return
        for name in ast.walk(target):
            if isinstance(name, ast.Name):
                is_second = isinstance(target, ast.Tuple) and len(target.elts) == 2 and target.elts[1] is name
                yield name.id, second if is_second else ""

    def _known(self, node: ast.expr, scope: Scope) -> str:
        target = self.means(node, scope)
        return "" if target.startswith(".") else target

    def _generic(self, annotation: ast.Subscript, scope: Scope, owner: str) -> str:
        outer = self._known(annotation.value, scope)
        name = outer.rpartition(".")[2] or getattr(annotation.value, "id", "")
        given: Any = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        if name in _WRAPPED or name == "Union":
            return next(filter(None, (self.annotated(part, scope, owner) for part in given)), "")
        mark = "[]" if name in _LISTS else "{}" if name in _MAPS else ""
        element = self.annotated(given[-1 if mark == "{}" else 0], scope, owner) if mark and given else ""
        return element + mark if element else outer

    def _element(self, held: str, mark: str) -> str:
        """Return what an element of a list (`[]`), a map (`{}`) or either (`[*]`) is, by what it is an element of."""
        if held.endswith(("[]", "{}")):
            return held[:-2] if mark in (held[-2:], "[*]") else ""
        return f"{held}{mark}" if held and not held.startswith("builtins.") else ""
