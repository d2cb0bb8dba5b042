"""Decide whether a prompt is an occasion to look into memory: quick, without a model, the same every time.

An agent is told a hundred things a day and needs memory for a few of them. A prompt is an occasion when it points back
to earlier work, in whatever form, or when it asks about things of the user's own, about something that memory knows
by name, or something that the rule table sends to a memory. Instructions, answers such as "yes", code and general
questions are not occasions.
"""

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from memory_router.routing.grammar import Word, is_question, is_question_or_command
from memory_router.routing.rules import RuleMatch, RuleTable
from memory_router.text.occasions import SentenceReading, reading
from memory_router.text.phrases import tokens_of
from memory_router.text.words import identifiers_in, parse

# What begins a command of the host, its shell or its memory, or something that it put there itself.
_OF_THE_HOST = ("/", "!", "#", "<")
# What an editor puts before a prompt: the file that is open, the lines that are selected.
_OF_THE_EDITOR = re.compile(r"\s*<(ide_[a-z_]{1,40})>.{0,20000}?</\1>\s*|\s*@[^\s@]{1,300}\s+", re.DOTALL)
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
# Quotations, and lines of code, logs and diffs: indented, or with what prose does not have.
_NOT_PROSE = re.compile(r"^(?:[>|+$]|@@|    |\t|-{2,}).*|^.*(?:[{};]|=>|==|\): ?)\s*$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
_WORD = re.compile(r"[\w'\u2019-]+")
_REQUEST = re.compile(r"(?:please |can you |could you )*(?:explain|tell|remind|recall|describe|summari[sz]e)\b", re.I)
# How a question ends, whatever its words: the mark, or the particle of Chinese and Japanese.
_QUESTION_ENDS = ("?", "\uff1f", "\u5417", "\u5462", "\u304b")
# A question may stand behind its topic: "retries: how many did we settle on".
_CLAUSE = re.compile(r"[,:;]\s+| [-\u2013\u2014] ")
# Of a long prompt, where people say what they want: before or after what they pasted.
_LONG = 2_000
_READ = 600
_SHORTEST = 8
_SHORTEST_UNSPACED = 4
_LONGEST_QUESTION = 400
_LONGEST_TOPIC = 8  # words


class Occasion(NamedTuple):
    """What to ask memory because of a prompt, and why.

    Args:
        question: the sentence that needs memory, or the whole prompt where that sentence alone says too little.
        reason: the pointer, or the signal of the rule table, or `ours`, `mine`, or `name`; nothing of the prompt's
            own words but the name of a project.
    """

    question: str
    reason: str


def occasion(prompt: str, table: RuleTable, names: Callable[[], Collection[str]]) -> Occasion | None:
    """Return what to ask memory because of a prompt, or None where it does not need any.

    Args:
        prompt: what the user wrote.
        table: the rules; only those that lead to a memory count, not those that search files for words.
        names: gives the names that memory knows, in lower case; asked only where nothing else decides.
    """
    prompt = prompt.strip()
    while editor := _OF_THE_EDITOR.match(prompt):
        prompt = prompt[editor.end() :]
    shortest = _SHORTEST if prompt.isascii() else _SHORTEST_UNSPACED
    if len(prompt) < shortest or prompt.startswith(_OF_THE_HOST):
        return None
    prose = _NOT_PROSE.sub("", _CODE.sub("\n", prompt)).strip()
    if len(prose) > _LONG:
        prose = f"{prose[:_READ]}\n{prose[-_READ:]}"
    sentences = [sentence.strip() for sentence in _SENTENCE_END.split(prose) if sentence.strip()]
    read = [reading(tokens_of(sentence)) for sentence in sentences]
    for sentence, its in zip(sentences, read, strict=True):
        if pointer := its.pointer():
            return Occasion(_telling(sentence, prose), pointer)
    for sentence, its in zip(sentences, read, strict=True):
        asks = _asks(sentence, its)
        if asks or (len(sentences) == 1 and its.is_english and _is_topic(sentence)):
            reason = _signal(sentence, its, table) or (_own_business(sentence, its, table, names) if asks else None)
            if reason:
                return Occasion(_telling(sentence, prose), reason)
    return None


def _signal(sentence: str, its: SentenceReading, table: RuleTable) -> str | None:
    """Return the signal by which a sentence about something that is known belongs to a memory."""
    match = table.match(sentence)
    if match.signal is None or _in_files(match) or not (its.has("specific") or identifiers_in(sentence)):
        return None
    return None if its.has("at_hand") or (its.has("general") and not its.has("ours")) else match.signal.name


def _own_business(
    sentence: str, its: SentenceReading, table: RuleTable, names: Callable[[], Collection[str]]
) -> str | None:
    if its.has("at_hand", "proposes"):
        return None
    if its.has("mine") and not its.has("general"):
        return "mine"
    if _in_files(table.match(sentence)):
        return None
    if its.has("ours"):
        return "ours"
    if its.has("general"):
        return None
    named = {word.lower().removesuffix("'s") for word in _WORD.findall(sentence)} & set(names())
    return f"name {min(named)}" if named else None


def _in_files(match: RuleMatch) -> bool:
    """Return whether a route leads to words in files, which the agent finds on its own."""
    return match.steps[0].mode == "search"


def _asks(sentence: str, its: SentenceReading) -> bool:
    if sentence.rstrip(" .\u3002").endswith(_QUESTION_ENDS) or its.has("asks"):
        return True
    return any(_REQUEST.match(clause) or is_question(_words(clause)) for clause in _CLAUSE.split(sentence))


def _is_topic(sentence: str) -> bool:
    """Return whether a few words only name something: who says "latest on the tide tables" asks for it."""
    words = _words(sentence)
    return len(words) <= _LONGEST_TOPIC and not is_question_or_command(words)


def _words(clause: str) -> list[Word]:
    return [Word(match.start(), match.end(), match[0], "") for match in _WORD.finditer(clause)]


def _telling(sentence: str, prose: str) -> str:
    """Return the sentence, or all that was said where it has hardly a word to look for."""
    parsed = parse(sentence)
    told = len(parsed.words) + len(parsed.identifiers) + len(parsed.paths)
    return (sentence if told > 1 else " ".join(prose.split()))[:_LONGEST_QUESTION]
