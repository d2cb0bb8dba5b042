"""What must hold of who wrote a memory: it is bound when it is written, and nothing makes it worth more."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.engines.tiers import MemoryConfig, MemorySystem, PersistentPolicy, SessionPolicy
from memory_router.engines.tiers.author import KINDS, UNKNOWN, Author, current_author, imported, read, together
from memory_router.engines.tiers.memory import Memory, Selection
from memory_router.engines.tiers.stores.protocol import Store
from memory_router.errors import RefusedMemoryError
from tests.engines.tiers.conftest import Clock, run

NOW = 1_760_000_000.0
ANNA = Author("person", "anna", "cli", "quay")
CODEX = Author("agent", "codex", "mcp", "quay")
AUTHORS = st.builds(Author, st.sampled_from(KINDS), st.text(max_size=5), st.just("cli"), st.just("quay"))
_AGENTS = ("CLAUDECODE", "CODEX_SANDBOX", "CODEX_THREAD_ID", "CURSOR_AGENT", "GEMINI_CLI", "OPENCODE", "OPENCLAW_SHELL")


def trust(author: Author) -> int:
    """Return how much an author is trusted; less is more."""
    return KINDS.index(author.kind)


def test_every_store_keeps_and_chooses_by_authors(store: Store) -> None:
    """What was written by a person, an agent and nobody known comes back so, and is chosen by each part."""
    texts = {"a": ANNA, "b": CODEX, "c": UNKNOWN}
    for name, author in texts.items():
        store.add(Memory(name, f"the crane {name}", NOW, author=author), NOW)
    assert {memory.id: memory.author for memory in store.find(Selection(), NOW)} == texts
    for by, ids in {"person": "a", "Codex": "b", "unknown": "c", "MCP": "b", "quay": "ab", "nobody": ""}.items():
        assert {memory.id for memory in store.find(Selection(by=by), NOW)} == set(ids)
        assert {one.id for one in store.search("the crane", 9, Selection(by=by), NOW)} == set(ids)


@pytest.mark.parametrize("second", ["memory", "postgres", "redis"])
def test_neither_repetition_nor_promotion_changes_an_author(
    second: str, clock: Clock, url_of: Callable[[str], str]
) -> None:
    """A text stays its first author's when a person stores it again, and as it moves to another store."""
    config = MemoryConfig(
        session=SessionPolicy(store=url_of("sqlite")), persistent=PersistentPolicy(store=url_of(second))
    )

    async def course() -> Memory:
        async with MemorySystem(config, clock=clock) as memories:
            name = await memories.store("The lock opens at six", author=CODEX)
            await memories.store("The lock opens at six", author=ANNA)
            return await memories.promote(name)

    assert run(course()).author == CODEX


@given(st.lists(AUTHORS, min_size=1))
def test_a_summary_is_trusted_as_its_least_trusted_part(authors: list[Author]) -> None:
    """It is a person's only where all it sums up is, and names somebody only if they are the only one of the kind."""
    summary = together(authors, "compaction")
    assert trust(summary) == max(map(trust, authors))
    assert summary.name in {"", *(one.name for one in authors if one.kind == summary.kind)}


@given(AUTHORS, AUTHORS)
def test_an_import_is_trusted_no_more_than_file_and_importer(claimed: Author, importer: Author) -> None:
    """An agent cannot write a person's memory by way of a file."""
    assert trust(imported(claimed, importer)) == max(trust(claimed), trust(importer))
    assert imported(claimed, importer).tool == "import"


def test_compaction_leaves_revisions_and_sums_up_authors(clock: Clock) -> None:
    """A summary of what a person and an agent wrote is an agent's; facts with revisions stay as they are."""
    config = MemoryConfig(session=SessionPolicy(store="memory:"))

    async def course() -> tuple[list[Memory], list[Memory]]:
        async with MemorySystem(config, clock=clock) as memories:
            first = await memories.store("The gate is red", author=ANNA)
            await memories.store("The gate is blue", author=ANNA, supersedes=first)
            await memories.store("Paint is in the shed", author=ANNA)
            await memories.store("Brushes are in the shed", author=CODEX)
            await memories.compact("session", "count")
            return await memories.history(first), await memories.memories()

    revisions, held = run(course())
    assert [one.text for one in revisions] == ["The gate is red", "The gate is blue"]
    (summary,) = [one for one in held if one.author.tool == "compaction"]
    assert (summary.author.kind, summary.author.name) == ("agent", "codex")


@pytest.mark.parametrize(
    ("variables", "kind", "name"),
    [
        ({"CLAUDECODE": "1"}, "agent", "claude-code"),
        ({"AGENT": "goose"}, "agent", "goose"),
        ({"AI_AGENT": "pi@1.2"}, "agent", "pi"),
        ({"AGENT": "/tmp/ssh/agent.1"}, "person", None),
        ({}, "person", None),
    ],
)
def test_the_environment_tells_of_an_agent(
    variables: dict[str, str], kind: str, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an agent runs the command it is the author, and otherwise the account is."""
    for variable in (*_AGENTS, "AI_AGENT", "AGENT"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    told = current_author("cli")
    assert (told.kind, told.tool) == (kind, "cli")
    assert name is None or told.name == name


@pytest.mark.parametrize("told", [{"kind": "god"}, {"kind": 1}, {"rank": "high"}, {"name": ["a"]}])
def test_what_is_no_author_is_refused(told: dict[str, object]) -> None:
    """Unknown kinds, members and types are errors; nothing at all is an unknown author."""
    assert read(None) == UNKNOWN
    with pytest.raises(RefusedMemoryError):
        read(told)
