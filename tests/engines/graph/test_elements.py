"""Laws of elements: what stands in a list or a map is of the class that its type says, wherever it is taken out."""

# ruff: noqa: E501  # files are read as they stand

from pathlib import Path

import pytest

from tests.engines.graph.test_resolution import ask, files_of

# Four namesakes more than a call by name alone may mean: only the type can tell.
PYTHON = {
    "s.py": "".join(f"class {name}:\n    def put(self):\n        pass\n\n\n" for name in ("Store", "A", "B", "C", "D")),
    **{
        f"{name}.py": f"from typing import NewType, TypeVar\n\nfrom s import Store\n\nT = TypeVar('T', bound=Store)\n\n\n{body}"
        for name, body in {
            "bound": "def f(x: T):\n    x.put()\n",
            "narrowed": "def f(x):\n    if isinstance(x, Store):\n        x.put()\n",
            "late": "class K:\n    def __init__(self, flag):\n        if flag:\n            self.s = Store()\n\n    def go(self):\n        self.s.put()\n",
            "other": "def f(x: list):\n    x.put()\n",
        }.items()
    },
}
SCRIPTS = {
    "s.ts": "".join(f"export class {name} {{ get() {{}} }}\n" for name in ("Store", "A", "B", "C", "D")) + (
        "export const make = () => new Store();\nexport const box = { store: new Store() };\nexport default { alpha() {}, beta: () => 1 };\n"
    ),
    **{
        f"{name}.ts": f"import whole, {{ Store, make, box }} from './s';\nexport function f(a: Store[], b: Array<Store>, m: Map<string, Store>) {{ {body} }}\n"
        for name, body in {
            "at": "a[0].get();", "each": "for (const s of b) s.get();", "called": "a.forEach((s) => s.get());", "filtered": "b.filter((s) => s.get());",
            "keyed": "m.get('x')!.get();", "made": "make().get();", "boxed": "box.store.get();", "list": "m.get('x'); a.push(new Store());", "plain": "whole.alpha(); whole.beta();",
        }.items()
    },
}  # fmt: skip
JAVA = {
    **{f"a/{name}.java": f"package a;\npublic class {name} {{ public void turn() {{}} }}\n" for name in ("Cog", "A", "B", "C", "D")},
    **{
        f"b/{name}.java": f"package b;\nimport a.Cog;\nimport java.util.*;\nclass {name}<T extends Cog> {{ T t; void f(List<Cog> l, Map<String, Cog> m, Cog[] cs, Optional<Cog> o) {{ {body} }} }}\n"
        for name, body in {
            "Each": "for (var c : l) c.turn();", "Keyed": 'm.get("x").turn();', "At": "cs[0].turn();", "Lambda": "l.forEach(c -> c.turn());",
            "Streamed": "l.stream().filter(c -> true).forEach(c -> c.turn());", "Opt": "o.get().turn();", "Bound": "t.turn();", "Listed": 'm.put("x", null); l.size();',
        }.items()
    },
}  # fmt: skip
RUST = {
    "Cargo.toml": "[package]\nname = 't'\n",
    "src/lib.rs": "pub mod k;\npub mod keyed;\npub mod each;\npub mod root;\n",
    "src/k.rs": "".join(
        f"pub struct {name};\nimpl {name} {{ pub fn spin(&self) {{}} }}\n" for name in ("Cog", "A", "B", "C", "D")
    ),
    "src/keyed.rs": 'use k::Cog;\nuse std::collections::HashMap;\npub fn f(m: &HashMap<String, Vec<Cog>>) { m.get("a").unwrap().first().unwrap().spin(); }\n',
    "src/each.rs": "use crate::k::Cog;\npub fn f(v: Vec<Cog>) { v.iter().for_each(|c| c.spin()); }\n",
    "src/root.rs": "pub fn f(c: ::k::Cog) { c.spin(); }\n",
}
GO = {
    "go.mod": "module ex.com/a\n",
    "vendor/github.com/z/lib/l.go": "package lib\n\nfunc Do() {}\n",
    "m/m.go": 'package m\n\nimport "github.com/z/lib"\n\nfunc M() { lib.Do() }\n',
}
SPACES = {
    "inc/shape.hpp": "namespace geo {\ninline double twice(double x) { return x; }\n}\n",
    "src/shape.cpp": '#include "shape.hpp"\nnamespace geo {\ndouble area() { return twice(1); }\n}\n',
}
CASES = [
    ("", PYTHON, "who calls Store.put", ["bound.py", "late.py", "narrowed.py"]),
    ("typescript", SCRIPTS, "who calls Store.get", ["at.ts", "boxed.ts", "called.ts", "each.ts", "filtered.ts", "keyed.ts", "made.ts"]),
    ("typescript", SCRIPTS, "who calls alpha", ["plain.ts"]),
    ("typescript", SCRIPTS, "who calls beta", ["plain.ts"]),
    ("java", JAVA, "who calls Cog.turn", [f"b/{name}.java" for name in ("At", "Bound", "Each", "Keyed", "Lambda", "Opt", "Streamed")]),
    ("rust", RUST, "who calls Cog.spin", ["src/each.rs", "src/keyed.rs", "src/root.rs"]),
    ("go", GO, "who calls lib.Do", ["m/m.go"]),
    ("cpp", SPACES, "who calls twice", ["src/shape.cpp"]),
]  # fmt: skip


@pytest.mark.parametrize(("language", "files", "question", "expected"), CASES)
def test_the_type_of_a_list_tells_its_elements(
    tmp_path: Path, language: str, files: dict[str, str], question: str, expected: list[str]
) -> None:
    """A method that is called on an element is that of its class, and a method of the list itself is left out."""
    if language:
        pytest.importorskip(f"tree_sitter_{language}")
    assert files_of(tmp_path, ask(tmp_path, files, question)) == expected
