"""Measure storing and recalling in a large store of memories, and eight processes doing both at once.

    python benchmarks/tiers_speed.py [--memories 100000] [--runs 200]

The memories are made up of common and rare words (Zipf's law); all go through the library, in SQLite.
"""

import argparse
import asyncio
import itertools
import multiprocessing
import os
import random
import tempfile
import time

from machine import heading, spread

from memory_router.engines.tiers import MemoryConfig, MemorySystem, PersistentPolicy, SessionPolicy
from memory_router.engines.tiers.admission import admit
from memory_router.engines.tiers.store import MemoryStore
from memory_router.storage.sqlite import writing

PROCESSES = 8
EACH = 100


def main() -> None:
    """Fill a store, measure it and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()
    print(heading(f"{options.memories:,} memories in SQLite, {options.runs} operations each"))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "memory.db")
        words = fill(path, options.memories)
        size = os.path.getsize(path) / 2**20
        stores, recalls = asyncio.run(measure(path, words, options.runs))
        print("| what | median (5 % to 95 %), ms |\n|---|---|")
        print(f"| store, warm | {spread(stores)} |")
        print(f"| recall 10, warm, accesses counted | {spread(recalls)} |")
        print(f"| size of the store | {size:.0f} MiB |")
        started = time.perf_counter()
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            errors = [error for error in pool.starmap(work, [(path, number) for number in range(PROCESSES)]) if error]
        seconds = time.perf_counter() - started
        store = MemoryStore.open(path)
        present = sum(
            store.get(admit(text(n, i)).memory.id, 0) is not None for n in range(PROCESSES) for i in range(EACH)
        )
        print(f"| {PROCESSES} processes, {EACH} stores and recalls each | {seconds:.1f} s |")
        print(f"| acknowledged and present | {present} of {PROCESSES * EACH} |")
        print(f"| errors | {errors or 'none'} |")


def fill(path: str, count: int) -> list[str]:
    """Write memories of about thirty words in large transactions; return the words, the most common first."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnoprstuvw", k=7)) for _ in range(20_000)]
    frequencies = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(words))))
    store = MemoryStore.open(path)
    now = time.time()
    connection = store._connection  # one transaction for thousands of memories, which the store itself never makes
    from memory_router.engines.tiers import store as module

    for start in range(0, count, 5000):
        with writing(connection):
            for number in range(start, min(start + 5000, count)):
                body = " ".join(chance.choices(words, cum_weights=frequencies, k=30))
                memory = admit(f"{number} {body}", created=now - number * 60).memory
                connection.execute(module._INSERT, store._row(memory))
    store.close()
    return words


async def measure(path: str, words: list[str], runs: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of storing and of recalling."""
    chance = random.Random(2)
    frequencies = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(words))))
    stores, recalls = [], []
    async with MemorySystem(config(path)) as memories:
        await memories.recall("warm up")
        for number in range(runs):
            started = time.perf_counter()
            await memories.store(f"measured {number} {' '.join(chance.choices(words, k=20))}", importance=0.8)
            stores.append((time.perf_counter() - started) * 1000)
        for _ in range(runs):
            question = " ".join(chance.choices(words, cum_weights=frequencies, k=5))
            started = time.perf_counter()
            await memories.recall(question, k=10)
            recalls.append((time.perf_counter() - started) * 1000)
    return stores, recalls


def config(path: str) -> MemoryConfig:
    """Return the configuration of a store with a session and a persistent tier."""
    place = f"sqlite:{path}"
    return MemoryConfig(session=SessionPolicy(store=place), persistent=PersistentPolicy(store=place))


def text(process: int, number: int) -> str:
    """Return what a process stores."""
    return f"process {process} noted fact {number}"


def work(path: str, number: int) -> str:
    """Store and recall in a process of its own; return the error that came, if one did."""

    async def run() -> None:
        async with MemorySystem(config(path)) as memories:
            for step in range(EACH):
                await memories.store(text(number, step), importance=0.8)
                await memories.recall(f"process {number} fact {step}", k=3)

    try:
        asyncio.run(run())
    except Exception as error:  # whatever it is, it is counted
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    main()
