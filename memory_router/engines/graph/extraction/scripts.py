"""Read JavaScript, TypeScript and JSX."""

from collections.abc import Iterator
from typing import Any, ClassVar

from memory_router.engines.graph.extraction.script_modules import script_module
from memory_router.engines.graph.extraction.syntax import Inside, Scope, SyntaxReader
from memory_router.engines.graph.facts import Source

_FUNCTIONS = ("function_declaration", "generator_function_declaration", "function_signature")
_CLASSES = ("class_declaration", "abstract_class_declaration", "interface_declaration", "enum_declaration", "class")
_VALUES = ("arrow_function", "function_expression", "generator_function")
_VARIABLES = ("lexical_declaration", "variable_declaration")
_SPACES = ("internal_module", "module")
_OF_MODULE = (*_FUNCTIONS, *_CLASSES, "type_alias_declaration", *_SPACES)
_UNWRAPPED = ("Promise", "Readonly", "Partial", "Required", "NonNullable", "Awaited")


class ScriptReader(SyntaxReader):
    """Walk the tree of a script."""

    NAMES = frozenset(["identifier", "type_identifier", "shorthand_property_identifier", "jsx_identifier"])
    MEMBERS: ClassVar[dict[str, tuple[str, str]]] = {
        "member_expression": ("object", "property"),
        "nested_type_identifier": ("module", "name"),
        "nested_identifier": ("object", "property"),
    }
    CALLS: ClassVar[dict[str, str]] = {"call_expression": "function", "new_expression": "constructor"}
    SAME = frozenset(
        ["parenthesized_expression", "await_expression", "non_null_expression", "type_annotation", "generic_type"]
    )

    def __init__(self, source: Source, raw: bytes) -> None:
        super().__init__(source, raw)
        self.handlers |= {
            **dict.fromkeys(_FUNCTIONS, self._function),
            **dict.fromkeys(_VALUES, self._value),
            **dict.fromkeys(_CLASSES, self._class),
            **dict.fromkeys(_SPACES, self._space),
            **dict.fromkeys(("method_definition", "method_signature", "abstract_method_signature"), self._method),
            **dict.fromkeys(("public_field_definition", "field_definition", "property_signature"), self._field),
            **dict.fromkeys(("jsx_opening_element", "jsx_self_closing_element"), self._element),
            "type_alias_declaration": self._alias,
            "variable_declarator": self._variable,
            "assignment_expression": self._assigned,
            "return_statement": self._returned,
            "import_statement": self._imported,
            "export_statement": self._exported,
        }

    def declare(self, root: Any) -> None:
        """Note what the file imports and defines before it is read."""
        self._declare(root, self.top)

    def _declare(self, block: Any, scope: Scope) -> None:
        """Note what a block defines before anything in it is read."""
        todo = list(block.named_children)
        while todo:
            node = todo.pop()
            if node.type in ("export_statement", "ambient_declaration", "expression_statement"):
                todo.extend(node.named_children)
            if node.type in ("import_statement", "export_statement"):
                self._bound(node)
            elif node.type in _OF_MODULE:
                if name := self.text(node.child_by_field_name("name")):
                    scope.names[name] = f"{scope.qualified}.{name}"
            elif node.type in _VARIABLES:
                for declarator in node.named_children:
                    self._declared_variable(declarator, scope)

    def _declared_variable(self, node: Any, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        if name is None or (scope.outer is not None and not self._makes(node)):
            return
        module = self._required(node.child_by_field_name("value"))
        if module:
            self._bind(name, module, scope)
            self.bindings.update((local, meant) for local, meant in scope.names.items() if meant.startswith(module))
        elif name.type == "identifier":
            scope.names[self.text(name)] = f"{scope.qualified}.{self.text(name)}"

    def _makes(self, node: Any) -> bool:
        value = node.child_by_field_name("value")
        return value is not None and value.type in (*_VALUES, "class")

    def _bound(self, node: Any) -> None:
        """Note what an import or a re-export makes known."""
        where = node.child_by_field_name("source")
        if where is None:
            self._bound_export(node)
            return
        module = self._module(where)
        clauses = [child for child in node.named_children if child.type not in ("string", "import_attribute")]
        if node.type == "export_statement" and not clauses:
            self.bindings[f"*{node.start_point[0]}"] = module
        for space in self.below(node, ("namespace_import", "namespace_export")):
            self.bindings[self.text(space.named_children[-1])] = module
        for original, local in self._specified(node):
            self.bindings[local] = f"{module}.{original}"
        for clause in clauses:
            if clause.type == "import_clause" and clause.named_children[0].type == "identifier":
                self.bindings[self.text(clause.named_children[0])] = f"{module}.default"
            elif clause.type == "import_require_clause":
                self.bindings[self.text(clause.named_children[0])] = module

    def _bound_export(self, node: Any) -> None:
        """Note under which other names a module exports its own things."""
        for original, local in self._specified(node):
            if original != local:
                self.bindings[local] = f"{self.module}.{original}"
        if any(child.type == "default" for child in node.children):
            value = node.child_by_field_name("value") or node.child_by_field_name("declaration")
            name = value.child_by_field_name("name") if value is not None and value.type in _OF_MODULE else value
            if name is not None and name.type in self.NAMES:
                self.bindings["default"] = f"{self.module}.{self.text(name)}"

    def _specified(self, node: Any) -> Iterator[tuple[str, str]]:
        for specifier in self.below(node, ("import_specifier", "export_specifier")):
            original = self.text(specifier.child_by_field_name("name"))
            alias = specifier.child_by_field_name("alias")
            yield original, self.text(alias) if alias is not None else original

    def _module(self, quoted: Any) -> str:
        return script_module(self.text(quoted).strip("\"'`"), self.source.path, self.source.root)

    def _required(self, node: Any) -> str:
        """Return the module that a call of `require` or `import` names, else nothing."""
        if node is not None and node.type == "await_expression" and node.named_children:
            node = node.named_children[0]
        if node is None or node.type != "call_expression":
            return ""
        called, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if called is None or given is None or self.text(called) not in ("require", "import"):
            return ""
        named = given.named_children[0] if given.named_children else None
        return self._module(named) if named is not None and named.type == "string" else ""

    def _imported(self, node: Any, scope: Scope) -> Inside:  # noqa: ARG002
        where = node.child_by_field_name("source")
        if where is None:
            where = next(self.below(node, ("string",)), None)
        if where is not None:
            self._note_import(node, self._module(where))
        return ()

    def _note_import(self, node: Any, module: str) -> None:
        line = node.start_point[0] + 1
        names = [original for original, _ in self._specified(node)]
        for original in names:
            self.references.add(self.module, "imports", f"{module}.{original}", line)
        if not names:
            self.references.add(self.module, "imports", module, line)

    def _exported(self, node: Any, scope: Scope) -> Inside:
        where = node.child_by_field_name("source")
        if where is None:
            value = node.child_by_field_name("value")
            if value is not None and value.type in (*_VALUES, "class"):
                return self._within(value, self.define("function", "default", self.module, node), scope)
            return [(child, scope) for child in node.named_children if child.type != "export_clause"]
        self._note_import(node, self._module(where))
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
                self._parameters(given, inner)
                below.append((given, inner))
        for field in ("return_type", "body"):
            if (part := node.child_by_field_name(field)) is not None:
                if part.type == "statement_block":
                    self._declare(part, inner)
                below.append((part, inner))
        return below

    def _parameters(self, given: Any, scope: Scope) -> None:
        if given.type == "identifier":
            scope.names[self.text(given)] = ""
        for parameter in given.named_children:
            pattern = parameter.child_by_field_name("pattern") if parameter.type.endswith("_parameter") else parameter
            if pattern is not None:
                held = self._typed(parameter.child_by_field_name("type"), scope)
                self._bind(pattern, held, scope)
                if held and any(child.type == "accessibility_modifier" for child in parameter.named_children):
                    self.define("variable", self.text(pattern), scope.owner, parameter, held)

    def _bind(self, pattern: Any, held: str, scope: Scope) -> None:
        """Note what the names of a pattern hold."""
        if pattern.type in ("identifier", "shorthand_property_identifier_pattern"):
            scope.names[self.text(pattern)] = held
            return
        for part in pattern.named_children:
            if part.type == "shorthand_property_identifier_pattern":
                scope.names[self.text(part)] = f"{held}.{self.text(part)}" if held else ""
            elif part.type == "pair_pattern":
                key, value = map(part.child_by_field_name, ("key", "value"))
                if key is not None and value is not None:
                    self._bind(value, f"{held}.{self.text(key)}" if held else "", scope)
            elif part.type == "assignment_pattern":
                self._bind(part.named_children[0], held, scope)
            elif part.type in ("identifier", "rest_pattern", "array_pattern", "object_pattern"):
                self._bind(part, "", scope)

    def _value(self, node: Any, scope: Scope) -> Inside:
        """Read a function without a name: what it does is done by what encloses it."""
        return self._within(node, scope.qualified, scope)

    def _return_type(self, node: Any, scope: Scope) -> str:
        return self._typed(node.child_by_field_name("return_type"), scope)

    def _typed(self, annotation: Any, scope: Scope) -> str:
        """Return the class that an annotation names: what a promise gives, the first of a union."""
        while annotation is not None:
            if annotation.type == "generic_type":
                name = self.text(annotation.named_children[0])
                if name not in _UNWRAPPED:
                    return self.means(annotation.named_children[0], scope)
                annotation = annotation.named_children[-1]
            elif annotation.type in ("type_annotation", "union_type", "type_arguments", "parenthesized_type"):
                annotation = next((part for part in annotation.named_children if part.type != "literal_type"), None)
            elif annotation.type == "this_type":
                return scope.owner
            else:
                return self.means(annotation, scope)
        return ""

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
        self._declare(body, inner)
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
        if value is not None and value.type in _VALUES:
            qualified = self.define("function", text, scope.qualified, node, self._return_type(value, scope))
            return self._within(value, qualified, scope)
        annotation = node.child_by_field_name("type")
        held = self._typed(annotation, scope) or (self._held(value, scope) if value is not None else "")
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
        module = self._required(value)
        if module:
            self.references.add(self.module, "imports", module, node.start_point[0] + 1)
            if scope.outer is not None:
                self._bind(name, module, scope)
            return ()
        text = self.text(name)
        held = self._typed(annotation, scope) or (self._held(value, scope) if value is not None else "")
        below = [(part, scope) for part in (annotation, value) if part is not None]
        if name.type != "identifier":
            self._bind(name, held, scope)
            return below
        if self._makes(node):
            if value.type == "class":
                return self._members(value, self.define("class", text, scope.qualified, node), scope)
            qualified = self.define("function", text, scope.qualified, node, self._return_type(value, scope))
            scope.names[text] = qualified
            return self._within(value, qualified, scope)
        if scope.outer is not None:
            scope.names[text] = held
            return below
        qualified = self.define("variable", text, scope.qualified, node, held)
        if value is not None and value.type == "object":
            return [(value, Scope(qualified, qualified, {}, scope))]
        return below

    def _held(self, value: Any, scope: Scope) -> str:
        """Return what a value is an instance of, or denotes."""
        target = self.means(value, scope)
        return "" if target.startswith(".") else target

    def other(self, node: Any, scope: Scope) -> str:
        """Return what a node of this language denotes."""
        if node.type in ("as_expression", "satisfies_expression") and len(node.named_children) > 1:
            return self._typed(node.named_children[1], scope) or self.means(node.named_children[0], scope)
        if node.type in ("union_type", "this_type"):
            return self._typed(node, scope)
        return ""

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
            elif module := self._required(right):
                self.bindings["*exports"] = module
            elif right.type == "object":  # what is exported is not used by that
                return [(member, scope) for member in right.named_children if member.type not in self.NAMES]
            return [(right, scope)]
        if owner == "this" and scope.owner and (held := self._held(right, scope)):
            self.define("variable", name, scope.owner, node, held)
        if right.type not in _VALUES:
            return below
        if owner in ("exports", "module.exports"):
            return self._within(right, self.define("function", name, self.module, node), scope)
        holder, is_prototype = owner.removesuffix(".prototype"), owner.endswith(".prototype")
        held = self.looked_up(holder, scope) if is_prototype else ""
        if held:
            return self._within(right, self.define("function", name, held, node), scope, held)
        return below

    def _returned(self, node: Any, scope: Scope) -> Inside:
        for value in node.named_children[:1]:
            if scope.outer is not None and value.type in ("new_expression", "call_expression", "this"):
                self.returns(scope.qualified, self._held(value, scope))
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
        if module := self._required(node):
            self.references.add(self.module, "imports", module, node.start_point[0] + 1)
            return ()
        called = node.child_by_field_name(self.CALLS[node.type])
        if called is not None and called.type == "super" and scope.owner in self._bases:
            self.refer(scope, "calls", self._bases[scope.owner], node)
        return super().call(node, scope)
