"""Write patterns into a Markdown file that people review, edit and keep under version control (seed 003, Layer 3).

Lines are appended and never changed, so that nothing is lost that a person wrote, wherever they wrote it. A line that
is there already, whatever was added to it, is not written again.
"""

import os
from collections.abc import Iterable

from memory_router import paths
from memory_router.errors import AdviceError
from memory_router.outcomes.community import Community
from memory_router.outcomes.store import Profile, Recorded
from memory_router.storage.files import exclusive
from memory_router.text.tokens import fit

_HEAD = """# Learned patterns

Written by memory-router as patterns emerge from what was accepted and rejected. Edit it as you like: lines are
appended, never changed or removed.

"""
_LARGEST = 4 * 1024 * 1024
_NAME_TOKENS = 16


def write_patterns(path: str, profile: Profile, recorded: Recorded) -> list[str]:
    """Append the patterns that an outcome brought about or ended; return the new lines.

    Args:
        path: the Markdown file; it is created if it is missing.
        profile: whose they are.
        recorded: which they are.

    Raises:
        AdviceError: the file is not text, or cannot be written; it is left as it is.
    """
    day, user = profile.computed_at[:10], _shown(profile.user_id)
    lines = [
        *(
            (f"`{user}`: {name} holds", f"`{user}`: {name} ended", f" ({_evidence(profile, name)})")
            for name in recorded.emerged
        ),
        *((f"`{user}`: {name} ended", f"`{user}`: {name} holds", "") for name in recorded.ended),
    ]
    return _append(path, [(fact, against, f"- {day} {fact}{more}.") for fact, against, more in lines])


def write_associations(path: str, found: Community) -> list[str]:
    """Append what holds across users; return the new lines.

    Args:
        path: the Markdown file.
        found: what is told across users, anonymous already.

    Raises:
        AdviceError: the file is not text, or cannot be written; it is left as it is.
    """
    return _append(
        path,
        [
            (
                f"{association} ",
                "",
                f"- {association} ({association.support} users or more, confidence {association.confidence:.2f}).",
            )
            for association in found.associations
        ],
    )


def _append(path: str, lines: Iterable[tuple[str, str, str]]) -> list[str]:
    """Append each line whose fact the file does not tell, or tells before what speaks against it."""
    with exclusive(path, lambda: None):
        text = _read(path)
        new = []
        for fact, against, line in lines:
            if text.rfind(fact) > (text.rfind(against) if against else -1):
                continue
            if against.endswith("holds") and against not in text:
                continue  # somebody removed the pattern, so its end need not be told
            new.append(line)
        if not new:
            return []
        start = "" if text.endswith("\n") or not text else "\n"
        _write(path, ("" if text else _HEAD) + start + "\n".join(new) + "\n")
        return new


def _read(path: str) -> str:
    try:
        if os.path.getsize(path) > _LARGEST:
            raise AdviceError(f"{paths.shown(path)} is larger than 4 MB.", "Move it away; a new one is begun.")
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise AdviceError(
            f"{paths.shown(path)} cannot be read as text ({error}); it was left as it is.",
            "Save it as UTF-8, or move it away; a new one is begun.",
        ) from error


def _write(path: str, text: str) -> None:
    """Append in one piece."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, text.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise AdviceError(
            f"{paths.shown(path)} cannot be written ({error.strerror}).", "Check its permissions and free disk space."
        ) from error


def _evidence(profile: Profile, pattern: str) -> str:
    stats = profile.acceptance_stats
    own = pattern.removeprefix("never_").removeprefix("always_")[:-1]
    told = {own: stats[own]} if own in stats else stats
    return ", ".join(
        f"{name}: {counts['accepted']} of {counts['accepted'] + counts['rejected']} accepted"
        for name, counts in told.items()
    )


def _shown(user_id: str) -> str:
    """Return a user's id as it cannot break out of its line or its quotes."""
    return fit("".join(char if char.isprintable() and char not in "`<>" else " " for char in user_id), _NAME_TOKENS)
