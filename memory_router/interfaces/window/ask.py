"""The page Ask: a question, the answer as an agent sees it, and beside it how it came about."""

from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from memory_router import app
from memory_router.app.asking import QuietRouter
from memory_router.contract import JsonObject
from memory_router.errors import QueryError
from memory_router.interfaces.layers import layered
from memory_router.interfaces.window.desk import Desk, complete
from memory_router.interfaces.window.lanes import Axis, lanes_of_trace
from memory_router.routing import config_file
from memory_router.routing.config import Config
from memory_router.routing.envelope import Envelope
from memory_router.routing.router import Choice

STRATEGIES = ("in_turn", "all")
_RESULTS = 10
# A second question, asked next to the first one, may take as long as one backend.
_BESIDE_MS = 5000


class AnswerView(NamedTuple):
    """An answer as the page shows it.

    Args:
        title: how it was asked.
        envelope: the answer as an agent gets it.
        results: its results, complete.
        trace: how it came about, or None where nothing could be asked.
        axis: the lanes of its backends.
        marked: the question before, in and after the text that a signal matched.
        threshold: from which relevance on an answer was accepted.
    """

    title: str
    envelope: Envelope
    results: list[JsonObject]
    trace: JsonObject | None
    axis: Axis | None
    marked: tuple[str, str, str]
    threshold: float


def ask(desk: Desk, request: Request) -> Response:
    """Show the form, and the answer to the question in the address."""
    given = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
    settings = config_file.load()
    values: dict[str, Any] = {"given": given, "strategies": STRATEGIES, "settings": settings, "answers": []}
    values["registered"] = sorted(app.asking.installed().state.backends)
    if not given["q"]:
        return desk.page(request, "ask.html", **values)
    choice = Choice(backend=given["backend"] or None, strategy=given["strategy"] or None)
    options: dict[str, Any] = {
        "limit": _RESULTS,
        "trace": True,
        "project": given["project"] or None,
        "since": given["since"] or None,
        "until": given["until"] or None,
    }
    first = desk.router().query(given["q"], choice=choice, **options)
    values["answers"].append(_answer(_title(choice, settings), first, settings.fallback_threshold))
    if given["beside"] or given["threshold"]:
        threshold = _threshold(given["threshold"], settings)
        other = Choice(backend=choice.backend, strategy=given["beside"] or choice.strategy)
        quiet = QuietRouter(settings._replace(fallback_threshold=threshold), _BESIDE_MS)
        second = quiet.query(given["q"], choice=other, **options)
        title = f"{_title(other, settings)}, threshold {threshold:.2f}"
        values["answers"].append(_answer(title, second, threshold))
    return desk.page(request, "ask.html", **values)


_FIELDS = ("q", "backend", "strategy", "project", "since", "until", "beside", "threshold")


def _threshold(text: str, settings: Config) -> float:
    if not text:
        return settings.fallback_threshold
    try:
        value = float(text)
    except ValueError as error:
        raise QueryError(f"{text!r} is not a threshold.", "Give a number from 0 to 1, such as 0.4.") from error
    if not 0 <= value <= 1:
        raise QueryError(f"{value} is not a threshold.", "Give a number from 0 to 1, such as 0.4.")
    return value


def _title(choice: Choice, settings: Config) -> str:
    if choice.backend:
        return f"Only {choice.backend}"
    return {"in_turn": "One backend after the other", "all": "All backends at once"}[
        choice.strategy or settings.strategy
    ]


def _answer(title: str, envelope: Envelope, threshold: float) -> AnswerView:
    trace = envelope.trace
    shown = layered(envelope._replace(trace=None), "timeline")
    results = [complete(result) for result in shown.results]
    span = (trace["signal"] or {}).get("span") if trace else None
    question = envelope.query_echo
    first, end = span or (len(question), len(question))
    marked = (question[:first], question[first:end], question[end:])
    axis = lanes_of_trace(trace) if trace else None
    return AnswerView(title, shown, results, trace, axis, marked, threshold)
