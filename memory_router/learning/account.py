"""Who acts: the account of the operating system, which no environment variable changes."""

import functools
import os
import pwd


@functools.cache
def account() -> str:
    """Return the name of the account that runs this process; its number where it has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
