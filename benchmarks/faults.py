"""Break the stores in every way that we know, and count what is lost: `python benchmarks/faults.py [TRIALS]`.

An APSW VFS fails the Nth write, sync, open or truncate of a database, once or from then on, for N = 1, 2, ... until a
run meets no failure. Writers are killed at random moments, disks are full or read-only, pages are overwritten, files
are torn. After each trial the store is opened again: what was acknowledged must be there, and SQLite must find the file
whole. It prints a line a kind, and a seed for each failure; it fails if a rare state was never reached.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import apsw
from machine import heading

from memory_router.engines.documents.indexing import index
from memory_router.engines.tiers.memory import Selection
from memory_router.engines.tiers.store import MemoryStore
from memory_router.engines.transcripts import place
from memory_router.engines.transcripts.importing import import_transcripts
from memory_router.errors import MemoryRouterError
from memory_router.learning.spool import Spool
from memory_router.storage.salvage import is_whole, salvage

FACTS = 6
_ALL = Selection()
OPERATIONS = ("write", "sync", "truncate", "open")
# States that are rare, and that a campaign must have seen to mean anything.
SOMETIMES = ("fault raised", "write refused", "lock waited", "torn line skipped", "salvage done", "writer killed")


class Outcome(NamedTuple):
    """Hold what one trial showed: acknowledged writes that are gone, and whether the file is not whole afterwards."""

    lost: int = 0
    broken: bool = False


class FaultyVfs(apsw.VFS):
    """Pass everything to the system's VFS, and fail the Nth operation of a kind on files of one database."""

    def __init__(self) -> None:
        self.name = "faulty"
        super().__init__(self.name, "")
        self.operation, self.at, self.for_good, self.count, self.raised = "", 0, False, 0, 0

    def arm(self, operation: str, at: int, *, for_good: bool) -> None:
        """Fail the operation number `at`, counted from 1, and all later ones if it is for good."""
        self.operation, self.at, self.for_good, self.count, self.raised = operation, at, for_good, 0, 0

    def check(self, operation: str, error: type[apsw.Error]) -> None:
        """Raise the driver's error if it is this operation's turn."""
        if operation != self.operation:
            return
        self.count += 1
        if self.count == self.at or (self.for_good and self.count > self.at):
            self.raised += 1
            raise error

    def xOpen(self, name: object, flags: list[int]) -> "FaultyFile":  # noqa: N802 - SQLite's name
        """Open a file, or fail."""
        self.check("open", apsw.CantOpenError)
        return FaultyFile(self, name, flags)


class FaultyFile(apsw.VFSFile):
    """Hold one open file whose operations may fail."""

    def __init__(self, vfs: FaultyVfs, name: object, flags: list[int]) -> None:
        self._vfs = vfs
        super().__init__("", name, flags)  # type: ignore[arg-type]

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write, or fail as a full disk does."""
        self._vfs.check("write", apsw.FullError)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Bring the file to the disk, or fail."""
        self._vfs.check("sync", apsw.IOError)
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        """Shorten the file, or fail."""
        self._vfs.check("truncate", apsw.IOError)
        super().xTruncate(size)


VFS = FaultyVfs()
seen: Counter[str] = Counter()


@contextmanager
def default_vfs(operation: str, at: int, *, for_good: bool) -> Iterator[None]:
    """Let every connection that is opened meanwhile meet the fault."""
    real = apsw.Connection

    class Faulty(real):  # type: ignore[misc, valid-type]
        def __init__(self, path: str, *arguments: object, **named: object) -> None:
            super().__init__(path, *arguments, **({} if path == ":memory:" else {"vfs": VFS.name}) | named)

    VFS.arm(operation, at, for_good=for_good)
    apsw.Connection = Faulty  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        apsw.Connection = real  # type: ignore[misc]
        VFS.arm("", 0, for_good=False)


def remembered(folder: Path) -> list[str]:
    """Remember facts until an error, and return those that were acknowledged."""
    acknowledged: list[str] = []
    store = None
    try:
        store = MemoryStore.open(str(folder / "memory.db"))
        for number in range(FACTS):
            store.remember(f"fact {number} about the harbour")
            acknowledged.append(f"fact {number} about the harbour")
    except (MemoryRouterError, apsw.Error):
        seen["write refused"] += 1
    finally:
        if store:
            with suppress(apsw.Error, MemoryRouterError):
                store.close()
    return acknowledged


def memories_kept(folder: Path, acknowledged: list[str]) -> Outcome:
    """Compare what the store holds with what was acknowledged."""
    path = str(folder / "memory.db")
    store = MemoryStore.open(path)
    held = {memory.text for memory in store.find(_ALL, 0)}
    store.close()
    return Outcome(len(set(acknowledged) - held), not is_whole(path))


def transcript(folder: Path, turns: int = 8, *, torn: bool = False) -> Path:
    """Write a session of Claude Code."""
    rows = [
        {
            "type": ("user", "assistant")[number % 2],
            "uuid": f"u{number}",
            "parentUuid": f"u{number - 1}" if number else None,
            "sessionId": "s",
            "cwd": "/srv",
            "timestamp": f"2026-06-01T10:{number:02d}:00.000Z",
            "message": {"role": ("user", "assistant")[number % 2], "content": f"turn {number} about tides"},
        }
        for number in range(turns)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file = folder / "in" / "s.jsonl"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text[: len(text) * 2 // 3] if torn else text)
    return file


def imported(folder: Path) -> list[str]:
    """Import a session; what a finished import has read is acknowledged."""
    file = transcript(folder)
    try:
        report = import_transcripts([str(file)], database=str(folder / "conversations.db"))
    except (MemoryRouterError, apsw.Error):
        seen["write refused"] += 1
        return []
    return [f"turn {number} about tides" for number in range(report.messages)]


def turns_kept(folder: Path, acknowledged: list[str]) -> Outcome:
    """Import again, as the next session's end does, and look whether every turn is there once."""
    path = str(folder / "conversations.db")
    import_transcripts([str(transcript(folder))], database=path)
    texts = [text for (text,) in apsw.Connection(path).execute("SELECT text FROM nodes")]
    return Outcome(
        len({*acknowledged, *(f"turn {n} about tides" for n in range(8))} - set(texts)) + len(texts) - 8,
        not is_whole(path),
    )


def indexed(folder: Path) -> list[str]:
    """Index a folder of notes; what a finished run has read is acknowledged."""
    notes = folder / "notes"
    notes.mkdir(exist_ok=True)
    for number in range(FACTS):
        (notes / f"{number}.md").write_text(f"# Note {number}\n\nThe tide is {number}.\n")
    try:
        index([str(notes)], database=str(folder / "documents.db"))
    except (MemoryRouterError, apsw.Error):
        seen["write refused"] += 1
        return []
    return [str(notes / f"{number}.md") for number in range(FACTS)]


def notes_kept(folder: Path, _acknowledged: list[str]) -> Outcome:
    """Index again, and look whether every note is there."""
    path = str(folder / "documents.db")
    expected = set(indexed(folder))
    held = {str(file) for (file,) in apsw.Connection(path).execute("SELECT path FROM files")}
    return Outcome(len(expected - held), not is_whole(path))


STORES: dict[str, tuple[Callable[[Path], list[str]], Callable[[Path, list[str]], Outcome]]] = {
    "memories": (remembered, memories_kept),
    "conversations": (imported, turns_kept),
    "documents": (indexed, notes_kept),
}


def failing_disk(store: str, operation: str, *, for_good: bool) -> Callable[[int, int], Outcome | None]:
    """Return a trial that fails the Nth operation of a store; None once a run met no failure."""
    write, check = STORES[store]

    def trial(number: int, _seed: int) -> Outcome | None:
        with tempfile.TemporaryDirectory() as name:
            with default_vfs(operation, number + 1, for_good=for_good):
                acknowledged = write(Path(name))
                raised = VFS.raised
            seen["fault raised"] += bool(raised)
            return check(Path(name), acknowledged) if raised else None

    return trial


WRITER = """
import sys
from memory_router.engines.tiers.memory import Selection
from memory_router.engines.tiers.store import MemoryStore
store = MemoryStore.open(sys.argv[1])
for number in range(10_000):
    store.remember(f"fact {number} of {sys.argv[2]}")
    print(f"fact {number} of {sys.argv[2]}", flush=True)
"""
RECORDER = """
import sys
from memory_router.learning.spool import Spool
spool = Spool(sys.argv[1])
for number in range(100_000):
    spool.append(f"line {number} of {sys.argv[2]}".encode())
    print(f"line {number} of {sys.argv[2]}", flush=True)
"""


def killed(code: str, path: str, writers: int, seed: int) -> list[str]:
    """Let writers run, kill them at a random moment, and return what they had acknowledged."""
    chance = random.Random(seed)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, path, str(one)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        for one in range(writers)
    ]
    running[0].stdout.readline()  # type: ignore[union-attr]
    time.sleep(chance.uniform(0, 0.15))
    said = []
    for process in running:
        process.send_signal(signal.SIGKILL)
        said.append(process.communicate()[0].decode())
        seen["writer killed"] += 1
    return [line for text in said for line in text.split("\n")[:-1]]


def killed_writers(writers: int) -> Callable[[int, int], Outcome]:
    """Return a trial that kills processes that remember facts at the same time."""

    def trial(_number: int, seed: int) -> Outcome:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "memory.db"
            acknowledged = killed(WRITER, str(path), writers, seed)
            seen["lock waited"] += writers > 1
            return memories_kept(Path(name), acknowledged)

    return trial


def killed_recorders(_number: int, seed: int) -> Outcome:
    """Kill processes that record questions; every line that was acknowledged is in the file, whole."""
    with tempfile.TemporaryDirectory() as name:
        path = f"{name}/executions.jsonl"
        acknowledged = killed(RECORDER, path, 4, seed)
        with Spool(path).taken() as lines:
            return Outcome(len(set(acknowledged) - {line.decode() for line in lines}))


def killed_replacer(_number: int, seed: int) -> Outcome:
    """Kill a process that replaces a file again and again; the file is one of the contents, never a mixture."""
    code = (
        "import sys\nfrom memory_router.storage.files import write_whole\n"
        "for n in range(10**6):\n    write_whole(sys.argv[1], (str(n % 10) * 100_000).encode()); print(n, flush=True)"
    )
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "state.json"
        killed(code, str(path), 1, seed)
        content = path.read_bytes()
        return Outcome(broken=len(content) != 100_000 or len(set(content)) != 1)


def torn_transcript(_number: int, _seed: int) -> Outcome:
    """Import a session whose last line is half written, then the whole one: no turn is missing or there twice."""
    with tempfile.TemporaryDirectory() as name:
        file = transcript(Path(name), torn=True)
        import_transcripts([str(file)], database=f"{name}/conversations.db")
        seen["torn line skipped"] += 1
        return turns_kept(Path(name), [])


def damaged_page(store: str) -> Callable[[int, int], Outcome]:
    """Return a trial that overwrites a page and salvages the rest; at most what stood on that page may be missing."""

    def trial(_number: int, seed: int) -> Outcome:
        with tempfile.TemporaryDirectory() as name:
            write, _ = STORES[store]
            write(Path(name))
            path = Path(name) / ("memory.db" if store == "memories" else "conversations.db")
            content = bytearray(path.read_bytes())
            page = random.Random(seed).randrange(1, len(content) // 4096)
            content[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
            path.write_bytes(content)
            if not is_whole(str(path)):
                told = salvage(str(path)) if store == "memories" else place.mend(str(path))
                seen["salvage done"] += 1
                if told.aside and Path(told.aside).read_bytes() != bytes(content):
                    return Outcome(lost=1)
            return Outcome(broken=not is_whole(str(path)))

    return trial


def full_disk(store: str) -> Callable[[int, int], Outcome]:
    """Return a trial in which no file may grow beyond a random size: what was acknowledged before stays."""

    def trial(_number: int, seed: int) -> Outcome:
        with tempfile.TemporaryDirectory() as name:
            limit = random.Random(seed).randrange(4096, 400_000)
            reader, writer = os.pipe()
            if not (child := os.fork()):
                import resource

                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                acknowledged = STORES[store][0](Path(name))
                os.write(writer, "\n".join(acknowledged).encode())
                os._exit(0)
            os.close(writer)
            with os.fdopen(reader) as stream:
                acknowledged = stream.read().splitlines()
            os.waitpid(child, 0)
            return STORES[store][1](Path(name), acknowledged)

    return trial


def jumping_clock(_number: int, seed: int) -> Outcome:
    """Remember, recall and sweep while the clock jumps by years: nothing without a date of its own goes."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        acknowledged = remembered(Path(name))
        store = MemoryStore.open(f"{name}/memory.db")
        for _ in range(20):
            now = time.time() + chance.uniform(-3e8, 3e8)
            store.sweep(now)
            store.recall("harbour", now=now)
        store.close()
        return memories_kept(Path(name), acknowledged)


def kinds() -> dict[str, Callable[[int, int], Outcome | None]]:
    """Return every kind of fault with its trial."""
    found: dict[str, Callable[[int, int], Outcome | None]] = {
        f"{store}: {operation} fails {'for good' if for_good else 'once'}": failing_disk(
            store, operation, for_good=for_good
        )
        for store in STORES
        for operation in OPERATIONS
        for for_good in (False, True)
    }
    found |= {f"{store}: disk full": full_disk(store) for store in STORES}
    found |= {f"{store}: a page is damaged": damaged_page(store) for store in ("memories", "conversations")}
    found |= {f"memories: kill -9 of {count} writers": killed_writers(count) for count in (1, 4, 16)}
    return found | {
        "questions: kill -9 of 4 recorders": killed_recorders,
        "files: kill -9 of a replacer": killed_replacer,
        "conversations: torn last line": torn_transcript,
        "memories: the clock jumps": jumping_clock,
    }


def main() -> None:
    """Run every kind, print a table, and exit with 1 if anything was lost or a rare state never reached."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(heading("Faults of disks, processes, files and clocks"))
    print(f"{'kind':<44} {'trials':>6} {'lost':>5} {'broken':>6}  failing seeds")
    failed = False
    for kind, trial in kinds().items():
        outcomes: list[tuple[int, Outcome]] = []
        for number in range(trials):
            seed = random.Random(f"{kind}{number}").randrange(2**32)
            outcome = trial(number, seed)
            if outcome is None:
                break
            outcomes.append((number, outcome))
        bad = [number for number, outcome in outcomes if outcome != Outcome()]
        failed = failed or bool(bad)
        lost, broken = (sum(int(one[part]) for _, one in outcomes) for part in (0, 1))
        print(f"{kind:<44} {len(outcomes):>6} {lost:>5} {broken:>6}  {' '.join(map(str, bad[:5]))}", flush=True)
    missing = [state for state in SOMETIMES if not seen[state]]
    print("reached: " + ", ".join(f"{state} {seen[state]}" for state in SOMETIMES))
    if missing:
        print(f"never reached: {', '.join(missing)}")
    sys.exit(1 if failed or missing else 0)


if __name__ == "__main__":
    main()
