"""Facts that replace others: which memory of a chain is in force, and in which order results stand."""

from collections.abc import Callable, Iterator

from memory_router.engines.tiers.memory import Memory, Recollection, Selection

Get = Callable[[str], Memory | None]
# A chain that is longer was not written by this program.
_LONGEST = 1000


def successors(memory: Memory, get: Get) -> Iterator[Memory]:
    """Yield what replaced a memory, one after the other; the last one is in force.

    Args:
        memory: where the chain begins.
        get: returns a memory by its id, or None if it was forgotten or has expired.
    """
    seen = {memory.id}
    following = memory.superseded_by
    while following and following not in seen and len(seen) < _LONGEST:
        seen.add(following)
        successor = get(following)
        if successor is None:
            return
        yield successor
        following = successor.superseded_by


def history(memory: Memory, get: Get) -> list[Memory]:
    """Return all revisions of a fact, the oldest first.

    Args:
        memory: any of them.
        get: returns a memory by its id, or None.
    """
    earlier = [memory]
    while (previous := earlier[-1].supersedes) and len(earlier) < _LONGEST:
        before = get(previous)
        if before is None or before in earlier:
            break
        earlier.append(before)
    return [*reversed(earlier), *successors(memory, get)]


def in_force_first(found: list[Recollection], get: Get, selection: Selection) -> list[Recollection]:
    """Put before each replaced memory the one in force, which answers whatever the replaced one answered.

    Both have the higher relevance of the two, so that order and number agree.

    Args:
        found: best first.
        get: returns a memory by its id, or None.
        selection: which memories may be found: what is asked of a time before the change is not corrected.
    """
    if all(recollection.memory.superseded_by is None for recollection in found):
        return found
    ordered: dict[str, Recollection] = {}
    by_id = {recollection.id: recollection for recollection in found}
    for recollection in found:
        admitted = [later for later in successors(recollection.memory, get) if selection.holds(later)]
        if admitted and (current := admitted[-1]).id not in ordered:
            known = by_id.get(current.id, recollection)
            ordered[current.id] = recollection._replace(
                memory=current,
                relevance=max(known.relevance, recollection.relevance),
            )
        ordered.setdefault(recollection.id, recollection)
    return list(ordered.values())
