"""The state of everything: backends with their latencies, stores and indexes, and the evidence for each route."""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import NamedTuple

from memory_router import paths
from memory_router.advisor.trials import Trials, trials_of
from memory_router.engines.documents.schema import SCHEMA as DOCUMENTS
from memory_router.engines.graph.schema import SCHEMA as GRAPH
from memory_router.engines.tiers.memory import TIERS
from memory_router.engines.tiers.schema import SCHEMA as MEMORIES
from memory_router.engines.tiers.stores.opening import open_store
from memory_router.engines.transcripts import place
from memory_router.engines.transcripts.schema import SCHEMA as TURNS
from memory_router.errors import BackendTimeoutError, StoreError
from memory_router.learning.execution import COMPOUND, AttemptRecord, Execution
from memory_router.learning.savings import LearningStatistics, statistics
from memory_router.learning.stores import LearningStores
from memory_router.routing.breaker import CircuitBreaker
from memory_router.routing.config import Config, Step
from memory_router.routing.registry import Manifest, read_registry
from memory_router.routing.rules import LearnedPrior
from memory_router.storage.schema import Schema
from memory_router.storage.sqlite import named_errors, open_read_only

# The newest questions say most about how things are now.
_NEWEST = 2000


class BackendHealth(NamedTuple):
    """The state of one step of a backend.

    Args:
        step: `backend` or `backend:mode`.
        status: as registered: `ready`, `degraded`, `installed`, `unavailable`; `gone` without a manifest.
        message: why, or empty.
        seconds_paused: for how long its circuit breaker skips it still; 0 where it is closed.
        asked: how many of the newest questions it was asked.
        accepted: how many of those it answered well enough.
        timeouts: how often it was late.
        percentiles_ms: the longest time of the fastest 50, 90 and 99 % of the attempts (nearest rank); may be empty.
    """

    step: str
    status: str
    message: str
    seconds_paused: float
    asked: int
    accepted: int
    timeouts: int
    percentiles_ms: tuple[int, ...]


class StoreHealth(NamedTuple):
    """What one store keeps.

    Args:
        backend: which answers from it.
        size: in bytes on disk, with its write-ahead log.
        counts: how many of what, by name.
        newest: when its newest content was made or indexed, in seconds since the epoch, or None.
        vectors: how many vectors of which model it has.
        problem: why it cannot be read, or empty.
    """

    backend: str
    size: int
    counts: dict[str, int]
    newest: float | None
    vectors: dict[str, int]
    problem: str = ""


class FolderHealth(NamedTuple):
    """One indexed folder: its files, passages, and when it was indexed last, in seconds since the epoch."""

    path: str
    files: int
    passages: int
    finished: float | None


class RouteEvidence(NamedTuple):
    """How often one step answered the questions that a signal took, with the interval of that share."""

    rule: str
    signal: str
    step: str
    trials: Trials

    @property
    def interval(self) -> tuple[float, float]:
        """Return within which bounds the share of accepted answers lies (Wilson, 95 %)."""
        return self.trials.acceptance()


class HealthOverview(NamedTuple):
    """Everything that a person looks at to see whether all is well."""

    backends: list[BackendHealth]
    stores: list[StoreHealth]
    folders: list[FolderHealth]
    evidence: list[RouteEvidence]
    priors: tuple[LearnedPrior, ...]
    statistics: LearningStatistics
    looked_at: int


def health(stores: LearningStores) -> HealthOverview:
    """Return the state of everything from what is recorded; no backend is asked, and no folder is read.

    Args:
        stores: the open stores of learning.
    """
    executions = [execution for execution in stores.executions.newest(_NEWEST) if execution.source != COMPOUND]
    return HealthOverview(
        _backends(stores, executions),
        [_store_health(backend, counted) for backend, counted in _COUNTS.items()],
        _folders(),
        _evidence(executions, stores.config),
        stores.priors.in_force(),
        statistics(stores.database, stores.config.learning),
        len(executions),
    )


def _evidence(executions: Iterable[Execution], config: Config) -> list[RouteEvidence]:
    """Return the evidence for each signal and step, in the order of the table, what was asked most first."""
    by_signal: dict[str, list[Execution]] = defaultdict(list)
    for execution in executions:
        by_signal[execution.signal or ""].append(execution)
    evidence = [
        RouteEvidence(rule, signal, step, trials)
        for signal, taken in by_signal.items()
        for rule, tried in trials_of(taken, config).items()
        for step, trials in tried.steps.items()
    ]
    order = [rule.id for rule in config.rules]
    return sorted(evidence, key=lambda route: (order.index(route.rule), route.signal, -route.trials.asked))


def _backends(stores: LearningStores, executions: Iterable[Execution]) -> list[BackendHealth]:
    registry = read_registry(paths.backend_folders(), paths.backends_file())
    breaker = CircuitBreaker(paths.breakers_file(), stores.config.circuit_breaking)
    attempts: dict[str, list[AttemptRecord]] = defaultdict(list)
    for execution in executions:
        for attempt in execution.attempts:
            attempts[attempt.step].append(attempt)
    known = {Step.parse(step).backend for step in attempts}
    steps = [*attempts, *(name for name in registry.state.backends if name not in known)]
    reports = []
    for text in sorted(steps):
        step = Step.parse(text)
        installed = registry.state.backends.get(step.backend)
        manifest: Manifest | None = registry.manifests.get(step.backend)
        status = "gone" if manifest is None else installed.status if installed else "not installed"
        message = installed.message if installed else ""
        ended = [record for record in attempts[text] if record.status != "superseded"]
        reports.append(
            BackendHealth(
                text,
                status,
                message,
                breaker.seconds_open(step),
                len(ended),
                sum(record.accepted for record in ended),
                sum(record.error_code == BackendTimeoutError.code for record in ended),
                percentiles([record.duration_ms for record in ended]),
            )
        )
    return reports


def percentiles(values: Sequence[int], ranks: Sequence[int] = (50, 90, 99)) -> tuple[int, ...]:
    """Return the values at some percentiles by nearest rank; none of nothing."""
    ordered = sorted(values)
    return tuple(ordered[max(0, -(-rank * len(ordered) // 100) - 1)] for rank in ranks) if ordered else ()


class _Counted(NamedTuple):
    path: Callable[[], str]
    schema: Schema
    counts_sql: str
    newest_sql: str


_COUNTS = {
    "totalrecall": _Counted(
        lambda: paths.memory_file() or "",
        MEMORIES,
        "SELECT tier, count(*) FROM memories WHERE superseded_by IS NULL GROUP BY tier"
        " UNION ALL SELECT 'replaced', count(*) FROM memories WHERE superseded_by IS NOT NULL",
        "SELECT max(created) FROM memories",
    ),
    "lossless": _Counted(
        place.archive,
        TURNS,
        "SELECT 'messages', count(*) FROM nodes UNION ALL SELECT 'sessions', count(*) FROM"
        " (SELECT DISTINCT host, name, agent FROM sessions)",
        "SELECT max(time) FROM nodes",
    ),
    "qmd": _Counted(
        paths.documents_db,
        DOCUMENTS,
        "SELECT 'files', count(*) FROM files WHERE unfit = '' UNION ALL SELECT 'passages', chunks FROM totals",
        "SELECT max(finished) FROM roots",
    ),
    "cognee": _Counted(
        paths.graph_db,
        GRAPH,
        "SELECT 'texts', count(*) FROM files UNION ALL SELECT 'things', count(*) FROM nodes"
        " UNION ALL SELECT 'relations', count(*) FROM edges",
        "SELECT max(modified) FROM files",
    ),
}
_VECTORS = "SELECT m.name, (SELECT count(*) FROM vector_bits b WHERE b.model = m.model) FROM vector_models m"
_FOLDERS = """
    SELECT r.path, (SELECT count(*) FROM files f WHERE f.root = r.id AND f.unfit = ''),
        (SELECT count(*) FROM files f JOIN chunks c ON c.file = f.id WHERE f.root = r.id), r.finished
    FROM roots r ORDER BY r.path
"""


def _counted_by_server() -> dict[str, int]:
    """Return how many memories a server holds in each tier."""
    with closing(open_store(None)) as store:
        return {tier: store.count(tier, time.time()) for tier in TIERS}


def _store_health(backend: str, counted: _Counted) -> StoreHealth:
    path = counted.path()
    if not path:
        return StoreHealth(backend, 0, _counted_by_server(), None, {})
    size = sum(os.path.getsize(name) for name in (path, f"{path}-wal") if os.path.exists(name))
    try:
        connection = open_read_only(path, counted.schema)
        if connection is None:
            return StoreHealth(backend, size, {}, None, {})
        with closing(connection), named_errors(path):
            counts = dict(connection.execute(counted.counts_sql))
            newest = connection.execute(counted.newest_sql).get
            vectors = {} if backend == "cognee" else dict(connection.execute(_VECTORS))
    except StoreError as error:
        return StoreHealth(backend, size, {}, None, {}, str(error))
    return StoreHealth(backend, size, counts, newest, vectors)


def _folders() -> list[FolderHealth]:
    path = paths.documents_db()
    try:
        connection = open_read_only(path, DOCUMENTS)
        if connection is None:
            return []
        with closing(connection), named_errors(path):
            return [FolderHealth(*row) for row in connection.execute(_FOLDERS)]
    except StoreError:  # told with the store
        return []
