"""Break what can break, and count what is lost, hung, leaked or wrong: `python benchmarks/faults.py [TRIALS [KIND]]`.

It prints a line for each kind, with the seeds of failures, and the rare states that were reached; it fails if anything
went wrong or such a state was never reached. KIND runs only the kinds whose names begin so.
"""

import random
import sys
import time

import fault_people
import fault_processes
import fault_stores
from fault_outcome import Outcome, Trial, seen
from machine import heading

SOMETIMES = (
    "fault raised",
    "write refused",
    "lock waited",
    "torn line skipped",
    "salvage done",
    "writer killed",
    "breaker opened",
    "hedge lost",
    "gate closed",
    "child killed",
)


def kinds() -> dict[str, Trial]:
    """Return every kind of fault with its trial."""
    return {**fault_stores.kinds(), **fault_processes.kinds(), **fault_people.kinds()}


def main() -> None:
    """Run every kind, print a table, and exit with 1 if anything went wrong or a rare state was never reached."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    chosen = sys.argv[2] if len(sys.argv) > 2 else ""
    print(heading("Faults of disks, processes, files, clocks, backends and people"))
    print(f"{'kind':<44} {'trials':>6} {'lost':>5} {'hung':>5} {'leaked':>6} {'wrong':>5} {'s':>5}  failing seeds")
    totals = [0, 0, 0, 0]
    for kind, trial in kinds().items():
        if not kind.startswith(chosen):
            continue
        began = time.monotonic()
        seeds = [random.Random(f"{kind}{number}").randrange(2**32) for number in range(trials)]
        outcomes = [trial(number, seed) for number, seed in enumerate(seeds)]
        counts = [sum(int(outcome[part]) for outcome in outcomes) for part in range(4)]
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
        bad = [str(seed) for seed, outcome in zip(seeds, outcomes, strict=True) if outcome != Outcome()]
        told = f"{counts[0]:>5} {counts[1]:>5} {counts[2]:>6} {counts[3]:>5} {time.monotonic() - began:>5.0f}"
        print(f"{kind:<44} {trials:>6} {told}  {' '.join(bad[:5])}", flush=True)
    print(f"{'all':<44} {'':>6} {totals[0]:>5} {totals[1]:>5} {totals[2]:>6} {totals[3]:>5}")
    missing = [] if chosen else [state for state in SOMETIMES if not seen[state]]
    print("reached: " + ", ".join(f"{state} {seen[state]}" for state in SOMETIMES))
    print(f"late by 200 ms, and a bare process beside it as well: {seen['as late as a bare process']}")
    if missing:
        print(f"never reached: {', '.join(missing)}")
    sys.exit(1 if any(totals) or missing else 0)


if __name__ == "__main__":
    main()
