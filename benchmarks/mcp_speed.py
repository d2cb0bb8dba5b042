"""Measure the MCP server: `python benchmarks/mcp_speed.py [--calls N] [--trials N]`.

It writes 2,500 notes (10,000 passages; words as frequent as Zipf's law says), indexes them into a scratch home, and
speaks JSON-RPC to `memory-router mcp` over pipes: one client by itself, eight clients at once, a long run that
watches the server's memory, and clients that are killed while their server works.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from machine import heading, spread

NOTES = 2500
CLIENTS = 8
SECONDS = 8
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprst" for vowel in "aeiou"]
_COMMAND = [sys.executable, "-m", "memory_router", "mcp"]
# Holds the pipe to the server, so that the server's input ends when this process does.
_CLIENT = """
import subprocess, sys
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
for line in sys.stdin.buffer:
    server.stdin.write(line)
    server.stdin.flush()
"""


def vocabulary(chance: random.Random, count: int = 4000) -> list[str]:
    """Return made-up words, the most frequent first."""
    words: dict[str, None] = {}
    while len(words) < count:
        words["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4)))] = None
    return list(words)


def write_notes(folder: Path, chance: random.Random, words: list[str], notes: int = NOTES) -> None:
    """Write notes of four passages of about 60 words."""
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    for number in range(notes):
        place = folder / f"area-{number % 50}"
        place.mkdir(exist_ok=True)
        parts = [f"# Note {number} {' '.join(chance.choices(words, k=3))}"]
        for part in range(4):
            sentences = [" ".join(chance.choices(words, weights, k=10)).capitalize() + "." for _ in range(6)]
            parts += [f"## Part {part} {chance.choice(words)}", " ".join(sentences)]
        (place / f"note-{number}.md").write_text("\n\n".join(parts))


def questions(chance: random.Random, words: list[str]) -> list[str]:
    """Return questions of three words that are neither the most nor the least frequent."""
    return [f"where is the {' '.join(chance.sample(words[50:2000], 3))}" for _ in range(500)]


class Client:
    """Start a server and hold its pipes."""

    def __init__(self, environment: dict[str, str], command: list[str] = _COMMAND) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        assert self.process.stdin
        assert self.process.stdout
        self._in, self._out = self.process.stdin, self.process.stdout
        self._number = 0
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "0"}}
        self.send("initialize", hello)
        self.receive()
        self._write({"method": "notifications/initialized"})

    def send(self, method: str, params: Any) -> None:
        """Send a request."""
        self._number += 1
        self._write({"id": self._number, "method": method, "params": params})

    def search(self, question: str) -> None:
        """Send a search."""
        self.send("tools/call", {"name": "search", "arguments": {"query": question, "limit": 5}})

    def receive(self) -> Any:
        """Return the next answer."""
        answer = json.loads(self._out.readline())
        assert not answer["result"].get("isError"), answer
        return answer

    def close(self) -> None:
        """Hang up, and wait for the end of the server."""
        self._in.close()
        self.process.wait()
        self._out.close()

    def _write(self, message: Any) -> None:
        self._in.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self._in.flush()


def one_client(environment: dict[str, str], asked: list[str]) -> None:
    """Print the latency of searches, one after the other, in three runs."""
    client = Client(environment)
    for question in asked[:50]:
        client.search(question)
        client.receive()
    for run in range(3):
        samples = []
        for question in asked:
            started = time.perf_counter()
            client.search(question)
            client.receive()
            samples.append((time.perf_counter() - started) * 1e3)
        late = sorted(samples)[-len(samples) // 100]
        load = os.getloadavg()[0]
        print(f"one client, run {run + 1}: {spread(samples)} ms, p99 {late:.1f} ms, load {load:.1f}")
    print("asked: p50 <= 5 ms, p99 <= 25 ms\n")
    client.close()


def many_clients(environment: dict[str, str], asked: list[str]) -> None:
    """Print how many searches a second eight clients get done, each with a server of its own, and with one server."""
    for title, clients in (("a server each", CLIENTS), ("one server", 1)):
        opened = [Client(environment) for _ in range(clients)]
        done = [0] * clients
        ends = time.monotonic() + SECONDS

        def ask(number: int, opened: list[Client] = opened, done: list[int] = done, ends: float = ends) -> None:
            client, ahead = opened[number], CLIENTS // len(opened)
            for question in asked[:ahead]:
                client.search(question)
            while time.monotonic() < ends:
                client.receive()
                client.search(asked[done[number] % len(asked)])
                done[number] += 1
            for _ in range(ahead):
                client.receive()

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rate = sum(done) / SECONDS
        print(
            f"{CLIENTS} searches at once, {title}: {rate:.0f} a second, load {os.getloadavg()[0]:.1f}   asked: >= 200"
        )
        for client in opened:
            client.close()


def long_run(environment: dict[str, str], asked: list[str], calls: int) -> None:
    """Print the server's memory at the beginning and at the end of many calls."""
    client = Client(environment)
    for number in range(CLIENTS):
        client.search(asked[number])
    sizes = []
    for number in range(calls):
        client.receive()
        client.search(asked[number % len(asked)])
        if number in (1000, calls - 1):
            sizes.append(resident(client.process.pid))
    for _ in range(CLIENTS):
        client.receive()
    told = " then ".join(f"{size:.0f} MB" for size in sizes)
    print(f"\nmemory of the server: {told} after {calls:,} calls; asked < 200")
    client.close()


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    return 0.0


def killed(environment: dict[str, str], question: str, number: int) -> tuple[int, float]:
    """Kill a client whose server works or has worked; return how many processes were left, and when none was."""
    client = Client(environment, [sys.executable, "-I", "-S", "-c", _CLIENT, *_COMMAND])
    client.search(question)
    if number % 2:
        client.receive()
    family = descendants(client.process.pid)
    started = time.perf_counter()
    client.process.send_signal(signal.SIGKILL)
    assert client.process.stdin
    assert client.process.stdout
    client.process.wait()
    while (left := [pid for pid in family if os.path.exists(f"/proc/{pid}")]) and time.perf_counter() - started < 20:
        time.sleep(0.01)
    seconds = time.perf_counter() - started
    client.process.stdin.close()
    client.process.stdout.close()
    return len(left), seconds


def descendants(pid: int) -> list[int]:
    """Return all processes below one."""
    try:
        own = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return own + [below for one in own for below in descendants(one)]


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--trials", type=int, default=500)
    options = parser.parse_args()
    chance = random.Random(7)
    words = vocabulary(chance)
    with tempfile.TemporaryDirectory() as scratch:
        notes = Path(scratch, "notes")
        notes.mkdir()
        environment = {**os.environ, "HOME": scratch, "MEMORY_ROUTER_HOME": str(Path(scratch, "home"))}
        write_notes(notes, chance, words)
        for arguments in (["init", "--tier", "starter"], ["index", str(notes)], ["init"]):
            command = [sys.executable, "-m", "memory_router", *arguments]
            told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
            if arguments[0] == "index":
                print(heading(f"MCP over stdio, {json.loads(told)['chunks']:,} passages"))
        asked = questions(chance, words)
        one_client(environment, asked)
        many_clients(environment, asked)
        if options.calls:
            long_run(environment, asked, options.calls)
        if options.trials:
            with ThreadPoolExecutor(4) as pool:
                ended = list(
                    pool.map(lambda number: killed(environment, asked[number % 500], number), range(options.trials))
                )
            left = sum(count for count, _ in ended)
            slowest = max(seconds for _, seconds in ended)
            typical = statistics.median(seconds for _, seconds in ended)
            print(f"{options.trials} clients killed: {left} processes left", end="; ")
            print(f"gone after {typical:.2f} s, at most {slowest:.2f} s; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
