"""Read one record of a transcript, whichever host wrote it.

Both formats are unofficial and grow: every member may be missing, or of another type than last year. What is not
understood is passed over, and a record without words of its own still links its children to its parent.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from memory_router.engines.transcripts.envelopes import is_silence, opened

_LONGEST_TEXT = 200_000  # characters of one turn; more is a pasted file
_LONGEST_TOOL = 4_000  # characters of what one tool was given
_LONGEST_OUTPUT = 20_000  # characters of what one tool said
_LONGEST_CONTEXT = 4_000  # characters of what a host added to one turn
# Where a damaged line may hold a record: each of these costs one attempt; the second number is
# the most characters that all attempts read together.
_MOST_BEGINNINGS, _MOST_SALVAGED = 200, 20_000_000
_PATHS = ("file_path", "notebook_path", "path", "filePath")


class Record(NamedTuple):
    """One node of a conversation, or a link between nodes.

    Args:
        id: unique among all transcripts of its host.
        parent: the id of the record that it answers, or None.
        session: the host's name of the session.
        agent: which helper of that session speaks, empty for the session itself.
        project: the working folder at that moment, or empty.
        role: `user`, `assistant`, `tool`, `summary`; `context` for what a host wrote in the user's name, which is
            shown but never found; empty for a record that only links others.
        time: seconds since the epoch, or None.
        text: what was said.
        tools: what tools were given, in words.
        files: the files that tools touched.
        answer: the host's id of an answer that may be spread over several records, or None.
        aliases: ids of the records that were merged into this one.
        follows: whether a record without a parent goes on after the one before it in the file.
        decides: whether the host says that the user chose this: an option of a dialog, a plan.
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
    decides: bool = False


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


def spoken(record: Record, role: str, said: "Content") -> Iterator[Record]:
    """Yield what a message says: the host's words as context, then the speaker's, each under an id of its own.

    Args:
        record: the message without its content.
        role: who speaks: `user` or `assistant`.
        said: the content.
    """
    words = said.text
    if role == "user" and words:
        words, context = opened(words)
        if context:
            yield record._replace(
                id=f"{record.id}#context", role="context", text=context[:_LONGEST_CONTEXT], answer=None
            )
    elif role == "assistant" and is_silence(words):
        words = ""
    if words:
        yield record._replace(role=role, text=words, tools=said.tools, files=said.files)
    elif said.tools or said.output:
        yield record._replace(role="tool", text=said.output, tools=said.tools, files=said.files)
    else:
        yield record


def text(value: object) -> str:
    """Return `value` if it is text, else nothing."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


class Content(NamedTuple):
    """What stands in a message: words, tool calls, tool results."""

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
        if kind in ("text", "input_text", "output_text") or (kind is None and "text" in block):
            said.append(text(block.get("text")))
        elif kind in ("tool_use", "toolCall", "tool-call"):
            given = mapping(block.get("input") or block.get("arguments") or block.get("args"))
            tools.append(call(text(block.get("name") or block.get("toolName")), given))
            files.extend(touched(given))
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


def call(name: str, given: object) -> str:
    """Return a tool call in words.

    Args:
        name: the tool.
        given: its arguments: an object, the same as JSON, or plain text.
    """
    arguments = _arguments(given)
    return f"{name} {_spelt(arguments) if arguments else text(given)[:_LONGEST_TOOL]}".strip()


def touched(given: object) -> tuple[str, ...]:
    """Return the files that a tool call names."""
    arguments = _arguments(given)
    return tuple(path for name in _PATHS if (path := text(arguments.get(name))))


def _arguments(given: object) -> Mapping[str, Any]:
    return mapping(decoded(given) if isinstance(given, str) and given.startswith("{") else given)


def _spelt(given: Mapping[str, Any]) -> str:
    """Return a tool's arguments as a reader wants them: values, long ones cut, with their names."""
    parts = []
    for name, value in given.items():
        spelt = value if isinstance(value, str) else orjson.dumps(value).decode()
        if spelt:
            parts.append(f"{name}: {spelt[:_LONGEST_TOOL]}")
    return "; ".join(parts)[:_LONGEST_TOOL]


def decoded(cell: object) -> Any:
    """Return the value in a database's cell of JSON, None if it holds none."""
    try:
        return orjson.loads(cell) if isinstance(cell, str | bytes) else None
    except orjson.JSONDecodeError:
        return None


def parsed(line: bytes) -> list[dict[str, Any]]:
    """Return the JSON objects in a line: one, or several that a crash or two writers put on it.

    Bytes that are not UTF-8 and runs of NUL, as a loss of power leaves them, are passed over.
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _salvaged(line)
    return [value] if isinstance(value, dict) else []


def _salvaged(line: bytes) -> list[dict[str, Any]]:
    """Return the whole records of a damaged line: each ends where the line does, or where another begins."""
    spelt = line.replace(b"\0", b"").strip().decode("utf-8-sig", "replace").strip()
    records: list[dict[str, Any]] = []
    position, decoder = spelt.find("{"), json.JSONDecoder()
    for _ in range(min(_MOST_BEGINNINGS, 2 + _MOST_SALVAGED // max(1, len(spelt)))):
        if position < 0:
            break
        try:
            value, end = decoder.raw_decode(spelt, position)
        except (ValueError, RecursionError):
            position = spelt.find('{"', position + 1)
            continue
        rest = spelt[end : end + 100].lstrip()
        if rest and not rest.startswith("{"):
            position = spelt.find('{"', position + 1)
            continue
        # Half a surrogate pair is JSON but no text.
        records.append(orjson.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")))
        position = spelt.find("{", end)
    return records


def moment(value: object) -> float | None:
    """Read a time: ISO 8601 in any zone (UTC if it names none), or milliseconds or seconds since the epoch."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value > 1e11 else float(value)
        return seconds if 0 < seconds < 2**34 else None
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
