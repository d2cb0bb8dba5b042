"""Split a compound request into parts, ask them one by one, and put their answers into one envelope.

"Process payroll and send a voice summary" has two parts (seed 000, Future). Lists, blank lines, semicolons and ends of
sentences always separate. A comma, a line break, "and" or "then" separates only where a request stands before it and
another one begins after it: a question, or a verb of command with its object. So neither "the relationship between A
and B" nor "search and replace" is split. Quoted and bracketed text is one word.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from memory_router.contract import JsonObject
from memory_router.errors import QueryTooLongError
from memory_router.routing import grammar
from memory_router.routing.envelope import Envelope, failed
from memory_router.routing.grammar import Word
from memory_router.routing.plan import Plan
from memory_router.routing.recording import RoutedQuestion
from memory_router.text import words

MAX_PARTS = 10
# How many words a part that refers back takes over at most.
_MAX_CARRIED = 12
# No person's sentence is longer; dividing takes time in the square of the length.
_MAX_SENTENCE = 200

_ATOM = re.compile(
    r"\"[^\"\n]{1,500}\"|“[^”\n]{1,500}”|`[^`\n]{1,500}`|(?<!\w)'[^'\n]{1,500}'(?!\w)|\([^()\n]{3,500}\)"
)
_RUN = re.compile(r"(\S+)(\s*)")
_PUNCTUATION = ".!?,;:"
_NUMBER = re.compile(r"\(?(\d{1,2})[.)]")
_BULLETS = ("-", "*", "\N{BULLET}")
_ABBREVIATIONS = {"e.g", "i.e", "etc", "vs", "cf", "mr", "mrs", "ms", "dr", "prof", "approx", "fig", "inc", "ltd"}
_ADDITION = {"and", "&", "plus"}
_ORDINALS = {"first", "second", "third", "fourth", "fifth", "firstly", "secondly", "thirdly"}
_SEQUENCE = {"then", "afterwards", "afterward", "next", "finally", "lastly", "also"}

_BACK = re.compile(
    r"\b(?:its?|they|them|theirs?|these|those|this|ones|he|him|his|she|hers?"
    r"|the (?:results?|outputs?|outcome|answers?|findings|reasons?|details|alternatives?|others?|rest"
    r"|above|former|latter|same))\b"
    r"|\bthat(?=[.,;!?]|\s*$|\s+(?:to|into|in|for|from|with|as|by|on)\b)"
    r"|\b(?:of|about|to|from|with|for|after|before|on|like) that\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:it|this|that|them)\b", re.IGNORECASE)
_ASKS_FOR_A_NAME = re.compile(r"\b(?:called|named?|which|who|whose)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_MAX_NAMES = 3
# What people call a thing of code, and the words that define one; "classes" loses its "s" alone.
_CALLABLE = ("def", "function", "func", "fn")
_TYPE = ("class", "struct", "interface", "trait", "enum", "type")
_KINDS = {"function": _CALLABLE, "method": _CALLABLE, "clas": _TYPE, "interface": _TYPE, "type": _TYPE, "struct": _TYPE}
# Letters by which a part of a name is known as a word of the question: `allocator`, "allocates".
_STEM = 4
_DEFINITION = re.compile(rf"^[ \t]*(?:\w+ ){{0,3}}({'|'.join((*_CALLABLE, *_TYPE))}) +(\w+)", re.MULTILINE)


class Part(NamedTuple):
    """One part of a compound request.

    Args:
        text: the part as it was written.
        query: what to ask: the text and, if it refers back, what the part before it is about.
    """

    text: str
    query: str


def split(request: str) -> tuple[Part, ...]:
    """Return the parts of `request` in order: the request itself if it is not compound.

    Raises:
        QueryTooLongError: it has more than MAX_PARTS parts.
    """
    parts: list[Part] = []
    for text in _texts(request):
        parts.append(Part(text, _complete(text, parts[-1].query) if parts else text))
        if len(parts) > MAX_PARTS:
            raise QueryTooLongError(
                f"The request has more than {MAX_PARTS} parts.",
                "Ask them in several requests, or one a line with `memory-router query -`.",
            )
    return tuple(parts) if len(parts) > 1 else (Part(request, request),)


def handed_over(part: Part, before: str, found: str) -> str:
    """Return what to ask for a part once the part before it is answered.

    Where that one asked for a thing of code by its kind and not by its name, and this one says "it", the name takes the
    place of the pronoun: "find the class that allocates berths and tell me what calls it". Where it asked what or who
    something is, the names that answer it are added: "what is the payroll module called and who owns it".

    Args:
        part: the part to ask.
        before: what was asked for the part before it.
        found: the first results of that, or empty.
    """
    if part.query == part.text:
        return part.query
    spoken = re.findall(r"\w+", before.lower())
    return _with_definition(part, before, spoken, found) or _with_names(part, before, spoken, found) or part.query


def _with_definition(part: Part, before: str, spoken: Sequence[str], found: str) -> str | None:
    """Return a part with the name of the thing of code that was found in place of its pronoun, if there is one."""
    pronoun = _PRONOUN.search(part.text)
    if pronoun is None or words.parse(before).identifiers:
        return None
    keywords = {keyword for word in spoken for keyword in _KINDS.get(word.removesuffix("s"), ())}
    names = [name for keyword, name in _DEFINITION.findall(found) if keyword in keywords]
    if not names:
        return None
    beginnings = {word[:_STEM] for word in spoken}
    name = max(names, key=lambda name: sum(word.lower()[:_STEM] in beginnings for word in words.split_name(name)))
    return f"{part.text[: pronoun.start()]}{name}{part.text[pronoun.end() :]}"


def _with_names(part: Part, before: str, spoken: Sequence[str], found: str) -> str | None:
    """Return a part with the names that stand where the part before it is answered, if that asked for any."""
    if not _ASKS_FOR_A_NAME.search(before):
        return None
    sentences = [re.findall(r"[\w-]+", sentence) for sentence in _SENTENCE_END.split(found)]
    answering = max(sentences, key=lambda sentence: len({word.lower() for word in sentence}.intersection(spoken)))
    names = [word for word in answering if word[:1].isupper() and word.lower() not in spoken]
    names = [name for name in names if not words.is_stop_word(name.lower())]
    inside = [name for name in names if name != answering[0]]
    told = " ".join(dict.fromkeys((inside or names)[:_MAX_NAMES]))
    return f"{part.query.removesuffix(')')} {told})" if told else None


def _texts(request: str) -> Iterable[str]:
    spoken = _read(_ATOM.sub(lambda atom: re.sub(r"\W", "x", atom[0]), request))
    spans = [span for segment in _joined(_segments(spoken)) for span in _divided(segment)]
    for span in spans:
        ending = "?" if "?" in span[-1].after else ""
        yield request[span[0].start : span[-1].end] + ending


def _complete(text: str, before: str) -> str:
    """Add to a part that refers back what the part before it is about."""
    own = _subjects(text)
    if own and not _BACK.search(text):
        return text
    carried = [subject for subject in _subjects(before) if subject not in own][:_MAX_CARRIED]
    return f"{text} ({' '.join(carried)})" if carried else text


def _subjects(text: str) -> list[str]:
    """Return what a part is about: its names, and its content words but for the verbs of command."""
    question = words.parse(text)
    verbs = grammar.verbs_of_command(re.findall(r"\w+", text.lower()))
    spoken = [word for word in question.words if word not in verbs and not words.is_stop_word(word)]
    return [*question.paths, *(name.text for name in question.identifiers), *spoken]


def _read(text: str) -> list[Word]:
    """Return the words of a text, each with the punctuation and the white space after it."""
    spoken: list[Word] = []
    for run in _RUN.finditer(text):
        bare = run[1].rstrip(_PUNCTUATION)
        after = run[1][len(bare) :] + run[2]
        if bare:
            spoken.append(Word(run.start(), run.start() + len(bare), bare, after))
        elif spoken:
            spoken[-1] = spoken[-1]._replace(after=spoken[-1].after + after)
    return spoken


def _segments(found: Sequence[Word]) -> list[tuple[bool, list[Word]]]:
    """Divide at lists, blank lines, semicolons and ends of sentences; return with each whether it stands alone."""
    markers = _markers(found)
    segments: list[tuple[bool, list[Word]]] = []
    current: list[Word] = []
    stands = False
    for position, word in enumerate(found):
        if position in markers and current:
            segments.append((stands, current))
            current = []
        if position in markers:
            stands = True
            continue
        current.append(word)
        # A colon announces what follows.
        ends_list = word.after[0:1] != ":" and (";" in word.after or word.after.count("\n") > 1)
        if ends_list or _ends_sentence(word):
            # Behind a semicolon and before one, any words will do; a sentence has to be a request.
            segments.append((stands or ends_list, current))
            current = []
            stands = ends_list
    return [*segments, (stands, current)] if current else segments


def _markers(found: Sequence[Word]) -> set[int]:
    """Return where the items of a list begin: bullets that begin lines, or numbers that count from 1."""
    bullets = {
        position
        for position, word in enumerate(found)
        if word.text in _BULLETS and (position == 0 or "\n" in found[position - 1].after)
    }
    numbers: list[int] = []
    for position, word in enumerate(found):
        counted = _NUMBER.fullmatch(word.text + word.after.strip())
        if counted and int(counted[1]) == len(numbers) + 1:
            numbers.append(position)
    return bullets | (set(numbers) if len(numbers) > 1 else set())


def _ends_sentence(word: Word) -> bool:
    ending = word.after.rstrip()
    if not ending.endswith((".", "!", "?")):
        return False
    return ending != "." or not (len(word.text) == 1 or word.lower in _ABBREVIATIONS)


def _joined(segments: Iterable[tuple[bool, list[Word]]]) -> list[list[Word]]:
    """Join sentences that ask nothing to the request before them, or to the first one; drop what only joins."""
    preamble: list[Word] = []
    requested: list[list[Word]] = []
    for stands, segment in segments:
        bare = segment[_after_joints(segment, 0) :]
        if stands or grammar.is_question_or_command(bare):
            whole = preamble + segment if preamble else bare
            requested += [whole] if whole else []
            preamble = []
        elif requested:
            requested[-1] += segment
        else:
            preamble += segment
    return [*requested, preamble] if preamble else requested


def _divided(segment: list[Word]) -> Iterable[list[Word]]:
    """Divide a sentence at commas, line breaks, "and" and "then" where a request ends and another one begins."""
    begin = 0
    position = 0 if len(segment) <= _MAX_SENTENCE else len(segment)
    while position < len(segment):
        behind = _after_joints(segment, position)
        joints = {word.lower for word in segment[position:behind]}
        parted = position > 0 and bool({",", "\n"} & set(segment[position - 1].after))
        left, right = segment[begin:position], segment[behind:]
        if (
            left
            and (joints or parted)
            and right
            and grammar.ends_and_begins(left, right, joined=bool(joints), in_sequence=bool(joints - _ADDITION))
        ):
            yield left
            begin = behind
        position = max(behind, position + 1)
    yield segment[begin:]


def _after_joints(segment: Sequence[Word], position: int) -> int:
    """Return where the words that only join end: `and`, `then`, `after that`, `second,`."""
    while position < len(segment):
        pair = [word.lower for word in segment[position : position + 2]]
        if pair == ["after", "that"]:
            position += 2
        elif pair[0] in _ADDITION | _SEQUENCE or (pair[0] in _ORDINALS and "," in segment[position].after):
            position += 1
        else:
            break
    return position


# How many results of a part the next one may take a name from.
_HANDED_OVER = 3


def answers(parts: Sequence[Part], ask: Callable[[str], Envelope]) -> Iterator[Envelope]:
    """Ask part after part, each with what the one before it found; what fails is told, and the rest is asked.

    But nothing runs after a part that waits for approval: whoever approves it decides about the rest, too.
    """
    waiting: Envelope | None = None
    before = excerpts = ""
    for part in parts:
        if waiting:
            sentence = f"Not asked: an earlier part needs approval first. {waiting.error_message}"
            yield failed(Plan(part.query), str(waiting.error_code), sentence)
            continue
        envelope = ask(handed_over(part, before, excerpts))
        yield envelope
        before = envelope.query_echo
        excerpts = "\n".join(result["content"] for result in envelope.results[:_HANDED_OVER])
        if envelope.approval_id:
            waiting = envelope


def combine(request: str, parts: Sequence[Part], envelopes: Sequence[Envelope]) -> Envelope:
    """Combine the answers to all parts, in order; each result says in `metadata.part` which one it answers.

    The request is answered as well as its weakest part is: `normalized_relevance` is the least of all parts, and
    `status` is `success` only if all parts succeeded.

    Args:
        request: the whole request.
        parts: its parts.
        envelopes: the answer to each.
    """
    results = [
        {**result, "metadata": {**(result.get("metadata") or {}), "part": number}}
        for number, envelope in enumerate(envelopes, 1)
        for result in envelope.results
    ]
    answered = [envelope for envelope in envelopes if envelope.routed_to]
    steps = {(envelope.routed_to, envelope.routed_mode): envelope.routed_to for envelope in answered}
    path = dict.fromkeys(str(backend) for backend in steps.values())
    troubles = [
        (envelope.error_code, f"Part {number} ({part.text}): {envelope.error_message}")
        for number, (part, envelope) in enumerate(zip(parts, envelopes, strict=True), 1)
        if envelope.error_code
    ]
    return Envelope(
        query_echo=request,
        routed_to=", ".join(path) or None,
        routed_mode=answered[0].routed_mode if len(steps) == 1 else None,
        fallback_chain=tuple(backend for envelope in envelopes for backend in envelope.fallback_chain),
        fallbacks_used=sum(envelope.fallbacks_used for envelope in envelopes),
        results=results,
        result_count=len(results),
        normalized_relevance=min(envelope.normalized_relevance for envelope in envelopes),
        status=_status([envelope.status for envelope in envelopes]),
        error_code=troubles[0][0] if troubles else None,
        error_message=" ".join(message for _, message in troubles) or None,
        router_duration_ms=0,
        backend_duration_ms=sum(envelope.backend_duration_ms for envelope in envelopes),
        execution_id="",
        approval_id=next((envelope.approval_id for envelope in envelopes if envelope.approval_id), None),
        parts=tuple(
            _part(number, part, envelope)
            for number, (part, envelope) in enumerate(zip(parts, envelopes, strict=True), 1)
        ),
    )


def whole(request: str, parts: Sequence[RoutedQuestion], envelope: Envelope) -> RoutedQuestion:
    """Return a compound request as one question that went the way of all its parts.

    Args:
        request: the whole request.
        parts: its parts, of which there must be one, as they were routed.
        envelope: the combined answer.
    """
    checks = [part.governance_check for part in parts if part.governance_check]
    blocked = next((check for check in checks if "approved_by" not in check), None)
    attempts = tuple(attempt for part in parts for attempt in part.attempts)
    check = blocked or (checks[0] if checks else None)
    return RoutedQuestion(
        Plan(request), parts[-1].registry, attempts, envelope, parts[0].project, check, parts=tuple(parts)
    )


def _status(statuses: Sequence[str]) -> str:
    """Return the status that all parts share; `partial` as soon as some are worse than others."""
    return statuses[0] if len(set(statuses)) == 1 else "partial"


def _part(number: int, part: Part, envelope: Envelope) -> JsonObject:
    """Return what the envelope of a part says, without its results."""
    told = {name: value for name, value in envelope.to_dict().items() if name != "results"}
    return {"part": number, "text": part.text, **told}
