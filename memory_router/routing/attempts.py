"""Ask the steps of a plan until an answer is accepted, in order or hedged, or all of them at once.

A strategy is a generator: it begins steps by their position and yields attempts as they end. It knows neither backends
nor deadlines; `Attempts` gives it what begins a step, and keeps the circuit breaker and the journal.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from memory_router import contract
from memory_router.contract import JsonObject
from memory_router.errors import BackendTimeoutError, CircuitOpenError, MemoryRouterError
from memory_router.routing.breaker import CircuitBreaker
from memory_router.routing.config import Config, Step
from memory_router.routing.dispatch import Dispatcher
from memory_router.routing.journal import Journal
from memory_router.routing.plan import Plan
from memory_router.routing.process import SupersededError
from memory_router.routing.registry import Manifest, Registry
from memory_router.routing.response import decode_response, nearer, written_by


class Attempt(NamedTuple):
    """The outcome of asking one step: a response, or the error that came in its place.

    With neither, it was superseded: a step before it was accepted while this one was still being asked.

    Args:
        step: what was asked.
        response: the checked response of the backend, or None.
        error: what went wrong, or None.
        duration_ms: as the router measured it.
        deadline_ms: what it was given.
        started_ms: when it was asked, in milliseconds after the first step was.
    """

    step: Step
    response: JsonObject | None
    error: MemoryRouterError | None
    duration_ms: int
    deadline_ms: int
    started_ms: int = 0

    @property
    def status(self) -> str:
        """Return `success`, `empty`, `error` or `superseded`."""
        if self.response:
            return str(self.response["status"])
        return "error" if self.error else "superseded"

    @property
    def relevance(self) -> float:
        """Return the normalized relevance; 0 where there is no result."""
        return float(self.response["normalized_relevance"]) if self.response and self.response["results"] else 0.0

    @property
    def code(self) -> str | None:
        """Return the code of the error, or of the reason why an empty answer is empty."""
        if self.error:
            return self.error.code
        code = self.response["error_code"] if self.response else None
        return str(code) if code else ("BACKEND_ERROR" if self.status == "error" else None)

    @property
    def message(self) -> str | None:
        """Return what happened, why, and what to do next."""
        if self.error:
            return str(self.error)
        message = self.response["error_message"] if self.response else None
        return str(message) if message else ("The backend gave no reason." if self.status == "error" else None)

    def is_accepted(self, threshold: float) -> bool:
        """Return whether this answer is good enough to stop (seed 002, Fallback Logic)."""
        return self.status == "success" and self.relevance >= threshold


# Asks a step that was begun, and gives up when the descriptor becomes readable.
Ask = Callable[[int | None], Attempt]
# Begins the step at a position; None when no time is left for it.
Begin = Callable[[int], Ask | None]
IsAccepted = Callable[[Attempt], bool]


class Attempts:
    """Ask backends for the router.

    Args:
        config: thresholds and deadlines.
        dispatcher: carries requests to backends.
        breaker: remembers which steps keep timing out.
        journal: takes what went wrong on the way to an answer; None to leave no trace of it, in the breaker neither.
        warn: takes a sentence for the user about something that did not stop the answer.
    """

    def __init__(
        self,
        config: Config,
        dispatcher: Dispatcher,
        breaker: CircuitBreaker,
        journal: Journal | None,
        warn: Callable[[str], None],
    ) -> None:
        self._config = config
        self._dispatcher = dispatcher
        self._breaker = breaker
        self._journal = journal
        self._warn = warn

    @property
    def log_file(self) -> str:
        """Return where the user finds what went wrong."""
        return self._journal.file if self._journal else os.devnull

    def run(self, plan: Plan, registry: Registry, request: contract.Request) -> list[Attempt]:
        """Ask the plan's steps until an answer is accepted or the total budget is spent; in the plan's order.

        If none is accepted, what the plan names beyond them is asked at once.

        Args:
            plan: what to ask.
            registry: the backends.
            request: what every step is asked, but for its mode and its deadline.
        """
        steps = (*plan.steps, *plan.beyond)
        total_ms, delay_ms = self._config.deadlines.total_ms, self._config.fallback_delay_ms
        if plan.strategy == "all":
            total_ms = total_ms or self._config.deadlines.default_ms
        started = time.perf_counter()

        def begin(position: int) -> Ask | None:
            step = steps[position]
            manifest = registry.manifests[step.backend]
            deadline_ms = self._config.deadlines.of(step, manifest.deadline_ms)
            started_ms = _milliseconds_since(started)
            if total_ms is not None:
                deadline_ms = min(deadline_ms, total_ms - started_ms)
            if deadline_ms <= 0:
                return None
            own = request._replace(mode=step.mode, deadline_ms=deadline_ms)
            return lambda stop: self._ask(step, manifest, own, stop)._replace(started_ms=started_ms)

        def is_accepted(attempt: Attempt) -> bool:
            return attempt.is_accepted(self._config.fallback_threshold)

        chain, beyond = range(len(plan.steps)), range(len(plan.steps), len(steps))
        if plan.strategy == "all":
            ending = at_once(chain, begin)
        elif delay_ms is None:
            ending = in_order(len(chain), begin, is_accepted)
        else:
            ending = hedged(len(chain), begin, is_accepted, delay_ms)
        attempts: dict[int, Attempt] = {}
        for position, attempt in widening(ending, is_accepted, at_once(beyond, begin)):
            attempts[position] = attempt
            if warning := ((attempt.response or {}).get("metadata") or {}).get("warning"):
                self._warn(f"{attempt.step}: {warning}")
            self._record(plan.query, attempt, next(iter(steps[position + 1 :]), None))
        return [attempts[position] for position in sorted(attempts)]

    def fetch(self, step: Step, manifest: Manifest, request: contract.Request) -> JsonObject:
        """Ask one backend for something else than an answer, and return its checked response.

        Raises:
            BackendError: the backend failed.
        """
        deadline_ms = self._config.deadlines.of(step, manifest.deadline_ms)
        return _labelled(
            decode_response(self._dispatcher.ask(manifest, request._replace(deadline_ms=deadline_ms))), manifest
        )

    def seconds_paused(self, step: Step) -> float:
        """Return for how long a step is still skipped because it timed out too often."""
        return self._breaker.seconds_open(step)

    def close(self) -> None:
        """End the backends that were kept running."""
        self._dispatcher.close()

    def _ask(self, step: Step, manifest: Manifest, request: contract.Request, stop: int | None) -> Attempt:
        started = time.perf_counter()
        response, problem = None, None
        try:
            if (seconds := self.seconds_paused(step)) > 0:
                raise CircuitOpenError(
                    f"{step} timed out too often; it is tried again in {seconds:.0f} s.",
                    "`memory-router backends doctor` tries every backend.",
                )
            response = _labelled(decode_response(self._dispatcher.ask(manifest, request, stop)), manifest)
            response = nearer(request.near, written_by(request.by, response))
        except SupersededError:
            pass
        except MemoryRouterError as error:
            problem = error
        return Attempt(step, response, problem, _milliseconds_since(started), request.deadline_ms)

    def _record(self, query: str, attempt: Attempt, following: Step | None) -> None:
        """Write the journal and the breaker's state; a disk that refuses costs a warning, not the answer."""
        if self._journal is None or attempt.status == "superseded":
            return
        is_timeout = isinstance(attempt.error, BackendTimeoutError)
        backend, following_backend = attempt.step.backend, following.backend if following else None
        try:
            if not isinstance(attempt.error, CircuitOpenError):
                self._breaker.record(attempt.step, timed_out=is_timeout)
            if is_timeout:
                self._journal.timeout(query, backend, attempt.duration_ms, following_backend)
            elif attempt.status == "error":
                self._journal.fallback(query, backend, str(attempt.code), str(attempt.message), following_backend)
        except OSError as error:
            self._warn(f"what {backend} failed with was not logged: {error}. The answer is complete.")


def in_order(steps: int, begin: Begin, is_accepted: IsAccepted) -> Iterator[tuple[int, Attempt]]:
    """Ask one step after the other; yield each attempt with its position.

    Args:
        steps: how many there are.
        begin: begins one.
        is_accepted: whether an attempt ends the search.
    """
    for position in range(steps):
        ask = begin(position)
        if ask is None:
            return
        attempt = ask(None)
        yield position, attempt
        if is_accepted(attempt):
            return


def widening(
    chain: Iterator[tuple[int, Attempt]], is_accepted: IsAccepted, beyond: Iterator[tuple[int, Attempt]]
) -> Iterator[tuple[int, Attempt]]:
    """Yield the attempts of a chain, and those beyond it if none of the chain is accepted.

    Args:
        chain: asks the steps of the chain.
        is_accepted: whether an attempt ends the search.
        beyond: asks what else there is.
    """
    is_answered = False
    for position, attempt in chain:
        is_answered = is_answered or is_accepted(attempt)
        yield position, attempt
    if not is_answered:
        yield from beyond


def at_once(positions: Iterable[int], begin: Begin) -> Iterator[tuple[int, Attempt]]:
    """Ask steps at the same time, the first one in this thread; yield attempts in the order in which they ended.

    Args:
        positions: which.
        begin: begins one.
    """
    arrivals: queue.SimpleQueue[tuple[int, Attempt | BaseException]] = queue.SimpleQueue()

    def run(position: int, ask: Ask) -> None:
        try:
            arrivals.put((position, ask(None)))
        except BaseException as error:  # it is raised again where the attempts are awaited
            arrivals.put((position, error))

    begun = [(position, ask) for position in positions if (ask := begin(position))]
    threads = [threading.Thread(target=run, args=pair) for pair in begun[1:]]
    for thread in threads:
        thread.start()
    for pair in begun[:1]:
        run(*pair)
    for _ in begun:
        position, attempt = arrivals.get()
        if isinstance(attempt, BaseException):
            raise attempt
        yield position, attempt
    for thread in threads:
        thread.join()


def hedged(steps: int, begin: Begin, is_accepted: IsAccepted, delay_ms: int) -> Iterator[tuple[int, Attempt]]:
    """Ask the next step already while the one before it is silent; yield attempts as they end, superseded ones last.

    The order of the steps still decides: the answer is the one that asking in order would have given, only sooner
    (hedged requests; Dean and Barroso, The Tail at Scale, 2013). Each step is asked in a thread. What is still being
    asked when the answer is known is superseded, and its backend is ended.

    Args:
        steps: how many there are.
        begin: begins one.
        is_accepted: whether an attempt ends the search.
        delay_ms: how long a step may be silent before the next one begins; none begins once an answer is there that
            could be accepted.
    """
    ended: dict[int, Attempt] = {}
    arrivals: queue.SimpleQueue[tuple[int, Attempt | BaseException]] = queue.SimpleQueue()
    threads: list[threading.Thread] = []
    # A pipe whose writing end is closed is readable for everybody at once.
    stop, stopping = os.pipe()

    def arrive(wait_seconds: float | None) -> tuple[int, Attempt]:
        position, attempt = arrivals.get(timeout=wait_seconds)
        if isinstance(attempt, BaseException):
            raise attempt
        ended[position] = attempt
        return position, attempt

    def run(position: int, ask: Ask) -> None:
        try:
            arrivals.put((position, ask(stop)))
        except BaseException as error:  # it is raised again where the attempts are awaited
            arrivals.put((position, error))

    try:
        for position in range(steps):
            ask = begin(position)
            if ask is None:
                break
            thread = threading.Thread(target=run, args=(position, ask))
            thread.start()
            threads.append(thread)
            next_begins = time.monotonic() + delay_ms / 1000
            while position not in ended and not any(map(is_accepted, ended.values())):
                try:
                    yield arrive(max(0.0, next_begins - time.monotonic()))
                except queue.Empty:
                    break
            if any(map(is_accepted, ended.values())):
                break
        while not _is_decided(ended, len(threads), is_accepted):
            yield arrive(None)
    finally:
        os.close(stopping)
        for thread in threads:
            thread.join()
        os.close(stop)
    while len(ended) < len(threads):
        yield arrive(None)


def _is_decided(ended: Mapping[int, Attempt], begun: int, is_accepted: IsAccepted) -> bool:
    """Return whether an attempt is accepted and all before it are not, or all have ended unaccepted."""
    for position in range(begun):
        if position not in ended:
            return False
        if is_accepted(ended[position]):
            return True
    return True


def _labelled(response: JsonObject, manifest: Manifest) -> JsonObject:
    """Add its provenance to each result, and the backend's name to its id, so that `get` knows whom to ask."""
    for result in response["results"]:
        # The manifest decides: a result must not claim to be something better.
        result["metadata"] = {**(result.get("metadata") or {}), "provenance": manifest.provenance}
        if result.get("id"):
            result["id"] = f"{manifest.name}:{result['id']}"
    return response


def _milliseconds_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
