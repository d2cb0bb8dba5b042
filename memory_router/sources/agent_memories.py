"""Read the notes of agents: files of Markdown that they keep for later sessions. Nothing is written.

Sources: Claude Code's documentation (auto memory: `projects/SLUG/memory`, an index `MEMORY.md` and one file a topic,
with front matter; `memory/team` is shared); docs.openclaw.ai/concepts/memory (`MEMORY.md`, `USER.md`,
`memory/DATE.md`); openai/codex, codex-rs memories (`MEMORY.md` in groups of tasks with `applies_to: cwd=...`,
`memory_summary.md`, ad-hoc notes; the rest of that folder is evidence from sessions, which are read as such).
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from memory_router import paths
from memory_router.sources import markdown
from memory_router.text import json5

_LARGEST = 1_000_000  # bytes of a file
_LONGEST_WHOLE = 1_500  # characters: what is shorter and has a description is one fact
_SHORTEST = 12  # characters of a fact
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})[^/]*\.md$")
_FIELD = re.compile(r"^\s*(description|type)\s*:\s*(\S.*?)\s*$", re.MULTILINE)
_ITEM = re.compile(r"(?:[-*+]|\d{1,3}[.)])[ \t]+")
_HEADING = re.compile(r"#{1,6}[ \t]")
# A line of an index: a link to a file that is read itself.
_POINTER = re.compile(r"(?:[-*+][ \t]+)?\[[^\]]*\]\([^)\s]+\.md\)")
# Lines for programs: all of a passage's lines are a name and a value.
_FOR_PROGRAMS = re.compile(r"(?:[-*+][ \t]+)?[a-z]+(?:_[a-z]+)+[:=]|(?:cwd|scope)[:=]")
_FOLDER = re.compile(r"\bcwd\s*[=:]\s*([^;,)\n]+)")
_GROUP = re.compile(r"^(?=# )", re.MULTILINE)
# Parts of Codex's files that name evidence or index the rest.
_NO_FACTS = ("rollout_summary_files", "keywords", "what's in memory")


class Fact(NamedTuple):
    """One thing that an agent noted.

    Args:
        text: with the heading above it, where there is one.
        agent: the host that keeps it, as sessions name it.
        file: where it stands, an absolute path.
        line: its first line, counted from 1.
        folder: the folder that the agent worked in, an absolute path; empty where it is about no project.
        date: the day that the file's name tells, in ISO 8601, or empty.
        kind: what the agent calls it, such as `feedback`, or empty.
        is_shared: whether a team shares it.
    """

    text: str
    agent: str
    file: str
    line: int
    folder: str = ""
    date: str = ""
    kind: str = ""
    is_shared: bool = False


def facts() -> Iterator[Fact]:
    """Yield what the agents of this user noted."""
    yield from _of_claude_code()
    yield from _of_codex()
    yield from _of_openclaw()


def _of_claude_code() -> Iterator[Fact]:
    projects = os.path.join(paths.claude_code_dir(), "projects")
    for name in _listed(projects):
        memory = os.path.join(projects, name, "memory")
        files = list(_markdown_below(memory))
        folder = _worked_in(os.path.join(projects, name)) if files else ""
        yield from _of_files(files, memory, "claude-code", folder)
    for folder in (os.path.join(paths.claude_code_dir(), "agent-memory"), _named_by_claude_code()):
        yield from _of_files(_markdown_below(folder), folder, "claude-code", "")


def _of_files(files: Sequence[str] | Iterator[str], memory: str, agent: str, folder: str) -> Iterator[Fact]:
    for file in files:
        is_shared = os.path.relpath(file, memory).split(os.sep)[0] == "team"
        for fact in read(_text(file), agent, file, folder):
            yield fact._replace(is_shared=is_shared)


def _of_codex() -> Iterator[Fact]:
    memories = os.path.join(paths.codex_dir(), "memories")
    notes = os.path.join(memories, "extensions", "ad_hoc", "notes")
    files = (os.path.join(memories, name) for name in ("MEMORY.md", "memory_summary.md"))
    for file in (*files, *_markdown_below(notes)):
        start = 1
        for group in _GROUP.split(_text(file)):
            folder = _FOLDER.search(group)
            for fact in read(group, "codex", file, folder[1].strip() if folder else ""):
                yield fact._replace(line=fact.line + start - 1)
            start += group.count("\n")


def _of_openclaw() -> Iterator[Fact]:
    for workspace in _workspaces():
        top = (os.path.join(workspace, name) for name in ("MEMORY.md", "memory.md", "USER.md"))
        seen: set[tuple[int, int]] = set()  # where case does not tell, two names are one file
        for file in (*top, *_markdown_below(os.path.join(workspace, "memory"))):
            try:
                status = os.stat(file)
            except OSError:
                continue
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                yield from read(_text(file), "openclaw", file)


def read(text: str, agent: str, file: str, folder: str = "") -> Iterator[Fact]:
    """Yield the facts of one file: its list items and paragraphs, or the whole of a short one with a description.

    Args:
        text: Markdown, perhaps with front matter.
        agent: the host that keeps it.
        file: its path.
        folder: the folder that the agent worked in, or empty.
    """
    text = text.replace("\r\n", "\n")
    head, body = _front_matter(text)
    told = dict(_FIELD.findall(head))
    dated = _DATE.search(file)
    fact = Fact("", agent, file, 1, folder, dated[1] if dated else "", told.get("type", "").strip("\"'"))
    description = told.get("description", "").strip("\"'")
    if description and len(body) <= _LONGEST_WHOLE:
        whole = body.strip()
        told_already = description.rstrip(".").casefold() in whole.casefold()
        yield fact._replace(text=whole if told_already else f"{description}\n\n{whole}".strip())
        return
    _, sections = markdown.chunks(text)
    for section in sections:
        heading = section.heading.rpartition(" > ")[2]
        if heading.casefold() in _NO_FACTS:
            continue
        for line, passage in _passages(section.text):
            if _is_fact(passage):
                shown = _ITEM.sub("", passage, count=1) if _ITEM.match(passage) else passage
                prefix = f"{heading}: " if " > " in section.heading or not _names_the_file(heading) else ""
                yield fact._replace(text=f"{prefix}{shown}", line=section.first_line + line)


def _front_matter(text: str) -> tuple[str, str]:
    if not text.startswith("---\n"):
        return "", text
    head, _, body = text[4:].partition("\n---\n")
    return head, body


def _names_the_file(heading: str) -> bool:
    """Return whether a title says only what the file is: a memory, a day, a group of tasks."""
    return bool(re.fullmatch(r"(?i)(?:.*\bmemory\b.*|.*\d{4}-\d{2}-\d{2}.*|task group:.*|)", heading))


def _passages(text: str) -> Iterator[tuple[int, str]]:
    """Yield the items and paragraphs of a section, each with the number of lines before it."""
    held: list[str] = []
    begun = 0
    fenced = False
    for number, line in enumerate([*text.split("\n"), ""]):
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        starts = not fenced and (not line.strip() or _ITEM.match(line) or _HEADING.match(line))
        if starts and held:
            yield begun, "\n".join(held).strip()
            held = []
        if line.strip() and not (_HEADING.match(line) and not fenced):
            begun = begun if held else number
            held.append(line)
    if held:
        yield begun, "\n".join(held).strip()


def _is_fact(passage: str) -> bool:
    if len(passage) < _SHORTEST or _POINTER.match(passage):
        return False
    return not all(_FOR_PROGRAMS.match(line.strip()) for line in passage.split("\n"))


def _worked_in(project: str) -> str:
    """Return the project folder of a folder of Claude Code's: as its sessions tell, else as its name does."""
    for name in _listed(project):
        if name.endswith(".jsonl"):
            for line in _text(os.path.join(project, name), 65_536).split("\n"):
                if folder := _cwd(line):
                    return folder
    return _spelt(os.path.basename(project))


def _cwd(line: str) -> str:
    try:
        told = json.loads(line)
    except ValueError:
        return ""
    folder = told.get("cwd") if isinstance(told, dict) else None
    return folder if isinstance(folder, str) else ""


def _spelt(name: str) -> str:
    """Return the folder whose path is `name` with a hyphen for all but letters and digits, also one that is gone."""
    folder, left = "/", name.lstrip("-")
    while left:
        spelt = {re.sub(r"[^A-Za-z0-9]", "-", inner): inner for inner in _listed(folder)}
        fitting = [spelling for spelling in spelt if left == spelling or left.startswith(f"{spelling}-")]
        if not fitting:
            return os.path.join(folder, left)
        taken = max(fitting, key=len)
        folder, left = os.path.join(folder, spelt[taken]), left[len(taken) :].lstrip("-")
    return folder


def _named_by_claude_code() -> str:
    settings = _settings(os.path.join(paths.claude_code_dir(), "settings.json"))
    named = settings.get("autoMemoryDirectory")
    return os.path.expanduser(named) if isinstance(named, str) and named else ""


def _workspaces() -> list[str]:
    """Return the workspaces of OpenClaw's agents: the standard ones and those that its settings name."""
    home = paths.openclaw_dir()
    workspaces = [os.path.join(home, name) for name in _listed(home) if name.split("-")[0] == "workspace"]
    agents = _settings(os.path.join(home, "openclaw.json")).get("agents")
    if isinstance(agents, dict):
        listed = agents.get("list")
        for entry in (agents.get("defaults"), *(listed if isinstance(listed, list) else ())):
            named = entry.get("workspace") if isinstance(entry, dict) else None
            workspaces += [os.path.expanduser(named)] if isinstance(named, str) else []
    return sorted({os.path.realpath(workspace) for workspace in workspaces})


def _settings(file: str) -> dict[str, object]:
    try:
        body = json5.decode(_text(file) or "{}")
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _markdown_below(folder: str) -> Iterator[str]:
    if not folder:
        return
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(parent, name) for name in sorted(names) if name.endswith(".md"))


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _text(file: str, most: int = _LARGEST) -> str:
    try:
        with open(file, encoding="utf-8-sig", errors="replace") as stream:
            return stream.read(most)
    except OSError:
        return ""
