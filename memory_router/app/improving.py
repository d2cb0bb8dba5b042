"""Improve: learn, dream and suggest; every decision is carried out here and recorded as an outcome."""

import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from memory_router import paths
from memory_router.advisor import folders, rule_proposals, step_order
from memory_router.advisor.advisor import Advisor, Settled
from memory_router.advisor.appliers import Folders, Targets
from memory_router.advisor.proposal import Proposal, Silence, decoded
from memory_router.app import accesses, indexing, remembering, shadowing
from memory_router.learning.account import account
from memory_router.learning.amendments import Amendment, AmendmentStore
from memory_router.learning.dreams import Cycle, DreamStore, Route, dream
from memory_router.learning.execution import COMPOUND
from memory_router.learning.gate import own_rule_cache
from memory_router.learning.learner import Lesson
from memory_router.learning.learner import learn as learn_from
from memory_router.learning.overrides import OverrideRules
from memory_router.learning.own_config import OwnConfig
from memory_router.learning.priors import PriorEvidence, weigh
from memory_router.learning.rule import OverrideRule
from memory_router.learning.stores import LearningStores, open_stores
from memory_router.learning.votes import votes
from memory_router.outcomes.memory import OutcomeMemory, open_outcomes
from memory_router.outcomes.suggestions import Suggestion
from memory_router.outcomes.validation import clean_value
from memory_router.routing.config import Config, Learning
from memory_router.routing.routes import Routes
from memory_router.routing.rules import RuleTable
from memory_router.storage.files import exclusive

# The newest questions say most about the sources as they are now.
_MOST = 2000
# What was dreamt of an older configuration says little about the present one.
_DREAMT_DAYS = 30
# The newest executions say most about the machine as it is now.
_MOST_REPLAYED = 10_000
# As what kind of suggestion a person's word about a learned rule is recorded, and with what outcome.
_RULE_DECISIONS = {
    "approved": ("approve_rule", "accepted"),
    "rejected": ("approve_rule", "rejected"),
    "disabled": ("disable_rule", "accepted"),
}


class Improving(NamedTuple):
    """What a decision needs: the stores, who advises, and what is changed."""

    stores: LearningStores
    outcomes: OutcomeMemory
    advisor: Advisor
    targets: Targets
    config: OwnConfig


class Advice(NamedTuple):
    """What waits for a decision, and what does not.

    Args:
        suggestions: what waits, the strongest first.
        notes: remarks.
        settled: suggestions that were closed without a decision.
        silent: suggestions that are held back in spite of their evidence, and why.
    """

    suggestions: list[Suggestion]
    notes: list[str]
    settled: list[Settled]
    silent: list[Silence]


@contextmanager
def opened() -> Iterator[Improving]:
    """Open everything that a decision of this user needs."""
    with open_stores() as stores, open_outcomes() as outcomes:
        config = OwnConfig(paths.own_config_file(), paths.bundled("router-config.json"))
        targets = _targets(stores, config, account())
        yield Improving(stores, outcomes, Advisor(outcomes, targets, account()), targets, config)


def deciding(waiting: Callable[[], None]) -> AbstractContextManager[None]:
    """Lock the rules for a decision, so that nothing is learned meanwhile.

    Args:
        waiting: called when another process holds it.
    """
    return exclusive(f"{paths.executions_spool()}.learning", waiting)


def suggest(waiting: Callable[[], None]) -> Advice:
    """Close what nobody has to decide any more, suggest what evidence supports, and return all that waits.

    Args:
        waiting: called when another process decides or learns.
    """
    with deciding(waiting), opened() as improving:
        settled = improving.advisor.settle()
        proposals, kept_back, notes = _proposals(improving)
        suggestions, silent = improving.advisor.advise(proposals)
        return Advice(suggestions, notes, settled, [*silent, *kept_back])


def learn(waiting: Callable[[], None]) -> tuple[Lesson, str]:
    """Turn what was asked into rules, and suggest those that are sure enough; return the lesson and the mode.

    Where learning is `on` the router accepts its own rules; each can be undone like any other suggestion.

    Args:
        waiting: called when another process decides or learns.
    """
    accesses.count(remembering.work_with)
    with deciding(waiting), opened() as improving:
        stores = improving.stores
        stores.executions.purge(stores.config.learning.retention_days)
        shadowing.ask_again(stores)
        lesson = learn_from(stores.executions, stores.rules, stores.config)
        # In a team's database, others may have approved rules meanwhile.
        stores.rules.refresh_cache()
        proposals = rule_proposals.of_rules(stores.rules.all(), stores.config)
        proposals += _about_priors(stores)
        for_people = _for_people(proposals, stores)
        _accept_own(improving, [proposal for proposal in proposals if proposal not in for_people])
        improving.advisor.advise(for_people)
        return lesson, stores.config.learning.mode


def propose_dream(improving: Improving, cycle: Cycle) -> Suggestion | Silence | None:
    """Suggest what a dream found, and return the suggestion, or why it is kept back; None where it is in force."""
    proposals = rule_proposals.of_dream(cycle, improving.config, improving.stores.config)
    suggestions, kept_back = improving.advisor.advise(proposals)
    about = {proposal.value for proposal in proposals}
    made = next((suggestion for suggestion in suggestions if suggestion.suggestion_value in about), None)
    return made or next(iter(kept_back), None)


def dreamt(stores: LearningStores) -> Cycle:
    """Replay what this user asked under other thresholds, and return what came of it."""
    now = time.time()
    # Durations are this machine's and the thresholds this user's: what others asked says nothing about them.
    own = [execution for execution in stores.executions.newest(_MOST_REPLAYED) if execution.asked_by == account()]
    cycle = dream(own, stores.config, _route(stores.config), DreamStore(stores.database).next_id(now), now)
    # In a team's database the dreams of others say nothing about this machine.
    return cycle._replace(test_results={**cycle.test_results, "dreamt_by": account()})


def amendments(stores: LearningStores) -> AmendmentStore:
    """Return the settings that dreams changed in this user's configuration."""
    return AmendmentStore(stores.database, paths.own_config_file(), paths.bundled("router-config.json"), account())


def revert_amendment(amendment_id: str, waiting: Callable[[], None]) -> Amendment:
    """Put back what stood there before an amendment; its suggestion is undone once all that it changed is back.

    Args:
        amendment_id: the amendment.
        waiting: called when another process decides or learns.
    """
    with deciding(waiting), opened() as improving:
        reverted = amendments(improving.stores).revert(amendment_id)
        improving.advisor.follow_revert(reverted.setting)
        return reverted


def set_rule_state(rule_id: str, state: str, by: str | None, waiting: Callable[[], None]) -> OverrideRule:
    """Approve, reject or disable a rule; for a learned one that is a decision, and recorded as such.

    Args:
        rule_id: the rule.
        state: what it is from now on.
        by: who says so.
        waiting: called when another process decides or learns.
    """
    with deciding(waiting), opened() as improving:
        before = improving.stores.rules.get(rule_id)
        rule = improving.stores.rules.set_state(rule_id, state, by)
        if rule.auto_generated and rule.state != before.state:
            kind, outcome = _RULE_DECISIONS[state]
            improving.advisor.record(rule_proposals.of_decision(kind, before, state), outcome)
        return rule


def waiting_sentence() -> str | None:
    """Return one line about the changes of the router that wait for this user, or None where none does."""
    with open_outcomes() as outcomes:
        # An application's suggestions wait for the application, which asks its user itself.
        count = sum(bool(decoded(waiting.change)) for waiting in outcomes.suggestions.pending(account()))
    if not count:
        return None
    return f"{count} suggestion{'s wait' if count > 1 else ' waits'} for you: memory-router suggestions list"


def _for_people(proposals: list[Proposal], stores: LearningStores) -> list[Proposal]:
    """Return the proposed rules that a person must accept: where learning is `on`, only the guards."""
    if stores.config.learning.mode != "on":
        return proposals
    guards = {rule.id for rule in stores.rules.all() if rule.requires_approval}
    return [proposal for proposal in proposals if proposal.value in guards]


def _accept_own(improving: Improving, proposals: list[Proposal]) -> None:
    """Carry out the router's own proposals, since the user said so: `learning: on`."""
    targets = _targets(improving.stores, improving.config, "auto")
    advisor = Advisor(improving.outcomes, targets, account(), is_automatic=True)
    advisor.withdraw(proposals)  # a run that was interrupted left it waiting
    # Only a few wait at the same time, so one batch after the other is accepted.
    while suggestions := advisor.advise(proposals)[0]:
        for suggestion in suggestions:
            advisor.accept(suggestion.suggestion_id)
        accepted = {(suggestion.suggestion_type, suggestion.suggestion_value) for suggestion in suggestions}
        proposals = [proposal for proposal in proposals if (proposal.type, clean_value(proposal.value)) not in accepted]


def _targets(stores: LearningStores, config: OwnConfig, by: str) -> Targets:
    indexed = Folders(indexing.roots, _index, _forget)
    return Targets(config, amendments(stores), stores.rules, stores.priors, indexed, by)


def _about_priors(stores: LearningStores) -> list[Proposal]:
    """Return what people's votes would change about the priors of the table's rules."""
    evidence = prior_evidence(stores)
    return rule_proposals.of_priors(evidence, stores.priors.in_force(), stores.config)


def prior_evidence(stores: LearningStores) -> list[PriorEvidence]:
    """Return how useful each backend's results were for the questions of each rule."""
    since = stores.priors.counted_since()
    counted = votes(stores.executions.judged(since), stores.executions.marks(), stores.config, stores.shadows.all())
    return weigh(counted, time.time())


def reset_priors(waiting: Callable[[], None]) -> int:
    """Take every learned prior out of force, count only votes from now on, and return how many there were."""
    with deciding(waiting), open_stores() as stores:
        return stores.priors.reset()


def _route(config: Config) -> Route:
    """Return what routes a request as the router would, under other thresholds of learned rules."""
    table = RuleTable(config)

    @functools.cache
    def routes(learning: Learning) -> Routes:
        return Routes(OverrideRules(own_rule_cache(), learning, config.signal_timeout_ms), table)

    @functools.cache
    def route(request: str, learning: Learning) -> tuple[str, ...]:
        return tuple(map(str, routes(learning).match(request).steps))

    return route


def _index(folder: str) -> None:
    indexing.index([folder])


def _forget(folder: str) -> None:
    indexing.remove([folder])


def _proposals(improving: Improving) -> tuple[list[Proposal], list[Silence], list[str]]:
    """Return the changes that evidence supports, those that are held back, and remarks."""
    stores = improving.stores
    # How the sources behave here is not what others of a team see.
    executions = [
        execution
        for execution in stores.executions.newest(_MOST)
        if execution.asked_by == account() and execution.source != COMPOUND
    ]
    rules = stores.rules.all()
    cycle = DreamStore(stores.database).latest(account(), time.time() - _DREAMT_DAYS * 86_400)
    proposals = [
        *step_order.proposals(executions, stores.config),
        *_for_people(rule_proposals.of_rules(rules, stores.config), stores),
        *_for_people(_about_priors(stores), stores),
        *rule_proposals.of_dream(cycle, improving.config, stores.config),
        *rule_proposals.of_patterns(paths.learned_patterns_file(), paths.claude_code_dir()),
        *folders.proposals(executions, indexing.roots(), os.path.expanduser("~")),
    ]
    return proposals, rule_proposals.kept_back(rules, cycle, stores.config), step_order.notes(executions, stores.config)
