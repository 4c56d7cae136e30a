"""Streams of the blocking client: handed over from its event loop, broken, interrupted and left."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from minikit import (
    ArgumentError,
    AsyncClient,
    AuthenticationError,
    Client,
    ClosedError,
    Progress,
    Retry,
    StreamBrokenError,
    TextDelta,
)
from minikit.calls.hooks import CallEnded, Event
from processes import running
from server import ChatServer, error, hang, held, ok, stream

SHORT = "The river is long. The towns beside it are old. " * 10
TEXT = "The sea is wide and the boat is small. " * 5
HALF: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"content": "Half a"}}]}]


@pytest.fixture(autouse=True)
def _checks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waits look around every millisecond, as they do twice a second for Ctrl-C."""
    monkeypatch.setattr("minikit.streams.INTERRUPT_CHECK_S", 0.001)


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    """A blocking client of the server; nothing is reserved when the test is over."""
    retry = Retry(wait_initial_s=0.0)
    made = Client(api_key="k", base_url=server.base_url, retry=retry, budget_usd=1)
    with made:
        yield made
    budget = made._client._pipeline.account.budget
    assert budget is not None
    assert budget.reserved_usd == 0


def outcomes(client: Client) -> list[str]:
    """Return the outcomes in the ledger."""
    return [entry.outcome for entry in client.ledger.entries]


def test_text_comes_in_deltas_and_a_completion_at_the_end(
    server: ChatServer, client: Client
) -> None:
    """The deltas are the text of the completion."""
    server.script([ok(TEXT)])
    with client.stream("Tell me of the sea.") as reply:
        deltas = list(reply)
        assert len(deltas) > 1
        assert "".join(deltas) == reply.completion.text == TEXT
        assert list(reply) == []
    assert list(reply) == []
    assert reply.completion.cost_usd == client.ledger.total.cost_usd


def test_summary_comes_in_events(server: ChatServer, client: Client) -> None:
    """Text, and a progress for each call; the summary at the end."""
    with client.stream_summary(SHORT) as events:
        *deltas, last = events
    assert "".join(each.text for each in deltas if isinstance(each, TextDelta)) == str(
        events.summary
    )
    assert isinstance(last, Progress)
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["stream", "stream_summary"])
def test_twins_take_the_same_arguments(name: str) -> None:
    """What blocks and what does not are called alike."""
    twins = (getattr(kind, name) for kind in (Client, AsyncClient))
    blocking, asynchronous = (inspect.signature(each).parameters for each in twins)
    assert blocking == asynchronous


def test_text_comes_while_it_is_written(server: ChatServer, client: Client) -> None:
    """The first text is there while the server still writes."""
    go = threading.Event()
    server.script([held(go, ok(TEXT), after=2)])
    with client.stream("Hello?") as reply:
        assert next(reply) == TEXT[:40]
        with pytest.raises(ArgumentError, match="has not ended"):
            _ = reply.completion
        go.set()
        assert "".join(reply) == TEXT[40:]


def test_a_stream_is_opened_once_and_read_in_its_with(server: ChatServer, client: Client) -> None:
    """Reading before and opening twice are mistakes."""
    for opened in (client.stream("Hello?"), client.stream_summary(SHORT)):
        with pytest.raises(ArgumentError, match="open the stream"):
            next(opened)
        opened.__exit__(None, None, None)
        with opened:
            pass
        with pytest.raises(ArgumentError, match="opened once"):
            opened.__enter__()
    with pytest.raises(ArgumentError, match="not done"):
        _ = client.stream_summary(SHORT).summary
    assert len(server.requests) <= 2


def test_errors_come_where_they_happen(server: ChatServer, client: Client) -> None:
    """What fails at first fails the opening; what breaks later the reading, each time."""
    server.script([error(401), stream(HALF)])
    with pytest.raises(AuthenticationError, match="API key"):
        client.stream("Hello?").__enter__()
    with client.stream("Hello?") as reply:
        assert next(reply) == "Half a"
        for _ in range(2):
            with pytest.raises(StreamBrokenError, match="broke after some text"):
                next(reply)
        assert reply.completion.text == "Half a"
    assert outcomes(client) == ["rejected", "broken"]


def test_errors_of_a_summary(server: ChatServer, client: Client) -> None:
    """They come where the events are read."""
    server.script([error(401)])
    with client.stream_summary(SHORT) as events, pytest.raises(AuthenticationError, match="key"):
        next(events)


def test_leaving_early_ends_the_stream(server: ChatServer, client: Client) -> None:
    """The server sees the client go before the `with` is over; what came is the completion."""
    server.script([held(threading.Event(), ok(TEXT), after=2)])
    with client.stream("Hello?") as reply:
        assert next(reply)
    assert reply.completion.text == TEXT[:40]
    assert outcomes(client) == ["abandoned"]
    assert server.requests[0].abandoned.wait(10)


def test_leaving_a_summary_early_ends_the_work(server: ChatServer, client: Client) -> None:
    """Its calls in flight are cancelled."""
    server.script([hang()])
    with client.stream_summary(SHORT):
        server.wait_for(in_flight=1)
    assert outcomes(client) == ["cancelled"]
    assert server.requests[0].abandoned.wait(10)


def test_reading_goes_on_while_the_caller_is_busy(server: ChatServer, client: Client) -> None:
    """A stream ends in time, and gives its place back, whether it is read or not."""
    ended = threading.Event()

    def hear(event: Event) -> None:
        if isinstance(event, CallEnded):
            ended.set()

    with (
        Client(api_key="k", base_url=server.base_url, max_concurrency=1, hooks=[hear]) as other,
        other.stream("Hello?") as reply,
    ):
        assert ended.wait(10)
        assert other.complete("Next?").text
        assert "".join(reply) == reply.completion.text
    assert not client.ledger.entries


def test_two_streams_at_once_from_two_threads(server: ChatServer, client: Client) -> None:
    """Each gets its own text, and one may be read in another thread than it was opened in."""
    server.handler = lambda body: ok(body["messages"][0]["content"] * 20)
    with (
        client.stream("One?") as one,
        client.stream("Two?") as two,
        ThreadPoolExecutor(2) as pool,
    ):
        texts = list(pool.map("".join, [one, two]))
    assert texts == ["One?" * 20, "Two?" * 20]


def test_closing_the_client_ends_its_streams(server: ChatServer, client: Client) -> None:
    """What had come can be read, then an error of ours tells why there is no more."""
    server.script([held(threading.Event(), ok(TEXT), after=2)])
    with client.stream("Hello?") as reply:
        client.close()
        assert next(reply) == TEXT[:40]
        with pytest.raises(ClosedError, match="while the call was under way"):
            next(reply)
    assert outcomes(client) == ["abandoned"]
    with pytest.raises(ClosedError, match="make a new one"):
        client.stream("Hello?").__enter__()


def test_listener_that_exits(server: ChatServer, client: Client) -> None:
    """SystemExit in a listener reaches the reader, and the client goes on."""

    def leave(_progress: Progress) -> None:
        sys.exit(3)

    with pytest.raises(SystemExit, match="3"), client.stream_summary(SHORT, on_event=leave) as all_:
        list(all_)
    assert client.complete("Hello?").text
    assert len(server.requests) == 2


def test_stream_from_its_own_thread(server: ChatServer) -> None:
    """A stream inside the client's own loop would wait for itself: it is an error."""
    errors: list[BaseException] = []

    def call_back(_event: Event) -> None:
        try:
            own.stream("Hello?").__enter__()
        except ClosedError as error:
            errors.append(error)

    with Client(api_key="k", base_url=server.base_url, hooks=[call_back]) as own:
        own.complete("Hello?")
    assert "its own event loop" in str(errors[0])


@pytest.mark.parametrize("after", [None, 2])
def test_interrupt_ends_a_stream(server: ChatServer, after: int | None) -> None:
    """Ctrl-C ends a stream while it is opened and while it is read, and the request with it."""
    server.script([held(threading.Event(), ok(TEXT), after=after)])
    code = """
        import minikit
        with minikit.Client().stream("Hello?") as reply:
            for text in reply:
                print(text, flush=True)
    """
    environ = {**os.environ, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": server.base_url}
    with running(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        server.wait_for(in_flight=1)
        if after:
            assert process.stdout is not None
            assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=20)
    assert printed.strip().endswith("KeyboardInterrupt")
    assert server.requests[0].abandoned.wait(5)
