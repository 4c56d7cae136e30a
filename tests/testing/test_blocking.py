"""Real calls can be kept from leaving the machine."""

from __future__ import annotations

import pytest

from minikit import AsyncClient, Client, MissingKeyError, plan, summarize
from minikit.calls.offline import Reply
from minikit.calls.standin import current
from minikit.testing import BlockedCallError, ScriptedServer, blocked_calls
from server import ChatServer, ok

MODEL = "gpt-4.1-mini"
TEXT = "The bridge was closed in March. Nobody knows why it fell."


@pytest.mark.parametrize(
    "base_url",
    [
        None,
        "https://api.openai.com/v1",
        "http://models.invalid:8000/v1",
        "http://10.0.0.1/v1",
        "http://localhost.invalid/v1",
    ],
)
def test_calls_to_other_machines_are_refused(base_url: str | None) -> None:
    """The error says what was blocked and what to do; nothing was sent."""
    client = Client(model=MODEL, api_key="sk-none", base_url=base_url)
    told = f"a real call to {base_url or 'https://api.openai.com/v1'} was blocked: .*minikit_server"
    with client, blocked_calls(), pytest.raises(BlockedCallError, match=told):
        client.summarize(TEXT)


@pytest.mark.anyio
async def test_a_connection_that_was_open_is_of_no_use(server: ChatServer) -> None:
    """A client that has called before is held back as well."""
    server.script([ok("before"), ok("on this machine")])
    async with AsyncClient(model=MODEL, api_key="sk-none", base_url=server.base_url) as client:
        assert str(await client.complete("Hello")) == "before"
        with blocked_calls():
            assert str(await client.complete("Hello")) == "on this machine"


@pytest.mark.parametrize("host", ["localhost", "model.localhost", "127.0.0.2", "[::1]"])
def test_servers_on_this_machine_can_be_asked(host: str) -> None:
    """What does not leave the machine is none of its business."""
    with blocked_calls():
        stage = current()
        assert stage is not None
        assert stage.standin is not None
        assert not stage.standin.takes(f"http://{host}:8000/v1")


def test_what_asks_nobody_goes_on() -> None:
    """Plans and the offline model are as ever."""
    with blocked_calls():
        assert plan(TEXT, model=MODEL).levels
        assert str(summarize(TEXT, model="offline"))


def test_what_is_blocked_needs_no_key() -> None:
    """Who has no key, as in CI, is told to script the reply and not to set one."""
    with blocked_calls():
        with pytest.raises(BlockedCallError, match="minikit_server"):
            summarize(TEXT, model=MODEL)
        here = Client(model=MODEL, base_url="http://localhost:9/v1")
        with here, pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
            here.summarize(TEXT)


def test_a_scripted_server_stands_before_the_guard() -> None:
    """What is scripted is no real call."""
    with blocked_calls(), ScriptedServer() as server:
        server.reply("Closed.")
        assert str(summarize(TEXT, model=MODEL)) == "Closed."


@pytest.mark.anyio
async def test_what_is_let_in_goes_where_it_was_meant_to() -> None:
    """The guard has no answers of its own."""
    answer = Reply(status=200, headers={}, body=b"{}")

    async def forward(body: bytes) -> Reply:
        assert body == b"asked"
        return answer

    with blocked_calls():
        stage = current()
        assert stage is not None
        assert stage.standin is not None
        assert await stage.standin.respond("/v1/chat/completions", b"asked", forward) is answer
