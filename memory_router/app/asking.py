"""Ask: build a router from the user's files, and fetch results by their ids."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import NamedTuple

from memory_router import paths, resident
from memory_router.app import accesses
from memory_router.contract import JsonObject
from memory_router.errors import MemoryRouterError
from memory_router.learning.background import import_later, index_later, is_tested, learn_later, start
from memory_router.learning.gate import ApprovalGate, own_rule_cache
from memory_router.learning.overrides import OverrideRules
from memory_router.learning.recording import SpoolRecorder
from memory_router.learning.rule_cache import RuleCache
from memory_router.learning.spool import Spool
from memory_router.routing import config_file, router, survivors
from memory_router.routing.attempts import Attempts
from memory_router.routing.breaker import CircuitBreaker
from memory_router.routing.config import Config
from memory_router.routing.dispatch import IDLE_SECONDS, Dispatcher, ProcessDispatcher
from memory_router.routing.envelope import Envelope
from memory_router.routing.journal import Journal
from memory_router.routing.registry import Registry, read_registry
from memory_router.routing.routes import Routes
from memory_router.routing.rules import RuleTable
from memory_router.storage.files import is_locked

# Whose an id without a backend's name is.
_OF_MEMORIES = "totalrecall"
# How long a look into the other projects may take, and how many results it counts.
_ELSEWHERE_MS, _COUNTED = 1000, 30
# After how long a resident is tried again in a place that takes no socket.
_IN_VAIN_SECONDS = 600.0


class Rules(NamedTuple):
    """What decides where questions go.

    Args:
        settings: the configuration in force.
        table: its rules.
        cache: the override rules.
    """

    settings: Config
    table: RuleTable
    cache: RuleCache

    @classmethod
    def read(cls, settings: Config | None = None) -> "Rules":
        """Read the user's files.

        Args:
            settings: the configuration, where it is another one.

        Raises:
            ConfigError: `router-config.json` cannot be used.
        """
        settings = settings or config_file.load()
        return cls(settings, RuleTable(settings), own_rule_cache())


def new_dispatcher(*, keep_warm: bool, idle_seconds: float = IDLE_SECONDS) -> ProcessDispatcher:
    """Return what asks backends, and encodes questions for those that stay running.

    Args:
        keep_warm: whether backends stay running between questions, where their manifest allows it.
        idle_seconds: for how long they stay.
    """
    if not keep_warm:
        return ProcessDispatcher()
    from memory_router.retrieval import questions  # a process that answers once has no time to load a model

    return ProcessDispatcher(keep_warm=True, idle_seconds=idle_seconds, vector_of=questions.vector)


def _warn_on_stderr(sentence: str) -> None:
    print(f"memory-router: {sentence}", file=sys.stderr)


class Router(router.QuestionRouter):
    """Answer questions with the user's configuration and installed backends.

    >>> with Router(keep_warm=True) as router:
    ...     for question in questions:
    ...         envelope = router.query(question)

    Args:
        keep_warm: whether backends stay running between questions, where their manifest allows it. Then close
            the router, or use it as a context manager.
        warn: takes a sentence for the user about something that did not stop an answer.
        rules: what decides where questions go, where it was read already.
        dispatcher: carries requests to backends, where they are kept elsewhere; whoever keeps them has what was
            recorded learned from (`learn_if_due`), too.

    Raises:
        ConfigError: the user's `router-config.json` cannot be used.
    """

    def __init__(
        self,
        *,
        keep_warm: bool = False,
        warn: Callable[[str], None] = _warn_on_stderr,
        rules: Rules | None = None,
        dispatcher: Dispatcher | None = None,
    ) -> None:
        self._rules = rules or Rules.read()
        self._dispatcher = dispatcher or new_dispatcher(keep_warm=keep_warm)
        settings, table, cache = self._rules
        overrides = OverrideRules(cache, settings.learning, settings.signal_timeout_ms, warn)
        super().__init__(
            settings,
            [Routes(overrides, table)],
            installed,
            Attempts(
                settings,
                self._dispatcher,
                CircuitBreaker(paths.breakers_file(), settings.circuit_breaking),
                Journal(paths.log_file()),
                warn,
            ),
            ApprovalGate(overrides, paths.learning_database(), settings.learning.approval_minutes),
            _recorder(settings, is_learning=dispatcher is None),
            warn,
        )

    def with_projects(self, envelope: Envelope, project: str | None) -> Envelope:
        """Add to an answer what other projects hold where the asked one holds too little, or which projects answered.

        Args:
            envelope: the answer.
            project: the one project that was asked; None or EVERY_PROJECT for all.
        """
        project = None if project == router.EVERY_PROJECT else project
        if project is None:
            answered = _projects(envelope)
            return _noted(envelope, projects=answered) if len(answered) > 1 else envelope
        if envelope.status not in ("partial", "empty"):
            return envelope
        others = {
            name: count
            for name, count in self._elsewhere(envelope.query_echo).items()
            if name.lower() != project.lower()
        }
        if not others:
            return envelope
        told = ", ".join(f"{count} result{'s' * (count != 1)} in project {name}" for name, count in others.items())
        known = envelope.error_message if envelope.status == "empty" else None
        sentence = f"Only the project {project} was searched; others hold more: {told}."
        envelope = envelope._replace(error_message=" ".join(filter(None, (known, sentence))))
        return _noted(envelope, elsewhere=others)

    def _elsewhere(self, query: str) -> dict[str, int]:
        """Count what each project has for a question; the same backends are asked, and keep no trace."""
        quiet = QuietRouter(self._rules.settings, _ELSEWHERE_MS, rules=self._rules, dispatcher=self._dispatcher)
        return _projects(quiet.query(query, limit=_COUNTED))


def _projects(envelope: Envelope) -> dict[str, int]:
    """Return how many results are of each project, the most first; what belongs to none is left out."""
    counts = Counter(str((result.get("metadata") or {}).get("project") or "") for result in envelope.results)
    return {project: count for project, count in counts.most_common() if project}


def _noted(envelope: Envelope, **metadata: JsonObject) -> Envelope:
    return envelope._replace(metadata={**(envelope.metadata or {}), **metadata})


def _recorder(settings: Config, *, is_learning: bool) -> SpoolRecorder | None:
    """Return what records questions, or None where the user wants none to be kept."""
    learning = settings.learning
    if not learning.record or learning.mode == "off":
        return None
    batch = learning.learn_every if is_learning else 0
    return SpoolRecorder(Spool(paths.executions_spool()), settings.fallback_threshold, learn_later, batch)


def learn_if_due(settings: Config) -> None:
    """Learn in the background where enough questions were recorded; a process that answers many calls it now and then.

    Args:
        settings: the configuration in force.
    """
    batch = settings.learning.learn_every
    if batch and settings.learning.mode != "off" and Spool(paths.executions_spool()).count() >= batch:
        learn_later()


class QuietRouter(router.QuestionRouter):
    """Answer a question that nobody asked aloud, within a time, and leave no trace of it.

    The time is too short to judge a backend by, and what it finds is not evidence for learning: neither circuit
    breakers nor `router.log` nor executions hear of it. Nobody is there to approve anything either.

    Args:
        settings: the configuration in force.
        within_ms: how long all attempts together may take.
        rules: what decides where questions go, where it was read already.
        keep_warm: whether backends stay running between questions.
        dispatcher: carries requests to backends, where they are kept elsewhere.
    """

    def __init__(
        self,
        settings: Config,
        within_ms: int,
        *,
        keep_warm: bool = False,
        rules: Rules | None = None,
        dispatcher: Dispatcher | None = None,
    ) -> None:
        _, table, cache = rules or Rules.read(settings)
        hurried = settings._replace(deadlines=settings.deadlines._replace(total_ms=within_ms))
        overrides = OverrideRules(cache, settings.learning, settings.signal_timeout_ms)
        breaker = CircuitBreaker(paths.breakers_file(), settings.circuit_breaking)
        super().__init__(
            hurried,
            [Routes(overrides, table)],
            installed,
            Attempts(hurried, dispatcher or new_dispatcher(keep_warm=keep_warm), breaker, None, _ignore),
            ApprovalGate(overrides, paths.learning_database(), settings.learning.approval_minutes, is_attended=False),
            None,
            _ignore,
        )


def installed() -> Registry:
    """Return the backends of this user: what their manifests declare, and what is installed."""
    return read_registry(paths.backend_folders(), paths.backends_file())


def _ignore(_sentence: str) -> None:
    """Ignore a warning."""


def fetch(
    router: router.QuestionRouter, ids: Sequence[str], layer: str, executions: Collection[str] | None = None
) -> tuple[list[JsonObject], list[JsonObject]]:
    """Return the results, and an entry with `id`, `error_code` and `error_message` for each id without one.

    Args:
        router: whom to ask.
        ids: as an answer gave them; one without the name of a backend is a memory's.
        layer: `search`, `timeline` or `detail`.
        executions: those in which the caller may have seen the ids; None for all of this account.
    """
    results: list[JsonObject] = []
    missing: list[JsonObject] = []
    whole = [identifier if ":" in identifier else f"{_OF_MEMORIES}:{identifier}" for identifier in ids]
    for identifier, qualified in zip(ids, whole, strict=True):
        try:
            response = router.get(qualified, layer)
        except MemoryRouterError as error:
            missing.append({"id": identifier, "error_code": error.code, "error_message": str(error)})
            continue
        results += response["results"]
        if not response["results"]:
            message = response["error_message"] or "Nothing has this id any more; ask the question again."
            missing.append(
                {"id": identifier, "error_code": response["error_code"] or "NOT_FOUND", "error_message": message}
            )
    router.note_fetched(whole, executions)
    accesses.note(results)
    return results, missing


def follow_sessions() -> None:
    """Import sessions in the background where agents wrote some since the last import; call it after an answer.

    A session whose window was closed ends without an event, and what is said in this one counts from now on, too.
    """
    # Not at the top: `--help` asks nothing, and still looks at this module.
    from memory_router.engines.transcripts import survey

    if survey.is_behind() and config_file.load().hooks.session_end:
        import_later()


def follow_files(results: Sequence[JsonObject], metadata: JsonObject | None) -> None:
    """Index in the background where an answer met files that were changed since; call it after the answer.

    Args:
        results: of the answer.
        metadata: of the answer.
    """
    changed = any((result.get("metadata") or {}).get("file") == "changed" for result in results)
    if (changed or (metadata or {}).get("files_changed")) and not is_locked(paths.documents_db()):
        index_later()


def start_resident() -> None:
    """Start the resident where none runs, unless the user switched it off; call it after an answer.

    Nobody starts one for tests, which `CI` and `PYTEST_CURRENT_TEST` tell, unless the environment asks for it, or in a
    home where nothing was set up.
    """
    if not resident.is_wanted() or survivors.VARIABLE in os.environ:
        return
    with suppress(OSError, MemoryRouterError):
        if not (os.environ.get("MEMORY_ROUTER_RESIDENT") or _is_resident_wanted()):
            return
        socket = os.fsdecode(resident.socket_path())
        if os.path.exists(paths.backends_file()) and not is_locked(socket) and not _is_in_vain(f"{socket}.lock"):
            start("resident", "run", niceness=0)


def _is_in_vain(lock: str) -> bool:
    """Return whether a resident could not make its socket a while ago, so that another one could not, either."""
    with suppress(FileNotFoundError):
        status = os.stat(lock)
        return status.st_size > 0 and 0 <= time.time() - status.st_mtime < _IN_VAIN_SECONDS
    return False


def _is_resident_wanted() -> bool:
    if is_tested():
        return False
    # Only one value is needed, and whatever asked before has checked the file.
    body = config_file.read(paths.config_file())
    return isinstance(body, dict) and body.get("resident", "auto") == "auto"


def known_names() -> frozenset[str]:
    """Return what memory knows by name, in lower case: indexed projects, and the names in what was remembered."""
    # Imported here because no other question needs an engine in this process.
    from memory_router.engines.documents.projects import project_names
    from memory_router.engines.tiers.names import names_in_memories

    documents = paths.documents_db()
    projects = project_names(documents) if os.path.exists(documents) else frozenset[str]()
    return frozenset(map(str.lower, projects)) | names_in_memories()
