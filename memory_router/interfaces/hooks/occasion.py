"""Decide whether a prompt is an occasion to look into memory: quick, without a model, the same every time.

An agent is told a hundred things a day and needs memory for a few of them. A prompt is an occasion when it points back
to earlier work, in whatever form, or when it asks something that the rule table sends to a memory and that is about
things of the user's own. Instructions, answers such as "yes", code and general questions are none.
"""

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from memory_router.routing.requests import Word, is_question, is_question_or_command
from memory_router.routing.rules import Match, RuleTable
from memory_router.text.words import identifiers_in, parse

# Words that point back, whether the sentence asks or commands. Each looks at a few words only: linear on any text.
_POINTERS = {
    "as_before": r"\b(?:like|as|same as|(?:the )?same (?:way|thing)|the way)(?: \w+){0,4} (?:last (?:time|week|month|sprint|session)|before|previously|earlier|yesterday)\b(?! (?:you|we|i|it|the|committing|merging)\b)",  # noqa: E501
    "as_agreed": r"\bas (?:(?:previously|already|we|you|was) )*(?:discussed|agreed|decided|planned|mentioned|usual)\b",
    "we_did": r"\b(?:we|you)(?: (?:already|previously|once|originally|had|have)|'ve|'d)* (?:decided|agreed|chose|picked|settled on|discussed|talked about|concluded|ruled out|rejected)\b",  # noqa: E501
    "you_said": r"\byou (?:said|told me|suggested|mentioned|promised|found)\b",
    "last_session": r"\b(?:last|previous|earlier|yesterday's|this morning's) (?:time|session|conversation|discussion|chat|meeting)\b|\bthe other day\b",  # noqa: E501
    "that_thing": r"\bthat (?:thing|stuff|trick|idea|script|approach|note|bug|issue|problem|discussion|decision)s? (?:with|about|from|on|we|you|i)\b",  # noqa: E501
    "remember": r"\bdo you remember\b|\bremember (?:when|how|why|what|where|our)\b|\bremind me (?!to\b)|\brecall (?:what|how|why|when|where|the|our)\b",  # noqa: E501
    "our_rules": r"\b(?:our|my)(?: (?:usual|standard|normal|agreed|own|team|coding|naming))* (?:conventions?|polic(?:y|ies)|guidelines?|decisions?|standards?|style guide|agreements?|preferences?)\b|\bour usual\b",  # noqa: E501
    "left_off": r"\bwhere (?:we|i|you) (?:left|stopped)\b|\b(?:pick up|continue|carry on|resume) (?:from )?(?:where|with what) (?:we|i|you)\b",  # noqa: E501
}
_BACK = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _POINTERS.items()), re.IGNORECASE)
# What begins a command of the host, its shell or its memory, or something that it put there itself.
_OF_THE_HOST = ("/", "!", "#", "<")
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
# Quotations, and lines of code, logs and diffs: indented, or with what prose does not have.
_NOT_PROSE = re.compile(r"^(?:[>|+$]|@@|    |\t|-{2,}).*|^.*(?:[{};]|=>|==|\): ?)\s*$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"[\w'\u2019-]+")
_REQUEST = re.compile(r"(?:please |can you |could you )*(?:explain|tell|remind|recall|describe|summari[sz]e)\b", re.I)
# General knowledge has no owner: "how does a hash map work".
_OWN = re.compile(r"\b(?:we|our|ours|us|my|i|the|this|that|these|those)\b", re.IGNORECASE)
# What is done or agreed here, unless it is only proposed: "should we", "can we".
_OURS = re.compile(r"\b(?:we|our|ours)\b", re.IGNORECASE)
_PROPOSAL = re.compile(
    r"\b(?:can|could|shall|should|would|may|might|must|do you want|let) (?:we|us|our)\b", re.IGNORECASE
)
# A question may stand behind its topic: "retries: how many did we settle on".
_CLAUSE = re.compile(r"[,:;]\s+| [-\u2013\u2014] ")
# Of a long prompt, where people say what they want: before or after what they pasted.
_LONG = 2_000
_READ = 600
_SHORTEST = 8
_LONGEST_QUESTION = 400
_LONGEST_TOPIC = 8  # words


class Occasion(NamedTuple):
    """Say what to ask memory because of a prompt, and why.

    Args:
        question: the sentence that needs memory, or the whole prompt where that says too little by itself.
        reason: the pointer, or the signal of the rule table, or `ours`, or `project` with its name; nothing of the
            prompt's own words.
    """

    question: str
    reason: str


def occasion(prompt: str, table: RuleTable, projects: Callable[[], Collection[str]]) -> Occasion | None:
    """Return what to ask memory because of a prompt, or None where it does not need any.

    Args:
        prompt: what the user wrote.
        table: the rules; only those that lead to a memory count, not those that search files for words.
        projects: gives the names of the indexed projects, in lower case; asked only where nothing else decides.
    """
    prompt = prompt.strip()
    if len(prompt) < _SHORTEST or prompt.startswith(_OF_THE_HOST):
        return None
    prose = _NOT_PROSE.sub("", _CODE.sub("\n", prompt)).strip()
    if len(prose) > _LONG:
        prose = f"{prose[:_READ]}\n{prose[-_READ:]}"
    sentences = [sentence.strip() for sentence in _SENTENCE_END.split(prose) if sentence.strip()]
    for sentence in sentences:
        if found := _BACK.search(sentence):
            return Occasion(_telling(sentence, prose), str(found.lastgroup))
    for sentence in sentences:
        asks = _asks(sentence)
        if asks or (len(sentences) == 1 and _is_topic(sentence)):
            reason = _signal(sentence, table) or (_own_business(sentence, table, projects) if asks else None)
            if reason:
                return Occasion(_telling(sentence, prose), reason)
    return None


def _signal(sentence: str, table: RuleTable) -> str | None:
    """Return the signal by which a sentence about something of one's own belongs to a memory."""
    match = table.match(sentence)
    is_own = _OWN.search(sentence) or identifiers_in(sentence)
    return match.signal.name if match.signal and is_own and not _in_files(match) else None


def _own_business(sentence: str, table: RuleTable, projects: Callable[[], Collection[str]]) -> str | None:
    if _in_files(table.match(sentence)):
        return None
    if _OURS.search(sentence) and not _PROPOSAL.search(sentence):
        return "ours"
    named = {word.lower() for word in _WORD.findall(sentence)} & set(projects())
    return f"project {min(named)}" if named else None


def _in_files(match: Match) -> bool:
    """Say whether a route leads to words that stand in files: the agent finds those by itself."""
    return match.steps[0].mode == "search"


def _asks(sentence: str) -> bool:
    return any(_REQUEST.match(clause) or is_question(_words(clause)) for clause in _CLAUSE.split(sentence))


def _is_topic(sentence: str) -> bool:
    """Say whether a few words only name something: who says "latest on the tide tables" asks for it."""
    words = _words(sentence)
    return len(words) <= _LONGEST_TOPIC and not is_question_or_command(words)


def _words(clause: str) -> list[Word]:
    return [Word(found.start(), found.end(), found[0], "") for found in _WORD.finditer(clause)]


def _telling(sentence: str, prose: str) -> str:
    """Return the sentence, or all that was said where it has hardly a word to look for."""
    asked = parse(sentence)
    told = len(asked.words) + len(asked.identifiers) + len(asked.paths)
    return (sentence if told > 1 else " ".join(prose.split()))[:_LONGEST_QUESTION]
