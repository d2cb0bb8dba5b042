"""Keep executions in the database: take them in, list, rate and purge them."""

import json
import time
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from memory_router.errors import StoreError
from memory_router.learning.execution import COMPOUND, Execution
from memory_router.learning.spool import Spool
from memory_router.learning.votes import FETCHED, USEFUL, USELESS, Mark
from memory_router.storage.database import Database, Moment, Row, decode_json, decode_vector, encode_json
from memory_router.text.request_vectors import Model, model

_COLUMNS = Execution._fields
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM executions"  # noqa: S608 - the names of our own columns
_INSERT = (
    f"INSERT INTO executions({', '.join((*_COLUMNS, 'request_embedding', 'embedding_model'))}) VALUES ("  # noqa: S608
    f"{', '.join(f':{column}' for column in (*_COLUMNS, 'request_embedding', 'embedding_model'))}"
    ") ON CONFLICT (id) DO NOTHING"
)
_JSON = ("routing_path", "attempts", "governance_check", "shown")
_DAY = 86_400
# A result that is fetched within this time after an answer was found there.
_FETCH_SECONDS = 1800
_LOOKED_BACK = 1000
_STARS = {True: 5, False: 2}
_PAGE = 5000


class RepeatedRequest(NamedTuple):
    """One request: its text, its vector, and how many times it was asked."""

    user_request: str
    vector: "array[float]"
    times: int


class ExecutionStore:
    """Keep executions in the learning tables of a database.

    Args:
        database: the learning tables.
        now: the time in seconds since the epoch.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    def take_in(self, spool: Spool) -> int:
        """Move what waits in `spool` into the database, and return how many lines could not be read.

        A line that was stored before, by a process that died then, is not stored twice.
        """
        with spool.taken() as lines:
            executions, fetches, unreadable = _read(lines)
            self.add(executions)
            for fetch in fetches:
                self._mark_fetched(fetch)
        return unreadable

    def add(self, executions: Iterable[Execution]) -> None:
        """Store executions, each with the vector of its request; those stored already stay as they are."""
        embed = _Embedding(model())
        with self._database.transaction():
            self._database.run_all(
                _INSERT,
                (
                    {
                        **_encoded(execution),
                        "request_embedding": embed(execution.user_request),
                        "embedding_model": embed.name,
                    }
                    for execution in executions
                ),
            )

    def get(self, execution_id: str) -> Execution:
        """Return one execution by its id, or by the beginning of its id if that is unmistakable.

        Raises:
            StoreError: no memory, or more than one, has an id that begins so.
        """
        rows = self._database.rows(
            f"{_SELECT} WHERE substr(id, 1, length(CAST(:id AS TEXT))) = CAST(:id AS TEXT) LIMIT 2",
            {"id": execution_id},
        )
        if len(rows) != 1:
            problem = "Several executions begin" if rows else "No execution begins"
            raise StoreError(f"{problem} with {execution_id!r}.", "`memory-router rules executions list` shows them.")
        return _decoded(rows[0])

    def newest(
        self,
        limit: int = 20,
        *,
        status: str | None = None,
        project: str | None = None,
        after: tuple[float, str] | None = None,
    ) -> list[Execution]:
        """Return executions, the newest first.

        Args:
            limit: the largest number.
            status: only those that ended so.
            project: only those of this project.
            after: only those that follow in the list on the one with this `started_at` and `id`.
        """
        time_before, id_before = after or (float("inf"), "")
        rows = self._database.rows(
            f"{_SELECT} WHERE (CAST(:status AS TEXT) IS NULL OR status = :status)"
            " AND (CAST(:project AS TEXT) IS NULL OR project = :project)"
            " AND (started_at < :time OR (started_at = :time AND id > :id))"
            " ORDER BY started_at DESC, id LIMIT :limit",
            {"limit": limit, "status": status, "project": project, "time": Moment(time_before), "id": id_before},
        )
        return [_decoded(row) for row in rows]

    def rate(self, execution_id: str, stars: int) -> Execution:
        """Store how satisfied the user was, 1 to 5, and return the execution.

        Raises:
            StoreError: there is no such execution, or no such rating.
        """
        if stars not in range(1, 6):
            raise StoreError(f"{stars} is not a rating.", "Rate from 1 (useless) to 5 (just right).")
        execution = self.get(execution_id)
        self._database.run(
            "UPDATE executions SET user_satisfaction = :stars WHERE id = :id", {"id": execution.id, "stars": stars}
        )
        return execution._replace(user_satisfaction=stars)

    def rate_result(
        self, result_id: str, account: str, *, useful: bool, among: Collection[str] | None = None
    ) -> Execution:
        """Keep whether a result was useful for the last question of `account` that it answered, and return that one.

        A useful result gives the execution 5 stars; a useless one 2, where it came first and no other was useful.

        Args:
            result_id: the id of the result.
            account: who asked.
            useful: whether it was.
            among: the executions that may be marked; None for all of the account.

        Raises:
            StoreError: no recorded answer has this result.
        """
        showing = self._showing(result_id, account, self._now(), self._now(), among)
        if showing is None:
            raise StoreError(
                f"No recorded answer of yours has the result {result_id}.", "Rate its execution instead, by its id."
            )
        self._mark(showing.id, result_id, USEFUL if useful else USELESS)
        marked = {mark.kind for mark in self.marks(showing.id)}
        if useful or (showing.shown[0].id == result_id and USEFUL not in marked):
            return self.rate(showing.id, _STARS[useful])
        return showing

    def marks(self, execution_id: str | None = None) -> list[Mark]:
        """Return what was done with the results of an execution; of all if left out."""
        rows = self._database.rows(
            "SELECT execution_id, result_id, kind FROM marks"
            " WHERE CAST(:id AS TEXT) IS NULL OR execution_id = :id ORDER BY marked_at, id",
            {"id": execution_id},
        )
        return [Mark(**row) for row in rows]

    def _mark_fetched(self, fetch: "_Fetch") -> None:
        for result_id in fetch.fetched:
            if showing := self._showing(result_id, fetch.by, fetch.at, _FETCH_SECONDS, fetch.executions):
                self._mark(showing.id, result_id, FETCHED)

    def _mark(self, execution_id: str, result_id: str, kind: str) -> None:
        """Keep what was done with a result; the last word about whether it was useful counts."""
        with self._database.transaction():
            if kind != FETCHED:
                self._database.run(
                    "DELETE FROM marks WHERE execution_id = :execution AND result_id = :result AND kind <> :fetched",
                    {"execution": execution_id, "result": result_id, "fetched": FETCHED},
                )
            self._database.run(
                "INSERT INTO marks(id, execution_id, result_id, kind, marked_at)"
                " VALUES (:id, :execution, :result, :kind, :now) ON CONFLICT (id) DO NOTHING",
                {
                    "id": f"{execution_id} {kind} {result_id}",
                    "execution": execution_id,
                    "result": result_id,
                    "kind": kind,
                    "now": self._now(),
                },
            )

    def _showing(
        self, result_id: str, account: str, at: float, within: float, among: Collection[str] | None
    ) -> Execution | None:
        """Return the last execution of `account` before `at` that showed a result, no older than `within` seconds."""
        rows = self._database.rows(
            f"{_SELECT} WHERE asked_by = :account AND started_at BETWEEN :since AND :at"
            " ORDER BY started_at DESC, id LIMIT :most",
            {"account": account, "since": Moment(at - within), "at": Moment(at), "most": _LOOKED_BACK},
        )
        executions = (_decoded(row) for row in rows if among is None or row["id"] in among)
        return next(
            (execution for execution in executions if any(shown.id == result_id for shown in execution.shown)), None
        )

    def older_than(self, days: float) -> int:
        """Return how many executions are older than `days`."""
        then = Moment(self._now() - days * _DAY)
        rows = self._database.rows("SELECT count(*) AS number FROM executions WHERE started_at < :then", {"then": then})
        return int(rows[0]["number"])

    def purge(self, days: float) -> int:
        """Delete the executions older than `days`, and return how many they were."""
        with self._database.transaction():
            then = {"then": self._now() - days * _DAY}
            self._database.run("DELETE FROM marks WHERE marked_at < :then", then)
            self._database.run("DELETE FROM shadows WHERE asked_at < :then", then)
            oldest = {"then": Moment(then["then"])}
            return self._database.run("DELETE FROM executions WHERE started_at < :then", oldest)

    def requests(self) -> list[RepeatedRequest]:
        """Return every different request, no compound ones, with its vector and how often it was asked.

        Vectors of another model than the one installed are made anew, and stored: they are never compared.
        """
        self._embed_anew()
        rows = self._database.rows(
            "SELECT user_request, request_embedding, number FROM executions JOIN"
            " (SELECT min(id) AS first, count(*) AS number FROM executions WHERE source <> :compound"
            " GROUP BY user_request) AS asked ON executions.id = asked.first ORDER BY user_request",
            {"compound": COMPOUND},
        )
        return [
            RepeatedRequest(row["user_request"], vector, row["number"])
            for row in rows
            if (vector := decode_vector(row["request_embedding"]))
        ]

    def all(self) -> Iterator[Execution]:
        """Yield every execution but those of compound requests, the oldest first, a page at a time."""
        return self._pages("", {})

    def judged(self, since: float) -> Iterator[Execution]:
        """Yield those of `all` that somebody may have judged: by a mark, by stars, or by asking again after a failure.

        Args:
            since: nothing older, in seconds since the epoch.
        """
        condition = (
            "AND started_at >= :since AND (user_satisfaction IS NOT NULL OR id IN (SELECT execution_id FROM marks)"
            " OR user_request IN (SELECT user_request FROM executions WHERE status = 'failed'))"
        )
        return self._pages(condition, {"since": Moment(since)})

    def _pages(self, condition: str, bindings: dict[str, Any]) -> Iterator[Execution]:
        after: dict[str, Any] = {"started_at": Moment("-inf"), "id": ""}
        while True:
            rows = self._database.rows(
                f"{_SELECT} WHERE source <> :compound {condition}"
                " AND (started_at > :started_at OR (started_at = :started_at AND id > :id))"
                " ORDER BY started_at, id LIMIT :page",
                {**after, **bindings, "page": _PAGE, "compound": COMPOUND},
            )
            yield from map(_decoded, rows)
            if len(rows) < _PAGE:
                return
            after = {"started_at": Moment(rows[-1]["started_at"]), "id": rows[-1]["id"]}

    def _embed_anew(self) -> None:
        embed = _Embedding(model())
        stale = self._database.rows(
            "SELECT id, user_request FROM executions WHERE embedding_model IS NULL OR embedding_model <> :model",
            {"model": embed.name},
        )
        with self._database.transaction():
            self._database.run_all(
                "UPDATE executions SET request_embedding = :vector, embedding_model = :model WHERE id = :id",
                ({"id": row["id"], "vector": embed(row["user_request"]), "model": embed.name} for row in stale),
            )


class _Embedding:
    """Embed requests; the same request is embedded once."""

    def __init__(self, requests: Model) -> None:
        self.name = requests.name
        self._requests = requests
        self._known: dict[str, array[float]] = {}

    def __call__(self, request: str) -> "array[float]":
        if request not in self._known:
            self._known[request] = self._requests.embed(request)
        return self._known[request]


class _Fetch(NamedTuple):
    """Which results were fetched by their ids, when, by which account, and in which executions they were seen."""

    fetched: Sequence[str]
    at: float
    by: str
    executions: Sequence[str] | None = None


def _read(lines: Iterable[bytes]) -> tuple[list[Execution], list[_Fetch], int]:
    """Return the executions and the fetches in the lines of a spool, and how many lines hold neither."""
    executions: list[Execution] = []
    fetches: list[_Fetch] = []
    unreadable = 0
    for line in lines:
        try:
            fields = json.loads(line)
            if "fetched" in fields:
                fetches.append(_Fetch(**fields))
            else:
                executions.append(Execution.from_dict(fields))
        except (ValueError, TypeError, LookupError, RecursionError):  # half a line, from a disk that was full
            unreadable += 1
    return executions, fetches, unreadable


def _encoded(execution: Execution) -> dict[str, Any]:
    fields = execution.to_dict()
    return {**fields, **{name: encode_json(fields[name]) for name in _JSON}, "started_at": Moment(execution.started_at)}


def _decoded(row: Row) -> Execution:
    fields = {name: row[name] for name in _COLUMNS}
    fields |= {name: decode_json(fields[name]) for name in _JSON}
    return Execution.from_dict(fields)
