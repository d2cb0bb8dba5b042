"""Read a Python file with the standard `ast`: what it defines, imports, calls, inherits and uses.

A name means what the scopes around it say. What a variable holds is followed where it is written down: a call of
a class, an annotation, an attribute that `__init__` assigns. Other receivers stay open (`.method`).
"""

import ast
import builtins
import sys
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from memory_router.engines.graph.extraction.modules import python_module
from memory_router.engines.graph.facts import Definition, Facts, References, Source, first_sentence

_BUILTINS = frozenset(dir(builtins))
# Its calls are in every file and tell nothing; its imports are kept.
_STANDARD = sys.stdlib_module_names
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# Too many objects have these for a bare receiver to tell anything.
_COMMON = frozenset(
    name for kind in (str, bytes, list, dict, set, int, float, object, BaseException) for name in dir(kind)
) | frozenset(
    ["close", "open", "read", "write", "readline", "flush", "group", "match", "run", "main", "name", "execute"]
)
_DEPTH = 60  # steps of one attribute chain; deeper ones are data


class _Scope(NamedTuple):
    """Hold one scope: its qualified name, the class that it belongs to, and what its names hold."""

    qualified: str
    owner: str
    names: dict[str, str]
    outer: "_Scope | None"


def facts(source: Source, raw: bytes | str) -> Facts:
    """Return what a Python file states.

    Args:
        source: names the file.
        raw: its content; bytes are decoded as their first lines declare.
    """
    module = python_module(source.path, source.root)
    is_package = source.path.endswith(("/__init__.py", "/__init__.pyi"))
    text = raw if isinstance(raw, str) else raw.decode("utf-8-sig", "replace")
    lines = text.split("\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(raw)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = f"it cannot be parsed: {type(error).__name__}"
        return Facts([Definition("module", _last(module), module, "", 1, len(lines))], problem=reason)
    reader = _Reader(module, is_package, lines, _summary(tree))
    reader.read(tree)
    return Facts(reader.definitions, reader.references.collected(), reader.bindings)


class _Reader:
    """Walk one tree, without recursion: generated code nests deeper than Python does."""

    def __init__(self, module: str, is_package: bool, lines: list[str], summary: str) -> None:
        self.module = module
        self.package = module if is_package else module.rpartition(".")[0]
        self.references = References(lines)
        self.bindings: dict[str, str] = {}
        self.definitions = [Definition("module", _last(module), module, "", 1, len(lines), summary)]
        self._attributes: dict[str, str] = {}  # class.attribute -> what it holds
        self._bases: dict[str, str] = {}
        self._seen: set[str] = set()

    def read(self, tree: ast.Module) -> None:
        top = _Scope(self.module, "", {}, None)
        self._declare(tree.body, top)
        todo: list[tuple[ast.AST, _Scope]] = [(node, top) for node in reversed(tree.body)]
        while todo:
            node, scope = todo.pop()
            todo.extend(reversed(list(self._visit(node, scope))))

    def _declare(self, body: list[ast.stmt], scope: _Scope) -> None:
        """Note what a block defines, before anything in it is read: functions call what stands below them."""
        for node in _flat(body):
            if isinstance(node, (ast.ClassDef, *_FUNCTIONS)):
                scope.names[node.name] = f"{scope.qualified}.{node.name}"
            elif scope.outer is None:
                for name in _assigned(node):
                    scope.names.setdefault(name, f"{scope.qualified}.{name}")
                    self._define("variable", name, scope, node, "")

    def _visit(self, node: ast.AST, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
        """Note what a node says, and yield what is to be read below it."""
        kind = type(node)
        if kind is ast.Name or kind is ast.Attribute:
            yield from self._used(node, scope, "uses")
        elif kind is ast.Call:
            yield from self._called(node, scope)  # type: ignore[arg-type]
        elif kind in (ast.Import, ast.ImportFrom):
            self._imported(node, scope)  # type: ignore[arg-type]
        elif kind is ast.ClassDef:
            yield from self._class(node, scope)  # type: ignore[arg-type]
        elif kind in _FUNCTIONS:
            yield from self._function(node, scope)  # type: ignore[arg-type]
        else:
            if kind in (ast.Assign, ast.AnnAssign, ast.With, ast.AsyncWith):
                self._held(node, scope)
            for child in ast.iter_child_nodes(node):
                yield child, scope

    def _define(self, kind: str, name: str, scope: _Scope, node: ast.stmt, summary: str) -> str:
        qualified = f"{scope.qualified}.{name}"
        if qualified not in self._seen:
            self._seen.add(qualified)
            line = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
            last = node.end_lineno or node.lineno
            self.definitions.append(Definition(kind, name, qualified, scope.qualified, line, last, summary))
        return qualified

    def _class(self, node: ast.ClassDef, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
        qualified = self._define("class", node.name, scope, node, _summary(node))
        scope.names[node.name] = qualified
        for base in node.bases:
            target = self._means(base.value if isinstance(base, ast.Subscript) else base, scope)
            if target and not target.startswith("."):
                self.references.add(qualified, "inherits", target, base.lineno)
                self._bases.setdefault(qualified, target)
            if isinstance(base, ast.Subscript):
                yield base.slice, scope
        # A class's names are not seen from its methods, so nothing is looked up in this scope but by its own body.
        inner = _Scope(qualified, qualified, {}, scope)
        self._attribute_types(node, qualified, scope)
        for child in [*node.decorator_list, *(keyword.value for keyword in node.keywords)]:
            yield child, inner
        for statement in node.body:
            yield statement, inner

    def _attribute_types(self, node: ast.ClassDef, qualified: str, scope: _Scope) -> None:
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                self._note_attribute(qualified, statement.target.id, self._annotated(statement.annotation, scope))
            elif isinstance(statement, _FUNCTIONS):
                parameters = {one.arg: self._annotated(one.annotation, scope) for one in _parameters(statement)}
                for assigned in statement.body:
                    if not isinstance(assigned, ast.Assign | ast.AnnAssign) or assigned.value is None:
                        continue
                    targets = assigned.targets if isinstance(assigned, ast.Assign) else [assigned.target]
                    value = assigned.value
                    held = parameters.get(value.id, "") if isinstance(value, ast.Name) else self._made(value, scope)
                    for target in targets:
                        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                            self._note_attribute(qualified, target.attr, held)

    def _note_attribute(self, owner: str, name: str, held: str) -> None:
        if held:
            self._attributes.setdefault(f"{owner}.{name}", held)

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope
    ) -> Iterator[tuple[ast.AST, _Scope]]:
        qualified = self._define("function", node.name, scope, node, _summary(node))
        outer = scope.outer if scope.qualified == scope.owner and scope.outer else scope
        names: dict[str, str] = {}
        inner = _Scope(qualified, scope.owner, names, outer)
        parameters = _parameters(node)
        for position, parameter in enumerate(parameters):
            held = self._annotated(parameter.annotation, outer)
            if position == 0 and scope.qualified == scope.owner and parameter.arg in ("self", "cls"):
                held = scope.owner
            names[parameter.arg] = held
        self._declare(node.body, inner)
        annotations = [parameter.annotation for parameter in parameters] + [node.returns]
        defaults = [*node.args.defaults, *node.args.kw_defaults]
        for child in [*node.decorator_list, *annotations, *defaults]:
            if child is not None:
                yield child, inner._replace(names={}, outer=outer)
        for statement in node.body:
            yield statement, inner

    def _held(self, node: ast.AST, scope: _Scope) -> None:
        """Follow what a variable of a function holds."""
        if scope.outer is None or scope.qualified == scope.owner:
            return
        if isinstance(node, ast.Assign):
            held = self._made(node.value, scope)
            for target in node.targets:
                for name in ast.walk(target):
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                        scope.names[name.id] = held if name is target else ""
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            scope.names[node.target.id] = self._annotated(node.annotation, scope)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if isinstance(item.optional_vars, ast.Name):
                    scope.names[item.optional_vars.id] = self._made(item.context_expr, scope)

    def _made(self, value: ast.expr, scope: _Scope) -> str:
        """Return the class of which an expression makes an instance, or nothing."""
        value = value.value if isinstance(value, ast.Await) else value
        if isinstance(value, ast.Call):
            target = self._means(value.func, scope)
            return target if target and _last(target)[:1].isupper() and not target.startswith(".") else ""
        if isinstance(value, ast.Name | ast.Attribute):
            target = self._means(value, scope)
            return "" if target.startswith(".") else target
        return ""

    def _annotated(self, annotation: ast.expr | None, scope: _Scope) -> str:
        """Return the class that an annotation names: the first of `X | None` and `Optional[X]`."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            name = annotation.value.strip()
            return self._looked_up(name, scope) if name.isidentifier() else ""
        if isinstance(annotation, ast.BinOp):
            return self._annotated(annotation.left, scope)
        if isinstance(annotation, ast.Subscript):
            outer = self._means(annotation.value, scope)
            return self._annotated(annotation.slice, scope) if _last(outer) == "Optional" else outer
        if isinstance(annotation, ast.Name | ast.Attribute):
            target = self._means(annotation, scope)
            return "" if target.startswith(".") else target
        return ""

    def _means(self, node: ast.expr, scope: _Scope) -> str:
        """Return what an expression denotes as a qualified name; `.step` if only its last step is known."""
        steps: list[str] = []
        while isinstance(node, ast.Attribute) and len(steps) < _DEPTH:
            steps.append(node.attr)
            node = node.value
        base = ""
        if isinstance(node, ast.Name):
            base = self._looked_up(node.id, scope)
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "super":
                base = self._bases.get(scope.owner, "")
            elif len(steps) < _DEPTH and isinstance(node.func, ast.Name | ast.Attribute):
                base = self._made(node, scope)
        for position, step in enumerate(reversed(steps)):
            if not base:
                return f".{steps[0]}"
            is_last = position == len(steps) - 1
            base = f"{base}.{step}" if is_last else self._attributes.get(f"{base}.{step}", f"{base}.{step}")
        return base

    def _looked_up(self, name: str, scope: _Scope) -> str:
        inner: _Scope | None = scope
        while inner:
            if name in inner.names:
                return inner.names[name]
            inner = inner.outer
        return self.bindings.get(name, "")

    def _called(self, node: ast.Call, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
        if isinstance(node.func, ast.Name | ast.Attribute):
            yield from self._used(node.func, scope, "calls")
        else:
            yield node.func, scope
        for argument in node.args:
            yield argument, scope
        for keyword in node.keywords:
            yield keyword.value, scope

    def _used(self, node: ast.AST, scope: _Scope, kind: str) -> Iterator[tuple[ast.AST, _Scope]]:
        assert isinstance(node, ast.Name | ast.Attribute)  # noqa: S101  # told by the caller
        if isinstance(node, ast.Attribute):
            below: ast.expr = node
            while isinstance(below, ast.Attribute):
                below = below.value
            if not isinstance(below, ast.Name):
                yield below, scope
        elif node.id in _BUILTINS and not self._looked_up(node.id, scope):
            return
        if not isinstance(node.ctx, ast.Load):
            return
        target = self._means(node, scope)
        if not target or target == scope.qualified or target in (scope.owner, self.module):
            return
        if target.partition(".")[0] in _STANDARD and not self.module.startswith(target.partition(".")[0]):
            return
        if target.startswith(".") and (kind != "calls" or target[1:] in _COMMON or target.startswith(".__")):
            return
        self.references.add(scope.qualified, kind, target, node.lineno)

    def _imported(self, node: ast.Import | ast.ImportFrom, scope: _Scope) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.references.add(self.module, "imports", alias.name, node.lineno)
                local, meant = (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
                self._bind(local, meant, scope)
            return
        base = node.module or ""
        if node.level:
            steps = self.package.split(".") if self.package else []
            kept = steps[: len(steps) - node.level + 1]
            if node.level > len(steps) + 1:
                return
            base = ".".join([*kept, *([base] if base else [])])
        for number, alias in enumerate(node.names):
            if alias.name == "*":
                self.references.add(self.module, "imports", base, node.lineno)
                self.bindings[f"*{node.lineno}.{number}"] = base
                continue
            target = f"{base}.{alias.name}" if base else alias.name
            self.references.add(self.module, "imports", target, getattr(alias, "lineno", node.lineno))
            self._bind(alias.asname or alias.name, target, scope)

    def _bind(self, name: str, target: str, scope: _Scope) -> None:
        if scope.outer is not None:
            scope.names[name] = target
        self.bindings.setdefault(name, target)


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a block, also those under a condition."""
    todo = list(reversed(body))
    while todo:
        node = todo.pop()
        yield node
        for field in ("body", "orelse", "handlers", "finalbody"):
            if isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
                todo.extend(reversed(getattr(node, field, [])))


def _assigned(node: ast.stmt) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    for target in targets:
        if isinstance(target, ast.Name) and not target.id.startswith("__"):
            yield target.id


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    given = node.args
    extra = [one for one in (given.vararg, given.kwarg) if one]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *extra]


def _summary(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return first_sentence(ast.get_docstring(node, clean=False) or "")


def _last(target: str) -> str:
    return target.rpartition(".")[2]
