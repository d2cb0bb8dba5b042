"""Importing: everything that was said gets in once, whatever state the files are in."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_router.engines.transcripts.importing import ImportReport, import_transcripts
from memory_router.errors import NewerStoreError, StoreError
from memory_router.storage.fulltext import register
from tests.engines.transcripts.speech import record, talk, write

Import = Callable[..., ImportReport]


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Return where the archive is to be."""
    return str(tmp_path / "cache" / "transcripts.db")


@pytest.fixture
def bring(tmp_path: Path, database: str) -> Import:
    """Return a function that imports everything below the folder `in`."""
    (tmp_path / "in").mkdir()
    return lambda: import_transcripts([str(tmp_path / "in")], database=database)


def rows(database: str, sql: str) -> list[Any]:
    """Return what a query finds in the archive."""
    connection = apsw.Connection(database, flags=apsw.SQLITE_OPEN_READONLY)
    register(connection)
    return list(connection.execute(sql))


def edges(database: str) -> dict[str, str | None]:
    """Return each node's id with that of its parent."""
    return dict(rows(database, "SELECT n.name, p.name FROM nodes n LEFT JOIN nodes p ON p.id = n.parent"))


def test_branches_keep_their_edges(bring: Import, database: str, tmp_path: Path) -> None:
    """Two children of one parent are both kept, and each keeps its edge; project, role, time and files are known."""
    edit = {"type": "tool_use", "name": "Edit", "input": {"file_path": "src/bed.py", "new_string": "rows = 4"}}
    records = [*talk("Which bed?", "The north one or the south one."), record("b1", "t1", "user", "North.", 5)]
    records += [record("b2", "t1", "user", "South.", 6)]
    records += [record("b3", "b2", "assistant", [{"type": "text", "text": "South it is."}, edit])]
    write(tmp_path / "in" / "s.jsonl", records)
    assert bring().added == 5
    assert edges(database) == {"t0": None, "t1": "t0", "b1": "t1", "b2": "t1", "b3": "b2"}
    sql = (
        "SELECT s.project, n.role, n.time, n.files FROM nodes n JOIN sessions s ON s.id = n.session WHERE n.name = 'b3'"
    )
    assert rows(database, sql) == [("/srv/garden", "assistant", 1791190800.0, '["src/bed.py"]')]


def test_compaction_and_bookkeeping_link_through(bring: Import, database: str, tmp_path: Path) -> None:
    """A compact boundary, a meta record and a thought have no words of their own, but children reach what is above."""
    boundary = {
        "type": "system",
        "subtype": "compact_boundary",
        "uuid": "c",
        "parentUuid": None,
        "logicalParentUuid": "t1",
    }
    summary = record("s", "c", "user", "They chose the north bed.", isCompactSummary=True)
    thought = record("h", "s", "assistant", [{"type": "thinking", "thinking": "hm"}])
    records = [*talk("Which?", "North."), boundary, summary, thought, record("u", "h", "user", "Go on.")]
    records += [{"type": "summary", "summary": "North bed chosen", "leafUuid": "t1"}]
    write(tmp_path / "in" / "s.jsonl", records)
    bring()
    assert edges(database) == {"t0": None, "t1": "t0", "s": "t1", "u": "s", "summary:t1": "t1"}
    assert rows(database, "SELECT count(*) FROM nodes WHERE role = 'summary'") == [(2,)]


def test_an_answer_over_several_lines_is_one_turn(bring: Import, database: str, tmp_path: Path) -> None:
    """Lines with one message id are one answer; what follows any of them follows it."""
    first = record("a1", "t0", "assistant", [{"type": "text", "text": "I will."}])
    second = record("a2", "a1", "assistant", [{"type": "tool_use", "name": "Read", "input": {"file_path": "bed.py"}}])
    for one in (first, second):
        one["message"]["id"] = "msg_1"
    write(tmp_path / "in" / "s.jsonl", [*talk("Do it."), first, second, record("u", "a2", "user", "Thanks.")])
    assert bring().added == 3
    assert edges(database)["u"] == "a1"
    assert rows(database, "SELECT text, tools FROM nodes WHERE name = 'a1'") == [("I will.", "Read file_path: bed.py")]


def test_resumed_sessions_and_forks_are_not_counted_twice(bring: Import, database: str, tmp_path: Path) -> None:
    """A resumed session repeats records; a fork repeats them under new ids: each was said once."""
    said = talk("Which bed?", "North.")
    write(tmp_path / "in" / "a.jsonl", said)
    fork = {**said[1], "uuid": "f1", "forkedFrom": {"sessionId": "session-1", "messageUuid": "t1"}}
    write(tmp_path / "in" / "b.jsonl", [*said, fork, record("n", "f1", "user", "And then?")])
    report = bring()
    assert (report.added, report.repeated) == (3, 2)
    assert edges(database)["n"] == "t1"


def test_sidechains_are_kept_apart(bring: Import, database: str, tmp_path: Path) -> None:
    """A helper's file names its parent's session; what it says belongs to the helper."""
    helper = record("h", None, "user", "Look for slugs.", isSidechain=True)
    write(tmp_path / "in" / "agent-7.jsonl", [helper])
    write(tmp_path / "in" / "session-1.jsonl", talk("Go."))
    bring()
    assert sorted(rows(database, "SELECT name, agent FROM sessions")) == [("session-1", ""), ("session-1", "7")]


def test_parents_that_are_nowhere_leave_the_order_of_the_file(bring: Import, database: str, tmp_path: Path) -> None:
    """A record whose parent does not exist, or is itself, is a root, but the turn before it counts as before it."""
    records = [*talk("One."), record("d", "gone", "assistant", "Two."), record("e", "e", "user", "Three.")]
    write(tmp_path / "in" / "s.jsonl", records)
    bring()
    assert edges(database) == {"t0": None, "d": None, "e": None}
    assert rows(database, "SELECT p.name FROM nodes n JOIN nodes p ON p.id = n.previous ORDER BY n.id") == [
        ("t0",),
        ("d",),
    ]


def test_a_half_written_line_is_read_when_it_is_whole(bring: Import, database: str, tmp_path: Path) -> None:
    """The last line may be half-written: it is no error, and the next run reads it, and nothing else again."""
    whole = json.dumps(talk("One.", "Two.")[1]).encode()
    file = write(tmp_path / "in" / "s.jsonl", [*talk("One."), whole[:40]], end=b"")
    first = bring()
    assert (first.added, first.unreadable_lines) == (1, 0)
    with file.open("ab") as stream:
        stream.write(whole[40:] + b"\n")
    second = bring()
    assert (second.added, second.repeated) == (1, 0)
    assert bring().read == 0
    assert edges(database)["t1"] == "t0"


def test_damaged_lines_are_counted_and_passed_over(bring: Import, tmp_path: Path) -> None:
    """Lines that are no JSON, no UTF-8, or of other types than expected do not stop what follows."""
    odd: list[Any] = [b"{broken", b"\xff\xfe\x00", b"[1]", b"{" * 5000, {"uuid": 7}, {"uuid": "x", "type": ["user"]}]
    odd += [record("n", None, "user", None), record("l", None, "user", [None, 3, {"type": "text", "text": 4}])]
    latin = json.dumps(record("z", "t0", "user", "Beet @")).encode().replace(b"@", b"\xe9")
    lone = json.dumps(record("q", "t0", "user", "half \ud83d pair")).encode()
    write(tmp_path / "in" / "s.jsonl", [*talk("One."), *odd, latin, lone])
    report = bring()
    assert (report.added, report.unreadable_lines) == (3, 4)


def test_a_file_written_anew_is_read_anew(bring: Import, database: str, tmp_path: Path) -> None:
    """A file that shrank or has another beginning is read from the start; what it said before stays."""
    file = write(tmp_path / "in" / "s.jsonl", talk("One.", "Two.", "Three."))
    bring()
    write(file, talk("Other.", prefix="o"))
    assert bring().added == 1
    file.unlink()
    assert bring().messages == 4


def test_secrets_are_not_stored(bring: Import, database: str, tmp_path: Path) -> None:
    """Secrets in turns and in tool arguments are redacted before they reach the disk."""
    secret = "ghp_" + "a1B2" * 10
    tool = {"type": "tool_use", "name": "Bash", "input": {"command": f"git push https://x:{secret}@host/r"}}
    records = [record("a", None, "user", f"use {secret}"), record("b", "a", "assistant", [tool])]
    write(tmp_path / "in" / "s.jsonl", records)
    bring()
    stored = b"".join(path.read_bytes() for path in Path(database).parent.iterdir())
    assert secret.encode() not in stored


def test_openclaw_sessions(bring: Import, database: str, tmp_path: Path) -> None:
    """OpenClaw's tree of messages, tool results and bare lines is read; its ids are unique in their session only."""

    def said(name: str, parent: str | None, role: str, content: Any) -> dict[str, Any]:
        return {"type": "message", "id": name, "parentId": parent, "timestamp": "2026-10-05T09:00:00Z",
                "message": {"role": role, "content": content}}  # fmt: skip

    call = {"type": "toolCall", "id": "c", "name": "edit", "arguments": {"path": "bed.py"}}
    head = {"type": "session", "version": 3, "id": "s", "timestamp": "2026-10-05T09:00:00Z", "cwd": "/srv/garden"}
    body = [said("1", None, "user", "Which?"), said("2", "1", "assistant", [{"type": "text", "text": "North."}, call])]
    body += [said("3", "2", "toolResult", [{"type": "text", "text": "ok"}])]
    write(tmp_path / "in" / "a.jsonl", [head, *body])
    write(tmp_path / "in" / "b.jsonl", [{**head, "id": "other"}, *body])
    write(tmp_path / "in" / "c.jsonl", [{"role": "user", "content": "Bare."}, {"role": "assistant", "content": "Yes."}])
    write(tmp_path / "in" / "d.jsonl", [{"no": "transcript"}])
    report = bring()
    assert report.added == 8
    assert report.skipped == {"no transcript": 1}
    found = edges(database)
    assert found["s:3"] == "s:2"
    assert [found[name] for name in found if name.startswith("c:")] == [None, "c:@0"] or len(found) == 8


def test_times_of_every_zone_are_one_moment(bring: Import, database: str, tmp_path: Path) -> None:
    """A time counts in its own zone, in UTC without one; a record without any takes the time of what it follows."""
    stamps = [
        "2026-10-05T11:00:00+02:00",
        "2026-10-05T09:00:00Z",
        "2026-10-05T09:00:00",
        1791190800000,
        "garbage",
        None,
    ]
    records = [record(f"t{at}", f"t{at - 1}", "user", f"{at}.", timestamp=stamp) for at, stamp in enumerate(stamps)]
    write(tmp_path / "in" / "s.jsonl", records)
    bring()
    assert rows(database, "SELECT DISTINCT time FROM nodes") == [(1791190800.0,)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.one_of(st.binary(max_size=60), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["type", "uuid", "parentUuid", "message", "content", "role", "id", "timestamp",
                                       "user", "text", "isMeta"]), inner, max_size=6),
    max_leaves=12)), max_size=6))  # fmt: skip
def test_no_line_breaks_an_import(lines: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever stands in a file, an import ends, and what is well-formed beside it gets in."""
    folder = tmp_path_factory.mktemp("any")
    raw = [line.replace(b"\n", b"") if isinstance(line, bytes) else line for line in lines]
    write(folder / "s.jsonl", [*talk("One."), *raw, *talk("Last.", prefix="z")])
    import_transcripts([str(folder)], database=str(folder / "t.db"))
    assert {"t0", "z0"} <= edges(str(folder / "t.db")).keys()


def test_an_archive_survives_a_kill(tmp_path: Path, database: str) -> None:
    """An import that is killed leaves an archive that is whole; the next one adds exactly what is missing."""
    for number in range(6):
        write(
            tmp_path / "in" / f"{number}.jsonl", talk(*["word " * 40] * 2500, session=str(number), prefix=f"{number}-")
        )
    code = (
        "import sys; from memory_router.engines.transcripts.importing import *\n"
        "class L(ImportListener):\n"
        " def advanced(self, size):\n"
        "  print(size, flush=True)\n"
        "import_transcripts([sys.argv[1]], database=sys.argv[2], listener=L())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "in"), database]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as process:
        assert process.stdout
        for _ in range(9):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    report = import_transcripts([str(tmp_path / "in")], database=database)
    assert report.messages == 15_000
    assert rows(database, "SELECT count(*) FROM node_text('word')") == [(15_000,)]
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]


def _import(folder: str, database: str) -> None:
    import_transcripts([folder], database=database)


def test_two_importers_at_once(tmp_path: Path, database: str) -> None:
    """Two imports at the same time add everything once."""
    for number in range(5):
        write(tmp_path / "in" / f"{number}.jsonl", talk(*["word"] * 300, session=str(number), prefix=f"{number}-"))
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_import, args=(str(tmp_path / "in"), database)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert rows(database, "SELECT count(*) FROM nodes") == [(1500,)]


def test_large_files_are_streamed(tmp_path: Path, database: str) -> None:
    """A session of 200 MB, most of it images and outputs, is never in memory as a whole, nor is a line without end."""
    spoken = json.dumps(record("@", None, "user", "word " * 4000)).encode()
    image = [{"type": "tool_result", "content": [{"type": "image", "source": {"data": "A" * 900_000}}]}]
    pasted = json.dumps(record("#", "0", "user", [*image, {"type": "text", "text": "See this."}])).encode()
    with (tmp_path / "big.jsonl").open("wb") as stream:
        for number in range(200):
            stream.write(spoken.replace(b'"@"', b'"%d"' % number) + b"\n")
            stream.write(pasted.replace(b'"#"', b'"p%d"' % number) + b"\n")
        stream.write(b'{"uuid": "' + b"x " * 10_000_000 + b'"}\n')
    assert (tmp_path / "big.jsonl").stat().st_size > 200_000_000
    process = multiprocessing.get_context("spawn").Process(target=_import_bounded, args=(str(tmp_path), database))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert rows(database, "SELECT count(*) FROM nodes") == [(400,)]


def _import_bounded(folder: str, database: str) -> None:
    assert import_transcripts([folder], database=database).unreadable_lines == 1
    # Not `getrusage`: its peak includes that of the process which this one was started from.
    with open("/proc/self/status", encoding="ascii") as status:
        peak = next(line for line in status if line.startswith("VmHWM:"))
    assert int(peak.split()[1]) < 200_000


def test_databases_that_cannot_be_used(tmp_path: Path, bring: Import, database: str) -> None:
    """A damaged archive is set aside and built again; a newer one is refused untouched; a missing place is named."""
    write(tmp_path / "in" / "s.jsonl", talk("One."))
    os.makedirs(os.path.dirname(database))
    Path(database).write_bytes(b"no database" * 1000)
    report = bring()
    assert (report.messages, len(report.notes)) == (1, 1)
    connection = apsw.Connection(database)
    connection.execute("UPDATE schema_versions SET version = 99")
    connection.close()
    with pytest.raises(NewerStoreError):
        bring()
    with pytest.raises(StoreError, match="does not exist"):
        import_transcripts([str(tmp_path / "gone")], database=database)


def test_an_older_archive_is_read_anew(tmp_path: Path, bring: Import, database: str) -> None:
    """What turns show is read by today's rules when an archive is migrated; what was chosen in a dialog stays so."""
    result = [{"type": "tool_result", "tool_use_id": "x", "content": ""}]
    chosen = record("a", "t1", "user", result, 3, toolUseResult={"answers": {"Which mulch?": "Straw"}})
    write(tmp_path / "in" / "s.jsonl", [*talk("We decided to use the hose.", "Okay."), chosen])
    bring()
    shown = rows(database, "SELECT name, cues FROM nodes")
    with apsw.Connection(database) as connection:
        connection.execute("UPDATE nodes SET cues = 0 WHERE name <> 'a'")
        connection.execute("UPDATE schema_versions SET version = version - 1 WHERE room = 'conversations'")
    bring()
    assert rows(database, "SELECT name, cues FROM nodes") == shown
