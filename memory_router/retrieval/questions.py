"""Encode questions in a process that stays: each once, however many stores it is put to."""

from threading import Lock

from memory_router.retrieval import models
from memory_router.text.embedding import Embedding, quantized
from memory_router.text.question_vector import QuestionVector


class QuestionEncoder:
    """Encode questions by the extra `meaning`, where it is installed; several threads may ask."""

    def __init__(self) -> None:
        self._loading, self._encoding = Lock(), Lock()
        self._encoder: Embedding | str | None = None
        self._last: tuple[str, str | None] = ("", None)

    def load(self) -> None:
        """Load the model, which takes a third of a second; do nothing while another thread does so."""
        if self._encoder is None and self._loading.acquire(blocking=False):
            try:
                self._encoder = models.encoder()
            finally:
                self._loading.release()

    def vector(self, question: str) -> str | None:
        """Return the vector of a question, written; None without a model, or while another thread loads it."""
        self.load()
        encoder = self._encoder
        if encoder is None or isinstance(encoder, str) or not question.strip():
            return None
        with self._encoding:
            if self._last[0] != question:
                vector = quantized(encoder.embed(question, _alike))
                self._last = question, QuestionVector(encoder.identity.name, vector).written()
            return self._last[1]


def _alike(_word: str) -> float:
    return 1.0


_OF_THIS_PROCESS = QuestionEncoder()
load, vector = _OF_THIS_PROCESS.load, _OF_THIS_PROCESS.vector
