"""Decide whether a prompt is an occasion to look into memory: quick, without a model, the same every time.

An agent is told a hundred things a day and needs memory for a few of them. A prompt is an occasion when it points back
to earlier work, in whatever form, or when it asks about things of the user's own, about something that memory knows
by name, or something that the rule table sends to a memory. Instructions, answers such as "yes", code and general
questions are not occasions.
"""

import re
from collections.abc import Callable, Collection, Iterator
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
_NOT_PROSE = re.compile(
    r"^(?:[>|+$]|@@|    |\t|-{2,}).*|^.*(?:[{};]|=>|==|\): ?)\s*$"
    r"|^(?!.*\?\s*$)(?:\S{0,80}(?:Error|Exception|Warning): |(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\b"
    r"|\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d).*",
    re.MULTILINE,
)
# What stands between quotation marks is not the user's own word, but words to translate, to write or to look for.
_QUOTED = re.compile(
    r"\"[^\"\n]*\"|\u201c[^\u201d\n]*\u201d|\u201e[^\u201c\n]*\u201c|\u00ab[^\u00bb\n]*\u00bb|\u300c[^\u300d\n]*\u300d|(?<!\S)'[^'\n]*'(?!\w)"
)
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
    sentences = list(_sentences(prose))
    for sentence in sentences:
        if pointer := sentence.reading.pointer():
            return Occasion(_telling(sentence.text, prose), pointer)
    for sentence in sentences:
        its, asks = sentence.reading, _asks(sentence.text, sentence.reading)
        if asks or (len(sentences) == 1 and its.is_english and _is_topic(sentence.text)):
            reason = _signal(sentence, table) or (_own_business(sentence, table, names) if asks else None)
            if reason:
                return Occasion(_telling(sentence.text, prose), reason)
    return None


class _Sentence(NamedTuple):
    """A sentence of a prompt.

    Args:
        text: all of it.
        said: the same without what stands in quotation marks.
        reading: the phrases of that.
    """

    text: str
    said: str
    reading: SentenceReading


def _sentences(prose: str) -> Iterator[_Sentence]:
    said = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), prose)
    start = 0
    for gap in (*_SENTENCE_END.finditer(said), None):
        end = gap.start() if gap else len(said)
        text, own = prose[start:end].strip(), said[start:end].strip()
        if text:
            yield _Sentence(text, own, reading(tokens_of(own)))
        start = gap.end() if gap else end


def _signal(sentence: _Sentence, table: RuleTable) -> str | None:
    """Return the signal by which a sentence about something that is known belongs to a memory."""
    its, match = sentence.reading, table.match(sentence.said)
    if match.signal is None or _in_files(match) or not (its.has("specific") or identifiers_in(sentence.said)):
        return None
    return None if its.has("at_hand") or (its.has("general") and not its.has("ours")) else match.signal.name


def _own_business(sentence: _Sentence, table: RuleTable, names: Callable[[], Collection[str]]) -> str | None:
    its = sentence.reading
    if its.has("at_hand", "proposes"):
        return None
    if its.has("mine") and not its.has("general"):
        return "mine"
    if _in_files(table.match(sentence.said)):
        return None
    if its.has("ours"):
        return "ours"
    if its.has("general"):
        return None
    named = {word.lower().removesuffix("'s") for word in _WORD.findall(sentence.text)} & set(names())
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
