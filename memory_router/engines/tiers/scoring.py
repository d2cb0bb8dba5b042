"""Score memories by importance, use and age (seed 001, Importance Scoring)."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, fields

from memory_router.engines.tiers.memory import Memory
from memory_router.errors import ConfigError

HOUR = 3600.0
# The days within which use counts as steady (seed 001, Pattern 2: Steady Access).
STEADY_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class ScoringConfig:
    """Weigh what makes a memory worth keeping; the defaults are the formula of seed 001.

    Args:
        promotion_importance_weight: weight of the importance that the memory was stored with.
        promotion_frequency_weight: weight of how often it was recalled.
        promotion_recency_weight: weight of how lately it was recalled.
        promotion_velocity_weight: weight of how often it was recalled within the window.
        promotion_threshold: the score from which on it moves up.
        demotion_threshold: the importance below which it may move down a day after it was last used.
        half_life_hours: the hours after which recency is down to 1/e; the seed calls this a half-life.
        accesses_for_full_score: the number of accesses that make a frequency of 1.
        window_hours: how long the short period is, of which the velocity speaks.
        frequent_accesses: more accesses than this within the window move it up, whatever the score.
        idle_days: the days in a tier without access after which a memory may move down.

    Raises:
        ConfigError: a value is negative or no number, or the weights do not sum to about 1.
    """

    promotion_importance_weight: float = 0.50
    promotion_frequency_weight: float = 0.30
    promotion_recency_weight: float = 0.20
    promotion_velocity_weight: float = 0.0
    promotion_threshold: float = 0.7
    demotion_threshold: float = 0.3
    half_life_hours: float = 24.0
    accesses_for_full_score: int = 100
    window_hours: float = 24.0
    frequent_accesses: int = 10
    idle_days: float = 30.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not (value >= 0 and math.isfinite(value)):
                raise ConfigError(f"{entry.name} is {value!r}.", "Give a number that is not negative.")
        total = sum(getattr(self, entry.name) for entry in fields(self) if entry.name.endswith("_weight"))
        if abs(total - 1) > 0.05:
            raise ConfigError(f"The promotion weights sum to {total:.2f}.", "Choose weights that sum to 1.")


class ScoringEngine:
    """Score memories; `clock` says the time in seconds since the epoch."""

    def __init__(self, config: ScoringConfig | None = None, clock: Callable[[], float] = time.time) -> None:
        self.config = config or ScoringConfig()
        self._clock = clock

    async def calculate_score(self, entry: Memory) -> float:
        """Return the score of a memory now, in [0, 1]."""
        return self.score(entry, self._clock())

    def score(self, entry: Memory, now: float) -> float:
        """Return the score of a memory at `now`, in [0, 1] (seed 001, Scoring Formula).

        Args:
            entry: the memory; one that was never recalled has no recency.
            now: seconds since the epoch.
        """
        config = self.config
        frequency = min(1.0, entry.accesses / max(config.accesses_for_full_score, 1))
        velocity = min(1.0, self.recent_accesses(entry, now) / max(config.frequent_accesses, 1))
        total = (
            config.promotion_importance_weight * entry.importance
            + config.promotion_frequency_weight * frequency
            + config.promotion_recency_weight * self._recency(entry, now)
            + config.promotion_velocity_weight * velocity
        )
        return min(total, 1.0)

    def recent_accesses(self, entry: Memory, now: float) -> int:
        """Return how often a memory was recalled within the window (seed 001, Access Velocity)."""
        return sum(now - at < self.config.window_hours * HOUR for at in entry.access_times)

    def days_of_use(self, entry: Memory, now: float) -> int:
        """Return on how many of the last 30 days a memory was recalled (seed 001, Pattern 2: Steady Access)."""
        days = {int((now - at) // (24 * HOUR)) for at in entry.access_times}
        return sum(day < STEADY_DAYS for day in days)

    def velocity(self, entry: Memory, now: float) -> float:
        """Return the accesses an hour within the window (seed 001, Access Velocity)."""
        return self.recent_accesses(entry, now) / self.config.window_hours

    def _recency(self, entry: Memory, now: float) -> float:
        if entry.accessed is None:
            return 0.0
        return math.exp(-max(now - entry.accessed, 0.0) / (self.config.half_life_hours * HOUR))
