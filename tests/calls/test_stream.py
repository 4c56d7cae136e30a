"""One reply as it is written, against a server on loopback: whole, odd, broken and left early."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from minikit import (
    ArgumentError,
    AsyncClient,
    AuthenticationError,
    BadReplyError,
    BudgetExceededError,
    CallError,
    CallTimeoutError,
    ClosedError,
    Completion,
    ContextOverflowError,
    Message,
    Model,
    Price,
    RefusalError,
    Retry,
    StreamBrokenError,
    TransportError,
    Usage,
    count_tokens,
)
from minikit.calls.hooks import AttemptEnded, CallEnded, CallStarted, Event, RetryScheduled
from minikit.calls.pipeline import INLINE_CHARACTERS
from minikit.calls.transport import _http_library
from server import ChatServer, Reply, error, hang, held, ok, pieces, raw, reset, slow, stream

pytestmark = pytest.mark.anyio

MODEL = Model(
    id="mine",
    context_window=30_000,
    max_output_tokens=20_000,
    price=Price(input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(10)),
)
SOON = Retry(wait_initial_s=0.0)
ONCE = Retry(attempts=1)
PROMPT = "Hello?"
INPUT = count_tokens([Message(role="user", content=PROMPT)], model=MODEL)
USAGE = {"prompt_tokens": 70, "completion_tokens": 30}

Events = list[dict[str, Any] | bytes]


def delta(content: str | None = None, finish_reason: str | None = None, **more: Any) -> Any:  # noqa: ANN401 - JSON
    """Build an event with some text; what is given by name stands in its delta."""
    text = {} if content is None else {"content": content}
    return {"choices": [{"index": 0, "delta": text | more, "finish_reason": finish_reason}]}


END: Events = [delta(finish_reason="stop"), {"choices": [], "usage": USAGE}]
FINE: Events = [delta("Fi"), delta("ne."), *END]


def framed(*events: dict[str, Any] | bytes, end: bytes = b"\n\n") -> bytes:
    """Return the body of a stream."""
    payloads = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in events]
    return b"".join(b"data: " + payload + end for payload in payloads)


def check_nothing_is_left(client: AsyncClient) -> None:
    """Check that no money, no place at the limit and no place among the calls is held."""
    pipeline = client._pipeline
    assert pipeline.account.budget is not None
    assert pipeline.account.budget.reserved_usd == 0
    assert not any(pace._log.in_flight for pace in pipeline._paces.values())
    assert pipeline._connections.session().places.value == pipeline.max_concurrency


@asynccontextmanager
async def client_of(server: ChatServer, **options: Any) -> AsyncIterator[AsyncClient]:  # noqa: ANN401
    """Make a client of `server` with a budget; check that nothing is left when the test is over."""
    defaults = {"model": MODEL, "api_key": "k", "base_url": server.base_url, "retry": SOON}
    before = len(anyio.get_running_tasks())
    async with AsyncClient(**{**defaults, "budget_usd": 100, **options}) as client:
        yield client
        check_nothing_is_left(client)
    assert len(anyio.get_running_tasks()) == before


async def read(client: AsyncClient, **options: Any) -> tuple[list[str], Completion]:  # noqa: ANN401
    """Read a stream to its end."""
    async with client.stream(PROMPT, **options) as reply:
        return [text async for text in reply], reply.completion


async def read_once(server: ChatServer, reply: Reply) -> tuple[list[str], Completion]:
    """Read this reply to its end, with a client that does not try again."""
    server.script([reply])
    async with client_of(server, retry=ONCE) as client:
        return await read(client)


async def take(reply: AsyncIterator[str], deltas: list[str]) -> None:
    """Read to the end, or to an error; what came until then is in `deltas`."""
    async for text in reply:
        deltas.append(text)  # noqa: PERF401 - `extend` would keep nothing at an error


def outcomes(client: AsyncClient) -> list[str]:
    """Return the outcomes in the ledger."""
    return [entry.outcome for entry in client.ledger.entries]


async def left(server: ChatServer, request: int = 0) -> bool:
    """Wait until the server has seen that the client left."""
    return await to_thread.run_sync(server.requests[request].abandoned.wait, 10)


async def test_text_comes_in_deltas_and_a_completion_at_the_end(server: ChatServer) -> None:
    """The deltas are the text; the completion says what it took."""
    text = "The sea is wide and the boat is small. " * 5
    server.script([ok(text, usage=USAGE, model="mine-1")])
    async with client_of(server) as client:
        deltas, completion = await read(client)
        (entry,) = client.ledger.entries
    assert len(deltas) > 1
    assert "".join(deltas) == completion.text == text
    assert completion.usage == Usage(input_tokens=70, output_tokens=30)
    assert completion.cost_usd == entry.cost_usd == Decimal("0.00037")
    assert (completion.finish_reason, completion.model) == ("stop", "mine-1")
    assert (completion.attempts, completion.request_id) == (1, "req_00000001")
    assert completion.latency_s > 0
    assert not completion.replayed
    assert (entry.operation, entry.outcome, entry.request_id) == ("stream", "ok", "req_00000001")


async def test_request_on_the_wire(server: ChatServer) -> None:
    """A stream asks for what `complete` asks for, as a stream with its usage."""
    options: dict[str, Any] = {"system": "Be brief.", "max_output_tokens": 50, "seed": 7}
    async with client_of(server) as client:
        await client.complete(PROMPT, **options)
        await read(client, **options)
    whole, streamed = server.bodies
    assert streamed == {**whole, "stream": True, "stream_options": {"include_usage": True}}


async def test_text_comes_while_it_is_written(server: ChatServer) -> None:
    """The first text is there while the server still writes; then there is no completion yet."""
    go = threading.Event()
    server.script([held(go, stream(FINE), after=1)])
    async with client_of(server) as client, client.stream(PROMPT) as reply:
        assert await anext(reply) == "Fi"
        with pytest.raises(ArgumentError, match="has not ended"):
            _ = reply.completion
        go.set()
        assert [text async for text in reply] == ["ne."]
        assert reply.completion.text == "Fine."


async def test_a_stream_is_opened_once_and_read_in_its_with(server: ChatServer) -> None:
    """Reading before, and opening twice, are mistakes; reading after the end gives nothing."""
    async with client_of(server) as client:
        reply = client.stream(PROMPT)
        with pytest.raises(ArgumentError, match="open the stream"):
            await anext(reply)
        with pytest.raises(ArgumentError, match="has not ended"):
            _ = reply.completion
        assert not server.requests
        async with reply:
            assert "".join([text async for text in reply]) == reply.completion.text
            assert [text async for text in reply] == []
        assert [text async for text in reply] == []
        with pytest.raises(ArgumentError, match="opened once"):
            await reply.__aenter__()


async def test_mistakes_are_found_before_anything_is_sent(server: ChatServer) -> None:
    """Bad arguments fail at once, and what cannot be sent when the stream is opened."""
    async with client_of(server) as client:
        with pytest.raises(ArgumentError, match="prompt is empty"):
            client.stream(" ")
        with pytest.raises(ArgumentError, match="max_output_tokens"):
            client.stream(PROMPT, max_output_tokens=0)
        with pytest.raises(ContextOverflowError, match="has room for"):
            await client.stream("word " * 40_000).__aenter__()
    with pytest.raises(ClosedError, match="make a new one"):
        await client.stream(PROMPT).__aenter__()
    assert not server.requests


async def test_offline_model_streams() -> None:
    """The model on this machine streams too, for nothing."""
    async with AsyncClient(model="offline", budget_usd=0) as client:
        deltas, completion = await read(client)
        assert "".join(deltas) == completion.text
        assert completion.cost_usd == 0
        assert completion.notes
        assert outcomes(client) == ["ok"]


# What servers do differently


WHOLE = {
    "object": "chat.completion",
    "choices": [{"message": {"role": "assistant", "content": "Fine."}, "finish_reason": "stop"}],
    "usage": USAGE,
}
CUMULATIVE = [
    {
        "object": "chat.completion",
        "choices": [{"delta": {"content": text}, "message": {"content": so_far}}],
    }
    for text, so_far in (("Fi", "Fi"), ("ne.", "Fine."))
]


@pytest.mark.parametrize(
    "reply",
    [
        stream(FINE),
        stream(FINE, done=False),
        stream([delta("Fine.", "stop", role="assistant"), END[1]]),
        stream([delta("Fi", usage=None), *FINE[1:]]),
        stream([{**event, "usage": USAGE} for event in FINE if isinstance(event, dict)]),
        stream([*FINE, b"[DONE]", b"{broken"]),
        pieces([framed(*FINE, b"[DONE]", end=b"\r\n\r\n")]),
        pieces([b": OPENROUTER PROCESSING\n\n", framed(*FINE), b": bye\n\n"]),
        pieces([framed(b"", *FINE, b"")]),
        pieces([b"event: x\nid: 1\nretry: 5\n" + framed(*FINE).replace(b": ", b":")]),
        pieces([framed(*FINE).removesuffix(b"\n\n")]),
        pieces([framed(*FINE)], content_type="application/json"),
        pieces([framed(*FINE)], content_type="text/plain"),
        pieces(
            [gzip.compress(framed(*FINE))],
            headers={"content-encoding": "gzip"},
        ),
        raw(200, "application/json", json.dumps(WHOLE).encode()),
        raw(200, "text/plain", json.dumps(WHOLE, indent=2).encode()),
        pieces([b"\n", b"\n  ", json.dumps(WHOLE).encode()], content_type="application/json"),
        stream([*CUMULATIVE, *END]),
        pieces([bytes([byte]) for byte in framed(*FINE, b"[DONE]")]),
    ],
)
async def test_streams_of_other_servers(server: ChatServer, reply: Reply) -> None:
    """What differs without changing the meaning changes nothing."""
    deltas, completion = await read_once(server, reply)
    assert "".join(deltas) == completion.text == "Fine."
    assert completion.usage == Usage(input_tokens=70, output_tokens=30)
    assert completion.finish_reason == "stop"


async def test_characters_cut_by_segments(server: ChatServer) -> None:
    """Characters of several bytes, halves of them in two escapes, and odd line ends are whole."""
    text = "Été\u2028海 🐋\x85\x0b"
    events = [delta(text), delta("\ud83d"), delta("\udc0b"), *END]
    body = b"".join(
        b"data: " + json.dumps(each, ensure_ascii=number > 0).encode() + b"\n\n"
        for number, each in enumerate(events)
    )
    deltas, completion = await read_once(server, pieces([bytes([byte]) for byte in body]))
    assert "".join(deltas) == completion.text == text + "🐋"
    assert all(each.isprintable() or each == text for each in deltas)


async def test_usage_that_never_comes_is_counted(server: ChatServer) -> None:
    """A whole stream without usage is priced by counting, and says so."""
    _, completion = await read_once(server, stream(FINE[:3]))
    output = count_tokens("Fine.", model=MODEL)
    assert completion.usage == Usage(input_tokens=INPUT, output_tokens=output, estimated=True)
    assert completion.cost_usd == INPUT * Decimal("1e-6") + output * Decimal("10e-6")


async def test_calls_of_tools_without_text(server: ChatServer) -> None:
    """A reply that only calls tools has no deltas, and is one."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    reply = ok(None, finish_reason="tool_calls", message={"tool_calls": [call]})
    deltas, completion = await read_once(server, reply)
    assert deltas == []
    assert completion.tool_calls == (call,)
    assert completion.finish_reason == "tool_calls"


async def test_a_reply_cut_by_its_length_is_a_reply(server: ChatServer) -> None:
    """It ends with "length", and the ledger says that it was cut."""
    server.script([ok("Half a", finish_reason="length")])
    async with client_of(server) as client:
        _, completion = await read(client)
        assert (completion.text, completion.finish_reason) == ("Half a", "length")
        assert outcomes(client) == ["truncated"]


async def test_a_long_stream_comes_whole(server: ChatServer) -> None:
    """16,000 events of a token each come in their order, as many deltas."""
    words = [f" {number}" for number in range(16_000)]
    body = [framed(*map(delta, words[start : start + 500])) for start in range(0, 16_000, 500)]
    deltas, completion = await read_once(server, pieces([*body, framed(*END)]))
    assert deltas == words
    assert completion.text == "".join(words)


async def test_connection_of_a_whole_stream_is_used_again(server: ChatServer) -> None:
    """A stream that was read to its end leaves its connection to the next call."""
    async with client_of(server) as client:
        for _ in range(3):
            await read(client)
        await client.complete(PROMPT)
    assert len({request.client for request in server.requests}) == 1


async def test_a_server_that_does_not_end_its_stream(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After [DONE] the end is waited for a moment only, and the connection given up."""
    monkeypatch.setattr("minikit.calls.http_stream.DRAIN_S", 0.01)
    server.script([held(threading.Event(), stream(FINE), after=5)])
    async with client_of(server) as client:
        assert (await read(client))[1].text == "Fine."
        assert outcomes(client) == ["ok"]
        assert await left(server)


# What fails before there is text


ERROR_EVENT = {"error": {"message": "Overloaded.", "type": "server_error", "code": None}}
FAULTS: dict[str, tuple[Reply, str]] = {
    "500": (error(500), "server_error"),
    "429": (error(429, code="rate_limit_exceeded", headers={"retry-after": "0"}), "rate_limited"),
    "429 without a word": (error(429), "rate_limited"),
    "no reply": (reset(0), "no_reply"),
    "reset in the first event": (reset(20, within=stream(FINE)), "no_reply"),
    "end before text": (stream([delta("", role="assistant")]), "no_reply"),
    "no end": (stream([delta("", role="assistant")], done=False), "no_reply"),
    "nothing": (raw(200, "text/event-stream", b""), "no_reply"),
    "text": (raw(200, "text/plain", b"Service unavailable\n\n"), "no_reply"),
    "HTML": (raw(200, "text/html", b"\n<!doctype html><p>Not here."), "bad_reply"),
    "half a JSON": (raw(200, "application/json", b'{"choices": ['), "bad_reply"),
    "JSON that is no reply": (raw(200, "application/json", b"{}"), "no_reply"),
    "choices that are none": (raw(200, "application/json", b'{"choices": 1}'), "bad_reply"),
    "a list": (raw(200, "application/json", b"[]"), "bad_reply"),
    "an error in place of a reply": (
        raw(200, "application/json", json.dumps(ERROR_EVENT).encode()),
        "server_error",
    ),
    "an error in the stream": (stream([delta(""), ERROR_EVENT]), "server_error"),
    "broken JSON": (stream([delta(""), b"{broken"]), "bad_reply"),
    "an event that is none": (stream([b"7"]), "bad_reply"),
    "nested beyond reason": (stream([b"[" * 100_000]), "bad_reply"),
    "an empty reply": (stream([delta(""), *END]), "empty"),
    "a blank reply": (stream([delta(" \n"), delta("\n "), *END]), "empty"),
    "blank, then broken": (stream([delta(" \n")]), "no_reply"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_fails_before_text_is_tried_again(server: ChatServer, fault: str) -> None:
    """A passing fault before any text costs an attempt, and the stream is as if it had not been."""
    reply, outcome = FAULTS[fault]
    server.script([reply, ok("Fine.", usage=USAGE)])
    async with client_of(server) as client:
        deltas, completion = await read(client)
        assert "".join(deltas) == completion.text == "Fine."
        assert completion.attempts == 2
        assert outcomes(client) == [outcome, "ok"]
        assert [entry.attempt for entry in client.ledger.entries] == [1, 2]


async def test_what_fails_for_good_is_raised_where_the_stream_is_opened(
    server: ChatServer,
) -> None:
    """Without another attempt the error comes at once; then there is no reply."""
    server.script([reply for reply, _ in FAULTS.values()])
    async with client_of(server, retry=ONCE) as client:
        for _ in FAULTS:
            opened = client.stream(PROMPT)
            with pytest.raises(CallError, match=r"\w") as caught:
                await opened.__aenter__()
            assert not isinstance(caught.value, StreamBrokenError)
            check_nothing_is_left(client)
            with pytest.raises(ArgumentError, match="has not ended"):
                _ = opened.completion
            assert [text async for text in opened] == []
        assert outcomes(client) == [outcome for _, outcome in FAULTS.values()]


# The HTTP library leaves a generator of its own when it cannot decode, and trio warns of that.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_compressed_stream_that_is_none(server: ChatServer) -> None:
    """Bytes that cannot be unpacked are no reply, and it is tried again."""
    server.script([pieces([b"no gzip"], headers={"content-encoding": "gzip"})])
    async with client_of(server) as client:
        assert (await read(client))[1].attempts == 2
        assert outcomes(client) == ["no_reply", "ok"]
        await anyio.wait_all_tasks_blocked()


async def test_html_is_told_from_json(server: ChatServer) -> None:
    """A web page in place of a stream points to the address."""
    with pytest.raises(BadReplyError, match="are HTML; check the base URL") as caught:
        await read_once(server, FAULTS["HTML"][0])
    assert caught.value.status == 200
    assert caught.value.request_id == "req_00000001"


async def test_lasting_faults_are_not_tried_again(server: ChatServer) -> None:
    """What the key causes is raised at the first attempt."""
    server.script([error(401, code="invalid_api_key")])
    async with client_of(server) as client:
        with pytest.raises(AuthenticationError, match="check the API key"):
            await read(client)
        assert outcomes(client) == ["rejected"]
        assert client.ledger.total.cost_usd == 0


async def test_an_empty_stream_is_asked_for_thrice(server: ChatServer) -> None:
    """Each is paid for; then the error carries the reply."""
    server.script([stream([delta(""), *END])] * 3)
    async with client_of(server) as client:
        with pytest.raises(BadReplyError, match="the reply is empty") as caught:
            await read(client)
        assert outcomes(client) == ["empty"] * 3
        assert client.ledger.total.cost_usd == 3 * Decimal("0.00037")
    assert caught.value.attempts == 3
    assert caught.value.completion is not None
    assert caught.value.completion.usage.input_tokens == 70


async def test_hooks_hear_of_each_attempt(server: ChatServer) -> None:
    """A stream tells the same as any other call."""
    heard: list[Event] = []
    server.script([error(500), stream(FINE)])
    async with client_of(server, hooks=[heard.append]) as client:
        await read(client)
    kinds = [CallStarted, AttemptEnded, RetryScheduled, AttemptEnded, CallEnded]
    assert [type(event) for event in heard] == kinds
    ended = heard[-1]
    assert isinstance(ended, CallEnded)
    assert (ended.operation, ended.attempts, ended.finish_reason) == ("stream", 2, "stop")
    assert ended.usage == Usage(input_tokens=70, output_tokens=30)
    assert ended.error is None


# What breaks after some text


BREAKS: dict[str, Reply] = {
    "end": stream([delta("Some text"), delta(" more")]),
    "no end": stream([delta("Some text"), delta(" more")], done=False),
    "an error": stream([delta("Some text"), delta(" more"), ERROR_EVENT]),
    "a rate limit": stream(
        [delta("Some text"), delta(" more"), {"error": {"code": "rate_limit_exceeded"}}]
    ),
    "broken JSON": stream([delta("Some text"), delta(" more"), b"{broken"]),
    "a list": stream([delta("Some text"), delta(" more"), b"[]"]),
    "foreign content": stream([delta("Some text"), delta(" more"), delta(7)]),  # type: ignore[arg-type]
    "reset": reset(170, within=stream([delta("Some text"), delta(" more"), *END])),
}


@pytest.mark.parametrize("broken", BREAKS)
async def test_a_broken_stream_is_an_error_that_carries_what_came(
    server: ChatServer, broken: str
) -> None:
    """It is not tried again, since a part has been read; it is charged by counting."""
    server.script([BREAKS[broken]])
    deltas: list[str] = []
    async with client_of(server) as client, client.stream(PROMPT) as reply:
        with pytest.raises(StreamBrokenError, match="broke after some text: ") as caught:
            await take(reply, deltas)
        completion = caught.value.completion
        assert reply.completion == completion
        assert [text async for text in reply] == []
        (entry,) = client.ledger.entries
    assert isinstance(caught.value, TransportError)
    assert completion is not None
    assert deltas
    assert "".join(deltas) == completion.text == "Some text more"[: len(completion.text)]
    output = count_tokens(completion.text, model=MODEL)
    assert completion.usage == Usage(input_tokens=INPUT, output_tokens=output, estimated=True)
    assert completion.finish_reason == "broken"
    assert (entry.outcome, entry.usage) == ("broken", completion.usage)
    cost_usd = INPUT * Decimal("1e-6") + output * Decimal("10e-6")
    assert completion.cost_usd == entry.cost_usd == client.ledger.total.cost_usd == cost_usd
    assert client.ledger.total.usage.estimated
    assert completion.request_id == caught.value.request_id == entry.request_id == "req_00000001"


async def test_usage_that_the_server_told_is_no_estimate(server: ChatServer) -> None:
    """A server that tells the usage as it goes is believed of a broken stream too."""
    events = [{**delta("Some text"), "usage": USAGE}]
    with pytest.raises(StreamBrokenError, match="without a finish reason") as caught:
        await read_once(server, stream(events))
    assert caught.value.completion is not None
    assert caught.value.completion.usage == Usage(input_tokens=70, output_tokens=30)


async def test_a_stream_cut_at_any_byte(server: ChatServer) -> None:
    """Wherever the connection is reset, the outcome is one of three, and all is accounted for."""
    texts = [f'{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}'.encode() for text in "aé"]
    whole = stream([*texts, b'{"choices":[{"finish_reason":"stop"}]}'])
    # Or else the next request may be lost on a connection that the server is about to reset.
    last = {"connection": "close"}
    cut = replace(whole, make=lambda *asked: replace(whole.make(*asked), headers=last))
    server.handler = lambda _body: ok("again")
    length = sum(len(piece) + 6 for piece in cut.make(server, {}).pieces) + 5
    seen: dict[tuple[str, ...], set[str]] = {}
    booked: list[str] = []

    def book(event: Event) -> None:
        if isinstance(event, AttemptEnded):
            booked.append(event.entry.outcome)

    async with client_of(server, hooks=[book]) as client:
        for after in range(length + 1):
            server.script([reset(after, within=cut)])
            booked.clear()
            deltas: list[str] = []
            async with client.stream(PROMPT) as reply:
                with suppress(StreamBrokenError):
                    await take(reply, deltas)
            text = "".join(deltas)
            assert reply.completion.text == text
            check_nothing_is_left(client)
            seen.setdefault(tuple(booked), set()).add(text)
    assert seen == {("no_reply", "ok"): {"again"}, ("broken",): {"a", "aé"}, ("ok",): {"aé"}}


async def test_a_stream_cut_after_its_finish_reason_is_whole(server: ChatServer) -> None:
    """Only the usage is missing then, and is counted."""
    whole = stream([delta("Fine."), END[0]], done=False)
    body = sum(len(piece) + 6 for piece in whole.make(server, {}).pieces)
    _, completion = await read_once(server, reset(body, within=whole))
    assert (completion.text, completion.finish_reason) == ("Fine.", "stop")
    assert completion.usage.estimated


async def test_a_stream_that_hangs_before_text_is_tried_again(server: ChatServer) -> None:
    """What a hang costs nobody knows: all that was reserved stays set aside."""
    server.script([held(threading.Event(), stream([delta(""), *FINE]), after=1), stream(FINE)])
    async with client_of(server, timeout_s=0.4) as client:
        assert (await read(client))[1].attempts == 2
        assert outcomes(client) == ["timeout", "ok"]
        assert client.ledger.total.unmeasured == 1
        assert await left(server)


async def test_a_stream_that_hangs_before_its_headers(server: ChatServer) -> None:
    """The timeout of an attempt bounds the wait for the stream to begin."""
    server.script([hang()])
    async with client_of(server, timeout_s=0.1, retry=ONCE) as client:
        with pytest.raises(CallTimeoutError, match="no whole reply within"):
            await read(client)
        assert outcomes(client) == ["timeout"]
        assert await left(server)


@pytest.mark.parametrize(
    "reply",
    [
        held(threading.Event(), stream(FINE), after=1),
        slow(0.02, stream([delta("x")] * 500), each=True),
    ],
)
async def test_a_stream_that_hangs_or_trickles_breaks(server: ChatServer, reply: Reply) -> None:
    """All waits for one attempt count together."""
    server.script([reply])
    async with client_of(server, timeout_s=0.4) as client:
        with pytest.raises(StreamBrokenError, match="no whole reply within"):
            await read(client)
        assert outcomes(client) == ["broken"]
        assert await left(server)


async def test_a_stream_that_hangs_after_its_finish_reason_is_whole(server: ChatServer) -> None:
    """A usage that never comes does not cost the reply."""
    server.script([held(threading.Event(), stream(FINE), after=3)])
    async with client_of(server, timeout_s=0.4) as client:
        completion = (await read(client))[1]
        assert (completion.text, completion.usage.estimated) == ("Fine.", True)
        assert outcomes(client) == ["ok"]
        assert await left(server)


# What is refused


@pytest.mark.parametrize(
    ("reply", "code", "deltas"),
    [
        (ok(None, message={"refusal": "I cannot."}), "refusal", []),
        (ok("Half", finish_reason="content_filter"), "content_filter", ["Half"]),
        (ok("", finish_reason="content_filter"), "content_filter", []),
        (error(400, code="content_filter"), "content_filter", []),
    ],
)
async def test_a_refusal_is_told_and_not_tried_again(
    server: ChatServer, reply: Reply, code: str, deltas: list[str]
) -> None:
    """It may come after some text; the error carries what was paid for."""
    server.script([reply])
    read: list[str] = []

    async def ask() -> None:
        async with client.stream(PROMPT) as opened:
            await take(opened, read)

    async with client_of(server) as client:
        with pytest.raises(RefusalError, match="change the prompt") as caught:
            await ask()
        assert outcomes(client) == ["refused"]
        completion = caught.value.completion
        assert client.ledger.total.cost_usd == (completion.cost_usd if completion else 0)
    assert (caught.value.code, read) == (code, deltas)
    assert completion is None or not completion.usage.estimated


async def test_a_refusal_that_breaks_the_stream(server: ChatServer) -> None:
    """A filter that ends a stream with an error is a refusal; what had come is counted."""
    told = {"error": {"code": "content_filter", "message": "No."}}
    server.script([stream([delta("Some text"), told])])
    async with client_of(server) as client, client.stream(PROMPT) as reply:
        assert await anext(reply) == "Some text"
        with pytest.raises(RefusalError, match="content_filter") as caught:
            await anext(reply)
        assert outcomes(client) == ["refused"]
        assert reply.completion == caught.value.completion
        assert (reply.completion.text, reply.completion.usage.estimated) == ("Some text", True)
        assert client.ledger.total.cost_usd == reply.completion.cost_usd


# What is left early


async def test_a_stream_left_early_is_ended_and_charged_by_count(server: ChatServer) -> None:
    """The server sees the client go; what had come is the completion."""
    heard: list[Event] = []
    server.script([held(threading.Event(), stream(FINE), after=2)])
    async with client_of(server, hooks=[heard.append]) as client:
        async with client.stream(PROMPT) as reply:
            async for text in reply:
                assert text == "Fi"
                break
        completion = reply.completion
        (entry,) = client.ledger.entries
        assert await left(server)
    assert (completion.text, completion.finish_reason) in {
        ("Fi", "abandoned"),
        ("Fine.", "abandoned"),
    }
    assert completion.usage.estimated
    assert (entry.outcome, entry.cost_usd) == ("abandoned", completion.cost_usd)
    ended = heard[-1]
    assert isinstance(ended, CallEnded)
    assert (ended.finish_reason, ended.cost_usd, ended.error) == ("abandoned", entry.cost_usd, None)


async def test_an_error_of_the_readers_ends_the_stream(server: ChatServer) -> None:
    """It is raised as it is, and the call ends with it."""
    heard: list[Event] = []
    server.script([held(threading.Event(), stream(FINE), after=1)])
    async with client_of(server, hooks=[heard.append]) as client:
        with pytest.raises(KeyError, match="mine"):
            async with client.stream(PROMPT) as reply:
                raise KeyError("mine")
        assert outcomes(client) == ["abandoned"]
        assert reply.completion.text == "Fi"
        assert await left(server)
    assert isinstance(heard[-1], CallEnded)
    assert heard[-1].error == "KeyError"


async def test_leaving_after_the_end_changes_nothing(server: ChatServer) -> None:
    """A stream whose reply is there was not left early, whether all its text was read or not."""
    reply = raw(200, "application/json", json.dumps(WHOLE).encode())
    server.script([reply])
    async with client_of(server) as client:
        async with client.stream(PROMPT) as opened:
            assert [text async for text in opened] == ["Fine."]
        assert opened.completion.finish_reason == "stop"
        assert outcomes(client) == ["ok"]


LONG = "word " * (INLINE_CHARACTERS // 4)


@pytest.mark.parametrize("text", ["Some text", LONG])
async def test_a_long_text_is_counted_like_a_short_one(server: ChatServer, text: str) -> None:
    """Where counting takes long, it happens in a thread."""
    server.script([held(threading.Event(), stream([delta(text)]), after=1)])
    async with client_of(server) as client:
        async with client.stream(PROMPT) as reply:
            pass
        assert reply.completion.usage.output_tokens == count_tokens(text, model=MODEL)
        assert outcomes(client) == ["abandoned"]


# Cancellation


@pytest.mark.parametrize(
    ("reply", "deltas", "expected"),
    [
        (hang(), 0, {"cancelled"}),
        (
            held(threading.Event(), stream([delta(""), *FINE]), after=1),
            0,
            {"cancelled", "abandoned"},
        ),
        (held(threading.Event(), stream(FINE), after=1), 1, {"abandoned"}),
        (held(threading.Event(), stream([delta(LONG)]), after=1), 1, {"abandoned"}),
        (held(threading.Event(), stream(FINE), after=4), 2, {"abandoned"}),
        (held(threading.Event(), stream(FINE), after=5), 2, {"abandoned", "ok"}),
    ],
    ids=["opening", "before text", "between deltas", "long text", "at the end", "after the end"],
)
async def test_cancellation_leaves_nothing_behind(
    server: ChatServer, reply: Reply, deltas: int, expected: set[str]
) -> None:
    """No task, no connection, no reservation and no place, wherever the reader is cancelled."""
    server.script([reply])
    come = [anyio.Event(), *(anyio.Event() for _ in range(deltas))]

    async def read() -> None:
        come[0].set()
        async with client.stream(PROMPT) as opened:
            for event in come[1:]:
                await anext(opened)
                event.set()
            await anext(opened)

    async with client_of(server) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await to_thread.run_sync(lambda: server.wait_for(requests=1))
            await come[-1].wait()
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        check_nothing_is_left(client)
        assert {*outcomes(client)} <= expected
        assert len(outcomes(client)) == 1
        assert await left(server)


async def test_cancellation_before_a_retry(server: ChatServer) -> None:
    """A stream that waits for its next attempt is cancelled like any call."""
    server.script([error(500, headers={"retry-after": "60"})])

    def cancel(event: Event) -> None:
        if isinstance(event, RetryScheduled):
            scope.cancel()

    async with client_of(server, hooks=[cancel]) as client:
        with anyio.CancelScope() as scope:
            await read(client)
        assert scope.cancelled_caught
        assert outcomes(client) == ["server_error"]


async def test_cancellation_in_the_body(server: ChatServer) -> None:
    """A reader that is cancelled while it does something else leaves its stream."""
    server.script([held(threading.Event(), stream(FINE), after=1)])
    async with client_of(server) as client:
        with anyio.CancelScope() as scope:
            async with client.stream(PROMPT) as reply:
                assert await anext(reply) == "Fi"
                scope.cancel()
                await anyio.sleep_forever()
        assert scope.cancelled_caught
        assert outcomes(client) == ["abandoned"]
        assert await left(server)


async def test_cancellation_at_any_moment(server: ChatServer) -> None:
    """After any number of steps of the event loop a cancelled stream has settled its accounts."""
    server.handler = lambda _body: stream(FINE)
    async with client_of(server) as client:
        for steps in range(0, 60, 2):
            booked = len(client.ledger.entries)
            async with anyio.create_task_group() as group:
                group.start_soon(read, client)
                for _ in range(steps):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
            check_nothing_is_left(client)
            assert set(outcomes(client)[booked:]) <= {"cancelled", "abandoned", "ok"}
            assert len(client.ledger.entries) <= booked + 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("text", ["Some text", LONG])
async def test_asyncio_cancels_the_leaving(server: ChatServer, text: str) -> None:
    """The loop's own cancellation heeds no shield: the accounts are settled all the same."""
    server.script([held(threading.Event(), stream([delta(text)]), after=1)])
    async with client_of(server) as client:

        async def leave() -> None:
            async with client.stream(PROMPT):
                task = asyncio.current_task()
                assert task is not None
                task.cancel()

        with pytest.raises(asyncio.CancelledError, match=r"^$"):
            await asyncio.create_task(leave())
        assert outcomes(client) == ["cancelled" if text == LONG else "abandoned"]
        assert await left(server)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_asyncio_cancels_the_leaving_of_a_transport_of_ones_own() -> None:
    """Where a transport shows no connection there is none to close; the accounts are settled."""
    import openai

    http = _http_library()

    class Body(http.AsyncByteStream):  # type: ignore[misc,name-defined] # of httpx or httpx2
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield framed(delta("Some text"))
            await anyio.sleep_forever()

        async def aclose(self) -> None:
            await anyio.lowlevel.checkpoint()

    transport = http.MockTransport(lambda _: http.Response(200, stream=Body()))
    http_client = openai.DefaultAsyncHttpxClient(transport=transport)
    sdk = openai.AsyncOpenAI(api_key="k", http_client=http_client)
    async with sdk, AsyncClient(openai_client=sdk, model=MODEL, budget_usd=9) as client:

        async def leave() -> None:
            async with client.stream(PROMPT):
                task = asyncio.current_task()
                assert task is not None
                task.cancel()

        with pytest.raises(asyncio.CancelledError, match=r"^$"):
            await asyncio.create_task(leave())
        assert outcomes(client) == ["abandoned"]
        check_nothing_is_left(client)


# Several streams, and what they share


async def test_two_streams_at_once(server: ChatServer) -> None:
    """Each gets its own text, read in turns."""
    one, two = threading.Event(), threading.Event()
    server.script([held(one, stream(FINE), after=1)])
    async with client_of(server) as client, client.stream("One?") as first:
        server.script([held(two, stream([delta("Al"), delta("so."), *END]), after=1)])
        async with client.stream("Two?") as second:
            assert (await anext(first), await anext(second)) == ("Fi", "Al")
            one.set()
            two.set()
            assert (await anext(second), await anext(first)) == ("so.", "ne.")
            assert [text async for text in first] == [text async for text in second] == []
        assert (first.completion.text, second.completion.text) == ("Fine.", "Also.")


async def test_a_stream_holds_its_place_until_it_is_left(server: ChatServer) -> None:
    """With one call in flight at most, the next is sent when the stream is left."""
    server.script([stream(FINE), ok("Next.")])
    texts: list[str] = []
    async with client_of(server, max_concurrency=1) as client:

        async def ask() -> None:
            texts.append((await client.complete("Next?")).text)

        async with anyio.create_task_group() as group, client.stream(PROMPT) as reply:
            group.start_soon(ask)
            assert [text async for text in reply] == ["Fi", "ne."]
            await anyio.wait_all_tasks_blocked()
            assert len(server.requests) == 1
        assert texts == ["Next."]


async def test_closing_the_client_breaks_its_open_streams(server: ChatServer) -> None:
    """What has not come does not come any more; the accounts are settled."""
    server.script([held(threading.Event(), stream(FINE), after=1)])
    async with client_of(server) as client:
        async with client.stream(PROMPT) as reply:
            assert await anext(reply) == "Fi"
            await client.aclose()
            with pytest.raises(StreamBrokenError, match="broke after some text"):
                await anext(reply)
        assert outcomes(client) == ["broken"]
        assert await left(server)


async def test_a_budget_that_is_not_enough(server: ChatServer) -> None:
    """A stream that could cost too much is not opened; one that broke or was left is spent."""
    server.script([held(threading.Event(), stream(FINE), after=1), BREAKS["end"]])
    async with client_of(server, budget_usd="0.0025") as client:
        budget = client._pipeline.account.budget
        assert budget is not None
        async with client.stream(PROMPT, max_output_tokens=100):
            assert 0 < budget.reserved_usd == Decimal("0.001") + INPUT * Decimal("1e-6")
        with pytest.raises(StreamBrokenError, match="broke"):
            await read(client, max_output_tokens=80)
        assert budget.spent_usd == client.ledger.total.cost_usd
        reserved_usd = Decimal("0.0018") + 2 * INPUT * Decimal("1e-6")
        assert budget.unknown_usd == reserved_usd - budget.spent_usd  # more may have been billed
        with pytest.raises(BudgetExceededError, match="was not sent"):
            await read(client, max_output_tokens=110)
    assert len(server.requests) == 2


async def test_hook_that_exits(server: ChatServer) -> None:
    """SystemExit of a hook goes through, and nothing is left."""

    def leave(event: Event) -> None:
        if isinstance(event, AttemptEnded):
            raise SystemExit(3)

    async with client_of(server, hooks=[leave]) as client:
        with pytest.raises(SystemExit, match="3"):
            await read(client)


# The journal


async def test_a_finished_stream_is_replayed(server: ChatServer, tmp_path: Path) -> None:
    """Its reply answers the next stream and the next call, for nothing; and the other way round."""
    server.script([stream(FINE), ok("Whole.", usage=USAGE)])
    async with client_of(server, journal=tmp_path / "j") as client:
        _, paid = await read(client)
        deltas, replayed = await read(client)
        assert (await client.complete(PROMPT)).replayed
        whole = await client.complete("Whole?")
        async with client.stream("Whole?") as reply:
            assert [text async for text in reply] == ["Whole."]
        assert reply.completion.replayed
        assert outcomes(client) == ["ok", "ok"]
    assert len(server.requests) == 2
    assert (deltas, replayed.text) == (["Fine."], paid.text)
    assert (replayed.replayed, replayed.attempts) == (True, 0)
    assert (replayed.usage, replayed.cost_usd) == (paid.usage, paid.cost_usd)
    assert reply.completion.cost_usd == whole.cost_usd


async def test_a_replayed_stream_of_tools_has_no_text(server: ChatServer, tmp_path: Path) -> None:
    """No delta is empty."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    server.script([ok(None, finish_reason="tool_calls", message={"tool_calls": [call]})])
    async with client_of(server, journal=tmp_path / "j") as client:
        first = await read(client)
        again = await read(client)
    assert first[0] == again[0] == []
    assert first[1].tool_calls == again[1].tool_calls == (call,)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (BREAKS["end"], "broken"),
        (BREAKS["an error"], "broken"),
        (BREAKS["reset"], "broken"),
        (ok("Half", finish_reason="content_filter"), "refused"),
        (ok(None, message={"refusal": "I cannot."}), "refused"),
        (ok("Half a", finish_reason="length"), "truncated"),
    ],
)
async def test_what_is_not_good_is_not_replayed(
    server: ChatServer, tmp_path: Path, reply: Reply, outcome: str
) -> None:
    """A broken, refused or cut-off stream is asked for again, by whatever run; its cost is kept."""
    server.script([reply, stream(FINE)])
    async with client_of(server, journal=tmp_path / "j") as client:
        with suppress(RefusalError, StreamBrokenError):
            await read(client)
        cost_usd = client.ledger.total.cost_usd
    async with client_of(server, journal=tmp_path / "j") as client:
        _, completion = await read(client)
        assert outcomes(client) == [outcome, "ok"]
        assert client.ledger.total.carried_usd == cost_usd
    assert (completion.text, completion.replayed) == ("Fine.", False)


async def test_a_stream_left_early_is_not_replayed(server: ChatServer, tmp_path: Path) -> None:
    """Nothing of it is kept but what it cost."""
    server.script([held(threading.Event(), stream(FINE), after=1), stream(FINE)])
    async with client_of(server, journal=tmp_path / "j") as client:
        async with client.stream(PROMPT):
            pass
        assert (await read(client))[1].text == "Fine."
        assert outcomes(client) == ["abandoned", "ok"]
    assert len(server.requests) == 2
