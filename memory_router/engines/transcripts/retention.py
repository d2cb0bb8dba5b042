"""What hosts delete, and when."""

import json
import os

from memory_router import paths

# After how many days Claude Code deletes transcripts unless its settings say otherwise.
_DEFAULT_DAYS = 30


def deletion_warning() -> str | None:
    """Return one sentence about transcripts that their host is going to delete, or None."""
    folder = paths.claude_code_dir()
    if not os.path.isdir(os.path.join(folder, "projects")):
        return None
    days = _DEFAULT_DAYS
    try:
        with open(os.path.join(folder, "settings.json"), encoding="utf-8") as stream:
            chosen = json.load(stream)["cleanupPeriodDays"]
            days = chosen if isinstance(chosen, int) and not isinstance(chosen, bool) and chosen >= 0 else days
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    if days > 3650:
        return None
    return f"Claude Code deletes transcripts after {days} days; what was imported stays searchable"
