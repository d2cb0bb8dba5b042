"""Find the real QMD, the Node.js that runs it and its models, and say which of them is missing.

Nothing here starts QMD: on Node.js 20 it dies of SIGSEGV without a word, and without its models it waits for a
download for twelve minutes. So all of that is looked at before.
"""

import os
import re
import shutil
import subprocess
from typing import NamedTuple

from memory_router.paths import shown

_LEAST_NODE = 22
_NODE_SECONDS = 2.0
# What QMD 2.8.3 uses unless its configuration or the environment says otherwise.
_MODELS = {
    "embed": ("QMD_EMBED_MODEL", "embeddinggemma-300M-Q8_0.gguf"),
    "generate": ("QMD_GENERATE_MODEL", "qmd-query-expansion-1.7B-q4_k_m.gguf"),
    "rerank": ("QMD_RERANK_MODEL", "qwen3-reranker-0.6b-q8_0.gguf"),
}
_CONFIGURED = re.compile(r"^[ \t]+(embed|generate|rerank):[ \t]*[\"']?([^\"'\s#]+)", re.MULTILINE)
_MODELS_BLOCK = re.compile(r"^models:[ \t]*\n((?:[ \t]+.*\n?|\n)+)", re.MULTILINE)


class Trouble(NamedTuple):
    """Why something of QMD cannot be used, and what to do."""

    reason: str
    fix: str


class Program(NamedTuple):
    """How QMD is started: `node`, and the script that it runs."""

    node: str
    script: str


def program() -> Program | Trouble:
    """Return how to start QMD, or why that would fail."""
    launcher = shutil.which("qmd")
    if not launcher:
        return Trouble("The program `qmd` is not on the PATH.", "Run: npm install -g @tobilu/qmd")
    # The launcher starts another process that would outlive it; what it starts is started directly.
    script = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(launcher))), "dist", "cli", "qmd.js")
    if not os.path.isfile(script):
        return Trouble(f"{shown(launcher)} is not the QMD of @tobilu/qmd.", "Run: npm install -g @tobilu/qmd")
    beside = os.path.join(os.path.dirname(launcher), "node")
    node = beside if os.access(beside, os.X_OK) else shutil.which("node")
    if not node:
        return Trouble("Node.js, which QMD needs, is not on the PATH.", f"Install Node.js {_LEAST_NODE} or newer.")
    version = _version(node)
    if version < _LEAST_NODE:
        which = f"is version {version}" if version else "does not start"
        return Trouble(
            f"QMD needs Node.js {_LEAST_NODE} or newer, and {shown(node)} {which}: QMD would crash without a word.",
            f"Install Node.js {_LEAST_NODE} or newer and put it first on the PATH.",
        )
    return Program(node, script)


def missing_models(*wanted: str) -> Trouble | None:
    """Return which of the models `embed`, `generate` and `rerank` are not on this machine, or None.

    Args:
        wanted: names of models.
    """
    configured = _configured()
    missing = [name for name in wanted if not _is_there(configured.get(name) or _by_default(name))]
    if not missing:
        return None
    return Trouble(
        f"QMD's models are not on this machine ({', '.join(missing)}).",
        "Run: qmd pull (about 2 GB, from the network), then: qmd embed",
    )


def cache_folder() -> str:
    """Return the folder in which QMD keeps its models and notes about its daemon."""
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "qmd")


def _configured() -> dict[str, str]:
    folder = os.environ.get("QMD_CONFIG_DIR") or os.path.join(
        os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "qmd"
    )
    try:
        with open(os.path.join(folder, "index.yml"), encoding="utf-8") as file:
            block = _MODELS_BLOCK.search(file.read())
    except (OSError, ValueError):
        return {}
    return dict(_CONFIGURED.findall(block[1])) if block else {}


def _by_default(name: str) -> str:
    variable, file = _MODELS[name]
    return os.environ.get(variable) or f"hf:{file}"


def _is_there(model: str) -> bool:
    if not model.startswith("hf:"):
        return os.path.isfile(os.path.expanduser(model))
    file = model.rpartition("/")[2].removeprefix("hf:").lower()
    try:
        held = os.listdir(os.path.join(cache_folder(), "models"))
    except OSError:
        return False
    return any(file in name.lower() and name.endswith(".gguf") for name in held)


def _version(node: str) -> int:
    """Return the major version of a Node.js, or 0 if it does not start."""
    try:
        told = subprocess.run([node, "--version"], capture_output=True, timeout=_NODE_SECONDS, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.match(rb"v(\d+)\.", told)
    return int(match[1]) if match else 0
