"""`memory-router rules`: rules that override the table, written by people or learned."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from memory_router import app, paths
from memory_router.contract import iso_time
from memory_router.errors import RuleError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson, Yes, confirm
from memory_router.interfaces.cli.tables import print_entries, print_members, print_table
from memory_router.learning.account import account
from memory_router.learning.gate import own_rule_cache
from memory_router.learning.overrides import OverrideRules
from memory_router.learning.rule import OverrideRule
from memory_router.learning.stores import open_stores
from memory_router.routing import config_file
from memory_router.routing.config import Step
from memory_router.routing.registry import read_manifests

rules = typer.Typer(name="rules", no_args_is_help=True, help="Write rules of your own, and approve learned ones.")

Id = Annotated[str, typer.Argument(help="The rule's id, as `rules list` prints it.")]
To = Annotated[
    list[str] | None, typer.Option("--to", help="BACKEND or BACKEND:MODE; repeat it for what comes after, in order.")
]
By = Annotated[str | None, typer.Option("--by", help="Who says so; your account if left out.")]
NeedsApproval = Annotated[
    bool | None,
    typer.Option("--requires-approval/--no-approval", help="Whether somebody has to approve each question."),
]
Escalate = Annotated[
    bool | None, typer.Option("--escalate/--no-escalate", help="Whether somebody above the operator has to.")
]


@rules.callback()
def _group() -> None:
    """Write rules of your own, which come before the rule table, and approve what was learned."""


@rules.command()
def add(
    pattern: Annotated[str, typer.Argument(help="A request as people ask it; what means the same is taken, too.")],
    to: To = None,
    regex: Annotated[bool, typer.Option("--regex", help="PATTERN is a regular expression.")] = False,
    requires_approval: NeedsApproval = None,
    escalate: Escalate = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Write a rule of your own, which routes at once.

    It comes before learned rules and the rule table.

    Example: memory-router rules add "process payroll PDFs" --to qmd:search --to totalrecall
    """
    with open_stores() as stores:
        rule = stores.rules.add(
            pattern,
            _known(to or []),
            created_by=by or account(),
            account=account(),
            kind="regex" if regex else "text",
            requires_approval=bool(requires_approval or escalate),
            governance_check={"requires_operator_approval": True, "escalation_required": True} if escalate else None,
        )
    _print(rule, "was added", as_json=as_json)


@rules.command()
def edit(
    rule_id: Id,
    pattern: Annotated[str | None, typer.Option(help="Another pattern.")] = None,
    to: To = None,
    requires_approval: NeedsApproval = None,
    escalate: Escalate = None,
    as_json: AsJson = False,
) -> None:
    """Change a rule.

    Example: memory-router rules edit 20addd96 --to totalrecall
    """
    changes: dict[str, Any] = {}
    if pattern is not None:
        changes["request_pattern"] = pattern
    if to:
        first, *others = _known(to)
        changes.update(recommended_system_id=first, alternative_systems=tuple(others))
    if requires_approval is not None:
        changes["requires_approval"] = requires_approval
    if escalate is not None:
        changes["governance_check"] = {"escalation_required": escalate}
        changes.setdefault("requires_approval", True)
    if not changes:
        raise RuleError("Nothing is to be changed.", "Say what: --pattern, --to, --requires-approval or --escalate.")
    with open_stores() as stores:
        _let_a_person_change(stores.rules.get(rule_id))
        rule = stores.rules.edit(rule_id, account(), **changes)
    _print(rule, "was changed", as_json=as_json)


@rules.command()
def approve(rule_id: Id, by: By = None, as_json: AsJson = False) -> None:
    """Put a learned or disabled rule in force, whatever its confidence.

    Example: memory-router rules approve d9a87292 --by katie@example.com
    """
    _set_state(rule_id, "approved", by or account(), as_json=as_json)


@rules.command()
def reject(rule_id: Id, by: By = None, as_json: AsJson = False) -> None:
    """Refuse a learned rule for good.

    It routes nothing and is not proposed again.

    Example: memory-router rules reject d9a87292
    """
    _set_state(rule_id, "rejected", by or account(), as_json=as_json)


@rules.command()
def disable(rule_id: Id, as_json: AsJson = False) -> None:
    """Switch a rule off until it is approved again.

    Example: memory-router rules disable 20addd96
    """
    _set_state(rule_id, "disabled", None, as_json=as_json)


@rules.command()
def remove(rule_id: Id, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete a rule.

    A learned one may be learned again; `reject` refuses it for good.

    Example: memory-router rules remove 20addd96 --yes
    """
    with open_stores() as stores:
        rule = stores.rules.get(rule_id)
        _let_a_person_change(rule)
        confirm(f"Delete the rule for {output.visible(rule.request_pattern)!r}?", yes=yes)
        stores.rules.remove(rule_id)
    _print(rule, "was removed", as_json=as_json)


@rules.command("list")
def list_(as_json: AsJson = False) -> None:
    """List your own rules, then learned ones.

    Example: memory-router rules list --json
    """
    with open_stores() as stores:
        listed = stores.rules.all()
    entries = [
        (
            (
                *(rule.id, "learned" if rule.auto_generated else "manual", rule.state),
                f"confidence {rule.confidence_score:.2f}",
                "" if rule.success_rate is None else f"{rule.success_rate:.0%} of {rule.based_on_executions} succeeded",
            ),
            f"{rule.request_pattern} > {' > '.join((rule.recommended_system_id, *rule.alternative_systems))}",
        )
        for rule in listed
    ]
    none = "No rule of your own and none that was learned. Write one: memory-router rules add --help"
    output.show({"rules": [_as_object(rule) for rule in listed]}, lambda: print_entries(entries, none), as_json=as_json)


@rules.command()
def show(rule_id: Id, as_json: AsJson = False) -> None:
    """Show one rule with its evidence.

    Example: memory-router rules show d9a87292
    """
    with open_stores() as stores:
        rule = stores.rules.get(rule_id)
    told = _as_object(rule)
    output.show(told, lambda: print_members(told), as_json=as_json)


@rules.command("test")
def try_question(
    text: Annotated[str, typer.Argument(help="A question.")],
    as_json: AsJson = False,
) -> None:
    """Show which of these rules would take a question.

    Example: memory-router rules test "handle the payroll files"
    """
    config = config_file.load()
    with open_stores() as stores:
        stores.rules.refresh_cache()
        near = stores.rules.similar(text)[:5]
    match = OverrideRules(own_rule_cache(), config.learning, config.signal_timeout_ms).match(text)
    taken = match.routing_rule.id if match and match.routing_rule else None
    rows = [
        {
            "id": rule.id,
            "similarity": round(similarity, 4),
            "request_pattern": rule.request_pattern,
            "state": rule.state,
        }
        for similarity, rule in near
    ]

    def draw() -> None:
        output.say(
            f"Rule {taken} takes it."
            if taken
            else "No rule of your own and no learned one takes it; the rule table decides."
        )
        if rows:
            print_table(("id", "similarity", "pattern", "state"), [tuple(row.values()) for row in rows])

    output.show({"query": text, "taken_by": taken, "similar": rows}, draw, as_json=as_json)


def _set_state(rule_id: str, state: str, by: str | None, *, as_json: bool) -> None:
    with open_stores() as stores:
        _let_a_person_change(stores.rules.get(rule_id))
    rule = app.improving.set_rule_state(
        rule_id, state, by, lambda: output.note("Another process is learning or deciding; waiting for it.")
    )
    _print(rule, f"is {state}", as_json=as_json)


def _let_a_person_change(rule: OverrideRule) -> None:
    """Refuse to weaken a rule that guards questions, except for a person at a terminal.

    Raises:
        RuleError: nobody is at one.
    """
    if rule.requires_approval:
        output.require_person(f"Rule {rule.id} guards questions. It is changed")


def _print(rule: OverrideRule, what: str, *, as_json: bool) -> None:
    told = f"Rule {rule.id} {what}: {rule.request_pattern} > {rule.recommended_system_id}"
    output.show(_as_object(rule), told, as_json=as_json)


def _as_object(rule: OverrideRule) -> dict[str, Any]:
    times = {"created_at": iso_time(rule.created_at), "updated_at": iso_time(rule.updated_at)}
    return {**rule._asdict(), **times}


def _known(steps: Sequence[str]) -> list[str]:
    """Return the steps if there are such backends and modes.

    Raises:
        RuleError: there is no such backend or mode.
    """
    manifests, _ = read_manifests(paths.backend_folders())
    for text in steps:
        step = Step.parse(text)
        manifest = manifests.get(step.backend)
        if manifest is None:
            raise RuleError(f"There is no backend {step.backend!r}.", f"Choose one of: {', '.join(sorted(manifests))}.")
        if step.mode and step.mode not in manifest.modes:
            modes = ", ".join(manifest.modes) or "none"
            raise RuleError(f"{step.backend} has no mode {step.mode!r}.", f"Its modes are: {modes}.")
    return list(steps)
