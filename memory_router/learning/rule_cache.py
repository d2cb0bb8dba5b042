"""Keep the override rules in a file for the ask path, which verifies what it reads there.

Most questions are answered without opening a database: the rules in force stand in this file. It says which database
it was written from; one that is missing, damaged, of another version of the program or of another database is not
trusted, and the rules are read from the database itself. Where that fails, too, nobody knows whether a question needs
approval, and the gate stays closed.

A change of the rules deletes the file first and writes it anew last, under a lock that the ask path does not wait for.
"""

import base64
import fcntl
import json
import os
import re
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from memory_router.errors import GateClosedError, MemoryRouterError, StoreError
from memory_router.learning.rule import OverrideRule
from memory_router.paths import make_private, shown
from memory_router.routing.rules import LearnedPrior
from memory_router.storage.files import write_whole

_VERSION = 4
# How long answers of a team's database are kept before it is asked again, so that others' decisions arrive.
_TEAM_SECONDS = 30.0
_PREFIX_LETTERS = 4


class StoredRule(NamedTuple):
    """A rule with what a question is compared with.

    Args:
        rule: the rule.
        vector: its pattern as a vector of `model`; None for a regular expression.
        model: the name of the model of the vector.
        prefixes: how the telling words of the pattern begin.
    """

    rule: OverrideRule
    vector: "array[float] | None" = None
    model: str | None = None
    prefixes: frozenset[str] = frozenset()


class InForce(NamedTuple):
    """What the ask path takes from the database: the rules that may route, and the learned priors."""

    rules: tuple[StoredRule, ...] = ()
    priors: tuple[LearnedPrior, ...] = ()


class RuleCache:
    """The rules in force, from the file or from the database.

    Args:
        file: the path of the cache.
        url: the database of the rules.
        read: returns the rules in force from that database.
        now: the time in seconds since the epoch.
    """

    def __init__(
        self,
        file: str,
        url: str,
        read: Callable[[], InForce],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._url = url
        self._read = read
        self._now = now
        self._in_force = InForce()
        self._stamp: Any = None

    def in_force(self) -> InForce:
        """Return what is in force now; a router that runs for long sees what was approved meanwhile.

        Raises:
            GateClosedError: neither the file nor the database can be used.
        """
        database = _identity(self._url)
        if database is None:
            self._refuse_loss(InForce())
            return InForce()
        stamp = (database, self._file_identity())
        if stamp == self._stamp and not self._is_old():
            return self._in_force
        loaded = _load(self._file, database)
        if loaded is None or self._is_old():
            self._in_force = self._from_database(database, loaded)
        else:
            self._in_force = loaded
        self._stamp = (database, self._file_identity())
        return self._in_force

    def is_trusted(self) -> bool:
        """Return whether the file holds the rules of the database."""
        database = _identity(self._url)
        return database is not None and _load(self._file, database) is not None

    @contextmanager
    def changing(self) -> Iterator[Callable[[InForce], None]]:
        """Change the rules in the database while no cache of the old ones is trusted; yields what writes the new ones.

        Raises:
            StoreError: the old cache cannot be taken away; then the database must not be changed.
        """
        try:
            make_private(os.path.dirname(self._file))
            with _locked(self._file, wait=True):
                self._refuse_loss(self._read())
                with suppress(FileNotFoundError):
                    os.unlink(self._file)
                yield self._write
        except OSError as error:
            raise StoreError(
                f"The cache of the rules, {shown(self._file)}, cannot be written ({error.strerror}).",
                "Check free disk space and the permissions of its folder, then try again.",
            ) from error

    def _write(self, in_force: InForce) -> None:
        body = {
            "version": _VERSION,
            "database": _identity(self._url),
            "rules": [
                {
                    "rule": stored.rule._asdict(),
                    "vector": stored.vector and base64.b64encode(stored.vector.tobytes()).decode(),
                    "model": stored.model,
                    "prefixes": sorted(stored.prefixes),
                }
                for stored in in_force.rules
            ],
            "priors": in_force.priors,
        }
        with suppress(OSError):  # without the file every question reads the database: slower, and as safe
            write_whole(self._file, json.dumps(body).encode())

    def _from_database(self, database: Any, cached: InForce | None) -> InForce:
        try:
            with _locked(self._file, wait=False) as is_locked:
                in_force = self._read()
                self._refuse_loss(in_force)
                if is_locked and database == _identity(self._url):
                    self._write(in_force)
                return in_force
        except GateClosedError:
            raise
        except MemoryRouterError as error:
            if cached is not None:  # a team's database that cannot be reached: what it said last still guards
                with suppress(OSError):
                    os.utime(self._file)
                return cached
            raise GateClosedError(
                f"Whether this question needs approval is not known: the rules cannot be read. {error.cause}",
                f"{error.fix} No question is asked until then.",
            ) from error

    def _refuse_loss(self, in_force: InForce) -> None:
        """Keep the gate closed where guarding rules went with an earlier database: nobody took them back.

        Args:
            in_force: what the present database says.

        Raises:
            GateClosedError: the file holds a rule that needs approval, of a database that stood in this place, and the
                present one lacks it.
        """
        earlier = _guards(self._file, self._url)
        if lost := earlier.keys() - {stored.rule.id for stored in in_force.rules}:
            named = ", ".join(f"{identifier} ({earlier[identifier]!r})" for identifier in sorted(lost))
            raise GateClosedError(
                f"Rules that need approval are gone, with the database in which they stood: {named}.",
                f"Put a copy of {shown(self._url.removeprefix('sqlite:'))} back; or delete {shown(self._file)} to go "
                "on without these rules, and add them anew.",
            )

    def _file_identity(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._file)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _is_old(self) -> bool:
        if self._url.startswith("sqlite:"):
            return False
        identity = self._file_identity()
        return identity is None or not 0 <= self._now() - identity[1] / 1e9 < _TEAM_SECONDS


def _identity(url: str) -> list[Any] | None:
    """Return what tells a database from another one in its place, or None where the file is missing."""
    if not url.startswith("sqlite:"):
        return [url.rpartition("@")[2]]
    path = url.removeprefix("sqlite:")
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError:
        return ["unreadable"]
    return [path, status.st_dev, status.st_ino]


def _guards(file: str, url: str) -> dict[str, str]:
    """Return the patterns of the rules that need approval, by id, in a cache of any file at the place of a database."""
    path = url.removeprefix("sqlite:")
    try:
        with open(file, "rb") as stream:
            body = json.loads(stream.read())
        rules = [entry["rule"] for entry in body["rules"]] if body["database"][0] == path else []
        return {rule["id"]: rule["request_pattern"] for rule in rules if rule["requires_approval"]}
    except (OSError, ValueError, TypeError, LookupError):
        return {}


def _load(file: str, database: Any) -> InForce | None:
    """Return what a cache holds; None where it cannot be trusted."""
    try:
        with open(file, "rb") as stream:
            body = json.loads(stream.read())
        if body["version"] != _VERSION or body["database"] != database:
            return None
        rules = tuple(
            StoredRule(
                OverrideRule(**{**entry["rule"], "alternative_systems": tuple(entry["rule"]["alternative_systems"])}),
                array("f", base64.b64decode(entry["vector"])) if entry["vector"] else None,
                entry["model"],
                frozenset(entry["prefixes"]),
            )
            for entry in body["rules"]
        )
        return InForce(rules, tuple(LearnedPrior(*entry) for entry in body["priors"]))
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return None


def prefixes(text: str) -> frozenset[str]:
    """Return how the words of a text begin, so that other forms of a word count as the word."""
    return frozenset(word[:_PREFIX_LETTERS] for word in re.findall(r"[^\W_]+", text.lower()))


@contextmanager
def _locked(file: str, *, wait: bool) -> Iterator[bool]:
    """Yield whether this process holds the lock of the cache; one that does not wait may be without it."""
    try:
        descriptor = os.open(file + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        if wait:
            raise
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
