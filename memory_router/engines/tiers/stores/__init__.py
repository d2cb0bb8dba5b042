"""Keep memories elsewhere than in SQLite: in this process, in PostgreSQL, in Redis."""
