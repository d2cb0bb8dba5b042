"""Laws of what the graph reads of each language: imports, definitions, calls, bases, packages, projects."""

from pathlib import Path

import pytest

from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.entity import Finding
from memory_router.engines.graph.facts import Source
from memory_router.engines.graph.search import KnowledgeGraph

LANGUAGES = {
    "go": "go", "rs": "rust", "java": "java", "c": "c", "h": "cpp", "hpp": "cpp", "cpp": "cpp", "ts": "typescript",
    "js": "javascript", "py": "python",
}  # fmt: skip

GO = {
    "go.mod": "module example.com/shop\n\ngo 1.22\n\nrequire github.com/acme/web v1.9.0\n",
    "store/store.go": (
        "package store\n\ntype Base struct{}\n\ntype Store struct {\n\tBase\n}\n\nfunc (s *Store) Save() {}\n\n"
        "func OpenStore() *Store { return &Store{} }\n"
    ),
    "api/api.go": (
        'package api\n\nimport (\n\t"fmt"\n\tdb "example.com/shop/store"\n\t"github.com/acme/web"\n)\n\n'
        "func Serve() {\n\ts := db.OpenStore()\n\ts.Save()\n\tfmt.Println(web.Default())\n}\n"
    ),
}
RUST = {
    "Cargo.toml": '[package]\nname = "shop"\n[dependencies]\nserde = "1"\n',
    "src/store.rs": (
        "pub trait Keep { fn keep(&self); }\n\npub struct Store;\n\nimpl Keep for Store {\n    fn keep(&self) {}\n}\n\n"
        "pub fn open_store() -> Store { Store }\n"
    ),
    "src/api.rs": (
        "use crate::store::{open_store, Keep as Kept};\nuse serde::Deserialize;\n\n"
        "pub fn serve() {\n    let store = open_store();\n    store.keep();\n}\n"
    ),
    "src/main.rs": "mod api;\nmod store;\n\nfn main() {\n    api::serve();\n}\n",
}
JAVA_ROOT = "src/main/java/com/shop"
JAVA = {
    f"{JAVA_ROOT}/store/Store.java": (
        "package com.shop.store;\n\npublic class Store extends Base implements Keeper {\n    public void save() {}\n"
        "    public static Store openStore() { return new Store(); }\n}\n"
    ),
    f"{JAVA_ROOT}/store/Base.java": "package com.shop.store;\n\npublic abstract class Base {}\n",
    f"{JAVA_ROOT}/store/Keeper.java": "package com.shop.store;\n\npublic interface Keeper {}\n",
    f"{JAVA_ROOT}/Api.java": (
        "package com.shop;\n\nimport com.shop.store.Store;\nimport java.util.List;\n\npublic class Api {\n"
        "    public void serve() {\n        Store store = Store.openStore();\n        store.save();\n    }\n}\n"
    ),
}
C = {
    "src/store.h": "struct store { int x; };\nint open_store(void);\n",
    "src/store.c": '#include "store.h"\n\nint open_store(void) { return 1; }\n',
    "src/main.c": '#include <stdio.h>\n#include "store.h"\n\nint main(void) {\n    return open_store();\n}\n',
}
CPP = {
    "inc/store.hpp": (
        "#pragma once\nnamespace shop {\nclass Base { public: virtual void save(); };\n"
        "class Store : public Base { public: void save(); };\n}\n"
    ),
    "src/store.cpp": '#include "../inc/store.hpp"\nnamespace shop {\nvoid Store::save() {}\n}\n',
    "src/api.cpp": '#include "../inc/store.hpp"\nvoid serve() {\n    shop::Store store;\n    store.save();\n}\n',
}
TYPESCRIPT = {
    "package.json": '{\n  "name": "shop-web",\n  "dependencies": {"react": "^18"}\n}\n',
    "src/store.ts": (
        "export interface Keeper { keep(): void }\nexport class Base {}\n"
        "export class Store extends Base implements Keeper {\n  keep() {}\n}\n"
        "export const openStore = () => new Store();\n"
    ),
    "src/api.ts": (
        "import { openStore, Store } from './store';\nimport * as React from 'react';\nexport function serve() {\n"
        "  const store: Store = openStore();\n  store.keep();\n  return React.memo(store);\n}\n"
    ),
    "src/index.ts": "export * from './store';\n",
    "src/use.ts": "import { openStore } from '.';\nexport const go = () => openStore();\nimport('./api');\n",
}
JAVASCRIPT = {
    "lib/db.js": (
        "class Base {}\nclass Db extends Base { save() {} }\nfunction openDb() { return new Db(); }\n"
        "module.exports = { openDb, Db };\n"
    ),
    "lib/log.js": "exports.logLine = function (text) {};\n",
    "lib/app.js": (
        "const { openDb } = require('./db');\nconst log = require('./log');\n"
        "function start() { openDb().save(); log.logLine('x'); }\n"
    ),
}
PYTHON = {
    "pyproject.toml": '[project]\nname = "demo-shop"\ndependencies = ["requests>=2", "rich"]\n',
    "app/core/db.py": "class Base:\n    pass\n\ndef save_row():\n    pass\n",
    "app/api/web.py": (
        "import requests\nfrom app.core.db import Base, save_row\nimport app.core\n\nclass Page(Base):\n    pass\n\n"
        "def go():\n    save_row()\n"
    ),
}
QUESTIONS = [
    ("go", GO, "what imports the store package", ["api.go"]),
    ("go", GO, "what depends on example.com/shop/store", ["api.go"]),
    ("go", GO, "who calls OpenStore", ["api.go"]),
    ("go", GO, "who calls Store.Save", ["api.go"]),
    ("go", GO, "what inherits from Base", ["store.go"]),
    ("go", GO, "what depends on github.com/acme/web", ["api.go", "go.mod"]),
    ("go", GO, "what depends on acme/web", ["api.go", "go.mod"]),
    ("go", GO, "what uses the web library", ["api.go", "go.mod"]),
    ("go", GO, "what depends on shop/store", ["api.go"]),
    ("rust", RUST, "what imports the store module", ["api.rs", "main.rs"]),
    ("rust", RUST, "who calls open_store", ["api.rs"]),
    ("rust", RUST, "who calls serve", ["main.rs"]),
    ("rust", RUST, "what implements Keep", ["store.rs"]),
    ("rust", RUST, "what depends on serde", ["Cargo.toml", "api.rs"]),
    ("java", JAVA, "what imports Store", ["Api.java"]),
    ("java", JAVA, "what depends on com.shop.store.Store", ["Api.java"]),
    ("java", JAVA, "who calls openStore", ["Api.java"]),
    ("java", JAVA, "what extends Base", ["Store.java"]),
    ("java", JAVA, "what implements Keeper", ["Store.java"]),
    ("c", C, "what includes store.h", ["main.c", "store.c"]),
    ("c", C, "who calls open_store", ["main.c"]),
    ("cpp", CPP, "what depends on store.hpp", ["api.cpp", "store.cpp"]),
    ("cpp", CPP, "what inherits from Base", ["store.hpp"]),
    ("typescript", TYPESCRIPT, "what imports src/store", ["api.ts", "index.ts"]),
    ("typescript", TYPESCRIPT, "who calls openStore", ["api.ts", "use.ts"]),
    ("typescript", TYPESCRIPT, "what implements Keeper", ["store.ts"]),
    ("typescript", TYPESCRIPT, "what depends on src/api", ["use.ts"]),
    ("typescript", TYPESCRIPT, "what depends on react", ["api.ts", "package.json"]),
    ("javascript", JAVASCRIPT, "what imports lib/db", ["app.js"]),
    ("javascript", JAVASCRIPT, "who calls openDb", ["app.js"]),
    ("javascript", JAVASCRIPT, "who calls logLine", ["app.js"]),
    ("javascript", JAVASCRIPT, "what extends Base", ["db.js"]),
    ("", PYTHON, "what depends on app.core", ["web.py"]),
    ("", PYTHON, "who uses the app.core package", ["web.py"]),
    ("", PYTHON, "what inherits from Base", ["web.py"]),
    ("", PYTHON, "what depends on requests", ["pyproject.toml", "web.py"]),
]
CHAINS = [
    ("go", GO, "call chain from Serve to Save", ["Serve", "Save"]),
    ("rust", RUST, "call chain from main to open_store", ["main", "serve", "open_store"]),
    ("java", JAVA, "call chain from serve to save", ["serve", "save"]),
    ("c", C, "call chain from main to open_store", ["main", "open_store"]),
    ("cpp", CPP, "call chain from serve to save", ["serve", "save"]),
    ("typescript", TYPESCRIPT, "call chain from serve to keep", ["serve", "keep"]),
]


def built(folder: Path, files: dict[str, str]) -> str:
    """Write files, build their graph and return its database."""
    database = str(folder / "graph.db")
    sources = []
    for name, text in files.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        language = LANGUAGES.get(path.suffix[1:], "text")
        sources.append(Source(str(path), str(folder / "files"), language, str(hash(text)), 1.0))
    bring_up_to_date(sources, database=database)
    return database


def asked(database: str, question: str) -> list[Finding]:
    """Return the answers above the gate."""
    graph = KnowledgeGraph.open(database)
    assert graph
    findings = [one for one in graph.ask(question).findings if one.relevance >= 0.4]
    graph.close()
    return findings


def needs_grammar(language: str) -> None:
    """Skip where the grammar of a language is not installed."""
    if language:
        pytest.importorskip(f"tree_sitter_{language}")


@pytest.mark.parametrize(("language", "files", "question", "expected"), QUESTIONS)
def test_imports_calls_and_bases(
    tmp_path: Path, language: str, files: dict[str, str], question: str, expected: list[str]
) -> None:
    """In every language the files that import, call or extend a thing are named, and no others."""
    needs_grammar(language)
    found = asked(built(tmp_path, files), question)
    assert sorted({Path(one.path or "").name for one in found}) == sorted(expected)


@pytest.mark.parametrize(("language", "files", "question", "expected"), CHAINS)
def test_chains_of_calls(
    tmp_path: Path, language: str, files: dict[str, str], question: str, expected: list[str]
) -> None:
    """In every language calls are followed from file to file."""
    needs_grammar(language)
    (first, *_) = asked(built(tmp_path, files), question)
    assert [step["name"] for step in first.metadata["path"]] == expected


def test_a_project_requires_and_contains(tmp_path: Path) -> None:
    """A project depends on what its manifest declares and not on its own packages; it contains its modules."""
    database = built(tmp_path, PYTHON)
    assert [one.title for one in asked(database, "what does demo-shop depend on")] == [
        "library requests",
        "library rich",
    ]
    assert "module app.core.db" in {one.title for one in asked(database, "what is related to demo-shop")}


def test_a_package_goes_with_its_last_member(tmp_path: Path) -> None:
    """A package that only its members make is there as long as one of them is."""
    database = built(tmp_path, PYTHON)
    (tmp_path / "files" / "app" / "core" / "db.py").unlink()
    rest = [
        Source(str(tmp_path / "files" / name), str(tmp_path / "files"), LANGUAGES.get(name[-2:], "text"), "2", 1.0)
        for name in PYTHON
        if "core" not in name
    ]
    bring_up_to_date(rest, database=database)
    graph = KnowledgeGraph.open(database)
    assert graph
    assert "app.core" not in {one.qualified for one in graph.find("app.core").entities}
    assert graph.find("app.api").entities[0].qualified == "app.api"
    graph.close()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project\nname ="),
        ("package.json", "[1, 2]"),
        ("package.json", '{"name": 3, "dependencies": 4}'),
        ("Cargo.toml", "[" * 5000),
        ("package.json", "[" * 100_000),
        ("go.mod", "no module here"),
    ],
)
def test_a_broken_manifest_is_a_text(tmp_path: Path, name: str, text: str) -> None:
    """A manifest that declares nothing is found as the text that it is."""
    graph = KnowledgeGraph.open(built(tmp_path, {name: text}))
    assert graph
    assert graph.statistics().texts == 1
    graph.close()


def test_half_a_surrogate_pair_is_no_name(tmp_path: Path) -> None:
    """An escape that spells no letter is in no name and in no summary, and everything else is read."""
    files = {
        "package.json": '{"name": "a\\ud800", "dependencies": {"b\\udfff": "1"}}',
        "app.py": 'def go():\n    "Go \\ud800."\n',
        "use.py": "from app import go\ngo()\n",
    }
    assert [Path(one.path or "").name for one in asked(built(tmp_path, files), "who calls go")] == ["use.py"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.go", "package d\n\nfunc f(x []T) { y := x" + "[0]" * 3000 + "; y.z() }\n"),
        ("d.ts", "const y = x" + "[0]" * 3000 + "; y.z();\n"),
        ("d.rs", "fn f(x: Vec<A>) { let y = x" + "[0]" * 3000 + "; y.z(); }\n"),
        ("D.java", "class D { " + "List<" * 1500 + "A" + ">" * 1500 + " x; }\n"),
        ("d.py", "def f(x):\n    x" + ".a[0]" * 400 + ".z()\n"),
    ],
)
def test_what_nests_too_deeply_is_told(tmp_path: Path, name: str, text: str) -> None:
    """A file that nests deeper than can be followed stops no run: it is read, or named as not understood."""
    graph = KnowledgeGraph.open(built(tmp_path, {name: text, "lone.py": "def lonely():\n    pass\n"}))
    assert graph
    assert graph.statistics().texts == 2
    assert graph.find("lonely").entities
    graph.close()
