"""Compare questions with the passages of a store by their vectors.

One bit a dimension chooses the nearest, one byte a dimension orders them: a million passages take 32 MB to look
through.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import apsw

from memory_router.errors import install_command
from memory_router.retrieval.models import chosen_embedding
from memory_router.retrieval.vectors import last_embedded
from memory_router.storage.sqlite import load_distances
from memory_router.text import question_vector
from memory_router.text.embedding import ENCODER_NAME, Embedding, RemoteModelError, quantized
from memory_router.text.question_vector import QuestionVector
from memory_router.text.words import is_stop_word

# How many vectors with the fewest different bits are compared exactly, for each result.
_OVERSAMPLED = 6
# Of how many passages the scale of a model is taken, and from how many on it says something.
_SAMPLED, _FEWEST = 200, 20
# Mean and deviation of the cosines of static vectors (regression over the results that `fit_relevance.py` labels).
_MEAN, _DEVIATION = 0.060, 0.080

# A text without a word that tells has a vector of zeros, which has no distance to anything.
_COSINE = "1 - coalesce(vec_distance_cosine(vec_int8(vector), vec_int8(:question)), 1)"
_COSINES = f"""
    SELECT v.id, {_COSINE}
    FROM json_each(:keys) wanted CROSS JOIN vectors v ON v.model = :model AND v.id = wanted.value
"""  # noqa: S608  # constants of ours, as below
_NEAREST = f"""
    SELECT v.id, {_COSINE} AS cosine FROM (
        SELECT id FROM vector_bits WHERE model = :model
        ORDER BY vec_distance_hamming(vec_bit(bits), vec_bit(:bits)) LIMIT :compared
    ) alike CROSS JOIN vectors v ON v.model = :model AND v.id = alike.id
    ORDER BY cosine DESC, v.id LIMIT :limit
"""  # noqa: S608
# Passages at large are drawn once, and kept where every question finds them in one place.
_KEPT = "CREATE TEMP TABLE IF NOT EXISTS passages_at_large(model INTEGER NOT NULL, vector BLOB NOT NULL)"
_FORGET = "DELETE FROM temp.passages_at_large WHERE model = ?"
_DRAW = """
    INSERT INTO temp.passages_at_large SELECT v.model, v.vector
    FROM json_each(:keys) drawn CROSS JOIN vectors v ON v.model = :model AND v.id = drawn.value
"""
_AT_LARGE = f"SELECT {_COSINE} FROM temp.passages_at_large WHERE model = :model"  # noqa: S608


class Likeness(NamedTuple):
    """How like a question passages of a store are.

    Args:
        map_name: which fitted map tells what that is worth: `words`, as nothing was compared, `static` or `meaning`.
        of: cosine and standing (see `Vectors.likeness`) by row number.
    """

    map_name: str
    of: Mapping[int, tuple[float, float]]


NO_LIKENESS = Likeness("words", {})


class Vectors:
    """The vectors of one model in one store.

    Args:
        connection: an open store that has learned the distance functions.
        name: the model's name.
        model: its number in the store.
        dimension: how many numbers a vector has.
        is_calibrated: whether the cosines of this model are those that relevance was fitted with.
    """

    def __init__(
        self, connection: apsw.Connection, name: str, model: int, dimension: int, *, is_calibrated: bool = True
    ) -> None:
        self.name = name
        self.dimension = dimension
        self._connection = connection
        self._model = model
        self._is_calibrated = is_calibrated
        self._question = b""
        self._compared: dict[int, float] = {}
        self._drawn: object = None

    @classmethod
    def open(cls, connection: apsw.Connection, name: str, *, is_calibrated: bool = True) -> "Vectors | str":
        """Return the vectors of a model, or one sentence that says why they cannot be compared.

        Args:
            connection: an open store; it learns the distance functions.
            name: the model's name.
            is_calibrated: whether the cosines of this model are those that relevance was fitted with.
        """
        row = connection.execute("SELECT model, dimension FROM vector_models WHERE name = ?", (name,)).fetchone()
        if row is None:
            held = connection.execute("SELECT name FROM vector_models WHERE name <> ?", (ENCODER_NAME,)).get
            if held is None:
                return "The index holds no vectors yet. Run: memory-router index"
            return f"The index holds vectors of {held}, not of {name}. Run: memory-router index"
        if not load_distances(connection):
            return f"Vectors cannot be compared: sqlite-vec is not installed. Run: {install_command()}"
        return cls(connection, name, *row, is_calibrated=is_calibrated)

    def ask(self, vector: bytes) -> None:
        """Take the vector of the question that is looked for, one signed byte a dimension."""
        self._question = vector
        self._compared = {}

    def last(self) -> int:
        """Return the highest row number that has a vector, 0 without any: passages get theirs in this order."""
        return last_embedded(self._connection, self._model)

    def nearest(self, limit: int) -> list[int]:
        """Return the keys of the passages nearest to the prepared question, nearest first."""
        if not any(self._question):
            return []
        bits = self._connection.execute("SELECT vec_quantize_binary(vec_int8(?))", (self._question,)).get
        bindings = {**self._bindings(), "bits": bits, "compared": _OVERSAMPLED * limit, "limit": limit}
        nearest = dict(self._connection.execute(_NEAREST, bindings))
        self._compared.update(nearest)
        return list(nearest)

    def likeness(self, keys: Iterable[int]) -> Likeness:
        """Return how like the prepared question passages are; those without a vector are left out.

        A question without a vector, such as an emoji, is compared with nothing, so words alone judge it. The first
        number is the cosine. The second is how far it lies above the cosines of passages at large, in their standard
        deviations: that means the same for every model. It is 0 in a store too small to tell.
        """
        if not any(self._question):
            return NO_LIKENESS
        sample = self._at_large()
        mean, deviation = 0.0, 0.0
        if len(sample) >= _FEWEST:
            mean = math.fsum(sample) / len(sample)
            deviation = math.sqrt(math.fsum((sampled - mean) ** 2 for sampled in sample) / len(sample))
        likeness = {}
        for key, cosine in self._cosines(keys).items():
            standing = (cosine - mean) / deviation if deviation > 1e-6 else 0.0
            # What a cosine means differs from model to model; where it is not known, the standing tells.
            likeness[key] = (cosine if self._is_calibrated else _MEAN + _DEVIATION * standing), standing
        return Likeness("meaning" if self.name == ENCODER_NAME else "static", likeness) if likeness else NO_LIKENESS

    def _cosines(self, keys: Iterable[int]) -> dict[int, float]:
        wanted = list(keys)
        further = [key for key in wanted if key not in self._compared]
        bindings = {**self._bindings(), "keys": json.dumps(further)}
        self._compared.update(self._connection.execute(_COSINES, bindings))
        return {key: self._compared[key] for key in wanted if key in self._compared}

    def _at_large(self) -> list[float]:
        """Return the cosines of passages that are spread over the store."""
        version = self._connection.pragma("data_version"), self._connection.total_changes()
        if version != self._drawn:
            last = self.last()
            self._connection.execute(_KEPT)
            self._connection.execute(_FORGET, (self._model,))
            keys = range(1, last + 1, max(1, last // _SAMPLED))
            self._connection.execute(_DRAW, {"model": self._model, "keys": json.dumps(list(keys))})
            self._drawn = version[0], self._connection.total_changes()
        return [cosine for (cosine,) in self._connection.execute(_AT_LARGE, self._bindings())]

    def _bindings(self) -> dict[str, Any]:
        return {"model": self._model, "question": self._question}


class StoreVectors:
    """The vectors that the questions to one store are compared by.

    These are the encoder's where a question comes with its own and every passage of the store has one; else those of
    the model that is chosen: static vectors, unless the user chose another one.

    Args:
        connection: an open store; it learns the distance functions.
        embedded: SQL, which of its rows behind a row number are given vectors: `TABLE WHERE ID > ?`.
    """

    def __init__(self, connection: apsw.Connection, embedded: str) -> None:
        self._connection = connection
        self._further_sql = f"SELECT EXISTS (SELECT 1 FROM {embedded})"  # noqa: S608  # a constant of ours
        self._embedding = chosen_embedding()
        self._opened: dict[str, Vectors | str] = {}
        self._asked: tuple[str, bytes] = ("", b"")
        self._unprepared = ""

    def prepared(self, question: str, weight: Callable[[str], float], seconds: float) -> Vectors | None:
        """Return the vectors that a question can be compared by, prepared for it, or None.

        Args:
            question: any text.
            weight: idf of a lower-case word in this store.
            seconds: how long a model elsewhere may take.
        """
        self._unprepared = ""
        held = question_vector.at_hand()
        if held and question.strip() and (encoded := self._covered(held)):
            encoded.ask(held.vector)
            return encoded
        opened = self._of_choice()
        if isinstance(opened, str) or isinstance(self._embedding, str):
            return None
        self._unprepared = self._prepare(opened, self._embedding, question, weight, seconds)
        return None if self._unprepared else opened

    def trouble(self) -> str:
        """Return one sentence that says why the last question was not compared by vectors, or nothing if it was."""
        opened = self._of_choice()
        return opened if isinstance(opened, str) else self._unprepared

    def _covered(self, held: QuestionVector) -> Vectors | None:
        """Return the vectors of the question's model, if every passage has one."""
        opened = self._open(held.model)
        if isinstance(opened, str):
            del self._opened[held.model]  # they may be made while this store is open
            return None
        fits = opened.dimension == len(held.vector)
        return opened if fits and not self._connection.execute(self._further_sql, (opened.last(),)).get else None

    def _of_choice(self) -> Vectors | str:
        if isinstance(self._embedding, str):
            return self._embedding
        return self._open(self._embedding.identity.name, is_calibrated=self._embedding.is_calibrated)

    def _open(self, name: str, *, is_calibrated: bool = True) -> Vectors | str:
        if name not in self._opened:
            self._opened[name] = Vectors.open(self._connection, name, is_calibrated=is_calibrated)
        return self._opened[name]

    def _prepare(
        self, opened: Vectors, embedding: Embedding, question: str, weight: Callable[[str], float], seconds: float
    ) -> str:
        """Embed a question by the model that is chosen; return one sentence that says why that failed, or nothing."""
        if self._asked[0] != question or not self._asked[1]:
            try:
                vector = embedding.embed(
                    _spelt(question), lambda word: 0.0 if is_stop_word(word) else weight(word), seconds
                )
            except RemoteModelError as error:
                return f"The question could not be embedded: {error}"
            if len(vector) != opened.dimension:
                return (
                    f"{opened.name} gives {len(vector)} numbers, and the index holds {opened.dimension}."
                    " Run: memory-router index"
                )
            self._asked = question, quantized(vector)
        opened.ask(self._asked[1])
        return ""


def _spelt(question: str) -> str:
    """Return a question as it is embedded, whose words are known by their capitals.

    Who types nothing else means nothing by them; a word alone may be a name or not, however it is typed.
    """
    word = question.strip()
    if word.isalpha() and (word.islower() or word.istitle() or word.isupper()):
        return f"{word.lower()} {word.title()}"
    return question.lower() if question.isupper() else question
