"""What a type checker knows of questions and their answers: this file is checked, and need not run."""

from typing import Any, assert_type

from memory_router import Choice, Envelope, Router

with Router(keep_warm=True) as router:
    envelope = router.query("why did we choose Postgres", choice=Choice(backend="qmd:search"), limit=3)
    assert_type(envelope, Envelope)
    assert_type(envelope.status, str)
    assert_type(envelope.normalized_relevance, float)
    assert_type(envelope.error_code, str | None)
    assert_type(envelope.results, list[dict[str, Any]])
    assert_type(envelope.fallback_chain, tuple[str, ...])
    assert_type(router.query_multi("list the ports and explain the cache").status, str)
    assert_type(envelope.to_dict(), dict[str, Any])

    router.query("auth", limit="3")  # type: ignore[arg-type]
    router.query("auth", limits=3)  # type: ignore[call-arg]

Choice(backends="qmd")  # type: ignore[call-arg]
envelope.status = "empty"  # type: ignore[misc]
