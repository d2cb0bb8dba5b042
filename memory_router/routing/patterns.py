"""Compile the regular expressions that people write for rules."""

from typing import TYPE_CHECKING

from memory_router.errors import ConfigError

if TYPE_CHECKING:
    import regex


def compile_pattern(pattern: str, place: str) -> "regex.Pattern[str]":
    """Compile a pattern; it ignores case unless it says otherwise.

    Run it under a clock: `search(text, timeout=SECONDS)` raises TimeoutError. That is not the same as no match: what
    guards something must treat it as a match.

    Args:
        pattern: a `regex` expression.
        place: what the error calls it.

    Raises:
        ConfigError: it does not compile; the cause names `place`.
    """
    import regex

    try:
        return regex.compile(pattern, regex.IGNORECASE)
    except regex.error as error:
        raise ConfigError(
            f"The pattern of {place} does not compile: {error} ({pattern!r}).",
            "Correct it as a `regex` expression.",
        ) from error
