"""Choose what of a node is searched."""

import functools
import time

from memory_router.text.words import identifier_terms

# How much of a text is indexed, in characters: what tools print is long and says little.
_INDEXED = {"user": 20_000, "assistant": 20_000, "summary": 20_000, "tool": 2_000}
# Days begin at a full quarter of an hour everywhere.
_QUARTER = 900

INSERT = "INSERT INTO node_text(rowid, said, names, tools, date) VALUES (?, ?, ?, ?, ?)"


def indexed(node: int, role: str, text: str, tools: str, moment: float) -> tuple[int, str, str | None, str | None, str]:
    """Return the row of a node in the full-text table.

    Args:
        node: its row.
        role: `user`, `assistant`, `summary` or `tool`.
        text: what was said.
        tools: what tools were called with.
        moment: when, in seconds since the epoch.
    """
    said = text[: _INDEXED[role]]
    # FTS5 does not call the tokenizer for what is NULL.
    return (
        node,
        said,
        identifier_terms(f"{said} {tools}") or None,
        tools or None,
        _date(int(moment // _QUARTER) * _QUARTER),
    )


@functools.lru_cache(maxsize=1000)
def _date(moment: int) -> str:
    """Return the user's day of a moment in words, so that `25 September` finds what was said then."""
    return time.strftime("%Y-%m-%d %B", time.localtime(moment))
