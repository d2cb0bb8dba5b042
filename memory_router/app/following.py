"""Keep the indexes of a home fresh while its resident runs: what changes below an indexed folder is indexed at once."""

import os
import select
import threading
import time
from typing import NoReturn

from memory_router import app, paths
from memory_router.engines.documents import upkeep
from memory_router.errors import MemoryRouterError

# A machine with more work than this for each processor has none to spare for an index.
_BUSY = 2.0
_PAUSE_SECONDS = 1.0


def run() -> NoReturn:
    """Index after every burst of changes until stdin ends, then end the process: whoever started it is gone."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        for _ in upkeep.follow(paths.documents_db()):
            while os.getloadavg()[0] > _BUSY * (os.cpu_count() or 1):
                time.sleep(_PAUSE_SECONDS)
            app.indexing.index()
    except (MemoryRouterError, OSError):
        pass  # the next command that needs the index tells what is wrong
    os._exit(0)


def _end_with_stdin() -> None:
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while not poll.poll():
        pass
    os._exit(0)
