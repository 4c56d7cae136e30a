"""One client in several event loops at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest

from minikit import AsyncClient
from server import ChatServer, Reply, held, ok, slow


@pytest.mark.parametrize("backends", [("asyncio", "asyncio"), ("asyncio", "trio")])
def test_two_loops_at_once(server: ChatServer, backends: tuple[str, str]) -> None:
    """Calls from two loops in two threads are in flight together, and each gets its own reply."""
    all_here = threading.Event()

    def answer_together(body: dict[str, Any]) -> Reply:
        if server.in_flight == 8:
            all_here.set()
        return held(all_here, ok(body["messages"][-1]["content"]))

    server.handler = answer_together
    client = AsyncClient(api_key="sk-test", base_url=server.base_url, max_concurrency=4)
    start = threading.Barrier(2)

    def loop(name: str, backend: str) -> dict[str, str]:
        replies: dict[str, str] = {}

        async def ask(prompt: str) -> None:
            replies[prompt] = (await client.complete(prompt)).text

        async def main() -> None:
            async with client, anyio.create_task_group() as group:
                for number in range(4):
                    group.start_soon(ask, f"{name} {number}")

        start.wait()
        anyio.run(main, backend=backend)
        return replies

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(loop, ("first", "second"), backends)
    for name, replies in (("first", first), ("second", second)):
        assert replies == {f"{name} {number}": f"{name} {number}" for number in range(4)}
    assert server.max_in_flight == 8


@pytest.mark.anyio
async def test_two_clients_on_one_loop_are_apart(server: ChatServer) -> None:
    """Each client has its own places and connections, also on one event loop."""
    server.handler = lambda _body: slow(0.05)
    many = AsyncClient(api_key="sk-test", base_url=server.base_url, max_concurrency=8)
    async with AsyncClient(api_key="sk-test", base_url=server.base_url, max_concurrency=1) as one:
        await one.complete("Hello?")
        async with many, anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(many.complete, "Hello?")
        assert server.max_in_flight > 1
        assert (await one.complete("Hello?")).text
