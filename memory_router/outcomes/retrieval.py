"""Show outcomes in three layers, so that an agent reads little before it knows what it needs (seed 003).

`search` lists outcomes (at most 50 tokens each), `timeline` tells what surrounded them (200), `detail` everything.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from memory_router.contract import JsonObject
from memory_router.errors import AdviceError, install_command
from memory_router.outcomes import validation
from memory_router.outcomes.search import MISSING, OutcomeSelection, ScoredOutcome, compares_meaning, fitting
from memory_router.outcomes.store import Outcome, outcome_of
from memory_router.storage.database import Database, Row, decode_json
from memory_router.text.tokens import estimate_tokens, fit

Layer = Literal["search", "timeline", "detail"]
LAYERS: tuple[Layer, ...] = ("search", "timeline", "detail")
SEARCH_TOKENS, TIMELINE_TOKENS = 50, 200

# Without a text the newest come first; the half-life gives the seed's own example, 0.85 after 14 days.
_HALF_LIFE_DAYS = 60
_AROUND = 2
_CONFIG_TOKENS = 40
_BRIEF = "outcome_id, suggestion_type, suggestion_value, outcome, created_at"


class OutcomesAnswer(NamedTuple):
    """What was found, and one sentence about what could not be done, or nothing."""

    results: list[JsonObject]
    note: str = ""


class Retrieval:
    """Read outcomes in layers; a user's only, whatever ids are asked for.

    Args:
        database: the advice tables.
        now: the time, ISO 8601 in UTC.
    """

    def __init__(self, database: Database, now: str) -> None:
        self._database = database
        self._now = datetime.fromisoformat(now)

    def search(self, wanted: OutcomeSelection, text: str = "") -> OutcomesAnswer:
        """Return outcomes in short: id, snippet, days_ago, score; at most 50 tokens each.

        Args:
            wanted: whose, and which.
            text: what they are about, in any words; without it the newest come first.
        """
        matches = fitting(self._database, text, wanted) if text.strip() else self._newest(wanted)
        hits = [
            _hit(match.row["outcome_id"], match.row, self._days(match.row), round(match.score, 2)) for match in matches
        ]
        is_poorer = text.strip() and not compares_meaning(self._database)
        return OutcomesAnswer(hits, MISSING.format(command=install_command()) if is_poorer else "")

    def timeline(self, user_id: str, ids: Sequence[int]) -> list[JsonObject]:
        """Return what changed with outcomes and what was decided around them; at most 200 tokens each.

        Args:
            user_id: whose they are; ids of others are left out.
            ids: which, in the order of the results.
        """
        return [
            _within_budget(
                {
                    "id": row["outcome_id"],
                    "suggestion_type": row["suggestion_type"],
                    "suggestion_value": row["suggestion_value"],
                    "outcome": row["outcome"],
                    **_concerned(row),
                    "days_ago": self._days(row),
                    "surrounding": self._surrounding(user_id, row),
                }
            )
            for row in self._of(user_id, ids, f"{_BRIEF}, config_before, config_after")
        ]

    def detail(self, user_id: str, ids: Sequence[int]) -> list[JsonObject]:
        """Return everything that is kept about outcomes; `archive` names the file with what was compacted.

        Args:
            user_id: whose they are; ids of others are left out.
            ids: which, in the order of the results.
        """
        rows = self._of(user_id, ids, ", ".join((*Outcome._fields, "archive")))
        return [_detail(row) for row in rows]

    def _newest(self, wanted: OutcomeSelection) -> list[ScoredOutcome]:
        rows = self._database.rows(
            f"SELECT {_BRIEF} FROM suggestion_outcomes WHERE user_id = :user"  # noqa: S608 - our own columns
            f"{wanted.condition(self._database)} ORDER BY created_at DESC, outcome_id DESC LIMIT :limit",
            wanted.values() | {"limit": wanted.limit},
        )
        return [ScoredOutcome(row, 0.5 ** (self._days(row) / _HALF_LIFE_DAYS)) for row in rows]

    def _of(self, user_id: str, ids: Sequence[int], columns: str) -> list[Row]:
        sql = f"SELECT {columns} FROM suggestion_outcomes WHERE user_id = :user AND outcome_id = :id"  # noqa: S608
        return [row for key in dict.fromkeys(ids) for row in self._database.rows(sql, {"user": user_id, "id": key})]

    def _surrounding(self, user_id: str, row: Row) -> list[str]:
        """Return what the user decided just before and just after, in that order."""
        around = []
        for sign, order in (("<", "DESC"), (">", "ASC")):
            rows = self._database.rows(
                f"SELECT {_BRIEF} FROM suggestion_outcomes WHERE user_id = :user"  # noqa: S608 - our own columns
                f" AND (created_at, outcome_id) {sign} (:at, :id)"
                f" ORDER BY created_at {order}, outcome_id {order} LIMIT :around",
                {"user": user_id, "at": row["created_at"], "id": row["outcome_id"], "around": _AROUND},
            )
            around.append(
                [
                    f"{decision['outcome']} {decision['suggestion_type']} {decision['suggestion_value']}"
                    for decision in rows
                ]
            )
        return [*reversed(around[0]), *around[1]]

    def _days(self, row: Row) -> int:
        return max((self._now - datetime.fromisoformat(row["created_at"])).days, 0)


def read(
    database: Database,
    layer: str,
    wanted: OutcomeSelection,
    *,
    text: str = "",
    ids: Sequence[int] = (),
    now: str | None = None,
) -> OutcomesAnswer:
    """Return outcomes in one layer: given ones, or those that a search finds.

    Args:
        database: the advice tables.
        layer: `search`, `timeline` or `detail`.
        wanted: whose, and which.
        text: what they are about.
        ids: which, instead of a search.
        now: the time, ISO 8601 in UTC; now if left out.

    Raises:
        AdviceError: there is no such layer.
    """
    if layer not in LAYERS:
        raise AdviceError(f"{layer!r} is not a layer.", f"Use one of: {', '.join(LAYERS)}.")
    retrieval = Retrieval(database, now or validation.now())
    if layer == "search" and not ids:
        return retrieval.search(wanted, text)
    answer = OutcomesAnswer([]) if ids else retrieval.search(wanted, text)
    chosen = list(ids) or [hit["id"] for hit in answer.results]
    if layer == "detail":
        return answer._replace(results=retrieval.detail(wanted.user_id, chosen))
    return answer._replace(results=retrieval.timeline(wanted.user_id, chosen))


def tokens(value: Any) -> int:
    """Return about how many tokens a value takes as JSON."""
    return estimate_tokens(json.dumps(value, ensure_ascii=False))


def _hit(number: int, row: Row, days_ago: int, score: float) -> JsonObject:
    """Return one result of a search, its value cut where it would take too much."""
    subject, end = f"{row['suggestion_type']}: {row['suggestion_value']}", f" → {row['outcome']}"
    hit = {"id": number, "snippet": end, "days_ago": days_ago, "score": score}
    room = SEARCH_TOKENS - tokens(hit)
    snippet = fit(subject, room)
    while tokens({**hit, "snippet": snippet + end}) > SEARCH_TOKENS:  # escapes of JSON take more than the characters
        room -= 1
        snippet = fit(subject, room)
    return {**hit, "snippet": snippet + end}


def _detail(row: Row) -> JsonObject:
    archive = row.pop("archive")
    detail = outcome_of(row)._asdict()
    detail = {"id": detail.pop("outcome_id"), **detail}
    return (
        {**{name: value for name, value in detail.items() if value is not None}, "archive": archive}
        if archive
        else detail
    )


def _concerned(row: Row) -> JsonObject:
    """Return of both configurations what the suggestion was about, else what differs between them."""
    before, after = (decode_json(row[name]) for name in ("config_before", "config_after"))
    value = row["suggestion_value"]
    if isinstance(before, dict) and isinstance(after, dict | None):
        changed = after or {}
        names = (
            {name for name in {*before, *changed} if before.get(name) != changed.get(name)} if after else set(before)
        )
        concerned = {value} & {*before, *changed} or names
        before = {name: setting for name, setting in before.items() if name in concerned}
        after = after and {name: setting for name, setting in changed.items() if name in concerned}
    return {"config_before": _brief(before), "config_after": _brief(after)}


def _brief(config: Any) -> Any:
    """Return a configuration, or the beginning of its JSON where it is long."""
    return config if tokens(config) <= _CONFIG_TOKENS else fit(json.dumps(config, ensure_ascii=False), _CONFIG_TOKENS)


def _within_budget(entry: JsonObject) -> JsonObject:
    """Return an entry of a timeline with its texts cut to fit 200 tokens."""
    room = 24
    while tokens(entry) > TIMELINE_TOKENS and room:
        texts = ("suggestion_type", "suggestion_value", "config_before", "config_after")
        cut = {name: fit(entry[name], room) for name in texts if isinstance(entry[name], str)}
        entry = {**entry, **cut, "surrounding": [fit(line, room) for line in entry["surrounding"]]}
        room -= 3
    return entry
