"""Check that a backend keeps the adapter contract, with real processes: `memory-router backends test NAME`.

Each check is a promise of backends/CONTRACT.md. What a backend answers to the questions does not matter, only how.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from memory_router.contract import JsonObject, Request
from memory_router.errors import MemoryRouterError
from memory_router.routing.dispatch import ProcessDispatcher
from memory_router.routing.registry import Manifest
from memory_router.routing.response import decode_health, decode_response

_QUESTIONS = {
    "a plain question": "why is the sky blue",
    "quotes, newlines and shell syntax": "say \"hello\" \\ 'there'\n\tnext line; $(echo no) `no` | no",
    "many scripts": "café 日本語 שלום 🙂",
    "the longest question": "word " * 6553 + "end",
    "a question like an option": "--help",
}
_UNKNOWN_ID = "no-such-id-7c2d"


class ContractCheck(NamedTuple):
    """What came of one check.

    Args:
        promise: what the contract says a backend does.
        is_kept: whether this one does.
        observation: what it did instead; empty if it keeps the promise.
    """

    promise: str
    is_kept: bool
    observation: str = ""


def check_backend(manifest: Manifest, deadline_ms: int) -> Iterator[ContractCheck]:
    """Yield what came of every check that applies to a backend.

    Args:
        manifest: the backend.
        deadline_ms: how long each request may take.
    """
    for promise, observe in _promises(_Backend(manifest, deadline_ms)):
        try:
            observation = observe()
        except MemoryRouterError as error:
            observation = str(error)
        yield ContractCheck(promise, not observation, observation)


def _promises(backend: "_Backend") -> Iterator[tuple[str, Callable[[], str]]]:
    manifest = backend.manifest
    for name, text in _QUESTIONS.items():
        yield f"answers {name}", partial(backend.answers, query=text)
    for mode in manifest.modes[1:]:
        yield f"answers in the mode {mode}", partial(backend.answers, query="sky", mode=mode)
    times = {"since": "2020-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"}
    yield "takes a project and a time range", partial(backend.answers, query="sky", scope="no-such-project", **times)
    yield "returns at most `limit` results", backend.keeps_to_the_limit
    if "health" in manifest.verbs:
        yield "says how it is", backend.says_how_it_is
    if "get" in manifest.verbs:
        yield "fetches nothing for an id that it does not know", backend.fetches_nothing
        yield "fetches again what it found", backend.fetches_what_it_found
    if manifest.command:
        yield "refuses a verb that it does not know", backend.refuses_unknown_verbs
    if manifest.warm:
        yield "answers a second question in the same process", backend.answers_twice


class _Backend:
    """Ask one backend, and say what is wrong with its answers; nothing if nothing is."""

    def __init__(self, manifest: Manifest, deadline_ms: int) -> None:
        self.manifest = manifest
        mode = manifest.modes[0] if manifest.modes else None
        self._request = Request("query", deadline_ms=deadline_ms, mode=mode)
        self._dispatcher = ProcessDispatcher()

    def answers(self, **members: Any) -> str:
        """Check one answer."""
        response = self._ask(**members)
        if self.manifest.command and response["query_echo"] != members["query"]:
            return f"`query_echo` is {response['query_echo'][:60]!r}"
        if response["backend"] != self.manifest.name:
            return f"`backend` is {response['backend']!r}, its manifest says {self.manifest.name!r}"
        if response["results"] and response["normalized_relevance"] != response["results"][0]["relevance"]:
            return "`normalized_relevance` is not the relevance of the first result"
        return ""

    def keeps_to_the_limit(self) -> str:
        """Ask for one result."""
        count = len(self._ask(query="the a is of in and", limit=1)["results"])
        return f"it sent {count} results, one was asked for" if count > 1 else ""

    def says_how_it_is(self) -> str:
        """Check its health."""
        health = decode_health(self._dispatcher.ask(self.manifest, self._request._replace(verb="health")))
        return "it is not ready, and says neither why nor what to do" if not self._explains(health) else ""

    def fetches_nothing(self) -> str:
        """Fetch what is not there."""
        response = self._ask(verb="get", id=_UNKNOWN_ID, layer="detail")
        return "it sent a result" if response["results"] else ""

    def fetches_what_it_found(self) -> str:
        """Fetch the first result of a question in each layer."""
        ids = [result["id"] for result in self._ask(query="the a is of in and")["results"] if result.get("id")]
        for layer in ("search", "timeline", "detail") if ids else ():
            if not self._ask(verb="get", id=ids[0], layer=layer)["results"]:
                return f"it sent nothing for {ids[0]!r} in the layer {layer}"
        return ""

    def refuses_unknown_verbs(self) -> str:
        """Ask what no contract knows."""
        response = self._ask(verb="sing")
        is_refused = (response["status"], response["error_code"]) == ("error", "UNKNOWN_VERB")
        return "" if is_refused else f"`status` is {response['status']}, `error_code` {response['error_code']}"

    def answers_twice(self) -> str:
        """Ask two questions of one process."""
        with_one_process = ProcessDispatcher(keep_warm=True)
        try:
            for question in ("one", "two"):
                raw = with_one_process.ask(self.manifest, self._request._replace(query=question))
                if decode_response(raw)["query_echo"] != question:
                    return f"it answered another question than {question!r}"
        finally:
            with_one_process.close()
        return ""

    def _ask(self, **members: Any) -> JsonObject:
        return decode_response(self._dispatcher.ask(self.manifest, self._request._replace(**members)))

    @staticmethod
    def _explains(health: Any) -> bool:
        return health.status == "ready" or bool(health.reason and health.fix)
