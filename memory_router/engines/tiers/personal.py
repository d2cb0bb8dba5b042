"""Replace personal data in a text by `[redacted:KIND]` before it is stored.

Precision first, as with secrets: only what can be told by its form is replaced. Card and bank account numbers prove
themselves by their check digits (ISO/IEC 7812 and ISO 13616); a telephone number needs its country code.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from memory_router.text.redaction import Redacted


def _passes_luhn(value: str) -> bool:
    digits = [int(char) for char in value if char.isdigit()]
    doubled = [digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4) for place, digit in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and sum(doubled) % 10 == 0


def _passes_iban(value: str) -> bool:
    text = value.replace(" ", "")
    moved = text[4:] + text[:4]
    return 15 <= len(text) <= 34 and int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _is_number(value: str) -> bool:
    return 8 <= sum(char.isdigit() for char in value) <= 15


class _Kind(NamedTuple):
    name: str
    pattern: re.Pattern[str]
    is_plausible: Callable[[str], bool] = lambda _value: True


_KINDS = (
    _Kind("email", re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])")),
    _Kind("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), _passes_iban),
    _Kind("card-number", re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"), _passes_luhn),
    _Kind("social-security-number", re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")),
    _Kind("telephone", re.compile(r"(?<![\w+])\+\d{1,3}(?:[ ./-]?\(?\d{1,5}\)?){2,6}(?!\w)"), _is_number),
)


def redact_personal(text: str) -> Redacted:
    """Replace e-mail addresses, telephone, card, bank account and social security numbers in `text`.

    Args:
        text: anything.
    """
    kinds: set[str] = set()
    for kind in _KINDS:
        text = kind.pattern.sub(lambda match, kind=kind: _replaced(match[0], kind, kinds), text)  # type: ignore[misc]
    return Redacted(text, tuple(sorted(kinds)))


def _replaced(value: str, kind: _Kind, kinds: set[str]) -> str:
    if not kind.is_plausible(value):
        return value
    kinds.add(kind.name)
    return f"[redacted:{kind.name}]"
