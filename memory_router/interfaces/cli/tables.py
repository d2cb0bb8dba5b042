"""Draw answers for people. `rich` is imported when something is drawn, so that programs do not pay for it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from memory_router.contract import JsonObject
from memory_router.interfaces.cli.output import visible
from memory_router.routing.envelope import Envelope

if TYPE_CHECKING:
    from rich.console import Console

_SNIPPET_LINES = 4
_COLOURS = {
    **dict.fromkeys(("ok", "ready", "success"), "green"),
    **dict.fromkeys(("degraded", "installed", "partial", "warning"), "yellow"),
    **dict.fromkeys(("empty", "error", "unavailable"), "red"),
}


def print_envelope(envelope: Envelope) -> None:
    """Draw an answer: what it is worth, where it came from, and each result with its place."""
    console = _console()
    origin = ""
    if envelope.routed_to:
        mode = f":{envelope.routed_mode}" if envelope.routed_mode else ""
        origin = f" from [bold]{_plain(envelope.routed_to + mode)}[/], relevance {envelope.normalized_relevance:.2f}"
    chain = f" [dim](chain: {_plain(' > '.join(envelope.fallback_chain))})[/]" if envelope.fallback_chain else ""
    console.print(f"{coloured(envelope.status)}{origin}, {envelope.router_duration_ms} ms{chain}")
    if envelope.error_message:
        console.print(f"  {_plain(envelope.error_message)}")
    if envelope.parts:
        rows = [
            (str(part["part"]), part["status"], part["routed_to"] or "", part["query_echo"]) for part in envelope.parts
        ]
        print_table(("part", "status", "from", "asked"), rows)
    for position, result in enumerate(envelope.results, 1):
        label = f"part {result['metadata']['part']}." if envelope.parts else f"{position}."
        _print_result(console, label, result, _SNIPPET_LINES)
    for trace in (envelope.trace, *(part.get("trace") for part in envelope.parts or ())):
        if trace and trace["table"]:
            _print_trace(console, trace)


def print_results(results: Sequence[JsonObject]) -> None:
    """Draw results in full."""
    for result in results:
        _print_result(_console(), str(result.get("id", "")), result, None)


def print_decision(decision: JsonObject) -> None:
    """Draw where a question would go, and because of what."""
    console = _console()
    if "error_code" in decision:
        console.print(f"{coloured('error')} {_plain(decision['error_message'])}")
        return
    console.print(f"[bold]{_plain(decision['explanation'])}[/]")
    rows = [(_step(step), "would be asked") for step in decision["steps"]]
    print_table(("step", ""), rows + _skipped(decision))
    _print_learned(console, decision)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Draw a table; cells that name a status get its colour."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(coloured(cell) if cell in _COLOURS else _plain(cell) for cell in _texts(row)))
    _console().print(table)


def _texts(row: Sequence[object]) -> Iterator[str]:
    return ("" if cell is None else str(cell) for cell in row)


def print_members(value: Mapping[str, object]) -> None:
    """Draw an object: its members by name, without those that hold nothing."""
    print_table(("", ""), [(name, member) for name, member in value.items() if member is not None])


def _print_trace(console: "Console", trace: JsonObject) -> None:
    passed = ", ".join(str(rule["number"]) for rule in trace["rules_not_matched"])
    tried = f" Rules that did not match: {passed}." if passed else ""
    console.print(f"\n[bold]{_plain(trace['explanation'])}[/]{tried}")
    rows = [
        (
            _step(attempt),
            f"{attempt['status']}{', accepted' if attempt['accepted'] else ''}, relevance "
            f"{attempt['normalized_relevance']:.2f} of {trace['fallback_threshold']:.2f} needed, "
            f"{attempt['duration_ms']} of {attempt['deadline_ms']} ms"
            + (f"; {attempt['error_code']}: {attempt['error_message']}" if attempt["error_code"] else ""),
        )
        for attempt in trace["attempts"]
    ]
    print_table(("step", ""), rows + _skipped(trace))
    _print_learned(console, trace)


def _print_learned(console: "Console", decision: JsonObject) -> None:
    for sentence in decision.get("learned_priors", ()):
        console.print(f"learned: {_plain(sentence)}")


def _skipped(decision: JsonObject) -> list[tuple[str, str]]:
    return [(_step(skip), f"skipped: {skip['reason']}") for skip in decision["skipped"]]


def _console() -> "Console":
    from rich.console import Console

    # What a memory holds is shown as it is: no emoji for `:name:`, no colours for what looks like a number.
    return Console(highlight=False, emoji=False)


def _plain(text: str) -> str:
    """Return `text` for a terminal as it is: neither control characters nor markup in it have an effect."""
    from rich.markup import escape

    return escape(visible(text))


def coloured(status: str) -> str:
    """Return the markup of a status: green is good, yellow could be better, red is broken."""
    return f"[{_COLOURS[status]}]{status}[/]"


def _print_result(console: "Console", label: str, result: JsonObject, most_lines: int | None) -> None:
    place = result.get("path") or result.get("title") or result["source"]
    line = f":{result['line']}" if result.get("line") else ""
    when = f"  {result['timestamp'][:10]}" if result.get("timestamp") else ""
    console.print(
        f"\n[bold]{_plain(label)}[/] [cyan]{_plain(str(place))}{line}[/] [dim]{result['relevance']:.2f}{when}[/]"
    )
    lines = [text for text in result["content"].splitlines() if text.strip()]
    for text in lines[:most_lines]:
        console.print(f"   {_plain(text)}", overflow="ellipsis", no_wrap=most_lines is not None)
    if most_lines is not None and len(lines) > most_lines:
        console.print(f"   [dim]... {len(lines) - most_lines} more lines[/]")


def _step(step: JsonObject) -> str:
    return f"{step['backend']}:{step['mode']}" if step["mode"] else str(step["backend"])
