"""Find what is valid in a rule table and yet cannot be meant."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import regex

from memory_router.routing.config import Config, Signal, Step, TableRule
from memory_router.routing.patterns import compile_pattern
from memory_router.routing.registry import Manifest
from memory_router.routing.rules import RuleTable

_FILLERS = (" ", "a", "A", "0", "_", "/", "*", ".", "find ", "a b ", "ab_", "Ab", "a/", "a.")
_PROBE_CHARACTERS = 4000


class LintFinding(NamedTuple):
    """One thing that is wrong: where, what, and what to do."""

    place: str
    problem: str
    fix: str


def lint(config: Config, manifests: Mapping[str, Manifest], examples: Mapping[str, list[str]]) -> list[LintFinding]:
    """Return what is wrong with a valid configuration.

    Args:
        config: the configuration.
        manifests: the backends that are there.
        examples: by rule id, questions that the rule must take.
    """
    slow = _slow_patterns(config)
    return [
        *_unknown_backends(config, manifests),
        *slow,
        *_unreachable(config),
        *([] if slow else _lost_examples(config, examples)),
    ]


def probes(pattern: str) -> list[str]:
    """Return texts that make a badly written pattern run long: repetitions of what it is written with."""
    own = dict.fromkeys(char for char in pattern if char.isalnum())
    words = regex.findall(r"[A-Za-z]{2,}", pattern)[:5]
    repeated = [*_FILLERS, *list(own)[:12], *words, *(f"{word} " for word in words)]
    return [text * (_PROBE_CHARACTERS // len(text)) + end for text in repeated for end in ("", "!", "!\u2603")]


def _slow_patterns(config: Config) -> list[LintFinding]:
    return [
        LintFinding(
            f"rule {rule.id}, signal {signal.name}",
            f"runs longer than {config.signal_timeout_ms} ms on {slow[:12]!r}... ({len(slow):,} characters)",
            "Avoid nested repetition such as `(a+)+`; a slow pattern is passed over when a question makes it so.",
        )
        for rule, signal in _signals(config)
        if signal.pattern and (slow := _slow_probe(signal.pattern, config.signal_timeout_ms / 1000))
    ]


def _slow_probe(pattern: str, seconds: float) -> str | None:
    compiled = compile_pattern(pattern, "a signal")
    for text in probes(pattern):
        try:
            compiled.search(text, timeout=seconds)
        except TimeoutError:
            return text
    return None


def _unknown_backends(config: Config, manifests: Mapping[str, Manifest]) -> list[LintFinding]:
    named: list[tuple[str, Step]] = []
    for rule in config.rules:
        named += [(f"rule {rule.id}", step) for step in rule.steps(None)]
        named += [
            (f"rule {rule.id}, signal {signal.name}", step) for signal in rule.signals for step in signal.fallback or ()
        ]
    named += [("deadlines.backends", Step.parse(text)) for text in config.deadlines.backends]
    named += [(f"tiers.{tier}", Step(name)) for tier, names in config.tiers.items() for name in names]
    return [finding for place, step in named if (finding := _unknown_step(place, step, manifests))]


def _unknown_step(place: str, step: Step, manifests: Mapping[str, Manifest]) -> LintFinding | None:
    manifest = manifests.get(step.backend)
    if manifest is None:
        return LintFinding(
            place, f"no manifest knows the backend {step.backend}", f"Known: {', '.join(sorted(manifests))}."
        )
    if step.mode and step.mode not in manifest.modes:
        modes = ", ".join(manifest.modes) or "none"
        return LintFinding(place, f"{step.backend} has no mode {step.mode}", f"Its modes: {modes}.")
    return None


def _unreachable(config: Config) -> list[LintFinding]:
    """Find rules all of whose signals come after one that is sure to match whatever they match."""
    problem = "can never match: each of its signals repeats an earlier one or comes after one that matches everything"
    findings = [
        LintFinding(f"rule {rule.id}", problem, "Move the rule up, or narrow the earlier pattern.")
        for rule in config.rules
        if rule.signals and all(_is_shadowed(config, rule, signal) for signal in rule.signals)
    ]
    catch_all = next((rule for rule, signal in _signals(config) if _matches_everything(signal)), None)
    if catch_all:
        findings.append(
            LintFinding(f"rule {catch_all.id}", "has a signal that matches every question", "Narrow its pattern.")
        )
    return findings


def _is_shadowed(config: Config, rule: TableRule, signal: Signal) -> bool:
    if _matches_nothing(signal):
        return True
    for other_rule, other in _in_order(config):
        if other is signal:
            return False
        if other_rule.id != rule.id and (_means_the_same(other, signal) or _matches_everything(other)):
            return True
    return False


def _in_order(config: Config) -> list[tuple[TableRule, Signal]]:
    """Return the signals in the order in which they are tried: the strong ones of all rules, then the weak."""
    return sorted(_signals(config), key=lambda pair: not pair[1].strong)


def _signals(config: Config) -> list[tuple[TableRule, Signal]]:
    return [(rule, signal) for rule in config.rules for signal in rule.signals]


def _means_the_same(first: Signal, second: Signal) -> bool:
    return (first.pattern, first.phrases, first.kind) == (second.pattern, second.phrases, second.kind)


def _matches_everything(signal: Signal) -> bool:
    if signal.pattern is None:
        return False
    # What matches the empty text, and a text that no pattern expects, restricts nothing.
    compiled = compile_pattern(signal.pattern, signal.name)
    return all(compiled.search(text) for text in ("", "\u2603"))


def _matches_nothing(signal: Signal) -> bool:
    """Return whether the pattern contradicts itself where that is plain to see: text before `^`, or after `$`."""
    return bool(signal.pattern and regex.search(r"\(\?!\)|^\\?\w+\^|\$\w+$", signal.pattern))


def _lost_examples(config: Config, examples: Mapping[str, list[str]]) -> list[LintFinding]:
    table = RuleTable(config)
    findings = []
    for rule in config.rules:
        for example in examples.get(rule.id, []):
            taken = table.match(example).rule
            if taken and taken.id != rule.id:
                findings.append(
                    LintFinding(
                        f"rule {rule.id}",
                        f"its example {example!r} is taken by rule {taken.id}",
                        "Change the patterns or the order of the rules until each example is taken by its own rule.",
                    )
                )
    return findings


def examples_of(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the examples that a configuration file gives, by rule id."""
    return {rule["id"]: rule.get("examples", []) for rule in body["rules"]}
