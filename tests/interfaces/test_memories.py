"""What must hold of the commands that look after memories, as a user runs them."""

import json

import pytest

from memory_router.engines.tiers.store import MemoryStore
from tests.conftest import Home

LINES = [
    {"text": "The tide offset is 0.25 m.", "timestamp": "2026-06-01T09:00:00Z", "importance": 0.5, "tags": ["tides"]},
    {"text": "The tide offset is 0.35 m now.", "timestamp": "2026-11-01T09:00:00+02:00", "importance": 0.9},
]


@pytest.fixture
def filled(home: Home) -> Home:
    """Return a home into which two memories were imported."""
    (home.folder / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    assert home.run("import", "in.jsonl").json["imported"] == 2
    return home


def test_only_what_says_so_replaces_another(home: Home) -> None:
    """Lines without ids have nothing to do with each other: no memory is marked as replaced by the next line."""
    lines = (json.dumps({"text": f"The {name} berth is closed."}) for name in ("north", "south", "east"))
    assert home.run("import", "-", stdin="\n".join(lines)).json["imported"] == 3
    exported = [json.loads(line) for line in home.run("export", "-").out.splitlines()]
    assert [(one.get("supersedes"), one.get("superseded_by")) for one in exported] == [(None, None)] * 3


def test_an_import_keeps_times_and_can_be_repeated(filled: Home) -> None:
    """Times, tags and tiers are those of the file; a second time changes nothing."""
    again = filled.run("import", "in.jsonl").json
    assert (again["imported"], again["already_there"]) == (0, 2)
    old, new = sorted(filled.run("recall", "tide offset").json["results"], key=lambda one: str(one["timestamp"]))
    assert (old["timestamp"], old["tags"], old["tier"]) == ("2026-06-01T09:00:00Z", ["tides"], "session")
    assert (new["timestamp"], new["importance"], new["tier"]) == ("2026-11-01T07:00:00Z", 0.9, "persistent")


def test_lines_that_cannot_be_read_are_told(home: Home) -> None:
    """Each by its number and its reason; the others are imported, and the exit code is 1."""
    wrong = [
        "{",
        "[]",
        '{"text": 1}',
        '{"text": "x", "importance": 3}',
        '{"text": "x", "timestamp": "soon"}',
        '{"text": ""}',
    ]
    outcome = home.run("import", "-", stdin="\n".join([*wrong, '{"text": "the only good one"}', ""]))
    assert (outcome.code, outcome.json["imported"]) == (1, 1)
    assert [refused["line"] for refused in outcome.json["refused"]] == [1, 2, 3, 4, 5, 6]
    assert "Traceback" not in outcome.err


def test_an_export_comes_back_as_it_was(filled: Home) -> None:
    """What was exported and imported elsewhere is exported the same; Markdown is for people."""
    first = filled.run("export", "-").out
    assert filled.run("export", "out.jsonl").code == 0
    assert filled.run("export", "out.jsonl").code == 1
    filled.run("forget", "--until", "2030-01-01", "--yes")
    assert filled.run("export", "-").out == ""
    filled.run("import", "out.jsonl")
    assert filled.run("export", "-").out == first
    assert "## 2026-06-01" in filled.run("export", "-", "--format", "markdown").out


def test_forgetting_asks_first_and_gives_a_receipt(filled: Home) -> None:
    """Nobody to ask: nothing is forgotten. A dry run says what would go. The audit trail tells, without the text."""
    assert filled.run("forget", "--tag", "tides").code == 1
    planned = filled.run("forget", "--tag", "tides", "--dry-run").json
    assert (planned["count"], planned["dry_run"]) == (1, True)
    receipt = filled.run("forget", "--tag", "tides", "--yes").json
    assert receipt["forgotten"] == planned["forgotten"]
    assert filled.run("recall", "tide").json["result_count"] == 1
    events = filled.run("tiers", "--audit", "5").json["audit"]
    assert events[0]["event"] == "forgotten"
    assert "0.25" not in json.dumps(events)
    assert filled.run("forget").code == 1


def test_a_memory_moves_on_request(filled: Home) -> None:
    """Up, down, and not where there is nothing."""
    memory_id = next(one["id"] for one in filled.run("recall", "tide").json["results"] if one["tier"] == "session")
    assert filled.run("promote", memory_id).json["tier"] == "persistent"
    assert filled.run("promote", memory_id).code == 1
    assert filled.run("demote", memory_id, "--to", "ephemeral").json["tier"] == "ephemeral"
    assert filled.run("demote", "nobody").code == 1


def test_a_backup_is_a_store(filled: Home) -> None:
    """It holds what the database holds, and is not overwritten unasked."""
    assert filled.run("backup", "copy.db").json["memories"] == 2
    assert filled.run("backup", "copy.db").code == 1
    copy = MemoryStore.open_read_only(str(filled.folder / "copy.db"))
    assert copy
    assert copy.count() == 2


def test_personal_data_is_redacted_unless_allowed(home: Home) -> None:
    """Kinds are told; `--allow-sensitive` keeps the text."""
    text = "Write to ines@harbor.example or +47 912 34 567, card 4111 1111 1111 1111"
    answer = home.run("remember", text).json
    assert answer["redacted"] == ["card-number", "email", "telephone"]
    assert "ines@" not in answer["text"]
    assert home.run("remember", text, "--allow-sensitive").json["text"] == text


def test_a_secret_is_kept_where_it_is_allowed(home: Home) -> None:
    """`--allow-sensitive` overrides the refusal, in text and tags, when remembered and when imported."""
    secret = "password=hunter2xyz9"
    kept = home.run("remember", secret, "--tag", "ines@harbor.example", "--allow-sensitive").json
    assert (kept["text"], kept["tags"], kept["redacted"]) == (secret, ["ines@harbor.example"], [])
    assert home.run("recall", "hunter2xyz9").json["results"][0]["text"] == secret
    line = json.dumps({"text": "the key is AKIAIOSFODNN7EXAMPLE"})
    assert home.run("import", "-", "--allow-sensitive", stdin=line).json["redacted"] == 0


@pytest.mark.parametrize("form", ["{}", "totalrecall:{}"])
def test_an_id_is_taken_with_and_without_the_name_of_its_backend(home: Home, form: str) -> None:
    """What `remember` prints serves `get`, `promote`, `demote` and `forget` as it is, and so does the bare id."""
    printed = home.run("remember", "The tide offset is 0.35 m", "--importance", "0.5").json["id"]
    name, _, bare = str(printed).partition(":")
    assert name == "totalrecall"
    given = form.format(bare)
    home.run("init")
    assert home.run("get", given).json["results"][0]["id"] == printed
    assert home.run("promote", given).json["id"] == printed
    assert home.run("demote", given).json["tier"] == "session"
    assert home.run("forget", given, "--yes").json["forgotten"] == [{"id": printed, "tier": "session", "project": None}]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("remember", "x", "--importance", "nan"), "not a number from 0 to 1"),
        (("remember", "x", "--importance", "1.5"), "not a number from 0 to 1"),
        (("remember", "x", "--tier", "eternal"), "ephemeral, session, persistent"),
        (("remember", "x" * 100_001), "memory-router index PATH"),
        (("recall", "x", "--since", "nonsense"), "2026-06-30"),
        (("recall", "x", "--tier", "eternal"), "ephemeral, session, persistent"),
        (("promote", "nobody"), "no memory with the id"),
        (("forget",), "Name ids"),
    ],
)
def test_what_cannot_be_meant_is_told_with_a_fix(home: Home, arguments: tuple[str, ...], told: str) -> None:
    """The exit code is 1, stdout stays empty, and the message says what to give instead."""
    outcome = home.run(*arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert told in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    "text", ["Our Redis cache runs on port 6380 of host falke02", "ok danke", "Is the gauge broken?", "temp is 20"]
)
def test_what_is_remembered_on_purpose_never_expires_by_a_guess(home: Home, text: str) -> None:
    """Without an importance a text is neutral, whatever its words: it has no date on which it goes."""
    answer = home.run("remember", text).json
    assert (answer["tier"], answer["importance"], answer["expires"]) == ("session", 0.5, None)


def test_the_same_text_again_adds_tags_and_takes_the_higher_importance(home: Home) -> None:
    """Nothing that was said about a text is dropped because the text is there already."""
    home.run("remember", "Cranes are green", "--tag", "port")
    answer = home.run("remember", "Cranes are green", "--tag", "colour", "--importance", "0.8").json
    assert (answer["status"], answer["tags"], answer["importance"]) == ("already_stored", ["port", "colour"], 0.8)
    assert answer["tier"] == "persistent"
    assert home.run("remember", "Cranes are green", "--importance", "0.1").json["importance"] == 0.8


def test_a_secret_alone_is_refused(home: Home) -> None:
    """There is nothing to remember but the secret."""
    assert home.run("remember", "password=hunter2xyz9").code == 1
