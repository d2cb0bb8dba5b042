"""Give tests of the advisor both databases, with a real PostgreSQL behind one of them."""

from tests.learning.conftest import empty_postgres, postgres_server, url

__all__ = ["empty_postgres", "postgres_server", "url"]
