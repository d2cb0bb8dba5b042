"""Read JavaScript, TypeScript and JSX."""

from typing import Any

from memory_router.engines.graph.extraction.scopes import Scope
from memory_router.engines.graph.extraction.script_names import CLASSES, FUNCTIONS, SPACES, VALUES, ScriptNames
from memory_router.engines.graph.extraction.syntax import Inside
from memory_router.engines.graph.facts import Source


class ScriptReader(ScriptNames):
    """Walk the tree of a script."""

    def __init__(self, source: Source, raw: bytes) -> None:
        super().__init__(source, raw)
        self.handlers |= {
            **dict.fromkeys(FUNCTIONS, self._function),
            **dict.fromkeys(VALUES, self._value),
            **dict.fromkeys(CLASSES, self._class),
            **dict.fromkeys(SPACES, self._space),
            **dict.fromkeys(("method_definition", "method_signature", "abstract_method_signature"), self._method),
            **dict.fromkeys(("public_field_definition", "field_definition", "property_signature"), self._field),
            **dict.fromkeys(("jsx_opening_element", "jsx_self_closing_element"), self._element),
            "type_alias_declaration": self._alias,
            "variable_declarator": self._variable,
            "assignment_expression": self._assigned,
            "return_statement": self._returned,
            "import_statement": self._imported,
            "export_statement": self._exported,
            "pair": self._pair,
            "for_in_statement": self._looped,
            "shorthand_property_identifier": self._shorthand,
        }

    def _imported(self, node: Any, scope: Scope) -> Inside:  # noqa: ARG002
        where = node.child_by_field_name("source")
        if where is None:
            where = next(self.below(node, ("string",)), None)
        if where is not None:
            self._note_import(node, self.module_named(where))
        return ()

    def _note_import(self, node: Any, module: str) -> None:
        line = node.start_point[0] + 1
        names = [original for original, _ in self.specified(node)]
        for original in names:
            self.references.add(self.module, "imports", f"{module}.{original}", line)
        if not names:
            self.references.add(self.module, "imports", module, line)

    def _exported(self, node: Any, scope: Scope) -> Inside:
        where = node.child_by_field_name("source")
        if where is None:
            value = node.child_by_field_name("value")
            if value is not None and value.type in (*VALUES, "class"):
                return self._within(value, self.define("function", "default", self.module, node), scope)
            if value is not None and value.type == "object":
                qualified = self.define("variable", "default", self.module, node)
                return [(value, Scope(qualified, qualified, {}, scope))]
            return [(child, scope) for child in node.named_children if child.type != "export_clause"]
        self._note_import(node, self.module_named(where))
        return ()

    def _function(self, node: Any, scope: Scope) -> Inside:
        name = self.text(node.child_by_field_name("name"))
        if not name:
            return self._value(node, scope)
        qualified = self.define("function", name, scope.qualified, node, self._return_type(node, scope))
        scope.names.setdefault(name, qualified)
        return self._within(node, qualified, scope)

    def _within(self, node: Any, qualified: str, scope: Scope, owner: str | None = None) -> Inside:
        """Return what is inside of a function, in a scope of its own."""
        inner = Scope(qualified, scope.owner if owner is None else owner, {}, scope)
        below = []
        for field in ("parameters", "parameter"):
            if (given := node.child_by_field_name(field)) is not None:
                self._parameters(given, inner, self.given.get(node.start_byte, ""))
                below.append((given, inner))
        for field in ("return_type", "body"):
            if (part := node.child_by_field_name(field)) is not None:
                if part.type == "statement_block":
                    self.declare_block(part, inner)
                elif (
                    field == "body"
                    and part.type in ("new_expression", "call_expression")
                    and qualified != scope.qualified
                ):
                    self.returns(qualified, self.held(part, inner))
                below.append((part, inner))
        return below

    def _parameters(self, given: Any, scope: Scope, first: str) -> None:
        if given.type == "identifier":
            scope.names[self.text(given)] = first
        for position, parameter in enumerate(given.named_children):
            pattern = parameter.child_by_field_name("pattern") if parameter.type.endswith("_parameter") else parameter
            if pattern is not None:
                held = self.typed(parameter.child_by_field_name("type"), scope) or ("" if position else first)
                self.bind(pattern, held, scope)
                if held and any(child.type == "accessibility_modifier" for child in parameter.named_children):
                    self.define("variable", self.text(pattern), scope.owner, parameter, held)

    def _value(self, node: Any, scope: Scope) -> Inside:
        """Read a function without a name: what it does is done by what encloses it."""
        return self._within(node, scope.qualified, scope)

    def _return_type(self, node: Any, scope: Scope) -> str:
        return self.typed(node.child_by_field_name("return_type"), scope)

    def _class(self, node: Any, scope: Scope) -> Inside:
        name = self.text(node.child_by_field_name("name"))
        if not name:
            return [(child, scope) for child in node.named_children]
        return self._members(node, self.define("class", name, scope.qualified, node), scope)

    def _members(self, node: Any, qualified: str, scope: Scope) -> Inside:
        scope.names.setdefault(qualified.rpartition(".")[2], qualified)
        inner = Scope(qualified, qualified, {}, scope)
        for clause in node.named_children:
            if clause.type in ("class_heritage", "extends_type_clause"):
                parts = [
                    child
                    for part in clause.named_children
                    for child in (part.named_children if part.type.endswith("_clause") else [part])
                ]
                for base in parts:
                    self.inherits(qualified, base, scope)
        skipped = ("class_heritage", "extends_type_clause", "type_parameters")
        return [
            (child, inner)
            for child in node.named_children
            if child.type not in skipped and child != node.child_by_field_name("name")
        ]

    def _space(self, node: Any, scope: Scope) -> Inside:
        name, body = map(node.child_by_field_name, ("name", "body"))
        if name is None or body is None or name.type == "string":
            return [(child, scope) for child in node.named_children if child != name]
        qualified = self.define("class", self.text(name), scope.qualified, node)
        inner = Scope(qualified, "", {}, scope)
        self.declare_block(body, inner)
        return [(body, inner)]

    def _method(self, node: Any, scope: Scope) -> Inside:
        name = self.text(node.child_by_field_name("name")).strip("#\"'[]")
        if scope.qualified != scope.owner or not name.isidentifier():
            return self._value(node, scope)
        qualified = self.define("function", name, scope.qualified, node, self._return_type(node, scope))
        return self._within(node, qualified, scope)

    def _field(self, node: Any, scope: Scope) -> Inside:
        name, value = node.child_by_field_name("name") or node.child_by_field_name("property"), None
        value = node.child_by_field_name("value")
        if name is None or scope.qualified != scope.owner:
            return [(child, scope) for child in node.named_children]
        text = self.text(name).strip("#\"'[]")
        if value is not None and value.type in VALUES:
            qualified = self.define("function", text, scope.qualified, node, self._return_type(value, scope))
            return self._within(value, qualified, scope)
        annotation = node.child_by_field_name("type")
        held = self.typed(annotation, scope) or (self.held(value, scope) if value is not None else "")
        if held and text.isidentifier():
            self.define("variable", text, scope.qualified, node, held)
        return [(child, scope) for child in (annotation, value) if child is not None]

    def _alias(self, node: Any, scope: Scope) -> Inside:
        name, value = map(node.child_by_field_name, ("name", "value"))
        if name is None:
            return ()
        qualified = self.define("class", self.text(name), scope.qualified, node)
        inner = Scope(qualified, qualified, {}, scope)
        return [(value, inner)] if value is not None else ()

    def _variable(self, node: Any, scope: Scope) -> Inside:
        name, value, annotation = map(node.child_by_field_name, ("name", "value", "type"))
        if name is None:
            return ()
        module = self.required(value)
        if module:
            self.references.add(self.module, "imports", module, node.start_point[0] + 1)
            if scope.outer is not None:
                self.bind(name, module, scope)
            return ()
        text = self.text(name)
        held = self.typed(annotation, scope) or (self.held(value, scope) if value is not None else "")
        below = [(part, scope) for part in (annotation, value) if part is not None]
        if name.type != "identifier":
            self.bind(name, held, scope)
            return below
        if self.makes(node):
            if value.type == "class":
                return self._members(value, self.define("class", text, scope.qualified, node), scope)
            qualified = self.define("function", text, scope.qualified, node, self._return_type(value, scope))
            scope.names[text] = qualified
            return self._within(value, qualified, scope)
        if scope.outer is not None:
            scope.names[text] = held
            return below
        is_name = (
            value is not None and value.type in (*self.NAMES, *self.MEMBERS) and held != f"{scope.qualified}.{text}"
        )
        qualified = self.define("variable", text, scope.qualified, node, f"={held}" if is_name and held else held)
        if value is not None and value.type == "object":
            return [(value, Scope(qualified, qualified, {}, scope))]
        return below

    def _assigned(self, node: Any, scope: Scope) -> Inside:
        """Note what is assigned to `exports`, to a prototype, to a member of `this`."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        below = [(part, scope) for part in (left, right) if part is not None]
        if left is None or right is None or left.type != "member_expression":
            return below
        owner, name = self.text(left.child_by_field_name("object")), self.text(left.child_by_field_name("property"))
        if f"{owner}.{name}" == "module.exports":
            if right.type in self.NAMES:
                self.bindings["default"] = f"{self.module}.{self.text(right)}"
            elif module := self.required(right):
                self.bindings["*exports"] = module
            elif right.type == "object":
                return self._exports(right, scope)
            return [(right, scope)]
        if owner == "this" and scope.owner and (held := self.held(right, scope)):
            self.define("variable", name, scope.owner, node, held)
        if right.type not in VALUES:
            return below
        if owner in ("exports", "module.exports"):
            return self._within(right, self.define("function", name, self.module, node), scope)
        holder, is_prototype = owner.removesuffix(".prototype"), owner.endswith(".prototype")
        held = self.looked_up(holder, scope) if is_prototype else ""
        if held:
            return self._within(right, self.define("function", name, held, node), scope, held)
        return below

    def _exports(self, exported: Any, scope: Scope) -> Inside:
        """Note what CommonJS exports; what is exported is not used by that."""
        below: list[tuple[Any, Scope]] = []
        for member in exported.named_children:
            key, value = map(member.child_by_field_name, ("key", "value"))
            if key is not None and value is not None and value.type in self.NAMES:
                self.bindings[self.text(key)] = self.looked_up(self.text(value), scope)
            elif key is not None and value is not None and value.type in VALUES:
                below += self._within(value, self.define("function", self.text(key), self.module, member), scope)
            elif member.type == "method_definition":
                below += self._method(member, Scope(self.module, self.module, {}, scope))
            elif member.type not in self.NAMES:
                below.append((member, scope))
        return below

    def _pair(self, node: Any, scope: Scope) -> Inside:
        """Note a member of an object that a constant names: a function, another object, or another name of a thing."""
        key, value = map(node.child_by_field_name, ("key", "value"))
        name = self.text(key).strip("\"'")
        if value is None or scope.qualified != scope.owner or not name.isidentifier():
            return [(value, scope)] if value is not None else ()
        if value.type in VALUES:
            return self._within(value, self.define("function", name, scope.qualified, node), scope)
        if value.type == "object":
            inside = f"{scope.qualified}.{name}"
            return [(value, Scope(inside, inside, {}, scope))]
        if value.type in self.CALLS and (held := self.held(value, scope)):
            self.define("variable", name, scope.qualified, node, held)
        self._renamed(name, value, node, scope)
        return [(value, scope)]

    def _looped(self, node: Any, scope: Scope) -> Inside:
        """Note what the variable of a loop holds: an element of what is looped over."""
        left, right, body = map(node.child_by_field_name, ("left", "right", "body"))
        if left is not None and right is not None and any(child.type == "of" for child in node.children):
            self.bind(left, self.element(self.held(right, scope)), scope)
        return [(part, scope) for part in (right, body) if part is not None]

    def _shorthand(self, node: Any, scope: Scope) -> Inside:
        if scope.qualified == scope.owner:
            self._renamed(self.text(node), node, node, scope)
        return self.name(node, scope)

    def _renamed(self, name: str, value: Any, node: Any, scope: Scope) -> None:
        """Note that a member is but another name of what its value names."""
        held = self.held(value, scope) if value.type in (*self.NAMES, *self.MEMBERS) else ""
        if held and held != f"{scope.qualified}.{name}":
            self.define("variable", name, scope.qualified, node, f"={held}")

    def _returned(self, node: Any, scope: Scope) -> Inside:
        for value in node.named_children[:1]:
            if scope.outer is not None and value.type in ("new_expression", "call_expression", "this"):
                self.returns(scope.qualified, self.held(value, scope))
        return [(child, scope) for child in node.named_children]

    def _element(self, node: Any, scope: Scope) -> Inside:
        """Note the component that an element of JSX is of."""
        name = node.child_by_field_name("name")
        if name is not None:
            target = self.means(name, scope)
            self.refer(scope, "calls", "" if target.startswith(".") else target, name)
        return [(child, scope) for child in node.named_children if child != name]

    def call(self, node: Any, scope: Scope) -> Inside:
        """Note what is called."""
        if module := self.required(node):
            self.references.add(self.module, "imports", module, node.start_point[0] + 1)
            return ()
        called = node.child_by_field_name(self.CALLS[node.type])
        if called is not None and called.type == "member_expression":
            owner, name = map(called.child_by_field_name, self.MEMBERS[called.type])
            self.hand_elements(owner, self.text(name), node.child_by_field_name("arguments"), scope)
        if called is not None and called.type == "super" and scope.owner in self._bases:
            self.refer(scope, "calls", self._bases[scope.owner], node)
        return super().call(node, scope)
