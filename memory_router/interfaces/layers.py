"""Show an answer in one of three layers, and within a number of tokens (seed 003, progressive disclosure).

An agent pays for what it reads. `search` lists results with their ids, `timeline` tells enough to choose,
`detail` everything; a budget holds whatever the layer.
"""

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from memory_router.contract import JsonObject
from memory_router.routing.envelope import Envelope
from memory_router.text.tokens import estimate_tokens, fit
from memory_router.text.words import parse

LAYERS = ("search", "timeline", "detail")
# What an answer in the layer `search` costs at most, unless a budget says otherwise.
SHORT_TOKENS = 1500
# Less of a text than this says nothing.
_FEWEST_TOKENS = 20
_CHARACTERS_A_TOKEN = 4
# How far into a text its snippet is looked for.
_READ = 20_000
_BEGINNING = re.compile(r"(?<=[.!?\n])\s+")


class _Shape(NamedTuple):
    """Which part of a result is shown: the tokens of its content, and its other members."""

    tokens: int
    members: frozenset[str]
    metadata: frozenset[str]


_MEMBERS = frozenset({"content", "relevance", "source", "timestamp", "id", "title", "path", "line"})
_METADATA = frozenset({"provenance", "project", "part", "status", "superseded_by", "disputed_by"})
# What says that a result is no longer so.
_REPLACED = frozenset({"superseded_by", "disputed_by"})
_SHAPES = {
    "search": _Shape(50, _MEMBERS, _METADATA),
    "timeline": _Shape(200, _MEMBERS, _METADATA | {"session", "role", "heading", "lines", "tags", "author"}),
}


def layered(envelope: Envelope, layer: str | None = None, budget: int | None = None) -> Envelope:
    """Return the envelope with its results as `layer` shows them, and no more of them than `budget` pays for.

    Results are taken in their order. One that is too long for what is left is cut if at least 20 tokens of its
    content remain, else left out, and so are all after it.

    Args:
        envelope: the answer.
        layer: `search` (about 50 tokens of content each), `timeline` (about 200) or `detail` (everything); None
            leaves results as they are.
        budget: how many tokens the results may take, their JSON counted as `text.tokens` estimates; None for no limit.
    """
    if layer is None and budget is None:
        return envelope
    shape = _SHAPES.get(layer or "")
    words = _words(envelope.query_echo) if shape else ()
    shaped = [_shaped(result, shape, words) for result in envelope.results] if shape else envelope.results
    kept, used = within(shaped, budget)
    spent = {"tokens_allowed": budget, "tokens_used": used, "results_left_out": len(shaped) - len(kept)}
    return envelope._replace(results=kept, result_count=len(kept), layer=layer, budget=spent)


def printed(envelope: Envelope, layer: str | None = None, budget: int | None = None) -> Envelope:
    """Return the envelope as `layered` does, with `budget` for the whole of its JSON instead of the results alone.

    Members other than the results are paid for first. Where even that is too dear, `trace` and `parts` are left out,
    and `error_message` and `query_echo` are cut.

    Args:
        envelope: the answer.
        layer: as in `layered`.
        budget: how many tokens the JSON may take, 200 or more; None for 1,500 in the layer `search`, else no limit.
    """
    if budget is None and layer == "search":
        budget = SHORT_TOKENS
    if budget is None:
        return layered(envelope, layer)
    count = len(envelope.results)
    # No number that is told in the end is longer than these.
    told: JsonObject = {"tokens_allowed": budget, "tokens_used": budget, "results_left_out": count}
    frame = _cheap(envelope._replace(results=[], result_count=count, layer=layer, budget=told), budget)
    kept = layered(envelope, layer, budget - _tokens(frame)).results
    while True:
        spent = {**told, "results_left_out": count - len(kept)}
        shown = frame._replace(results=kept, result_count=len(kept), budget=spent)
        if not kept or _tokens(shown) <= budget:  # what separates results was not counted
            return shown._replace(budget={**spent, "tokens_used": _tokens(shown)})
        kept = kept[:-1]


def result_tokens(result: JsonObject) -> int:
    """Return about how many tokens a result takes as JSON."""
    return estimate_tokens(json.dumps(result, ensure_ascii=False))


def _tokens(envelope: Envelope) -> int:
    return estimate_tokens(json.dumps(envelope.to_dict(), ensure_ascii=False))


def _cheap(frame: Envelope, budget: int) -> Envelope:
    """Return an envelope without results that takes at most `budget` tokens, cut where it has to be."""
    if _tokens(frame) > budget:
        frame = frame._replace(trace=None, parts=None)
    while (over := _tokens(frame) - budget) > 0:
        # The message before the question: who asked knows what was asked.
        if frame.error_message and estimate_tokens(frame.error_message) > 1:
            frame = frame._replace(error_message=_shortened(frame.error_message, over))
        elif estimate_tokens(frame.query_echo) > 1:
            frame = frame._replace(query_echo=_shortened(frame.query_echo, over))
        else:
            break
    return frame


def _shortened(text: str, tokens: int) -> str:
    return fit(text, max(estimate_tokens(text) - tokens, 1))


def within(results: Sequence[JsonObject], budget: int | None) -> tuple[list[JsonObject], int]:
    """Return as many results as a number of tokens pays for, the last one cut, and what they take.

    Args:
        results: the best first.
        budget: how many tokens their JSON may take; None for no limit.
    """
    if budget is not None and sum(map(result_tokens, results)) > budget:
        # What was replaced since is the first to be left out.
        results = sorted(results, key=lambda result: bool(_REPLACED.intersection(result.get("metadata") or ())))
    kept: list[JsonObject] = []
    used = 0
    for result in results:
        cost = result_tokens(result)
        if budget is not None and used + cost > budget:
            cut = _cut(result, budget - used)
            if cut is None:
                break
            kept.append(cut)
            return kept, used + result_tokens(cut)
        kept.append(result)
        used += cost
    return kept, used


def _cut(result: JsonObject, tokens: int) -> JsonObject | None:
    """Return `result` with as much of its content as fits into `tokens`, or None if that would say nothing."""
    room = tokens - result_tokens({**result, "content": ""})
    while room >= _FEWEST_TOKENS:
        cut = {**result, "content": fit(result["content"], room)}
        over = result_tokens(cut) - tokens
        if over <= 0:
            return cut
        room -= over  # quotation marks and line ends are longer in JSON
    return None


def _shaped(result: JsonObject, shape: _Shape, words: Sequence[str]) -> JsonObject:
    metadata = {name: value for name, value in (result.get("metadata") or {}).items() if name in shape.metadata}
    members = {name: value for name, value in result.items() if name in shape.members}
    return {
        **members,
        "content": _snippet(result["content"], words, shape.tokens),
        **({"metadata": metadata} if metadata else {}),
    }


def _snippet(content: str, words: Sequence[str], tokens: int) -> str:
    """Return the stretch of `content` that holds most of `words`, from the beginning of a sentence or line."""
    if estimate_tokens(content) <= tokens:
        return content
    read = content[:_READ].lower()
    length = tokens * _CHARACTERS_A_TOKEN

    def worth(start: int) -> tuple[int, int]:
        places = [place for word in words if (place := read.find(word, start, start + length)) >= 0]
        return len(places), sum(start - place for place in places)

    # Most words; of equals where they come soonest; of equals the earliest.
    best = max([0, *(match.end() for match in _BEGINNING.finditer(read))], key=worth)
    return f"…{fit(content[best:], tokens - 1)}" if best else fit(content, tokens)


def _words(question: str) -> tuple[str, ...]:
    parsed = parse(question)
    return (*(word.rstrip("*") for word in parsed.words), *(name.text.lower() for name in parsed.identifiers))
