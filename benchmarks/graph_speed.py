"""Measure how quick the graph is built, and how quick questions are on a million edges.

    python benchmarks/graph_speed.py [--files 2000] [--edges 1000000] [--questions 100]

`--files 20000 --edges 0` measures how much memory a large build takes, and asks nothing.

Files are copies of this project's own modules; the large graph is drawn at random, each thing having ten relations
on average. Which things and words are popular follows Zipf's law; `{hub}` is one of the most popular, and `{words}` and
`{others}` are two words each that many names hold.
"""

import argparse
import glob
import os
import random
import resource
import tempfile
import time
from collections.abc import Sequence

import apsw
from machine import heading, spread

from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.facts import Source
from memory_router.engines.graph.schema import SCHEMA
from memory_router.engines.graph.search import KnowledgeGraph
from memory_router.storage.sqlite import open_database, writing

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KINDS = ("calls", "calls", "calls", "uses", "uses", "imports", "imports", "inherits", "mentions", "names")
FORMS = (
    "what depends on {}", "what does {} depend on", "who calls {}", "what would break if I change {}",
    "what is related to {}", "call chain from {} to {}", "path between {} and {}", "how does {} relate to {}",
    "how does {hub} relate to {}", "call chain from {} to {hub}", "what would break if I change {hub}",
    "how do {words} relate to {others}",
)  # fmt: skip


def main() -> None:
    """Build, ask and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=100)
    options = parser.parse_args()
    print(heading("Building and asking the knowledge graph"))
    with tempfile.TemporaryDirectory() as folder:
        texts = sources(os.path.realpath(folder), options.files)
        used = cpu_seconds()
        report = bring_up_to_date(texts, database=os.path.join(folder, "built.db"))
        used = cpu_seconds() - used
        rate = f"{len(texts) / report.seconds:,.0f} files/s, {len(texts) / used:,.0f} a second of CPU"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"built: {rate} ({report.relations:,} relations), {peak:,} MB at most")
        again = bring_up_to_date(texts, database=os.path.join(folder, "built.db"))
        print(f"nothing changed: {again.seconds * 1000:.1f} ms")
        if not options.edges:
            return
        database = os.path.join(folder, "large.db")
        names = draw(database, options.edges)
        graph = KnowledgeGraph.open(database)
        assert graph
        chance = random.Random(3)
        print(f"\n| question, {options.edges:,} edges | median ms (5 to 95 %) | ms of CPU |\n|---|---|---|")
        total: list[float] = []
        total_cpu: list[float] = []
        for form in FORMS:
            taken, taken_cpu = [], []
            for _ in range(options.questions):
                words, others = (" ".join(names[chance.randrange(50)].split("_")[:2]) for _ in range(2))
                hub = names[chance.randrange(5)]
                question = form.format(*chance.sample(names, 2), hub=hub, words=words, others=others)
                started, used = time.perf_counter(), time.process_time()
                graph.ask(question)
                taken.append((time.perf_counter() - started) * 1000)
                taken_cpu.append((time.process_time() - used) * 1000)
            total += taken
            total_cpu += taken_cpu
            print(f"| {form} | {spread(taken)} | {spread(taken_cpu)} |", flush=True)
        print(f"| all | {spread(total)} | {spread(total_cpu)} |")


def cpu_seconds() -> float:
    """Return the time that this process and those that it started have used."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def sources(folder: str, count: int) -> list[Source]:
    """Write copies of this project's modules, as many as asked for, a package each round."""
    originals = sorted(glob.glob(os.path.join(ROOT, "memory_router", "**", "*.py"), recursive=True))
    found = []
    for number in range(count):
        copy, which = divmod(number, len(originals))
        path = os.path.join(folder, f"copy{copy}", os.path.relpath(originals[which], ROOT))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(originals[which], encoding="utf-8") as file, open(path, "w", encoding="utf-8") as target:
            target.write(file.read())
        found.append(Source(path, os.path.join(folder, f"copy{copy}"), "python", "1", 1.0))
    return found


def draw(database: str, edges: int) -> list[str]:
    """Store a random graph and return the names of its things."""
    chance = random.Random(5)
    count = edges // 10
    verbs, nouns = ([f"{sort}{number}" for number in range(300)] for sort in ("do", "thing"))
    names = [f"{frequent(chance, verbs)}_{frequent(chance, nouns)}_{number}" for number in range(count)]
    connection = open_database(database, SCHEMA)
    connection.pragma("synchronous", "off")
    connection.pragma("cache_size", -400_000)
    with writing(connection):
        indexes = list(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql <> ''"))
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        connection.executemany(
            "INSERT INTO files VALUES (?, ?, '/r', 'python', '1', 1.0, '')",
            [(number + 1, f"/r/{number}.py") for number in range(count // 10)],
        )
        connection.executemany(
            "INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?, 1, 2, '', 0, '')",
            [
                (n + 1, n // 10 + 1, "function" if n % 10 else "module", name, f"m.{name}", name.replace("_", ""))
                for n, name in enumerate(names)
            ],
        )
        connection.executemany(
            "INSERT INTO node_text(rowid, name, summary, body) VALUES (?, ?, '', '')",
            [(n + 1, name.replace("_", " ")) for n, name in enumerate(names)],
        )
        connection.executemany(
            "INSERT INTO refs VALUES (?, ?, ?, ?, 'x', 'x', 3, 1, 'the line that proves it')",
            (
                (n + 1, chance.randrange(count // 10) + 1, chance.randrange(count) + 1, chance.choice(KINDS))
                for n in range(edges)
            ),
        )
        # The target's rank follows Zipf's law: the most popular thing has tens of thousands of relations.
        connection.executemany(
            "INSERT INTO edges SELECT source, ?, kind, 1.0, id FROM refs WHERE id = ?",
            ((min(count, int(count ** chance.random())), n + 1) for n in range(edges)),
        )
        for _, definition in indexes:
            connection.execute(definition)
    connection.close()
    assert apsw.Connection(database).execute("SELECT count(*) FROM edges").get == edges
    return names


def frequent(chance: random.Random, words: Sequence[str]) -> str:
    """Return a word, those in front far more often."""
    return words[int(len(words) ** chance.random()) - 1]


if __name__ == "__main__":
    main()
