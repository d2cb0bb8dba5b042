"""Separate a user's own words from what a host wrote into the user's turn.

Hosts put reminders, command output, selections of an editor, reports of helpers, hook output and the headers of chat
channels into records of the user. None of it was said by the user: it is kept as context and decides nothing.
"""

import json
import re
from typing import NamedTuple

# Hosts name their blocks with a hyphen or an underscore, which no element of HTML does; these are the exceptions.
_OPENING = re.compile(r"<([A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)+|INSTRUCTIONS)(?:\s[^<>\n]{0,500})?>")
# Blocks around what the user typed.
_OWN_WORDS = frozenset({"command-args", "user_query", "user-query", "user_message", "user-message"})
# This many tags without an end are a page of markup: the rest of it is left as it is.
_MOST_UNCLOSED = 50
# A command's arguments are speech only if they are a sentence, unlike `/model opus`.
_FEWEST_WORDS = 3
# How prompts and notices begin that hosts and tools send in the user's name; nothing after them is the user's.
_OF_THE_HOST = re.compile(
    r"""(?x)
    \[(?:Request\ interrupted | SUGGESTION\ MODE | Subagent\ Context | Subagent\ Task | System\ Message
        | Internal\ task | cron: | Image:\ source | Continuation\ recap)
    | Caveat:\ The\ messages\ below\ were\ generated\ by\ the\ user\ while\ running
    | This\ session\ is\ being\ continued\ from\ a\ previous\ conversation
    | Base\ directory\ for\ this\ skill:
    | Your\ task\ is\ to\ create\ a\ detailed\ summary\ of\ (?:the|this)\ conversation
    | (?:Stop|SubagentStop|PreToolUse|PostToolUse|UserPromptSubmit|SessionStart|Notification)
        [:\w]*\ hook\ (?:feedback|success|additional|blocking|stopped|error)
    | You\ are\ a\ (?:Claude-Mem|specialized\ observer) | Hello\ memory\ agent
    | Read\ HEARTBEAT\.md | Pre-compaction\ memory\ flush | A\ new\ session\ was\ started\ via
    | An\ async\ command\ (?:you\ ran|completion)
    | \#\ AGENTS\.md\ instructions\ for\ [^\n]*\Z
    """
)
_HEARTBEAT = re.compile(r"\breply (?:only |exactly |with )*[`\"']?HEARTBEAT_OK\b")
# What an agent answers to nobody.
_NO_ANSWER = re.compile(r"\W*(?:HEARTBEAT_OK|NO_REPLY|No response requested\.?)\W*\Z")
# `[Telegram Ada +2m 2026-11-18T10:00Z] hello`, `[Tue 2026-11-17 21:30 UTC] hello`
_CHANNEL_HEADER = re.compile(r"\[[^\]\n]{0,160}\b\d{4}-\d{2}-\d{2}[^\]\n]{0,80}\]\s*")
_UNTRUSTED = re.compile(r"[^\n`{]{1,120}\(untrusted[^)\n]{0,80}\):[ \t]*\n+")
_UNTRUSTED_END = re.compile(r"\nUntrusted context \(metadata[^\n]*\n.*\Z|\n\[message_id: [^\]\n]*\]\s*\Z", re.DOTALL)
_SYSTEM_LINE = re.compile(r"System: \[[^\n]*(?:\n+|\Z)")
_EDITOR = re.compile(r"# Context from my IDE\b")
_REQUEST_BELOW = re.compile(r"^## My request for \w+:[ \t]*\n", re.MULTILINE)
_MARKS = ("<", "[", "(untrusted", "#", "HEARTBEAT", "System: ")


class SplitTurn(NamedTuple):
    """The two parts of a user's turn: the user's own words, and what the host added to them."""

    words: str
    context: str


def opened(text: str) -> SplitTurn:
    """Separate a user's own words from what the host wrote.

    Args:
        text: a whole turn in the user's name.
    """
    if not any(mark in text for mark in _MARKS) and not _OF_THE_HOST.match(text):
        return SplitTurn(text, "")
    context: list[str] = []
    words = _without_blocks(text, context).strip()
    words = _without_header(words, context)
    if _EDITOR.match(words) and (below := _last_match(_REQUEST_BELOW, words)):
        context.append(words[: below.start()])
        words = words[below.end() :]
    if _OF_THE_HOST.match(words) or _HEARTBEAT.search(words):
        context.append(words)
        words = ""
    return SplitTurn(words.strip(), "\n".join(part.strip() for part in context if part.strip()))


def is_silence(text: str) -> bool:
    """Return whether an agent's answer says that there is no answer."""
    return len(text) < 80 and _NO_ANSWER.match(text) is not None


def _without_blocks(text: str, context: list[str]) -> str:
    """Return a text without the tagged blocks of its host, which go into `context`."""
    kept: list[str] = []
    unclosed: set[str] = set()
    position = 0
    while len(unclosed) < _MOST_UNCLOSED and (opening := _OPENING.search(text, position)):
        name = opening[1]
        end = -1 if name in unclosed else text.find(f"</{name}", opening.end())
        if end < 0:
            unclosed.add(name)
            kept.append(text[position : opening.end()])
            position = opening.end()
            continue
        kept.append(text[position : opening.start()])
        inside = text[opening.end() : end]
        closing = text.find(">", end)
        position = closing + 1 if closing >= 0 else len(text)
        is_said = name in _OWN_WORDS and (name != "command-args" or len(inside.split()) >= _FEWEST_WORDS)
        (kept if is_said else context).append(inside)
    return "".join((*kept, text[position:])) if position else text


def _without_header(text: str, context: list[str]) -> str:
    """Return a text without the metadata that a chat channel puts before and after a message."""
    while True:
        if match := _UNTRUSTED.match(text):
            end = _end_of_metadata(text, match.end())
        elif match := _CHANNEL_HEADER.match(text) or _SYSTEM_LINE.match(text):
            end = match.end()
        else:
            break
        context.append(text[:end])
        text = text[end:].lstrip()
    if match := _UNTRUSTED_END.search(text):
        context.append(match[0])
        text = text[: match.start()]
    return text


def _end_of_metadata(text: str, start: int) -> int:
    """Return where a fenced block or a JSON object ends; where neither follows, the heading alone is metadata."""
    if text.startswith("```", start):
        end = text.find("\n```", start)
        return end + 4 if end >= 0 else len(text)
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return start


def _last_match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(reversed(list(pattern.finditer(text))), None)
