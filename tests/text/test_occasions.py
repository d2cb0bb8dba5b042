"""The phrases of occasions can be read in every language."""

import json
from pathlib import Path

import pytest

from memory_router.text import occasions
from memory_router.text.phrases import tokens_of

FILES = sorted(Path(occasions.__file__).parent.glob("*.json"))
KINDS = {"asks", "ours", "mine", "specific", "proposes", "general", "at_hand"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_language_has_every_kind_of_phrase(file: Path) -> None:
    """A file names every kind, and its phrases can be compiled and looked for."""
    assert set(json.loads(file.read_text(encoding="utf-8"))) == KINDS | {"back"}
    language = occasions.Occasions(file.stem)
    tokens = tokens_of("word")
    assert language.pointer(tokens) is None
    assert not any(language.has(kind, tokens) for kind in KINDS)
