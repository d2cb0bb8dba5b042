"""Ask a model behind an HTTP endpoint: embeddings as OpenAI's API gives them, reranking as Cohere's and Jina's do.

Nothing here is called unless somebody has configured an endpoint. Only the standard library is used, redirects are not
followed, and neither the key nor what a server answers stands in any message.
"""

import json
import math
import time
from array import array
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from memory_router.text.embedding import ModelIdentity, RemoteModelError, Weight
from memory_router.text.redaction import redact

_BATCH = 64
_MOST_CHARACTERS = 8000  # of one text: about what the smallest models take
_MOST_BYTES = 64 * 2**20
_PIECE = 65_536
_SECONDS = 60.0  # for a batch, while indexing


class Endpoint(NamedTuple):
    """Where a model is served.

    Args:
        url: the base of the API, such as `http://localhost:11434/v1`.
        model: the model's name.
        key: what is sent as bearer token; empty for none.
    """

    url: str
    model: str
    key: str = ""

    def __repr__(self) -> str:
        """Return it without the key, for whatever may log it."""
        return f"Endpoint({self.shown}, {self.model})"

    @property
    def shown(self) -> str:
        """Return the address without a password, a query or a fragment that may stand in it."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return "The endpoint"
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"

    def post(self, path: str, body: Any, seconds: float) -> Any:
        """Send a JSON object and return the one that is answered.

        Args:
            path: what comes after the base, such as `/embeddings`.
            body: the object, without the model.
            seconds: how long it may take in all.

        Raises:
            UnansweredError: the address is invalid, nobody answers in time, or not with status 200 and a JSON object.
        """
        ends = time.monotonic() + seconds
        if seconds <= 0:
            raise RemoteModelError(f"{self.shown} was not asked: no time was left.")
        try:
            parts = urlsplit(self.url)
            kind = {"http": HTTPConnection, "https": HTTPSConnection}[parts.scheme]
            connection = kind(parts.hostname or "", parts.port, timeout=seconds)
        except (KeyError, ValueError) as error:
            raise RemoteModelError(f"{self.shown} is not an address of an HTTP endpoint.") from error
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        try:
            sent = json.dumps({"model": self.model, **body}).encode()
            connection.request("POST", parts.path.rstrip("/") + path, sent, headers)
            with connection.getresponse() as response:
                if response.status != 200:
                    raise RemoteModelError(f"{self.shown} answered with status {response.status}.")
                answer = json.loads(_read(connection, response, ends))
        except TimeoutError as error:
            raise RemoteModelError(f"{self.shown} did not answer within {seconds:.1f} s.") from error
        except (OSError, HTTPException) as error:
            raise RemoteModelError(f"{self.shown} cannot be reached ({type(error).__name__}).") from error
        except (ValueError, RecursionError) as error:
            raise RemoteModelError(f"{self.shown} answered with something that is not JSON.") from error
        finally:
            connection.close()
        if not isinstance(answer, dict):
            raise RemoteModelError(f"{self.shown} answered with JSON that is not an object.")
        return answer


class EndpointEmbedding:
    """Embed texts by an OpenAI-compatible endpoint.

    Args:
        endpoint: where.
    """

    is_weighted = False
    is_calibrated = False

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.identity = ModelIdentity(f"{endpoint.model} at {endpoint.shown}", 0)

    def embed(self, text: str, _weight: Weight | None = None, seconds: float = _SECONDS) -> "array[float]":
        """Return the vector of a question, whose secrets are not sent.

        Raises:
            UnansweredError: the endpoint does not answer in time, or not with one vector.
        """
        return array("f", self._asked([text], seconds)[0])

    def embed_all(
        self, texts: Sequence[str], _weight: Weight | None = None, _around: Sequence[str] = ()
    ) -> list[list[float]]:
        """Return the vectors of passages, one a text.

        Raises:
            UnansweredError: the endpoint does not answer in time, or not with as many vectors of one length.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            vectors += self._asked(texts[start : start + _BATCH], _SECONDS)
        if len({len(vector) for vector in vectors}) > 1:
            raise RemoteModelError(f"{self._endpoint.shown} gave vectors of different lengths.")
        return vectors

    def _asked(self, texts: Sequence[str], seconds: float) -> list[list[float]]:
        sent = [redact(text[:_MOST_CHARACTERS]).text for text in texts]
        answer = self._endpoint.post("/embeddings", {"input": sent, "encoding_format": "float"}, seconds)
        try:
            vectors = {entry["index"]: [float(value) for value in entry["embedding"]] for entry in answer["data"]}
            ordered = [vectors[place] for place in range(len(texts))]
        except (LookupError, TypeError, ValueError) as error:
            raise RemoteModelError(f"{self._endpoint.shown} did not answer with one vector a text.") from error
        if not all(vector and all(map(math.isfinite, vector)) for vector in ordered):
            raise RemoteModelError(f"{self._endpoint.shown} gave an empty vector, or one that is not numbers.")
        return ordered


class EndpointReranker:
    """Judges passages by a reranker behind an endpoint that speaks as Cohere's and Jina's do.

    Args:
        endpoint: where.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def scores(self, question: str, passages: Sequence[str], seconds: float) -> list[float]:
        """Return how well each passage answers a question; comparable within one answer only.

        Raises:
            UnansweredError: the endpoint does not answer in time, or not with one score a passage.
        """
        documents = [redact(text[:_MOST_CHARACTERS]).text for text in passages]
        body = {"query": redact(question).text, "documents": documents, "top_n": len(documents)}
        answer = self._endpoint.post("/rerank", body, seconds)
        try:
            by_place = {entry["index"]: float(entry["relevance_score"]) for entry in answer["results"]}
            scores = [by_place[place] for place in range(len(documents))]
        except (LookupError, TypeError, ValueError) as error:
            raise RemoteModelError(f"{self._endpoint.shown} did not answer with one score a passage.") from error
        if not all(map(math.isfinite, scores)):
            raise RemoteModelError(f"{self._endpoint.shown} gave a score that is not a number.")
        return scores


def _read(connection: HTTPConnection, response: Any, ends: float) -> bytes:
    """Return the body of an answer; one that comes by drops has no more time than any other."""
    pieces, size = [], 0
    while piece := response.read1(_PIECE):
        pieces.append(piece)
        size += len(piece)
        left = ends - time.monotonic()
        if left <= 0 or size > _MOST_BYTES:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
    return b"".join(pieces)
