"""What must hold of every store of memories, with real servers behind it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from memory_router.engines.tiers.admission import admit
from memory_router.engines.tiers.memory import Memory, Selection
from memory_router.engines.tiers.stores.opening import open_store
from memory_router.engines.tiers.stores.protocol import Store
from memory_router.errors import ConfigError, StoreError

NOW = 1_760_000_000.0
DAY = 86_400.0
ALL = Selection()


def memory(text: str, age: float = 0, **fields: object) -> Memory:
    """Return a memory of some days ago."""
    return admit(text, created=NOW - age * DAY).memory._replace(**fields)  # type: ignore[arg-type]


def test_what_is_added_comes_back_as_it_was(store: Store) -> None:
    """Every field survives."""
    one = memory(
        "Déjà vu:\n\tthe café moved 東京",
        created=NOW + 0.123456,
        tags=("move", "café"),
        project="harbor",
        tier="session",
        importance=0.55,
        source="agent",
        session="s1",
        extra={"n": [1, 2.5, None], "o": {"ü": True}},
        accesses=3,
        access_times=(NOW - 2.25, NOW - 1, NOW + 0.000001),
        expires=NOW + 100.5,
    )
    assert store.add(one, NOW)
    assert store.get(one.id, NOW) == one
    assert store.find(ALL, NOW) == [one]
    assert store.search("cafe", 5, ALL, NOW)[0].memory == one


def test_an_id_is_stored_once(store: Store) -> None:
    """A second time changes nothing."""
    one = memory("the berth is 12")
    assert store.add(one, NOW)
    assert not store.add(one._replace(importance=0.1), NOW)
    assert store.find(ALL, NOW) == [one]
    assert store.counters("persistent") == {"stored": 1}


def test_what_expired_is_gone(store: Store) -> None:
    """It is never returned, the sweep counts it once, and its id may be used again."""
    for text in ("tide one", "tide two"):
        store.add(memory(text, expires=NOW + 10), NOW)
    store.add(memory("tide for good"), NOW)
    late = NOW + 10
    assert len(store.find(ALL, late)) == len(store.search("tide", 5, ALL, late)) == store.count(None, late) == 1
    assert store.get(memory("tide one").id, late) is None
    assert store.add(memory("tide one"), late)
    assert store.sweep(late) == 1
    assert store.sweep(late) == 0
    assert store.counters("persistent")["expired"] == 2
    assert store.count(None, late) == 2


def test_selections_choose(store: Store) -> None:
    """Each condition, and all of them together, keep what they say."""
    old = memory("crane one", 5, project="a", tags=("yard", "steel"), importance=0.2, session="s", tier="session")
    new = memory("crane two", 1, project="b", tags=("yard",), importance=0.9)
    for one in (old, new):
        store.add(one, NOW)
    for chosen, expected in [
        (Selection(project="a"), [old]),
        (Selection(since=NOW - 2 * DAY), [new]),
        (Selection(until=NOW - 2 * DAY), [old]),
        (Selection(tiers=("session",)), [old]),
        (Selection(tiers=()), []),
        (Selection(tags=("yard",)), [new, old]),
        (Selection(tags=("yard", "steel")), [old]),
        (Selection(session="s"), [old]),
        (Selection(least=0.5), [new]),
        (Selection(most=0.5), [old]),
        (Selection("a", NOW - 6 * DAY, NOW, ("session",), ("steel",), "s", 0.1, 0.3), [old]),
    ]:
        assert store.find(chosen, NOW) == expected
        assert {one.id for one in store.search("crane", 5, chosen, NOW)} == {one.id for one in expected}
        assert {one.id for one in store.search("latest", 5, chosen, NOW)} == {one.id for one in expected}


def test_listing_has_an_order_and_a_limit(store: Store) -> None:
    """The newest, the least or the most important come first."""
    one, two, three = (memory(f"fact {n}", age, importance=i) for n, age, i in ((1, 3, 0.5), (2, 2, 0.1), (3, 1, 0.5)))
    for each in (two, three, one):
        store.add(each, NOW)
    assert store.find(ALL, NOW) == [three, two, one]
    assert store.find(ALL, NOW, 2, "least") == [two, one]
    assert store.find(ALL, NOW, 2, "most") == [three, one]
    assert store.find(ALL, NOW, 0) == []


def test_an_access_is_counted(store: Store) -> None:
    """Count and times grow, the times stay bounded, and a clock that goes backwards does not reorder them."""
    one = memory("tide table")
    store.add(one, NOW)
    assert store.touch([one.id, "nobody"], NOW + 5) == [one._replace(accesses=1, access_times=(NOW + 5,))]
    (touched,) = store.touch([one.id], NOW - 5)
    assert touched.access_times == (NOW + 5, NOW + 5)
    for number in range(120):
        store.touch([one.id], NOW + 10 + number)
    held = store.get(one.id, NOW)
    assert held
    assert (held.accesses, len(held.access_times), held.access_times[-1]) == (122, 100, NOW + 129)
    assert store.counters("persistent")["recalls"] == 122


def test_a_move_changes_tier_expiry_and_its_time_only(store: Store) -> None:
    """It is counted where the memory left, and does nothing to one that is not there."""
    one = memory("tide table", tier="session", expires=NOW + 5)
    store.add(one, NOW)
    assert not store.move(one.id, "ephemeral", "session", None, NOW, "promoted", "")
    assert store.move(one.id, "session", "persistent", None, NOW, "promoted", "why")
    assert not store.move(one.id, "session", "persistent", None, NOW, "promoted", "")
    assert store.get(one.id, NOW + 10) == one._replace(tier="persistent", expires=None, moved=NOW)
    assert store.counters("session") == {"stored": 1, "promoted": 1}
    assert store.count("persistent", NOW) == 1
    assert store.count("session", NOW) == 0


def test_a_removal_returns_what_went(store: Store) -> None:
    """What was there is returned and not found any more; the rest stays."""
    one, two = memory("tide one"), memory("tide two")
    for each in (one, two):
        store.add(each, NOW)
    assert store.remove([one.id, "nobody"], NOW, "forgotten", "asked") == [one]
    assert store.remove([one.id], NOW, "forgotten") == []
    assert [found.memory for found in store.search("tide", 5, ALL, NOW)] == [two]


def test_a_replacement_is_all_or_nothing(store: Store) -> None:
    """One memory stands in the place of several, unless one of them is gone."""
    one, two, summary = memory("tide one"), memory("tide two"), memory("tides")
    for each in (one, two):
        store.add(each, NOW)
    assert not store.replace([one.id, "nobody"], summary, NOW, "by count")
    assert store.count(None, NOW) == 2
    assert store.replace([one.id, two.id], summary, NOW, "by count")
    assert store.find(ALL, NOW) == [summary]
    assert store.counters("persistent") == {"stored": 3, "compacted": 2}


def test_the_audit_trail_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more events than are kept, the latest stay."""
    for module in ("store", "stores.postgres", "stores.redis"):
        monkeypatch.setattr(f"memory_router.engines.tiers.{module}.MOST_EVENTS", 3)
    for number in range(5):
        store.add(memory(f"fact {number}"), NOW + number)
    assert [event.at for event in store.audit()] == [NOW + 4, NOW + 3, NOW + 2]


def test_the_audit_trail_tells_every_change_and_no_text(store: Store) -> None:
    """Newest first: time, event, id, tier, detail."""
    one = memory("tide table", tier="session")
    store.add(one, NOW)
    store.move(one.id, "session", "persistent", None, NOW + 1, "promoted", "to persistent: asked for")
    store.remove([one.id], NOW + 2, "forgotten", "asked for")
    assert [tuple(event) for event in store.audit()] == [
        (NOW + 2, "forgotten", one.id, "persistent", "asked for"),
        (NOW + 1, "promoted", one.id, "session", "to persistent: asked for"),
        (NOW, "stored", one.id, "session", ""),
    ]
    assert len(store.audit(1)) == 1


def test_a_move_between_stores_is_remembered_until_it_is_settled(store: Store) -> None:
    """A copy says where it comes from until it is told that it is gone there."""
    one = memory("tide table", moved_from="session")
    store.add(one, NOW, "arrived", "from session")
    assert store.moving() == [one]
    store.settle(one.id)
    assert store.moving() == []
    assert store.get(one.id, NOW) == one._replace(moved_from=None)


def test_answers_are_ranked_alike_everywhere(store: Store) -> None:
    """The best covered first, near ties newest first for a recent question, nothing without a shared word."""
    facts = [
        "We chose Postgres because of its row-level security.",
        "The tide offset at Kestrel was 0.25 m in the first chart.",
        "parseAuthToken was moved to the gateway module.",
        "The tide offset at Kestrel is 0.35 m now.",
        "Ines prefers short stand-up meetings.",
    ]
    for number, fact in enumerate(facts):
        store.add(memory(fact, 10 * (5 - number)), NOW)
    assert store.search("why did we choose Postgres", 3, ALL, NOW)[0].text == facts[0]
    assert [found.text for found in store.search("latest on the tide offset", 2, ALL, NOW)] == [facts[3], facts[1]]
    assert store.search("auth token", 3, ALL, NOW)[0].text == facts[2]
    assert store.search("what was the last thing we changed", 1, ALL, NOW)[0].text == facts[4]
    assert store.search("zebra unicorns", 3, ALL, NOW) == []
    assert store.search("tide", 0, ALL, NOW) == []


def test_what_stands_beside_an_answer_in_its_conversation_is_found(store: Store) -> None:
    """A turn without a word of the question comes back for the two before it, and the nearer the higher."""
    turns = ["Who feeds the otters at noon?", "Solveig does, with herring.", "Fine.", "And the seals?", "Nobody yet."]
    for number, turn in enumerate(turns):
        store.add(memory(turn, session="s", created=NOW + number), NOW)
    found = [one.text for one in store.search("otters noon", 5, ALL, NOW + 10)]
    assert found == turns[:3]


@pytest.mark.parametrize("hostile", ["'; DROP TABLE memories; --", '"a" NEAR(', "%s %(x)s", "\\", "a\u2028b", "{}[]*?"])
def test_hostile_text_is_text(store: Store, hostile: str) -> None:
    """No character of a text, a question, a tag or a project breaks a store."""
    one = memory(f"tide {hostile}", tags=(hostile,), project=hostile)
    store.add(one, NOW)
    assert store.search(f"tide {hostile}", 5, Selection(project=hostile, tags=(hostile,)), NOW)[0].memory == one


def test_many_writers_lose_nothing(kind: str, url_of: Callable[[str], str]) -> None:
    """Four connections that add, count accesses and move at once leave every change made once."""
    if kind == "memory":
        pytest.skip("a store of one process has one connection")
    url = url_of(kind)
    first = open_store(url)
    shared = memory("tide table", tier="session")
    first.add(shared, NOW)

    def work(number: int) -> int:
        own = open_store(url)
        for step in range(10):
            own.add(memory(f"writer {number} fact {step}"), NOW)
            own.add(memory(f"fact of all {step}"), NOW)
            own.touch([shared.id], NOW)
        moved = own.move(shared.id, "session", "persistent", None, NOW, "promoted", "")
        own.close()
        return moved

    with ThreadPoolExecutor(4) as pool:
        moved = list(pool.map(work, range(4)))
    assert sum(moved) == 1
    assert first.count(None, NOW) == 51
    held = first.get(shared.id, NOW)
    assert held
    assert held.accesses == 40
    first.close()


@pytest.mark.parametrize("url", ["", "nowhere", "sqlite:", "ftp://host", "memories"])
def test_a_url_that_names_no_store_is_an_error(url: str) -> None:
    """The message says what would name one."""
    with pytest.raises(ConfigError, match="postgresql"):
        open_store(url)


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1/0"])
def test_a_server_that_is_not_there_is_an_error(url: str) -> None:
    """Nobody waits for long, and the message says what to check."""
    with pytest.raises(StoreError, match="Check that it runs"):
        open_store(url)
