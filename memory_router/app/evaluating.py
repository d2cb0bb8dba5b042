"""Test memory on the user's own material, without labels: ask for known passages, and for what no passage holds.

A question is made of the rarest words of one sentence of a passage, and answered where that sentence comes back
(known-item search; Azzopardi et al. 2007). A question without an answer takes each of its words from another passage.
Both are easier than a person's questions: the figures compare backends and settings of one installation, and say
nothing about other installations.
"""

import math
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from memory_router.app import looking
from memory_router.app.asking import QuietRouter, installed
from memory_router.contract import JsonObject
from memory_router.routing import config_file
from memory_router.routing.envelope import Envelope
from memory_router.routing.router import Choice, QuestionRouter
from memory_router.text.words import is_stop_word

# The graph is made of the same passages, and has no text of its own.
_ASKED = ("qmd", "totalrecall", "lossless")
_ALL = "all"
_LOOKED_AT = 2000
_PAGE = 200
_WORDS_A_QUESTION = 5
_LEAST_WORDS = 7
_PATIENCE_MS = 20_000
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"[^\W\d_]{3,}")
# Below it something is worth a proposal.
_GOOD = 0.8
_HIDDEN = 0.1


class Probe(NamedTuple):
    """A question with what answers it.

    Args:
        question: the text to ask.
        backend: whose passage it is about; empty where nothing answers.
        sentence: the sentence that answers it, or empty.
    """

    question: str
    backend: str
    sentence: str


class Score(NamedTuple):
    """How well one backend, or all at once, found passages.

    Args:
        questions: how many were asked for.
        success_at_1: the share whose passage came first.
        success_at_3: the share whose passage was among the first three.
        claimed: the mean relevance of the first results, those of questions without an answer among them.
        right: the share of the first results that were right.
        wrongly_accepted: the share of the questions without an answer that were accepted; None where none was asked.
        median_ms: the time of an answer.
    """

    questions: int
    success_at_1: float
    success_at_3: float
    claimed: float
    right: float
    wrongly_accepted: float | None
    median_ms: float


class Evaluation(NamedTuple):
    """What a test found.

    Args:
        passages: how many passages of each backend were looked at.
        scores: by backend, and of all at once.
        proposals: what would help, a sentence each.
    """

    passages: dict[str, int]
    scores: dict[str, Score]
    proposals: tuple[str, ...]

    def to_dict(self) -> JsonObject:
        """Return it as JSON has it."""
        scores = {name: score._asdict() for name, score in self.scores.items()}
        return {"passages": self.passages, "scores": scores, "proposals": list(self.proposals)}


class _Outcome(NamedTuple):
    rank: int | None
    claimed: float
    is_accepted: bool
    milliseconds: float


def evaluate(questions: int, advanced: Callable[[int, int], None] = lambda _done, _total: None) -> Evaluation:
    """Ask each backend for passages of its own, then all at once for all of them, and for what nobody has.

    Nothing is recorded. The same material gives the same questions.

    Args:
        questions: the largest number of passages of each backend, and of questions without an answer.
        advanced: hears how many questions of how many were asked.
    """
    texts = {backend: _texts(backend) for backend in _ASKED}
    chance = random.Random(0)  # noqa: S311 - a sample, no secret
    rarity = _rarity([text for own in texts.values() for text in own])
    known = {backend: _known(backend, own, rarity, questions, chance) for backend, own in texts.items()}
    unknown = _unknown([probe for own in known.values() for probe in own], questions, chance)
    registered = installed().state.backends
    runs = {name: [*known[name], *unknown] for name in _ASKED if known[name] and name in registered}
    runs[_ALL] = [*(probe for name in runs for probe in known[name]), *unknown]
    total = sum(map(len, runs.values()))
    outcomes: dict[str, list[tuple[Probe, _Outcome]]] = {}
    done = 0
    with QuietRouter(config_file.load(), _PATIENCE_MS, keep_warm=True) as router:
        for name, probes in runs.items():
            choice = Choice(strategy="all") if name == _ALL else Choice(backend=name)
            outcomes[name] = []
            for probe in probes:
                outcomes[name].append((probe, _asked(router, probe, choice)))
                done += 1
                advanced(done, total)
    scores = {name: _score(pairs) for name, pairs in outcomes.items() if pairs}
    passages = {name: len(own) for name, own in texts.items()}
    return Evaluation(passages, scores, tuple(_proposals(passages, scores, outcomes)))


def _texts(backend: str) -> list[str]:
    texts: list[str] = []
    after = ""
    while len(texts) < _LOOKED_AT:
        page = looking.page(looking.Filter(replaced=None), backend, after, _PAGE)
        texts += [listing.entry.excerpt for listing in page.listed if listing.entry.superseded_by is None]
        after = page.following
        if not after:
            break
    return texts


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if not is_stop_word(word.lower())]


def _rarity(texts: Sequence[str]) -> dict[str, float]:
    """Return the inverse document frequency of each word."""
    counts = Counter(word for text in texts for word in {word.lower() for word in _words(text)})
    return {word: math.log(len(texts) / count) for word, count in counts.items()}


def _known(
    backend: str, texts: Sequence[str], rarity: dict[str, float], most: int, chance: random.Random
) -> list[Probe]:
    probes = [probe for text in dict.fromkeys(texts) if (probe := _probe(backend, text, rarity))]
    return chance.sample(probes, min(most, len(probes)))


def _probe(backend: str, text: str, rarity: dict[str, float]) -> Probe | None:
    """Return a question about the longest sentence of a passage, or None where it says too little."""
    sentence = max(_SENTENCE.split(text), key=lambda part: len(set(_words(part))), default="")
    words = list(dict.fromkeys(word.lower() for word in _words(sentence)))
    if len(words) < _LEAST_WORDS:
        return None
    rarest = sorted(words, key=lambda word: -rarity[word])[:_WORDS_A_QUESTION]
    return Probe(" ".join(word for word in words if word in rarest), backend, sentence)


def _unknown(known: Sequence[Probe], most: int, chance: random.Random) -> list[Probe]:
    """Return questions that take each word from another passage, so that no passage answers them."""
    if len(known) < _WORDS_A_QUESTION:
        return []
    drawn = [chance.sample(known, _WORDS_A_QUESTION) for _ in range(min(most, len(known)))]
    return [Probe(" ".join(chance.choice(probe.question.split()) for probe in probes), "", "") for probes in drawn]


def _asked(router: QuestionRouter, probe: Probe, choice: Choice) -> _Outcome:
    started = time.perf_counter()
    envelope = router.query(probe.question, choice=choice, limit=10)
    milliseconds = (time.perf_counter() - started) * 1000
    rank = next(_ranks(envelope, probe), None)
    return _Outcome(rank, envelope.normalized_relevance, envelope.status == "success", milliseconds)


def _ranks(envelope: Envelope, probe: Probe) -> Iterator[int]:
    """Yield the places, from 0, of the results that hold the sentence."""
    sentence = _flat(probe.sentence)
    for place, result in enumerate(envelope.results):
        if sentence and sentence in _flat(result["content"]):
            yield place


def _flat(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


def _score(found: Sequence[tuple[Probe, _Outcome]]) -> Score:
    known = [outcome for probe, outcome in found if probe.backend]
    unknown = [outcome for probe, outcome in found if not probe.backend]
    times = sorted(outcome.milliseconds for _, outcome in found)

    def share(outcomes: Sequence[_Outcome], places: int) -> float:
        right = sum(outcome.rank is not None and outcome.rank < places for outcome in outcomes)
        return round(right / len(outcomes), 3) if outcomes else 0.0

    return Score(
        len(known),
        share(known, 1),
        share(known, 3),
        round(sum(outcome.claimed for _, outcome in found) / len(found), 3),
        share([*known, *unknown], 1),
        round(sum(outcome.is_accepted for outcome in unknown) / len(unknown), 3) if unknown else None,
        round(times[len(times) // 2], 1),
    )


def _proposals(
    passages: dict[str, int], scores: dict[str, Score], outcomes: dict[str, list[tuple[Probe, _Outcome]]]
) -> Iterator[str]:
    """Yield what would help, a sentence each."""
    commands = {
        "qmd": "index the folders with your notes and code: memory-router index FOLDER",
        "totalrecall": 'remember what matters: memory-router remember "..."',
        "lossless": "import your conversations: memory-router index --transcripts",
    }
    yield from (f"{name} holds nothing; {commands[name]}" for name, number in passages.items() if not number)
    for name in _ASKED:
        score = scores.get(name)
        if score is None:
            continue
        if score.success_at_3 < _GOOD:
            yield (
                f"{name} finds {score.success_at_3:.0%} of its own passages among the first three; a larger model "
                "may help: set MEMORY_ROUTER_EMBEDDING to the address of an endpoint that serves one"
            )
        merged = [outcome for probe, outcome in outcomes[_ALL] if probe.backend == name]
        first = sum(outcome.rank == 0 for outcome in merged) / len(merged)
        if score.success_at_1 - first > _HIDDEN:
            yield (
                f"asked at once, others come before the passages of {name} ({first:.0%} first instead of "
                f"{score.success_at_1:.0%}); rate answers to correct that: memory-router rules executions rate"
            )
