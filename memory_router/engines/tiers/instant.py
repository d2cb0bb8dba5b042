"""Give times that code with and code without time zones can subtract."""

from datetime import UTC, datetime
from typing import Any


class Instant(datetime):
    """A time in UTC from which, and from whom, a local time without a zone can be subtracted.

    Seed 001 (Access Velocity) computes `datetime.now() - timestamp`, which Python refuses for an aware `timestamp`.
    """

    def __sub__(self, other: Any) -> Any:
        return self._plain() - _aware(other)

    def __rsub__(self, other: Any) -> Any:
        return _aware(other) - self._plain()

    def _plain(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp(), UTC)


def _aware(other: Any) -> Any:
    return other.astimezone(UTC) if isinstance(other, datetime) and other.tzinfo is None else other
