"""Laws of receivers: a call is of what the code says its value is, through bounds, patterns, elements and fields."""

# ruff: noqa: E501  # files are read as they stand

from pathlib import Path

import pytest

from tests.engines.graph.test_resolution import ask, files_of

RUST = {
    "Cargo.toml": '[package]\nname = "mill"\n',
    "src/lib.rs": "pub mod gears;\npub mod turns;\npub mod tests_of;\n",
    "src/gears.rs": (
        "pub trait Spin { fn spin(&self); }\npub struct Cog { name: String }\nimpl Cog { pub fn name(&self) -> &str { &self.name } pub fn oil(&self) {} }\n"
        "pub struct Shaft(pub Cog);\nimpl Shaft { pub fn oil(&self) {} pub fn name(&self) {} }\n"
        "pub enum Part { Wheel(Cog), Rod { inner: Box<Shaft> }, Nothing }\npub struct Belt { cogs: Vec<Cog> }\npub fn grease() {}\n"
        "pub struct Pin;\nimpl Pin { pub fn oil(&self) {} pub fn name(&self) {} pub fn spin(&self) {} }\n"
        "pub struct Nut;\nimpl Nut { pub fn oil(&self) {} pub fn name(&self) {} pub fn spin(&self) {} }\n"
    ),
    "src/turns.rs": (
        "use crate::gears::*;\npub fn bound<T: Spin>(t: &T) { t.spin(); }\n"
        "pub struct Held<T: Spin> { t: T }\nimpl<T> Held<T> where T: Spin { pub fn go(&self) { self.t.spin(); } }\n"
        "pub fn payload(p: Part) { match p { Part::Wheel(ref c) => c.oil(), Part::Rod { inner } => inner.oil(), _ => () } }\n"
        "pub fn positional(s: Shaft) { s.0.name(); }\n"
        "impl Belt { pub fn each(&self) { for c in self.cogs.iter() { c.name(); } } }\n"
        "pub fn whole() { grease(); }\n"
    ),
}
GO = {
    "go.mod": "module example.com/mill\n\ngo 1.22\n",
    "gears/gears.go": (
        "package gears\n\ntype Cog struct{}\n\nfunc (c *Cog) Oil() {}\n\ntype Pin struct{}\n\nfunc (p *Pin) Oil() {}\n\ntype Nut struct{}\n\nfunc (n *Nut) Oil() {}\n\n"
        "type Rod struct{}\n\nfunc (r *Rod) Oil() {}\n\ntype Belt struct {\n\tCogs []*Cog\n}\n\ntype Pins []*Pin\n\nfunc First() (n *Nut, err error) { return nil, nil }\n"
    ),
    "turns/each.go": 'package turns\n\nimport "example.com/mill/gears"\n\nfunc Each(b gears.Belt) {\n\tfor _, c := range b.Cogs {\n\t\tc.Oil()\n\t}\n}\n',
    "turns/at.go": 'package turns\n\nimport "example.com/mill/gears"\n\nfunc At(p gears.Pins) {\n\tp[0].Oil()\n}\n',
    "turns/named.go": 'package turns\n\nimport "example.com/mill/gears"\n\nfunc Named() (n *gears.Nut, err error) {\n\tn, err = gears.First()\n\tn.Oil()\n\treturn\n}\n',
    "turns/mapped.go": 'package turns\n\nimport "example.com/mill/gears"\n\nfunc Mapped(m map[string]*gears.Rod) {\n\tfor _, r := range m {\n\t\tr.Oil()\n\t}\n}\n',
}
JAVA = {
    "src/mill/Cog.java": "package mill;\n\npublic class Cog {\n  private int size;\n  public int size() { return size; }\n}\n",
    "src/mill/Turn.java": "package mill;\n\npublic class Turn {\n  int go(Cog c) { return c.size(); }\n}\n",
}


NESTED = {
    "go.mod": "module example.com/mill\n",
    "internal/ring/ring.go": "package ring\n\nfunc Turn() {}\n",
    "cmd/pour/main.go": 'package main\n\nimport "example.com/mill/internal/ring"\n\nfunc Pour() { ring.Turn() }\n',
}
STARS = {
    "mill/__init__.py": "from mill.inner import *\n",
    "mill/inner.py": "def grind():\n    pass\n",
    "turn.py": "from mill import *\n\n\ndef go():\n    grind()\n",
}


@pytest.mark.parametrize(
    ("files", "question", "callers"),
    [
        (RUST, "who calls src/gears.Spin.spin", {"bound", "go"}),
        (RUST, "who calls Cog.oil", {"payload"}),
        (RUST, "who calls Shaft.oil", {"payload"}),
        (RUST, "who calls Cog.name", {"positional", "each"}),
        (RUST, "who calls Pin.oil", set()),
        (RUST, "who calls Pin.spin", set()),
        (RUST, "who calls grease", {"whole"}),
        (GO, "who calls Cog.Oil", {"Each"}),
        (GO, "who calls Pin.Oil", {"At"}),
        (GO, "who calls Nut.Oil", {"Named"}),
        (GO, "who calls Rod.Oil", {"Mapped"}),
        (JAVA, "who calls Cog.size", {"go"}),
        (STARS, "who calls grind", {"go"}),
        (GO, "who calls gears.First", {"Named"}),
        (RUST, "who calls gears::grease", {"whole"}),
        (NESTED, "who calls internal/ring.Turn", {"Pour"}),
    ],
)
def test_a_receiver_of_known_class_calls_its_method(
    tmp_path: Path, files: dict[str, str], question: str, callers: set[str]
) -> None:
    """What a bound, a variant, a position, an element or a result says of a value decides, and namesakes are left out."""
    answer = ask(tmp_path, files, question)
    told = " ".join(one.content for one in answer.findings if one.relevance >= 0.4)
    functions = {"bound", "go", "payload", "positional", "each", "whole", "Each", "At", "Named", "Mapped", "Pour"}
    assert {name for name in functions if f".{name} calls" in told} == callers


def test_a_field_does_not_hide_the_method_of_its_name(tmp_path: Path) -> None:
    """A field that a method of the same name reads leaves the method to be found and asked for."""
    answer = ask(tmp_path, RUST, "who calls src/gears.Cog.name")
    assert files_of(tmp_path, answer) == ["src/turns.rs"]
    assert answer.findings[0].metadata["of"] == "src/gears.Cog.name"


def test_a_package_is_found_by_the_end_of_its_path(tmp_path: Path) -> None:
    """Part of a path names the package that ends so, and what imports it depends on it."""
    assert files_of(tmp_path, ask(tmp_path, NESTED, "which packages import internal/ring")) == ["cmd/pour/main.go"]
