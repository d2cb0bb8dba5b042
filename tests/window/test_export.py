"""The exported page needs nothing else, holds what it says, and is for its owner alone."""

import re
import stat
from typing import Any

from tests.conftest import Home


def test_one_file_holds_everything(own: Home) -> None:
    """The file names nothing elsewhere, holds no script, and is readable by its owner alone."""
    assert own.run("remember", "<script>alert(1)</script> & more", "--json").code == 0
    outcome = own.run("window", "--export", "all.html", "--json")
    assert outcome.code == 0, outcome
    file = own.folder / "all.html"
    text = file.read_text("utf-8")
    assert outcome.json["bytes"] == len(text.encode())
    assert outcome.json["executions"] >= 128
    assert outcome.json["memories"] == 500
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert not re.search(r"""(?:src|href)=["'](?!#)""", text)
    assert "url(" not in text
    for told in ("what depends on berth 0", "cognee in relationship", "persistent"):
        assert told in text


def test_a_file_that_is_there_is_kept(own: Home) -> None:
    """Nothing is overwritten without --yes."""
    file = own.folder / "all.html"
    file.write_text("mine")
    outcome = own.run("window", "--export", str(file), "--json")
    assert outcome.code == 1
    assert "--yes" in outcome.json["error_message"]
    assert file.read_text() == "mine"
    assert own.run("window", "--export", str(file), "--yes", "--json").code == 0
    assert file.read_text("utf-8").startswith("<!doctype html>")


def test_an_empty_home_is_shown(home: Home, chromium: Any, axe: str) -> None:
    """A new user's file says that nothing is there yet, and everybody can use it."""
    outcome = home.run("window", "--export", "empty.html", "--json")
    assert outcome.code == 0, outcome
    context = chromium.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto((home.folder / "empty.html").as_uri())
    page.evaluate(axe)
    assert page.evaluate("axe.run().then(result => result.violations.map(one => one.id))") == []
    assert "No backend is registered" in page.inner_text("main")
    context.close()
