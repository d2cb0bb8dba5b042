"""Decide what may be remembered, and make a memory of it: clean, without secrets, with an identity."""

import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from memory_router.engines.tiers.memory import TIERS, Memory
from memory_router.errors import RefusedMemoryError
from memory_router.text.redaction import redact

LONGEST_TEXT = 100_000  # characters
_LONGEST_EXTRA = 20_000  # characters of JSON
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MARK = re.compile(r"\[redacted:[a-z0-9-]+\]")
# What may stand beside a secret without saying anything.
_LABEL = re.compile(
    r"(?i)\b(?:api|auth|access|bearer|basic|is|key|my|passphrase|passwd|password|pwd|secret|the|token)\b"
)


class Admitted(NamedTuple):
    """A memory as it may be stored, and the kinds of secrets and personal data that were taken out of it."""

    memory: Memory
    redacted: tuple[str, ...]


# Straight, curly and low ones, and those of French.
_QUOTATION_MARKS = "\"'`\u201c\u201d\u201e\u201a\u2018\u2019\u00ab\u00bb"


def admit(
    text: str,
    tags: Iterable[str] = (),
    project: str | None = None,
    created: float | None = None,
    *,
    importance: float = 0.7,
    tier: str = "persistent",
    source: str | None = None,
    session: str | None = None,
    extra: Mapping[str, Any] | None = None,
    allow_sensitive: bool = False,
) -> Admitted:
    """Make a memory of a text.

    Args:
        text: 1 to 100,000 characters; control characters are left out.
        tags: words to file it under; one text is one tag.
        project: what it belongs to, or None.
        created: seconds since the epoch; None means now.
        importance: in [0, 1].
        tier: where it is to live.
        source: what wrote it, or None.
        session: the conversation that it comes from, or None.
        extra: anything else that JSON can hold.
        allow_sensitive: keep secrets and personal data.

    Raises:
        RefusedMemoryError: the text is empty, too long or nothing but a secret, or another argument cannot be stored.
    """
    if not isinstance(text, str):
        raise RefusedMemoryError(f"A memory is a text, not {type(text).__name__}.", "Give it as a string.")
    text = _acceptable(text)
    kinds: set[str] = set()

    def clean(part: str) -> str:
        return part if allow_sensitive else _without_sensitive(part, kinds)

    words = clean(text)
    if words != text and not re.search(r"\w", _LABEL.sub("", _MARK.sub("", words))):
        raise RefusedMemoryError(
            "The text is nothing but a secret.", "Keep secrets in a vault; remember where they are."
        )
    project = visible(project or "") or None
    memory = Memory(
        id=identity(words, project),
        text=words,
        created=moment(time.time() if created is None else created),
        tags=tuple(dict.fromkeys(filter(None, (clean(visible(tag)) for tag in _each(tags))))),
        project=project,
        tier=known_tier(tier),
        importance=share("importance", importance),
        source=visible(source or "") or None,
        session=visible(session or "") or None,
        extra=_object(extra, clean),
    )
    return Admitted(memory, tuple(sorted(kinds)))


def known_tier(tier: str) -> str:
    """Return `tier` if there is such a tier.

    Raises:
        RefusedMemoryError: no memory has this id.
    """
    if tier not in TIERS:
        raise RefusedMemoryError(f"There is no tier {tier!r}.", f"Choose one of: {', '.join(TIERS)}.")
    return tier


def share(name: str, value: float) -> float:
    """Return `value` as a number in [0, 1].

    Raises:
        RefusedMemoryError: it is invalid.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise RefusedMemoryError(f"The {name} {value!r} is not a number from 0 to 1.", "Give 0.5 for what is neutral.")
    return float(value)


def moment(seconds: float) -> float:
    """Return `seconds` since the epoch if they are a time on the calendar.

    Raises:
        RefusedMemoryError: the tags are invalid.
    """
    try:
        time.gmtime(seconds)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise RefusedMemoryError(
            f"{seconds} is not a time at which something was remembered.", "Give seconds since the epoch."
        ) from error
    return float(seconds)


def visible(text: str) -> str:
    """Return `text` without control characters, broken characters and outer white space."""
    return _UNSEEN.sub("", text.encode("utf-8", "replace").decode()).strip()


def identity(text: str, project: str | None) -> str:
    """Return the id of a text in a project; case, spaces, outer quotation marks and a last full stop do not matter."""
    words = " ".join(text.casefold().split())
    return literal_identity(words.strip(_QUOTATION_MARKS).rstrip(".。") or words, project)


def literal_identity(text: str, project: str | None) -> str:
    """Return the id that an earlier version of the program gave a text."""
    import hashlib  # only writers need it

    return hashlib.sha256(f"{project or ''}\0{text}".encode()).hexdigest()[:20]


def _each(tags: Iterable[str]) -> Iterable[str]:
    return (tags,) if isinstance(tags, str) else tags


def _acceptable(text: str) -> str:
    text = visible(text)
    if not text:
        raise RefusedMemoryError("There is no text to remember.", "Say what to remember: memory-router remember TEXT.")
    if len(text) > LONGEST_TEXT:
        raise RefusedMemoryError(
            f"The text has {len(text):,} characters, and a memory holds at most {LONGEST_TEXT:,}.",
            "Remember what matters of it, and index the whole as a file: memory-router index PATH.",
        )
    return text


def _without_sensitive(text: str, kinds: set[str]) -> str:
    from memory_router.engines.tiers.personal import redact_personal  # only writers need it

    secrets = redact(text)
    personal = redact_personal(secrets.text)
    kinds.update(secrets.kinds, personal.kinds)
    return personal.text


def _object(extra: Mapping[str, Any] | None, clean: Any) -> Mapping[str, Any]:
    if not extra:
        return {}
    try:
        text = json.dumps(dict(extra), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RefusedMemoryError(
            f"The metadata cannot be stored: {error}.", "Give texts, numbers, lists and objects."
        ) from error
    if len(text) > _LONGEST_EXTRA:
        raise RefusedMemoryError(
            f"The metadata has {len(text):,} characters; at most {_LONGEST_EXTRA:,} are kept.",
            "Put what is to be found into the text.",
        )
    cleaned: dict[str, Any] = _each_text(json.loads(text), clean)
    return cleaned


def _each_text(value: Any, clean: Any) -> Any:
    if isinstance(value, str):
        return clean(visible(value))
    if isinstance(value, list):
        return [_each_text(part, clean) for part in value]
    if isinstance(value, dict):
        return {visible(name): _each_text(part, clean) for name, part in value.items()}
    return value
