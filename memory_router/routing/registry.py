"""The backends: what their manifests declare, and which of them are installed.

A manifest (`backend.json` in a folder of its own) says what a backend can do; the state file `backends.json`
says whether it is installed and ready (seed 002, Configuration). The ask path reads both and writes neither.
"""

import functools
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from memory_router import contract
from memory_router.errors import InvalidStateError, ManifestError, NotInitialisedError, StateError
from memory_router.paths import shown

STATE_VERSION = 1
USABLE = ("ready", "degraded")
# What a result can be: told to `remember`, read from a file, said in a conversation, worked out by an engine, or from
# a store that the router does not know.
PROVENANCES = ("remembered", "file", "conversation", "derived", "external")


class Manifest(NamedTuple):
    """Declare a backend (see backends/CONTRACT.md).

    Args:
        name: the name that rules use.
        folder: where its `backend.json` lies.
        description: one sentence for people.
        tier: the product tier it comes with.
        command: the program and its arguments, for a request on stdin; empty if `argv` is given.
        argv: the same with `{query}`, `{mode}` and `{limit}` to be filled in, for programs that take arguments.
        verbs: the verbs it understands.
        modes: the modes it has, the first being its default; empty if it has none.
        warm: whether one process answers many requests, a line each.
        deadline_ms: how long it wants to be waited for, or None.
        cost_usd: what one query costs.
        network: whether it uses the network.
        requires_approval: whether somebody has to approve each question to it.
        provenance: what its results are, one of PROVENANCES.
    """

    name: str
    folder: str
    description: str = ""
    tier: str = "third-party"
    command: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ("query",)
    modes: tuple[str, ...] = ()
    warm: bool = False
    deadline_ms: int | None = None
    cost_usd: float = 0.0
    network: bool = False
    requires_approval: bool = False
    provenance: str = "external"

    def arguments(self, request: contract.Request) -> list[str]:
        """Return the command line that asks `request`; nothing in it is ever read by a shell."""
        fill = {
            "{python}": sys.executable,
            "{query}": _as_argument(request.query),
            "{mode}": request.mode or "",
            "{limit}": str(request.limit),
        }
        return [fill[word] if word in fill else self._own_file(word) for word in self.command or self.argv]

    def _own_file(self, word: str) -> str:
        """Return the path of `word` if it names a file of the backend's folder, else `word`."""
        path = os.path.join(self.folder, word)
        return path if os.path.isfile(path) else word


class Installed(NamedTuple):
    """What the state file says of one backend: `ready`, `degraded`, `installed` or `unavailable`, and why."""

    status: str
    message: str = ""


class RegistryState(NamedTuple):
    """The state file: the product tier and the installed backends by name."""

    tier: str
    backends: dict[str, Installed]


class Registry(NamedTuple):
    """Everything that is known of backends when a question comes in.

    Args:
        manifests: by name.
        state: what is installed; nothing, if that cannot be read.
        problems: manifests that cannot be used, a sentence each.
        state_error: why the state cannot be read, or None.
    """

    manifests: dict[str, Manifest]
    state: RegistryState
    problems: tuple[str, ...] = ()
    state_error: StateError | None = None


def read_registry(folders: list[str], state_file: str) -> Registry:
    """Read the manifests below `folders` and the state file; what cannot be read is told in the registry."""
    manifests, problems = read_manifests(folders)
    try:
        return Registry(manifests, read_state(state_file), problems)
    except StateError as error:
        return Registry(manifests, RegistryState("", {}), problems, error)


def read_manifests(folders: list[str]) -> tuple[dict[str, Manifest], tuple[str, ...]]:
    """Read every backend below `folders`, again where a file was changed; a later folder's backend wins by its name.

    Args:
        folders: folders that hold one folder a backend; missing ones are passed over.

    Returns:
        The manifests by name, and a sentence for each that cannot be used.
    """
    return _manifests(tuple(stamp for folder in folders for stamp in _stamps(folder)))


def _stamps(folder: str) -> Iterator[tuple[str, int, int, int]]:
    """Yield each manifest below a folder with what tells whether it was changed."""
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        file = os.path.join(folder, name, "backend.json")
        try:
            status = os.stat(file)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:  # reading it says why
            yield file, 0, 0, 0
        else:
            yield file, status.st_ino, status.st_mtime_ns, status.st_size


@functools.lru_cache(maxsize=1)
def _manifests(stamps: tuple[tuple[str, int, int, int], ...]) -> tuple[dict[str, Manifest], tuple[str, ...]]:
    manifests: dict[str, Manifest] = {}
    problems: list[str] = []
    for file, *_ in stamps:
        try:
            manifest = read_manifest(file)
        except ManifestError as error:
            problems.append(str(error))
        else:
            manifests[manifest.name] = manifest
    return manifests, tuple(problems)


def read_manifest(file: str) -> Manifest:
    """Read one `backend.json`.

    Raises:
        ManifestError: it cannot be read, is not JSON, or a member is missing, unknown or wrong.
    """
    body = _read_object(file, ManifestError)
    version = body.pop("contract", None)
    if version != contract.VERSION:
        raise _wrong(file, f"`contract` is {version!r}", f"{contract.VERSION}, the version this program speaks")
    known = set(Manifest._fields) - {"folder"}
    for member, value in body.items():
        if member not in known:
            raise _wrong(file, f"`{member}` is not a member", ", ".join(sorted(known)))
        if not _fits(member, value):
            raise _wrong(file, f"`{member}` is {json.dumps(value)}", _KINDS[member][1])
    if not body.get("name"):
        raise _wrong(file, "`name` is missing", "the name that rules use")
    if bool(body.get("command")) == bool(body.get("argv")):
        raise _wrong(file, "it must have either `command` or `argv`", "a list of words, the first one a program")
    lists = {member: tuple(value) for member, value in body.items() if isinstance(value, list)}
    return Manifest(folder=os.path.dirname(file), **{**body, **lists})


def read_state(file: str) -> RegistryState:
    """Read `backends.json`, whichever program wrote it; its version does not matter as long as it lists backends.

    Raises:
        NotInitialisedError: there is no such file.
        InvalidStateError: it cannot be read, is empty or truncated, or lists no backends.
    """
    if not os.path.exists(file):
        raise NotInitialisedError(
            f"No backend is registered yet: {shown(file)} does not exist.", "Run: memory-router setup"
        )
    body = _read_object(file, InvalidStateError)
    backends = body.get("backends")
    if not isinstance(backends, dict):
        raise _broken_state(file, "it has no `backends` object")
    return RegistryState(str(body.get("tier", "")), {name: _installed(entry) for name, entry in backends.items()})


def _installed(entry: Any) -> Installed:
    """Return what is said of one backend; where that cannot be read, only this one is not asked."""
    if not isinstance(entry, dict) or entry.get("status") not in contract.HEALTH_STATUSES:
        return Installed("unavailable", f"Its status is not one of {', '.join(contract.HEALTH_STATUSES)}.")
    return Installed(entry["status"], str(entry.get("message") or ""))


def _read_object(file: str, error_class: type[ManifestError] | type[InvalidStateError]) -> dict[str, Any]:
    try:
        with open(file, "rb") as stream:
            body = json.loads(stream.read())
    except OSError as error:
        problem = f"it cannot be read ({error.strerror})"
    except (ValueError, RecursionError) as error:
        problem = f"it is not JSON ({error})"
    else:
        if isinstance(body, dict):
            return body
        problem = "it is not a JSON object"
    if error_class is ManifestError:
        raise _wrong(file, problem, "a JSON object; see backends/CONTRACT.md")
    raise _broken_state(file, problem)


def _broken_state(file: str, problem: str) -> InvalidStateError:
    return InvalidStateError(
        f"The list of installed backends, {shown(file)}, cannot be used: {problem}.",
        "Run: memory-router backends init (it writes the file anew; no memory is touched).",
    )


def _wrong(file: str, problem: str, allowed: str) -> ManifestError:
    return ManifestError(f"{shown(file)}: {problem}; allowed: {allowed}.", "Correct it there.")


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "name": ((str,), "text"),
    "description": ((str,), "text"),
    "tier": ((str,), "text"),
    "command": ((list,), "a list of text"),
    "argv": ((list,), "a list of text"),
    "verbs": ((list,), "a list of text"),
    "modes": ((list,), "a list of text"),
    "warm": ((bool,), "true or false"),
    "deadline_ms": ((int,), "a whole number of milliseconds above 0"),
    "requires_approval": ((bool,), "true or false"),
    "network": ((bool,), "true or false"),
    "provenance": ((str,), f"one of {', '.join(PROVENANCES)}"),
    "cost_usd": ((int, float), "a number of US dollars"),
}


def _fits(member: str, value: Any) -> bool:
    types, _ = _KINDS[member]
    if isinstance(value, bool) is not (types == (bool,)) or not isinstance(value, types):
        return False
    if isinstance(value, list):
        return all(isinstance(word, str) for word in value)
    if member == "provenance":
        return value in PROVENANCES
    return not isinstance(value, int | float) or value > 0 or member == "cost_usd"


def _as_argument(query: str) -> str:
    # A question that begins with a dash must not become an option of somebody's program; a NUL cannot be passed.
    text = query.replace("\0", " ")
    return f" {text}" if text.startswith("-") else text
