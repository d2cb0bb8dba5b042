"""Laws of reading a question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.text.spelling import normal
from memory_router.text.terms import words_in
from memory_router.text.words import identifier_terms, identifiers_in, name_terms, parse, split_name


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("why did we choose Postgres", ("choose", "postgres")),
        ("how does error handling work in the API layer", ("error", "handling", "api", "layer")),
        ("explain the caching strategy", ("caching", "strategy")),
        ("What is Caroline's identity?", ("caroline", "identity")),
        ("what is it", ("what", "is", "it")),
        ("", ()),
        ("cu\u00e1l es la contrase\u00f1a del servidor", ("contrase\u00f1a", "servidor")),
        ("wo liegen die Sicherungen", ("liegen", "sicherungen")),
        ("what is written in Go", ("written", "go")),
        ("when is Will's birthday", ("will", "birthday")),
        ("WHERE IS THE OFFICE", ("office",)),
        ("what uses C# and R&D", ("uses", "c#", "r&d")),
        ("caf&eacute; Ge\u00adsamt", ("caf\u00e9", "gesamt")),
        ("\U0001f680", ("\U0001f680",)),
        ("?!", ()),
        ("Wie viele Gäste kamen und wie oft?", ("gäste", "kamen")),
        ("combien de clients avons-nous maintenant", ("clients",)),
        ("¿cuántas botellas tenemos todavía?", ("botellas",)),
        ("is the hinge still broken", ("hinge", "broken")),
    ],
)
def test_only_content_words_are_kept(question: str, words: tuple[str, ...]) -> None:
    """Words that only ask are dropped, unless nothing else was said."""
    assert parse(question).words == words


@pytest.mark.parametrize("name", ["parseAuthToken", "parse_auth_token", "ParseAuthToken", "PARSE_AUTH_TOKEN"])
def test_every_spelling_of_a_name_has_the_same_joined_form(name: str) -> None:
    """However a name is spelt, it is found by the same joined form and the same parts."""
    (found,) = parse(f"find the function {name}").identifiers
    assert (found.joined, found.parts) == ("parseauthtoken", ("parse", "auth", "token"))
    assert found.is_code


def test_kinds_are_dropped_next_to_a_name_only() -> None:
    """`function` says nothing beside the function's name, and is what is asked for without one."""
    assert parse("find the function parseAuthToken").words == ()
    assert parse("function keys").words == ("function", "keys")


@pytest.mark.parametrize(
    ("question", "paths"),
    [
        ("src/auth/login.py", ("src/auth/login.py",)),
        ("search in src/models/*.ts", ("src/models/*.ts",)),
        ("*.swift files", ("*.swift",)),
        ("web/src/hooks", ("web/src/hooks",)),
        ("what is in notes/incidents/?", ("notes/incidents/",)),
        ("tests/**/*.py", ("tests/**/*.py",)),
        ("see test_auth.py, please", ("test_auth.py",)),
        ("a.py", ("a.py",)),
        ("error at src/app.py:12:3", ("src/app.py",)),
        ("cats and/or dogs", ()),
        ("I/O, he/she, client/server, read/write", ()),
        ("since 11/18/2026 or 2026/11/18", ()),
        ("https://example.org/a/b.html", ()),
        ("at 3 a.m. or so, e.g. tomorrow", ()),
    ],
)
def test_paths_are_told_from_prose(question: str, paths: tuple[str, ...]) -> None:
    """Files, folders and globs are paths; slashes of prose, dates and addresses are not."""
    assert parse(question).paths == paths


@pytest.mark.parametrize(
    "name",
    [
        "CVE-2024-1234",
        "PROJ-17",
        "10.0.0.1",
        "3c:22:fb:9a:10:01",
        "550e8400-e29b-41d4-a716-446655440000",
        "a.b@example.org",
    ],
)
def test_numbers_of_things_and_addresses_are_whole(name: str) -> None:
    """What means something as a whole only is one word of the question, never its parts."""
    question = parse(f"what is {name}")
    assert question.words == (name.lower(),)
    assert not question.identifiers
    assert not question.paths


def test_dates_are_no_numbers_of_things() -> None:
    """The parts of a date are searched for, since a text may write it in words."""
    assert parse("on 2026-11-02").words == ("2026", "11", "02")


def test_quoted_phrases_keep_their_words() -> None:
    """A phrase stands apart, and its words are searched for too."""
    question = parse('who said "out of memory" yesterday')
    assert question.phrases == ("out of memory",)
    assert set(question.words) >= {"memory", "yesterday"}


def test_index_terms_hold_whole_and_parts() -> None:
    """Identifiers of a text are indexed joined and split; plain words are left to the text's own column."""
    terms = identifier_terms("def parseAuthToken(raw_token): return os.path.join(x)").split()
    assert set(terms) >= {"parseauthtoken", "parse", "auth", "token", "rawtoken", "raw", "ospathjoin"}
    assert "return" not in terms


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OAuthClient", "oauth client"),
        ("MySQLPool", "mysql pool"),
        ("GitHubWebhook", "github webhook"),
        ("K8sClient", "k8s"),
    ],
)
def test_short_parts_of_a_name_join_their_neighbours(name: str, words: str) -> None:
    """Where a capital parts what people write as one word, both ways find the name."""
    assert set(words.split()) <= set(name_terms(name))


def test_names_split_at_case_and_digits() -> None:
    """Capital runs, digits and separators end a part."""
    assert split_name("HTTPServer2_for-XMLHttp") == ("http", "server", "2", "for", "xml", "http")


@given(st.text(max_size=400))
def test_any_text_is_read_and_nothing_is_lost(text: str) -> None:
    """No text breaks the reader; whatever has a letter gives something to search for; reading again is the same."""
    question = parse(text)
    assert question == parse(text)
    assert all(name.joined == "".join(name.parts) for name in identifiers_in(text))
    if words_in(normal(text)):
        assert question.words or question.identifiers or question.paths


@pytest.mark.parametrize(
    "piece",
    [
        "_",
        "a",
        "a_",
        "a-",
        "a.",
        "A",
        "aB",
        '"',
        "\u201c",
        "/",
        "a/",
        "*",
        ".",
        "?",
        "\0",
        "{",
        "1.",
        "a1-",
        "@",
        "a@",
        "&",
        "\u00e9",
        "\u0e15",
        "\u0301",
    ],
)
def test_long_hostile_text_is_read_in_linear_time(piece: str) -> None:
    """No repetition makes the patterns run away (the test's own time limit is the judge)."""
    parse(piece * 30_000)
    identifier_terms(piece * 30_000)


def test_a_star_after_a_word_is_a_beginning() -> None:
    """`parse*` and `parse_au*` ask for a beginning; emphasis and globs do not."""
    assert parse("find parse_au* calls").words[0] == "parseau*"
    assert parse("*very* **important** a*b").words == ("important", "b")
    assert parse("src/*.py").words == ()


def test_verbs_with_their_pronoun_are_not_names() -> None:
    """French asks with the pronoun behind the verb; names of code with such a part are rare."""
    assert not identifiers_in("Qu'avons-nous décidé, et est-ce le dernier choix ? Va-t-il rester ?")
    assert [name.text for name in identifiers_in("est-ce dans add-on ou kebab-case ?")] == ["add-on", "kebab-case"]


@pytest.mark.parametrize(
    ("question", "paths"),
    [
        ("what is in Plan (final).md", ("(final).md",)),
        ("copy (2).txt", ("(2).txt",)),
        ("(see foo.md)", ("foo.md",)),
        ('("src/x.py"),', ("src/x.py",)),
        ("what does foo(bar) do", ()),
    ],
)
def test_brackets_belong_to_a_name_where_they_stand_inside_it(question: str, paths: tuple[str, ...]) -> None:
    """Brackets around a name are punctuation; before its ending they are a part of it."""
    assert parse(question).paths == paths
