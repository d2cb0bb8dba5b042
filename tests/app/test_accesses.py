"""What is used of memory is counted off the ask path, and steady use promotes within thirty days."""

import json

import pytest

from memory_router import paths
from memory_router.app import accesses, remembering
from memory_router.engines.tiers.memory import Memory
from tests.conftest import Home

DAY = 24 * 3600.0


def memory(text: str) -> Memory:
    """Return what is stored of a text."""
    held = remembering.work_with(lambda memories: memories.memories())
    return next(one for one in held if one.text == text)


def test_the_first_answer_and_what_is_fetched_count(home: Home) -> None:
    """The first result of an accepted answer counts once, a fetched one once more, and the others not at all."""
    home.run("backends", "init", "--tier", "starter")
    first = home.run("remember", "The heron gateway listens on port 8443").json["id"]
    home.run("remember", "The heron gateway was written by Anna")
    answer = home.run("query", "which port does the heron gateway listen on", "--backend", "totalrecall").json
    assert answer["results"][0]["id"] == first
    home.run("get", first)
    noted = [json.loads(line)[1] for line in (home.folder / "data/accesses.jsonl").read_text().splitlines()]
    assert noted == [[first.removeprefix("totalrecall:")]] * 2


def test_noted_accesses_are_counted_once(own_home: Home) -> None:
    """Accesses that were noted are counted by the next command, and then no more; torn lines are left out."""
    remembering.remember("The port is 8443")
    name = memory("The port is 8443").id
    accesses.note([{"id": f"totalrecall:{name}"}, {"id": "qmd:1"}])
    with open(paths.accesses_spool(), "ab") as spool:
        spool.write(b"[7, \n")
    accesses.count(remembering.work_with)
    accesses.count(remembering.work_with)
    assert memory("The port is 8443").accesses == 1


def test_steady_use_promotes_within_thirty_days(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory of the session tier that is used once a day moves up within the seed's thirty days."""
    remembering.remember("The port is 8443", 0.5)
    stored = memory("The port is 8443")
    assert stored.tier == "session"
    for day in range(30):
        with monkeypatch.context() as patched:
            patched.setattr("time.time", lambda day=day: stored.created + day * DAY)
            accesses.note([{"id": f"totalrecall:{stored.id}"}])
    accesses.count(remembering.work_with)
    assert memory("The port is 8443").tier == "persistent"
