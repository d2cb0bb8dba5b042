"""Check a `router-config.json` and describe it as a JSON Schema, both from the same types.

Only a user's own file and the commands around it come here: the ask path does not import this module for the
bundled file (see `config`).
"""

import difflib
import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from memory_router.errors import ConfigError
from memory_router.paths import shown
from memory_router.routing.config import KEYS, Hooks, Learning
from memory_router.routing.patterns import compile_pattern

_LEARNING, _HOOKS = Learning(), Hooks()
_StepText = Annotated[
    str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]*(:[a-z0-9][a-z0-9_-]*)?$", description="`backend` or `backend:mode`.")
]
_Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]*$", description="Lower case, digits, `_` and `-`.")]
_WORDS = r"[^\s(){}!^|]+(\|[^\s(){}!^|]+)*"
_Phrase = Annotated[
    str, Meta(pattern=rf"^\^?({_WORDS}|\({_WORDS}\))( (!?{_WORDS}|\({_WORDS}\)))*$", description="A phrase.")
]
_Milliseconds = Annotated[int, Meta(ge=1, le=600_000, description="Milliseconds, up to ten minutes.")]


class _Signal(msgspec.Struct, forbid_unknown_fields=True):
    name: _Name
    strength: Annotated[
        Literal["strong", "weak"], Meta(description="Strong signals of all rules are tried before any weak one.")
    ]
    phrases: Annotated[
        list[_Phrase] | None,
        Meta(
            description="Words with spaces between them. `a|b` is one of several, `(a)` may be missing, `a*` begins so,"
            " `...` is up to twelve words, `!a` is any other word, `^a` begins a request."
        ),
    ] = None
    pattern: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="A `regex` expression, case-insensitive unless it says so."),
    ] = None
    kind: Annotated[
        Literal["identifier", "path", "quote", "time"] | None,
        Meta(description="A kind of text: a name of code, a path, words in quotation marks, an expression of time."),
    ] = None
    fallback: Annotated[
        list[_StepText] | None, Meta(description="Steps after the primary, where they differ from the rule's.")
    ] = None


class _Rule(msgspec.Struct, forbid_unknown_fields=True):
    id: _Name
    number: Annotated[int, Meta(ge=1, description="What `--rule` and traces call it; unique.")]
    primary: _StepText
    fallback: list[_StepText]
    signals: Annotated[list[_Signal], Meta(description="Tried in order; the last rule has none and is the default.")]
    priors: Annotated[
        dict[_Name, Annotated[float, Meta(ge=-5, le=5)]],
        Meta(description="Log-odds that strategy `all` adds to the relevance of each backend's results."),
    ] = {}
    rationale: str = ""
    examples: Annotated[
        list[str], Meta(description="Questions that this rule must take; `config check` tries them.")
    ] = []


class _Deadlines(msgspec.Struct, forbid_unknown_fields=True):
    default_ms: _Milliseconds
    total_ms: Annotated[_Milliseconds | None, Meta(description="For all attempts of one question together.")] = None
    backends: Annotated[dict[_StepText, _Milliseconds], Meta(description="By `backend:mode` or by `backend`.")] = {}


class _CircuitBreaker(msgspec.Struct, forbid_unknown_fields=True):
    failures: Annotated[int, Meta(ge=1, description="Timeouts in a row after which a step is skipped.")]
    cooldown_ms: Annotated[int, Meta(ge=0, description="For how long it is skipped before it is tried again.")]


class _Executions(msgspec.Struct, forbid_unknown_fields=True):
    record: Annotated[bool, Meta(description="Whether questions are recorded; `learning: off` records none.")] = True
    shadow: Annotated[
        bool, Meta(description="Whether free backends are asked in the background what another answered poorly.")
    ] = True
    learn_every: Annotated[int, Meta(ge=0, description="Learn after this many executions; 0: only by command.")] = (
        _LEARNING.learn_every
    )
    retention_days: Annotated[int, Meta(ge=1, description="For how many days executions are kept.")] = (
        _LEARNING.retention_days
    )


class _Approvals(msgspec.Struct, forbid_unknown_fields=True):
    expire_after_minutes: Annotated[int, Meta(ge=1, description="For how long one can be given and used.")] = (
        _LEARNING.approval_minutes
    )


class _LlmRouting(msgspec.Struct, forbid_unknown_fields=True):
    cost_usd: Annotated[float, Meta(ge=0, description="What routing one question by an LLM would cost.")] = (
        _LEARNING.llm_cost_usd
    )
    duration_ms: Annotated[int, Meta(ge=0, description="How long that would take.")] = _LEARNING.llm_duration_ms


class _Hooks(msgspec.Struct, forbid_unknown_fields=True):
    prompt: Annotated[bool, Meta(description="Whether memory is looked up for a prompt that needs it.")] = _HOOKS.prompt
    session_end: Annotated[
        bool,
        Meta(description="Whether sessions are imported when they end, or after a question that finds newer ones."),
    ] = _HOOKS.session_end
    tokens: Annotated[
        int, Meta(ge=100, le=10_000, description="The most tokens of results that are put before a prompt.")
    ] = _HOOKS.tokens
    deadline_ms: Annotated[
        int, Meta(ge=50, le=10_000, description="For how many milliseconds a prompt may be held up.")
    ] = _HOOKS.deadline_ms
    session_start: Annotated[bool, Meta(description="Whether a session begins with a brief.")] = _HOOKS.session_start
    session_start_tokens: Annotated[int, Meta(ge=100, le=10_000, description="The most tokens of the brief.")] = (
        _HOOKS.session_start_tokens
    )
    session_start_deadline_ms: Annotated[
        int, Meta(ge=50, le=10_000, description="For how many milliseconds the beginning of a session may be held up.")
    ] = _HOOKS.session_start_deadline_ms
    tool: Annotated[
        bool, Meta(description="Whether what was said about a file or a risky command is recalled before its use.")
    ] = _HOOKS.tool
    tool_tokens: Annotated[
        int, Meta(ge=50, le=10_000, description="The most tokens that are put before a tool's use.")
    ] = _HOOKS.tool_tokens
    tool_deadline_ms: Annotated[
        int, Meta(ge=50, le=10_000, description="For how many milliseconds a tool may be held up.")
    ] = _HOOKS.tool_deadline_ms
    compaction: Annotated[bool, Meta(description="Whether a session is imported before it is compacted.")] = (
        _HOOKS.compaction
    )


class _All(msgspec.Struct, forbid_unknown_fields=True):
    include: Annotated[
        list[_Name], Meta(description="Backends to ask although they cost something or use the network.")
    ] = []


class _Memories(msgspec.Struct, forbid_unknown_fields=True):
    store: Annotated[
        Annotated[str, Meta(pattern=r"^((sqlite|unix):.+|(postgres(ql)?|rediss?)://.+|[^:]*/[^:]*|[^:]+\.db)$")] | None,
        Meta(description="Where memories are kept: a file, `postgresql://HOST/NAME` or `redis://HOST/NUMBER`."),
    ] = None


class _RouterConfig(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1]
    fallback_threshold: Annotated[
        float, Meta(ge=0, le=1, description="The normalized relevance from which an answer is accepted.")
    ]
    signal_timeout_ms: Annotated[int, Meta(ge=1, le=1000, description="How long one pattern may run on a question.")]
    deadlines: _Deadlines
    circuit_breaker: _CircuitBreaker
    tiers: Annotated[dict[str, list[_Name]], Meta(description="The backends that each product tier installs.")]
    rules: Annotated[list[_Rule], Meta(min_length=1)]
    strategy: Annotated[
        Literal["in_turn", "all"],
        Meta(description="Ask the steps of a rule in turn, or every free backend at the same time."),
    ] = "in_turn"
    all: _All = msgspec.field(default_factory=_All)
    languages: Annotated[
        list[Literal["de", "es", "fr", "ja", "zh"]],
        Meta(description="Languages, besides English, whose words of intent count for the rules of the bundled table."),
    ] = []
    fallback_delay_ms: Annotated[
        Annotated[int, Meta(ge=0, le=600_000)] | None,
        Meta(description="After how many milliseconds of silence the next step is asked, too; null to ask in turn."),
    ] = None
    learning: Annotated[
        Literal["off", "suggest", "on"],
        Meta(description="Learned rules: none, those that somebody approved, or sure ones without asking."),
    ] = _LEARNING.mode  # type: ignore[assignment]
    similarity_threshold: Annotated[
        float, Meta(ge=0, le=1, description="The cosine above which a learned or manual rule takes a question.")
    ] = _LEARNING.similarity_threshold
    confidence_threshold: Annotated[
        float, Meta(ge=0, le=1, description="The confidence from which `learning: on` uses a rule without approval.")
    ] = _LEARNING.confidence_threshold
    executions: _Executions = msgspec.field(default_factory=_Executions)
    approvals: _Approvals = msgspec.field(default_factory=_Approvals)
    llm_routing: Annotated[
        _LlmRouting, Meta(description="What savings are counted against (`memory-router rules stats`).")
    ] = msgspec.field(default_factory=_LlmRouting)
    memories: _Memories = msgspec.field(default_factory=_Memories)
    hooks: Annotated[_Hooks, Meta(description="What memory does unasked in an agent's sessions.")] = msgspec.field(
        default_factory=_Hooks
    )
    resident: Annotated[
        Literal["auto", "off"],
        Meta(description="Whether the first question starts a warm process that answers the next ones sooner."),
    ] = "auto"
    schema: Annotated[str, Meta(description="Where this schema lies, for editors.")] = msgspec.field(
        name="$schema", default=""
    )


_STRUCTS: dict[str, type[msgspec.Struct]] = {
    "all": _All,
    "deadlines": _Deadlines,
    "circuit_breaker": _CircuitBreaker,
    "rules[]": _Rule,
    "signals[]": _Signal,
    "executions": _Executions,
    "approvals": _Approvals,
    "llm_routing": _LlmRouting,
    "hooks": _Hooks,
    "memories": _Memories,
}

_KINDS = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "array": "a list"}
_CHOICES = {
    "strength": '"strong" or "weak"',
    "learning": '"off", "suggest" or "on"',
    "resident": '"auto" or "off"',
    "strategy": '"in_turn" or "all"',
    "kind": '"identifier", "path", "quote" or "time"',
    "languages": '"de", "es", "fr", "ja" or "zh"',
}


def validate(body: Any, file: str) -> None:
    """Check the JSON of a configuration file.

    Raises:
        ConfigError: it breaks the schema; the cause names the file, the place, the value and what is allowed.
    """
    try:
        config = msgspec.convert(body, _RouterConfig)
    except msgspec.ValidationError as error:
        raise _explained(str(error), body, file) from error
    _check_rules(config.rules, file)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of `router-config.json`."""
    schema = msgspec.json.schema(_RouterConfig)
    text = msgspec.json.encode(schema, order="sorted").decode().replace("_RouterConfig", "RouterConfig")
    for struct in _STRUCTS.values():
        name = struct.__name__
        text = text.replace(f'"{name}"', f'"{name[1:]}"').replace(f'#/$defs/{name}"', f'#/$defs/{name[1:]}"')
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "router-config.json",
        **msgspec.json.decode(text),
    }


def _check_rules(rules: list[_Rule], file: str) -> None:
    for position, rule in enumerate(rules):
        place = f"$.rules[{rule.id}]"
        for earlier in rules[:position]:
            if earlier.id == rule.id:
                raise _error(file, f"{place}.id", rule.id, "an id that no other rule has")
            if earlier.number == rule.number:
                raise _error(file, f"{place}.number", rule.number, "a number that no other rule has")
        is_last = position == len(rules) - 1
        if is_last and rule.signals:
            raise _error(file, f"{place}.signals", f"{len(rule.signals)} signals", "[]: the last rule is the default")
        if not is_last and not rule.signals:
            raise _error(file, f"{place}.signals", [], "at least one signal; only the last rule has none")
        for signal in rule.signals:
            _check_signal(signal, f"{place}.signals[{signal.name}]", file)


def _check_signal(signal: _Signal, place: str, file: str) -> None:
    if sum(map(bool, (signal.phrases, signal.pattern, signal.kind))) != 1:
        raise _error(file, place, signal.name, "a signal with one of `phrases`, `pattern` and `kind`")
    if signal.pattern is None:
        return
    try:
        compile_pattern(signal.pattern, f"{place}.pattern")
    except ConfigError as error:
        raise ConfigError(f"{shown(file)}: {error.cause}", error.fix) from error


def _explained(message: str, body: Any, file: str) -> ConfigError:
    problem, _, place = message.partition(" - at ")
    kind = _STRUCTS.get(re.sub(r"\[\d+\]$", "[]", place.strip("`")).rsplit(".", 1)[-1], _RouterConfig)
    place, value = _located(body, place.strip("`") or "$")
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", problem):
        members = [field.encode_name for field in msgspec.structs.fields(kind)]
        close = difflib.get_close_matches(unknown[1], members, 1)
        hint = f" (did you mean `{close[0]}`?)" if close else ""
        return _wrong(file, f"{place}.{unknown[1]} is not a member{hint}", ", ".join(members))
    if missing := re.fullmatch(r"Object missing required field `(.*)`", problem):
        return _wrong(file, f"{place}.{missing[1]} is missing", "any value that its description allows")
    expected = problem.removeprefix("Expected ").partition(", got")[0]
    expected = re.sub("`([a-z]+)`", lambda kind: _KINDS.get(kind[1], kind[0]), expected)
    if problem.startswith("Invalid enum value"):
        expected = _CHOICES.get(place.rpartition(".")[2].partition("[")[0], "1")
    return _error(file, place, value, expected)


def _located(body: Any, place: str) -> tuple[str, Any]:
    """Return a place with rules and signals by their id or name, as a user's file may hold only some, and its value.

    msgspec says `$.deadlines.backends[...]` for a member of a mapping: the key is not in the message.
    """
    value, named, member = body, "$", ""
    known, mapping, rest = place.partition("[...]")
    for key, index in re.findall(r"\.([\w$]+)|\[(\d+)\]", known):
        value = value[key] if key else value[int(index)]
        identity = value.get(KEYS[member]) if index and member in KEYS and isinstance(value, dict) else None
        named += f".{key}" if key else f"[{identity if isinstance(identity, str) else index}]"
        member = key
    return named + mapping + rest, value


def _error(file: str, place: str, value: Any, allowed: str) -> ConfigError:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = text if len(text) <= 80 else text[:77] + "..."
    return _wrong(file, f"{place} is {text!r}", allowed)


def _wrong(file: str, problem: str, allowed: str) -> ConfigError:
    return ConfigError(f"{shown(file)}: {problem}; allowed: {allowed}.", "Correct it there.")
