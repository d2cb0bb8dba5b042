"""Distinguish the clients of one server, so that none rates or marks what another one searched for."""

from collections import OrderedDict
from collections.abc import Collection
from contextvars import ContextVar
from threading import Lock

from memory_router.errors import StoreError

# Of more clients, those that have not searched for longest are forgotten; of each, its latest searches are known.
_MOST_CLIENTS = 1000
_MOST_SEARCHES = 200
# Who sent the request that is being answered: its MCP session, or its connection where the protocol has no sessions.
SESSION: ContextVar[str] = ContextVar("session", default="")


class Searches:
    """Remember the executions that each client was answered with; several threads may use it."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, list[str]] = OrderedDict()
        self._lock = Lock()

    def add(self, execution_id: str) -> None:
        """Remember an execution of the present client."""
        with self._lock:
            known = self._clients.setdefault(SESSION.get(), [])
            known.append(execution_id)
            del known[:-_MOST_SEARCHES]
            self._clients.move_to_end(SESSION.get())
            if len(self._clients) > _MOST_CLIENTS:
                self._clients.popitem(last=False)

    def own(self) -> Collection[str]:
        """Return the executions of the present client."""
        with self._lock:
            return tuple(self._clients.get(SESSION.get(), ()))

    def whole(self, beginning: str) -> str:
        """Return the id of the present client's execution that begins so.

        Raises:
            StoreError: no execution of this client does, or several do.
        """
        matching = [execution_id for execution_id in self.own() if execution_id.startswith(beginning)]
        if len(matching) != 1:
            raise StoreError(
                f"No search of this client has the id {beginning!r}.",
                "Rate an answer in the session that asked; others can be rated on the command line.",
            )
        return matching[0]
