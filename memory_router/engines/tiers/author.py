"""The author of a memory: bound when it is written, and never trusted more afterwards."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from memory_router.errors import RefusedMemoryError

Kind = Literal["person", "agent", "unknown"]
# From the most to the least trusted.
KINDS: tuple[Kind, ...] = ("person", "agent", "unknown")

# What agents set for the commands that they run, and the agent that it tells of.
_VARIABLES = {
    "CLAUDECODE": "claude-code",
    "CODEX_SANDBOX": "codex",
    "CODEX_THREAD_ID": "codex",
    "CURSOR_AGENT": "cursor",
    "GEMINI_CLI": "gemini-cli",
    "OPENCODE": "opencode",
    "OPENCLAW_SHELL": "openclaw",
}
# Agents of other makers name themselves here; behind the name may stand a version.
_NAMING = ("AI_AGENT", "AGENT")
_LONGEST_NAME = 80


class Author(NamedTuple):
    """Who wrote a memory, by what, and where.

    Args:
        kind: `person`, `agent`, or `unknown`.
        name: the account of a person, or what an agent calls itself; empty if unknown.
        tool: what it was written with: `cli`, `mcp`, `library`, `notes` (an agent's own files), `import` or
            `compaction`; empty if unknown.
        host: the machine, or empty.
    """

    kind: Kind = "unknown"
    name: str = ""
    tool: str = ""
    host: str = ""

    def is_by(self, by: str) -> bool:
        """Return whether one of its parts is `by`, in any letter case."""
        return by.lower() in (part.lower() for part in self if part)

    def to_dict(self) -> dict[str, str]:
        """Return its parts without empty ones."""
        return {name: value for name, value in self._asdict().items() if value}


UNKNOWN = Author()


def current_author(tool: str, agent: str | None = None) -> Author:
    """Return who writes now.

    Args:
        tool: what writes.
        agent: the agent that writes, where that is known; else the environment tells of one, or it is a person.
    """
    agent = agent or _agent_around()
    name = _cleaned(agent) if agent else _account()
    return Author("agent" if agent else "person", name, tool, _host())


def imported(claimed: Author, importer: Author) -> Author:
    """Return who is the author of a memory that comes from a file: who it claims, but not more than who imports it.

    Args:
        claimed: what the file says.
        importer: who reads it in.
    """
    if KINDS.index(claimed.kind) < KINDS.index(importer.kind):
        return importer._replace(tool="import")
    return claimed._replace(tool="import", host=claimed.host or importer.host)


def together(authors: Sequence[Author], tool: str) -> Author:
    """Return the author of what several wrote: as little trusted as the least of them.

    Args:
        authors: one or more.
        tool: what put their texts together.
    """
    kind = max((author.kind for author in authors), key=KINDS.index)
    names, hosts = {author.name for author in authors if author.kind == kind}, {author.host for author in authors}
    name = names.pop() if len(names) == 1 else ""
    return Author(kind, name, tool, hosts.pop() if len(hosts) == 1 else "")


def read(told: Mapping[str, Any] | None) -> Author:
    """Return the author that an object names; what it leaves out is unknown.

    Raises:
        RefusedMemoryError: it is not an author.
    """
    parts = dict(told or {})
    if not set(parts) <= set(Author._fields) or not all(isinstance(part, str) for part in parts.values()):
        raise RefusedMemoryError("The author cannot be read.", f"It has: {', '.join(Author._fields)}, each a text.")
    kind = next((kind for kind in KINDS if kind == parts.get("kind", "unknown")), None)
    if kind is None:
        raise RefusedMemoryError(f"There is no author of the kind {parts['kind']!r}.", f"One of: {', '.join(KINDS)}.")
    return Author(kind, *(_cleaned(parts.get(name, "")) for name in Author._fields[1:]))


def _agent_around() -> str | None:
    """Return the agent whose command this process is, as the environment tells, or None."""
    for variable in _NAMING:
        # Other programs use the second name for themselves: a path or a number is not an agent.
        if (named := os.environ.get(variable, "")) and named[0].isalpha() and "/" not in named:
            return named.partition("@")[0]
    return next((agent for variable, agent in _VARIABLES.items() if os.environ.get(variable)), None)


def _account() -> str:
    import pwd  # only writers need it

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        return str(os.getuid())


def _host() -> str:
    return os.uname().nodename


def _cleaned(name: str) -> str:
    return "".join(char for char in name if char.isprintable()).strip()[:_LONGEST_NAME]
