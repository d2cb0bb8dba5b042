"""Define the tables of executions, rules, approvals and dreams; a released migration is never changed.

Column names are the seed's (seed 000, Database Architecture). Times are seconds since the epoch, but
`executions.started_at` is a timestamp in PostgreSQL.
"""

from memory_router.storage.database import Migration, Schema
from memory_router.storage.transfer import Table

# What differs between the two dialects; everything else is written once.
_TYPES = {
    "sqlite": {"VECTOR": "BLOB", "JSON": "TEXT", "NUMBER": "REAL", "FLAG": "INTEGER", "END": "STRICT"},
    "postgresql": {"VECTOR": "vector", "JSON": "JSONB", "NUMBER": "DOUBLE PRECISION", "FLAG": "BOOLEAN", "END": ""},
}

_FIRST = """
    CREATE TABLE executions(
        id TEXT PRIMARY KEY,
        user_request TEXT NOT NULL,
        request_embedding {VECTOR},
        embedding_model TEXT,
        routing_path {JSON} NOT NULL,
        routing_confidence {NUMBER} NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('success', 'failed', 'governance_blocked')),
        duration_ms INTEGER NOT NULL,
        cost_usd {NUMBER} NOT NULL,
        user_satisfaction INTEGER CHECK (user_satisfaction BETWEEN 1 AND 5),
        governance_check {JSON},
        started_at {NUMBER} NOT NULL,
        should_retry_with_different_path {FLAG} NOT NULL,
        source TEXT NOT NULL,
        rule TEXT,
        similarity {NUMBER},
        attempts {JSON} NOT NULL,
        project TEXT,
        asked_by TEXT
    ) {END};
    CREATE INDEX executions_by_time ON executions(started_at, id);
    CREATE TABLE routing_rules(
        id TEXT PRIMARY KEY,
        request_pattern TEXT NOT NULL,
        pattern_kind TEXT NOT NULL CHECK (pattern_kind IN ('text', 'regex')),
        request_embedding {VECTOR},
        embedding_model TEXT,
        recommended_system_id TEXT NOT NULL,
        alternative_systems {JSON} NOT NULL,
        based_on_executions INTEGER NOT NULL,
        success_rate {NUMBER},
        avg_cost_usd {NUMBER},
        avg_duration_ms {NUMBER},
        confidence_score {NUMBER},
        auto_generated {FLAG} NOT NULL,
        is_active {FLAG} NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('proposed', 'approved', 'rejected', 'suspended', 'disabled')),
        requires_approval {FLAG} NOT NULL,
        governance_check {JSON},
        evidence {JSON} NOT NULL,
        created_by TEXT,
        created_at {NUMBER} NOT NULL,
        updated_at {NUMBER} NOT NULL
    ) {END};
    CREATE TABLE approvals(
        id TEXT PRIMARY KEY,
        user_request TEXT NOT NULL,
        request_digest TEXT NOT NULL,
        needed_by {JSON} NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied')),
        escalation_required {FLAG} NOT NULL,
        requested_at {NUMBER} NOT NULL,
        expires_at {NUMBER} NOT NULL,
        decided_by TEXT,
        decided_at {NUMBER}
    ) {END};
    CREATE INDEX approvals_by_request ON approvals(request_digest, requested_at);
    CREATE TABLE dream_cycles(
        cycle_id TEXT PRIMARY KEY,
        mutation_type TEXT NOT NULL,
        mutations {JSON} NOT NULL,
        test_results {JSON} NOT NULL,
        promote {FLAG} NOT NULL,
        dreamt_at {NUMBER} NOT NULL
    ) {END};
    CREATE TABLE constitutional_amendments(
        id TEXT PRIMARY KEY,
        cycle_id TEXT,
        setting TEXT NOT NULL,
        old_value {JSON},
        new_value {JSON},
        evidence {JSON} NOT NULL,
        amended_at {NUMBER} NOT NULL,
        amended_by TEXT,
        reverted_at {NUMBER}
    ) {END};
"""


# A rule is changed only at the revision that was seen; an approval is used once, and escalated ones name who may not
# decide.
_SECOND = """
    ALTER TABLE routing_rules ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE approvals ADD COLUMN requested_by TEXT;
    ALTER TABLE approvals ADD COLUMN authors {JSON};
    ALTER TABLE approvals ADD COLUMN used_at {NUMBER};
"""

# An amendment is changed only at the revision that was seen.
_THIRD = "ALTER TABLE constitutional_amendments ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;"


# What was done with single results, and what evidence adds to the priors of the rule table.
_FOURTH = """
    ALTER TABLE executions ADD COLUMN signal TEXT;
    ALTER TABLE executions ADD COLUMN shown {JSON};
    CREATE TABLE marks(
        id TEXT PRIMARY KEY,
        execution_id TEXT NOT NULL,
        result_id TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('useful', 'useless', 'fetched')),
        marked_at {NUMBER} NOT NULL
    ) {END};
    CREATE INDEX marks_by_execution ON marks(execution_id);
    CREATE TABLE learned_priors(
        id TEXT PRIMARY KEY,
        rule TEXT NOT NULL,
        backend TEXT NOT NULL,
        shift {NUMBER} NOT NULL,
        useful {NUMBER} NOT NULL,
        votes {NUMBER} NOT NULL,
        updated_at {NUMBER} NOT NULL
    ) {END};
"""


# What other backends answered to a question whose answer was poor.
_FIFTH = """
    CREATE TABLE shadows(
        id TEXT PRIMARY KEY,
        execution_id TEXT NOT NULL,
        backend TEXT NOT NULL,
        relevance {NUMBER} NOT NULL,
        asked_at {NUMBER} NOT NULL
    ) {END};
"""


# What the seed's monitoring queries compare with NOW().
_SIXTH = Migration("", "ALTER TABLE executions ALTER COLUMN started_at TYPE TIMESTAMPTZ USING to_timestamp(started_at)")


def _migration(sql: str) -> Migration:
    return Migration(sql.format(**_TYPES["sqlite"]), sql.format(**_TYPES["postgresql"]))


SCHEMA = Schema("learning", (*map(_migration, (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH)), _SIXTH))

TABLES = (
    Table(
        "executions",
        "id",
        flags=("should_retry_with_different_path",),
        vectors=("request_embedding",),
        times=("started_at",),
    ),
    Table(
        "routing_rules",
        "id",
        flags=("auto_generated", "is_active", "requires_approval"),
        vectors=("request_embedding",),
    ),
    Table("approvals", "id", flags=("escalation_required",)),
    Table("dream_cycles", "cycle_id", flags=("promote",)),
    Table("constitutional_amendments", "id"),
    Table("marks", "id"),
    Table("learned_priors", "id"),
    Table("shadows", "id"),
)
