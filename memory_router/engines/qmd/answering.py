"""Answer a question in one of QMD's modes, and say what was noticed: full text always, its models where they can be."""

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from memory_router.engines.qmd import search
from memory_router.engines.qmd.program import Trouble
from memory_router.engines.qmd.search import QmdHit, QmdPassages

if TYPE_CHECKING:
    from memory_router.engines.documents.selection import PassageSelection

Notes = dict[str, str | int]


class QmdAnswer(NamedTuple):
    """What QMD's index answers.

    Args:
        hits: best first.
        answered_by: the mode that really ran: `search`, `vsearch` or `query`.
        notes: remarks to tell with the answer.
    """

    hits: list[QmdHit]
    answered_by: str
    notes: Notes


def find(
    index: str, question: str, mode: str | None, limit: int, seconds: float, selection: "PassageSelection | None" = None
) -> QmdAnswer:
    """Return the best passages in a mode; the models are left behind when they are not done in time.

    Args:
        index: QMD's index.
        question: any text.
        mode: `search`, `vsearch` or `query`; None means `search`.
        limit: the largest number of passages.
        seconds: how long it may take.
        selection: which passages may answer; None for all.

    Raises:
        StoreError: the index cannot be read.
    """
    ends = time.monotonic() + seconds
    answer = search.search(index, question, limit, (), selection)
    if mode not in ("vsearch", "query"):
        return QmdAnswer(answer.hits, "search", _notes(index, answer))
    from memory_router.engines.qmd.semantic import meant

    chosen = meant(index, mode, question, max(limit, 10), ends - time.monotonic())
    if isinstance(chosen, Trouble):
        notes: Notes = {"no_models": chosen.reason, "fix": chosen.fix}
        return QmdAnswer(answer.hits, "search", _notes(index, answer) | notes)
    answer = search.search(index, question, max(limit, 10), chosen.uris, selection)
    return QmdAnswer(answer.hits[:limit], mode, {**_notes(index, answer), "models_by": chosen.by})


def _notes(index: str, answer: QmdPassages) -> Notes:
    notes: Notes = {}
    if answer.deleted:
        notes["deleted_left_out"] = answer.deleted
    if changed := sum(hit.is_changed for hit in answer.hits):
        notes["changed_since"] = changed
    if notes:
        notes["fix"] = "Run: qmd update"
    if answer.may_lag:
        notes["may_lag"] = f"{os.path.dirname(index)} cannot be written, so what QMD writes just now is not seen."
    return notes
