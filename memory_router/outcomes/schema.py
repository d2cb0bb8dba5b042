"""Define the tables of suggestions, outcomes and profiles; a released migration is never changed.

Columns and indexes are the seed's (seed 003, Database Schema), and so are times as ISO 8601 text, so that its
queries run as they are. `outcome_key` makes recording an outcome twice harmless, `suggestion_key` tells suggestions of
several databases apart, and `tally` is what a profile is computed from. `signature` holds the signs of an embedding,
by which the nearest are found first; `archive` names the file that holds the full form of a compacted outcome. What is
long comes last in a row, since SQLite reads a row from its beginning.
"""

from memory_router.storage.database import Migration, Schema
from memory_router.storage.transfer import Table

_TYPES = {
    "sqlite": {
        "ID": "INTEGER PRIMARY KEY",
        "INTEGER": "INTEGER",
        "VECTOR": "BLOB",
        "BITS": "BLOB",
        "JSON": "TEXT",
        "END": "STRICT",
        "BY_KEY": "STRICT, WITHOUT ROWID",
    },
    "postgresql": {
        "ID": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "INTEGER": "BIGINT",
        "VECTOR": "vector",
        "BITS": "BIT(256)",
        "JSON": "JSONB",
        "END": "",
        "BY_KEY": "",
    },
}

_FIRST = """
    CREATE TABLE config_suggestions(
        suggestion_id {ID},
        suggestion_key TEXT NOT NULL UNIQUE,
        user_id TEXT NOT NULL,
        suggestion_type TEXT NOT NULL,
        suggestion_value TEXT NOT NULL,
        reason TEXT NOT NULL,
        change {JSON},
        config_before {JSON},
        evidence_summary {JSON},
        status TEXT NOT NULL CHECK (status IN ('pending', 'accepted', 'rejected', 'expired', 'superseded', 'undone')),
        created_at TEXT NOT NULL,
        decided_at TEXT
    ) {END};
    CREATE INDEX idx_suggestions_user ON config_suggestions(user_id, status);
    CREATE TABLE suggestion_outcomes(
        outcome_id {ID},
        outcome_key TEXT NOT NULL UNIQUE,
        suggestion_id {INTEGER} NOT NULL REFERENCES config_suggestions(suggestion_id),
        user_id TEXT NOT NULL,
        suggestion_type TEXT NOT NULL,
        suggestion_value TEXT NOT NULL,
        outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'rejected', 'expired', 'superseded')),
        created_at TEXT NOT NULL,
        decided_at TEXT,
        tags TEXT NOT NULL,
        embedding {VECTOR},
        embedding_model TEXT,
        signature {BITS},
        archive TEXT,
        user_reason TEXT,
        config_before {JSON},
        config_after {JSON},
        evidence_summary {JSON}
    ) {END};
    CREATE INDEX idx_outcomes_user ON suggestion_outcomes(user_id, created_at, outcome_id, suggestion_type, outcome);
    CREATE INDEX idx_outcomes_type ON suggestion_outcomes(suggestion_type, outcome);
    CREATE INDEX idx_outcomes_date ON suggestion_outcomes(created_at);
    CREATE INDEX idx_outcomes_meaning
        ON suggestion_outcomes(user_id, embedding_model, outcome_id, suggestion_type, outcome, signature);
    CREATE INDEX idx_outcomes_full ON suggestion_outcomes(user_id, decided_at) WHERE archive IS NULL;
    CREATE TABLE outcome_tags(
        user_id TEXT NOT NULL,
        tag TEXT NOT NULL,
        outcome_id {INTEGER} NOT NULL,
        suggestion_type TEXT NOT NULL,
        outcome TEXT NOT NULL,
        PRIMARY KEY (user_id, tag, outcome_id)
    ) {BY_KEY};
    CREATE TABLE user_preference_profiles(
        profile_id {ID},
        user_id TEXT NOT NULL UNIQUE,
        acceptance_stats {JSON} NOT NULL,
        patterns {JSON} NOT NULL,
        trends {JSON},
        total_outcomes INTEGER NOT NULL DEFAULT 0,
        last_outcome_at TEXT,
        computed_at TEXT NOT NULL,
        compacted_through TEXT,
        tally {JSON} NOT NULL
    ) {END};
"""


def _migration(sql: str) -> Migration:
    return Migration(sql.format(**_TYPES["sqlite"]), sql.format(**_TYPES["postgresql"]))


SCHEMA = Schema("advice", (_migration(_FIRST),))

_SUGGESTIONS = Table("config_suggestions", "suggestion_key", "suggestion_id")
# Tags are made from the outcomes again.
TABLES = (
    _SUGGESTIONS,
    Table(
        "suggestion_outcomes",
        "outcome_key",
        "outcome_id",
        refers=(("suggestion_id", _SUGGESTIONS),),
        vectors=("embedding",),
        bits=("signature",),
    ),
    Table("user_preference_profiles", "user_id", "profile_id"),
)
