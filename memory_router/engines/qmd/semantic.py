"""Ask QMD's models which documents mean what a question means: its daemon if it runs, else its command line.

Only the order of the documents is taken: the daemon's score is one over the rank, and neither says whether the first
one answers. Both are asked only when the embeddings and the models are there, and both are left at the deadline.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from typing import Any, NamedTuple

from memory_router.engines.qmd import syntax
from memory_router.engines.qmd.database import QmdDatabase, read
from memory_router.engines.qmd.program import Program, Trouble, cache_folder, missing_models, program

_DEFAULT_PORT = 8181
_HEALTH_SECONDS = 0.5
_MAX_BYTES = 8 * 2**20
# Starting Node.js and reading the smallest model takes longer than this; with less left it is not even tried.
_LEAST_SECONDS = 0.8
_FIX_DAEMON = "Run: qmd mcp --http --daemon"


class Meant(NamedTuple):
    """The URIs of the documents that the models chose, best first, and who asked them: `daemon` or `cli`."""

    uris: list[str]
    by: str


def meant(index: str, mode: str, question: str, limit: int, seconds: float) -> Meant | Trouble:
    """Return what QMD's models choose, or why they cannot be asked.

    Args:
        index: QMD's index.
        mode: `vsearch` or `query`.
        question: any text.
        limit: how many documents.
        seconds: how long it may take.
    """
    ends = time.monotonic() + seconds
    if trouble := unembedded(index) or missing_models("embed"):
        return trouble
    # Models read no operators, and QMD refuses them in a question to its models.
    line = " ".join(syntax.without_exclusions(question).replace('"', " ").split())
    if not line:
        return Trouble("Nothing of the question is left for QMD's models.", "Ask with words, not only with exclusions.")
    port = daemon_port()
    if port:
        uris = _ask_daemon(port, mode, line, limit, ends)
        if uris is not None:
            return Meant(uris, "daemon")
    if trouble := missing_models("generate", "rerank") if mode == "query" else missing_models("generate"):
        return Trouble(trouble.reason, f"{trouble.fix}; or, with the embedding model alone: {_FIX_DAEMON}")
    runs = program()
    if isinstance(runs, Trouble):
        return runs
    return _ask_program(runs, index, mode, line, limit, ends - time.monotonic())


def unembedded(index: str) -> Trouble | None:
    """Return that nothing in the index is embedded, or None.

    Raises:
        StoreError: the index cannot be read.
    """

    def work(opened: QmdDatabase) -> bool:
        tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('content_vectors', 'vectors_vec')"
        if opened.connection.execute(tables).get < 2:
            return False
        return bool(opened.connection.execute("SELECT EXISTS (SELECT 1 FROM content_vectors)").get)

    return None if read(index, work) else Trouble("Nothing in QMD's index is embedded.", "Run: qmd embed")


def daemon_port() -> int | None:
    """Return the port of the daemon that `qmd mcp --http --daemon` started, or None if it does not run.

    Its own note tells its process: a question is never sent to whatever else may listen there.
    """
    try:
        with open(os.path.join(cache_folder(), "mcp.pid"), encoding="ascii") as file:
            process = int(file.read())
        os.kill(process, 0)
    except (OSError, ValueError, OverflowError):
        return None
    try:
        with open(f"/proc/{process}/cmdline", encoding="utf-8", errors="replace") as file:
            words = file.read().split("\0")
    except OSError:
        return _DEFAULT_PORT  # no such folder on this system
    if "mcp" not in words or "--http" not in words:
        return None
    port = words[words.index("--port") + 1] if "--port" in words[:-1] else ""
    return int(port) if port.isdigit() else _DEFAULT_PORT


def _ask_daemon(port: int, mode: str, question: str, limit: int, ends: float) -> list[str] | None:
    """Return the daemon's documents, or None if it does not answer in time."""
    # Reranking takes most of a minute on a processor; the order of the embeddings is what fits a deadline.
    kinds = ("lex", "vec") if mode == "query" else ("vec",)
    body = {"searches": [{"type": kind, "query": question} for kind in kinds], "rerank": False, "limit": limit}
    if not _http(port, "GET", "/health", None, min(ends, time.monotonic() + _HEALTH_SECONDS)):
        return None
    answer = _http(port, "POST", "/query", body, ends)
    # Here, unlike anywhere else, QMD writes paths with `%20`.
    return _files(answer["results"], quoted=True) if answer and isinstance(answer.get("results"), list) else None


def _http(port: int, method: str, path: str, body: Any, ends: float) -> dict[str, Any] | None:
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection("localhost", port, timeout=max(0.01, ends - time.monotonic()))
    try:
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read(_MAX_BYTES)) if response.status == 200 else None
    except (OSError, HTTPException, ValueError, RecursionError):
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else None


def _ask_program(runs: Program, index: str, mode: str, question: str, limit: int, seconds: float) -> Meant | Trouble:
    if seconds < _LEAST_SECONDS:
        return Trouble("The deadline leaves no time to start QMD's models.", _FIX_DAEMON)
    command = [runs.node, runs.script, "--index", "index", mode, "--json", "-n", str(limit), "--", question]
    # Its models are there; if QMD still wants another one, no download can begin.
    offline = {"INDEX_PATH": index, "HF_ENDPOINT": "http://127.0.0.1:9", "NODE_LLAMA_CPP_SKIP_DOWNLOAD": "true"}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",  # a `.qmd` folder in the present one would be another index
        env={**os.environ, **offline, "NO_COLOR": "1"},
        start_new_session=True,
        # If this process is killed, an alarm clock still ends QMD; the timer survives the exec.
        preexec_fn=lambda: signal.setitimer(signal.ITIMER_REAL, seconds + 1),  # noqa: PLW1509 (one thread)
    )
    try:
        printed = process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        return Trouble(f"QMD's models did not answer within {seconds:.1f} s.", _FIX_DAEMON)
    finally:
        _end(process)
    if process.returncode != 0:
        code = process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return Trouble(f"`qmd {mode}` {how}.", f"Run `qmd {mode}` by hand to see why; `qmd doctor` checks the set-up.")
    try:
        return Meant(_files(json.loads(printed)), "cli")
    except (ValueError, RecursionError):
        return Trouble(f"`qmd {mode}` printed no JSON.", f"Run `qmd {mode} --json` by hand to see what it prints.")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the whole group of a process, whose children may hold models of gigabytes."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _files(results: Any, *, quoted: bool = False) -> list[str]:
    """Return the URIs of results, without repetition.

    Raises:
        ValueError: they are not a list of results.
    """
    if not isinstance(results, list):
        raise ValueError("no list")
    named = [str(result.get("file", "")) for result in results if isinstance(result, dict)]
    if quoted:
        from urllib.parse import unquote

        named = [unquote(name) for name in named]
    return list(dict.fromkeys(name for name in named if name.startswith("qmd://")))
