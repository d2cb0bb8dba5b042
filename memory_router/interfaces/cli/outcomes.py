"""`memory-router outcomes`: record what became of suggestions, find it again in layers, compact what is old."""

import json
from typing import Annotated, Any

import typer

from memory_router.contract import JsonObject
from memory_router.errors import AdviceError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_members, print_table
from memory_router.learning.account import account
from memory_router.outcomes.compaction import KEPT_DAYS, Compacted
from memory_router.outcomes.memory import OutcomeMemory, open_outcomes
from memory_router.outcomes.retrieval import Layer, OutcomesAnswer, read
from memory_router.outcomes.search import OutcomeSelection
from memory_router.outcomes.store import Recorded

outcomes = typer.Typer(
    name="outcomes", no_args_is_help=True, help="Record what became of suggestions, and find it again."
)

User = Annotated[str | None, typer.Option("--user", help="Whose; your account if left out.")]
LayerOption = Annotated[
    Layer, typer.Option(help="How much to tell of each: about 50 tokens, 200, or everything that is kept.")
]
Types = Annotated[list[str] | None, typer.Option("--types", help="Only this type, such as add_topic; repeatable.")]
Outcomes = Annotated[list[str] | None, typer.Option("--outcomes", help="Only what ended so; repeatable.")]
Evidence = Annotated[str | None, typer.Option(help="What speaks for it, as JSON.")]
ConfigBefore = Annotated[
    str | None, typer.Option("--config-before", help="The configuration when it was suggested, as JSON.")
]
ConfigAfter = Annotated[str | None, typer.Option("--config-after", help="The configuration afterwards, as JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="List at most this many.")]


@outcomes.callback()
def _group() -> None:
    """Record what became of suggestions, and find it again: profiles and advice are made of it."""


@outcomes.command()
def suggest(
    type_: Annotated[str, typer.Option("--type", help="What kind of change: add_topic, or any lower-case name.")],
    value: Annotated[str, typer.Option(help="What the change is about, such as a topic.")],
    reason: Annotated[str, typer.Option(help="Why it is suggested.")] = "",
    evidence: Evidence = None,
    config_before: ConfigBefore = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Keep a suggestion of your application until it is decided.

    Example: memory-router outcomes suggest --type add_topic --value kubernetes --evidence '{"read": 14}'
    """
    with open_outcomes() as advice:
        made = advice.suggest(
            user or account(),
            type_,
            value,
            reason=reason,
            evidence=_decoded(evidence),
            config_before=_decoded(config_before),
        )
    told = f"Suggestion {made.suggestion_id} waits; then: memory-router outcomes decide {made.suggestion_id} accepted"
    output.show(made._asdict(), told, as_json=as_json)


@outcomes.command()
def decide(
    suggestion_id: Annotated[int, typer.Argument(help="The suggestion's id, as `suggest` printed it.")],
    outcome: Annotated[str, typer.Argument(help="accepted, rejected, expired or superseded.")],
    reason: Annotated[str | None, typer.Option(help="Why, in the user's words.")] = None,
    config_after: ConfigAfter = None,
    as_json: AsJson = False,
) -> None:
    """Close a suggestion, and record what became of it.

    Example: memory-router outcomes decide 7 rejected --reason "too noisy"
    """
    with open_outcomes() as advice:
        recorded = advice.decide(suggestion_id, outcome, reason=reason, config_after=_decoded(config_after))
    _tell(advice)
    _print_recorded(recorded, as_json=as_json)


@outcomes.command()
def record(
    type_: Annotated[str, typer.Option("--type", help="What kind of change: add_topic, or any lower-case name.")],
    value: Annotated[str, typer.Option(help="What the change was about, such as a topic.")],
    outcome: Annotated[str, typer.Option(help="accepted, rejected, expired or superseded.")],
    reason: Annotated[str | None, typer.Option(help="Why, in the user's words.")] = None,
    evidence: Evidence = None,
    config_before: ConfigBefore = None,
    config_after: ConfigAfter = None,
    user: User = None,
    key: Annotated[str | None, typer.Option(help="Tells it from others: the same key is recorded once.")] = None,
    at: Annotated[str | None, typer.Option(help="When it was decided, ISO 8601; now if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record what became of a suggestion, and update the profile.

    Example: memory-router outcomes record --type reduce_source --value theverge --outcome rejected
    """
    with open_outcomes() as advice:
        recorded = advice.record(
            user or account(),
            type_,
            value,
            outcome,
            reason=reason,
            config_before=_decoded(config_before),
            config_after=_decoded(config_after),
            evidence=_decoded(evidence),
            decided_at=at,
            key=key,
        )
    _tell(advice)
    _print_recorded(recorded, as_json=as_json)


@outcomes.command("list")
def list_(
    layer: LayerOption = "search",
    types: Types = None,
    ended: Outcomes = None,
    limit: Limit = 20,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """List what became of suggestions, the newest first.

    Example: memory-router outcomes list --types reduce_source --outcomes rejected
    """
    _show(layer, _wanted(user, types, ended, limit), "", [], as_json=as_json)


@outcomes.command()
def search(
    text: Annotated[str, typer.Argument(help="What they are about, in any words.")],
    layer: LayerOption = "search",
    types: Types = None,
    ended: Outcomes = None,
    limit: Limit = 20,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Find outcomes of similar suggestions, by meaning and by tags.

    Example: memory-router outcomes search "reducing sources"
    """
    _show(layer, _wanted(user, types, ended, limit), text, [], as_json=as_json)


@outcomes.command()
def show(
    ids: Annotated[list[int], typer.Argument(min=1, help="Ids of outcomes, as `list` and `search` name them.")],
    layer: LayerOption = "detail",
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Show outcomes in full, or what surrounded them.

    Example: memory-router outcomes show 42 38 --layer timeline
    """
    _show(layer, _wanted(user, None, None, len(ids)), "", ids, as_json=as_json)


@outcomes.command()
def compact(
    user: Annotated[str | None, typer.Option("--user", help="Whose; everybody's if left out.")] = None,
    days: Annotated[int, typer.Option(min=1, help="For how many days outcomes stay as they are.")] = KEPT_DAYS,
    after: Annotated[int, typer.Option(min=1, help="How many old outcomes of a user are worth it.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Move details of old outcomes to an archive.

    Evidence, configurations and reasons move; profiles stay as they are.

    It also runs automatically once 100 outcomes of a user are older than 30 days.

    Example: memory-router outcomes compact --dry-run
    """
    with open_outcomes() as advice:
        compaction = advice.compaction(kept_days=days, after=after)
        users = [name for name in ([user] if user else compaction.users()) if compaction.is_due(name)]
        reports = [compaction.preview(name) if dry_run else compaction.run(name) for name in users]
    told = (
        "\n".join(_compacted(report, dry_run=dry_run) for report in reports) or "Nothing is old enough to be compacted."
    )
    output.show({"compacted": [report._asdict() for report in reports], "dry_run": dry_run}, told, as_json=as_json)


def _print_recorded(found: Recorded, *, as_json: bool) -> None:
    if found.is_new:
        told = [f"Recorded as outcome {found.outcome_id}."]
        told += [f"{pattern} holds now." for pattern in found.emerged]
        told += [f"{pattern} holds no longer." for pattern in found.ended]
    else:
        told = [f"It was recorded before, as outcome {found.outcome_id}; --key or --at tells another one apart."]
    output.show(found._asdict(), "\n".join(told), as_json=as_json)


def _compacted(found: Compacted, *, dry_run: bool) -> str:
    done = "would be compacted" if dry_run else f"were compacted into {', '.join(found.archives)}"
    return f"{found.user_id}: {found.outcomes} outcomes ({found.characters / 1024:.0f} KB) {done}"


def _wanted(user: str | None, types: list[str] | None, ended: list[str] | None, limit: int) -> OutcomeSelection:
    return OutcomeSelection(user or account(), tuple(types or ()), tuple(ended or ()), limit)


def _show(layer: Layer, wanted: OutcomeSelection, text: str, ids: list[int], *, as_json: bool) -> None:
    with open_outcomes() as advice:
        answer = read(advice.database, layer, wanted, text=text, ids=ids)
    if answer.note:
        output.note(f"memory-router: {answer.note}")
    output.show({"layer": layer, "outcomes": answer.results}, lambda: _print(layer, answer), as_json=as_json)


def _print(layer: Layer, answer: OutcomesAnswer) -> None:
    if not answer.results:
        print("No outcome is recorded that matches this.")
        return
    if layer == "search":
        rows = [(result["id"], result["snippet"], _ago(result), f"{result['score']:.2f}") for result in answer.results]
        print_table(("id", "outcome", "when", "score"), rows)
        return
    for result in answer.results:
        print_members({name: None if value is None else _cell(value) for name, value in result.items()})
        print()


def _ago(result: JsonObject) -> str:
    return f"{result['days_ago']} days ago"


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _decoded(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AdviceError(f"This is not JSON: {error}.", "Write it like '{\"like_rate\": 0.35}'.") from error


def _tell(advice: OutcomeMemory) -> None:
    for note in advice.notes:
        output.note(f"memory-router: {note}")
