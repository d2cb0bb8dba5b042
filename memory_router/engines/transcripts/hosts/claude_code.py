"""Read the sessions of Claude Code (`~/.claude/projects/*/*.jsonl`).

The format is unofficial. Sources: vshulcz/deja-vu, docs/registry/claude-code.md; anthropics/claude-code issues 81843
(spliced records), 36904 (reasons of refusals), 86980 (queued prompts). Facts from real files: tool results arrive as
`user` records; a `compact_boundary` has no `parentUuid` but a `logicalParentUuid`; a helper's file names its parent's
session; a fork repeats records under new ids and says which they were; a `summary` names the leaf of its branch and has
no id of its own; a prompt typed while a tool runs is an `attachment`, or only a removal from the queue, or both.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from memory_router import paths
from memory_router.engines.transcripts.record import Content, Record, content, mapping, moment, spoken, text

NAME, TITLE = "claude-code", "Claude Code"
_SPEAKERS = ("user", "assistant")
_OURS = frozenset({"file-history-snapshot", "queue-operation", "attachment", "summary", "progress"})
_REASON = re.compile(r"the user (?:said|provided the following reason for the rejection):\s*", re.IGNORECASE)
# Behind a reason the host may put a note to the agent, or the questions that the user did not answer.
_AFTER_REASON = re.compile(r"\n\n(?:Note: The user's next message|<)|\A\s*The user wants to clarify")
_PLAN_TAKEN = re.compile(r"\AUser has approved (?:your|the) plan\b")
_ANSWERED = re.compile(r'"([^"\n]{1,500})"\s*=\s*"([^"\n]{1,2000})"')
_ANSWERS = re.compile(r"\A(?:User has answered your questions|Your questions have been answered):")


def places() -> list[str]:
    """Return the folders in which Claude Code keeps sessions, whether they exist or not."""
    return [os.path.join(paths.claude_code_dir(), "projects")]


def keeps(name: str) -> bool:
    """Return whether a file of that name holds a session."""
    return name.endswith(".jsonl")


def is_ours(record: Mapping[str, Any]) -> bool:
    """Return whether a record has this format."""
    return "uuid" in record or "leafUuid" in record or "sessionId" in record or record.get("type") in _OURS


class Reader:
    """Turn the records of one file into ours.

    Args:
        path: the file.
    """

    host = NAME

    def __init__(self, path: str, _first: Mapping[str, Any]) -> None:
        stem = os.path.basename(path).removesuffix(".jsonl")
        self._session = stem
        self._agent = stem.removeprefix("agent-") if stem.startswith("agent-") else ""
        self._project = ""
        self._last = ""
        self._queued: Counter[tuple[str, str]] = Counter()
        self._detours: dict[str, str] = {}

    def read(self, raw: Mapping[str, Any], _line: int) -> Iterator[Record]:
        """Yield what a record says; nothing if it neither says nor links anything."""
        kind = raw.get("type")
        if kind == "summary":
            yield from self._summary(raw)
            return
        if (prompt := _queued_prompt(raw)) is not None:
            yield from self._typed_meanwhile(raw, prompt)
            return
        record = self._record(raw)
        if record is None:
            return
        self._last = record.id
        if origin := text(mapping(raw.get("forkedFrom")).get("messageUuid")):
            yield record._replace(parent=origin)
        elif kind not in _SPEAKERS or raw.get("isMeta") is True:
            yield record
        else:
            yield from _said(record, raw)

    def _record(self, raw: Mapping[str, Any]) -> Record | None:
        identity = text(raw.get("uuid"))
        if not identity:
            return None
        self._project = text(raw.get("cwd")) or self._project
        parent = text(raw.get("parentUuid")) or text(raw.get("logicalParentUuid"))
        return Record(
            identity,
            self._detours.pop(parent, parent) or None,
            text(raw.get("sessionId")) or self._session,
            self._who(raw),
            self._project,
            "",
            moment(raw.get("timestamp")),
        )

    def _who(self, raw: Mapping[str, Any]) -> str:
        if raw.get("isSidechain") is not True:
            return ""
        return self._agent or text(raw.get("agentId")) or "sidechain"

    def _summary(self, raw: Mapping[str, Any]) -> Iterator[Record]:
        said, leaf = text(raw.get("summary")), text(raw.get("leafUuid"))
        if said:
            name = f"summary:{leaf or self._session}"
            yield Record(name, leaf or None, self._session, "", self._project, "summary", None, said)

    def _typed_meanwhile(self, raw: Mapping[str, Any], prompt: str) -> Iterator[Record]:
        """Yield a prompt that was typed while a tool ran, once, though two records may hold it."""
        kind = text(raw.get("type"))
        other = "attachment" if kind == "queue-operation" else "queue-operation"
        if self._queued[prompt, other]:
            self._queued[prompt, other] -= 1
            prompt = ""
        else:
            self._queued[prompt, kind] += 1
        record = self._record(raw)
        if record is None and prompt:
            session = text(raw.get("sessionId")) or self._session
            stamp = f"{session} {raw.get('timestamp')} {prompt}"
            name = f"queued:{hashlib.blake2b(stamp.encode('utf-8', 'replace'), digest_size=12).hexdigest()}"
            record = Record(
                name, self._last or None, session, self._who(raw), self._project, "", moment(raw.get("timestamp"))
            )
            # It has no place in the host's chain: whoever answers the record before it answers this one.
            self._detours[self._last] = name
        if record is not None:
            self._last = record.id
            yield from spoken(record, "user", Content(prompt, "", (), ""))


def _queued_prompt(raw: Mapping[str, Any]) -> str | None:
    """Return the words of a record that holds a prompt typed while a tool ran, empty if a program queued it."""
    if raw.get("type") == "attachment":
        attached = mapping(raw.get("attachment"))
        if attached.get("type") != "queued_command":
            return None
        origin = mapping(attached.get("origin") or raw.get("origin")).get("kind")
        is_typed = attached.get("commandMode", "prompt") == "prompt" and origin in (None, "human")
        return content(attached.get("prompt")).text if is_typed else ""
    if raw.get("type") == "queue-operation" and raw.get("operation") == "remove":
        return text(raw.get("content")) if raw.get("reason") == "absorbed_mid_turn" else None
    return None


def _said(record: Record, raw: Mapping[str, Any]) -> Iterator[Record]:
    message = mapping(raw.get("message"))
    said = content(message.get("content"))
    if raw.get("isCompactSummary") is True:
        yield record._replace(role="summary" if said.text else "", text=said.text)
    elif raw.get("type") == "assistant":
        if message.get("model") == "<synthetic>":
            yield record._replace(role="context" if said.text else "", text=said.text)
            return
        said = said._replace(text="\n".join(filter(None, (said.text, _shown(message)))))
        yield from spoken(record._replace(answer=text(message.get("id")) or None), "assistant", said)
    elif record.agent or mapping(raw.get("origin")).get("kind") not in (None, "human"):
        # The agent, or another program, wrote this in the user's name.
        words = said.text or said.output
        yield record._replace(role=("context" if said.text else "tool") if words else "", text=words)
    elif said.text:
        yield from spoken(record, "user", said)
    else:
        yield from _answered(record, raw, said)


def _shown(message: Mapping[str, Any]) -> str:
    """Return what the agent put to the user in a dialog: questions with their options, a plan."""
    lines: list[str] = []
    blocks = message.get("content")
    for block in map(mapping, blocks if isinstance(blocks, list) else ()):
        given = mapping(block.get("input"))
        if block.get("name") == "ExitPlanMode":
            lines.append(text(given.get("plan")))
        elif block.get("name") == "AskUserQuestion":
            questions = given.get("questions")
            lines.extend(map(_question, map(mapping, questions if isinstance(questions, list) else ())))
    return "\n".join(filter(None, lines))


def _question(asked: Mapping[str, Any]) -> str:
    options = asked.get("options")
    named = [
        f"{text(option.get('label'))} ({text(option.get('description'))})"
        for option in map(mapping, options if isinstance(options, list) else ())
    ]
    return f"{text(asked.get('question'))} Options: {' or '.join(named)}." if named else text(asked.get("question"))


def _answered(record: Record, raw: Mapping[str, Any], said: Content) -> Iterator[Record]:
    """Yield a tool's result, or what the user said in its place: an answer, a choice, a reason for refusing."""
    answers = {key: text(value) for key, value in mapping(mapping(raw.get("toolUseResult")).get("answers")).items()}
    if not answers and _ANSWERS.match(said.output):
        answers = dict(_ANSWERED.findall(said.output))
    if answers:
        chosen = " ".join(f"{question} {answer}." for question, answer in answers.items() if answer)
        yield record._replace(role="user", text=chosen, decides=True)
    elif reason := _reason(said.output):
        yield from spoken(record, "user", Content(reason, "", (), ""))
    elif _PLAN_TAKEN.match(said.output):
        yield record._replace(role="user", text="(took the plan)", decides=True)
    else:
        yield from spoken(record, "user", said)


def _reason(output: str) -> str:
    """Return why the user refused a tool or a plan, in the user's words; empty where nobody said why."""
    match = _REASON.search(output) if "the user" in output else None
    if match is None or "the user" not in output[: match.start()].lower():
        return ""
    reason = output[match.end() :]
    end = _AFTER_REASON.search(reason)
    return reason[: end.start()].strip() if end else reason.strip()
