"""Ship a fake backend: a real process that answers, lies, hangs, forks, floods or dies as told.

For the tests of anything that talks to the router, and of the router itself:

    write_fake_backend(folder, "notes", Behaviour(results=(Result("the answer", relevance=0.9),)))

writes `folder/notes/backend.json`; with `folder` as the `backends` folder of the user's configuration, the
backend is there after `memory-router backends init`. What it was asked is in `folder/notes/requests.jsonl`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from memory_router import contract
from memory_router.contract import Health, Request, Response, Result

_DAYS = 100_000


class Behaviour(NamedTuple):
    """What the fake backend does when it is asked.

    Args:
        results: what it finds, best first; the first one's relevance is the answer's.
        status: the status of the answer; by default it follows from the results.
        error_code: the code of an error or of the reason for an empty answer.
        error_message: the same as a sentence.
        health: what it says when asked for its health.
        prints: printed in place of an answer.
        floods: how many bytes of garbage it prints in place of an answer.
        hangs: whether it never answers.
        forks: whether it starts a child that never ends and holds its output open; its number goes to `children`.
        reads: whether it reads its request, or closes its input at once.
        exits: the code with which it exits in place of an answer; negative for the number of a signal.
        waits_for: a file without which it does not answer yet, as seen from its folder.
    """

    results: Sequence[Result] = ()
    status: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    health: Health = Health("ready", engine="fake")
    prints: str | None = None
    floods: int = 0
    hangs: bool = False
    forks: bool = False
    reads: bool = True
    exits: int | None = None
    waits_for: str | None = None


def write_fake_backend(folder: str, name: str, behaviour: Behaviour, **manifest: Any) -> str:
    """Write a backend that behaves like `behaviour`; call it again to change its ways.

    Args:
        folder: the folder of backends.
        name: the name that rules use.
        behaviour: what it does when asked.
        manifest: members of its `backend.json` that differ from the default.

    Returns:
        The folder of the backend.
    """
    own = os.path.join(folder, name)
    os.makedirs(own, exist_ok=True)
    declared = {
        "name": name,
        "contract": contract.VERSION,
        "description": "A fake for tests.",
        "tier": "third-party",
        "command": ["{python}", "-m", __name__, "behaviour.json"],
        "verbs": ["query", "health", "get"],
        **manifest,
    }
    for file, body in (("backend.json", declared), ("behaviour.json", behaviour._asdict())):
        with open(os.path.join(own, file), "w", encoding="utf-8") as stream:
            json.dump(body, stream)
    return own


def requests_to(folder: str) -> list[Request]:
    """Return what the fake backend in `folder` was asked, oldest first, without questions for its health."""
    file = os.path.join(folder, "requests.jsonl")
    if not os.path.exists(file):
        return []
    with open(file, "rb") as stream:
        return [contract.decode_request(line) for line in stream]


def _main(behaviour_file: str) -> NoReturn:
    folder = os.path.dirname(behaviour_file)
    with open(behaviour_file, encoding="utf-8") as stream:
        behaviour = Behaviour(**json.load(stream))

    def query(request: Request) -> Response:
        with open(os.path.join(folder, "requests.jsonl"), "ab") as stream:
            stream.write(contract.encode_request(request))
        _misbehave(behaviour, folder)
        results = [Result(*result) for result in behaviour.results][: request.limit]
        return contract.answer(results)._replace(
            status=behaviour.status, error_code=behaviour.error_code, error_message=behaviour.error_message
        )

    if not behaviour.reads:
        os.close(0)
        _misbehave(behaviour, folder)
        sys.exit(0)
    contract.serve(os.path.basename(folder), query=query, get=query, health=lambda: Health(*behaviour.health))


def _misbehave(behaviour: Behaviour, folder: str) -> None:
    """Do what the behaviour says in place of an answer; return if it says nothing of the kind."""
    if behaviour.forks:
        child = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({_DAYS})"], pass_fds=[_wire])
        with open(os.path.join(folder, "children"), "a", encoding="utf-8") as stream:
            stream.write(f"{child.pid}\n")
    while behaviour.waits_for and not os.path.exists(os.path.join(folder, behaviour.waits_for)):
        time.sleep(0.001)
    if behaviour.prints is not None:
        os.write(_wire, behaviour.prints.encode())
        os._exit(0)
    if behaviour.floods:
        for _ in range(behaviour.floods // 2**16 + 1):
            os.write(_wire, b"garbage\n" * 2**13)
        os._exit(0)
    if behaviour.hangs:
        time.sleep(_DAYS)
    if behaviour.exits is not None:
        sys.stderr.write("the fake was told to die\n")
        sys.stderr.flush()
        if behaviour.exits < 0:
            os.kill(os.getpid(), -behaviour.exits)
        os._exit(behaviour.exits)


_wire = 1

if __name__ == "__main__":
    _wire = os.dup(1)
    _main(os.path.abspath(sys.argv[1]))
