"""Tag outcomes, and find those with the tags of a question (seed 003, Phase 2: Hybrid Search).

Tags are stems, so that "reducing sources" finds `reduce_source`.
"""

from collections.abc import Iterator
from typing import Any

from memory_router.text.unspaced import spread
from memory_router.text.words import is_stop_word

# Of a long reason the first words say what it is about.
_MOST = 24
_MARKS = ".,;:!?'\""


def tags(text: str) -> tuple[str, ...]:
    """Return the stems of a text's content words, each once, in order."""
    from memory_router.text.terms import stems  # the words of a question are not cut where nothing is recalled

    words = spread(text.lower().replace("_", " ")).split()
    return tuple(dict.fromkeys(stems(" ".join(word for word in words if not is_stop_word(word.strip(_MARKS))))))


def tags_of(suggestion_type: str, value: str, outcome: str, reason: str | None, evidence: Any) -> tuple[str, ...]:
    """Return the tags of an outcome: of its type, value and outcome, of the tags in its evidence, of its reason."""
    return tags(" ".join((suggestion_type, value, outcome, *_tagged(evidence), reason or "")))[:_MOST]


def _tagged(evidence: Any, depth: int = 3) -> Iterator[str]:
    """Yield what evidence holds under names such as `reason_tag` and `negative_tags`."""
    if depth and isinstance(evidence, list):
        for entry in evidence:
            yield from _tagged(entry, depth - 1)
    if not depth or not isinstance(evidence, dict):
        return
    for name, value in evidence.items():
        if str(name).endswith(("tag", "tags")):
            yield from (tag for tag in (value if isinstance(value, list) else [value]) if isinstance(tag, str))
        else:
            yield from _tagged(value, depth - 1)
