"""Change one value in the text of a JSON file, and leave everything else as its author wrote it.

A place is the keys that lead to a value. In a list a key is the `id` or the `name` of one of its objects.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class _Member(NamedTuple):
    """The position of a member of an object: its key, where that and the value begin, and where the value ends."""

    key: str
    start: int
    value: int
    end: int


def value_at(body: Any, place: Sequence[str]) -> Any:
    """Return the value at `place` in decoded JSON; None where nothing stands."""
    for key in place:
        if isinstance(body, list):
            body = next((entry for entry in body if _key(entry) == key), None)
        else:
            body = body.get(key) if isinstance(body, dict) else None
    return body


def changed(text: str, place: Sequence[str], value: Any) -> str:
    """Return `text` with `value` at `place`.

    Args:
        text: valid JSON, an object.
        place: the keys that lead to the member; objects that are missing on the way are added, but to no list.
        value: anything that JSON has.
    """
    begin, members, left = _innermost(text, place)
    member = _named(left[0], members)
    if member is None:
        return _with_new(text, begin, members, _nested(left, value))
    return text[: member.value] + json.dumps(value) + text[member.end :]


def removed(text: str, place: Sequence[str]) -> str:
    """Return `text` without the member at `place`, if there is one."""
    begin, members, left = _innermost(text, place)
    member = _named(left[0], members)
    return _without(text, begin, members, member) if member else text


def without(text: str, place: Sequence[str], kept: str) -> str:
    """Return `text` without the member at `place`, and without what held only that.

    Args:
        text: valid JSON, an object.
        place: the keys that lead to the member.
        kept: valid JSON, an object; an object or a list that stands in it stays, though it holds nothing.
    """
    text, place = removed(text, place), place[:-1]
    while place and not stands(kept, place) and _says_nothing(value_at(json.loads(text), place)):
        text, place = removed(text, place), place[:-1]
    return text


def stands(text: str, place: Sequence[str]) -> bool:
    """Return whether there is a member at `place`, be it null."""
    _, members, left = _innermost(text, place)
    return len(left) == 1 and _named(left[0], members) is not None


def _says_nothing(value: Any) -> bool:
    """Return whether an object or a list holds nothing, or an object only what it is called."""
    return value == [] or (isinstance(value, dict) and not value.keys() - {"id", "name"})


def _innermost(text: str, place: Sequence[str]) -> tuple[int, list[_Member], Sequence[str]]:
    """Return the innermost object on the way to a member: where it begins, its members, and the keys from there."""
    begin = _after_space(text, 0)
    while True:
        members = _members(text, begin)
        inner = _named(place[0], members)
        if inner is None or len(place) == 1:
            return begin, members, place
        begin, place = inner.value, place[1:]


def _named(key: str, members: list[_Member]) -> _Member | None:
    return next((member for member in members if member.key == key), None)


def _nested(place: Sequence[str], value: Any) -> tuple[str, Any]:
    for key in reversed(place[1:]):
        value = {key: value}
    return place[0], value


def _with_new(text: str, begin: int, members: list[_Member], member: tuple[str, Any]) -> str:
    """Put a member first in the object at `begin`, indented as the others are."""
    written = f"{json.dumps(member[0])}: {json.dumps(member[1])}"
    if not members:
        return text[: begin + 1] + written + text[begin + 1 :]
    lead = text[begin + 1 : members[0].start]
    return text[: begin + 1] + lead + written + "," + (lead or " ") + text[members[0].start :]


def _without(text: str, begin: int, members: list[_Member], member: _Member) -> str:
    position = members.index(member)
    if position + 1 < len(members):
        return text[: member.start] + text[members[position + 1].start :]
    start = members[position - 1].end if position else begin + 1
    return text[:start] + text[member.end :]


def _members(text: str, begin: int) -> list[_Member]:
    """Return the members of the object, or the objects in the list, that begins at `begin`."""
    if text[begin] == "[":
        return _objects(text, begin)
    members: list[_Member] = []
    position = _after_space(text, begin + 1)
    while text[position] != "}":
        key, end = _DECODER.raw_decode(text, position)
        value = _after_space(text, _after_space(text, end) + 1)
        _, value_end = _DECODER.raw_decode(text, value)
        members.append(_Member(key, position, value, value_end))
        position = _after_space(text, value_end)
        if text[position] == ",":
            position = _after_space(text, position + 1)
    return members


def _objects(text: str, begin: int) -> list[_Member]:
    members: list[_Member] = []
    position = _after_space(text, begin + 1)
    while text[position] != "]":
        entry, end = _DECODER.raw_decode(text, position)
        members.append(_Member(_key(entry), position, position, end))
        position = _after_space(text, end)
        if text[position] == ",":
            position = _after_space(text, position + 1)
    return members


def _key(one: Any) -> str:
    """Return what an object in a list is called."""
    return str(one.get("id", one.get("name", ""))) if isinstance(one, dict) else ""


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
