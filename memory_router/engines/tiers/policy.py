"""Configure tiers: how long each keeps a memory, how many it holds, where it keeps them, and what it does when full."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from memory_router.engines.tiers.admission import known_tier
from memory_router.engines.tiers.memory import TIERS
from memory_router.engines.tiers.stores.protocol import Store
from memory_router.errors import ConfigError

COMPACTION_STRATEGIES = ("count", "importance", "semantic", "time")
_DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class TierPolicy:
    """How a tier treats its memories.

    Args:
        store: where they are kept: `memory:` (this process), `sqlite:PATH`, `postgresql://...`, `redis://...` or
            a store of your own; None is the database that `memory-router remember` writes to. Tiers that name the
            same store share it.
        ttl_seconds: after how many seconds a memory is gone; None is never.
        max_entries: the largest number of memories; None for no limit.
        overflow: whether a nearly full tier promotes its best memories instead of evicting its least ones.
        compaction_threshold: from how many memories on `maintain` compacts the tier; None is never.
        compaction_strategy: `count`, `importance`, `semantic` or `time`.

    Raises:
        ConfigError: a number is not positive, or a strategy unknown.
    """

    name: ClassVar[str]

    store: str | Store | None = None
    ttl_seconds: float | None = None
    max_entries: int | None = None
    overflow: bool = False
    compaction_threshold: int | None = None
    compaction_strategy: str = "importance"

    def __post_init__(self) -> None:
        for limit in ("ttl_seconds", "max_entries", "compaction_threshold"):
            value = getattr(self, limit)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise ConfigError(f"{limit} of the tier {self.name} is {value!r}.", "Give a number above 0, or None.")
        if self.compaction_strategy not in COMPACTION_STRATEGIES:
            raise ConfigError(
                f"There is no compaction strategy {self.compaction_strategy!r}.",
                f"Choose one of: {', '.join(COMPACTION_STRATEGIES)}.",
            )


@dataclass(frozen=True, kw_only=True)
class EphemeralPolicy(TierPolicy):
    """Keep what matters for a moment: a day, unless it is recalled often."""

    name: ClassVar[str] = "ephemeral"
    ttl_seconds: float | None = _DAY
    max_entries: int | None = 10_000


@dataclass(frozen=True, kw_only=True)
class SessionPolicy(TierPolicy):
    """Keep what matters for the work at hand; when there is too much of it, the best of it becomes persistent."""

    name: ClassVar[str] = "session"
    max_entries: int | None = 10_000
    overflow: bool = True


@dataclass(frozen=True, kw_only=True)
class PersistentPolicy(TierPolicy):
    """Keep what matters for good."""

    name: ClassVar[str] = "persistent"


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """Choose the tiers there are, and what moves between them (seed 001, Routing Configuration).

    Args:
        ephemeral: the policy of the tier, or None if there is no such tier.
        session: the same.
        persistent: the same.
        default_tier: where neutral importance (0.5) belongs, and what has no tier of its own.
        enable_promotion: whether much-used memories move up.
        enable_demotion: whether memories that nobody uses move down.

    Raises:
        ConfigError: the default tier is not configured.
    """

    ephemeral: EphemeralPolicy | None = None
    session: SessionPolicy | None = None
    persistent: PersistentPolicy | None = None
    default_tier: str = "session"
    enable_promotion: bool = True
    enable_demotion: bool = False

    def __post_init__(self) -> None:
        if known_tier(self.default_tier) not in self.tiers:
            raise ConfigError(
                f"The default tier {self.default_tier!r} has no policy.", f"Choose one of: {', '.join(self.tiers)}."
            )

    @cached_property
    def tiers(self) -> dict[str, TierPolicy]:
        """Return the configured policies by tier; all three as they come, if none is configured."""
        chosen = {tier: policy for tier in TIERS if (policy := getattr(self, tier)) is not None}
        return chosen or {kind.name: kind() for kind in (EphemeralPolicy, SessionPolicy, PersistentPolicy)}
