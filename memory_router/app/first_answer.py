"""Ask a question about the user's own material whose answer is known, as a proof that memory works."""

import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from memory_router import paths
from memory_router.app.asking import QuietRouter
from memory_router.routing import config_file
from memory_router.routing.envelope import Envelope
from memory_router.sources.discovery import Found, Survey

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
    """Return a question with a true answer; None if none of those that were tried had one.

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
    found = sorted(_files(folders), key=lambda file: file.mtime_ns, reverse=True)
    notes = [file.path for file in found if file.path.endswith((".md", ".markdown", ".mdx"))]
    for path in notes:
        headings = [heading.strip() for heading in _HEADING.findall(_text(path))]
        told = [heading for heading in headings if len(_WORDS.findall(heading)) >= 2]
        if told:
            yield f"what do we know about {told[0].rstrip('.!?:')}?", path
    for file in found:
        yield os.path.basename(file.path), file.path


def _files(folders: Sequence[str]) -> Iterator[Found]:
    for folder in folders:
        yield from Survey(folder).files()


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(_READ)
    except OSError:
        return ""
