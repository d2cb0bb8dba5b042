"""Laws of `memory-router index` as a user meets it."""

from tests.conftest import Home

NOTE = "# Tides\n\n## Source\nTide tables come from Tidewell.\n"


def test_what_is_indexed_is_asked_without_another_init(home: Home) -> None:
    """After `init` and `index` a question is answered: indexing brings the registration up to date."""
    (home.folder / "notes").mkdir()
    (home.folder / "notes/tides.md").write_text(NOTE)
    assert home.run("init").json["backends"]["qmd"]["status"] == "installed"
    indexed = home.run("index", "notes")
    assert (indexed.code, indexed.err) == (0, "")
    answer = home.run("query", "where do the tide tables come from", "--backend", "qmd").json
    assert (answer["status"], answer["results"][0]["title"]) == ("success", "Tides")


def test_an_index_that_nobody_asks_is_told(home: Home) -> None:
    """Without a registration the next command is named, and the report is printed all the same."""
    (home.folder / "a.md").write_text(NOTE)
    indexed = home.run("index", "a.md")
    assert (indexed.code, indexed.json["added"]) == (0, 1)
    assert "memory-router init" in indexed.err
