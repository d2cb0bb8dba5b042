"""Turn what is known into pages: Jinja templates with everything escaped, and a few filters."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from memory_router import paths
from memory_router.contract import iso_time

# Control characters say nothing to a reader, and marks that turn the direction of text reach beyond their own text.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def environment() -> Environment:
    """Return the templates, ready to be rendered."""
    made = Environment(
        loader=PackageLoader("memory_router.interfaces.window"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        when=when, milliseconds=milliseconds, size=size, percent=percent, pretty=pretty, shown=paths.shown, cut=cut
    )
    return made


def visible(value: Any) -> Any:
    """Return a text without what a reader cannot see; anything else as it is."""
    return _UNSEEN.sub("", value) if isinstance(value, str) and not isinstance(value, Markup) else value


def when(seconds: float | None) -> str | Markup:
    """Return a time as an element that says it in UTC; the page's script says it in the reader's own zone."""
    if not seconds:
        return "no date"
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return "no date"
    return Markup('<time datetime="{}">{} UTC</time>').format(iso_time(seconds), f"{moment:%Y-%m-%d %H:%M}")


def milliseconds(value: float) -> str:
    """Return a duration for people."""
    return f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.1f} s"


def size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:,.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"


def percent(share: float) -> str:
    """Return a share as a percentage."""
    return f"{share:.0%}"


def cut(text: str, most: int) -> str:
    """Return the beginning of a text; an ellipsis says that there is more."""
    return text if len(text) <= most else f"{text[:most].rstrip()} …"


def pretty(value: Any, most: int = 12_000) -> str:
    """Return JSON for people, cut where it is longer than `most` characters."""
    return cut(json.dumps(value, indent=2, ensure_ascii=False, default=str), most)
