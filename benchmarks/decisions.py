"""Measure what is found of decisions, and how surely they are told from what is only said.

    python benchmarks/decisions.py [WORLD...] [--dialogues locomo/turns.jsonl]

A world is a folder with files, transcripts, memories.jsonl and questions.jsonl that name the right and the superseded
passages; without any, those of `benchmarks/worlds`. Every question goes to all memories at once, with relevance and
priors fitted on the other worlds. A cue fires on a turn of a user's that commits to something by
its words alone; it is right if the turn is named by a question for a decision or for what is recent. What no question
names may be a decision, too, so that the precision is a lower bound. A decision that was changed later is linked if it
is shown as replaced by the change; replaced falsely is what a question names as right. `--dialogues` are conversations
of people without decisions about work: a share of their turns is all that is measured.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fit_relevance import HERE
from labelled_answers import is_right
from machine import heading
from strategies import by_command, cross_fitted

from memory_router.engines.transcripts import cues

_FIRST = 3
_FIRES = 0.5
_KINDS = ("decision", "relationship", "recent")

Question = Mapping[str, Any]
Results = Sequence[Mapping[str, Any]]


def main() -> None:
    """Ask, read and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="*", type=Path, default=sorted((HERE / "worlds").glob("world-*")))
    parser.add_argument("--dialogues", type=Path, help="one JSON object a line, with `text`")
    options = parser.parse_args()
    print(heading("Decisions, asked of all memories at once, nothing fitted on the world that is asked"))
    kinds = " | ".join(f"{kind} @{_FIRST}" for kind in _KINDS)
    print(f"| world | {kinds} | superseded first | changes linked | replaced falsely | cues fire | named |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        for one in cross_fitted(options.worlds, Path(place)):
            questions, results, _ = by_command(one.world, one.home, one.program, ("--all",))
            cells = (*found(questions, results), *replaced(questions, results), *told(one.world, questions))
            print(f"| {one.world.name} | {' | '.join(cells)} |", flush=True)
    if options.dialogues:
        turns = [json.loads(line)["text"] for line in options.dialogues.read_text("utf-8").splitlines()]
        print(f"\ndialogues: cues fire on {share(map(fires, turns))} of {len(turns):,} turns")


def found(questions: Sequence[Question], answers: Sequence[Results]) -> Iterator[str]:
    """Yield success among the first by kind, and how often a superseded passage stands before the right one."""
    pairs = list(zip(questions, answers, strict=True))
    for kind in _KINDS:
        yield share(rank(results, one, one["relevant"]) < _FIRST for one, results in pairs if one["kind"] == kind)
    stale = [(one, results) for one, results in pairs if one["kind"] == "decision" and one["stale"]]
    yield share(rank(results, one, one["stale"]) < rank(results, one, one["relevant"]) for one, results in stale)


def replaced(questions: Sequence[Question], answers: Sequence[Results]) -> Iterator[str]:
    """Yield how many changed decisions that are shown name their change, and how many right ones count as replaced."""
    linked = changed = falsely = in_force = 0
    for question, results in zip(questions, answers, strict=True):
        right, old = (_turns(question[which]) for which in ("relevant", "stale"))
        for result in results:
            turn, metadata = str(result.get("id", "")).removeprefix("lossless:"), result.get("metadata") or {}
            if not metadata.get("status"):
                continue
            later = metadata.get("superseded_by")
            changed, linked = changed + (turn in old), linked + (turn in old and later in right)
            in_force, falsely = in_force + (turn in right), falsely + (turn in right and later is not None)
    yield f"{linked} of {changed}"
    yield f"{falsely} of {in_force}"


def _turns(passages: Sequence[Mapping[str, Any]]) -> set[str]:
    return {passage["uuid"] for passage in passages if passage.get("uuid")}


def rank(results: Results, question: Question, passages: Sequence[Any]) -> int:
    """Return the place of the first result that holds one of some passages, from 0; past all where none does."""
    right = (place for place, one in enumerate(results) if is_right(one, passages, question["kind"]))
    return next(right, len(results))


def told(world: Path, questions: Sequence[Question]) -> Iterator[str]:
    """Yield on how many turns of users cues fire, and the share of these that questions name."""
    phrases = [
        passage["phrase"]
        for question in questions
        if question["kind"] in ("decision", "recent")
        for passage in (*question["relevant"], *question["stale"])
        if passage["where"] == "transcripts"
    ]
    turns = list(spoken(world))
    committed = [turn for turn in turns if fires(turn)]
    yield f"{len(committed)} of {len(turns)}"
    yield share(any(phrase in turn for phrase in phrases) for turn in committed)


def spoken(world: Path) -> Iterator[str]:
    """Yield what users say in the transcripts of a world."""
    for file in sorted((world / "transcripts").rglob("*.jsonl")):
        for line in file.read_text("utf-8", "replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            said = (record.get("message") or {}).get("content") or ()
            blocks = [{"type": "text", "text": said}] if isinstance(said, str) else said
            text = "\n".join(block.get("text", "") for block in blocks if block.get("type") == "text")
            if record.get("type") == "user" and text:
                yield text


def fires(text: str) -> bool:
    """Return whether a turn commits its user by its words alone."""
    return cues.read(text, "user").commitment >= _FIRES


def share(hits: Iterable[bool]) -> str:
    """Return the share of what holds, with three digits."""
    held = list(hits)
    return f"{sum(held) / len(held):.3f}" if held else "none"


if __name__ == "__main__":
    main()
