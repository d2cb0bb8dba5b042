"""Kill processes that store, promote and compact, and look whether anything acknowledged is lost or there twice.

    python benchmarks/tiers_faults.py [--trials 200]

The tiers lie in two databases, so that a promotion is a move between stores. A process prints each fact once it is
acknowledged; it is killed (SIGKILL) after a random time. Then the stores are opened anew, and each acknowledged fact
must be there exactly once: as itself, or in exactly one summary that took its place.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from machine import heading

from memory_router.engines.tiers import MemoryConfig, MemorySystem, PersistentPolicy, SessionPolicy
from memory_router.engines.tiers.admission import admit

WORKER = """
import asyncio, sys
sys.path.insert(0, sys.argv[3])
from tiers_faults import config
from memory_router.engines.tiers import MemorySystem
async def main(folder, start):
    async with MemorySystem(config(folder)) as memories:
        await memories.store("The first one loads the vectors.", importance=0.4)
        print("ready", flush=True)
        for number in range(start, start + 100000):
            memory_id = await memories.store(f"Fact {number} was said.", importance=0.4)
            print(number, flush=True)
            if number % 2:
                await memories.promote(memory_id)
            if number % 10 == 9:
                await memories.compact("session", "count", keep=3)
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""
HERE = os.path.dirname(os.path.abspath(__file__))


def main() -> None:
    """Run the trials and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    options = parser.parse_args()
    print(heading(f"{options.trials} processes killed while they store, promote and compact"))
    chance = random.Random(3)
    acknowledged = lost = double = recovered = 0
    for trial in range(options.trials):
        with tempfile.TemporaryDirectory() as folder:
            numbers = killed(folder, chance.uniform(0.0, 0.12))
            found, moving = asyncio.run(present(folder))
            acknowledged += len(numbers)
            lost += sum(found.get(admit(f"Fact {n} was said.").memory.id, 0) == 0 for n in numbers)
            double += sum(count > 1 for count in found.values())
            recovered += moving
            if lost or double:
                print(f"trial {trial}: lost {lost}, double {double}")
    print("| what | count |\n|---|---|")
    for name, count in (
        ("kills", options.trials),
        ("acknowledged facts", acknowledged),
        ("moves between stores finished after a kill", recovered),
        ("lost", lost),
        ("there twice", double),
    ):
        print(f"| {name} | {count:,} |")


def config(folder: str) -> MemoryConfig:
    """Return the configuration of two tiers in two databases."""
    return MemoryConfig(
        session=SessionPolicy(store=f"sqlite:{folder}/session.db", max_entries=None),
        persistent=PersistentPolicy(store=f"sqlite:{folder}/persistent.db"),
    )


def killed(folder: str, seconds: float) -> list[int]:
    """Start a worker, kill it so long after it is ready, and return what it acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, folder, "0", HERE], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    process.stdout.readline()
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    lines = process.stdout.read().splitlines(keepends=True)
    process.wait()
    return [int(line) for line in lines if line.endswith("\n")]


async def present(folder: str) -> tuple[dict[str, int], int]:
    """Return how often each fact is there by id, as itself or in a summary, and how many moves had to be finished."""
    async with MemorySystem(config(folder)) as memories:
        rooms = memories._rooms
        moving = sum([len(await room.ask(lambda store: store.moving())) for room in rooms.each])
        await memories.maintain()
        held: dict[str, int] = {}
        for tier in memories.config.tiers:
            for memory in await memories.memories(tier=tier):
                for origin in origins(memory.id, dict(memory.extra), json.loads(await lineage(memories))):
                    held[origin] = held.get(origin, 0) + 1
    return held, moving


async def lineage(memories: MemorySystem) -> str:
    """Return which memory took the place of which, from the audit trail, as JSON."""
    events = await memories.audit(1_000_000)
    return json.dumps({event.id: event.detail.removeprefix("into ") for event in events if event.event == "compacted"})


def origins(memory_id: str, extra: dict[str, object], into: dict[str, str]) -> list[str]:
    """Return the ids of the facts that a memory stands for: its own, or those that were compacted into it."""
    parts = [one for one, target in into.items() if target == memory_id and one != memory_id]
    if not parts:
        return [memory_id]
    return [origin for part in parts for origin in origins(part, extra, into)]


if __name__ == "__main__":
    main()
