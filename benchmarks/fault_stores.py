"""Break the stores: disks that fail, fill up or turn read-only, killed writers, damaged pages, torn files, odd clocks.

After each trial the store is opened again: what was acknowledged must be there, and SQLite must find the file whole.
"""

import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import apsw
from fault_outcome import Outcome, Trial, fork, seen
from fault_workloads import STORES, memories_kept, remembered, transcript, turns_kept

from memory_router.engines.tiers.store import MemoryStore
from memory_router.engines.transcripts import place
from memory_router.engines.transcripts.importing import ImportListener, import_transcripts
from memory_router.learning.spool import Spool
from memory_router.storage.files import exclusive, write_whole
from memory_router.storage.salvage import is_whole, salvage

OPERATIONS = ("write", "sync", "truncate", "open")
READ_ONLY = "read-only"


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
        if self.operation == READ_ONLY:
            error = apsw.ReadOnlyError
        if operation not in (self.operation, *({"write", "truncate"} if self.operation == READ_ONLY else ())):
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
    """One open file whose operations may fail."""

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


def failing_disk(store: str, operation: str, *, for_good: bool) -> Trial:
    """Return a trial that fails the first operation of a store, then the second, ...; then of a larger one."""
    write, check = STORES[store]
    at, size = 0, 6

    def trial(_number: int, _seed: int) -> Outcome:
        nonlocal at, size
        while True:
            at += 1
            with tempfile.TemporaryDirectory() as name:
                with default_vfs(operation, at, for_good=for_good):
                    acknowledged = write(Path(name), size)
                    raised = VFS.raised
                if raised:
                    seen["fault raised"] += 1
                    return check(Path(name), acknowledged)
            # The run met no failure: every operation of this size had its turn.
            at, size = 0, size + 1 if size < 12 else 6

    return trial


def killed(write: Callable[[int, Callable[[str], object]], None], writers: int, seed: int) -> list[str]:
    """Let processes write, kill them at a random moment, and return what they had acknowledged."""
    chance = random.Random(seed)
    children, streams = [], []
    for one in range(writers):
        reader, writer = os.pipe()
        if not (child := fork()):
            with suppress(BaseException):
                write(one, lambda text: os.write(writer, text.encode() + b"\n"))  # noqa: B023 - runs at once
            os._exit(1)
        os.close(writer)
        children.append(child)
        streams.append(os.fdopen(reader))
    first = streams[0].readline()
    time.sleep(chance.uniform(0, 0.15))
    for child in children:
        os.kill(child, signal.SIGKILL)
    said = [first] + [stream.read() for stream in streams]
    for child, stream in zip(children, streams, strict=True):
        stream.close()
        os.waitpid(child, 0)
        seen["writer killed"] += 1
    return [line for text in said for line in text.split("\n")[:-1]]


def killed_writers(writers: int) -> Trial:
    """Return a trial that kills processes that remember facts at the same time."""

    def trial(_number: int, seed: int) -> Outcome:
        with tempfile.TemporaryDirectory() as name:

            def write(one: int, say: Callable[[str], object]) -> None:
                store = MemoryStore.open(f"{name}/memory.db")
                for number in range(10_000):
                    store.remember(f"fact {number} of {one}")
                    say(f"fact {number} of {one}")

            return memories_kept(Path(name), killed(write, writers, seed))

    return trial


def killed_recorders(_number: int, seed: int) -> Outcome:
    """Kill processes that record questions; every line that was acknowledged is in the file, whole."""
    with tempfile.TemporaryDirectory() as name:
        path = f"{name}/executions.jsonl"

        def write(one: int, say: Callable[[str], object]) -> None:
            for number in range(100_000):
                Spool(path).append(f"line {number} of {one}".encode())
                say(f"line {number} of {one}")

        acknowledged = killed(write, 4, seed)
        with Spool(path).taken() as lines:
            return Outcome(len(set(acknowledged) - {line.decode() for line in lines}))


def killed_importer(_number: int, seed: int) -> Outcome:
    """Kill an import at a random moment, and import again: every turn is there once."""
    with tempfile.TemporaryDirectory() as name:
        file = transcript(Path(name), 400)

        def write(_one: int, say: Callable[[str], object]) -> None:
            say("begun")
            import_transcripts([str(file)], database=f"{name}/conversations.db")
            time.sleep(60)

        killed(write, 1, seed)
        return turns_kept(Path(name), [f"turn {number} about tides" for number in range(400)])


def killed_replacer(_number: int, seed: int) -> Outcome:
    """Kill a process that replaces a file again and again; the file is one of the contents, never a mixture."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "state.json"

        def write(_one: int, say: Callable[[str], object]) -> None:
            for number in range(10**6):
                write_whole(str(path), (str(number % 10) * 100_000).encode())
                say(str(number))

        killed(write, 1, seed)
        content = path.read_bytes()
        return Outcome(wrong=len(content) != 100_000 or len(set(content)) != 1)


def two_importers(_number: int, _seed: int) -> Outcome:
    """Import while another process holds the archive: the second waits, and no turn is missing or there twice."""
    with tempfile.TemporaryDirectory() as name:
        file, path = transcript(Path(name)), f"{name}/conversations.db"
        waited = threading.Event()

        class Waiting(ImportListener):
            def waiting(self) -> None:
                waited.set()

        run = threading.Thread(
            target=import_transcripts, args=([str(file)],), kwargs={"database": path, "listener": Waiting()}
        )
        with exclusive(path):
            run.start()
            waited.wait(30)
        run.join()
        seen["lock waited"] += waited.is_set()
        return turns_kept(Path(name), [f"turn {number} about tides" for number in range(8)])


def torn_transcript(_number: int, _seed: int) -> Outcome:
    """Import a session whose last line is half written, then the whole one: no turn is missing or there twice."""
    with tempfile.TemporaryDirectory() as name:
        file = transcript(Path(name), torn=True)
        report = import_transcripts([str(file)], database=f"{name}/conversations.db")
        seen["torn line skipped"] += 0 < report.messages < 8
        transcript(Path(name))
        return turns_kept(Path(name), [f"turn {number} about tides" for number in range(8)])


# What stands on a page of these is lost with it.
_OF_TEXTS = ("memories", "nodes", "names")


def damaged_page(store: str) -> Trial:
    """Return a trial that overwrites a page and salvages the rest; at most what stood on that page may be missing."""

    def trial(_number: int, seed: int) -> Outcome:
        with tempfile.TemporaryDirectory() as name:
            write, check = STORES[store]
            acknowledged = write(Path(name), 6)
            path = Path(name) / ("memory.db" if store == "memories" else "conversations.db")
            content = bytearray(path.read_bytes())
            page = random.Random(seed).randrange(len(content) // 4096)
            with closing(apsw.Connection(str(path))) as connection:
                owner = connection.execute("SELECT name FROM dbstat WHERE pageno = ?", (page + 1,)).get
            content[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
            path.write_bytes(content)
            if not is_whole(str(path)):
                told = salvage(str(path)) if store == "memories" else place.mend(str(path))
                seen["salvage done"] += 1
                if told.aside and Path(told.aside).read_bytes() != bytes(content):
                    return Outcome(lost=1)
            if owner not in _OF_TEXTS:
                return check(Path(name), acknowledged)
            return Outcome(wrong=not is_whole(str(path)))

    return trial


def full_disk(store: str) -> Trial:
    """Return a trial in which no file may grow beyond a random size: what was acknowledged before stays."""

    def trial(_number: int, seed: int) -> Outcome:
        with tempfile.TemporaryDirectory() as name:
            limit = random.Random(seed).randrange(4096, 400_000)
            reader, writer = os.pipe()
            if not (child := fork()):
                import resource

                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                acknowledged = STORES[store][0](Path(name), 6)
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


def kinds() -> dict[str, Trial]:
    """Return every kind of fault of stores with its trial."""
    found: dict[str, Trial] = {
        f"{store}: {operation} fails {'for good' if for_good else 'once'}": failing_disk(
            store, operation, for_good=for_good
        )
        for store in STORES
        for operation in OPERATIONS
        for for_good in (False, True)
    }
    found |= {f"{store}: the disk turns read-only": failing_disk(store, READ_ONLY, for_good=True) for store in STORES}
    found |= {f"{store}: the disk is full": full_disk(store) for store in STORES}
    found |= {f"{store}: a page is damaged": damaged_page(store) for store in ("memories", "conversations")}
    found |= {f"memories: kill -9 of {count} writers": killed_writers(count) for count in (1, 4, 16)}
    return found | {
        "questions: kill -9 of 4 recorders": killed_recorders,
        "conversations: kill -9 of an import": killed_importer,
        "conversations: two imports at once": two_importers,
        "conversations: a torn last line": torn_transcript,
        "files: kill -9 of a replacer": killed_replacer,
        "memories: the clock jumps": jumping_clock,
    }
