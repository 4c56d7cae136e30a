"""Every kind of reply comes to a client as the real thing would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from minikit import (
    ArgumentError,
    AsyncClient,
    AuthenticationError,
    BadReplyError,
    CallError,
    CallTimeoutError,
    Client,
    Model,
    QuotaExhaustedError,
    RateLimitError,
    RefusalError,
    Retry,
    ServerError,
    StreamBrokenError,
    TransportError,
    Usage,
)
from minikit.testing import (
    Reply,
    ScriptedServer,
    completion,
    disconnected,
    error,
    raw,
    refusal,
    timeout,
    truncated,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "gpt-4.1-mini"
ONCE = Retry(attempts=1)
TOOL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A scripted server that stands in for all others."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def client() -> Iterator[Client]:
    """A client that tries once."""
    with Client(model=MODEL, retry=ONCE) as client:
        yield client


def test_a_completion_tells_what_it_is_told_to(server: ScriptedServer, client: Client) -> None:
    """Usage, model and finish reason can be given."""
    usage = Usage(input_tokens=1000, cached_tokens=800, output_tokens=50, reasoning_tokens=7)
    server.reply(completion("Hi.", usage=usage, model="gpt-4.1-mini-2025-04-14"))
    reply = client.complete("Hello")
    assert (reply.text, reply.usage, reply.model) == ("Hi.", usage, "gpt-4.1-mini-2025-04-14")
    assert reply.tier == "default"


def test_the_tier_is_the_one_asked_for(server: ScriptedServer, client: Client) -> None:
    """A request at the price of a tier is answered at it."""
    server.reply("Hi.", "Hi.")
    assert client.complete("Hello", tier="flex").tier == "flex"
    assert client.complete("Hello", tier="auto").tier == "default"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_may_be_called(streamed: bool, server: ScriptedServer, client: Client) -> None:
    """Further fields of the message are sent, whole or in a stream, and counted."""
    server.reply(completion(None, message={"tool_calls": [TOOL]}, finish_reason="tool_calls"))
    if streamed:
        with client.stream("Look.") as stream:
            assert "".join(stream) == ""
        reply = stream.completion
    else:
        reply = client.complete("Look.")
    assert reply.tool_calls[0]["function"] == TOOL["function"]
    assert reply.finish_reason == "tool_calls"
    assert reply.usage.output_tokens > 3


def test_a_stream_comes_in_pieces(server: ScriptedServer, client: Client) -> None:
    """The pieces join to the text, and the usage comes at the end."""
    text = "One two three four five.\n\nSix  seven, eight."
    server.reply(text)
    with client.stream("Count.") as stream:
        pieces = list(stream)
    assert len(pieces) > 1
    assert "".join(pieces) == stream.completion.text == text
    assert not stream.completion.usage.estimated
    assert server.requests[0].is_streamed


def test_a_refusal_is_one(server: ScriptedServer, client: Client) -> None:
    """The client raises it, and it is paid for."""
    server.reply(refusal())
    with pytest.raises(RefusalError, match="the model refused") as caught:
        client.complete("Hello")
    assert caught.value.completion is not None
    assert caught.value.completion.usage.output_tokens > 3


def test_a_text_may_be_cut_off(server: ScriptedServer, client: Client) -> None:
    """The finish reason tells that the limit was reached."""
    server.reply(truncated("Once upon a"))
    assert client.complete("Tell.", max_output_tokens=10).finish_reason == "length"
    assert server.requests[0].max_output_tokens == 10


@pytest.mark.parametrize(
    ("reply", "kind", "told"),
    [
        (error(429), RateLimitError, "HTTP 429 .rate_limit_exceeded.: Scripted by the test"),
        (error(429, code="insufficient_quota"), QuotaExhaustedError, "no credit"),
        (error(401), AuthenticationError, "invalid_api_key"),
        (error(500, message="Out of order."), ServerError, "Out of order"),
        (raw("<html>Bad gateway</html>", content_type="text/html"), BadReplyError, "HTML"),
        (raw(b'{"choices": ['), BadReplyError, "no whole JSON"),
        (raw("no", status=502), ServerError, "HTTP 502"),
        (timeout(), CallTimeoutError, "no whole reply within"),
        (disconnected(), TransportError, "the connection was closed"),
        (disconnected("half of"), TransportError, "the connection was closed"),
        (completion("", finish_reason=None), BadReplyError, "no finish reason"),
    ],
)
def test_faults_become_their_errors(
    reply: Reply, kind: type[CallError], told: str, server: ScriptedServer, client: Client
) -> None:
    """Each fault comes as the error that the application has to handle."""
    server.reply(reply)
    with pytest.raises(kind, match=told):
        client.complete("Hello")


def test_a_limit_tells_how_long_to_wait(server: ScriptedServer, client: Client) -> None:
    """The header is what the client reads; without it there is no wait."""
    server.reply(error(429, retry_after_s=2.5), error(503, retry_after_s=4))
    for seconds in (2.5, 4):
        with pytest.raises(CallError, match="HTTP") as caught:
            client.complete("Hello", model=MODEL if seconds == 4 else "gpt-4.1-nano")
        assert caught.value.retry_after_s == seconds


@pytest.mark.anyio
@pytest.mark.parametrize(
    "reply", [disconnected("Once upon"), completion("Once upon", finish_reason=None)]
)
async def test_a_stream_may_break(reply: Reply, server: ScriptedServer) -> None:
    """What had come is kept, and counted."""
    server.reply(reply)
    async with AsyncClient(model=MODEL, retry=ONCE) as client:
        pieces: list[str] = []
        with pytest.raises(StreamBrokenError, match=r"."):
            await _read(client, pieces)
    assert "".join(pieces) == "Once upon"


async def _read(client: AsyncClient, pieces: list[str]) -> None:
    async with client.stream("Tell.") as stream:
        async for piece in stream:
            pieces.append(piece)  # noqa: PERF401 - what came before the error counts


def test_a_model_of_ones_own_is_counted_as_the_default(server: ScriptedServer) -> None:
    """The server knows ids alone; a model that only the client can describe gets a usage too."""
    mine = Model(id="mine", context_window=8000, max_output_tokens=1000)
    server.reply("Hi.")
    with Client(model=mine, base_url="http://models.invalid/v1") as client:
        assert client.complete("Hello").usage == Usage(input_tokens=8, output_tokens=2)


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        (completion("x" * 70), f"'{'x' * 59}..."),
        (refusal("No."), "refusal('No.')"),
        (truncated("Once"), "truncated('Once')"),
        (error(500), "error(500)"),
        (raw("<html>"), "raw('<html>')"),
        (timeout(), "timeout()"),
        (disconnected(), "disconnected()"),
        (disconnected("Once"), "disconnected('Once')"),
    ],
)
def test_replies_have_names(reply: Reply, label: str) -> None:
    """What a message shows of a reply is how it was written."""
    assert reply.label == label


def test_an_error_has_a_status_of_one() -> None:
    """A slip is told where it stands."""
    for wrong in (200, 42, 600):
        with pytest.raises(
            ArgumentError, match=f"status={wrong} is no HTTP error: give one of 400"
        ):
            error(wrong)
