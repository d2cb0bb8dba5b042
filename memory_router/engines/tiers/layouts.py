"""Find and read the memories of earlier Total Recall layouts in place; nothing is ever written there.

- `markdown`: `CLAUDE.local.md`, and `memory/` with `registers/`, `daily/` and `archive/`; told by `memory/SCHEMA.md` or
  `.claude/rules/total-recall.md` beside `memory/daily/`.
- `observations`: `memory/observations.md`, which begins with `# Observations Log`.
- `git`: the orphan branch `openclaw-memory`, with one file a memory under `_memory/`.

They are looked for from the current folder upwards, to the top of its repository and no further.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from memory_router.engines.tiers.admission import identity
from memory_router.engines.tiers.memory import Memory
from memory_router.engines.tiers.stores.in_process import InProcessStore, in_memory
from memory_router.text.redaction import redact

BRANCH = "openclaw-memory"
_REFERENCES = (f"refs/heads/{BRANCH}", f"refs/remotes/origin/{BRANCH}")
_MOST_FILES = 2000
_LONGEST_FILE = 1_000_000  # bytes
_GIT_SECONDS = 3
_SKIPPED = ("SCHEMA.md", "_index.md")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_ITEM = re.compile(r"[-*] |\[\d\d:\d\d\] ")
_NOISE = re.compile(r"\s?\^tr[0-9a-f]{10}\b|^[-*] (?:\[[ x]\] )?", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_PLACEHOLDER = re.compile(r"(?i)none (?:captured )?yet|YYYY-MM-DD|superseded")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d)[:-](\d\d))?")
_CLOCK = re.compile(r"\b([01]\d|2[0-3]):([0-5]\d)\b")


class AgentLayout(NamedTuple):
    """A layout that was found: its kind, `markdown`, `observations` or `git`, and the project's folder."""

    kind: str
    root: str


class _File(NamedTuple):
    path: str
    text: str
    changed: float


def discover(folder: str) -> list[AgentLayout]:
    """Return the layouts of the project that `folder` is in."""
    folder = os.path.abspath(folder)
    while True:
        layouts = [AgentLayout(kind, folder) for kind, is_there in _SIGNS.items() if is_there(folder)]
        parent = os.path.dirname(folder)
        if layouts or os.path.exists(os.path.join(folder, ".git")) or parent == folder:
            return layouts
        folder = parent


def read(layout: AgentLayout) -> list[Memory]:
    """Return the memories of a layout, without those that are marked as superseded; what cannot be read is left out."""
    memories: dict[str, Memory] = {}
    for file in _committed(layout.root) if layout.kind == "git" else _files(layout):
        whole = layout.kind == "git" or _FRONT_MATTER.match(file.text)
        for text, created in [_whole(file)] if whole else _entries(file):
            clean = redact(text).text
            if clean:
                tier = "session" if "daily" in file.path.split(os.sep) else "persistent"
                memory = Memory(identity(clean, file.path), clean, created, source=file.path, tier=tier)
                memories.setdefault(memory.id, memory)
    return list(memories.values())


def open_all(layouts: list[AgentLayout]) -> InProcessStore:
    """Return a store that holds what is in some layouts now."""
    return in_memory([memory for layout in layouts for memory in read(layout)])


def _is_markdown(root: str) -> bool:
    if not os.path.isdir(os.path.join(root, "memory", "daily")):
        return False
    if os.path.exists(os.path.join(root, ".claude", "rules", "total-recall.md")):
        return True
    return "Total Recall" in _text(os.path.join(root, "memory", "SCHEMA.md"))


def _is_observations(root: str) -> bool:
    return _text(os.path.join(root, "memory", "observations.md")).startswith("# Observations Log")


def _is_git(root: str) -> bool:
    folder = os.path.join(root, ".git")
    if not os.path.isdir(folder):
        return False
    packed = _text(os.path.join(folder, "packed-refs"))
    return any(os.path.exists(os.path.join(folder, name)) or f" {name}\n" in packed for name in _REFERENCES)


_SIGNS: dict[str, Callable[[str], bool]] = {
    "markdown": _is_markdown,
    "observations": _is_observations,
    "git": _is_git,
}


def _files(layout: AgentLayout) -> Iterator[_File]:
    root = os.path.join(layout.root, "memory")
    if layout.kind == "observations":
        paths = [os.path.join(root, "observations.md")]
    else:
        paths = [os.path.join(layout.root, "CLAUDE.local.md")]
        paths += [os.path.join(at, name) for at, _, names in os.walk(root) for name in sorted(names)]
    chosen = [path for path in paths if path.endswith(".md") and os.path.basename(path) not in _SKIPPED]
    for path in chosen[:_MOST_FILES]:
        # A link may lead anywhere: only what really lies in the project is read.
        if os.path.realpath(path).startswith(os.path.realpath(layout.root) + os.sep) and (text := _text(path)):
            yield _File(path, text, os.path.getmtime(path))


def _committed(root: str) -> Iterator[_File]:
    """Yield the files of the branch, without checking it out."""
    for reference in _REFERENCES:
        listed = _git(root, "ls-tree", "-r", "--name-only", "-z", reference, "--", "_memory/")
        names = [name for name in listed.decode("utf-8", "replace").split("\0") if name.endswith(".md")]
        for name in sorted(names, reverse=True)[:_MOST_FILES]:
            text = _git(root, "show", f"{reference}:{name}")[:_LONGEST_FILE].decode("utf-8", "replace")
            yield _File(os.path.join(root, *name.split("/")), text, 0.0)
        if names:
            return


def _git(root: str, *arguments: str) -> bytes:
    import subprocess  # only where there is such a branch

    try:
        command = ["git", "-C", root, *arguments]
        done = subprocess.run(command, capture_output=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout if done.returncode == 0 else b""


def _text(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return stream.read(_LONGEST_FILE).decode("utf-8", "replace")
    except OSError:
        return ""


def _whole(file: _File) -> tuple[str, float]:
    """Return a file that is one memory: its text without front matter, and its time."""
    matter = _FRONT_MATTER.match(file.text)
    told = _moment(matter[1]) if matter else None
    named = _moment(os.path.basename(file.path))
    return file.text[matter.end() if matter else 0 :].strip(), told or named or file.changed


def _entries(file: _File) -> Iterator[tuple[str, float]]:
    """Yield the items of a file, each with its headings' date, or the file's, and its own time of day."""
    day = _moment(os.path.basename(file.path)) or file.changed
    held: list[str] = []
    is_skipped = False
    for line in [*_COMMENT.sub("", file.text).splitlines(), "# "]:
        is_heading = line.startswith(("#", "Date: "))
        if held and (is_heading or not line.strip() or _ITEM.match(line)):
            text = "\n".join(_NOISE.sub("", part).strip() for part in held)
            if not is_skipped and not _PLACEHOLDER.search(text):
                yield text, _at(text, _moment(text) or day)
            held = []
        if is_heading:
            is_skipped = "[superseded" in line
            day = _moment(line) or day
        elif line.strip():
            held.append(line)


def _moment(text: str) -> float | None:
    """Return the first date of a text, with its time of day if there is one, in seconds since the epoch."""
    match = _DATE.search(text)
    if not match:
        return None
    year, month, day, hour, minute = (int(part or 0) for part in match.groups())
    try:
        return time.mktime((year, month, day, hour, minute, 0, 0, 0, -1))
    except (ValueError, OverflowError):
        return None


def _at(text: str, day: float) -> float:
    clock = _CLOCK.search(text[:12])
    return day + int(clock[1]) * 3600 + int(clock[2]) * 60 if clock and day % 60 == 0 else day
