"""What a type checker knows of backends and of their tests: this file is checked, and need not run."""

from pathlib import Path
from typing import assert_type

from memory_router.contract import Health, Request, Response, Result, answer, failure, nothing, serve
from memory_router.errors import MemoryRouterError
from memory_router.testing import Behaviour, requests_to, write_fake_backend


def query(request: Request) -> Response:
    """Answer a question."""
    assert_type(request.query, str)
    assert_type(request.deadline_ms, int)
    if not request.query:
        return failure("EMPTY", "Nothing was asked. Ask something.")
    found = [Result("the answer", relevance=0.9)]
    return answer(found) if found else nothing("NO_MATCH", "No line matches. Try other words.")


def told(error: MemoryRouterError) -> tuple[str, str, str]:
    """Return what every error of the program tells."""
    return error.code, error.cause, error.fix


folder = write_fake_backend(str(Path("backends")), "notes", Behaviour(results=(Result("the answer", relevance=0.9),)))
assert_type(folder, str)
assert_type(requests_to(folder), list[Request])
Result("the answer", relevance="high")  # type: ignore[arg-type]
Behaviour(hang=True)  # type: ignore[call-arg]

serve("notes", query=query, health=lambda: Health("ready"))
