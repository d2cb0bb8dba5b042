"""Measure what advice costs: `python benchmarks/advice.py [OUTCOMES]`.

Tokens of the seed's example by layers against everything at once; the size of 150 outcomes before and after
compaction; recording an outcome with its profile; searching among 100,000 outcomes of one user, beside 1,000 others.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from machine import heading, spread

from memory_router.advice import intake
from memory_router.advice.candidates import Wanted
from memory_router.advice.outcomes import OutcomeStore
from memory_router.advice.retrieval import Retrieval, tokens
from memory_router.advice.schema import SCHEMA
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
    when = intake.iso(NOW - timedelta(days=days))
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


def timed(work: Callable[[], object]) -> float:
    """Return how many milliseconds some work takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def example(database: Database) -> str:
    """Return the tokens of the seed's example: 20 found, 5 looked at, 1 read."""
    store, source = OutcomeStore(database), random.Random(1)
    for number in range(20):
        store.record("seed", **outcome(number, source, number))  # type: ignore[arg-type]
    retrieval = Retrieval(database, intake.iso(NOW))
    hits = retrieval.search(Wanted("seed")).results
    ids = [hit["id"] for hit in hits]
    layers = [tokens(hits), tokens(retrieval.timeline("seed", ids[:5])), tokens(retrieval.detail("seed", ids[:1]))]
    whole = tokens(retrieval.detail("seed", ids))
    return (
        f"20 outcomes: {' + '.join(map(str, layers))} = {sum(layers)} tokens by layers, {whole} at once "
        f"({1 - sum(layers) / whole:.0%} saved)"
    )


def recording(database: Database) -> tuple[list[float], list[float]]:
    """Return how many milliseconds recording an outcome takes in all, and its part of the profile alone."""
    store, source = OutcomeStore(database), random.Random(2)
    given = [outcome(number, source, RECORDS - number) for number in range(RECORDS)]
    whole = [timed(lambda one=one: store.record("recorder", **one)) for one in given]  # type: ignore[misc]
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
    last = rows[-1]["outcome_id"]
    copies = [
        {**rows[source.randrange(RECORDED)], "user_id": user, "outcome_key": f"copy {number}", "outcome_id": last + number}
        for number, user in enumerate(shuffled, 1)
    ]
    names = ("outcome_id", *columns)
    with database.transaction():
        database.run_all(
            f"INSERT INTO suggestion_outcomes({', '.join(names)}) VALUES ({', '.join(f':{one}' for one in names)})", copies
        )
        database.run_all(
            "INSERT INTO outcome_tags(user_id, tag, outcome_id) VALUES (:user, :tag, :outcome)",
            (
                {"user": one["user_id"], "tag": tag, "outcome": one["outcome_id"]}
                for one in copies
                for tag in one["tags"].split()
            ),
        )
    return time.perf_counter() - started


def searching(database: Database, user: str) -> dict[str, list[float]]:
    """Return how many milliseconds searches take, by what they ask for."""
    retrieval, source = Retrieval(database, intake.iso(NOW)), random.Random(4)
    kinds = {
        "by type and outcome": lambda: (Wanted(user, (source.choice(TYPES),), ("rejected",)), ""),
        "by text": lambda: (Wanted(user), source.choice(QUESTIONS)),
        "by text, type and outcome": lambda: (
            Wanted(user, (source.choice(TYPES),), ("accepted",)),
            source.choice(QUESTIONS),
        ),
    }
    samples = {}
    for name, make in kinds.items():
        retrieval.search(*make())
        asked = [make() for _ in range(SEARCHES)]
        samples[name] = [timed(lambda one=one: retrieval.search(*one)) for one in asked]  # type: ignore[misc]
    return samples


def main() -> None:
    """Print all figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(heading("What advice costs, milliseconds: median (5th to 95th percentile)"))
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(os.environ.get("MEMORY_ROUTER_DATABASE") or f"sqlite:{folder}/memory.db", SCHEMA)
        print(example(database))
        whole, alone = recording(database)
        print(f"recording an outcome        {spread(whole)}")
        print(f"  of this the profile       {spread(alone)}", flush=True)
        seconds = fill(database, count)
        print(
            f"\n{count:,} outcomes of one user, {OTHERS * OF_OTHERS:,} of {OTHERS:,} others, stored in {seconds:.0f} s"
        )
        for user in ("heavy", "user7"):
            for name, samples in searching(database, user).items():
                print(f"{user:5} {name:26}{spread(samples)}", flush=True)
        database.close()


if __name__ == "__main__":
    main()
