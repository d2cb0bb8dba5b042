"""Open SQLite databases safely and move their schemas forward."""
