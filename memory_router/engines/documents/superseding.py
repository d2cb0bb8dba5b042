"""Find documents that say that another one replaced them, or that they replaced another, as decision records do.

Only a statement at the head of a document counts, and only where it names the other one: by a link, by its file, by its
title, or by a label and number such as `ADR 9`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# How many lines at the head of a document are read: front matter, title, status and first sentences.
_LINES = 20
# A title of fewer characters could stand anywhere.
_SHORTEST_TITLE = 8
# One of these stands in every statement below; most documents hold none, and looking for them costs hardly anything.
_STEMS = (
    "supersed",
    "replac",
    "obsolet",
    "ersetzt",
    "abgelöst",
    "remplac",
    "reemplaz",
    "sustitu",
    "sostitu",
    "substitu",
    "vervang",
)
# What a document says of what replaced it, and of what it replaces, in the languages of intent and their neighbours.
# Compiled when first met, as all patterns here.
_BY = (
    r"(?i)\b(?:(?:superseded|replaced|obsoleted)[ _-]?by|ersetzt durch|abgelöst (?:durch|von)|remplacée? par"
    r"|(?:reemplazad|sustituid|sostituit|substituíd)[oa] (?:por|da)|vervangen door)\b(?P<other>.*)"
)
_OF = (
    r"(?i)\b(?:supersedes|replaces|obsoletes|ersetzt(?! durch)|remplace|reemplaza|sustituye|sostituisce|substitui"
    r"|vervangt)\b(?P<other>.*)"
)
_LINKED = r"\]\(<?([^)>#\s]+)|\[\[([^\]|#]+)|([\w./-]+\.\w+)"
_NUMBERED = r"\b([^\W\d_]{2,12})[ #_-]*0*(\d{1,6})\b"
_FILE_NUMBER = r"(?<!\d)0*(\d{1,6})(?!\d)"


class Opening(NamedTuple):
    """How a document begins: its absolute path, its title, and its first passages."""

    path: str
    title: str
    text: str


def successors(openings: Sequence[Opening]) -> Mapping[str, str]:
    """Return by the path of each document that was replaced the path of the one among these that is in force instead.

    Args:
        openings: the documents in question.
    """
    replaced: dict[str, str] = {}
    for opening in openings:
        lowered = opening.text.lower()
        if not any(stem in lowered for stem in _STEMS):
            continue
        for line in opening.text.splitlines()[:_LINES]:
            by, of = re.search(_BY, line), re.search(_OF, line)
            for other in openings:
                if other.path == opening.path:
                    continue
                if by and _names(by["other"], other):
                    replaced.setdefault(opening.path, other.path)
                elif of and not by and _names(of["other"], other):
                    replaced.setdefault(other.path, opening.path)
    return {path: last for path in replaced if (last := _last(path, replaced)) != path}


def _last(path: str, replaced: Mapping[str, str]) -> str:
    """Return what is in force at the end of a chain; of documents that replace each other, none gives way."""
    chain = [path]
    while (path := replaced.get(path, "")) and path not in chain:
        chain.append(path)
    return chain[0] if path else chain[-1]


def _names(statement: str, document: Opening) -> bool:
    """Return whether a statement names a document."""
    from urllib.parse import unquote  # few documents say so, and this import is dear

    name = os.path.basename(document.path).casefold()
    stem = os.path.splitext(name)[0]
    for groups in re.findall(_LINKED, statement):
        target = os.path.basename(unquote(next(filter(None, groups)))).strip().casefold()
        if target and target in (name, stem):
            return True
    if len(document.title) >= _SHORTEST_TITLE and document.title.casefold() in statement.casefold():
        return True
    number = re.search(_FILE_NUMBER, name)
    label = f"{os.path.basename(os.path.dirname(document.path))} {stem} {document.title}".casefold()
    return number is not None and any(
        digits == number[1] and word.casefold() in label for word, digits in re.findall(_NUMBERED, statement)
    )
