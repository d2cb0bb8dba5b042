"""`memory-router query` and `memory-router rules route`: ask a question, or show where it would go."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from memory_router.app import accesses
from memory_router.app.asking import Router, fetch, follow_files, follow_sessions, start_resident
from memory_router.contract import JsonObject
from memory_router.errors import ApprovalRequiredError, MemoryRouterError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.options import Option, Values
from memory_router.routing.envelope import Envelope, failed
from memory_router.routing.plan import Plan
from memory_router.routing.router import Choice, without_surrogates
from memory_router.routing.router import QuestionRouter as AnyRouter
from memory_router.scope import current_project

OpenRouter = Callable[[], Router]
_Answer = TypeVar("_Answer")

_STATUS_EXIT_CODES = {"success": 0, "partial": 3, "empty": 4, "error": 1}

_LAYERS = ("search", "timeline", "detail")
_JSON = Option("--json", bool, "Print JSON, also on a terminal.", False)
_RULE = Option("--rule", str, "Follow this rule (id or number) for any question.")
_ALL = Option("--all", bool, "Ask all free backends at the same time, and merge.", False)
_BACKEND = Option("--backend", str, "Ask only this backend (NAME or NAME:MODE).")


class Command(NamedTuple):
    """A command of the ask path.

    Args:
        options: what it takes.
        help: for `--help`.
        run: prints the answers and returns the exit code.
        answers: gives each answer as JSON has it, with its exit code, asking what a caller opens.
    """

    options: tuple[Option, ...]
    help: str
    run: Callable[[Values], int]
    answers: Callable[[Values, OpenRouter], Iterator[tuple[JsonObject, int]]]


def query(values: Values) -> int:
    """Answer one question, or one a line from stdin when it is `-`."""
    exit_code = 0
    for envelope in _envelopes(values, _own_router(values)):
        if _wants_json(values):
            output.print_json(envelope.to_dict())
        else:
            from memory_router.interfaces.cli.tables import print_envelope

            print_envelope(envelope, in_brief=not (values["layer"] or values["budget"]))
        exit_code = max(exit_code, _exit_code(envelope, by_status=values["exit_status"]))
        follow_files(envelope.results, envelope.metadata)
    follow_sessions()
    start_resident()
    return exit_code


def route(values: Values) -> int:
    """Print where one question would go, or one a line from stdin when it is `-`."""
    exit_code = 0
    for decision, code in _decisions(values, _own_router(values)):
        if _wants_json(values):
            output.print_json(decision)
        else:
            from memory_router.interfaces.cli.tables import print_decision

            print_decision(decision)
        exit_code = max(exit_code, code)
    return exit_code


def _envelopes(values: Values, open_router: OpenRouter) -> Iterator[Envelope]:
    near = current_project(values.get("folder"))

    def ask(router: Router, question: str) -> Envelope:
        options = {"near": near} | {
            name: values[name] for name in ("limit", "since", "until", "project", "by", "trace", "approval")
        }
        answer = router.query_multi if values["multi"] else router.query
        envelope = answer(question, choice=_choice(values), **options)
        if envelope.error_code == ApprovalRequiredError.code and _is_conversation(values):
            from memory_router.interfaces.cli.approvals import approve_now

            if approve_now(envelope):
                envelope = answer(question, choice=_choice(values), **options)
        return router.with_projects(envelope, values["project"])

    def explain(question: str, error: MemoryRouterError) -> Envelope:
        return failed(Plan(question), error.code, str(error))

    for envelope in _each(values, open_router, ask, explain):
        shown = _shown(envelope, values)
        yield shown
        accesses.answered(shown)


def _answers(values: Values, open_router: OpenRouter) -> Iterator[tuple[JsonObject, int]]:
    for envelope in _envelopes(values, open_router):
        yield envelope.to_dict(), _exit_code(envelope, by_status=values["exit_status"])


def _decisions(values: Values, open_router: OpenRouter) -> Iterator[tuple[JsonObject, int]]:
    def ask(router: Router, question: str) -> JsonObject:
        return router.route(question, _choice(values)).to_dict()

    def explain(question: str, error: MemoryRouterError) -> JsonObject:
        return {"query": question, "error_code": error.code, "error_message": str(error)}

    for decision in _each(values, open_router, ask, explain):
        yield decision, int("error_code" in decision)


def fetched(router: AnyRouter, ids: Sequence[str], layer: str) -> tuple[JsonObject, int]:
    """Return what `get` prints as JSON, and its exit code."""
    results, missing = fetch(router, ids, layer)
    return {"layer": layer, "results": results, "result_count": len(results), "missing": missing}, int(bool(missing))


def _own_router(values: Values) -> OpenRouter:
    return lambda: Router(keep_warm=values["text"] == "-")


# The options of `get` that can be read without the command framework.
OF_GET = (Option("--layer", str, "How much of each.", "detail", choices=_LAYERS), _JSON)
COMMANDS = {
    "query": Command(
        (
            Option("--limit", int, "Return at most this many results; 10, or 3 if unsure.", low=1, high=100),
            Option("--since", str, "Return nothing older: a date, a time, or `last week`."),
            Option("--until", str, "Return nothing newer."),
            Option("--project", str, "Return only what belongs to the project of this name."),
            Option("--by", str, "Return only what `person`, `agent` or this name wrote."),
            _RULE,
            _BACKEND,
            _ALL,
            Option("--multi", bool, "Split a compound request, and answer its parts in order.", False),
            Option("--approval", str, "The approval to use; without it, the question's is found."),
            Option(
                "--layer",
                str,
                "`search` (50 tokens a result), `timeline` (200), `detail`.",
                choices=_LAYERS,
            ),
            Option("--budget", int, "Print at most this many tokens, as estimated.", low=200, high=1_000_000),
            Option("--trace", bool, "Tell how the answer came about.", False),
            _JSON,
            Option("--exit-status", bool, "Exit with 3 for a partial and 4 for an empty answer.", False),
        ),
        "Ask the memory that fits, then others if the answer is poor.\n\n"
        'Example: memory-router query "why did we choose Postgres"',
        query,
        _answers,
    ),
    "route": Command(
        (_RULE, _BACKEND, _ALL, _JSON),
        "Show which rule and backends a question goes to; ask none.\n\n"
        'Example: memory-router rules route "what depends on the billing service"',
        route,
        _decisions,
    ),
}


def _shown(envelope: Envelope, values: Values) -> Envelope:
    """Return the envelope in the layer and within the budget that were asked for."""
    if values["layer"] is None and values["budget"] is None:
        return envelope
    # Imported here because most answers are shown as they are.
    from memory_router.interfaces.layers import printed

    return printed(envelope, values["layer"], values["budget"])


def _each(
    values: Values,
    open_router: OpenRouter,
    ask: Callable[[Router, str], _Answer],
    explain: Callable[[str, MemoryRouterError], _Answer],
) -> Iterator[_Answer]:
    """Give one answer for each question, also when the rule table itself cannot be used."""
    questions = _questions(values["text"])
    try:
        router = open_router()
    except MemoryRouterError as error:
        yield from (explain(question, error) for question in questions)
        return
    with router:
        for question in questions:
            try:
                yield ask(router, question)
            except MemoryRouterError as error:
                yield explain(question, error)


def _questions(text: str) -> Iterator[str]:
    if text != "-":
        yield without_surrogates(text)
        return
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def _choice(values: Values) -> Choice:
    return Choice(values["rule"], values["backend"], "all" if values["all"] else None)


def _wants_json(values: Values) -> bool:
    return values["json"] or values["text"] == "-" or not output.is_terminal()


def _is_conversation(values: Values) -> bool:
    """Return whether a person at a terminal asks, who can confirm."""
    return not _wants_json(values) and sys.stdin.isatty()


def _exit_code(envelope: Envelope, *, by_status: bool) -> int:
    if by_status:
        return _STATUS_EXIT_CODES[envelope.status]
    return 1 if envelope.status == "error" else 0
