"""Find the real Cognee on this machine: a server to ask, graph files to read, a Python that can read them.

Nothing of it is started or imported here: importing Cognee takes longer than a question may.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_PORT = "8000"
# What Cognee names its graphs: of everybody together (with the former name of its database), and of one dataset.
_WHOLE = ("cognee_graph_ladybug", "cognee_graph_kuzu")
_OF_DATASETS = (".lbug", ".pkl")


class Server(NamedTuple):
    """How Cognee's server is asked.

    Args:
        url: its root, without a slash at the end.
        headers: what proves who asks; never logged.
        is_named: whether the environment names it; otherwise it is the port that Cognee takes by default.
    """

    url: str
    headers: Mapping[str, str]
    is_named: bool


class CogneePlace(NamedTuple):
    """Where Cognee is.

    Args:
        server: whom to ask, whether it runs or not.
        program: `cognee-cli`, or None if it is not on the PATH.
        folder: where it keeps its databases, or None if that is not known.
        files: its graphs, one a dataset.
        reader: a Python that can open them, or None if none is known.
    """

    server: Server
    program: str | None
    folder: str | None
    files: Sequence[str]
    reader: str | None


def place() -> CogneePlace | None:
    """Return where Cognee is, or None if nothing of it is on this machine and no server is named."""
    program = _program()
    folder = _folder(program)
    headers = _headers()
    named = os.environ.get("COGNEE_SERVICE_URL", "").strip().rstrip("/")
    if not (program or folder or headers or named):
        return None
    url = named or f"http://127.0.0.1:{os.environ.get('HTTP_API_PORT') or _PORT}"
    files = sorted(_graphs(folder)) if folder else []
    return CogneePlace(Server(url, headers, bool(named)), program, folder, files, _reader(program) if files else None)


def _headers() -> dict[str, str]:
    """Return what Cognee's own client sends to say who asks."""
    if key := os.environ.get("COGNEE_API_KEY"):
        return {"X-Api-Key": key}
    token = os.environ.get("COGNEE_API_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _program() -> str | None:
    candidates = (os.path.join(folder, "cognee-cli") for folder in os.get_exec_path())
    return next((file for file in candidates if os.path.isfile(file) and os.access(file, os.X_OK)), None)


def _folder(program: str | None) -> str | None:
    """Return the folder of Cognee's databases: where the environment says, else inside its own package."""
    named = os.environ.get("SYSTEM_ROOT_DIRECTORY", "")
    if not named and program:
        packages = os.path.join(_environment(program), "lib")
        inside = "site-packages/cognee/.cognee_system"
        versions = (name for name in _names(packages) if name.startswith("python3"))
        folders = (os.path.join(packages, version, inside) for version in versions)
        named = next(filter(os.path.isdir, folders), "")
    folder = os.path.join(os.path.expanduser(named), "databases")
    return folder if os.path.isabs(folder) and os.path.isdir(folder) else None


def _graphs(folder: str) -> Iterator[str]:
    for name in _names(folder):
        path = os.path.join(folder, name)
        if name in _WHOLE:
            yield path
        elif os.path.isdir(path):
            yield from (os.path.join(path, inner) for inner in _names(path) if inner.endswith(_OF_DATASETS))


def _reader(program: str | None) -> str | None:
    """Return Cognee's own Python, whose library fits its files, else this one if it has that library."""
    if program:
        beside = os.path.join(_environment(program), "bin", "python")
        if os.access(beside, os.X_OK):
            return beside
    from importlib.util import find_spec

    return sys.executable if find_spec("ladybug") else None


def _environment(program: str) -> str:
    return os.path.dirname(os.path.dirname(os.path.realpath(program)))


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
