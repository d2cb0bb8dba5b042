"""Laws of imports: each language's own ways to name another file's things lead to them, and to nothing else."""

# ruff: noqa: E501  # files are read as they stand

import json
from pathlib import Path

import pytest

from tests.engines.graph.test_resolution import ask, files_of

GO_ALONE = {
    "internal/db/db.go": "package db\n\nfunc Connect() {}\n",
    "json/json.go": "package json\n\nfunc Marshal() {}\n",
    "cmd/main.go": 'package main\n\nimport (\n\t"encoding/json"\n\t"github.com/me/app/internal/db"\n)\n\nfunc main() { db.Connect(); json.Marshal() }\n',
}
GO_NAMES = {
    "go.mod": "module example.com/a\n",
    "go-store/s.go": "package kv\n\nfunc Put() {}\n\ntype Base struct{}\n\nfunc (b *Base) Flush() {}\n",
    "x/x.go": 'package x\n\nimport "example.com/a/go-store"\n\nfunc X() { kv.Put() }\n\ntype Deep struct{ *kv.Base }\n',
    "y/y.go": 'package y\n\nimport . "example.com/a/go-store"\n\nfunc Y() { Put(); own() }\n\nfunc own() {}\n',
    "z/z.go": "package z\n\ntype T struct{}\n\nfunc (t T) Put() {}\n\nfunc Z(t *T) { t.Put(); new(T).Put() }\n",
}
JAVA_BARE = {
    "Main.java": "public class Main { void go() { Helper.assist(); new Helper().two(); } }\n",
    "Helper.java": "class Helper { static void assist() {} void two() {} }\n",
}
JAVA_PATHS = {
    "a/b/Deep.java": "package a.b;\npublic class Deep { public static final int CAP = 4; public static void dive() {} }\n",
    "a/b/Keys.java": "package a.b;\ninterface Keys { int MAX = 3; }\n",
    "c/Use.java": "package c;\nclass Use { void f() { a.b.Deep.dive(); } }\n",
    "c/Held.java": "package c;\nimport static a.b.Deep.*;\nclass Held { Other a; int f() { a.b.dive(); return CAP; } }\n",
    "a/b/Near.java": "package a.b;\nclass Near { int g() { return Keys.MAX; } }\n",
}
C_FOLDERS = {
    "include/list.h": "void list_add(int n);\n",
    "src/list.c": '#include "list.h"\nvoid list_add(int n) {}\n',
    "src/main.c": "#include <list.h>\nint main(void) { list_add(1); return 0; }\n",
}
RUST_MACROS = {
    "Cargo.toml": "[package]\nname='t'\n",
    "src/lib.rs": "#[macro_use]\nmod mac;\nmod bare;\nmod full;\nmod chained;\n",
    "src/mac.rs": "#[macro_export]\nmacro_rules! shout { ($x:expr) => { $x } }\npub struct Saw;\nimpl Saw { pub fn open() -> Option<Saw> { None } pub fn cut(&self) {} }\n",
    "src/bare.rs": 'pub fn f() { shout!(1); println!("x"); }\n',
    "src/full.rs": "pub fn g() { crate::shout!(2); }\n",
    "src/chained.rs": "use crate::mac::Saw;\npub fn h() { Saw::open().unwrap().cut(); }\n",
}
SCRIPTS = {
    "package.json": json.dumps({"name": "n", "imports": {"#lib/*": "./dist/lib/*.js"}}),
    "tsconfig.json": json.dumps({"files": [], "references": [{"path": "./tsconfig.app.json"}]}),
    "tsconfig.app.json": json.dumps({"compilerOptions": {"paths": {"@ui": ["./src/ui/index.ts"]}}}),
    "src/ui/index.ts": "const Root = () => 1;\nconst Item = () => 2;\nexport const Menu = { Root, Part: Item, save: () => 3, deep: { drop() {} } };\nexport const Also = Root;\n",
    "src/lib/z.ts": "export const zz = () => 1;\n",
    "src/a.tsx": "import { Menu } from '@ui';\nexport const A = () => { Menu.save(); Menu.deep.drop(); return <Menu.Part />; };\n",
    "src/b.ts": "import { zz } from '#lib/z';\nimport { Also } from './ui';\nzz(); Also();\n",
}
COMMON_JS = {
    "lib/a.js": "function one() {}\nconst two = () => 1;\nmodule.exports = { one, deux: two, tres() {}, vier: () => 4 };\nexports.five = () => 5;\n",
    "lib/k.js": "class K { go() {} }\nmodule.exports = K;\n",
    "lib/use.js": "const a = require('./a');\nconst K = require('./k');\nconst k = new K();\nk.go(); a.deux(); a.tres(); a.vier(); require('./a').five();\n",
}
PLACES = {
    "libs/one/acme/alpha.py": "def go_one():\n    pass\n",
    "libs/two/acme/beta.py": "from acme.alpha import go_one\n\n\ndef two():\n    go_one()\n",
    "either.py": "try:\n    from fast import enc\nexcept ImportError:\n    from slow import enc\n\n\ndef f():\n    enc()\n",
    "fast.py": "def enc():\n    pass\n\n\nenc_twice = enc\n",
    "slow.py": "def enc():\n    pass\n",
    "renamed.py": "from fast import enc_twice\n\nenc_twice()\n",
}
REBOUND = {
    "pkg/__init__.py": "from .bridges import *\nfrom .disperse import disperse\n",
    "pkg/bridges.py": "def bridges():\n    pass\n",
    "pkg/disperse.py": "def disperse():\n    pass\n",
    "whole.py": "import pkg\n\npkg.bridges()\npkg.disperse()\n",
    "part.py": "from pkg import disperse\n\ndisperse()\n",
    "module.py": "import pkg.bridges as b\n\nb.bridges()\n",
}
ELEMENTS = {
    "s.py": (
        "from contextlib import contextmanager\nfrom typing import Iterator\n\n\nclass Store:\n    def put(self):\n        pass\n\n    @classmethod\n    def make(cls):\n        return cls()\n\n    def again(self):\n        type(self).make()\n        self.__class__.make()\n\n\n"
        + "".join(f"class Other{n}:\n    def put(self):\n        pass\n\n\n" for n in range(4))
        + "def all_of() -> list[Store]:\n    return []\n\n\n@contextmanager\ndef opened() -> Iterator[Store]:\n    yield Store()\n"
    ),
    **{
        f"{name}.py": f"from s import Store, all_of, opened\n\n\ndef f(xs: 'list[Store]', m: dict[str, Store]):\n    {body}\n"
        for name, body in {
            "at": "xs[0].put()", "each": "for x in xs:\n        x.put()", "numbered": "for n, x in enumerate(xs):\n        x.put()",
            "made": "return [x.put() for x in all_of()]", "valued": "for x in m.values():\n        x.put()", "paired": "for k, x in m.items():\n        x.put()",
            "keyed": "m['a'].put()", "given": "with opened() as x:\n        x.put()", "none": "for x in m:\n        x.put()",
        }.items()
    },
}  # fmt: skip
CASES = [
    ("go", GO_ALONE, "who calls Connect", ["cmd/main.go"]),
    ("go", GO_ALONE, "who calls json/json.Marshal", []),
    ("go", GO_NAMES, "who calls go-store.Put", ["x/x.go", "y/y.go"]),
    ("go", GO_NAMES, "who calls own", ["y/y.go"]),
    ("go", GO_NAMES, "who calls T.Put", ["z/z.go"]),
    ("go", GO_NAMES, "what embeds Base", ["x/x.go"]),
    ("java", JAVA_BARE, "who calls Helper.assist", ["Main.java"]),
    ("java", JAVA_BARE, "who calls two", ["Main.java"]),
    ("java", JAVA_PATHS, "who calls Deep.dive", ["c/Use.java"]),
    ("java", JAVA_PATHS, "what uses CAP", ["c/Held.java"]),
    ("java", JAVA_PATHS, "what uses Keys.MAX", ["a/b/Near.java"]),
    ("c", C_FOLDERS, "what includes list.h", ["src/list.c", "src/main.c"]),
    ("rust", RUST_MACROS, "who calls shout", ["src/bare.rs", "src/full.rs"]),
    ("rust", RUST_MACROS, "who calls Saw.cut", ["src/chained.rs"]),
    ("typescript", SCRIPTS, "what uses Item", ["src/a.tsx", "src/ui/index.ts"]),
    ("typescript", SCRIPTS, "who calls save", ["src/a.tsx"]),
    ("typescript", SCRIPTS, "who calls drop", ["src/a.tsx"]),
    ("typescript", SCRIPTS, "who calls zz", ["src/b.ts"]),
    ("typescript", SCRIPTS, "who calls Root", ["src/b.ts", "src/ui/index.ts"]),
    ("javascript", COMMON_JS, "who calls K.go", ["lib/use.js"]),
    ("javascript", COMMON_JS, "who calls two", ["lib/use.js"]),
    ("javascript", COMMON_JS, "who calls tres", ["lib/use.js"]),
    ("javascript", COMMON_JS, "who calls vier", ["lib/use.js"]),
    ("javascript", COMMON_JS, "who calls five", ["lib/use.js"]),
    ("", PLACES, "who calls go_one", ["libs/two/acme/beta.py"]),
    ("", PLACES, "who calls fast.enc", ["either.py", "fast.py", "renamed.py"]),
    ("", PLACES, "who calls slow.enc", ["either.py"]),
    (
        "",
        ELEMENTS,
        "who calls Store.put",
        ["at.py", "each.py", "given.py", "keyed.py", "made.py", "numbered.py", "paired.py", "valued.py"],
    ),
    ("", ELEMENTS, "who calls Store.make", ["s.py"]),
]


@pytest.mark.parametrize(("language", "files", "question", "expected"), CASES)
def test_every_way_to_a_name_is_followed(
    tmp_path: Path, language: str, files: dict[str, str], question: str, expected: list[str]
) -> None:
    """The files that call or use a thing, or hand it on, are named, whatever way leads to it, and no others."""
    if language:
        pytest.importorskip(f"tree_sitter_{language}")
    answer = ask(tmp_path, files, question)
    assert files_of(tmp_path, answer) == expected
