"""The types of what `router-config.json` says: rule table, thresholds, deadlines, product tiers."""

from typing import NamedTuple

# The member by which the entries of a list are known.
KEYS = {"rules": "id", "signals": "name"}


class Step(NamedTuple):
    """One thing to ask: a backend, and the mode it is asked in (None if it has no modes)."""

    backend: str
    mode: str | None = None

    def __str__(self) -> str:
        return f"{self.backend}:{self.mode}" if self.mode else self.backend

    @classmethod
    def parse(cls, text: str) -> "Step":
        """Read `backend` or `backend:mode`."""
        backend, _, mode = text.partition(":")
        return cls(backend, mode or None)


class Signal(NamedTuple):
    """What speaks for a rule: phrases, a pattern or a kind of text.

    Args:
        name: what traces and logs call it.
        strong: strong signals of all rules are tried before the weak ones of any.
        phrases: words that a question holds (see `text.phrases`).
        pattern: a `regex` expression, case-insensitive unless it says otherwise; None where phrases or a kind stand.
        kind: a detector of `routing.kinds`, or None.
        fallback: steps after the primary where they differ from the rule's.
    """

    name: str
    strong: bool
    phrases: tuple[str, ...] = ()
    pattern: str | None = None
    kind: str | None = None
    fallback: tuple[Step, ...] | None = None

    @property
    def strength(self) -> str:
        """Return `strong` or `weak`, as the file says it."""
        return "strong" if self.strong else "weak"


class TableRule(NamedTuple):
    """Send the questions that its signals match to a primary step, then to the fallback steps in order.

    `priors` are log-odds by backend for the strategy `all`: how much likelier than its relevance says an answer of that
    backend is right for such a question.
    """

    id: str
    number: int
    primary: Step
    fallback: tuple[Step, ...]
    signals: tuple[Signal, ...]
    priors: dict[str, float] = {}  # noqa: RUF012 - never changed

    def steps(self, signal: Signal | None) -> tuple[Step, ...]:
        """Return the steps for a question that `signal` matched."""
        own = signal.fallback if signal else None
        return (self.primary, *(self.fallback if own is None else own))


class Deadlines(NamedTuple):
    """How long an attempt may take.

    Args:
        default_ms: for a backend without a deadline of its own (seed 002: 5000).
        total_ms: for all attempts of one question together, or None.
        backends: by `backend:mode` or by `backend`, the former first.
    """

    default_ms: int
    total_ms: int | None
    backends: dict[str, int]

    def of(self, step: Step, manifest_ms: int | None) -> int:
        """Return the milliseconds that `step` may take; the manifest's own wish comes before the default."""
        chosen = self.backends.get(str(step)) or self.backends.get(step.backend)
        return chosen or manifest_ms or self.default_ms


class CircuitBreaking(NamedTuple):
    """Skip a step for `cooldown_ms` after `failures` timeouts in a row."""

    failures: int
    cooldown_ms: int


class Learning(NamedTuple):
    """How the router learns from what it was asked (seed 000).

    Args:
        mode: `off`, `suggest` (learned rules wait for approval) or `on` (sure ones are used at once).
        similarity_threshold: the cosine above which a rule takes a question, and questions are alike.
        confidence_threshold: the confidence from which mode `on` uses a rule that nobody approved.
        record: whether questions are recorded; mode `off` records none.
        shadow: whether questions that were answered poorly are asked of other backends, in the background.
        learn_every: after how many executions the router learns on its own; 0 for never.
        retention_days: for how long executions are kept.
        approval_minutes: for how long an approval can be given and used.
        llm_cost_usd: what routing one question by an LLM would cost, for the savings.
        llm_duration_ms: how long that would take.
    """

    mode: str = "suggest"
    similarity_threshold: float = 0.85
    confidence_threshold: float = 0.65
    record: bool = True
    shadow: bool = True
    learn_every: int = 50
    retention_days: int = 365
    approval_minutes: int = 60
    llm_cost_usd: float = 0.03
    llm_duration_ms: int = 850


class Hooks(NamedTuple):
    """What memory does unasked in an agent's sessions.

    Args:
        prompt: whether memory is looked up for a user's prompt that needs it.
        session_end: whether sessions are imported when they end, or after a question that finds newer ones.
        tokens: the largest number of tokens of results put before a prompt.
        deadline_ms: for how long a prompt may be held up.
        session_start: whether a session begins with a brief.
        session_start_tokens: the largest number of its tokens.
        session_start_deadline_ms: for how long the beginning of a session may be held up.
        tool: whether what was said about a file or a risky command is recalled before an agent edits or runs it.
        tool_tokens: the largest number of its tokens.
        tool_deadline_ms: for how long a tool may be held up.
        compaction: whether a session is imported before it is compacted.
    """

    prompt: bool = True
    session_end: bool = True
    tokens: int = 600
    deadline_ms: int = 300
    session_start: bool = True
    session_start_tokens: int = 400
    session_start_deadline_ms: int = 1000
    tool: bool = True
    tool_tokens: int = 150
    tool_deadline_ms: int = 500
    compaction: bool = True


class Config(NamedTuple):
    """Everything that `router-config.json` says.

    Args:
        file: the path it was read from.
        bundled: whether that file is the one that ships with the program.
        fallback_threshold: the normalized relevance from which an answer is accepted (seed 002: 0.4).
        fallback_delay_ms: after how long without an answer the next step is asked, too; None to ask in turn.
        signal_timeout_ms: how long one pattern may run on one question.
        strategy: `in_turn`, or `all` to ask every free backend at the same time.
        include: backends that `all` asks although they cost something or use the network.
        tiers: the backends that each product tier installs.
        languages: the languages whose words of intent count in addition to the rules' own signals (see `text.intents`).
        rules: in the order in which they are tried; the last one, without signals, is the default.
        learning: how the router learns.
        hooks: what memory does unasked in an agent's sessions.
        resident: `auto` to let the first question start a warm process for the next ones, else `off`.
    """

    file: str
    bundled: bool
    fallback_threshold: float
    fallback_delay_ms: int | None
    signal_timeout_ms: int
    deadlines: Deadlines
    circuit_breaking: CircuitBreaking
    strategy: str
    include: frozenset[str]
    tiers: dict[str, tuple[str, ...]]
    languages: tuple[str, ...]
    rules: tuple[TableRule, ...]
    learning: Learning = Learning()
    hooks: Hooks = Hooks()
    resident: str = "auto"

    @property
    def default_rule(self) -> TableRule:
        """Return the rule for questions that no signal matches."""
        return self.rules[-1]
