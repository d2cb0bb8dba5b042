"""Choose the tier that a memory goes to, and when one moves (seed 001, Tier Selection, Promotion, Demotion)."""

from memory_router.engines.tiers.admission import known_tier
from memory_router.engines.tiers.memory import TIERS, Memory
from memory_router.engines.tiers.policy import MemoryConfig
from memory_router.engines.tiers.scoring import HOUR, STEADY_DAYS, ScoringEngine

NEUTRAL = 0.5
_EPHEMERAL_BELOW = 0.3
_PERSISTENT_FROM = 0.7
# How long a memory of low importance must be unused before it moves down: a new one has not had its chance.
_SETTLED = 24 * HOUR


def tier_for(importance: float) -> str:
    """Return the tier for an importance in [0, 1]: below 0.3 ephemeral, from 0.7 on persistent, else session."""
    if importance < _EPHEMERAL_BELOW:
        return "ephemeral"
    return "persistent" if importance >= _PERSISTENT_FROM else "session"


class Router:
    """Choose a tier for each new memory; subclass it and override `select_tier` for rules of your own."""

    async def select_tier(self, entry: Memory) -> str:
        """Return the tier that a new memory goes to.

        Args:
            entry: the memory as it would be stored; its `tier` is the default one, where neutral importance belongs.
        """
        return entry.tier if entry.importance == NEUTRAL else tier_for(entry.importance)


class PolicyEngine:
    """Apply the policies of a configuration: which tiers there are, and what makes a memory move."""

    def __init__(self, config: MemoryConfig, scoring: ScoringEngine) -> None:
        self._config = config
        self._scoring = scoring

    def placed(self, tier: str) -> str:
        """Return `tier` if it is configured, else the default tier (seed 001, Fallback Logic).

        Raises:
            RefusedMemoryError: there is no tier of that name.
        """
        return tier if known_tier(tier) in self._config.tiers else self._config.default_tier

    def validate_tier_policy(self, tier: str) -> bool:
        """Return whether memories can go to a tier as it is: it is configured (seed 001, Adapter Integration).

        Raises:
            RefusedMemoryError: there is no tier of that name.
        """
        return known_tier(tier) in self._config.tiers

    def above(self, tier: str) -> str | None:
        """Return the next configured tier above, or None: memories move one tier at a time."""
        return next((name for name in TIERS[TIERS.index(tier) + 1 :] if name in self._config.tiers), None)

    def below(self, tier: str) -> str | None:
        """Return the next configured tier below, or None."""
        return next((name for name in reversed(TIERS[: TIERS.index(tier)]) if name in self._config.tiers), None)

    def expiry(self, tier: str, now: float) -> float | None:
        """Return from when on a memory that enters a tier now is gone, or None for never."""
        ttl = self._config.tiers[tier].ttl_seconds
        return None if ttl is None else now + ttl

    def promotion(self, entry: Memory, now: float) -> str | None:
        """Return why a memory is to move up, or None (seed 001, Promotion Triggers 1 and 2)."""
        if not self._config.enable_promotion or self.above(entry.tier) is None:
            return None
        config = self._scoring.config
        accesses = self._scoring.recent_accesses(entry, now)
        if accesses > config.frequent_accesses:
            return f"{accesses} accesses within {config.window_hours:g} h"
        days = self._scoring.days_of_use(entry, now)
        if days > config.frequent_accesses:
            return f"used on {days} of the last {STEADY_DAYS} days"
        score = self._scoring.score(entry, now)
        return f"score {score:.2f}" if score >= config.promotion_threshold else None

    def demotion(self, entry: Memory, now: float) -> str | None:
        """Return why a memory is to move down, or None (seed 001, Demotion Triggers 1 and 2)."""
        if not self._config.enable_demotion or self.below(entry.tier) is None:
            return None
        config = self._scoring.config
        idle = now - max(entry.created, entry.accessed or entry.created, entry.moved or entry.created)
        if idle >= config.idle_days * 24 * HOUR:
            return f"no access for {idle / 24 / HOUR:.0f} days"
        is_unimportant = entry.importance < config.demotion_threshold and idle >= _SETTLED
        return f"importance {entry.importance:.2f}" if is_unimportant else None
