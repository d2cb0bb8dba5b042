"""Read notes: sections, links, tags, mentions of code, people, and the names of things.

Names are found by how they are written: links, `[[wiki links]]`, `#tags`, **bold**, `code`, Capitalised Names, and
words after a determiner ("the row policies"). What only one text calls so is dropped when references are resolved.
"""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from memory_router.engines.graph.extraction import markdown
from memory_router.engines.graph.facts import LONGEST_EVIDENCE, Definition, Facts, References, Source, shown
from memory_router.text.words import identifiers_in, is_stop_word

_LONGEST_BODY = 4000  # characters of a section that can be searched
_LONGEST_LINE = 20_000  # characters; what is longer is data
_LINK = re.compile(
    r"(?<!\\)\[([^\]\n]{0,200})\]\((?:<([^>\n]{1,500})>|((?:[^()\s]|\([^()\s]{0,200}\)){1,500}))(?:\s[^)\n]{0,100})?\)"
)
_LINK_TARGET = re.compile(r" {0,3}\[([^\]^\n][^\]\n]{0,200})\]:\s*<?([^\s>][^>\n]{0,500}?)>?(?:\s+[\"'(].*)?$")
_WIKI_LINK = re.compile(r"(?<!\\)\[\[([^\]|#\n]{0,200})(#[^\]|\n]{0,200})?(?:\|[^\]\n]{0,200})?\]\]")
_TAG = re.compile(r"(?<![\w#&/])#([^\W\d_][\w/-]{1,40})\b")
_BLOCK = re.compile(r"(?:^|\s)\^([\w-]{1,60})[ \t]*$")
_TICKED = re.compile(r"`([^`\n]{2,100})`")
_BOLD = re.compile(r"\*\*([^*\n]{2,60})\*\*")
_NAME = re.compile(r"(?<![\w.`/@#])[A-Z][a-z\u00c0-\u017f]+(?: (?:[A-Z][a-z\u00c0-\u017f]+)){0,2}(?![\w/(])")
_PHRASE = re.compile(
    r"\b(?:the|an?|our|each|every|this|these|those|its|their|no|any)((?: [a-z][a-z-]{2,20}){1,3})", re.I
)
_HANDLE = re.compile(r"(?<![\w.@/])@([A-Za-z][\w-]{1,38})\b")
_ADDRESSED = re.compile(r"([A-Z][\w'-]+(?: [A-Z][\w'-]+){1,2}) <[\w.+-]+@[\w.-]+>")
_DOES = re.compile(
    r"\b([A-Z][a-z]+(?: [A-Z][a-z]+)?) (?:said|says|asked|asks|wants?|wanted|prefers?|preferred|owns?|owned|thinks?"
    r"|thought|wrote|writes|agreed|suggested|proposed|decided|measured|noticed|told|reviewed|reported|leads?|joined|explained)\b"
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=\S)")
_BULLET = re.compile(r"^(?:[#>]+|[-+*]|\d+[.)])\s+")
_CODE_NAME = re.compile(r"[A-Za-z_][\w./:-]*(?:\(\))?$")
_CALENDAR = frozenset(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december english i
    """.split()  # noqa: SIM905
)


def facts(source: Source, text: str) -> Facts:
    """Return what a note, a memory, a turn of a conversation or any other text states.

    Args:
        source: names the text.
        text: its content.
    """
    lines = text.split("\n")
    kind = source.language if source.language in ("memory", "turn") else "document"
    read = markdown.note(lines) if source.language == "markdown" else markdown.Note(0, (), (), lines, lines, ())
    path = shown(source.path, source.root)
    title = next((first.heading for first in read.sections), "") or (_beginning(text) if kind != "document" else "")
    name = title or os.path.basename(source.path)
    own_end = read.sections[0].line if read.sections and kind == "document" else len(lines)
    body = _body(lines, 0, own_end)
    top = Definition(kind, name, path, "", 1, len(lines), os.path.basename(source.path), body, aliases=read.aliases)
    definitions = [top]
    references = References(lines)
    for tag, number in read.tags:
        _tag(tag, number, path, references)
    for number, line in enumerate(lines[: read.front], 1):
        _read_links(line, line, number, path, source, references)
    _read(read, read.front, own_end, path, source, references)
    seen = {path}
    for section in read.sections:
        qualified = f"{path}#{section.heading}"
        if qualified in seen:
            qualified = f"{qualified}~{section.line + 1}"
        seen.add(qualified)
        body = _body(lines, section.line, section.end)
        blocks = tuple(block[1] for line in read.plain[section.line : section.end] if (block := _BLOCK.search(line)))
        own = Definition("section", section.heading, qualified, path, section.line + 1, section.end, title, body)
        definitions.append(own._replace(aliases=blocks))
        _read(read, section.line, section.end, qualified, source, references)
    return Facts(definitions, references.collected())


def _body(lines: Sequence[str], start: int, end: int) -> str:
    return "\n".join(lines[start:end])[:_LONGEST_BODY]


def _beginning(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 80 else flat[:79] + "…"


def _read(note: markdown.Note, start: int, end: int, where: str, source: Source, references: References) -> None:
    is_prose = source.language in ("markdown", "memory", "turn", "text", "rst")
    for number, (line, bare) in enumerate(zip(note.plain[start:end], note.bare[start:end], strict=True), start + 1):
        if not line.strip() or len(line) > _LONGEST_LINE:
            continue
        if not is_prose:
            _read_code(line, number, where, references, line.strip()[:LONGEST_EVIDENCE])
            continue
        if "[" in bare or "#" in bare:
            _read_links(bare, line, number, where, source, references)
        for first, last in _sentences(line):
            evidence = _told(line[first:last])
            prose = _LINK.sub(r"\1", evidence)
            _read_code(prose, number, where, references, evidence[:LONGEST_EVIDENCE])
            _read_names(prose, number, where, references, evidence[:LONGEST_EVIDENCE])


def _sentences(line: str) -> Iterator[tuple[int, int]]:
    """Yield where the sentences of a line begin and end."""
    start = 0
    for end in _SENTENCE_END.finditer(line):
        yield start, end.start()
        start = end.end()
    yield start, len(line)


def _told(sentence: str) -> str:
    return _BULLET.sub("", sentence.strip())


def _read_links(bare: str, said: str, line: int, where: str, source: Source, references: References) -> None:
    """Note the links and tags of a line without spans of code; the sentence around each, as it was said, proves it."""
    for link in (*_LINK.finditer(bare), *_LINK_TARGET.finditer(bare)):
        label, *targets = link.groups()
        target, evidence = next(filter(None, targets)), _sentence(said, link.start())
        if "://" not in target and not target.startswith(("#", "mailto:")):
            references.add(where, "links", _absolute(target, source), line, evidence)
        elif label:
            references.add(where, "names", label, line, evidence)
    for link in _WIKI_LINK.finditer(bare):
        if meant := _linked(link[1].strip(), (link[2] or "").rstrip("#"), source):
            references.add(where, "links", meant, line, _sentence(said, link.start()))
    for tag in _TAG.finditer(bare):
        _tag(tag[1], line, where, references, _sentence(said, tag.start()))


def _sentence(line: str, place: int) -> str:
    """Return the beginning of the sentence that holds a place of a line."""
    return next(_told(line[first:last]) for first, last in _sentences(line) if place <= last)[:LONGEST_EVIDENCE]


def _linked(target: str, part: str, source: Source) -> str:
    """Return where a wiki link leads: by the end of a path, to this note, or from its folder or the root."""
    if not target:
        return source.path + part if part else ""
    if target.startswith(("./", "../", "/")):
        base = source.root if target.startswith("/") else os.path.dirname(source.path)
        return os.path.normpath(os.path.join(base, target.lstrip("/"))) + part
    return target.removesuffix(".md") + part


def _tag(tag: str, line: int, where: str, references: References, evidence: str = "") -> None:
    """Note a tag and those above it: what is tagged `work/deep` is tagged `work`."""
    for name in accumulate(tag.split("/"), "{}/{}".format):
        references.add(where, "tagged", name, line, evidence)


def _read_names(prose: str, line: int, where: str, references: References, evidence: str) -> None:
    people = {name for pattern in (_ADDRESSED, _DOES, _HANDLE) for name in pattern.findall(prose)}
    people = {name for name in people if name.lower() not in _CALENDAR and not is_stop_word(name.lower())}
    for name in people:
        references.add(where, "person", name, line, evidence)
    bold = _BOLD.findall(prose)
    for name in bold:
        kind = "person" if _NAME.fullmatch(name) and " " in name and prose.startswith(f"**{name}**:") else "names"
        references.add(where, kind, name.strip(" :.,"), line, evidence)
    for match in _NAME.finditer(prose):
        name = match[0]
        first = name.partition(" ")[0].lower()
        if match.start() == 0 and (is_stop_word(first) or " " not in name):
            name = name.partition(" ")[2]
        if name and name.lower() not in _CALENDAR and name not in people and not is_stop_word(name.lower()):
            references.add(where, "names", name, line, evidence)
    for phrase in _PHRASE.findall(prose):
        words = []
        for word in phrase.split():
            if is_stop_word(word):
                break
            words.append(word)
        if len(words) > 1:
            references.add(where, "names", " ".join(words), line, evidence)


def _read_code(text: str, line: int, where: str, references: References, evidence: str) -> None:
    ticked = [name.removesuffix("()") for name in _TICKED.findall(text) if _CODE_NAME.match(name)]
    names = [name.text for name in identifiers_in(text) if name.is_code or "." in name.text]
    for name in dict.fromkeys([*ticked, *names]):
        references.add(where, "mentions", name.replace("::", "."), line, evidence)


def _absolute(target: str, source: Source) -> str:
    from urllib.parse import unquote

    path, sharp, part = unquote(target).partition("#")
    path = path.partition("?")[0]
    base = source.root if path.startswith("/") else os.path.dirname(source.path)
    return os.path.normpath(os.path.join(base, path.lstrip("/"))) + sharp + part
