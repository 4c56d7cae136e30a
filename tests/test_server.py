"""The test server itself: what it records, what it says and how it fails."""

from __future__ import annotations

import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from server import ChatServer, error, hang, held, ok, raw, reset, slow, stream

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
    assert server.max_in_flight == 1


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
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    pieces = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-2]]
    assert "".join(pieces) == "word " * 30


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
