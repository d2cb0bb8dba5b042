"""Check what applications hand over, and bring it into the form that is kept: bounded, valid, without secrets."""

import json
from datetime import UTC, datetime
from typing import Any

from memory_router.errors import AdviceError
from memory_router.text.redaction import redact

# Far above what a decision needs, far below what would hurt: characters of a value and a reason, bytes of JSON.
_LONGEST_VALUE, _LONGEST_REASON, _LARGEST_JSON = 1000, 10_000, 256 * 1024


def clean_value(text: str) -> str:
    """Return what a suggestion is about, as it is kept.

    Raises:
        AdviceError: it is empty or too long.
    """
    return _bounded("value", _told(text), _LONGEST_VALUE)


def clean_user(text: str) -> str:
    """Return a user's id as it is kept.

    Raises:
        AdviceError: it is empty or too long.
    """
    return _bounded("user", _storable(text), _LONGEST_VALUE)


def clean_reason(text: str | None) -> str | None:
    """Return why somebody decided so, as it is kept; None for nothing.

    Raises:
        AdviceError: it is too long.
    """
    return _bounded("reason", _told(text), _LONGEST_REASON) if text and text.strip() else None


def clean_json(name: str, value: Any) -> str | None:
    """Return evidence or a configuration as the JSON that is kept; None stays None.

    Args:
        name: what it is called in messages.
        value: what JSON can hold.

    Raises:
        AdviceError: JSON cannot hold it (NaN, bytes, a circle), or it is too large.
    """
    if value is None:
        return None
    try:
        text = json.dumps(_without_secrets(value), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise AdviceError(
            f"The {name} cannot be kept as JSON ({error}).", "Give objects, lists, texts, finite numbers, true or null."
        ) from error
    if len(text) > _LARGEST_JSON:
        raise AdviceError(
            f"The {name} takes {len(text) // 1024} KB, and at most {_LARGEST_JSON // 1024} KB are kept.",
            "Keep what the decision rests on: a few figures and addresses.",
        )
    return text


def clean_type(text: str) -> str:
    """Return a type of suggestion, which any application may invent.

    Raises:
        AdviceError: it is not a lower-case name.
    """
    if not text.isidentifier() or text != text.lower() or len(text) > 100:
        raise AdviceError(
            f"{text[:100]!r} is not a type of suggestion.", "Use a lower-case name such as add_topic or reduce_source."
        )
    return text


def in_utc(text: str) -> str:
    """Return a time as ISO 8601 in UTC; one without a zone is taken to be in UTC.

    Raises:
        AdviceError: it is not a time.
    """
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return iso(aware.astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise AdviceError(f"{text[:40]!r} is not a time.", "Give ISO 8601, such as 2026-01-14T10:30:00Z.") from error


def iso(moment: datetime) -> str:
    """Return a moment in UTC as the text that columns hold."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """Return the time, ISO 8601 in UTC."""
    return iso(datetime.now(UTC))


def _bounded(name: str, text: str, longest: int) -> str:
    if not text.strip():
        raise AdviceError(f"The {name} is empty.", "Say whose suggestion it was, and what it was about.")
    if len(text) > longest:
        raise AdviceError(f"The {name} has {len(text)} characters.", f"Use at most {longest}.")
    return text


def _told(text: str) -> str:
    return redact(_storable(text)).text


def _storable(text: str) -> str:
    """Return `text` without what a database refuses: halves of characters, and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _without_secrets(value: Any, name: str = "") -> Any:
    """Return a value with every text redacted, also where only its name says that it is a secret."""
    if isinstance(value, str):
        return _redacted(name, _storable(value))
    if isinstance(value, dict):
        return {_told(str(key)): _without_secrets(member, str(key)) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(entry, name) for entry in value]
    return value


def _redacted(name: str, text: str) -> str:
    told = redact(text)
    by_name = [kind for kind in redact(f"{name}: {text}").kinds if kind not in told.kinds]
    return f"[redacted:{by_name[0]}]" if name and by_name else told.text
