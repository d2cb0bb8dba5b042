"""Laws of the pool of warm processes, and of a router that several threads ask."""

import json
import os
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from memory_router import Router
from memory_router.contract import Request, Result
from memory_router.errors import BackendError, BackendTimeoutError
from memory_router.routing.dispatch import IdleProcesses, ProcessDispatcher
from memory_router.routing.registry import Manifest, read_manifest
from memory_router.testing import Behaviour, requests_to, write_fake_backend
from tests.conftest import GOOD, Home, ends


class Worker:
    """A process that remembers whether it was ended."""

    def __init__(self) -> None:
        self.is_ended = False

    def part(self) -> None:
        """End."""
        self.is_ended = True


def test_the_last_one_is_taken_first_and_only_for_its_kind() -> None:
    """A pool gives back what came last, so that the others grow old; kinds do not mix."""
    pool: IdleProcesses[Worker] = IdleProcesses()
    one, two, other = Worker(), Worker(), Worker()
    for kind, worker in (("a", one), ("a", two), ("b", other)):
        pool.give(kind, worker)
    assert [pool.take("a"), pool.take("a"), pool.take("a"), pool.take("b")] == [two, one, None, other]
    pool.close()


def test_what_nobody_needs_is_ended() -> None:
    """Idle processes are ended after a while, surplus ones at once, and all of them at the end, also late comers."""
    clock = [0.0]
    pool: IdleProcesses[Worker] = IdleProcesses(most=2, idle_seconds=100, now=lambda: clock[0])
    old, young, surplus, late = Worker(), Worker(), Worker(), Worker()
    pool.give("a", old)
    clock[0] = 60
    pool.give("a", young)
    pool.give("a", surplus)
    assert surplus.is_ended
    clock[0] = 110
    pool.retire()
    assert (old.is_ended, young.is_ended) == (True, False)
    pool.close()
    pool.give("a", late)
    assert young.is_ended
    assert late.is_ended


def test_the_pool_is_small_however_many_kinds_there_are() -> None:
    """Of too many processes in all, the one that has been idle for longest is ended."""
    pool: IdleProcesses[Worker] = IdleProcesses(most_in_all=3)
    workers = [Worker() for _ in range(5)]
    for kind, worker in enumerate(workers):
        pool.give(kind, worker)
    assert [worker.is_ended for worker in workers] == [True, True, False, False, False]
    assert pool.take(2) is workers[2]
    pool.close()
    assert [worker.is_ended for worker in workers] == [True, True, False, True, True]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder for backends."""
    return tmp_path


def manifest(folder: Path, behaviour: Behaviour) -> Manifest:
    """Write a warm fake backend, and return its manifest."""
    return read_manifest(os.path.join(write_fake_backend(str(folder), "fake", behaviour, warm=True), "backend.json"))


def test_a_closed_dispatcher_starts_nothing(folder: Path) -> None:
    """After its end a dispatcher refuses, so that a thread that comes late leaves no process behind."""
    dispatcher = ProcessDispatcher(keep_warm=True)
    declared = manifest(folder, GOOD)
    assert dispatcher.ask(declared, Request("query", "x"))
    dispatcher.close()
    with pytest.raises(BackendError, match="closed"):
        dispatcher.ask(declared, Request("query", "x"))
    assert len(requests_to(declared.folder)) == 1


def test_a_changed_program_is_started_anew(folder: Path) -> None:
    """Whoever edits a backend is answered by what it says now, though its process was kept."""
    declared = manifest(folder, GOOD)
    (program,) = (Path(declared.folder, word) for word in declared.command if Path(declared.folder, word).is_file())
    dispatcher = ProcessDispatcher(keep_warm=True)
    assert b"the answer" in dispatcher.ask(declared, Request("query", "x"))
    assert b"another answer" not in dispatcher.ask(declared, Request("query", "x"))
    manifest(folder, Behaviour(results=(Result("another answer", relevance=0.9),)))
    os.utime(program, (1, 1))
    assert b"another answer" in dispatcher.ask(declared, Request("query", "x"))
    dispatcher.close()


def test_closing_ends_those_that_are_waited_for(folder: Path) -> None:
    """A dispatcher that is closed in the middle of a question ends its backend, and what that started."""
    declared = manifest(folder, Behaviour(hangs=True, forks=True))
    dispatcher = ProcessDispatcher(keep_warm=True)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(dispatcher.ask, declared, Request("query", "x", deadline_ms=60_000))
        children = Path(declared.folder, "children")
        while not (children.exists() and children.read_text().strip()):
            pass
        dispatcher.close()
        with pytest.raises(BackendError):
            asked.result(30)
    assert all(ends(int(child)) for child in children.read_text().split())


def test_a_process_that_talks_unasked_is_replaced(folder: Path, tmp_path: Path) -> None:
    """What a backend printed after its answer is never taken for the answer to the next question."""
    script = tmp_path / "talker.py"
    script.write_text(
        "import json, os, sys\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)['query']\n"
        "    body = {'query_echo': asked, 'results': [], 'result_count': 0, 'status': 'empty', 'error_message': None,\n"
        "            'error_code': None, 'backend_duration_ms': 0, 'normalized_relevance': 0, 'backend': 'talker'}\n"
        "    os.write(1, (json.dumps(body) + '\\n').encode() * 2)\n"
    )
    declared = Manifest("talker", str(tmp_path), command=("{python}", "talker.py"), warm=True)
    dispatcher = ProcessDispatcher(keep_warm=True)
    for question in ("one", "two", "three"):
        lines = dispatcher.ask(declared, Request("query", question)).splitlines()
        assert {json.loads(line)["query_echo"] for line in lines} == {question}
    dispatcher.close()


def test_several_threads_may_ask_one_router(own_home: Home) -> None:
    """Each thread gets the answer to its own question, every execution is recorded, and processes are shared."""
    folder = own_home.with_fakes(qmd=GOOD)["qmd"]
    own_home.fake("qmd", GOOD, warm=True)
    with Router(keep_warm=True) as router, ThreadPoolExecutor(4) as pool:
        questions = [f"parser number {number}" for number in range(40)]
        envelopes = list(pool.map(router.query, questions))
    assert [envelope.query_echo for envelope in envelopes] == questions
    assert {envelope.status for envelope in envelopes} == {"success"}
    assert len(requests_to(folder)) == 40
    recorded = own_home.run("executions", "list", "--limit", "100").json["executions"]
    assert {one["id"] for one in recorded} == {envelope.execution_id for envelope in envelopes}


_ADAPTER = """
import os, time
from memory_router.contract import Result, answer, serve

def query(request):
    while request.query == "hang":
        time.sleep(1)
    return answer([Result(str(os.getpid()), 0.9)])

serve("worker", query=query)
"""


@pytest.fixture
def worker(folder: Path) -> Manifest:
    """Return a warm backend that answers with its process id, and never to `hang`."""
    (folder / "adapter.py").write_text(_ADAPTER)
    return Manifest("worker", str(folder), command=("{python}", "adapter.py"), warm=True)


def test_no_more_processes_are_kept_than_can_work(worker: Manifest) -> None:
    """Of many who ask one backend at once each gets its answer; then no more processes wait than processors are."""
    dispatcher = ProcessDispatcher(keep_warm=True)

    def ask(_number: int) -> int:
        answer = json.loads(dispatcher.ask(worker, Request("query", "auth", deadline_ms=60_000)))
        return int(answer["results"][0]["content"])

    with ThreadPoolExecutor(8) as pool:
        pids = list(pool.map(ask, range(8)))
    assert sum(Path(f"/proc/{pid}").exists() for pid in set(pids)) <= max(2, os.cpu_count() or 1)
    dispatcher.close()


def test_hung_processes_hold_nobody_up(worker: Manifest) -> None:
    """Where all processes of a backend are busy for long, another one answers."""
    dispatcher = ProcessDispatcher(keep_warm=True)
    most = max(2, os.cpu_count() or 1)
    with ThreadPoolExecutor(most) as pool:
        hanging = [
            pool.submit(dispatcher.ask, worker, Request("query", "hang", deadline_ms=600_000)) for _ in range(most)
        ]
        assert dispatcher.ask(worker, Request("query", "auth", deadline_ms=60_000))
        dispatcher.close()
        assert all(isinstance(asked.exception(60), BackendError) for asked in hanging)


def test_hung_processes_do_not_fill_the_machine(worker: Manifest) -> None:
    """However many ask a backend that hangs, only a few processes are started; all are told at their deadline."""
    dispatcher = ProcessDispatcher(keep_warm=True)
    most = 4 * max(2, os.cpu_count() or 1)
    with ThreadPoolExecutor(3 * most) as pool:
        asked = [
            pool.submit(dispatcher.ask, worker, Request("query", "hang", deadline_ms=3000)) for _ in range(3 * most)
        ]
        running = 0
        while wait(asked, 0.01).not_done:
            running = max(running, len(dispatcher._busy))
    assert running <= most
    assert all(isinstance(question.exception(), BackendTimeoutError) for question in asked)
    dispatcher.close()
