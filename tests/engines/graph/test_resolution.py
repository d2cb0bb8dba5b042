"""Laws of what names mean: as each language defines them, and nothing that only shares a name."""

# ruff: noqa: E501  # files are read as they stand

import json
from pathlib import Path

import pytest

from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.entity import GraphAnswer
from memory_router.engines.graph.facts import Source
from memory_router.engines.graph.search import KnowledgeGraph

LANGUAGES = {
    "go": "go", "rs": "rust", "java": "java", "c": "c", "h": "c", "hpp": "cpp", "cpp": "cpp", "ts": "typescript", "tsx": "typescript",
    "js": "javascript", "py": "python", "md": "markdown",
}  # fmt: skip


def ask(folder: Path, files: dict[str, str], question: str) -> GraphAnswer:
    """Build the graph of some files and ask it."""
    sources = []
    for name, text in files.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        language = LANGUAGES.get(path.suffix[1:], "text")
        sources.append(Source(str(path), str(folder / "files"), language, str(hash(text)), 1.0))
    bring_up_to_date(sources, database=str(folder / "graph.db"))
    graph = KnowledgeGraph.open(str(folder / "graph.db"))
    assert graph
    answer = graph.ask(question)
    graph.close()
    return answer


def files_of(folder: Path, answer: GraphAnswer) -> list[str]:
    """Return the files of an answer that are above the gate, below the folder."""
    root = folder / "files"
    return sorted(str(Path(one.path or "").relative_to(root)) for one in answer.findings if one.relevance >= 0.4)


WORKSPACE = {
    "package.json": json.dumps({"name": "root", "workspaces": ["packages/*"]}),
    "packages/ui/package.json": json.dumps({"name": "@acme/ui", "main": "dist/index.js"}),
    "packages/ui/src/index.ts": "export { drawMenu as paintMenu } from './menu';\nexport { default as Logo } from './logo';\n",
    "packages/ui/src/menu.ts": "export function drawMenu() { return 1; }\n",
    "packages/ui/src/logo.tsx": "export default function LogoMark() { return <b />; }\n",
    "packages/ui/src/menu.test.ts": "export const nothing = 1;\n",
    "packages/app/package.json": json.dumps({"name": "app"}),
    "packages/app/tsconfig.json": '{\n  // paths of the app\n  "extends": "../../tsconfig.base",\n}\n',
    "tsconfig.base.json": json.dumps({"compilerOptions": {"paths": {"~lib/*": ["packages/app/lib/*"]}}}),
    "packages/app/lib/clock.ts": "export class Clock { tick() {} now(): Clock { return this; } }\n",
    "packages/app/src/a.tsx": (
        "import { paintMenu, Logo } from '@acme/ui';\nimport { Clock } from '~lib/clock';\n"
        "export const A = (p: { clock: Clock }) => { paintMenu(); p.clock; return <Logo />; };\n"
        "export class Wall { constructor(private clock: Clock) {} show() { this.clock.now().tick(); } }\n"
    ),
}
PYTHON = {
    "shop/__init__.py": "from .core import *\n",
    "shop/core.py": (
        "class Engine:\n    def start_up(self):\n        return self\n\n\ndef make() -> Engine:\n    return Engine()\n"
    ),
    "shop/kinds.py": "from . import Engine\n\n\nclass Diesel(Engine):\n    def run_dry(self):\n        self.start_up()\n",
    "app.py": "import shop\n\n\ndef go():\n    shop.make().start_up()\n",
    "held.py": "from shop import make\n\n\nclass Car:\n    def __init__(self):\n        self.motor = make()\n",
    "drive.py": "from held import Car\n\n\ndef drive(car: Car):\n    car.motor.start_up()\n",
    "other.py": "class Lamp:\n    def start_up(self):\n        pass\n\n\ndef light():\n    Lamp().start_up()\n",
}
RUST = {
    "Cargo.toml": "[package]\nname = 'tool'\n",
    "src/lib.rs": "pub mod net;\npub mod tools;\npub fn top_level() { tools::each(tools::send_off); }\n",
    "src/net/mod.rs": "pub mod wire;\npub use self::wire::Wire;\n",
    "src/net/wire.rs": "pub struct Wire;\nimpl Wire {\n    pub fn open() -> Self { Wire }\n    pub fn cut(&self) {}\n}\n",
    "src/tools.rs": (
        "use crate::net::Wire;\npub fn send_off() { let wire = Wire::open(); wire.cut(); }\npub fn each(f: fn()) { f() }\n"
    ),
    "src/main.rs": "use tool::net::Wire;\nfn main() { tool::tools::send_off(); helper(&Wire::open()); }\nfn helper(wire: &Wire) { wire.cut(); }\n",
}
GO = {
    "go.mod": "module example.com/ops\n",
    "disk/disk.go": "package disk\n\ntype Disk struct{}\n\nfunc New() *Disk { return &Disk{} }\n",
    "disk/sweep.go": "package disk\n\nfunc (d *Disk) Sweep() { check(d) }\n\nfunc check(d *Disk) {}\n",
    "book/book.go": "package book\n\ntype Book struct{}\n\nfunc (b Book) Sweep() {}\n",
    "cmd/main.go": (
        'package main\n\nimport "example.com/ops/disk"\n\ntype job struct{ d *disk.Disk }\n\n'
        "func (j job) run() { j.d.Sweep() }\n\nfunc main() { d := disk.New(); d.Sweep(); each(done) }\n\n"
        "func each(f func()) { f() }\n\nfunc done() {}\n"
    ),
}
JAVA = {
    "a/store/Shelf.java": "package a.store;\npublic class Shelf { public void put(int n) {} Shelf next() { return this; } }\n",
    "a/store/Clerk.java": "package a.store;\nclass Clerk { private Shelf shelf; void work() { shelf.next().put(1); } }\n",
    "a/app/Desk.java": (
        "package a.app;\nimport a.store.*;\nclass Desk { void put(int n) { }\n"
        "  void go(java.util.List<Shelf> all, Shelf s) { s.put(2); put(3); all.forEach(Desk::take); }\n"
        "  static void take(Shelf s) {} }\n"
    ),
    "a/app/Other.java": "package a.app;\nclass Other { void go(Map m) { m.put(2); } }\n",
}
C = {
    "include/store.h": "int open_store(int n);\n",
    "src/impl.c": '#include "../include/store.h"\nint open_store(int n) { return n; }\n',
    "src/use.c": '#include "../include/store.h"\nint go(void) { return open_store(1); }\n',
}
CALLS = [
    (WORKSPACE, "who calls drawMenu", ["packages/app/src/a.tsx"]),
    (WORKSPACE, "who calls LogoMark", ["packages/app/src/a.tsx"]),
    (WORKSPACE, "who calls Clock.tick", ["packages/app/src/a.tsx"]),
    (PYTHON, "who calls Engine.start_up", ["app.py", "drive.py", "shop/kinds.py"]),
    (PYTHON, "who calls Lamp.start_up", ["other.py"]),
    (RUST, "who calls src/tools.send_off", ["src/lib.rs", "src/main.rs"]),
    (RUST, "who calls Wire.cut", ["src/main.rs", "src/tools.rs"]),
    (GO, "who calls Disk.Sweep", ["cmd/main.go"]),
    (GO, "who calls Book.Sweep", []),
    (GO, "what uses done", ["cmd/main.go"]),
    (GO, "who calls check", ["disk/sweep.go"]),
    (JAVA, "who calls Shelf.put", ["a/app/Desk.java", "a/store/Clerk.java"]),
    (JAVA, "who calls Desk.put", ["a/app/Desk.java"]),
    (JAVA, "what uses Desk.take", ["a/app/Desk.java"]),
    (C, "who calls open_store", ["src/use.c"]),
]


@pytest.mark.parametrize(("files", "question", "expected"), CALLS)
def test_names_mean_what_the_language_says(
    tmp_path: Path, files: dict[str, str], question: str, expected: list[str]
) -> None:
    """A call is found through imports, re-exports, bases, fields and results, and only where it is meant."""
    if files is not PYTHON:
        pytest.importorskip("tree_sitter")
    assert files_of(tmp_path, ask(tmp_path, files, question)) == expected


ENTRIES = {
    "alpha.py": "from common import shared_step\n\n\ndef alpha_entry():\n    return shared_step()\n",
    "beta.py": "from common import shared_step\n\n\ndef beta_entry():\n    return shared_step()\n",
    "common.py": "def shared_step():\n    return 1\n",
    "pyproject.toml": "[project]\nname = 'demo'\n",
}


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("call chain from alpha_entry to beta_entry", "No chain of calls from function alpha.alpha_entry"),
        ("call chain from shared_step to alpha_entry", "One leads the other way round."),
        ("path from alpha to beta", "No chain of calls or imports from module alpha"),
    ],
)
def test_no_chain_is_an_answer(tmp_path: Path, question: str, told: str) -> None:
    """A shared callee or a common project is no chain, and the answer tells why no chain is known."""
    answer = ask(tmp_path, ENTRIES, question)
    assert (list(answer.findings), answer.code) == ([], "NO_CHAIN")
    assert told in answer.note


def test_what_was_not_understood_is_told(tmp_path: Path) -> None:
    """That nothing calls a thing is only said where every file that could was understood."""
    files = {"a.py": "class Box:\n    def get(self):\n        pass\n", "b.py": "def use(box):\n    box.get()\n"}
    (finding,) = ask(tmp_path / "open", files, "who calls Box.get").findings
    assert "receivers of unknown class" in finding.content
    assert "b.py:2" in finding.content
    broken = {"a.py": "def lonely():\n    pass\n", "b.py": "def (:\n"}
    (finding,) = ask(tmp_path / "broken", broken, "who calls lonely").findings
    assert "Not understood:" in finding.content
    whole = {"a.py": "def lonely():\n    pass\n", "b.py": "def fine():\n    pass\n"}
    (finding,) = ask(tmp_path / "whole", whole, "who calls lonely").findings
    assert finding.content == "Nothing in the index calls function a.lonely."


def test_all_dependents_are_counted(tmp_path: Path) -> None:
    """Where more depend on a thing than are shown, their number is told."""
    files = {f"use{number}.py": "from core import f\nf()\n" for number in range(12)} | {
        "core.py": "def f():\n    pass\n"
    }
    assert "12 texts depend on it" in ask(tmp_path, files, "who calls core.f").note


VAULT = {
    "proj-roadmap.md": "---\naliases:\n  - The big plan\ntags: [roads]\n---\n# The road ahead\n\nText.\n\n## Next steps\n\nGo. ^go\n",
    "people/Ann.md": "# Ann\n\nA friend.\n",
    "clients/Ann.md": "# Ann\n\nA client.\n",
    "a.md": "# A\n\nSee [[proj-roadmap#Next steps|next]] and [[people/Ann]].\n",
    "b.md": "# B\n\nSee [[The big plan]] and [[clients/Ann|her]].\n",
    "c.md": "# C\n\n````\n```\n[[proj-roadmap]]\n````\n\nNot `[[proj-roadmap]]`.\n",
    "d.md": "# D\n\nSee [[proj-roadmap#^go]] and [steps](proj-roadmap.md#next-steps).\n",
}
LINKS = [
    ("what links to proj-roadmap.md", ["a.md", "b.md", "d.md"]),
    ("what links to proj-roadmap", ["a.md", "b.md", "d.md"]),
    ("what links to Next steps", ["a.md", "d.md"]),
    ("what links to people/Ann.md", ["a.md"]),
    ("what links to clients/Ann", ["b.md"]),
]


@pytest.mark.parametrize(("question", "expected"), LINKS)
def test_wiki_links(tmp_path: Path, question: str, expected: list[str]) -> None:
    """A note is linked by file name, heading, block or alias, with or without folders, and not from code."""
    assert files_of(tmp_path, ask(tmp_path, VAULT, question)) == expected


def test_members_follow_what_changes(tmp_path: Path) -> None:
    """A call through a function's result is found anew when the function returns something else."""
    files = {
        "a.py": "class A:\n    def go_on(self):\n        pass\n\n\nclass B:\n    def go_on(self):\n        pass\n",
        "make.py": "from a import A, B\n\n\ndef make() -> A:\n    pass\n",
        "use.py": "from make import make\n\n\ndef use():\n    make().go_on()\n",
    }
    assert files_of(tmp_path, ask(tmp_path, files, "who calls A.go_on")) == ["use.py"]
    files["make.py"] = files["make.py"].replace("-> A", "-> B")
    assert files_of(tmp_path, ask(tmp_path, files, "who calls B.go_on")) == ["use.py"]
    assert files_of(tmp_path, ask(tmp_path, files, "who calls A.go_on")) == []


def test_configuration_is_followed(tmp_path: Path) -> None:
    """What is imported by `paths` is found when these are written down later, and lost when they go."""
    pytest.importorskip("tree_sitter")
    files = {
        "src/parts/button.ts": "export function drawButton() {}\n",
        "src/home.ts": "import { drawButton } from '#parts/button';\nexport const go = () => drawButton();\n",
        "tsconfig.json": "{}",
    }
    assert files_of(tmp_path, ask(tmp_path, files, "who calls drawButton")) == []
    files["tsconfig.json"] = json.dumps({"compilerOptions": {"paths": {"#parts/*": ["src/parts/*"]}}})
    assert files_of(tmp_path, ask(tmp_path, files, "who calls drawButton")) == ["src/home.ts"]
