"""Read one record of a transcript, whichever host wrote it.

Both formats are unofficial and grow: every member may be missing, or of another type than last year. What is not
understood is passed over, and a record without words of its own still links its children to its parent.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

_LONGEST_TEXT = 200_000  # characters of one turn; more is a pasted file
_LONGEST_TOOL = 4_000  # characters of what one tool was given
_LONGEST_OUTPUT = 20_000  # characters of what one tool said
_PATHS = ("file_path", "notebook_path", "path", "filePath")


class Record(NamedTuple):
    """Hold one record.

    Args:
        id: unique among all transcripts of its host.
        parent: the id of the record that it answers, or None.
        session: the host's name of the session.
        agent: which helper of that session speaks, empty for the session itself.
        project: the working folder, or empty.
        role: `user`, `assistant`, `tool`, `summary`; empty for a record that only links others.
        time: seconds since the epoch, or None.
        text: what was said.
        tools: what tools were given, in words.
        files: the files that tools touched.
        answer: the host's id of an answer that may be spread over several records, or None.
        aliases: ids of the records that were merged into this one.
        follows: whether a record without a parent goes on after the one before it in the file.
    """

    id: str
    parent: str | None
    session: str
    agent: str
    project: str
    role: str
    time: float | None
    text: str = ""
    tools: str = ""
    files: tuple[str, ...] = ()
    answer: str | None = None
    aliases: tuple[str, ...] = ()
    follows: bool = False


def merged(records: Iterable[Record]) -> Iterable[Record]:
    """Yield records, those that follow each other and belong to one answer as one."""
    held: Record | None = None
    for record in records:
        if held and record.answer and (held.answer, held.session) == (record.answer, record.session):
            held = _union(held, record)
            continue
        if held:
            yield held
        held = record
    if held:
        yield held


def _union(one: Record, other: Record) -> Record:
    return one._replace(
        role=one.role or other.role,
        text=_joined(one.text, other.text),
        tools=_joined(one.tools, other.tools),
        files=tuple(dict.fromkeys((*one.files, *other.files))),
        aliases=(*one.aliases, other.id, *other.aliases),
    )


def _joined(one: str, other: str) -> str:
    # Some builds write the blocks so far again with every line.
    if other.startswith(one):
        return other
    return one if other in one else f"{one}\n{other}"


def text(value: object) -> str:
    """Return `value` if it is text, else nothing."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


class Content(NamedTuple):
    """Hold what stands in a message: words, tool calls, tool results."""

    text: str
    tools: str
    files: tuple[str, ...]
    output: str


def content(value: object) -> Content:
    """Read the content of a message: plain text, or blocks of any kind."""
    if isinstance(value, str):
        return Content(value[:_LONGEST_TEXT], "", (), "")
    said: list[str] = []
    tools: list[str] = []
    files: list[str] = []
    output: list[str] = []
    for block in map(mapping, value if isinstance(value, list) else ()):
        kind = block.get("type")
        if kind == "text":
            said.append(text(block.get("text")))
        elif kind in ("tool_use", "toolCall"):
            given = mapping(block.get("input") or block.get("arguments"))
            tools.append(f"{text(block.get('name'))} {_spelt(given)}".strip())
            files.extend(path for name in _PATHS if (path := text(given.get(name))))
        elif kind == "tool_result":
            output.append(content(block.get("content")).text)
    return Content(
        "\n".join(filter(None, said))[:_LONGEST_TEXT],
        "\n".join(tools),
        tuple(dict.fromkeys(files)),
        "\n".join(filter(None, output))[:_LONGEST_OUTPUT],
    )


def output_only(value: object) -> str:
    """Return the words of a tool's result, shortened."""
    return content(value).text[:_LONGEST_OUTPUT]


def _spelt(given: Mapping[str, Any]) -> str:
    """Return a tool's arguments as a reader wants them: values, long ones cut, with their names."""
    parts = []
    for name, value in given.items():
        spelt = value if isinstance(value, str) else orjson.dumps(value).decode()
        if spelt:
            parts.append(f"{name}: {spelt[:_LONGEST_TOOL]}")
    return "; ".join(parts)[:_LONGEST_TOOL]


def moment(value: object) -> float | None:
    """Read a time: ISO 8601 in any zone (UTC if it names none), or milliseconds or seconds since the epoch."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value > 1e11 else float(value)
        return seconds if 0 < seconds < 2**34 else None
    if not isinstance(value, str):
        return None
    from datetime import UTC, datetime

    try:
        parsed = datetime.fromisoformat(value)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
