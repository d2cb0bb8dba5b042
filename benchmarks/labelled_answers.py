"""Ask worlds every labelled question, and label each result for itself."""

import json
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import apsw
from encoding import KeptEncoder

from memory_router.retrieval.relevance import Features
from memory_router.text import question_vector
from memory_router.text.terms import stems

# How many results of each answer are labelled.
DEPTH = 30
DAY = 86_400.0
# Of how many parts of a world some are asked alone, and how many are.
PARTS, PARTS_ASKED = 8, 1
# How many words of one text, words of none, and titles are asked for in a world.
WORDS, ABSENT, TITLES = 15, 5, 5
NAME = re.compile(r"\b[A-Za-z]{4,}\b")
TITLE = re.compile(r"\A# (.+)\n\s*(\S.{20,60})")
KNOWN = "known"


class Result(NamedTuple):
    """A labelled result: what speaks for it, whether it is right, whether it is superseded, and what it says."""

    features: Features
    right: bool
    stale: bool
    text: str


class Answer(NamedTuple):
    """What one store answers to one question of one world; `part` if it holds only a part of that world."""

    world: str
    question: str
    kind: str
    store: str
    results: list[Result]
    part: bool = False


def collect(world: Path, mode: str) -> Iterator[Answer]:
    """Ask a world every question, and parts of it, so that what is fitted holds in small stores, too."""
    yield from answers_of(world, world.name, mode)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(PARTS_ASKED):
            part = Path(folder) / str(number)
            copy_part(world, part, number)
            for answer in answers_of(part, world.name, mode):
                # Who asks a small store mostly asks about what it holds.
                is_held = any(result.right for result in answer.results)
                if is_held or crc32(f"{number} {answer.question}".encode()) % (2 * PARTS) == 0:
                    yield answer._replace(part=True)


def copy_part(world: Path, part: Path, number: int) -> None:
    """Copy every `PARTS`-th file, conversation and memory of a world, and all questions."""
    part.mkdir()
    for kind in ("files", "transcripts"):
        for place, file in enumerate(sorted(file for file in (world / kind).rglob("*") if file.is_file())):
            if place % PARTS == number:
                target = part / file.relative_to(world)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, target)
    lines = (world / "memories.jsonl").read_text("utf-8").splitlines(keepends=True)
    (part / "memories.jsonl").write_text("".join(lines[number::PARTS]), "utf-8")
    shutil.copy2(world / "questions.jsonl", part)


def answers_of(world: Path, name: str, mode: str) -> Iterator[Answer]:
    """Index a world into stores of its own, ask every question, and label every result."""
    from memory_router.engines.documents import store as passages
    from memory_router.engines.documents.indexing import index
    from memory_router.engines.documents.search import DocumentIndex
    from memory_router.engines.tiers import recall as remembered
    from memory_router.engines.tiers.admission import admit
    from memory_router.engines.tiers.memory import Selection
    from memory_router.engines.tiers.stores.in_process import in_memory
    from memory_router.engines.transcripts import vectors as turns
    from memory_router.engines.transcripts.archive import ImportedArchive
    from memory_router.engines.transcripts.importing import import_transcripts
    from memory_router.engines.transcripts.recall import recall
    from memory_router.engines.transcripts.turn import Window

    with tempfile.TemporaryDirectory() as folder:
        index([str(world / "files")], database=f"{folder}/documents.db")
        documents = DocumentIndex.open(f"{folder}/documents.db")
        assert documents
        import_transcripts([str(world / "transcripts")], database=f"{folder}/transcripts.db")
        archive = ImportedArchive.open(f"{folder}/transcripts.db")
        records = [json.loads(line) for line in (world / "memories.jsonl").read_text("utf-8").splitlines()]
        made = [admit(one["text"], one["tags"], created=moment(one["timestamp"])).memory for one in records]
        memories = in_memory(made, compares=mode != "words")
        now = max(one.created for one in made) + DAY
        encoder = KeptEncoder() if mode == "meaning" else None
        if encoder:
            encoder.encode(apsw.Connection(f"{folder}/documents.db"), passages.without_vectors)
            encoder.encode(apsw.Connection(f"{folder}/transcripts.db"), turns.without_meaning)
            encoder.encode(memories._connection, remembered.without_vectors)
        asked = [json.loads(line) for line in (world / "questions.jsonl").read_text("utf-8").splitlines()]
        for question in (*asked, *known_items(world, records)):
            text = question["query"]
            question_vector.take(encoder.vector(text) if encoder else None)
            hits = documents.search(text, DEPTH, "search" if mode == "words" else "query")
            results = [labelled(question, hit.features, hit.content, hit.path) for hit in hits]
            yield Answer(name, text, question["kind"], "qmd", results)
            recalled = memories.search(text, DEPTH, Selection(), now)
            results = [labelled(question, one.features, one.text) for one in recalled if one.features]
            yield Answer(name, text, question["kind"], "totalrecall", results)
            said = recall([archive], text, DEPTH, Window(), now) if archive else []
            results = [labelled(question, one.features, *shown(one)) for one in said]
            yield Answer(name, text, question["kind"], "lossless", results)


def known_items(world: Path, records: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield questions for what the asker knows to be there, and some for what is not there.

    People ask their notes for a name or a title, which says little and means one place (Azzopardi and de Rijke 2006,
    automatic construction of known-item finding test beds). Labelled questions are sentences, so that nothing would
    be learned of these.

    Args:
        world: its folder.
        records: its memories.
    """
    files = {
        file: file.read_text("utf-8", "replace") for file in sorted((world / "files").rglob("*")) if file.is_file()
    }
    said = [file.read_text("utf-8") for file in sorted((world / "transcripts").rglob("*")) if file.is_file()]
    texts = [*files.values(), *said, *(record["text"] for record in records)]
    places: dict[str, set[int]] = defaultdict(set)
    spelt: dict[str, str] = {}
    for number, text in enumerate(texts):
        for word in dict.fromkeys(NAME.findall(text)):
            stem = " ".join(stems(word))
            places[stem].add(number)
            spelt.setdefault(stem, word)
    alone = sorted((stem for stem, held in places.items() if len(held) == 1), key=lambda stem: crc32(stem.encode()))
    for number, stem in enumerate(alone[:WORDS]):
        word = spelt[stem]
        yield {
            "query": word.lower() if number % 2 else word,
            "kind": KNOWN,
            "relevant": [{"where": "", "phrase": word}],
        }
    for word in (spelt[stem][::-1].lower() for stem in alone[WORDS : WORDS + ABSENT]):
        yield {"query": word, "kind": KNOWN, "relevant": []}
    titled = sorted(
        (match for text in files.values() if (match := TITLE.search(text))), key=lambda one: crc32(one[1].encode())
    )
    for match in titled[:TITLES]:
        yield {"query": match[1], "kind": KNOWN, "relevant": [{"where": "", "phrase": match[2]}]}


def moment(text: str) -> float:
    """Return an ISO 8601 time in seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def shown(found: Any) -> tuple[str, str]:
    """Return what a result of conversations says, and the ids of the messages that it shows."""
    steps = [(step.turn.id, step.text) for step in found.chain] or [(found.turn.id, found.turn.text)]
    return "\n".join(text for _, text in steps), " ".join(
        [step[0] for step in steps] + [turn.id for turn in found.around]
    )


def labelled(question: Mapping[str, Any], features: Features, text: str, path: str = "") -> Result:
    """Label one result."""
    result = {"content": text, "path": path}
    right = is_right(result, question["relevant"], question["kind"])
    return Result(features, right, is_right(result, question.get("stale") or (), ""), text)


def is_right(result: Mapping[str, str], answers: Sequence[Mapping[str, str]], kind: str) -> bool:
    """Return whether a result holds one of the phrases, or names the path or the message, that answer a question."""
    blob, content = flat(json.dumps(result, ensure_ascii=False)), flat(result["content"])
    return any(
        flat(answer["phrase"]) in content
        or bool(answer.get("uuid") and answer["uuid"] in blob)
        or (answer["where"] == "files" and kind in ("symbol", "path", "relationship") and answer["path"] in blob)
        for answer in answers
    )


def flat(text: str) -> str:
    """Return a text with single spaces."""
    return re.sub(r"\s+", " ", text)
