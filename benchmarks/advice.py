"""Measure what advice costs: `python benchmarks/advice.py [OUTCOMES] [DATABASE]`.

Tokens of the seed's example by layers against everything at once; the size of 150 outcomes before and after
compaction; recording an outcome with its profile; searching among 100,000 outcomes of one user, beside 1,000 others.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from machine import heading, spread

from memory_router.outcomes import validation
from memory_router.outcomes.compaction import OutcomeCompaction
from memory_router.outcomes.retrieval import Retrieval, tokens
from memory_router.outcomes.schema import SCHEMA
from memory_router.outcomes.search import OutcomeSelection
from memory_router.outcomes.store import OutcomeStore
from memory_router.storage.database import Database, open_database

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TYPES = ("add_topic", "remove_topic", "boost_source", "reduce_source")
OTHERS, OF_OTHERS, RECORDS, RECORDED, SEARCHES = 1000, 20, 500, 2000, 200
_ONE = ("kernel", "garden", "gaming", "climate", "football", "startup", "privacy", "database", "kitchen", "music")
_OTHER = ("weekly", "daily", "journal", "review", "digest", "podcast", "wire", "observer", "insider", "notes")
_REASONS = (
    *("I like their coverage of it", "too much hype lately", "I read this every morning before work", "not relevant"),
    *("already have three of these in the list", "my team depends on those articles", "too many advertisements there"),
)
QUESTIONS = (
    *("what happened when we suggested reducing sources", "gaming coverage", "too many ads", "rejected topics"),
    *("kitchen podcast", "articles the team depends on", "climate observer boosted", "morning reading"),
)


def outcome(number: int, source: random.Random, days: float) -> dict[str, object]:
    """Return what `record` takes for one outcome as large as the seed's 500 tokens."""
    value = f"{source.choice(_ONE)}-{source.choice(_OTHER)}-{number % 97}"
    articles = [
        {
            "url": f"https://{value}.example.com/2026/{source.randrange(10**6)}",
            "title": f"{source.choice(_ONE)} {source.choice(_OTHER)}: {source.choice(_REASONS)}",
            "feedback": source.choice(("like", "dislike")),
            "reason_tag": source.choice(("too much hype", "well written", "off topic")),
        }
        for _ in range(5)
    ]
    config = {f"{one}-{other}": round(source.random(), 2) for one in _ONE[:5] for other in _OTHER[:4]}
    when = validation.iso(NOW - timedelta(days=days))
    return {
        "suggestion_type": source.choice(TYPES),
        "suggestion_value": value,
        "outcome": source.choice(("accepted", "rejected", "rejected")),
        "reason": source.choice(_REASONS),
        "config_before": config,
        "config_after": {**config, value: 0.5},
        "evidence": {"like_rate": 0.35, "sample_size": 12, "articles": articles},
        "created_at": when,
        "decided_at": when,
        "key": f"{source.random()}",
    }


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how many milliseconds some work takes, by the wall's clock or the processor's."""
    started = clock()
    work()
    return (clock() - started) * 1000


def example(database: Database) -> str:
    """Return the tokens of the seed's example: 20 found, 5 looked at, 1 read."""
    store, source = OutcomeStore(database), random.Random(1)
    for number in range(20):
        store.record("seed", **outcome(number, source, number))  # type: ignore[arg-type]
    retrieval = Retrieval(database, validation.iso(NOW))
    hits = retrieval.search(OutcomeSelection("seed")).results
    ids = [hit["id"] for hit in hits]
    layers = [tokens(hits), tokens(retrieval.timeline("seed", ids[:5])), tokens(retrieval.detail("seed", ids[:1]))]
    whole = tokens(retrieval.detail("seed", ids))
    return (
        f"20 outcomes: {' + '.join(map(str, layers))} = {sum(layers)} tokens by layers, {whole} at once "
        f"({1 - sum(layers) / whole:.0%} saved)"
    )


def compaction(database: Database, folder: str) -> str:
    """Return what 150 outcomes take before and after compaction, 125 of them older than 30 days (seed 003)."""
    store, source, reader = OutcomeStore(database), random.Random(5), Retrieval(database, validation.iso(NOW))
    for number in range(150):
        store.record("compacted", **outcome(number, source, 20 if number < 25 else 60))  # type: ignore[arg-type]
    ids, before = [one.outcome_id for one in store.all("compacted")], store.profile("compacted")
    sizes = [(tokens(reader.detail("compacted", ids)), stored(database))]
    took = timed(lambda: OutcomeCompaction(database, folder, validation.iso(NOW)).run("compacted"))
    sizes.append((tokens(reader.detail("compacted", ids)), stored(database)))
    assert store.recompute("compacted")._replace(compacted_through=None) == before, "the profile is another"
    saved = [1 - after / before for before, after in zip(*sizes, strict=True)]
    return (
        f"150 outcomes compacted in {took:.0f} ms: {sizes[0][0]:,} to {sizes[1][0]:,} tokens ({saved[0]:.0%} less), "
        f"{sizes[0][1] // 1024:,} to {sizes[1][1] // 1024:,} KB of values ({saved[1]:.0%} less), same profile"
    )


def stored(database: Database) -> int:
    """Return how many bytes the values of the outcomes to be compacted take, with their suggestions."""
    tables = ("suggestion_outcomes", "config_suggestions")
    rows = [row for one in tables for row in database.rows(f"SELECT * FROM {one} WHERE user_id = 'compacted'")]
    values = (value for row in rows for value in row.values() if value is not None)
    return sum(len(value if isinstance(value, bytes) else str(value)) for value in values)


def recording(database: Database) -> tuple[list[float], list[float]]:
    """Return how many milliseconds recording an outcome takes in all, and its part of the profile alone."""
    store, source = OutcomeStore(database), random.Random(2)
    given = [outcome(number, source, RECORDS - number) for number in range(RECORDS)]
    whole = [timed(partial(store.record, "recorder", **one)) for one in given]  # type: ignore[arg-type]
    alone = []
    for _ in range(RECORDS):
        with database.transaction():
            alone.append(timed(lambda: store._count("recorder", "add_topic", "accepted", "2026-11-20T12:00:00Z")))
    return whole, alone


def fill(database: Database, count: int) -> float:
    """Store so many outcomes of one user and 20 of each of 1,000 others; return the seconds that it took.

    Recorded are 2,000; the others are copies of them, shuffled among the users.
    """
    store, source, started = OutcomeStore(database), random.Random(3), time.perf_counter()
    with database.transaction():
        for number in range(RECORDED):
            store.record_within("recorded", **outcome(number, source, source.random() * 365))  # type: ignore[arg-type]
    owners = [("heavy", count), *((f"user{number}", OF_OTHERS) for number in range(OTHERS))]
    shuffled = [user for user, number in owners for _ in range(number)]
    source.shuffle(shuffled)
    rows = database.rows("SELECT * FROM suggestion_outcomes WHERE user_id = 'recorded' ORDER BY outcome_id")
    columns = [name for name in rows[0] if name != "outcome_id"]
    copies = []
    for number, user in enumerate(shuffled, 1):
        own = {"user_id": user, "outcome_key": f"copy {number}"}
        copies.append(rows[source.randrange(RECORDED)] | own)
    with database.transaction():
        database.run_all(
            f"INSERT INTO suggestion_outcomes({', '.join(columns)}) VALUES ({', '.join(f':{one}' for one in columns)})",
            copies,
        )
        for user, _ in owners:
            store.index_tags(user)
    return time.perf_counter() - started


def searching(database: Database, user: str, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Return how many milliseconds searches take, by what they ask for."""
    retrieval, source = Retrieval(database, validation.iso(NOW)), random.Random(4)
    choose = source.choice
    kinds = {
        "by type and outcome": [(OutcomeSelection(user, (choose(TYPES),), ("rejected",)), "") for _ in range(SEARCHES)],
        "by text": [(OutcomeSelection(user), choose(QUESTIONS)) for _ in range(SEARCHES)],
        "by text, type and outcome": [
            (OutcomeSelection(user, (choose(TYPES),), ("accepted",)), choose(QUESTIONS)) for _ in range(SEARCHES)
        ],
    }
    samples: dict[str, list[float]] = {}
    for name, asked in kinds.items():
        retrieval.search(*asked[0])
        samples[name] = [timed(partial(retrieval.search, *one), clock) for one in asked]
    return samples


def main() -> None:
    """Print all figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(heading("What advice costs, milliseconds: median (5th to 95th percentile)"))
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:{folder}/memory.db"
        database = open_database(url, SCHEMA)
        print(example(database))
        print(compaction(database, folder))
        whole, alone = recording(database)
        print(f"recording an outcome        {spread(whole)}")
        print(f"  of this the profile       {spread(alone)}", flush=True)
        seconds = fill(database, count)
        print(
            f"\n{count:,} outcomes of one user, {OTHERS * OF_OTHERS:,} of {OTHERS:,} others, stored in {seconds:.0f} s"
        )
        # A loaded machine makes a process wait; what it does itself is told beside.
        for user in ("heavy", "user7"):
            used = searching(database, user, time.process_time)
            for name, samples in searching(database, user, time.perf_counter).items():
                print(f"{user:5} {name:26}{spread(samples)}   processor {spread(used[name])}", flush=True)
        database.close()


if __name__ == "__main__":
    main()
