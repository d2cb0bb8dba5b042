"""Laws of the terms by which texts are found."""

import unicodedata

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.storage.fulltext import TOKENIZER, register
from memory_router.text.terms import question_terms, stems, terms


def index(*texts: str) -> apsw.Connection:
    """Return a full-text index of texts, numbered from 1."""
    connection = apsw.Connection(":memory:")
    register(connection)
    connection.execute(f"CREATE VIRTUAL TABLE t USING fts5(x, tokenize = '{TOKENIZER}')")
    connection.executemany("INSERT INTO t VALUES (?)", [(text,) for text in texts])
    return connection


def found(connection: apsw.Connection, word: str) -> list[int]:
    """Return the numbers of the texts that hold a word or phrase."""
    quoted = '"' + word.replace('"', " ") + '"'
    return [row for (row,) in connection.execute("SELECT rowid FROM t WHERE t MATCH ?", (quoted,))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Le Ch\u00e2telier", ["chatelier", "CH\u00c2TELIER", unicodedata.normalize("NFD", "Ch\u00e2telier")]),
        ("\u0141\u00f3d\u017a liegt an der Stra\u00dfe", ["lodz", "Lodz", "strasse", "STRASSE", "stra\u00dfe"]),
        ("Gr\u00f6\u00dfe und M\u00fcller", ["Groesse", "mueller", "muller", "GR\u00d6SSE"]),
        ("Mueller", ["M\u00fcller"]),
        ("The caf&eacute; on the corner serves cr&egrave;me and tea", ["caf\u00e9", "cafe", "creme"]),
        (
            "\u039b\u03ad\u03be\u03b5\u03b9\u03c2",
            ["\u03bb\u03b5\u03be\u03b5\u03b9\u03c3", "\u039b\u0395\u039e\u0395\u0399\u03a3"],
        ),
        ("\u0401\u043b\u043a\u0430", ["\u0435\u043b\u043a\u0430", "\u0435\u043b\u043a\u0438"]),
        ("\ufb01nal \uff83\uff9e\uff70\uff80", ["final", "\u30c7\u30fc\u30bf"]),
        ("\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f", ["\u0645\u062d\u0645\u062f"]),
        ("Ge\u00adsamt\u200bkonzept caf&eacute;", ["gesamtkonzept", "caf\u00e9"]),
        ("\u0e44\u0e1b\u0e15\u0e25\u0e32\u0e14\u0e0b\u0e37\u0e49\u0e2d", ["\u0e15\u0e25\u0e32\u0e14"]),
        ("\u6570\u636e\u5e93\u5907\u4efd", ["\u6570\u636e\u5e93", "\u5e93", "\u5907\u4efd"]),
        ("it went well \U0001f680", ["\U0001f680"]),
        ("Die Sicherungen laufen jede Nacht, und wir pr\u00fcfen sie", ["Sicherung", "pruefen"]),
        ("Nous avons choisi les bases de donn\u00e9es pour la recherche", ["donn\u00e9e", "base", "donnees"]),
        ("Die Datenbanksicherung ist fertig", ["Sicherung", "Datenbanken", "Datenbank"]),
        ("Wir haben den Wein abgefüllt und verkauft", ["Abfüllung", "abfüllen", "abzufüllen", "verkaufen", "Verkauf"]),
        ("Die Abfüllung und der Kauf sind nun geplant", ["abgefüllt", "gekauft", "planen"]),
        ("Der Server ist umgezogen, das haben wir beschlossen", ["umziehen", "umzuziehen", "beschließen", "beschloss"]),
        ("the databases were running", ["database", "runs"]),
        ("We chose Postgres, and Ana has rewritten it", ["choose", "choosing", "chosen", "rewrite", "rewrote"]),
        ("\u0661\u0662\u0663", ["123"]),
    ],
)
def test_every_spelling_finds_a_text(text: str, words: list[str]) -> None:
    """Capitals, accents, normal forms, typed umlauts, invisible marks and endings make no difference."""
    connection = index(text, "something else")
    assert {word: found(connection, word) for word in words} == {word: [1] for word in words}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("written in C++", "C#"),
        ("written in C", "C++"),
        ("written in C#", "C"),
        ("\u092a\u093e\u0928\u0940", "\u092a\u0928"),
        ("the cats", "de:cat"),
    ],
)
def test_different_words_stay_apart(text: str, word: str) -> None:
    """Signs of a name and vowel signs belong to their word."""
    assert found(index(text), word) == []


@given(st.text(max_size=200))
def test_a_text_is_found_by_each_of_its_words(text: str) -> None:
    """What an index holds of a text is among what a question asks for, position by position."""
    held, asked = terms(text), question_terms(text)
    assert len(held) == len(asked) == len(stems(text))
    assert all(set(left) & set(right) for left, right in zip(held, asked, strict=True))


@given(st.text(max_size=60))
def test_any_text_can_be_indexed_and_asked(text: str) -> None:
    """No text breaks an index, whatever it is made of."""
    found(index(text.replace("\0", " ")), text.replace("\0", " "))


@pytest.mark.parametrize("letter", ["a", "ä", "я", "é", "字", "x1", "donaudampf"])
def test_a_run_of_letters_costs_what_it_is_long(letter: str) -> None:
    """What is longer than any word of a language is one term, or one for each character, and never all its parts."""
    run = letter * 20_000
    cut = terms(f"das ist und der die nicht {run}")
    assert sum(len(form) for alternatives in cut for form in alternatives) <= 10 * len(run)
