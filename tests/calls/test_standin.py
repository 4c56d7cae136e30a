"""The seam that tests are built on: what stands in for servers, for how long, and for whom."""

from __future__ import annotations

import openai
import pytest

from minikit import AsyncClient, ClosedError, MissingKeyError, Model, Retry
from minikit.calls.endpoint import Endpoint
from minikit.calls.offline import Reply
from minikit.calls.request import Request
from minikit.calls.standin import Detour, Forward, current, hurried, standing
from server import ChatServer, ok

pytestmark = pytest.mark.anyio

MODEL = "gpt-4.1-mini"


class Echo:
    """Answers what is meant for one server, by asking it or with an error."""

    def __init__(self, server: str = "", *, is_real: bool = False) -> None:
        self.server = server
        self.is_real = is_real
        self.seen: list[tuple[str, bytes]] = []

    def takes(self, server: str) -> bool:
        """Take what is meant for the one."""
        return server.startswith(self.server)

    async def respond(self, path: str, body: bytes, forward: Forward) -> Reply:
        """Note what came, and pass it on."""
        self.seen.append((path, body))
        if not self.is_real:
            raise ClosedError("nothing to say")
        return await forward(body)


async def test_nobody_stands_in_by_default() -> None:
    """Outside of tests there is no stage, and retries wait."""
    retry = Retry()
    assert current() is None
    assert hurried(retry) is retry
    with standing(Echo()):
        assert hurried(retry) == Retry(wait_initial_s=0)
        with standing(None):
            assert current() is None
        with standing(Echo(is_real=True)):
            assert hurried(retry) is retry


@pytest.mark.parametrize("given", [False, True])
async def test_what_is_forwarded_goes_where_it_was_meant_to(
    server: ChatServer, *, given: bool
) -> None:
    """The real server gets the body as it is, by the client's own SDK where there is one."""
    server.script([ok("Hi.")])
    sdk = openai.AsyncOpenAI(api_key="sk-none", base_url=server.base_url)
    asked = {"openai_client": sdk} if given else {"api_key": "sk-none", "base_url": server.base_url}
    echo = Echo(server.base_url, is_real=True)
    with standing(echo):
        async with AsyncClient(model=MODEL, **asked) as client:
            assert str(await client.complete("Hello")) == "Hi."
    await sdk.close()
    ((path, body),) = echo.seen
    assert path == "/v1/chat/completions"
    assert b"Hello" in body
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "Hello"}]


async def test_what_it_does_not_take_goes_its_way(server: ChatServer) -> None:
    """A stand-in may stand in for some servers alone."""
    server.script([ok("Hi.")])
    echo = Echo("https://api.openai.com/v1")
    with standing(echo):
        async with AsyncClient(model=MODEL, api_key="k", base_url=server.base_url) as client:
            assert str(await client.complete("Hello")) == "Hi."
    assert echo.seen == []


async def test_an_error_of_ours_comes_as_it_is() -> None:
    """What the stand-in raises reaches the caller, and is not tried again."""
    echo = Echo()
    with standing(echo), pytest.raises(ClosedError, match="nothing to say"):
        async with AsyncClient(model=MODEL) as client:
            await client.complete("Hello")
    assert len(echo.seen) == 1


async def test_a_real_one_needs_a_key() -> None:
    """Where the real server is asked, its key is needed as ever."""
    with standing(Echo(is_real=True)), pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
        async with AsyncClient(model=MODEL) as client:
            await client.complete("Hello")


async def test_its_stay_ends() -> None:
    """A request that is sent when the stay is over is told so, and goes nowhere."""
    with standing(Echo()):
        stage = current()
        assert stage is not None
        way = stage.detour(Endpoint(base_url=None, api_key="sk-none"))
        assert isinstance(way, Detour)
    transport = way.connect()
    request = Request.of("Hello", model=Model.resolve(MODEL))
    with pytest.raises(ClosedError, match="its test is over"):
        await transport.send(request, timeout_s=5, on_headers=lambda _: None)
    await transport.aclose()
