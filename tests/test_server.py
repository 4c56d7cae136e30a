"""The test server itself: what it records, what it says and how it fails."""

from __future__ import annotations

import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from server import ChatServer, Reply, error, hang, held, ok, pieces, raw, reset, slow, stream

PROMPT = "The whale is seen. The crew is afraid. The captain laughs. " * 40


def post(server: ChatServer, text: str = PROMPT, **fields: object) -> tuple[int, bytes]:
    """Send one request and return the status and the body of its reply."""
    where = urlsplit(server.base_url)
    connection = http.client.HTTPConnection(where.netloc, timeout=10)
    try:
        messages = [{"role": "user", "content": text}]
        body = {"model": "gpt-4o-mini", "messages": messages, **fields}
        connection.request("POST", f"{where.path}/chat/completions", json.dumps(body))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def chat(server: ChatServer, text: str = PROMPT, **fields: object) -> Any:  # noqa: ANN401 - JSON
    """Send one request and return its reply's JSON."""
    return json.loads(post(server, text, **fields)[1])


def test_answers_with_an_extract_and_exact_usage(server: ChatServer) -> None:
    """By default a reply is about 8 % of the prompt, with usage that adds up."""
    reply = chat(server)
    usage = reply["usage"]
    text = reply["choices"][0]["message"]["content"]
    assert 0.04 < len(text) / len(PROMPT) < 0.12
    assert usage["prompt_tokens"] == 3 + 3 + 1 + 561
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert reply["choices"][0]["finish_reason"] == "stop"


def test_gives_scripted_replies_in_order_and_records_requests(server: ChatServer) -> None:
    """The script comes first, then the handler; every request is kept."""
    server.script([error(429, code="slow_down", headers={"retry-after": "1"}), ok("One.")])
    server.handler = lambda body: ok(f"Asked {len(body['messages'])}.")
    assert post(server, "a")[0] == 429
    assert chat(server, "b")["choices"][0]["message"]["content"] == "One."
    assert chat(server, "c")["choices"][0]["message"]["content"] == "Asked 1."
    assert [request.prompt for request in server.requests] == ["a", "b", "c"]
    assert server.requests[0].path == "/v1/chat/completions"


def test_refuses_what_does_not_fit(server: ChatServer) -> None:
    """A prompt over the window and too large an output get OpenAI's 400, and no scripted reply."""
    server.script([ok("left")])
    status, body = post(server, "word " * 127_000, max_tokens=2_000)
    assert (status, json.loads(body)["error"]["code"]) == (400, "context_length_exceeded")
    assert json.loads(post(server, "a", max_tokens=16_385)[1])["error"]["param"] == "max_tokens"
    assert chat(server, "a")["choices"][0]["message"]["content"] == "left"


def test_cuts_off_at_the_output_limit(server: ChatServer) -> None:
    """An answer longer than the limit ends with finish_reason length and exactly fits."""
    reply = chat(server, max_completion_tokens=5)
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens"] <= 5


def test_streams_with_usage_last(server: ChatServer) -> None:
    """A streamed reply carries the text in pieces, then the finish, the usage and [DONE]."""
    server.script([ok("word " * 30)])
    body = post(server, "a", stream=True, stream_options={"include_usage": True})[1]
    *events, last = [line[6:] for line in body.decode().split("\n\n") if line]
    chunks = [json.loads(event) for event in events]
    assert last == "[DONE]"
    assert chunks[-1]["usage"]["completion_tokens"] == 31
    assert {chunk["usage"] for chunk in chunks[:-1]} == {None}
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    pieces = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-2]]
    assert "".join(pieces) == "word " * 30


def test_streams_tool_calls_with_an_index(server: ChatServer) -> None:
    """In a stream each call of a tool has its index."""
    calls = [{"id": "a", "type": "function"}, {"id": "b", "type": "function"}]
    server.script([ok(None, finish_reason="tool_calls", message={"tool_calls": calls})])
    body = post(server, "a", stream=True)[1]
    events = [json.loads(line[6:]) for line in body.decode().split("\n\n")[:-2]]
    (sent,) = [
        delta["tool_calls"]
        for event in events
        if "tool_calls" in (delta := event["choices"][0]["delta"])
    ]
    assert sent == [{"index": 0, **calls[0]}, {"index": 1, **calls[1]}]
    assert "usage" not in events[0]


def test_an_unfinished_stream_has_no_end(server: ChatServer) -> None:
    """Without a finish reason a stream has neither usage nor [DONE]."""
    server.script([ok("Half a", finish_reason=None)])
    body = post(server, "a", stream=True, stream_options={"include_usage": True})[1]
    last = body.decode().split("\n\n")[-2]
    assert json.loads(last[6:])["choices"][0]["delta"] == {"content": "Half a"}


def read_some(server: ChatServer) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """Begin to read a reply."""
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
    connection.request("POST", "/v1/chat/completions", json.dumps({"messages": []}))
    return connection, connection.getresponse()


def test_holds_in_the_middle_of_a_stream(server: ChatServer) -> None:
    """What is to come before arrives before; the rest comes when it is let go."""
    go = threading.Event()
    server.script([held(go, pieces([b"one", b"two", b"three"]), after=2)])
    connection, response = read_some(server)
    assert response.read(6) == b"onetwo"
    go.set()
    assert response.read() == b"three"
    connection.close()


def test_trickles(server: ChatServer) -> None:
    """A slow stream comes whole."""
    server.script([slow(0.001, pieces([b"one", b"two"]), each=True)])
    assert post(server)[1] == b"onetwo"


def test_sees_that_the_client_left_in_mid_stream(server: ChatServer) -> None:
    """A client that closes its connection is recorded as gone, also by a write that fails."""
    endless = pieces([b"x" * 1000] * 20_000)
    server.script([held(threading.Event(), pieces([b"one"]), after=1), endless])
    for number in range(2):
        connection, response = read_some(server)
        assert response.read(1)
        response.close()
        connection.close()
        assert server.requests[number].abandoned.wait(10)


@pytest.mark.parametrize("after", [1, 5, 8, 9, 13, 200])
def test_resets_a_stream_at_any_byte(server: ChatServer, after: int) -> None:
    """A reset comes after so many bytes of the body as it is on the wire, chunk sizes included."""
    server.script([reset(after, within=pieces([b"one", b"two"]))])
    connection, response = read_some(server)
    whole = after == 200
    wire = b"3\r\none\r\n3\r\ntwo\r\n"
    try:
        read = response.read()
    except http.client.IncompleteRead as broken:
        read = broken.partial
    except ConnectionResetError:
        read = b""
    assert b"onetwo".startswith(read)
    assert len(read) <= sum(chr(byte).isalpha() for byte in wire[:after])
    assert not whole or read == b"onetwo"
    connection.close()


def test_sends_broken_replies_as_they_are(server: ChatServer) -> None:
    """HTML, half a JSON text and a stream without an end reach the client unmended."""
    server.script([raw(200, "text/html", b"<html>"), raw(200, "application/json", b'{"a": ')])
    server.script([stream([b"{"], done=False)])
    assert post(server)[1] == b"<html>"
    assert post(server)[1] == b'{"a": '
    assert post(server, stream=True)[1] == b"data: {\n\n"


@pytest.mark.parametrize("after", [0, 10])
def test_resets_the_connection(server: ChatServer, after: int) -> None:
    """A reset reaches the client before the reply or inside its body."""
    server.script([reset(after)])
    with pytest.raises((ConnectionError, http.client.IncompleteRead), match=r"reset|read"):
        post(server)


def test_counts_what_is_in_flight(server: ChatServer) -> None:
    """Held requests are in flight together; each is answered once it is let go."""
    go = threading.Event()
    server.handler = lambda _body: held(go, slow(0.001, ok("done")))
    with ThreadPoolExecutor(4) as pool:
        replies = pool.map(lambda _: chat(server, "a"), range(4))
        server.wait_for(in_flight=4, requests=4)
        go.set()
        assert [reply["choices"][0]["message"]["content"] for reply in replies] == ["done"] * 4
    assert server.max_in_flight == 4


def test_closes_while_a_call_hangs() -> None:
    """Closing ends a hanging call and leaves no thread behind."""
    before = threading.active_count()
    with ThreadPoolExecutor(1) as pool:
        with ChatServer() as server:
            server.script([hang()])
            future = pool.submit(post, server)
            server.wait_for(in_flight=1)
        assert isinstance(future.exception(), (ConnectionError, http.client.HTTPException))
    assert threading.active_count() == before


def test_sees_that_the_client_left(server: ChatServer) -> None:
    """A client that closes its connection while it waits is recorded as gone."""
    server.script([hang()])
    where = urlsplit(server.base_url)
    connection = http.client.HTTPConnection(where.netloc)
    connection.request("POST", "/v1/chat/completions", json.dumps({"messages": []}))
    server.wait_for(in_flight=1)
    connection.close()
    assert server.requests[0].abandoned.wait(10)


def test_reports_a_failure_of_its_handler() -> None:
    """A mistake in a test's handler fails the test instead of looking like a server error."""
    server = ChatServer(handler=lambda body: body["nothing"])
    with (
        pytest.raises(KeyError, match="nothing"),
        server,
        pytest.raises(http.client.RemoteDisconnected, match="closed"),
    ):
        post(server)


def test_what_is_no_completion_is_held_too() -> None:
    """A reply to anything waits for what must come first."""
    came = list[str]()

    class Lists(ChatServer):
        def elsewhere(self, method: str, path: str, content_type: str, content: bytes) -> Reply:
            del method, content_type, content
            reply = raw(200, "application/json", b"{}")
            return replace(reply, before=lambda *_: came.append(path))

    with Lists() as server:
        where = urlsplit(server.base_url)
        connection = http.client.HTTPConnection(where.netloc)
        connection.request("GET", "/v1/batches")
        assert connection.getresponse().read() == b"{}"
        connection.close()
    assert came == ["/v1/batches"]
