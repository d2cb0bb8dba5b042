"""Propose to index folders that questions speak of and that nobody indexed."""

import os
import re
from collections.abc import Iterator, Sequence

from memory_router.advisor.proposal import Proposal, ValueChange
from memory_router.learning.execution import Execution
from memory_router.paths import shown
from memory_router.wilson import wilson_interval

# Once is a slip and twice a coincidence.
_LEAST = 3
_Z = 1.96
# As long as what a suggestion is about may be (`intake`), in characters.
_LONGEST = 1000
_PATH = re.compile(r"(?<![\w/:.])(~?/[^\s\x00-\x1f\"'`,;:()<>|?*]+)")
# Two expressions, as "the project payroll" would be taken by either.
_PROJECTS = (
    re.compile(r"\b(?:project|repo(?:sitory)?) ([\w.-]+)", re.I),
    re.compile(r"\b([\w.-]+) (?:project|repo(?:sitory)?)\b", re.I),
)


def proposals(executions: Sequence[Execution], roots: Sequence[str], home: str) -> list[Proposal]:
    """Return the folders below the home folder, or beside an indexed one, that were asked about and are not indexed.

    Nothing hidden is proposed, however often it is named: a question may be anybody's text.

    Args:
        executions: what this user asked.
        roots: the indexed folders.
        home: the home folder.
    """
    bases = sorted({os.path.realpath(home), *(os.path.dirname(os.path.realpath(root)) for root in roots)} - {"/"})
    by_folder: dict[str, list[Execution]] = {}
    for execution in executions:
        for folder in sorted({path for path in _folders(execution, bases) if not is_indexed(path, roots)}):
            by_folder.setdefault(folder, []).append(execution)
    return [
        _proposal(folder, questions)
        for folder, questions in sorted(by_folder.items())
        if len(questions) >= _LEAST and any(question.status != "success" for question in questions)
    ]


def is_indexed(folder: str, roots: Sequence[str]) -> bool:
    """Return whether a folder is indexed, or lies below one that is."""
    return any(_is_below(folder, os.path.realpath(root)) for root in roots)


def _proposal(folder: str, asked: Sequence[Execution]) -> Proposal:
    unanswered = sum(execution.status != "success" for execution in asked)
    # How surely a question about it goes unanswered; one that was answered from elsewhere speaks against it.
    strength = wilson_interval(unanswered, len(asked), _Z)[0]
    return Proposal(
        "add_folder",
        folder,
        f"{len(asked)} questions speak of {shown(folder)}, which is not indexed; {unanswered} were not answered.",
        (ValueChange("folder", folder, False, True),),
        strength,
        len(asked),
        {"unanswered": unanswered, "questions": [execution.user_request for execution in asked[:3]]},
    )


def _folders(execution: Execution, bases: Sequence[str]) -> Iterator[str]:
    """Yield the folders that a question speaks of: by path, or as a project that lies in one of `bases`."""
    text = execution.user_request
    for path in _PATH.findall(text):
        root = _folder_at(os.path.realpath(os.path.expanduser(path.rstrip("./!"))), bases)
        if root:
            yield root
    named = {name for pattern in _PROJECTS for name in pattern.findall(text)} | {execution.project or ""}
    for base in bases:
        for name in sorted(named):
            folder = os.path.join(base, os.path.basename(name))
            if _is_fit(folder, base):
                yield folder


def _folder_at(path: str, bases: Sequence[str]) -> str | None:
    """Return the folder to index for a path: its repository's, else its own; None if it may not be proposed."""
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    base = max((parent for parent in bases if _is_below(folder, parent)), key=len, default=None)
    if base is None or not os.path.exists(path):
        return None
    above = folder
    while above != base:
        if os.path.exists(os.path.join(above, ".git")):
            folder = above
        above = os.path.dirname(above)
    return folder if _is_fit(folder, base) else None


def _is_fit(folder: str, base: str) -> bool:
    parts = os.path.relpath(folder, base).split(os.sep)
    return len(folder) < _LONGEST and os.path.isdir(folder) and not any(part.startswith(".") for part in parts)


def _is_below(folder: str, base: str) -> bool:
    return folder == base or folder.startswith(base.rstrip("/") + os.sep)
