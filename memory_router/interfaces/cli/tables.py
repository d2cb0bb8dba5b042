"""Draw answers for people. `rich` is imported when something is drawn, so that programs do not pay for it."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from memory_router.contract import JsonObject
from memory_router.interfaces.cli.output import visible
from memory_router.interfaces.layers import layered
from memory_router.paths import shown
from memory_router.routing.envelope import Envelope

if TYPE_CHECKING:
    from rich.console import Console

# With the head of the answer and of each result, and the last line, these fill 23 of 24 lines.
_BRIEF, _FIRST_LINES, _OTHER_LINES = 3, 8, 3
_INDENT = "   "
# A command begins a line, so that it is not wrapped.
_COMMAND = re.compile(r"(?<=[.?!]) (?=Run: )")
_ADVICE = {
    "partial": "Nothing convincing: take it as a hint, or ask again with names that it shows.",
    "empty": "Nothing was found. Try other words; what memory holds: memory-router status",
}
_COLOURS = {
    **dict.fromkeys(("ok", "ready", "success"), "green"),
    **dict.fromkeys(("degraded", "installed", "partial", "warning"), "yellow"),
    **dict.fromkeys(("empty", "error", "unavailable"), "red"),
}


def print_envelope(envelope: Envelope, *, in_brief: bool) -> None:
    """Draw an answer: what it is worth, where it came from, and each result with its id and place.

    Args:
        envelope: the answer.
        in_brief: show three results, on one screen of 80 x 24: the first at length, the others in three lines each.
    """
    console = terminal()
    origin = ""
    if envelope.routed_to:
        mode = f":{envelope.routed_mode}" if envelope.routed_mode else ""
        origin = f" from [bold]{_plain(envelope.routed_to + mode)}[/], relevance {envelope.normalized_relevance:.2f}"
    chain = f" [dim]({_plain(' > '.join(envelope.fallback_chain))})[/]" if envelope.fallbacks_used else ""
    console.print(f"{coloured(envelope.status)}{origin}, {envelope.router_duration_ms} ms{chain}")
    if envelope.error_message:
        _print_message(console, envelope.error_message)
    elif envelope.status in _ADVICE:
        console.print(f"  {_ADVICE[envelope.status]}")
    if projects := (envelope.metadata or {}).get("projects"):
        told = ", ".join(f"{name} ({count})" for name, count in projects.items())
        console.print(f"  In projects: {_plain(told)}", soft_wrap=True)
    if envelope.parts:
        rows = [
            (str(part["part"]), part["status"], part["routed_to"] or "", part["query_echo"]) for part in envelope.parts
        ]
        print_table(("part", "status", "from", "asked"), rows)
    drawn = envelope.results
    if in_brief:
        first, others = layered(envelope, "timeline").results[:1], layered(envelope, "search").results[1:_BRIEF]
        drawn = first + others
    for position, result in enumerate(drawn, 1):
        label = f"part {result['metadata']['part']}." if envelope.parts else f"{position}."
        most_lines = (_OTHER_LINES if position > 1 else _FIRST_LINES) if in_brief else None
        _print_result(console, label, result, most_lines)
    if more := len(envelope.results) - len(drawn):
        console.print(f"\n[dim]{more} more with --json; a result in full: memory-router get ID[/]", soft_wrap=True)
    for trace in (envelope.trace, *(part.get("trace") for part in envelope.parts or ())):
        if trace and trace["table"]:
            _print_trace(console, trace)


def _print_message(console: "Console", message: str) -> None:
    """Print a message word by word in lines of the terminal; a command in it is never wrapped."""
    from rich.text import Text

    for sentence in re.split(rf"{_COMMAND.pattern}|(?<=\.) (?=[a-z]+(?::[a-z]+)?: )", visible(message)):
        if sentence.startswith("Run: "):
            console.print(Text(_INDENT + sentence.removesuffix(".")), soft_wrap=True)
            continue
        for line in Text(sentence).wrap(console, max(console.width - len(_INDENT), 20)):
            console.print(Text.assemble(_INDENT, line))


def print_results(results: Sequence[JsonObject]) -> None:
    """Draw results in full."""
    for result in results:
        _print_result(terminal(), "", result, None)


def print_decision(decision: JsonObject) -> None:
    """Draw where a question would go, and because of what."""
    console = terminal()
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
        table.add_row(
            *(coloured(cell) if cell in _COLOURS else _plain(_COMMAND.sub("\n", cell)) for cell in _texts(row))
        )
    terminal().print(table)


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


def terminal() -> "Console":
    """Return the terminal that this process prints to."""
    from rich.console import Console

    # What a memory holds is shown as it is: no emoji for `:name:`, no colours for what looks like a number.
    # Without colours there is no bold either: https://no-color.org
    return Console(highlight=False, emoji=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


def _plain(text: str) -> str:
    """Return `text` for a terminal as it is: neither control characters nor markup in it have an effect."""
    from rich.markup import escape

    return escape(visible(text))


def coloured(status: str) -> str:
    """Return the markup of a status: green is good, yellow could be better, red is broken."""
    return f"[{_COLOURS[status]}]{status}[/]"


def _print_result(console: "Console", label: str, result: JsonObject, most_lines: int | None) -> None:
    from rich.text import Text

    place = shown(str(result.get("path") or result.get("title") or result["source"]))
    line = f":{result['line']}" if result.get("line") else ""
    when = f"  {result['timestamp'][:10]}" if result.get("timestamp") else ""
    name = f"{label} {result.get('id', '')}".strip()
    relevance = f"{result['relevance']:.2f}"
    left = console.width - len(name) - len(relevance) - len(when) - 4
    place = f"{place}{line}"
    if len(place) > left:
        place = "…" + place[-max(left - 1, 1) :]
    console.print(f"\n[bold]{_plain(name)}[/]  {relevance}[dim]{when}[/]  [cyan]{_plain(place)}[/]", soft_wrap=True)
    metadata = result.get("metadata") or {}
    if later := metadata.get("superseded_by") or metadata.get("disputed_by"):
        told = "Replaced by" if metadata.get("superseded_by") else "Disputed by the newer"
        console.print(f"{_INDENT}[yellow]{told} {_plain(str(later))}[/]", soft_wrap=True)
    width = max(console.width - len(_INDENT), 20)
    texts = [Text(visible(text)) for text in result["content"].splitlines() if text.strip()]
    lines = [wrapped for text in texts for wrapped in text.wrap(console, width)]
    for position, text in enumerate(lines[:most_lines], 1):
        is_cut = position == most_lines and len(lines) > position
        console.print(Text.assemble(_INDENT, text, " …" if is_cut else ""), overflow="ellipsis", no_wrap=True)


def _step(step: JsonObject) -> str:
    return f"{step['backend']}:{step['mode']}" if step["mode"] else str(step["backend"])
