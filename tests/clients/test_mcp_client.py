"""The official MCP client, in one process with the server, agrees on every tool."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mcp import Client

from memory_router.app.asking import Router
from memory_router.interfaces.mcp.server import build_server
from tests.conftest import Home


@pytest.fixture
def talk(home: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Client], Awaitable[Any]]], Any]:
    """Return what holds a conversation with the server, in a home in which something is remembered."""
    assert home.run("init").code == 0
    assert home.run("remember", "We chose Postgres for row-level security.").code == 0
    for name in ("HOME", "MEMORY_ROUTER_HOME"):
        monkeypatch.setenv(name, str(home.folder))

    def run(conversation: Callable[[Client], Awaitable[Any]]) -> Any:
        async def connected(router: Router) -> Any:
            async with Client(build_server(router, None)) as client:
                return await conversation(client)

        with Router(keep_warm=True) as router:
            return asyncio.run(connected(router))

    return run


def test_tools_describe_themselves(talk: Callable[..., Any]) -> None:
    """Five tools, found by the words that agents search for, say what they return and whether they only read."""
    tools = {tool.name: tool for tool in talk(lambda client: client.list_tools()).tools}
    assert set(tools) == {"search", "get", "remember", "feedback", "status"}
    assert all(tool.output_schema and tool.annotations and tool.description for tool in tools.values())
    assert {name for name, tool in tools.items() if tool.annotations.read_only_hint} == {"search", "get", "status"}
    assert "memory" in tools["search"].description.lower()


def test_a_memory_makes_its_round(talk: Callable[..., Any]) -> None:
    """What is remembered is found, fetched by its id and rated, each answer as an object that fits its schema."""

    async def conversation(client: Client) -> None:
        async def call(name: str, **arguments: Any) -> Any:
            called = await client.call_tool(name, arguments)
            assert not called.is_error
            return called.structured_content

        await call("remember", text="The crane in harbor 7 is painted teal.")
        found = await call("search", query="which colour is the crane in harbor 7")
        assert "teal" in found["results"][0]["content"]
        fetched = await call("get", ids=[found["results"][0]["id"]])
        assert "teal" in fetched["results"][0]["content"]
        assert (await call("feedback", execution_id=found["execution_id"], stars=5))["stars"] == 5
        assert {one["name"] for one in (await call("status"))["backends"]} == {"qmd", "totalrecall"}

    talk(conversation)


def test_faults_are_errors(talk: Callable[..., Any]) -> None:
    """A fault that the model can mend comes as an error with what to do, not as an answer."""

    async def conversation(client: Client) -> None:
        for arguments in ({"query": " "}, {"query": "x", "since": "the day before never"}):
            failed = await client.call_tool("search", arguments)
            assert failed.is_error
            assert "text" in failed.content[0].model_dump()

    talk(conversation)
