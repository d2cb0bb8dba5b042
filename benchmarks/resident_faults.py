"""Let the resident meet what goes wrong: `python benchmarks/resident_faults.py [--trials N] [--questions N]`.

A question that it takes is answered rightly or not at all, so that whoever asked goes its own way; and whatever became
of one resident, the next one serves.
"""

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from machine import heading
from resident import CLI, family, proportional_mb  # type: ignore[import-not-found]

from memory_router import resident

CHANCE = random.Random(7)
FACTS = [f"The {word} quota is {number} units" for word, number in (("retry", 11), ("upload", 12), ("export", 13))]
QUESTION, TRUTH = "what is the upload quota?", "The upload quota is 12 units"
ASKED = ["query", QUESTION, "--backend", "totalrecall"]
ENDURANCE = 120.0
_FULL = 40_000
# A backend that never answers, under the deadline of its manifest.
WEDGED = {"name": "wedged", "contract": 1, "command": ["sleep", "100000"], "warm": True, "deadline_ms": 500}
# A clock that is another one whenever somebody looks.
JUMPING = (
    "import random, time; real = time.time; time.time = lambda: real() + random.uniform(-1e8, 1e8)\n"
    "from memory_router.interfaces.cli import warm; warm.run()"
)


class Home:
    """A home with some facts, and its resident, which this process starts and asks."""

    def __init__(self, folder: str) -> None:
        os.environ |= {"HOME": folder, "MEMORY_ROUTER_HOME": folder, "MEMORY_ROUTER_RESIDENT": "auto"}
        self.folder = Path(folder)
        for arguments in (["init", "--tier", "starter"], *(["remember", fact] for fact in FACTS)):
            subprocess.run([*CLI, *arguments], env={**os.environ, "MEMORY_ROUTER_RESIDENT": "off"}, check=True,
                           capture_output=True)  # fmt: skip
        wedged = self.folder / "config/backends/wedged"
        wedged.mkdir(parents=True)
        (wedged / "backend.json").write_text(json.dumps(WEDGED))
        state = json.loads((self.folder / "state/backends.json").read_text())
        state["backends"]["wedged"] = {"status": "ready"}
        (self.folder / "state/backends.json").write_text(json.dumps(state))

    def start(self, *, code: str = "", file_bytes: int | None = None) -> "subprocess.Popen[bytes]":
        """Start a resident: by some code, or where no file may grow beyond so many bytes."""
        command = ["-c", code] if code else ["-m", "memory_router", "resident", "run"]
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, before[1]))
        try:
            return subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL, cwd=self.folder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    def serve(self, **how: object) -> "subprocess.Popen[bytes]":
        """Start a resident, and wait until it answers; another one where what was killed still held the lock."""
        process = self.start(**how)  # type: ignore[arg-type]
        soon(lambda: asked() == "right" or process.poll() is not None)
        return process if process.poll() is None else self.serve(**how)


def asked(arguments: list[str] | None = None) -> str:
    """Return what became of a question: `right`, `wrong`, or `own way` where the resident does not answer it."""
    try:
        answer = resident.ask(arguments or ASKED)
    except TimeoutError:
        return "own way"
    if answer is None:
        return "own way"
    results = json.loads(answer[0])["results"]
    return "right" if results and results[0]["content"] == TRUTH else "wrong"


def soon(holds: Callable[[], object]) -> float:
    """Wait until something holds, and return after how many seconds; give up loudly."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > ENDURANCE:
            raise SystemExit("A resident never came up.")
        time.sleep(0.002)
    return time.monotonic() - started


def is_gone() -> bool:
    """Return whether no resident listens."""
    connection = resident.connect()
    if connection is not None:
        connection.close()
    return connection is None


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a resident."""
    process.kill()
    process.wait()


def told(name: str, passed: int, trials: int, rest: str = "") -> None:
    """Print a row of the table."""
    print(f"{name:44} {passed:6,} of {trials:6,}  {rest}", flush=True)


def killed(home: Home, trials: int) -> None:
    """Kill residents while they start, wait, answer and stop: the next question and the next resident do not mind."""
    right: dict[str, list[bool]] = {}
    for number in range(trials):
        state = ("starting", "answering", "waiting", "stopping")[number % 4]
        process = home.start() if state == "starting" else home.serve()
        if state == "starting":
            time.sleep(CHANCE.uniform(0, 0.3))
            outcome = asked()
        elif state == "answering":
            with ThreadPoolExecutor(1) as pool:
                question = pool.submit(asked)
                time.sleep(CHANCE.expovariate(200))
                end(process)
                outcome = question.result(ENDURANCE)
        elif state == "stopping":
            resident.control("stop")
            time.sleep(CHANCE.uniform(0, 0.02))
            outcome = asked()
        else:
            outcome = asked()
        end(process)
        right.setdefault(state, []).append(outcome != "wrong" and asked() == "own way")
    for state, passed in right.items():
        told(f"kill -9 while {state}", sum(passed), len(passed), "nothing wrong, nothing stuck")
    end(home.serve())
    done = subprocess.run([*CLI, *ASKED], capture_output=True, check=False)
    results = json.loads(done.stdout)["results"]
    told("a question after all that", int(results[0]["content"] == TRUTH), 1, "answered by the command itself")
    soon(lambda: asked() == "right")  # by a resident that the command started
    resident.control("stop")
    soon(is_gone)


def one_only(home: Home, trials: int) -> None:
    """Start eight residents at once: one serves, the others end."""
    passed = 0
    for _ in range(trials):
        starters = [home.start() for _ in range(8)]
        soon(lambda: asked() == "right")
        soon(lambda running=starters: sum(one.poll() is None for one in running) == 1)  # type: ignore[misc]
        passed += asked() == "right"
        for process in starters:
            end(process)
    told("eight started at once: one serves", passed, trials)


def in_the_way(home: Home) -> None:
    """Put something in the place of the socket: what can be replaced is, and a folder is left alone."""
    socket = Path(os.fsdecode(resident.socket_path()))
    passed = 0
    for number in range(3):
        socket.unlink(missing_ok=True)
        if number == 0:
            socket.touch()
        elif number == 1:
            os.mkfifo(socket)
        else:
            socket.symlink_to("/dev/null")
        process = home.serve()
        passed += asked() == "right"
        end(process)
    socket.unlink(missing_ok=True)
    socket.mkdir()
    process = home.start()
    passed += process.wait(ENDURANCE) == 0 and asked() == "own way"
    socket.rmdir()
    told("a file, pipe, link, folder where the socket is", passed, 4)


def full_disk(home: Home, questions: int) -> None:
    """Let nothing be recorded, as on a full disk: answers come all the same."""
    spool = home.folder / "data/executions.jsonl"
    kept = spool.read_bytes() if spool.exists() else b""
    spool.write_bytes(b" " * _FULL + b"\n")
    # What SQLite shares between those who read is smaller.
    process = home.serve(file_bytes=_FULL)
    told("the disk is full: no wrong answer", sum(asked() != "wrong" for _ in range(questions)), questions)
    end(process)
    spool.write_bytes(kept)


def wedged(home: Home, questions: int) -> None:
    """Let one backend hang: who asks it hears so at its deadline, and nobody else waits."""
    process = home.serve()
    with ThreadPoolExecutor(4) as pool:
        stuck = [pool.submit(resident.ask, ["query", QUESTION, "--backend", "wedged"]) for _ in range(4)]
        others = sum(asked() == "right" for _ in range(questions))
        answers = [json.loads(answer[0]) for question in stuck if (answer := question.result(ENDURANCE))]
    late = sum("did not answer within 500 ms" in answer["error_message"] for answer in answers)
    told("a wedged backend: told at its deadline", late, len(answers))
    told("... and all others answered meanwhile", others, questions)
    end(process)


def crowd(home: Home, clients: int, each: int) -> None:
    """Let many ask at once: each answer is the right one, or the caller goes its own way."""
    process = home.serve()
    with ThreadPoolExecutor(clients) as pool:
        outcomes = list(pool.map(lambda _: asked(), range(clients * each)))
    own_way = outcomes.count("own way")
    told(f"{clients} clients at once: no wrong answer", len(outcomes) - outcomes.count("wrong"), len(outcomes),
         f"{own_way} went their own way")  # fmt: skip
    end(process)


def silent_clients(home: Home, clients: int) -> None:
    """Let clients connect and say nothing, or half of a request: they are let go, and others are answered."""
    process = home.serve()
    hanging = [connection for _ in range(clients) if (connection := resident.connect())]
    for number, connection in enumerate(hanging):
        if number % 2:
            connection.sendall(b"\0\0\1\0half")
    waited = soon(lambda: asked() == "right")
    told(f"{clients} clients hang: others are answered", 1, 1, f"after {waited:.2f} s")
    for connection in hanging:
        connection.close()
    end(process)


def clocks(home: Home, questions: int) -> None:
    """Let the wall clock jump by years at every look: answers come, and it does not end."""
    process = home.serve(code=JUMPING)
    right = sum(asked() == "right" for _ in range(questions))
    told("the clock jumps by years: answers", right, questions, "still serving" if process.poll() is None else "ended")
    end(process)


def flat(home: Home, questions: int) -> None:
    """Ask much, and look at the memory of the resident and its backends."""
    process = home.serve()
    held, outcomes = [], []
    for number in range(questions):
        outcomes.append(asked())
        if number % max(1, questions // 10) == 0:
            held.append(f"{proportional_mb(family(process.pid)):.0f}")
    own_way = f"{outcomes.count('own way')} went their own way"
    told("questions in a row: no wrong answer", questions - outcomes.count("wrong"), questions, own_way)
    print(f"{'... MB with backends, after each tenth':44} {', '.join(held)}")
    end(process)


def main() -> None:
    """Run the campaign, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--questions", type=int, default=100_000)
    options = parser.parse_args()
    print(heading("Faults of the resident"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Home(folder)
        killed(home, options.trials)
        one_only(home, 5)
        in_the_way(home)
        full_disk(home, 50)
        wedged(home, 50)
        crowd(home, 50, 10)
        silent_clients(home, 40)
        clocks(home, 50)
        flat(home, options.questions)
        mark = f"MEMORY_ROUTER_HOME={folder}\0".encode()
        left = [Path(f"/proc/{pid}/cmdline") for pid in processes() if mark in environment(pid) and pid != os.getpid()]
        soon(lambda: not any(map(os.path.exists, left)))
        told("all processes ended", 1, 1)


def processes() -> list[int]:
    """Return the numbers of all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def environment(pid: int) -> bytes:
    """Return the environment of a process, where it may be read."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    main()
