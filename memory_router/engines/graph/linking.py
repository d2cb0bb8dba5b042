"""Find the things that a phrase of a question means: by name first, by words of the name or its text else."""

import json
import os
import re
from collections.abc import Sequence

import apsw

from memory_router.engines.graph.entity import Entity, LinkedEntities
from memory_router.engines.graph.naming import Stems, key, spoken
from memory_router.engines.graph.questions import kinds_of_things
from memory_router.retrieval.fulltext import FullText
from memory_router.retrieval.query import weighed
from memory_router.text import words

_MOST = 12  # candidates of a phrase
_MAX_TERMS = 12
_CANDIDATES = 60  # rows of full text that are looked at
_IN_TEXT = 0.7  # what a word of the phrase counts in a summary or a text, beside 1 in a name
_PARTIAL = 0.95  # fits by words are never as good as names
_KIND_WORDS = kinds_of_things()
_ENTITY = """
    SELECT n.id, n.kind, n.name, n.qualified, f.path, n.line, n.last_line, n.summary, coalesce(f.modified, 0)
    FROM nodes n LEFT JOIN files f ON f.id = n.file
"""
# What people mean by a name: what the code defines, then what it names, then texts. Of many, the best connected.
_ORDER = """
    ORDER BY CASE n.kind WHEN 'class' THEN 0 WHEN 'module' THEN 1 WHEN 'function' THEN 2 WHEN 'project' THEN 2
    WHEN 'package' THEN 2 WHEN 'library' THEN 3 WHEN 'person' THEN 3 WHEN 'document' THEN 3
    WHEN 'variable' THEN 4 ELSE 5 END
"""
_BY_KEY = _ENTITY + f" WHERE n.key = ? AND n.kind NOT IN ('memory', 'turn') {_ORDER} LIMIT ?"
_BY_QUALIFIED = f"{_ENTITY} WHERE n.qualified = ? LIMIT ?"
_BY_NAME = f"{_ENTITY} WHERE n.name = ? LIMIT 500"
_BY_ID = _ENTITY + " WHERE n.id IN (SELECT value FROM json_each(?))"  # noqa: S608  # constants
_MODULES = (
    _ENTITY + " WHERE n.kind = 'module' AND n.file IN"  # noqa: S608  # constants
    " (SELECT id FROM files WHERE path IN (SELECT value FROM json_each(?)))"
)
_BY_ALIAS = _ENTITY + (" JOIN aliases a ON a.node = n.id WHERE a.key = ? ORDER BY length(f.path), n.id LIMIT 500")
_IN_FILE = _ENTITY + " WHERE n.file = (SELECT file FROM nodes WHERE id = ?)"  # noqa: S608  # constants
# Libraries are made when all texts are read: the last of what holds a word are looked at.
_BY_END = _ENTITY + (  # noqa: S608
    "WHERE n.id IN (SELECT rowid FROM node_text WHERE node_text MATCH ? ORDER BY rowid DESC LIMIT 500)"
    " AND n.kind = 'library'"
)


def entities(connection: apsw.Connection, ids: Sequence[int]) -> dict[int, Entity]:
    """Return things by their numbers."""
    rows = connection.execute(_BY_ID, (json.dumps(list(ids)),))
    return {row[0]: Entity(*row) for row in rows}


def modules(connection: apsw.Connection, paths: Sequence[str]) -> dict[str, Entity]:
    """Return the modules that some texts are, by path."""
    matches = (Entity(*row) for row in connection.execute(_MODULES, (json.dumps(paths),)))
    return {entity.path: entity for entity in matches if entity.path}


def link(connection: apsw.Connection, fulltext: FullText, phrase: str) -> LinkedEntities:
    """Return what a phrase means, the likeliest first.

    Args:
        connection: an open graph.
        fulltext: its texts.
        phrase: a name of any spelling, or a few words.
    """
    named = link_name(connection, fulltext.stems, phrase)
    return named if named.is_name else _by_words(connection, fulltext, phrase)


def link_name(connection: apsw.Connection, stems: Stems, phrase: str) -> LinkedEntities:
    """Return what bears the name that a phrase is or holds, the likeliest first; nothing if nothing does."""
    for spelling in _spellings(phrase):
        matches, count = _named(connection, stems, spelling, phrase)
        if matches:
            return LinkedEntities(phrase, matches, [1.0] * len(matches), count)
    return LinkedEntities(phrase)


def _spellings(phrase: str) -> list[str]:
    """Return the phrase, and what is left of it without words that only say what sort of thing it is."""
    bare = phrase.strip("`'\"").removesuffix("()")
    tried = [bare]
    tokens = bare.split()
    if len(tokens) > 1 and tokens[-1].lower() in _KIND_WORDS:
        tried.append(" ".join(tokens[:-1]))
    if len(tokens) > 1 and tokens[0].lower() in _KIND_WORDS:
        tried.append(" ".join(tokens[1:]))
    names = [token.strip("`'\",;()") for token in tokens if len(tokens) > 1]
    tried += [name for name in names if _looks_like_a_name(name)]
    cut = re.split(r" (?:in|from|within|inside|of|on|at|under) ", bare, maxsplit=1)[0]
    if cut != bare:
        tried += [cut, *([" ".join(cut.split()[:-1])] if cut.split()[-1].lower() in _KIND_WORDS else [])]
    return [spelling for spelling in dict.fromkeys(tried) if spelling]


def _looks_like_a_name(token: str) -> bool:
    return bool(re.search(r"[a-z][A-Z]|\w[_./]\w|::", token)) or bool(words.identifiers_in(token))


def _named(connection: apsw.Connection, stems: Stems, name: str, phrase: str) -> tuple[list[Entity], int]:
    """Return what bears a name, the most fitting first, and how many do."""
    dotted = name.replace("::", ".").replace("#", ".")
    exact = [Entity(*row) for row in connection.execute(_BY_QUALIFIED, (dotted, _MOST))]
    if exact:
        return exact, len(exact)
    files = _in_path(connection, stems, name) if "/" in name or re.search(r"\.\w{1,8}$", name) else []
    if files:
        return files[:_MOST], len(files)
    if sections := _sections_called(connection, stems, name) if "#" in name else []:
        return sections[:_MOST], len(sections)
    if ("." in dotted or "/" in dotted) and " " not in dotted:
        rows = connection.execute(_BY_NAME, (dotted.rpartition(".")[2],))
        ends = f".{dotted.lower()}".replace("/", ".")
        known = (Entity(*row) for row in rows)
        named = [entity for entity in known if f".{entity.qualified.lower()}".replace("/", ".").endswith(ends)]
        if not named:
            named = _wholes_below(connection, stems, dotted)
        if named:
            return named[:_MOST], len(named)
    own = key(name, stems)
    if not own:
        return [], 0
    count = int(connection.execute("SELECT count(*) FROM nodes WHERE key = ?", (own,)).get)
    named = [Entity(*row) for row in connection.execute(_BY_KEY, (own, 4 * _MOST))]
    if all(entity.kind in ("term", "person", "tag") for entity in named):  # a note is meant rather than what notes name
        named = [Entity(*row) for row in connection.execute(_BY_ALIAS, (own,))] or named
        count = max(count, len(named))
    if not named and " " not in name:
        libraries = _libraries_below(connection, name)
        return libraries[:_MOST], len(libraries)
    return _preferred(connection, named, name, phrase, stems)[:_MOST], count


def _in_path(connection: apsw.Connection, stems: Stems, name: str) -> list[Entity]:
    """Return the texts whose path ends so, with its ending or without; else what they define: `store/shelf.put`."""
    path = name.replace("\\", "/").lstrip("./")
    above, _, last = path.rpartition("/")
    fitting = _texts_at(connection, stems, path)
    member = last.partition(".")[2] if above else ""
    if fitting or not member:
        return fitting
    texts = _texts_at(connection, stems, path.removesuffix(f".{member}"))
    inside = [Entity(*row) for text in texts for row in connection.execute(_IN_FILE, (text.id,))]
    return [entity for entity in inside if entity.qualified.lower().endswith(f".{member.lower()}")]


def _sections_called(connection: apsw.Connection, stems: Stems, name: str) -> list[Entity]:
    """Return the sections of a heading or a block in the notes of a path: `plans/road#Next steps`, `road#^block`."""
    path, _, heading = name.partition("#")
    texts = _texts_at(connection, stems, path.strip("./"))
    inside = [Entity(*row) for text in texts for row in connection.execute(_IN_FILE, (text.id,))]
    own = key(heading, stems)
    called = {node for (node,) in connection.execute("SELECT node FROM aliases WHERE key = ?", (own,))}
    return [
        entity
        for entity in inside
        if entity.kind == "section" and (entity.id in called or key(entity.name, stems) == own)
    ]


def _texts_at(connection: apsw.Connection, stems: Stems, path: str) -> list[Entity]:
    last = path.rpartition("/")[2]
    rows = [
        row
        for own in dict.fromkeys((os.path.splitext(last)[0], last))
        for row in connection.execute(_BY_ALIAS, (key(own, stems),))
    ]
    ends = f"/{path.lower()}"
    texts = {entity.id: entity for entity in (Entity(*row) for row in rows) if entity.path and entity.kind != "section"}
    paths = {node: f"/{entity.path}".lower() for node, entity in texts.items()}
    whole = [texts[node] for node, held in paths.items() if held.endswith(ends)]
    stem = os.path.splitext(path)[0]
    names = {path, stem, stem.removesuffix("/index"), stem.removesuffix("/mod"), stem.replace("/", ".")}
    whole = [entity for entity in whole if entity.qualified in names] or whole  # what lies so below its root
    return whole or [texts[node] for node, held in paths.items() if os.path.splitext(held)[0].endswith(ends)]


def _wholes_below(connection: apsw.Connection, stems: Stems, name: str) -> list[Entity]:
    """Return the modules and packages whose path, or dotted name, ends so: `internal/ring`, `store.memory`."""
    ends = "." + name.strip("./").lower().replace("/", ".")
    rows = connection.execute(_BY_KEY, (key(ends.rpartition(".")[2], stems), 500))
    wholes = (entity for entity in (Entity(*row) for row in rows) if entity.kind in ("module", "package"))
    return [entity for entity in wholes if f".{entity.qualified.lower()}".replace("/", ".").endswith(ends)]


def _libraries_below(connection: apsw.Connection, name: str) -> list[Entity]:
    """Return libraries whose path ends so: `gin-gonic/gin`, or `gin`, for `github.com/gin-gonic/gin`."""
    steps = " ".join(re.findall(r"[^\W_]+", name))
    rows = connection.execute(_BY_END, (f'name : "{steps}"',))
    ends = "/" + name.lower().lstrip("/")
    return sorted(
        (entity for entity in (Entity(*row) for row in rows) if entity.name.lower().endswith(ends)), key=_shortest
    )


def _shortest(entity: Entity) -> tuple[int, str]:
    return len(entity.name), entity.name


def _preferred(connection: apsw.Connection, found: list[Entity], name: str, phrase: str, stems: Stems) -> list[Entity]:
    """Put things of one name in order: as spelt, of the kind that was said, where the rest of the phrase points."""
    if len(found) < 2:
        return found
    degrees = dict(
        connection.execute(
            "SELECT value, (SELECT count(*) FROM (SELECT 1 FROM edges WHERE target = value LIMIT 100))"
            " FROM json_each(?)",
            (json.dumps([entity.id for entity in found]),),
        )
    )
    said = {_KIND_WORDS[word] for word in phrase.lower().split() if word in _KIND_WORDS} - {""}
    hints = set(stems(spoken(phrase))) - set(stems(spoken(name)))

    def rank(one: Entity) -> tuple[bool, bool, int, int]:
        place = set(stems(spoken(f"{one.qualified} {one.path or ''}"))) if hints else set()
        return one.name != name, bool(said) and one.kind not in said, -len(hints & place), -degrees.get(one.id, 0)

    return sorted(found, key=rank)


def _by_words(connection: apsw.Connection, fulltext: FullText, phrase: str) -> LinkedEntities:
    """Return what holds the words of a phrase, weighed by how rare each is; other words count against it."""
    parsed = words.parse(phrase)
    parts = (part for name in parsed.identifiers for part in name.parts)
    telling = [word for word in (*parsed.words, *parts) if word not in _KIND_WORDS or len(parsed.words) < 2]
    fulltext.refresh()
    query = weighed(fulltext, telling[:_MAX_TERMS])
    scored = [
        (
            _PARTIAL * ((1 - _IN_TEXT) * query.share(match.named) + _IN_TEXT * query.share(match.named | match.own)),
            match,
        )
        for match in fulltext.candidates(query, _CANDIDATES).values()
    ]
    scored.sort(key=lambda judged: (-judged[0], -judged[1].score, -judged[1].key))
    known = entities(connection, [match.key for _, match in scored[:_MOST]])
    kept = [(score, known[match.key]) for score, match in scored[:_MOST] if match.key in known]
    return LinkedEntities(phrase, [entity for _, entity in kept], [score for score, _ in kept])
