"""Route questions by the rules beside the table, from a file that is compiled whenever those rules change.

The ask path opens no database: it maps this file, compares the question's signature with those of all rules (one
exclusive or and a count of bits each), and reads only the few that are near. People's rules come before learned ones.

The file: the length of the header as four bytes, the header as JSON, then for each rule matched by meaning its
signature (32 bytes), then its vector (256 float32 numbers), then where its record ends (8 bytes), then the records.
"""

import json
import mmap
import os
import re
import struct
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from memory_router.errors import ConfigError
from memory_router.paths import make_private
from memory_router.routing.config import Learning, Step
from memory_router.routing.patterns import compile_pattern
from memory_router.routing.rules import Match, RoutingRule

# Most users have no such rule: what only matching by meaning needs is imported where that happens.
if TYPE_CHECKING:
    from memory_router.learning.rule import RuleRecord

_VERSION = 2
_DIMENSION = 256
_SIGNATURE_BYTES = _DIMENSION // 8
_VECTOR_BYTES = _DIMENSION * 4
# How many rules with a near signature are compared exactly.
_COMPARED = 32
_BEGINNING = 4


class CompiledRules:
    """Match questions against the compiled rules; a rule source that is silent while there are none.

    Args:
        file: the path of the compiled rules.
        settings: the thresholds, and which learned rules may be used.
        signal_timeout_ms: how long one regular expression may run on a question.
    """

    def __init__(self, file: str, settings: Learning, signal_timeout_ms: int) -> None:
        self._file = file
        self._settings = settings
        self._timeout_s = signal_timeout_ms / 1000
        self._rules: _Rules | None = None
        self._stamp: tuple[int, int] | None = None

    def match(self, query: str) -> Match | None:
        """Return the route of the first rule that takes `query`: people's patterns, then the most similar rule."""
        rules = self._current()
        if rules is None:
            return None
        return self._by_pattern(query, rules) or self._by_meaning(query, rules)

    def _current(self) -> "_Rules | None":
        """Return the rules as the file holds them now: a router that runs for long sees what was approved meanwhile."""
        try:
            status = os.stat(self._file)
        except OSError:
            return None
        stamp = status.st_ino, status.st_mtime_ns
        if stamp != self._stamp:
            self._rules, self._stamp = _read(self._file), stamp
        return self._rules

    def _by_pattern(self, query: str, rules: "_Rules") -> Match | None:
        for record in rules.patterns:
            with suppress(TimeoutError, ConfigError):
                found = compile_pattern(record["request_pattern"], f"rule {record['id']}").search(
                    query, timeout=self._timeout_s
                )
                if found:
                    return _match(record, None, found.span())
        return None

    def _by_meaning(self, query: str, rules: "_Rules") -> Match | None:
        # Opening the model costs as much as the rest of the question; requests without a word in common are not alike.
        if not rules.signatures or rules.beginnings.isdisjoint(_beginnings(query)):
            return None
        from memory_router.text.request_vectors import model

        requests = model()
        if requests.name != rules.model:  # compiled with another model: compared, the vectors would say nothing
            return None
        vector = requests.embed(query)
        for similarity, record in rules.nearest(vector, requests.reach, self._settings.similarity_threshold):
            if self._may_use(record):
                return _match(record, similarity, None)
        return None

    def _may_use(self, record: dict[str, Any]) -> bool:
        """Say whether a rule may route: a person's own always, a learned one as the mode allows."""
        if not record["auto_generated"]:
            return True
        if self._settings.mode == "off":
            return False
        if record["state"] == "approved":
            return True
        return self._settings.mode == "on" and record["confidence_score"] >= self._settings.confidence_threshold


class _Rules(NamedTuple):
    """Hold the opened file: the header's parts, and where the rest lies."""

    model: str
    manual: int
    patterns: list[dict[str, Any]]
    beginnings: frozenset[str]
    signatures: list[int]
    content: mmap.mmap | bytes
    vectors: int
    ends: int
    records: int

    def nearest(self, vector: "array[float]", reach: int, least: float) -> Iterator[tuple[float, dict[str, Any]]]:
        """Yield the rules that are more similar to a request than `least`: people's first, then by similarity.

        Args:
            vector: the request.
            reach: in how many bits the signatures of similar requests differ at the most.
            least: the cosine above which a rule counts.
        """
        from memory_router.text.request_vectors import signature

        own = signature(vector)
        near = [
            (distance, number)
            for number, other in enumerate(self.signatures)
            if (distance := (own ^ other).bit_count()) <= reach
        ]
        compared = [(self._similarity(vector, number), number) for _, number in sorted(near)[:_COMPARED]]
        # People's rules were compiled before learned ones.
        similar = [
            (number >= self.manual, -similarity, number) for similarity, number in compared if similarity > least
        ]
        for _, similarity, number in sorted(similar):
            yield -similarity, self._record(number)

    def _similarity(self, vector: "array[float]", number: int) -> float:
        from memory_router.text.request_vectors import cosine

        start = self.vectors + number * _VECTOR_BYTES
        return cosine(vector, array("f", self.content[start : start + _VECTOR_BYTES]))

    def _record(self, number: int) -> dict[str, Any]:
        places = struct.unpack_from("<2Q", self.content, self.ends + number * 8)
        record: dict[str, Any] = json.loads(self.content[self.records + places[0] : self.records + places[1]])
        return record


def write_compiled(file: str, rules: "Sequence[RuleRecord]", vectors: Sequence["array[float] | None"]) -> None:
    """Compile rules for the ask path, and put them in place of what was there at once.

    Args:
        file: the path of the compiled rules.
        rules: every rule that may route, people's regular expressions in the order in which they are tried.
        vectors: for each rule its vector by the model that is installed, or None for a regular expression.

    Raises:
        OSError: the file cannot be written.
    """
    from memory_router.text.request_vectors import model, signature, telling_words

    patterns = [_record(rule) for rule, vector in zip(rules, vectors, strict=True) if vector is None]
    by_meaning = [(rule, vector) for rule, vector in zip(rules, vectors, strict=True) if vector is not None]
    by_meaning.sort(key=lambda pair: pair[0].auto_generated)
    header = json.dumps(
        {
            "version": _VERSION,
            "model": model().name,
            "count": len(by_meaning),
            "manual": sum(not rule.auto_generated for rule, _ in by_meaning),
            "patterns": patterns,
            "beginnings": sorted(
                {beginning for rule, _ in by_meaning for beginning in _beginnings(telling_words(rule.request_pattern))}
            ),
        }
    )
    records = [json.dumps(_record(rule)).encode() for rule, _ in by_meaning]
    ends = [0]
    for record in records:
        ends.append(ends[-1] + len(record))
    make_private(os.path.dirname(file))
    draft = f"{file}.{os.getpid()}"
    with open(draft, "wb") as out:
        out.write(struct.pack("<I", len(header.encode())) + header.encode())
        out.writelines(signature(vector).to_bytes(_SIGNATURE_BYTES, "little") for _, vector in by_meaning)
        out.writelines(vector.tobytes() for _, vector in by_meaning)
        out.write(struct.pack(f"<{len(ends)}Q", *ends))
        out.writelines(records)
    os.replace(draft, file)


def _read(file: str) -> "_Rules | None":
    """Open compiled rules; those of another version, or damaged, count as none until they are compiled again."""
    try:
        with open(file, "rb") as opened:
            content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        start = 4 + struct.unpack_from("<I", content)[0]
        header = json.loads(content[4:start])
        count = header["count"]
        vectors = start + count * _SIGNATURE_BYTES
        ends = vectors + count * _VECTOR_BYTES
        records = ends + (count + 1) * 8
        held = content[start:vectors]
        if header["version"] != _VERSION or len(content) != records + struct.unpack_from("<Q", content, records - 8)[0]:
            return None
        signatures = [
            int.from_bytes(held[at : at + _SIGNATURE_BYTES], "little") for at in range(0, len(held), _SIGNATURE_BYTES)
        ]
        return _Rules(
            header["model"],
            header["manual"],
            header["patterns"],
            frozenset(header["beginnings"]),
            signatures,
            content,
            vectors,
            ends,
            records,
        )
    except (OSError, ValueError, LookupError, struct.error):
        return None


def _beginnings(text: str) -> set[str]:
    """Return how the words of a text begin, so that other forms of a word count as the word."""
    return {word[:_BEGINNING] for word in re.findall(r"[^\W_]+", text.lower())}


def _record(rule: "RuleRecord") -> dict[str, Any]:
    return rule._asdict()


def _match(record: dict[str, Any], similarity: float | None, span: tuple[int, int] | None) -> Match:
    steps = (record["recommended_system_id"], *record["alternative_systems"])
    source = "learned" if record["auto_generated"] else "manual"
    check = record["governance_check"] or {}
    rule = RoutingRule(
        record["id"],
        source,
        record["request_pattern"],
        None if similarity is None else round(similarity, 4),
        record["requires_approval"],
        bool(check.get("escalation_required")),
        {name: record[name] for name in _EVIDENCE},
    )
    return Match(None, None, span, tuple(map(Step.parse, steps)), source=source, routing_rule=rule)


_EVIDENCE = ("based_on_executions", "success_rate", "confidence_score", "avg_cost_usd", "avg_duration_ms", "created_by")
