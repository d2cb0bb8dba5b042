"""Ask other memories what one answered poorly, in the background, so that the router learns where answers are.

A few questions at each time of learning, and only backends in which asking costs nothing: embedded, free, without
approval. What they say reaches neither the user nor the log.
"""

import time
from collections.abc import Iterable

from memory_router.app.asking import QuietRouter, installed
from memory_router.learning.account import account
from memory_router.learning.execution import Execution
from memory_router.learning.shadows import Shadow
from memory_router.learning.stores import LearningStores
from memory_router.learning.votes import BY_TABLE
from memory_router.routing.registry import Registry
from memory_router.routing.router import Choice

# How many questions are asked per run of learning, out of how many poor ones, and how old these may be.
_MOST, _LOOKED_AT, _SECONDS = 5, 100, 7 * 86_400
_PATIENCE_MS = 5_000


def ask_again(stores: LearningStores) -> int:
    """Ask the backends that were not asked, and keep what they said; return how many questions that were.

    Args:
        stores: what was asked, and where answers are kept.
    """
    if not stores.config.learning.shadow:
        return 0
    known = {shadow.execution_id for shadow in stores.shadows.all()}
    registry = installed()
    poor = stores.executions.newest(_LOOKED_AT, status="failed")
    chosen = [
        execution
        for execution in poor
        if execution.id not in known and _is_fit(execution) and _others(execution, registry)
    ][:_MOST]
    router = QuietRouter(stores.config, _PATIENCE_MS)
    with router:
        for execution in chosen:
            for backend in _others(execution, registry):
                envelope = router.query(
                    execution.user_request, choice=Choice(backend=backend), project=execution.project
                )
                if envelope.status != "error":
                    stores.shadows.add(Shadow(execution.id, backend, envelope.normalized_relevance))
    return len(chosen)


def _is_fit(execution: Execution) -> bool:
    return (
        execution.source in BY_TABLE
        and execution.asked_by == account()
        and execution.user_satisfaction is None
        and execution.governance_check is None
        and time.time() - execution.started_at <= _SECONDS
    )


def _others(execution: Execution, registry: Registry) -> Iterable[str]:
    """Return the backends that were not asked and may be asked for nothing."""
    tried = {step.partition(":")[0] for step in execution.routing_path}
    return [
        name
        for name, state in registry.state.backends.items()
        if name not in tried
        and state.status == "ready"
        and (manifest := registry.manifests.get(name))
        and not (manifest.cost_usd or manifest.network or manifest.requires_approval)
    ]
