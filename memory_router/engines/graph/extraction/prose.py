"""Read notes: sections, links, tags, mentions of code, people, and the names of things.

Names are found by how they are written: links, `[[wiki links]]`, `#tags`, **bold**, `code`, Capitalised Names, and
words after a determiner ("the row policies"). What only one text calls so is dropped when references are resolved.
"""

import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from memory_router.engines.graph.facts import LONGEST_EVIDENCE, Definition, Facts, References, Source, shown
from memory_router.text.words import identifiers_in, is_stop_word

_LONGEST_BODY = 4000  # characters of a section that can be searched
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-{2,})[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:.*?[^`])\1(?!`)")
_FRONT_FIELD = re.compile(r"(aliases|alias|tags|tag):[ \t]*(.*)", re.IGNORECASE)
_LONGEST_FRONT = 200  # lines
_LINK = re.compile(r"\[([^\]\n]{0,200})\]\(<?([^)\s>]{1,500})>?(?:\s[^)\n]{0,100})?\)")
_WIKI_LINK = re.compile(r"\[\[([^\]|#\n]{1,200})(#[^\]|\n]{0,200})?(?:\|[^\]\n]{0,200})?\]\]")
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


class _Sentence(NamedTuple):
    text: str
    line: int


class _Section(NamedTuple):
    heading: str
    line: int
    end: int


def facts(source: Source, text: str) -> Facts:
    """Return what a note, a memory, a turn of a conversation or any other text states.

    Args:
        source: names the text.
        text: its content.
    """
    lines = text.split("\n")
    kind = source.language if source.language in ("memory", "turn") else "document"
    is_markdown = source.language == "markdown"
    front, aliases, tags = _front_matter(lines) if is_markdown else (0, (), ())
    plain = _without_code(lines, front) if is_markdown else lines
    sections = list(_sections(plain)) if is_markdown else []
    path = shown(source.path, source.root)
    title = next((first.heading for first in sections), "") or (_beginning(text) if kind != "document" else "")
    name = title or os.path.basename(source.path)
    own_end = sections[0].line if sections and kind == "document" else len(lines)
    body = _body(lines, 0, own_end)
    top = Definition(kind, name, path, "", 1, len(lines), os.path.basename(source.path), body, aliases=aliases)
    definitions = [top]
    references = References(lines)
    for tag, line in tags:
        references.add(path, "tagged", tag, line)
    _read(plain, front, own_end, path, source, references)
    seen = {path}
    for section in sections:
        qualified = f"{path}#{section.heading}"
        if qualified in seen:
            qualified = f"{qualified}~{section.line + 1}"
        seen.add(qualified)
        body = _body(lines, section.line, section.end)
        blocks = tuple(block[1] for line in plain[section.line : section.end] if (block := _BLOCK.search(line)))
        own = Definition("section", section.heading, qualified, path, section.line + 1, section.end, title, body)
        definitions.append(own._replace(aliases=blocks))
        _read(plain, section.line, section.end, qualified, source, references)
    return Facts(definitions, references.collected())


def _front_matter(lines: Sequence[str]) -> tuple[int, tuple[str, ...], tuple[tuple[str, int], ...]]:
    """Return how many lines the front matter takes, the aliases that it declares, and the tags with their lines."""
    if not lines or lines[0].strip() != "---":
        return 0, (), ()
    end = next((at for at, line in enumerate(lines[1:_LONGEST_FRONT], 1) if line.strip() in ("---", "...")), 0)
    listed: dict[str, list[tuple[str, int]]] = {"alias": [], "tag": []}
    field = ""
    for number, line in enumerate(lines[1:end], 2):
        named = _FRONT_FIELD.match(line)
        if named:
            field = "alias" if named[1].lower().startswith("alias") else "tag"
            values = named[2].strip("[] \t").split(",") if named[2].strip() else []
        elif field and line.lstrip().startswith("- "):
            values = [line.lstrip()[2:]]
        else:
            field, values = "", []
        bare = (value.strip().strip("\"'").lstrip("#") for value in values)
        if field:
            listed[field] += [(value, number) for value in bare if value]
    return end + 1 if end else 0, tuple(alias for alias, _ in listed["alias"]), tuple(listed["tag"])


def _without_code(lines: Sequence[str], start: int) -> list[str]:
    """Return lines of Markdown in which blocks of code are empty; CommonMark 0.31, 4.4 and 4.5."""
    plain = [""] * start + list(lines[start:])
    fence = ""
    is_open = True  # an indented line begins a block of code where no paragraph or list goes on
    for number in range(start, len(lines)):
        line = lines[number]
        marked = _FENCE.match(line)
        if fence:
            plain[number] = ""
            if marked and marked[1].startswith(fence) and not marked[2].strip():
                fence = ""
        elif marked and not (marked[1][0] == "`" and "`" in marked[2]):
            fence = marked[1]
            plain[number] = ""
        elif line.startswith(("    ", "\t")) and is_open:
            plain[number] = ""
        elif line.strip():
            is_open = line.startswith("#")
        elif not is_open:
            before = next((earlier for earlier in reversed(lines[start:number]) if earlier.strip()), "")
            is_open = not before.startswith((" ", "\t")) and not _BULLET.match(before)
    return plain


def _sections(lines: Sequence[str]) -> Iterator[_Section]:
    headings: list[tuple[str, int]] = []
    for number, line in enumerate(lines):
        if heading := _HEADING.match(line):
            headings.append((heading[2] or "", number))
        elif number and _UNDERLINE.match(line) and _is_paragraph(lines[number - 1]):
            headings.append((lines[number - 1].strip(), number - 1))
    for position, (heading_text, number) in enumerate(headings):
        end = headings[position + 1][1] if position + 1 < len(headings) else len(lines)
        yield _Section(heading_text, number, end)


def _is_paragraph(line: str) -> bool:
    """Return whether a line may be underlined as a heading; what is a row, a bullet, a heading or a rule may not."""
    bare = line.strip()
    return bool(bare) and bare[0] not in "|#>-*+=`~" and not _BULLET.match(bare) and not line.startswith("    ")


def _body(lines: Sequence[str], start: int, end: int) -> str:
    return "\n".join(lines[start:end])[:_LONGEST_BODY]


def _beginning(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 80 else flat[:79] + "…"


def _read(lines: Sequence[str], start: int, end: int, where: str, source: Source, references: References) -> None:
    for number in range(start, end):
        line = lines[number]
        if not line.strip() or len(line) > 20_000:
            continue
        if source.language in ("markdown", "memory", "turn", "text", "rst"):
            for sentence in _sentences(line, number + 1):
                _read_sentence(sentence, where, source, references)
        else:
            _read_code(line, number + 1, where, references, line.strip()[:LONGEST_EVIDENCE])


def _sentences(line: str, number: int) -> Iterator[_Sentence]:
    for part in _SENTENCE_END.split(line):
        yield _Sentence(_BULLET.sub("", part.strip()), number)


def _read_sentence(sentence: _Sentence, where: str, source: Source, references: References) -> None:
    text, line = sentence
    evidence = text[:LONGEST_EVIDENCE]
    _read_links(_SPAN.sub("", text), line, where, source, references, evidence)
    prose = _LINK.sub(r"\1", text)
    _read_code(prose, line, where, references, evidence)
    _read_names(prose, line, where, references, evidence)


def _read_links(text: str, line: int, where: str, source: Source, references: References, evidence: str) -> None:
    for label, target in _LINK.findall(text):
        if "://" not in target and not target.startswith(("#", "mailto:")):
            references.add(where, "links", _absolute(target, source), line, evidence)
        elif label:
            references.add(where, "names", label, line, evidence)
    for target, part in _WIKI_LINK.findall(text):
        references.add(where, "links", target.strip().removesuffix(".md") + part.rstrip("#"), line, evidence)
    for tag in _TAG.findall(text):
        references.add(where, "tagged", tag, line, evidence)


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
