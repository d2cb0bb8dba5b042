"""Read a Python file with the standard `ast`: what it defines, imports, calls, inherits and uses.

What its names and expressions denote is told by `python_names`.
"""

import ast
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from memory_router.engines.graph.extraction.modules import namespace_packages, python_module
from memory_router.engines.graph.extraction.python_names import PythonNames
from memory_router.engines.graph.extraction.scopes import Scope
from memory_router.engines.graph.facts import Definition, Facts, References, Source, first_sentence

# Its calls are in every file and tell nothing; its imports are kept.
_STANDARD = sys.stdlib_module_names
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINING = (ast.ClassDef, *_FUNCTIONS)
_HOLDING = frozenset([ast.Assign, ast.AnnAssign, ast.With, ast.AsyncWith, ast.For, ast.AsyncFor])
_ENCLOSING = frozenset([ast.If, ast.Try, ast.With, ast.ExceptHandler])
# Sorts of nodes that may hold names, with the fields that do, the last first: half of all nodes are of other sorts.
_FIELDS: dict[Any, tuple[str, ...]] = {
    kind: tuple(field for field in reversed(kind._fields) if field not in ("ctx", "op", "ops"))
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and kind._fields and not issubclass(kind, ast.Constant)
}


_Inside = Sequence[tuple[ast.AST, Scope]]  # what is to be read below a node, in order
_NOTHING: _Inside = ()


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
    for package in namespace_packages(source.path, module):
        reader.references.add(module, "within", package, 1)
    return Facts(reader.definitions, reader.references.collected(), reader.bindings)


_GIVING_ELEMENTS = ("contextmanager", "asynccontextmanager")  # what such a function yields is what `with` gives


class _Reader(PythonNames):
    """Walk one tree, without recursion: generated code nests deeper than Python does."""

    def __init__(self, module: str, is_package: bool, lines: list[str], summary: str) -> None:
        super().__init__(module)
        self.package = module if is_package else module.rpartition(".")[0]
        self.references = References(lines)
        self.definitions = [Definition("module", _last(module), module, "", 1, len(lines), summary)]
        self._seen: dict[str, int] = {}  # qualified name -> its place among the definitions
        self._readers: dict[type, Callable[[Any, Scope], _Inside]] = {
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.ClassDef: self._class,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.Return: self._return,
            **dict.fromkeys((ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp), self._comprehension),
        }

    def read(self, tree: ast.Module) -> None:
        top = Scope(self.module, "", {}, None)
        self._declare(tree.body, top)
        todo: list[tuple[ast.AST, Scope]] = [(node, top) for node in reversed(tree.body) if node.__class__ in _FIELDS]
        while todo:
            node, scope = todo.pop()
            kind = node.__class__
            if read := self._readers.get(kind):
                if inside := read(node, scope):
                    todo.extend([pair for pair in reversed(inside) if pair[0].__class__ in _FIELDS])
                continue
            if kind in _HOLDING:
                self._held(node, scope)
            for field in _FIELDS[kind]:
                value: Any = getattr(node, field)
                if value.__class__ is list:
                    todo.extend([(child, scope) for child in reversed(value) if child.__class__ in _FIELDS])
                elif value.__class__ in _FIELDS:
                    todo.append((value, scope))

    def _declare(self, body: list[ast.stmt], scope: Scope) -> None:
        """Note what a block defines, before anything in it is read: functions call what stands below them."""
        for node in _flat(body):
            if isinstance(node, _DEFINING):
                scope.names[node.name] = f"{scope.qualified}.{node.name}"
            elif scope.outer is None:
                for name in _assigned(node):
                    scope.names.setdefault(name, f"{scope.qualified}.{name}")
                    self._define("variable", name, scope, node)

    def _define(self, kind: str, name: str, scope: Scope, node: ast.stmt, summary: str = "", held: str = "") -> str:
        qualified = f"{scope.qualified}.{name}"
        if qualified not in self._seen:
            self._seen[qualified] = len(self.definitions)
            line = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
            last = node.end_lineno or node.lineno
            own = Definition(kind, name, qualified, scope.qualified, line, last, summary, type=held)
            self.definitions.append(own)
        return qualified

    def _class(self, node: ast.ClassDef, scope: Scope) -> _Inside:
        qualified = self._define("class", node.name, scope, node, _summary(node))
        scope.names[node.name] = qualified
        for base in node.bases:
            target = self.means(base.value if isinstance(base, ast.Subscript) else base, scope)
            if target and not target.startswith((".", "builtins.")):
                self.references.add(qualified, "inherits", target, base.lineno)
                self.bases.setdefault(qualified, target)
        # A class's names are not seen from its methods, so nothing is looked up in this scope but by its own body.
        inner = Scope(qualified, qualified, {}, scope)
        self._attribute_types(node, qualified, scope)
        slices = [base.slice for base in node.bases if isinstance(base, ast.Subscript)]
        keywords = [keyword.value for keyword in node.keywords]
        return [(argument, scope) for argument in slices] + [
            (child, inner) for child in (*node.decorator_list, *keywords, *node.body)
        ]

    def _attribute_types(self, node: ast.ClassDef, qualified: str, scope: Scope) -> None:
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                held = self.annotated(statement.annotation, scope)
                self._note_attribute(qualified, statement.target.id, held, statement)
            elif isinstance(statement, _FUNCTIONS):
                parameters = {
                    parameter.arg: self.annotated(parameter.annotation, scope) for parameter in _parameters(statement)
                }
                for assigned in _flat(statement.body):
                    if not isinstance(assigned, ast.Assign | ast.AnnAssign) or assigned.value is None:
                        continue
                    targets = assigned.targets if isinstance(assigned, ast.Assign) else [assigned.target]
                    value = assigned.value
                    held = parameters.get(value.id, "") if isinstance(value, ast.Name) else self.made(value, scope)
                    if isinstance(assigned, ast.AnnAssign):
                        held = self.annotated(assigned.annotation, scope) or held
                    for target in targets:
                        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                            self._note_attribute(qualified, target.attr, held, assigned)

    def _note_attribute(self, owner: str, name: str, held: str, node: ast.stmt) -> None:
        if held and not held.startswith("builtins."):
            self._define("variable", name, Scope(owner, owner, {}, None), node, held=held)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> _Inside:
        outer = scope.outer if scope.qualified == scope.owner and scope.outer else scope
        held = self.annotated(node.returns, outer, scope.owner)
        if any(_last(ast.unparse(decorator)) in _GIVING_ELEMENTS for decorator in node.decorator_list):
            held = held.removesuffix("[]")
        qualified = self._define("function", node.name, scope, node, _summary(node), held)
        names: dict[str, str] = {}
        inner = Scope(qualified, scope.owner, names, outer)
        parameters = _parameters(node)
        for position, parameter in enumerate(parameters):
            held = self.annotated(parameter.annotation, outer)
            if position == 0 and scope.qualified == scope.owner and parameter.arg in ("self", "cls"):
                held = scope.owner
            names[parameter.arg] = held
        self._declare(node.body, inner)
        annotations = [parameter.annotation for parameter in parameters] + [node.returns]
        defaults = [*node.args.defaults, *node.args.kw_defaults]
        signature = Scope(qualified, scope.owner, {}, outer)
        said = [(child, signature) for child in (*node.decorator_list, *annotations, *defaults) if child is not None]
        return said + [(statement, inner) for statement in node.body]

    def _return(self, node: ast.Return, scope: Scope) -> _Inside:
        """Follow what a function returns that does not declare it."""
        at = self._seen.get(scope.qualified)
        if at is None or node.value is None:
            return [(node.value, scope)] if node.value is not None else _NOTHING
        own = self.definitions[at]
        if own.kind == "function" and not own.type:
            held = self.made(node.value, scope)
            self.definitions[at] = own._replace(type="" if held in (own.qualified, self.module) else held)
        return [(node.value, scope)]

    def _held(self, node: ast.AST, scope: Scope) -> None:
        """Follow what a variable holds."""
        if scope.qualified == scope.owner:
            return
        if scope.outer is None and isinstance(node, ast.Assign | ast.AnnAssign):
            self._held_by_module(node, scope)
        elif isinstance(node, ast.Assign):
            held = self.made(node.value, scope)
            for target in node.targets:
                if isinstance(target, ast.Name):
                    scope.names[target.id] = held
                elif not isinstance(target, ast.Attribute):
                    stored = (name for name in ast.walk(target) if isinstance(name, ast.Name))
                    scope.names.update((name.id, "") for name in stored if isinstance(name.ctx, ast.Store))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            scope.names[node.target.id] = self.annotated(node.annotation, scope)
        elif isinstance(node, ast.For | ast.AsyncFor):
            scope.names.update(self.looped(node.target, node.iter, scope))
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if isinstance(item.optional_vars, ast.Name):
                    scope.names[item.optional_vars.id] = self.made(item.context_expr, scope)

    def _held_by_module(self, node: ast.Assign | ast.AnnAssign, scope: Scope) -> None:
        """Note what a variable of the module holds; `=name` if it is another name of that."""
        if isinstance(node, ast.AnnAssign):
            held = self.annotated(node.annotation, scope)
        else:
            held = self.bound(node.value, scope) or self.made(node.value, scope)
            held = f"={held}" if held and isinstance(node.value, ast.Name | ast.Attribute) else held
        for name in _assigned(node):
            at = self._seen.get(f"{scope.qualified}.{name}")
            own = None if at is None else self.definitions[at]
            if at is not None and own and own.kind == "variable" and not own.type:
                is_known = not held.lstrip("=").startswith("builtins.") and held.lstrip("=") != own.qualified
                self.definitions[at] = own._replace(type=held if is_known else "")

    def _comprehension(self, node: Any, scope: Scope) -> _Inside:
        inner = Scope(scope.qualified, scope.owner, {}, scope)
        inside: list[tuple[ast.AST, Scope]] = []
        for clause in node.generators:
            inner.names.update(self.looped(clause.target, clause.iter, inner))
            inside += [(clause.iter, inner), *((condition, inner) for condition in clause.ifs)]
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        return inside + [(result, inner) for result in results]

    def _name(self, node: ast.Name, scope: Scope, kind: str = "uses") -> _Inside:
        if node.ctx.__class__ is ast.Load and (target := self.looked_up(node.id, scope)):
            self._refer(target, node, scope, kind)
        return _NOTHING

    def _attribute(self, node: ast.Attribute, scope: Scope, kind: str = "uses") -> _Inside:
        if node.ctx.__class__ is ast.Load and (target := self.means(node, scope)):
            self._refer(target, node, scope, kind)
        below: ast.expr = node
        while isinstance(below, ast.Attribute):
            below = below.value
        return _NOTHING if below.__class__ is ast.Name else [(below, scope)]

    def _call(self, node: ast.Call, scope: Scope) -> _Inside:
        called = node.func
        inside = [(argument, scope) for argument in (*node.args, *[keyword.value for keyword in node.keywords])]
        if isinstance(called, ast.Name):
            if called.id == "isinstance" and len(node.args) == 2 and isinstance(node.args[0], ast.Name):
                self._narrowed(node.args[0].id, node.args[1], scope)
            self._name(called, scope, "calls")
            return inside
        below = self._attribute(called, scope, "calls") if isinstance(called, ast.Attribute) else [(called, scope)]
        return [*below, *inside]

    def _narrowed(self, name: str, kind: ast.expr, scope: Scope) -> None:
        """Note of what class a variable is of which nothing else is known; of several, the first."""
        if scope.names.get(name) == "":
            scope.names[name] = self.annotated(
                kind.elts[0] if isinstance(kind, ast.Tuple) and kind.elts else kind, scope
            )

    def _refer(self, target: str, node: ast.expr, scope: Scope, kind: str) -> None:
        """Note what an expression denotes, unless that is nothing worth knowing."""
        if target in (scope.qualified, scope.owner, self.module):
            return
        top = target.partition(".")[0]
        if target.endswith(("[]", "{}", "[*]")):
            return  # the list itself is of no class of ours
        if top in _STANDARD and not self.module.startswith(top):
            return
        if not top and (kind != "calls" or target.startswith(".__")):
            return
        self.references.add(scope.qualified, kind, target, node.lineno)

    def _import(self, node: ast.Import, scope: Scope) -> _Inside:
        for alias in node.names:
            self.references.add(self.module, "imports", alias.name, node.lineno)
            local, meant = (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
            self._bind(local, meant, scope)
        return []

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> _Inside:
        base = node.module or ""
        if node.level:
            steps = self.package.split(".") if self.package else []
            if node.level > len(steps) + 1:
                return []
            kept = steps[: len(steps) - node.level + 1]
            base = ".".join([*kept, *([base] if base else [])])
        for number, alias in enumerate(node.names):
            if alias.name == "*":
                self.references.add(self.module, "imports", base, node.lineno)
                self.bindings[f"*{node.lineno}.{number}"] = base
                self.is_open = True
                continue
            target = f"{base}.{alias.name}" if base else alias.name
            self.references.add(self.module, "imports", target, alias.lineno)
            self._bind(alias.asname or alias.name, target, scope)
        return []

    def _bind(self, name: str, target: str, scope: Scope) -> None:
        if scope.outer is not None:
            scope.names[name] = target
        elif self.bindings.get(name, target) != target:
            self.bindings[f"{name}#2"] = target  # under another condition
        self.bindings.setdefault(name, target)


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a block, also those under a condition."""
    todo = list(reversed(body))
    while todo:
        node = todo.pop()
        yield node
        if node.__class__ in _ENCLOSING:
            for field in ("body", "orelse", "handlers", "finalbody"):
                todo.extend(reversed(getattr(node, field, [])))


def _assigned(node: ast.stmt) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    for target in targets:
        if isinstance(target, ast.Name) and not target.id.startswith("__"):
            yield target.id


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    given = node.args
    extra = [parameter for parameter in (given.vararg, given.kwarg) if parameter]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *extra]


def _summary(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return first_sentence(ast.get_docstring(node, clean=False) or "")


def _last(target: str) -> str:
    return target.rpartition(".")[2]
