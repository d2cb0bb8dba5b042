"""Find what a machine has to remember: agents with their sessions, repositories of code, and folders of notes."""

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from memory_router import paths, scope
from memory_router.app import agent_memories
from memory_router.app.asking import QuietRouter
from memory_router.engines.transcripts import files as transcripts
from memory_router.routing import config_file
from memory_router.routing.envelope import Envelope
from memory_router.sources.discovery import DiscoveredFile, Survey
from memory_router.storage.files import beginning

# Folders that programs fill, as systems name them; hidden ones are passed over, too.
_NOT_OF_THE_USER = frozenset(
    [
        "AppData", "Applications", "Library", "Trash", "build", "dist", "go", "miniconda3", "node_modules",
        "site-packages", "snap", "target", "vendor", "venv",
    ]
)  # fmt: skip
_NOTES = ("notes", "Notes", "Documents/notes", "Documents/Notes")
_DEEPEST = 5  # folders below the home folder
_LOOKED_AT = 20_000  # folders
_MOST_FOLDERS = 20
# Work that rested for longer is left out until somebody names it.
_RECENT_SECONDS = 365 * 24 * 3600
# Read, cut and stored in a second on one core: bytes of text, and bytes of sessions, most of which is tools' output.
_DOCUMENT_RATE, _SESSION_RATE = 500_000, 2_000_000
_SECONDS_PER_FILE = 0.01


class Agent(NamedTuple):
    """A program that is here, with the sessions that it keeps.

    Args:
        name: as options name it.
        title: as people do.
        sessions: how many files of sessions there are.
        size: how large they are together, in bytes.
        noted: how many facts it has noted on its own.
    """

    name: str
    title: str
    sessions: int
    size: int
    noted: int = 0


class Folder(NamedTuple):
    """A folder that is worth indexing.

    Args:
        path: absolute.
        kind: `repository`, `notes`, or `chosen` by the user.
        files: how many of its files would be indexed.
        size: how large they are together, in bytes.
    """

    path: str
    kind: str
    files: int
    size: int


class Findings(NamedTuple):
    """What a machine has to remember.

    Args:
        agents: the programs that are here.
        folders: what would be indexed.
        left_out: folders that are worth it, too, but have rested for long or are too many.
    """

    agents: tuple[Agent, ...]
    folders: tuple[Folder, ...]
    left_out: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to remember."""
        return not self.folders and not any(agent.sessions or agent.noted for agent in self.agents)

    @property
    def seconds(self) -> float:
        """Return about how long it takes to read all of it."""
        documents = sum(folder.size / _DOCUMENT_RATE + folder.files * _SECONDS_PER_FILE for folder in self.folders)
        return documents + sum(agent.size for agent in self.agents) / _SESSION_RATE


def survey(home: str, chosen: Sequence[str] = (), now: float | None = None) -> Findings:
    """Look for agents, and for folders worth indexing.

    Args:
        home: the folder to look through, absolute.
        chosen: folders or files to take instead of what would be found.
        now: the time in seconds since the epoch.
    """
    agents = tuple(_agents())
    if chosen:
        return Findings(agents, tuple(_measured(os.path.realpath(path), "chosen") for path in chosen))
    recent = (time.time() if now is None else now) - _RECENT_SECONDS
    candidates = dict(_outermost(_candidates(home)))
    newest = sorted(candidates, key=_touched, reverse=True)
    taken = [path for path in newest if _touched(path) >= recent][:_MOST_FOLDERS]
    folders = [_measured(path, candidates[path]) for path in sorted(taken)]
    return Findings(agents, tuple(folder for folder in folders if folder.files), tuple(sorted({*newest} - {*taken})))


def _agents() -> Iterator[Agent]:
    noted = agent_memories.count()
    homes = {
        "claude": ("Claude Code", paths.claude_code_dir()),
        "openclaw": ("OpenClaw", paths.openclaw_dir()),
        "codex": ("Codex", paths.codex_dir()),
        "cursor": ("Cursor", paths.cursor_dir()),
        "gemini": ("Gemini CLI", paths.gemini_dir()),
        "opencode": ("OpenCode", paths.opencode_dir()),
    }
    sizes: dict[str, list[int]] = {}
    for session in transcripts.sessions_below(()) if transcripts.standard_places() else ():
        if session.host:
            sizes.setdefault(session.host.TITLE, []).append(os.path.getsize(session.path))
    for name, (title, folder) in homes.items():
        kept = sizes.get(title, [])
        if kept or shutil.which(name) or is_in_use(folder):
            yield Agent(name, title, len(kept), sum(kept), noted.get("claude-code" if name == "claude" else name, 0))


def is_in_use(folder: str) -> bool:
    """Return whether a program has its files in `folder`; files that this program puts there do not count."""
    ours = {"state"} if os.path.join(folder, "state") == paths.state_dir() else set()
    skill = paths.skill_dir(folder)
    if _names_in(os.path.dirname(skill)) == {os.path.basename(skill)}:
        ours.add("skills")
    return bool(_names_in(folder) - ours)


def _names_in(folder: str) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


def _candidates(home: str) -> Iterator[tuple[str, str]]:
    """Yield folders worth indexing with their kind; some may lie inside others."""
    for name in _NOTES:
        if os.path.isdir(folder := os.path.join(home, name)):
            yield os.path.realpath(folder), "notes"
    documents = os.path.join(home, "Documents")
    if os.path.isdir(documents) and any(_is_markdown(file.path) for file in _some(documents)):
        yield os.path.realpath(documents), "notes"
    for folder, names in _walked(home):
        if ".obsidian" in names:
            yield folder, "notes"
        elif ".git" in names and folder != home:
            yield folder, "notes" if scope.project_of(folder) is None else "repository"


def _walked(home: str) -> Iterator[tuple[str, set[str]]]:
    """Yield the folders of a user with the names in them, the nearest first; none below a repository."""
    waiting = [(os.path.realpath(home), 0)]
    for looked_at, (folder, depth) in enumerate(waiting):
        if looked_at > _LOOKED_AT:
            return
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError:
            continue
        names = {entry.name for entry in listed}
        yield folder, names
        if depth < _DEEPEST and not (names & {".git", ".obsidian", "pyvenv.cfg"} and depth):
            inner = (entry.path for entry in listed if _is_of_the_user(entry))
            waiting += [(path, depth + 1) for path in sorted(inner)]


def _is_of_the_user(entry: os.DirEntry[str]) -> bool:
    hidden = entry.name.startswith(".") or entry.name in _NOT_OF_THE_USER
    return not hidden and entry.is_dir(follow_symlinks=False)


def _outermost(candidates: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield folders that lie in no other one, except repositories of code: they are projects wherever they lie."""
    kinds = dict(candidates)
    for path, kind in kinds.items():
        above = {path[:at] for at, char in enumerate(path) if char == os.sep}
        if kind == "repository" or above.isdisjoint(kinds):
            yield path, kind


def _some(folder: str) -> Iterator[DiscoveredFile]:
    return (file for _, file in zip(range(_LOOKED_AT), Survey(folder).files(), strict=False))


def _is_markdown(path: str) -> bool:
    return path.endswith((".md", ".markdown", ".mdx"))


def _touched(folder: str) -> float:
    """Return when something was last done in a folder, in seconds since the epoch, by the traces at its top."""
    traces = (folder, os.path.join(folder, ".git", "index"), os.path.join(folder, ".git", "logs", "HEAD"))
    return max((os.path.getmtime(trace) for trace in traces if os.path.exists(trace)), default=0.0)


def _measured(path: str, kind: str) -> Folder:
    sizes = [file.size for file in Survey(path).files()]
    return Folder(path, kind, len(sizes), sum(sizes))


_HEADING = re.compile(r"^#{1,3}[ \t]+([^\n#]{6,80})$", re.MULTILINE)
_MOST_TRIED = 6
_READ = 20_000  # characters of a file
_PATIENCE_MS = 20_000
_WORDS = re.compile(r"[^\W\d_]{3,}")
# Asked where no document is: the archive of conversations answers with decisions alone.
_OF_CONVERSATIONS = "what did we decide last"


class FirstAnswer(NamedTuple):
    """A question with its answer, which was checked.

    Args:
        question: as it was asked.
        envelope: the answer.
        file: where the answer is known to stand; None for conversations.
    """

    question: str
    envelope: Envelope
    file: str | None


def first_answer(folders: Sequence[str], *, has_conversations: bool) -> FirstAnswer | None:
    """Return a question with a true answer; None if no question that was tried had one.

    Args:
        folders: indexed folders or files.
        has_conversations: whether conversations were imported.
    """
    router = QuietRouter(config_file.load(), _PATIENCE_MS)
    for _, (question, file) in zip(range(_MOST_TRIED), _questions(folders), strict=False):
        envelope = router.query(question, limit=3)
        if envelope.status == "success" and envelope.results[0].get("path") == file:
            return FirstAnswer(question, envelope, file)
    if has_conversations:
        envelope = router.query(_OF_CONVERSATIONS, limit=3)
        if envelope.status == "success":
            return FirstAnswer(_OF_CONVERSATIONS, envelope, None)
    return None


def documents_of_this_project() -> list[str]:
    """Return the documents that came with this program."""
    named = [paths.bundled(name) for name in ("docs", "README.md", "SKILL.md", "backends")]
    return [path for path in named if os.path.exists(path)]


def _questions(folders: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield questions with the file that answers each: headings of the latest notes, then names of files."""
    files = sorted(_files(folders), key=lambda file: file.mtime_ns, reverse=True)
    notes = [file.path for file in files if file.path.endswith((".md", ".markdown", ".mdx"))]
    for path in notes:
        headings = [heading.strip() for heading in _HEADING.findall(beginning(path, _READ))]
        told = [heading for heading in headings if len(_WORDS.findall(heading)) >= 2]
        if told:
            yield f"what do we know about {told[0].rstrip('.!?:')}?", path
    for file in files:
        yield os.path.basename(file.path), file.path


def _files(folders: Sequence[str]) -> Iterator[DiscoveredFile]:
    for folder in folders:
        yield from Survey(folder).files()
