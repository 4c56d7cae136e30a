"""Conversations of the blocking client."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import minikit
from minikit import (
    ArgumentError,
    AsyncChat,
    Chat,
    Client,
    ClosedError,
    Conversation,
    SourceError,
    StreamBrokenError,
)
from server import ChatServer, held, ok, stream

TEXT = "It opens at nine in the morning, and it closes at five in the evening."


@pytest.fixture(autouse=True)
def _checks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waits look around every millisecond, as they do twice a second for Ctrl-C."""
    monkeypatch.setattr("minikit.streams.INTERRUPT_CHECK_S", 0.001)


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    """A blocking client of the server."""
    with Client(api_key="k", base_url=server.base_url) as made:
        yield made


def test_send_and_stream(server: ChatServer, client: Client) -> None:
    """Messages and streams go on with one another, also after the conversation was saved."""
    server.script([ok("Hello."), ok(TEXT), ok("Yes.")])
    chat = client.chat(system="Be kind.")
    assert chat.send("Hello?").text == "Hello."
    with chat.stream("When?") as reply:
        deltas = list(reply)
        assert "".join(deltas) == reply.reply.text == reply.completion.text == TEXT
    assert len(deltas) > 1
    assert chat.messages[-1].content == TEXT
    again = client.chat(state=chat.to_json(indent=2))
    assert again.conversation == chat.conversation
    again.send("Really?")
    assert len(server.bodies[2]["messages"]) == 6


def test_the_module_function() -> None:
    """It needs no client of the caller's."""
    chat = minikit.chat(model="offline", knowledge="A parcel to Norway takes a week.")
    assert chat.send("Norway?").text == "A parcel to Norway takes a week."


@pytest.mark.anyio
async def test_the_async_module_function() -> None:
    """Its twin is used where an event loop runs."""
    chat = minikit.achat(model="offline", knowledge="A parcel to Norway takes a week.")
    assert (await chat.send("Norway?")).text == "A parcel to Norway takes a week."


def test_knowledge_is_read_at_once(client: Client) -> None:
    """A file that is missing is told of before anything is said."""
    with pytest.raises(SourceError, match="no-such-file"):
        client.chat(knowledge=Path("no-such-file"))


def test_a_stream_that_breaks(server: ChatServer, client: Client) -> None:
    """What came can be read, and the conversation is as it was."""
    server.script([stream([{"choices": [{"index": 0, "delta": {"content": "Half a"}}]}])])
    chat = client.chat()
    with chat.stream("When?") as reply:
        assert next(reply) == "Half a"
        with pytest.raises(StreamBrokenError):
            next(reply)
    assert reply.completion.text == "Half a"
    with pytest.raises(ArgumentError, match="no whole reply"):
        _ = reply.reply
    assert chat.messages == ()


def test_a_stream_that_is_left(server: ChatServer, client: Client) -> None:
    """The next message does not wait for it, and does not see it."""
    server.script([held(threading.Event(), ok(TEXT), after=2), ok("Yes.")])
    chat = client.chat()
    with chat.stream("When?") as reply:
        assert next(reply)
    assert chat.send("Hello?").text == "Yes."
    assert len(server.bodies[1]["messages"]) == 1


def test_messages_of_several_threads(server: ChatServer, client: Client) -> None:
    """They are answered one after the other."""
    server.handler = lambda _: ok("Yes.")
    chat = client.chat()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(chat.send, [f"Message {number}" for number in range(8)]))
    assert server.max_in_flight == 1
    assert len(chat.messages) == 16
    assert len(server.bodies[-1]["messages"]) == 15


def test_a_closed_client(client: Client) -> None:
    """A conversation ends with its client, and can be saved all the same."""
    chat = client.chat()
    client.close()
    with pytest.raises(ClosedError, match="make a new one"):
        chat.send("Hello?")
    assert Conversation.from_json(chat.to_json()) == Conversation()


def test_twins_offer_the_same() -> None:
    """What blocks and what does not have the same methods, with the same arguments."""
    for name, member in vars(Chat).items():
        if not name.startswith("_"):
            twin = inspect.getattr_static(AsyncChat, name)
            assert isinstance(member, property) == isinstance(twin, property)
            if inspect.isfunction(member):
                blocking, other = (inspect.signature(each).parameters for each in (member, twin))
                assert blocking == other
