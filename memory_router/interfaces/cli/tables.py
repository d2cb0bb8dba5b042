"""Draw answers for people. `rich` is imported when something is drawn, so that programs do not pay for it."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

from memory_router.contract import JsonObject
from memory_router.interfaces.cli.output import visible
from memory_router.interfaces.cli.wrapping import columns as width_of_terminal
from memory_router.interfaces.cli.wrapping import unbroken, wrapped
from memory_router.interfaces.layers import layered
from memory_router.paths import shown
from memory_router.routing.envelope import Envelope
from memory_router.scope import NOTES

if TYPE_CHECKING:
    from rich.console import Console

# With the head of the answer and of each result, and the last line, these fill 23 of 24 lines.
_BRIEF, _FIRST_LINES, _OTHER_LINES = 3, 8, 3
_INDENT = "   "
_GAP, _NARROWEST = 2, 16
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
        print(wrapped(visible(envelope.error_message), _INDENT))
    elif envelope.status in _ADVICE:
        print(wrapped(_ADVICE[envelope.status], _INDENT))
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


def print_results(results: Sequence[JsonObject]) -> None:
    """Draw results in full."""
    for result in results:
        _print_result(terminal(), "", result, None)


def print_decision(decision: JsonObject) -> None:
    """Draw where a question would go, and why."""
    console = terminal()
    if "error_code" in decision:
        console.print(f"{coloured('error')} {_plain(decision['error_message'])}")
        return
    console.print(f"[bold]{_plain(decision['explanation'])}[/]")
    steps = [(_step(step), "would be asked", "", "") for step in decision["steps"]]
    print_states(steps + _skipped(decision))
    _print_learned(console, decision)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], none: str = "") -> None:
    """Draw a table; cells that name a status get its colour, and no name, number or id is broken while there is room.

    Args:
        columns: their names.
        rows: the cells of each row.
        none: the sentence to print instead of a table without rows.
    """
    from rich.table import Table

    texts = [list(_texts(row)) for row in rows]
    if none and not texts:
        print(wrapped(none))
        return
    whole = _unbroken(columns, texts)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=place in whole)
    for row in texts:
        table.add_row(*(coloured(cell) if cell in _COLOURS else _plain(cell) for cell in row))
    terminal().print(table)


def _unbroken(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> set[int]:
    """Return the columns of single words that stay whole: the narrow ones first, while the others keep some room."""
    widths = {
        place: max(map(len, cells))
        for place, cells in enumerate(zip(columns, *rows, strict=True))
        if not any(" " in cell for cell in cells[1:])
    }
    left = width_of_terminal() - _GAP * len(columns) - _NARROWEST * (len(columns) - len(widths))
    whole = set()
    for place, width in sorted(widths.items(), key=itemgetter(1)):
        left -= width
        if left >= 0:
            whole.add(place)
    return whole


def print_entries(entries: Iterable[tuple[Sequence[object], str]], none: str) -> None:
    """Draw what has a long id and a text: what tells it from others in one line, the text below it.

    Args:
        entries: the members of each head line, the id first, and the text.
        none: the sentence to print without entries.
    """
    entries = list(entries)
    if not entries:
        print(wrapped(none))
    for head, text in entries:
        first, *others = (cell for cell in _texts(head) if cell)
        cells = (coloured(cell) if cell in _COLOURS else _plain(cell) for cell in others)
        terminal().print(f"[bold]{_plain(first)}[/]", *cells, sep="  ", soft_wrap=True)
        if text:
            print(wrapped(visible(" ".join(text.split())), _INDENT))


def print_states(states: Iterable[tuple[str, str, str, str]]) -> None:
    """Draw states: name, status and finding of each, and below it the fix, whose command is never broken.

    Args:
        states: name, status, finding and fix of each; the fix may be empty.
    """
    from rich.text import Text

    states = list(states)
    names = max((len(name) for name, *_ in states), default=0)
    statuses = max((len(status) for _, status, *_ in states), default=0)
    margin = " " * (names + statuses + 2 * _GAP)
    for name, status, finding, fix in states:
        left = Text.assemble(f"{name:{names + _GAP}}", (status, _COLOURS.get(status, "")))
        terminal().print(left, wrapped(visible(finding), margin)[len(left) :], sep="", soft_wrap=True, markup=False)
        if fix:
            print(wrapped(visible(fix), "  "))


def _texts(row: Sequence[object]) -> Iterator[str]:
    return ("" if cell is None else str(cell) for cell in row)


def print_members(value: Mapping[str, object]) -> None:
    """Draw an object: its members by name, without those that hold nothing."""
    print_table(("", ""), [(name, member) for name, member in value.items() if member is not None])


def _print_trace(console: "Console", trace: JsonObject) -> None:
    passed = ", ".join(str(rule["number"]) for rule in trace["rules_not_matched"])
    tried = f" Rules that did not match: {passed}." if passed else ""
    console.print(f"\n[bold]{_plain(trace['explanation'])}[/]{tried}")
    states = [
        (
            _step(attempt),
            attempt["status"],
            f"{'accepted, ' if attempt['accepted'] else ''}relevance "
            f"{attempt['normalized_relevance']:.2f} of {trace['fallback_threshold']:.2f} needed, "
            f"{attempt['duration_ms']} of {attempt['deadline_ms']} ms"
            + (f"; {attempt['error_code']}: {attempt['error_message']}" if attempt["error_code"] else ""),
            "",
        )
        for attempt in trace["attempts"]
    ]
    print_states(states + _skipped(trace))
    _print_learned(console, trace)


def _print_learned(console: "Console", decision: JsonObject) -> None:
    for sentence in decision.get("learned_priors", ()):
        console.print(f"learned: {_plain(sentence)}")


def _skipped(decision: JsonObject) -> list[tuple[str, str, str, str]]:
    return [(_step(skip), "skipped", skip["reason"], "") for skip in decision["skipped"]]


def terminal(*, stderr: bool = False) -> "Console":
    """Return the terminal that this process prints to."""
    from rich.console import Console

    # What a memory holds is shown as it is: no emoji for `:name:`, no colours for what looks like a number.
    # Without colours there is no bold either: https://no-color.org
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return Console(stderr=stderr, highlight=False, emoji=False, color_system=colours)


def _plain(text: str) -> str:
    """Return `text` for a terminal as it is: neither control characters nor markup in it have an effect."""
    from rich.markup import escape

    return escape(visible(text))


def coloured(status: str) -> str:
    """Return the markup of a status: green is good, yellow could be better, red is broken."""
    return f"[{_COLOURS[status]}]{status}[/]"


def _print_result(console: "Console", label: str, result: JsonObject, most_lines: int | None) -> None:
    from rich.text import Text

    place = " ".join(shown(str(result.get("path") or result.get("title") or result["source"])).splitlines())
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
    is_note = str(result.get("path") or "").lower().endswith(NOTES)
    content = unbroken(result["content"]) if is_note else result["content"]
    texts = [Text(visible(text)) for text in content.splitlines() if text.strip()]
    lines = [wrapped for text in texts for wrapped in text.wrap(console, width)]
    for position, text in enumerate(lines[:most_lines], 1):
        is_cut = position == most_lines and len(lines) > position
        console.print(Text.assemble(_INDENT, text, " …" if is_cut else ""), overflow="ellipsis", no_wrap=True)


def _step(step: JsonObject) -> str:
    return f"{step['backend']}:{step['mode']}" if step["mode"] else str(step["backend"])
