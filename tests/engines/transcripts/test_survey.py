"""The look at the folders of sessions: what was written since the last import is imported after the next answer."""

import os
import time
from pathlib import Path

import pytest

from memory_router import paths
from memory_router.app import asking, indexing
from memory_router.engines.transcripts import survey
from memory_router.engines.transcripts.importing import import_transcripts
from memory_router.storage.files import exclusive
from tests.conftest import Home
from tests.engines.transcripts.speech import talk, write


@pytest.fixture
def sessions(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of Claude Code's with one session that is imported, and from which time it is."""
    monkeypatch.setenv("HOME", str(own_home.folder))
    folder = own_home.folder / ".claude" / "projects" / "-home-me-app"
    folder.mkdir(parents=True)
    write(folder / "a.jsonl", talk("Which port does the heron use?", "8123."))
    old(folder / "a.jsonl")
    import_transcripts()
    return folder


def old(path: Path) -> None:
    """Let a file be written an hour ago."""
    os.utime(path, (time.time() - 3600, time.time() - 3600))


def new(path: Path) -> None:
    """Let a file be written an hour from now: after any import, whatever the clock's steps are."""
    os.utime(path, (time.time() + 3600, time.time() + 3600))


def test_what_was_imported_is_no_news(sessions: Path) -> None:
    """Nothing is behind after an import, and a session of before it does not count."""
    write(sessions / "b.jsonl", talk("And the stork?", "8124."))
    old(sessions / "b.jsonl")
    assert not survey.is_behind()


@pytest.mark.parametrize("name", ["b.jsonl", "b/subagents/agent-c.jsonl", "b.jsonl.reset.2026"])
def test_a_newer_session_is_news(sessions: Path, name: str) -> None:
    """A session written since the last import is seen, however deep it lies; other files are not looked at."""
    (sessions / name).parent.mkdir(parents=True, exist_ok=True)
    (sessions / "notes.txt").write_text("no session")
    new(sessions / "notes.txt")
    assert not survey.is_behind()
    write(sessions / name, talk("And the stork?", "8124."))
    new(sessions / name)
    assert survey.is_behind()


def test_an_import_at_work_is_left_alone(sessions: Path) -> None:
    """No second import is started while one holds the archive."""
    new(sessions / "a.jsonl")
    with exclusive(paths.transcripts_db()):
        assert not survey.is_behind()
    assert survey.is_behind()


@pytest.mark.parametrize("noted", [None, "", "{}", "[1]", '{"began": "x", "places": []}', '{"began": 1, "places": 2}'])
def test_without_an_import_nothing_follows(sessions: Path, noted: str | None) -> None:
    """Who never imported conversations is not surprised by an import, nor is anybody by a damaged note."""
    new(sessions / "a.jsonl")
    if noted is None:
        os.unlink(paths.sessions_survey())
    else:
        Path(paths.sessions_survey()).write_text(noted)
    assert not survey.is_behind()


def test_an_import_of_a_folder_is_no_look_at_all_of_them(sessions: Path) -> None:
    """Importing one folder by name leaves what is new elsewhere to be seen."""
    new(sessions / "a.jsonl")
    import_transcripts([str(sessions.parent.parent)])
    assert survey.is_behind()


def test_sessions_follow_unless_the_user_wants_none(
    sessions: Path, own_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an answer an import is started where sessions are newer, and never where `hooks.session_end` is off."""
    started: list[str] = []
    monkeypatch.setattr(asking, "import_later", lambda: started.append("import"))
    asking.follow_sessions()
    assert started == []
    new(sessions / "a.jsonl")
    own_home.configure(hooks={"session_end": False})
    asking.follow_sessions()
    assert started == []
    own_home.configure(hooks={"session_end": True})
    asking.follow_sessions()
    assert started == ["import"]


def test_whoever_watches_imports_what_is_new(sessions: Path, own_home: Home) -> None:
    """What agents write is imported once, and never where `hooks.session_end` is off."""
    assert indexing.import_new_sessions() is None
    write(sessions / "b.jsonl", talk("And the stork?", "8124.", session="b", prefix="b-"))
    new(sessions / "b.jsonl")
    own_home.configure(hooks={"session_end": False})
    assert indexing.import_new_sessions() is None
    own_home.configure(hooks={"session_end": True})
    report = indexing.import_new_sessions()
    assert report is not None
    assert report.added == 2


def test_a_growing_session_is_seen_among_many(sessions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session that was written last before an import is looked at first, so that a short look sees it grow."""
    for number in range(30):
        write(
            sessions / f"old-{number}.jsonl",
            talk("And the stork?", "8124.", session=f"s{number}", prefix=f"p{number}-"),
        )
        os.utime(sessions / f"old-{number}.jsonl", (time.time() - 9000, time.time() - 9000))
    import_transcripts()
    assert not survey.is_behind()
    monkeypatch.setattr(survey, "_LOOK", -1.0)
    new(sessions / "a.jsonl")
    assert survey.is_behind()
