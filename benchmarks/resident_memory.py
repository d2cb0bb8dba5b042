"""Measure what the resident holds with a large index and `meaning`: `python benchmarks/resident_memory.py`.

Notes are written and indexed as they are. The encoder's vectors are random ones of its length: encoding takes an hour,
and memory does not depend on them. Questions are encoded by the model itself.
"""

import argparse
import os
import tempfile
from contextlib import closing
from pathlib import Path

import numpy
from machine import heading
from resident import CLI, QUESTIONS, build, memory, run, wait_for_resident  # type: ignore[import-not-found]

from memory_router import resident
from memory_router.engines.documents.schema import SCHEMA
from memory_router.retrieval import models, vectors
from memory_router.storage.sqlite import load_distances, open_database, writing

_BATCH = 5000


def fill(database: Path) -> int:
    """Give every passage a random vector of the encoder's shape; return how many there are."""
    encoder = models.encoder()
    if isinstance(encoder, str):
        raise SystemExit(encoder)
    length = len(encoder.embed("how long it is", lambda _word: 1.0))
    chance = numpy.random.default_rng(7)
    with closing(open_database(str(database), SCHEMA)) as connection:
        load_distances(connection)
        keys = [int(key) for (key,) in connection.execute("SELECT id FROM chunks ORDER BY id")]
        with writing(connection):
            model = vectors.model_number(connection, encoder.identity)
            connection.execute("UPDATE vector_models SET dimension = ? WHERE model = ?", (length, model))
            for start in range(0, len(keys), _BATCH):
                part = keys[start : start + _BATCH]
                rows = chance.integers(-90, 90, (len(part), length), dtype=numpy.int8)
                vectors.store(connection, model, zip(part, (row.tobytes() for row in rows), strict=True))
    return len(keys)


def main() -> None:
    """Build, ask, and print what is held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=25_000, help="each of four passages")
    parser.add_argument("--questions", type=int, default=200)
    options = parser.parse_args()
    os.environ.pop("MEMORY_ROUTER_MEANING", None)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environment = build(Path(folder), options.notes)
        passages = fill(Path(folder, "cache/documents.db"))
        print(heading(f"Memory with {passages:,} passages and `meaning`"))
        print(run([*CLI, "status", "--json"], environment)[1].decode().rpartition('"meaning"')[2], end="")
        wait_for_resident(environment)
        os.environ.update(environment)
        try:
            memory(environment)
            for number in range(options.questions):
                arguments = ["query", QUESTIONS[number % len(QUESTIONS)], *(["--all"] if number % 2 else [])]
                while resident.ask(arguments) is None:
                    pass
            memory(environment)
        finally:
            run([*CLI, "resident", "stop"], environment)


if __name__ == "__main__":
    main()
