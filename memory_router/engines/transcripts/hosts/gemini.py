"""Read the sessions of Gemini CLI (`~/.gemini/tmp/PROJECT/chats/`).

Source: vshulcz/deja-vu, docs/registry/gemini.md. A session is one JSON document, or since 2026 a file of lines: first
the session, then messages, among them `$set` and `$rewindTo`. Both may exist for one session and hold the same ids. The
working folder stands in the file `.project_root` beside `chats`, or in `~/.gemini/projects.json`.
"""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from memory_router import paths
from memory_router.engines.transcripts.record import Record, call, content, mapping, moment, spoken, text, touched

NAME, TITLE = "gemini", "Gemini CLI"
_ROLES = {"user": "user", "gemini": "assistant", "model": "assistant"}


def places() -> list[str]:
    """Return the folder in which Gemini CLI keeps sessions, whether it exists or not."""
    return [os.path.join(paths.gemini_dir(), "tmp")]


def keeps(name: str) -> bool:
    """Return whether a file of that name may hold a session; checkpoints and logs do not."""
    return name.startswith("session-") and name.endswith((".json", ".jsonl"))


def is_ours(record: Mapping[str, Any]) -> bool:
    """Return whether a record, or a document, has this format."""
    return "sessionId" in record and ("startTime" in record or "projectHash" in record)


class Reader:
    """Turn the messages of one session into records.

    Args:
        path: its file.
        first: its first line, or the whole document.
    """

    host = NAME

    def __init__(self, path: str, first: Mapping[str, Any]) -> None:
        self._session = text(first.get("sessionId"))
        self._project = _project(path)
        self._agent = "helper" if first.get("kind") == "subagent" else ""
        self._start = moment(first.get("startTime"))

    def read(self, raw: Mapping[str, Any], line: int) -> Iterator[Record]:
        """Yield what a message, or each message of a document, says.

        Args:
            raw: the record.
            line: where it stands in its session: the name of a message that has none.
        """
        if isinstance(messages := raw.get("messages"), list):
            for number, message in enumerate(map(mapping, messages)):
                yield from self.read(message, number)
            return
        role = _ROLES.get(text(raw.get("type")))
        if role is None:
            return
        name = f"{NAME}:{self._session}:{text(raw.get('id')) or f'@{line}'}"
        stamp = moment(raw.get("timestamp")) or self._start
        record = Record(name, None, self._session, self._agent, self._project, "", stamp, follows=True)
        said = content(raw.get("content"))
        calls = raw.get("toolCalls")
        for used in map(mapping, calls if isinstance(calls, list) else ()):
            tools = "\n".join(filter(None, (said.tools, call(text(used.get("name")), used.get("args")))))
            said = said._replace(tools=tools, files=(*said.files, *touched(used.get("args"))))
        if role == "user" and self._agent:
            yield record._replace(role="context", text=said.text)
        else:
            yield from spoken(record, role, said)


def _project(path: str) -> str:
    """Return the working folder of a session, or the name that Gemini CLI gave it."""
    folder = path.partition(f"{os.sep}chats{os.sep}")[0]
    try:
        with open(os.path.join(folder, ".project_root"), encoding="utf-8") as stream:
            return stream.read(4096).strip()
    except (OSError, ValueError):
        pass
    try:
        with open(os.path.join(paths.gemini_dir(), "projects.json"), encoding="utf-8") as stream:
            known = mapping(json.load(stream).get("projects"))
    except (OSError, ValueError, AttributeError, RecursionError):
        known = {}
    name = os.path.basename(folder)
    return next((root for root, project in known.items() if project == name), name)
