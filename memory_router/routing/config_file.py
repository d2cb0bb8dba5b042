"""Read `router-config.json`.

The bundled file is proved valid by the test suite and is built as it stands. A user's file is checked first by
`config_schema`, whose import costs as much as a whole query does; the ask path pays for it only then.
"""

import json
import os
from typing import Any

from memory_router import paths
from memory_router.errors import ConfigError
from memory_router.routing.config import (
    KEYS,
    CircuitBreaking,
    Config,
    Deadlines,
    Hooks,
    Learning,
    Signal,
    Step,
    TableRule,
)


def load(file: str | None = None) -> Config:
    """Read the configuration in `file`, by default the one in force.

    Raises:
        ConfigError: the file cannot be read or breaks the schema; the cause names file, place, value and what
            is allowed there.
    """
    file = file or paths.config_file()
    if is_bundled(file):
        return build(read(file), file)
    from memory_router.routing import config_schema

    body = completed(read(file))
    config_schema.validate(body, file)
    return build(body, file)


def completed(body: Any, bundled: Any = None) -> Any:
    """Return a user's configuration with what it leaves out, as the bundled one has it.

    Objects are completed member by member. `rules` that end in a default rule (one with `"signals": []`) are the whole
    table. Other `rules` change the bundled table: a rule with a known `id` and a signal with a known `name` are
    completed, new ones are added, rules in front of the default rule.

    Args:
        body: the JSON of the user's file.
        bundled: the JSON that completes it, if it is another one than that of the bundled file.
    """
    if not isinstance(body, dict):
        return body
    bundled = bundled or read(paths.bundled(_NAME))
    if _is_table(body.get("rules")):
        # Words of other languages speak for the bundled rules; whoever writes all rules says whether they shall.
        bundled |= {"rules": body["rules"], "languages": []}
    return _completed(bundled, body)


def _is_table(rules: Any) -> bool:
    return isinstance(rules, list) and bool(rules) and isinstance(rules[-1], dict) and rules[-1].get("signals") == []


def _completed(bundled: Any, own: Any, member: str = "") -> Any:
    if isinstance(bundled, dict) and isinstance(own, dict):
        return bundled | {name: _completed(bundled.get(name), value, name) for name, value in own.items()}
    key = KEYS.get(member)
    if key is None or bundled == own or not isinstance(own, list) or not all(isinstance(entry, dict) for entry in own):
        return own
    changed = {entry.get(key): entry for entry in own}
    known = [entry[key] for entry in bundled]
    kept = [_completed(entry, changed.get(entry[key], {})) for entry in bundled]
    added = [entry for entry in own if entry.get(key) not in known]
    return [*kept[:-1], *added, kept[-1]] if member == "rules" else [*kept, *added]


_NAME = "router-config.json"


def is_bundled(file: str) -> bool:
    """Return whether `file` is the one that ships with the program."""
    return os.path.realpath(file) == os.path.realpath(paths.bundled(_NAME))


def read(file: str) -> Any:
    """Return the JSON in `file`.

    Raises:
        ConfigError: the file cannot be read or is not JSON.
    """
    try:
        with open(file, "rb") as stream:
            return json.loads(stream.read())
    except OSError as error:
        raise ConfigError(
            f"{paths.shown(file)} cannot be read ({error.strerror}).", "Check its name and permissions."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{paths.shown(file)} is not JSON ({error}).",
            "Correct it there; `memory-router backends config check FILE` says when it is right.",
        ) from error


def build(body: dict[str, Any], file: str) -> Config:
    """Build the configuration from JSON that is known to be valid."""
    deadlines, breaking = body["deadlines"], body["circuit_breaker"]
    return Config(
        file,
        is_bundled(file),
        body["fallback_threshold"],
        body.get("fallback_delay_ms"),
        body["signal_timeout_ms"],
        Deadlines(deadlines["default_ms"], deadlines.get("total_ms"), deadlines.get("backends", {})),
        CircuitBreaking(breaking["failures"], breaking["cooldown_ms"]),
        body.get("strategy", "in_turn"),
        frozenset(body.get("all", {}).get("include", ())),
        {tier: tuple(names) for tier, names in body["tiers"].items()},
        tuple(body.get("languages", ())),
        tuple(_rule(rule) for rule in body["rules"]),
        _learning(body),
        Hooks(**body.get("hooks", {})),
        body.get("resident", "auto"),
    )


def _learning(body: dict[str, Any]) -> Learning:
    executions, approvals, llm = (body.get(name, {}) for name in ("executions", "approvals", "llm_routing"))
    settings = {
        "mode": body.get("learning"),
        "similarity_threshold": body.get("similarity_threshold"),
        "confidence_threshold": body.get("confidence_threshold"),
        "record": executions.get("record"),
        "shadow": executions.get("shadow"),
        "learn_every": executions.get("learn_every"),
        "retention_days": executions.get("retention_days"),
        "approval_minutes": approvals.get("expire_after_minutes"),
        "llm_cost_usd": llm.get("cost_usd"),
        "llm_duration_ms": llm.get("duration_ms"),
    }
    return Learning(**{name: value for name, value in settings.items() if value is not None})


def _rule(rule: dict[str, Any]) -> TableRule:
    signals = tuple(_signal(signal) for signal in rule["signals"])
    return TableRule(
        rule["id"],
        rule["number"],
        Step.parse(rule["primary"]),
        _steps(rule["fallback"]),
        signals,
        rule.get("priors", {}),
    )


def _signal(signal: dict[str, Any]) -> Signal:
    own = signal.get("fallback")
    return Signal(
        signal["name"],
        signal["strength"] == "strong",
        tuple(signal.get("phrases") or ()),
        signal.get("pattern"),
        signal.get("kind"),
        None if own is None else _steps(own),
    )


def _steps(texts: list[str]) -> tuple[Step, ...]:
    return tuple(Step.parse(text) for text in texts)
