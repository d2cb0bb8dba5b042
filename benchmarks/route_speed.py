"""Measure how long a route decision takes in process: `python benchmarks/route_speed.py [CASES]`.

CASES is a file with one JSON object a line that holds a `query`; by default ../shared/routing-cases.jsonl beside
the repository, else the examples of the bundled rule table.
"""

import json
import statistics
import sys
import time
from pathlib import Path

from machine import heading, spread

from memory_router.routing import config_file
from memory_router.routing.rules import RuleTable

REPOSITORY = Path(__file__).parents[1]
ROUNDS = 500


def questions() -> list[str]:
    """Return the questions to route."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY.parent / "shared" / "routing-cases.jsonl"
    if file.exists():
        return [json.loads(line)["query"] for line in file.read_text().splitlines()]
    body = json.loads((REPOSITORY / "router-config.json").read_text())
    return [example for rule in body["rules"] for example in rule["examples"]]


def microseconds(table: RuleTable, query: str) -> float:
    """Return the median time of one decision."""
    samples = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        table.match(query)
        samples.append((time.perf_counter() - started) * 1e6)
    return statistics.median(samples)


def main() -> None:
    """Print the time a decision takes, over all questions, for the bundled table and for a user's copy of it."""
    asked = questions()
    bundled = config_file.load(str(REPOSITORY / "router-config.json"))
    print(heading(f"Route decision in process, {len(asked)} questions, median of {ROUNDS} each"))
    for name, settings in (
        ("bundled table (no clock)", bundled),
        ("the same as a user's (under a clock)", bundled._replace(bundled=False)),
    ):
        table = RuleTable(settings)
        print(f"{name:38} {spread([microseconds(table, query) for query in asked])} us a query")


if __name__ == "__main__":
    main()
