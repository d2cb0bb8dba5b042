"""Define the tables in PostgreSQL and the statements on them; the twin of `schema` and `recall` for SQLite."""

from collections.abc import Iterable
from typing import Any

import psycopg

from memory_router.engines.tiers.memory import Memory, Selection
from memory_router.storage.postgres_database import migrate as bring_up_to_date
from memory_router.storage.schema import Migration, Schema
from memory_router.text.embedding import load
from memory_router.text.terms import stems
from memory_router.text.words import identifier_terms

# Any number will do, as long as all processes that migrate use the same.
_LOCK = 7_301_624
_TABLES = """
    CREATE TABLE memories(
        row BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        text TEXT NOT NULL,
        created DOUBLE PRECISION NOT NULL,
        tags TEXT[] NOT NULL,
        project TEXT,
        tier TEXT NOT NULL,
        importance DOUBLE PRECISION NOT NULL,
        source TEXT,
        session TEXT,
        extra JSONB NOT NULL,
        accesses INTEGER NOT NULL,
        access_times DOUBLE PRECISION[] NOT NULL,
        expires DOUBLE PRECISION,
        moved_from TEXT,
        stems TEXT[] NOT NULL
    );
    CREATE INDEX memories_by_stem ON memories USING gin(stems);
    CREATE INDEX memories_by_time ON memories(created, row);
    CREATE INDEX memories_by_tier ON memories(tier, importance, created);
    CREATE INDEX memories_by_session ON memories(session, created, row) WHERE session IS NOT NULL;
    CREATE INDEX memories_by_expiry ON memories(expires) WHERE expires IS NOT NULL;
    CREATE INDEX memories_on_the_move ON memories(moved_from) WHERE moved_from IS NOT NULL;
    CREATE TABLE counters(
        tier TEXT NOT NULL, event TEXT NOT NULL, count BIGINT NOT NULL, PRIMARY KEY (tier, event)
    );
    CREATE TABLE audit(
        number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at DOUBLE PRECISION NOT NULL, event TEXT NOT NULL,
        id TEXT NOT NULL, tier TEXT NOT NULL, detail TEXT NOT NULL
    );
"""
# Texts are cut into terms of every script and language from here on; `_cut` does it.
_CUT_ANEW = "UPDATE memories SET stems = '{}'"
_MOVED = "ALTER TABLE memories ADD COLUMN moved DOUBLE PRECISION"
_REVISIONS = "ALTER TABLE memories ADD COLUMN supersedes TEXT, ADD COLUMN superseded_by TEXT"
_AUTHORS = """ALTER TABLE memories ADD COLUMN author JSONB NOT NULL DEFAULT '{"kind": "unknown"}'"""
_STEPS = (_TABLES, _CUT_ANEW, _MOVED, _REVISIONS, _AUTHORS)
SCHEMA = Schema("memories", tuple(Migration("", sql) for sql in _STEPS))
# Earlier versions of the program counted in a table of their own.
_ADOPT = """
    DO $$ BEGIN
        IF to_regclass('memory_router_schema') IS NOT NULL THEN
            INSERT INTO schema_versions SELECT 'memories', version FROM memory_router_schema ON CONFLICT DO NOTHING;
            DROP TABLE memory_router_schema;
        END IF;
    END $$
"""


def migrate(connection: "psycopg.Connection[Any]") -> bool:
    """Create the tables or bring them up to date; return whether vectors can be stored.

    Raises:
        NewerStoreError: a newer version of the program wrote them.
    """
    with connection.transaction():
        bring_up_to_date(connection, SCHEMA, "the database", _ADOPT)
        _cut(connection)
    return _add_vectors(connection)


def stems_of(text: str, tags: Iterable[str]) -> list[str]:
    """Return the different stems by which a memory is found: those of its text, its identifiers and its tags."""
    return sorted(set(stems(f"{text} {identifier_terms(text)} {' '.join(tags)}")))


def _cut(connection: "psycopg.Connection[Any]") -> None:
    """Cut the memories into stems that have none."""
    rows = connection.execute("SELECT row, text, tags FROM memories WHERE stems = '{}'").fetchall()
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE memories SET stems = %s WHERE row = %s", [(stems_of(text, tags), row) for row, text, tags in rows]
        )


def _add_vectors(connection: "psycopg.Connection[Any]") -> bool:
    """Add the column of vectors if pgvector is there or may be created."""
    embedding = load()
    if embedding is None:
        return False
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            dimension = int(embedding.identity.dimension)
            connection.execute(f"ALTER TABLE memories ADD COLUMN IF NOT EXISTS embedding vector({dimension})")
            connection.execute(
                "CREATE INDEX IF NOT EXISTS memories_by_vector ON memories USING hnsw (embedding vector_ip_ops)"
            )
    except psycopg.Error:  # it is not installed, or this user may not create it
        return False
    return True


def bindings(selection: Selection, now: float) -> dict[str, Any]:
    """Return what `ALLOWED` is asked with."""
    return {
        **selection._asdict(),
        "tiers": None if selection.tiers is None else list(selection.tiers),
        "tags": None if selection.tags is None else list(selection.tags),
        "now": now,
    }


COLUMNS = "SELECT " + ", ".join(f"m.{field}" for field in Memory._fields)
ALLOWED = """
    (%(project)s::text IS NULL OR m.project = %(project)s)
    AND (%(scope)s::text IS NULL OR m.project IS NULL OR lower(m.project) = lower(%(scope)s))
    AND (%(since)s::float8 IS NULL OR m.created >= %(since)s) AND (%(until)s::float8 IS NULL OR m.created <= %(until)s)
    AND (%(tiers)s::text[] IS NULL OR m.tier = ANY(%(tiers)s)) AND (%(tags)s::text[] IS NULL OR m.tags @> %(tags)s)
    AND (%(session)s::text IS NULL OR m.session = %(session)s)
    AND (%(least)s::float8 IS NULL OR m.importance >= %(least)s)
    AND (%(most)s::float8 IS NULL OR m.importance <= %(most)s)
    AND (%(by)s::text IS NULL OR lower(%(by)s) IN (SELECT lower(value) FROM jsonb_each_text(m.author)))
    AND (m.expires IS NULL OR m.expires > %(now)s)
"""
ORDERS = {
    "newest": "m.created DESC, m.row DESC",
    "least": "m.importance, m.created, m.row",
    "most": "m.importance DESC, m.created DESC, m.row DESC",
}
FREQUENCIES = """
    SELECT wanted.stem, (SELECT count(*) FROM memories WHERE stems @> ARRAY[wanted.stem])
    FROM unnest(%s::text[]) AS wanted(stem)
"""
_MATCHING = f"{COLUMNS} FROM memories m WHERE m.stems && %(stems)s::text[] AND {ALLOWED} ORDER BY"
_COVERED = """(
    SELECT coalesce(sum(asked.weight), 0)
    FROM unnest(%(stems)s::text[], %(weights)s::float8[]) AS asked(stem, weight) WHERE asked.stem = ANY(m.stems)
)"""
BEST = f"{_MATCHING} {_COVERED} DESC, m.created DESC LIMIT %(judged)s"
LATEST = f"{_MATCHING} m.created DESC, m.row DESC LIMIT %(judged)s"
NEAREST = f"""{COLUMNS} FROM memories m
    WHERE {ALLOWED} AND m.embedding IS NOT NULL ORDER BY m.embedding <#> %(vector)s::vector LIMIT %(judged)s"""
TOTALS = "SELECT count(*), max(created) FROM memories"
_BESIDE = f"{COLUMNS} FROM memories m, memories hit WHERE hit.id = %(id)s AND"
_PLACES = {
    True: f"{_BESIDE} m.session = %(session)s AND",
    False: f"""{_BESIDE} m.session IS NULL AND m.project IS NOT DISTINCT FROM %(project)s
        AND m.created BETWEEN %(created)s - %(near)s AND %(created)s + %(near)s AND""",
}
# By whether the hit belongs to a conversation: what stands before it and what after it.
BESIDE = {
    is_conversation: (
        f"{place} (m.created, m.row) < (hit.created, hit.row) ORDER BY m.created DESC, m.row DESC LIMIT %(steps)s",
        f"{place} (m.created, m.row) > (hit.created, hit.row) ORDER BY m.created, m.row LIMIT %(steps)s",
    )
    for is_conversation, place in _PLACES.items()
}
COUNT = """
    SELECT count(*) FROM memories
    WHERE (%(tier)s::text IS NULL OR tier = %(tier)s) AND (expires IS NULL OR expires > %(now)s)
"""
EXPIRED = "SELECT id FROM memories WHERE expires <= %(now)s AND (%(id)s::text IS NULL OR id = %(id)s)"
INSERT = """
    INSERT INTO memories(id, text, created, tags, project, tier, importance, source, session, extra, accesses,
                         access_times, expires, moved_from, moved, supersedes, superseded_by, author, stems)
    VALUES (%(id)s, %(text)s, %(created)s, %(tags)s, %(project)s, %(tier)s, %(importance)s, %(source)s, %(session)s,
            %(extra)s, %(accesses)s, %(access_times)s, %(expires)s, %(moved_from)s, %(moved)s,
            %(supersedes)s, %(superseded_by)s, %(author)s, %(stems)s)
    ON CONFLICT (id) DO NOTHING
"""
LINK = {
    "supersedes": "UPDATE memories SET supersedes = %s WHERE id = %s AND supersedes IS NOT DISTINCT FROM %s",
    "superseded_by": "UPDATE memories SET superseded_by = %s WHERE id = %s AND superseded_by IS NOT DISTINCT FROM %s",
}
COUNTED = """
    INSERT INTO counters(tier, event, count) VALUES (%s, %s, 1)
    ON CONFLICT (tier, event) DO UPDATE SET count = counters.count + 1
"""
