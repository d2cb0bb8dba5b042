"""Know which project a caller works in."""

import os


def current_project(folder: str | None = None) -> str | None:
    """Return the name of the repository that a folder is in, as the index names projects; None if it is in none.

    Args:
        folder: an absolute path; the current folder if left out.
    """
    from memory_router.engines.documents.projects import project_of

    try:
        return project_of(folder or os.getcwd(), "") or None
    except OSError:  # the current folder was removed
        return None
