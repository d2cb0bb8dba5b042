"""Find what a call on an unknown receiver may mean: methods of that name, where the caller can know their class."""

import json

import apsw

from memory_router.engines.graph.denotation import Denotation, Ref
from memory_router.engines.graph.extraction.languages import FAMILIES, is_standard

FEW = 3  # methods of one name that such a call may mean
_STEPS = 3  # imports of imports that are followed to what a caller can know
_METHODS = """
    SELECT n.id, n.file FROM nodes n JOIN edges e ON e.target = n.id AND e.kind = 'defines'
    JOIN nodes c ON c.id = e.source AND c.kind = 'class' JOIN files f ON f.id = n.file
    WHERE n.name = ? AND n.kind = 'function' AND f.language IN (SELECT value FROM json_each(?)) LIMIT 50
"""
_FUNCTIONS = """
    SELECT n.id FROM nodes n JOIN files f ON f.id = n.file AND f.language IN (SELECT value FROM json_each(?2))
    JOIN edges e ON e.target = n.id AND e.kind = 'defines'
    JOIN nodes m ON m.id = e.source AND (m.kind = 'module' OR m.type = '::') -- a namespace
    WHERE n.name = ?1 AND n.kind = 'function' LIMIT 2
"""
_IMPORTED = """
    SELECT DISTINCT t.file FROM json_each(?) here JOIN nodes s ON s.file = here.value AND s.kind = 'module'
    JOIN edges e ON e.source = s.id AND e.kind = 'imports' JOIN nodes t ON t.id = e.target WHERE t.file IS NOT NULL
"""
_PACKAGE_IMPORTED = """
    SELECT DISTINCT m.file FROM json_each(?) here JOIN nodes s ON s.file = here.value AND s.kind = 'module'
    JOIN edges e ON e.source = s.id AND e.kind IN ('imports', 'within')
    JOIN nodes t ON t.id = e.target AND t.kind = 'package'
    JOIN edges w ON w.target = t.id AND w.kind = 'within' JOIN nodes m ON m.id = w.source
"""
_TYPED = ("go", "java", "rust")  # a value's type is imported there by somebody from whom the caller has it


class Candidates:
    """Look candidates up in one open graph whose imports are resolved."""

    def __init__(self, connection: apsw.Connection, names: Denotation) -> None:
        self._connection = connection
        self._names = names
        self._methods: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._known: tuple[int, set[int]] = (0, set())

    def of(self, ref: Ref) -> list[int]:
        """Return the methods that a call may mean, nothing if there are too many or its receiver is known."""
        if not ref.target.startswith(".") and not self._names.is_open(ref.target, ref.file):
            return []
        language = self._names.language(ref.file)
        name = ref.key
        methods = self._named(name, language)
        if methods and (language in _TYPED or is_standard(name, language)):
            known = self._known_to(ref.file)
            methods = [method for method in methods if method[1] in known]
        return [node for node, _ in methods] if len(methods) <= FEW else []

    def linked(self, ref: Ref) -> list[int]:
        """Return the function that a name of C means wherever it is defined: the linker knows them all."""
        family = FAMILIES.get(self._names.language(ref.file), ())
        if ref.target.startswith(".") or "c" not in family:
            return []
        nodes = [node for (node,) in self._connection.execute(_FUNCTIONS, (ref.key, json.dumps(family)))]
        return nodes if len(nodes) == 1 else []

    def _named(self, name: str, language: str) -> list[tuple[int, int]]:
        family = FAMILIES.get(language, (language,))
        held = self._methods.get((name, family[0]))
        if held is None:
            rows = self._connection.execute(_METHODS, (name, json.dumps(family)))
            held = self._methods[name, family[0]] = list(rows)
        return held

    def _known_to(self, file: int) -> set[int]:
        """Return the texts whose types a text can know: its own, what it imports, and what these import."""
        if self._known[0] != file:
            seen, border = {file}, {file}
            for _ in range(_STEPS):
                held = json.dumps(list(border))
                rows = [*self._connection.execute(_IMPORTED, (held,))]
                rows += self._connection.execute(_PACKAGE_IMPORTED, (held,))
                border = {other for (other,) in rows} - seen
                seen |= border
            self._known = file, seen
        return self._known[1]
