"""Read syntax trees: what names mean in their scope, and what a file says of them. Languages are subclasses.

A module is named by its path below the root (`web/src/api/client`), a thing in it as its language names it. What a
variable holds is followed where it is written down; a receiver of which nothing is known stays open (`.method`).
A name may also mean what a function returns or a variable holds: `store.open.save` is `save` of what `open` returns.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from memory_router.engines.graph.extraction.modules import module_path
from memory_router.engines.graph.extraction.scopes import Scope
from memory_router.engines.graph.facts import Definition, Facts, References, Source, first_sentence, last_step

_DEPTH = 60  # steps of one chain of members; deeper ones are data


# Values of a language's own types: what is called on them is nothing of ours.
_LITERALS = frozenset(
    [
        "string", "template_string", "number", "regex", "array", "object", "string_literal", "raw_string_literal",
        "interpreted_string_literal", "char_literal", "integer_literal", "float_literal", "array_expression",
        "decimal_integer_literal", "boolean_literal", "arrow_function", "function_expression",
    ]
)  # fmt: skip
# Methods of lists and maps in several languages: those that give an element, those that give the list again, and those
# that call a function with each element.
_GETTERS = frozenset(
    """
    at find first first_mut get get_mut getFirst getLast getOrDefault last last_mut next orElse orElseThrow peek poll
    pop remove shift
    """.split()  # noqa: SIM905
)
_PASSING = frozenset(
    """
    chain cloned concat copied drain filter into_iter iter iter_mut iterator parallelStream reversed rev slice sorted
    stream toSorted
    """.split()  # noqa: SIM905
)
_EACH = frozenset(
    """
    all allMatch any anyMatch every filter filter_map find findFirst findIndex flatMap flat_map forEach for_each
    ifPresent map noneMatch peek position removeIf retain some
    """.split()  # noqa: SIM905
)
Inside = Iterable[tuple[Any, Scope]]


class SyntaxReader:
    """Walk one tree, without recursion; a subclass says what the nodes of its language are.

    Args:
        source: names the file.
        raw: its content in UTF-8.
    """

    NAMES: ClassVar[frozenset[str]] = frozenset(["identifier", "type_identifier"])
    MEMBERS: ClassVar[dict[str, tuple[str, str]]] = {}  # a node that names a member: fields of its owner, of the name
    CALLS: ClassVar[dict[str, str]] = {}  # a node that calls: the field of what is called
    SAME: ClassVar[frozenset[str]] = frozenset(["parenthesized_expression"])  # nodes that mean their first child
    SELF: ClassVar[frozenset[str]] = frozenset(["this"])
    INVOKED: ClassVar[frozenset[str]] = frozenset()  # nodes that name a member and call it in one
    LAMBDAS: ClassVar[frozenset[str]] = frozenset()  # functions without a name

    def __init__(self, source: Source, raw: bytes) -> None:
        self.source = source
        self.raw = raw
        self.module = module_path(source.path, source.root)
        self.lines = raw.decode("utf-8", "replace").split("\n")
        self.references = References(self.lines)
        self.bindings: dict[str, str] = {}
        self.definitions = [Definition("module", os.path.basename(self.module), self.module, "", 1, len(self.lines))]
        self.top = Scope(self.module, "", {}, None)
        self.handlers: dict[str, Callable[[Any, Scope], Inside]] = {
            **dict.fromkeys(self.NAMES, self.name),
            **dict.fromkeys(self.MEMBERS, self.member),
            **dict.fromkeys(self.CALLS, self.call),
        }
        self.given: dict[int, str] = {}  # what functions without a name are given, by where they begin
        self._seen: dict[str, int] = {}
        self._bases: dict[str, str] = {}

    def facts(self, root: Any) -> Facts:
        """Return what a tree states."""
        self.declare(root)
        self.walk([(root, self.top)])
        return Facts(self.definitions, self.references.collected(), self.bindings)

    def declare(self, root: Any) -> None:
        """Note imports and the module's own names first: they are used above where they stand."""
        raise NotImplementedError

    def walk(self, nodes: Inside) -> None:
        """Read nodes and what is below them, in order."""
        todo = list(nodes)
        todo.reverse()
        handlers = self.handlers
        while todo:
            node, scope = todo.pop()
            handler = handlers.get(node.type)
            below = handler(node, scope) if handler else [(child, scope) for child in node.named_children]
            if below:
                todo.extend(reversed(list(below)))

    def define(self, kind: str, name: str, scope: str, node: Any, held: str = "", *, parent: str | None = None) -> str:
        """Note a definition and return its qualified name; the first of a name counts.

        Args:
            kind: `class`, `function` or `variable`.
            name: what it is called.
            scope: the qualified name of what its own begins with.
            node: where it stands.
            held: what a variable holds or a function returns.
            parent: what encloses it, if that is called otherwise.
        """
        qualified = f"{scope}.{name}"
        first, last = node.start_point[0] + 1, node.end_point[0] + 1
        above = scope if parent is None else parent
        own = Definition(kind, name, qualified, above, first, last, self._comment(node), type=held)
        if qualified not in self._seen:
            self._seen[qualified] = len(self.definitions)
            self.definitions.append(own)
            return qualified
        at = self._seen[qualified]
        before = self.definitions[at]
        if kind == "function" and before.kind == "variable":  # a field with a method that reads it
            self.definitions[at] = own._replace(type=held or before.type)
        elif held and not before.type:
            self.definitions[at] = before._replace(type=held)
        return qualified

    def returns(self, function: str, held: str) -> None:
        """Note what a function returns, where it does not declare it."""
        at = self._seen.get(function)
        if at is not None and held and not self.definitions[at].type and self.definitions[at].kind == "function":
            self.definitions[at] = self.definitions[at]._replace(type=held)

    def element(self, held: str, mark: str = "[]") -> str:
        """Return what an element of a list or a map is, by its type or what denotes it."""
        if held.startswith("."):
            return ""
        return held[:-2] if held.endswith(("[]", "{}")) else f"{held}{mark}" if held else ""

    def hand_elements(self, owner: Any, name: str, arguments: Any, scope: Scope) -> None:
        """Note what functions are given that a method of a list calls with each of its elements."""
        if name not in _EACH or owner is None or arguments is None:
            return
        for argument in arguments.named_children:
            if argument.type in self.LAMBDAS:
                self.given[argument.start_byte] = self.element(self.means(owner, scope), "[?]")

    def inherits(self, qualified: str, base: Any, scope: Scope) -> None:
        """Note a base of a class."""
        target = self.means(base, scope)
        if target and not target.startswith(".") and target != qualified:
            self.references.add(qualified, "inherits", target, base.start_point[0] + 1)
            self._bases.setdefault(qualified, target)

    def means(self, node: Any, scope: Scope) -> str:
        """Return what an expression or a type denotes; `.step` if only its last step is known, else empty."""
        steps: list[str] = []
        base = ""
        is_value = node.type in self.CALLS or node.type in self.INVOKED
        for _ in range(_DEPTH):
            kind = node.type
            if kind in self.NAMES:
                base = self.looked_up(self.text(node), scope)
                break
            if kind in self.MEMBERS:
                owner, name = map(node.child_by_field_name, self.MEMBERS[kind])
                if name is None:
                    return ""
                steps.append(self.text(name))
                if owner is None:
                    base = self.unqualified(steps.pop(), scope)
                    break
                node = owner
            elif kind in self.CALLS:
                node = self.valued(node)
            elif kind in self.SELF or kind == "super":
                base = scope.owner if kind in self.SELF else self._bases.get(scope.owner, "")
                break
            elif kind in self.SAME and node.named_children:
                node = node.named_children[0]
            else:
                base = self.other(node, scope)
                break
            if node is None:
                break
        if node is None or node.type in _LITERALS:
            return ""
        if base:
            return _followed(base, steps, is_value=is_value)
        return f".{steps[0]}" if steps and steps[0].isidentifier() else ""

    def valued(self, call: Any) -> Any:
        """Return the node that says what a call gives: what is called."""
        return call.child_by_field_name(self.CALLS[call.type])

    def other(self, node: Any, scope: Scope) -> str:  # noqa: ARG002  # for subclasses
        """Return what any other sort of node denotes."""
        return ""

    def unqualified(self, name: str, scope: Scope) -> str:
        """Return what a call without a receiver denotes."""
        return self.looked_up(name, scope)

    def looked_up(self, name: str, scope: Scope) -> str:
        """Return what a name denotes in a scope, or nothing."""
        meaning = scope.meaning(name)
        if meaning is not None:
            return meaning
        return self.bindings.get(name) or self.foreign(name)

    def foreign(self, name: str) -> str:  # noqa: ARG002  # for subclasses
        """Return what a name denotes that the file itself does not make known."""
        return ""

    def is_declared(self, name: str, scope: Scope) -> bool:
        """Return whether a scope or one around it has a name, known or not."""
        return scope.meaning(name) is not None or name in self.bindings

    def is_variable(self, name: str, scope: Scope) -> bool:
        """Return whether a name is one of a function's own variables."""
        inner: Scope | None = scope
        while inner and inner.outer:
            if name in inner.names:
                return last_step(inner.names[name]) != name
            inner = inner.outer
        return False

    def refer(self, scope: Scope, kind: str, target: str, node: Any) -> None:
        """Note what an expression denotes, unless that is nothing, or the place itself."""
        if target and target not in (scope.qualified, scope.owner, self.module):
            self.references.add(scope.qualified, kind, target, node.start_point[0] + 1)

    def name(self, node: Any, scope: Scope) -> Inside:
        """Note what a bare name uses."""
        text = self.text(node)
        if not self.is_variable(text, scope):
            self.refer(scope, "uses", self.looked_up(text, scope), node)
        return ()

    def member(self, node: Any, scope: Scope, kind: str = "uses") -> Inside:
        """Note what a member uses or calls; what it is a member of is read, too, unless it is a bare name."""
        target = self.means(node, scope)
        if not target.startswith(".") or kind == "calls":
            self.refer(scope, kind, target, node)
        owner = node.child_by_field_name(self.MEMBERS[node.type][0])
        if owner is None:
            return ()
        while owner.type in self.MEMBERS and owner.type not in self.CALLS:
            inner = owner.child_by_field_name(self.MEMBERS[owner.type][0])
            if inner is None:
                return ()
            owner = inner
        return () if owner.type in self.NAMES else [(owner, scope)]

    def call(self, node: Any, scope: Scope) -> Inside:
        """Note what is called, and read the arguments."""
        called = node.child_by_field_name(self.CALLS[node.type])
        rest = [(child, scope) for child in node.named_children if child != called]
        if called is None:
            return rest
        if called.type in self.MEMBERS and called.type not in self.CALLS:
            return [*self.member(called, scope, "calls"), *rest]
        if called.type in self.NAMES:
            target = self.unqualified(self.text(called), scope)
            self.refer(scope, "calls", target, called)
            return rest
        return [(called, scope), *rest]

    def text(self, node: Any) -> str:
        """Return the source of a node."""
        return self.raw[node.start_byte : node.end_byte].decode("utf-8", "replace") if node is not None else ""

    def below(self, node: Any, kinds: tuple[str, ...]) -> Iterator[Any]:
        """Yield the outermost nodes of some kinds, in order."""
        todo = [node] if node is not None else []
        while todo:
            at = todo.pop()
            if at.type in kinds:
                yield at
            else:
                todo.extend(reversed(at.named_children))

    def _comment(self, node: Any) -> str:
        at = node
        for _ in range(3):
            before = at.prev_named_sibling
            if before is not None and "comment" in before.type:
                return first_sentence(self.text(before).strip("/*! \n").replace("\n *", "\n"))
            if before is not None or at.parent is None:
                return ""
            at = at.parent
        return ""


def _followed(base: str, steps: list[str], *, is_value: bool) -> str:
    """Return what members of members denote: of a list (`Type[]`) or a map (`Type{}`), elements, or the list again.

    Args:
        base: what they are members of.
        steps: their names, the last first.
        is_value: whether the last is called, and its result meant.
    """
    for position in reversed(range(len(steps))):
        step, is_list = steps[position], base.endswith(("[]", "{}")) and (is_value or position > 0)
        if is_list and step in _GETTERS:
            base = base[:-2]
        elif is_list and (step in _PASSING or step == "values"):
            base = f"{base[:-2]}[]"
        else:
            base = f"{base}.{step}"
    return base
