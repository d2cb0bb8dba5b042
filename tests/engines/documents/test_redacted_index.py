"""What the index stores holds no secret, and still points to the right lines."""

from pathlib import Path

from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.search import DocumentIndex

KEY = "ghp_" + "a1B2c3D4e5F6" * 3
BODY = "MIIEowIBAAKCAQEA" * 4


def test_secrets_of_ordinary_files_are_not_stored(tmp_path: Path) -> None:
    """A key in a note is nowhere in the database files, and the passage is found at its own lines."""
    notes = tmp_path / "notes"
    notes.mkdir()
    pem = "-----BEGIN RSA PRIVATE KEY-----\n" + f"{BODY}\n" * 12 + "-----END RSA PRIVATE KEY-----"
    (notes / "deploy.md").write_text(f"# Deploy\n\ntoken {KEY}\n\n{pem}\n\n## Rollback\n\nPress the zebra button.\n")
    database = tmp_path / "documents.db"
    index([str(notes)], database=str(database))
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("documents.db*"))
    assert KEY.encode() not in stored
    assert BODY.encode() not in stored
    opened = DocumentIndex.open(str(database))
    assert opened
    (hit, *_) = opened.search("zebra button")
    lines = (notes / "deploy.md").read_text().splitlines()
    assert lines[hit.first_line - 1] == "## Rollback"
