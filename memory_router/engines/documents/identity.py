"""Make ids of passages that outlive the index: from path, line and text, never from a row number."""

from typing import NamedTuple

# A remainder by a prime is as spread as a digest, and spares the ask path the import of `hashlib`.
_PATH_PRIME = 2**48 - 59
_TEXT_PRIME = 2**24 - 3


class PassageName(NamedTuple):
    """The name of a passage.

    Args:
        key: identifies the path of its file.
        line: its first line, counted from 1.
        digest: identifies its text.
    """

    key: str
    line: int
    digest: str

    def __str__(self) -> str:
        return f"{self.key}-{self.line}-{self.digest}"


def identity(path: str, line: int, text: str) -> PassageName:
    """Return the name of a passage, the same as long as its text stands at this place."""
    return PassageName(path_key(path), line, _remainder(text, _TEXT_PRIME))


def parse_identity(name: str) -> PassageName | None:
    """Read a name as `str` of an identity writes it, or return None."""
    key, _, rest = name.partition("-")
    line, _, digest = rest.partition("-")
    is_one = key.isalnum() and digest.isalnum() and line.isascii() and line.isdigit() and len(line) < 10
    return PassageName(key, int(line), digest) if is_one else None


def path_key(path: str) -> str:
    """Return 12 characters that identify a path; two paths share them once in 10^14."""
    return _remainder(path, _PATH_PRIME)


def _remainder(text: str, prime: int) -> str:
    # The length counts, too: zero bytes in front alone would not change the number.
    number = int.from_bytes(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
    return format(number % prime, "x").zfill(prime.bit_length() // 4)
