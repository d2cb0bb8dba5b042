"""How far a rate of successes can be trusted (E. B. Wilson 1927, score interval)."""

import math

# Three standard errors: with it the bound gives the seed's own confidences (seed 000, Confidence Score Evolution).
Z = 3.0


def wilson_interval(successes: float, trials: float, z: float = Z) -> tuple[float, float]:
    """Return the interval in which the true rate of successes lies; (0, 1) when nothing was tried.

    Args:
        successes: how many trials succeeded.
        trials: how many there were.
        z: how many standard errors the interval reaches to each side.
    """
    if trials <= 0:
        return 0.0, 1.0
    rate = successes / trials
    spread = z * math.sqrt(rate * (1 - rate) / trials + (z / (2 * trials)) ** 2)
    centre = rate + z * z / (2 * trials)
    scale = 1 + z * z / trials
    return max((centre - spread) / scale, 0.0), min((centre + spread) / scale, 1.0)


def confidence(successes: float, trials: float) -> float:
    """Return the lower end of the interval: the more trials, the nearer to the rate itself."""
    return wilson_interval(successes, trials)[0]
