"""A double on a port of this machine: what another process, or the bare SDK, gets from it."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import openai
import pytest

from minikit import Batch, CallError, Client, RequestRejectedError, Retry
from minikit.testing import (
    Cassette,
    ScriptedServer,
    UnexpectedRequestError,
    disconnected,
    error,
    timeout,
)

if TYPE_CHECKING:
    from pathlib import Path

    from minikit.testing import Request as Asked

MODEL = "gpt-4.1-mini"
ONCE = Retry(attempts=1)
AT_ONCE = Retry(wait_initial_s=0)


def client_at(base_url: str, retry: Retry = AT_ONCE) -> Client:
    """Make a client that asks by HTTP."""
    return Client(model=MODEL, base_url=base_url, api_key="sk-mine", retry=retry)


def test_it_answers_by_http() -> None:
    """Texts, streams, retries and values are those of the script, and all is recorded."""
    server = ScriptedServer()
    server.reply("one", "Two words and some more, in pieces.", error(500), error(429), [1, 2])
    with server.serving() as base_url, client_at(base_url) as client:
        assert str(client.complete("Hello")) == "one"
        with client.stream("Hello") as stream:
            pieces = [str(event) for event in stream]
        assert client.complete("Read.", schema=list[int]).parsed == [1, 2]
    assert "".join(pieces) == "Two words and some more, in pieces."
    assert len(pieces) > 1
    assert base_url.startswith("http://127.0.0.1:")
    assert [request.is_streamed for request in server.requests] == [False, True, *[False] * 3]


def test_the_bare_sdk_can_ask() -> None:
    """Whatever speaks OpenAI's form gets the reply, also where nothing of minikit stands in."""
    server = ScriptedServer()
    server.reply("one")
    with (
        server.serving() as base_url,
        openai.OpenAI(base_url=base_url, api_key="sk-mine") as sdk,
    ):
        said = sdk.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Hello"}]
        )
    assert said.choices[0].message.content == "one"
    assert said.usage is not None
    assert said.usage.completion_tokens == 1


def test_connections_break_as_scripted() -> None:
    """Before the reply, where a client tries again, and in the middle of a stream."""
    server = ScriptedServer()
    server.reply(disconnected(), "again", disconnected("Once upon a time there was "))
    with server.serving() as base_url, client_at(base_url) as client:
        assert str(client.complete("Hello")) == "again"
        said: list[str] = []
        with pytest.raises(CallError, match="stream"), client.stream("Hello") as stream:
            said.extend(str(event) for event in stream)
    assert "".join(said) == "Once upon a time there was "


def test_a_timeout_is_the_clients_own() -> None:
    """Nothing comes until the client has had enough."""
    server = ScriptedServer()
    server.reply(timeout())
    with (
        server.serving() as base_url,
        openai.OpenAI(base_url=base_url, api_key="x", timeout=0.05, max_retries=0) as sdk,
        pytest.raises(openai.APITimeoutError),
    ):
        sdk.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello"}])


def test_who_waits_at_the_end_is_let_go() -> None:
    """The block ends though a client still waits for a reply that was not to come."""
    server = ScriptedServer()
    server.reply(timeout())
    message = json.dumps({"model": MODEL, "messages": []}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(message)}\r\n\r\n"
    with server.serving() as base_url:
        address = base_url.removeprefix("http://").removesuffix("/v1").split(":")
        waiting = socket.create_connection((address[0], int(address[1])), timeout=60)
        waiting.sendall(head.encode() + message)
        while not server.requests:
            pass
    with waiting:
        assert waiting.recv(1) == b""


def test_an_unexpected_request_fails_both_the_application_and_the_test() -> None:
    """The application gets a refusal that it does not retry; the block ends in the error."""
    server = ScriptedServer()
    server.reply("a bird", when="wing", times=None)

    def application() -> None:
        with server.serving() as base_url, client_at(base_url) as client:
            with pytest.raises(RequestRejectedError, match=r"\(unexpected_request\): request 1"):
                client.complete("What swims?")
            with pytest.raises(HTTPError, match="400"):
                urlopen(f"{base_url}/models")  # noqa: S310
            with pytest.raises(HTTPError, match="400"):
                urlopen(Request(f"{base_url}/chat/completions", data=b"{"))  # noqa: S310

    with pytest.raises(UnexpectedRequestError, match=r"(?s)What swims\?.*'a bird' when 'wing'"):
        application()
    assert [str(each)[:30] for each in server.unexpected[1:]] == [
        "a request for '/v1/models': on",
        "a request with a body that ask",
    ]


def exchanged(base_url: str, *sent: bytes) -> bytes:
    """Send bytes by a connection of their own, and return all that comes back."""
    host, port = base_url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"".join(sent))
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


ASKED = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}).encode()
CHAT = b"POST /v1/chat/completions HTTP/1.1\r\n"


def test_a_body_in_pieces() -> None:
    """Some clients do not say how long a body is; the next request on the connection is whole."""
    pieces = b"".join(b"%x;a=b\r\n%b\r\n" % (len(each), each) for each in (ASKED[:9], ASKED[9:]))
    request = CHAT + b"Transfer-Encoding: Chunked\r\n\r\n" + pieces + b"0\r\nend: yes\r\n\r\n"
    server = ScriptedServer()
    server.reply("one", "two")
    with server.serving() as base_url:
        told = exchanged(base_url, request, request)
    assert [said in told for said in (b'"one"', b'"two"')] == [True, True]


@pytest.mark.parametrize(
    "sent",
    [
        b"content-length: 2000\r\n\r\n" + ASKED,
        b"content-length: some\r\n\r\n" + ASKED,
        b"content-length: -1\r\n\r\n" + ASKED,
        b"transfer-encoding: chunked\r\n\r\n-5\r\n" + ASKED,
        b"transfer-encoding: chunked\r\n\r\n" + ASKED,
        b"transfer-encoding: chunked\r\n\r\n2000\r\n" + ASKED,
    ],
)
def test_a_body_that_is_not_as_announced_is_no_request(
    sent: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """An application that is killed as it sends has asked nothing; nobody is told of more."""
    server = ScriptedServer()
    with server.serving() as base_url:
        assert exchanged(base_url, CHAT + sent).startswith(b"HTTP/1.1 400 ")
        assert exchanged(base_url, b"\x16\x03\x01\x00\xee\r\n\r\n")
    assert not server.unexpected
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "HEAD"])
def test_other_methods_are_not_expected(method: str) -> None:
    """They fail the test as well, and nothing of what was scripted is used for them."""
    server = ScriptedServer()
    server.reply("one", times=None)
    with server.serving() as base_url:
        told = exchanged(base_url, f"{method} /v1/batches/1 HTTP/1.1\r\n\r\n".encode())
        unexpected, server.unexpected = server.unexpected, []
    assert told.startswith(b"HTTP/1.1 400 ")
    assert told.endswith(b"\r\n\r\n") is (method == "HEAD")
    assert [f"{method} /v1/batches/1" in str(each) for each in unexpected] == [True]
    assert not server.requests


def test_what_is_not_asked_for_fails() -> None:
    """As in a with block."""
    server = ScriptedServer()
    server.reply("one")
    with (
        pytest.raises(AssertionError, match="1 scripted reply was not asked for"),
        server.serving(),
    ):
        pass


def test_batches_come_by_http_too() -> None:
    """Files are uploaded, looked at and read as at the real server."""
    server = ScriptedServer()
    server.reply(_shouted, times=None)
    with server.serving() as base_url, client_at(base_url) as client:
        batch = Batch(gather_s=0.01)
        with pytest.warns(UserWarning, match="journal"):
            rows = list(client.complete_many(["a", "b"], "{text}", engine=batch))
    assert [str(row.completion) for row in rows] == ["A", "B"]


def test_the_bare_sdk_can_send_a_batch() -> None:
    """The objects are such as its types expect."""
    server = ScriptedServer()
    server.reply("one")
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    with (
        server.serving() as base_url,
        openai.OpenAI(base_url=base_url, api_key="sk-mine") as sdk,
    ):
        file = sdk.files.create(file=("a.jsonl", json.dumps(line).encode()), purpose="batch")
        made = sdk.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        done = sdk.batches.retrieve(made.id)
        (result,) = sdk.files.content(done.output_file_id or "").text.splitlines()
        shown = sdk.files.retrieve(done.output_file_id or "")
        assert (shown.purpose, shown.bytes) == ("batch_output", len(result) + 1)
        assert sdk.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError, match="No such File object"):
            sdk.files.retrieve(file.id)
        assert [batch.id for batch in sdk.batches.list()] == [made.id]
    assert (file.filename, file.bytes, file.status) == (
        "a.jsonl",
        len(json.dumps(line)),
        "processed",
    )
    assert (made.status, done.status, done.error_file_id) == ("validating", "completed", None)
    reply = json.loads(result)
    assert reply["custom_id"] == "1"
    assert reply["response"]["body"]["choices"][0]["message"]["content"] == "one"


def _shouted(request: Asked) -> str:
    return request.prompt.upper()


def test_a_cassette_records_and_replays_by_http(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real server is that of the environment, asked with the application's own key."""
    path = tmp_path / "one.jsonl"
    real = ScriptedServer()
    real.reply("Bonjour.")
    with real.serving() as upstream:
        monkeypatch.setenv("OPENAI_BASE_URL", upstream)
        with Cassette(path, record="new").serving() as base_url, client_at(base_url) as client:
            assert str(client.complete("Hello")) == "Bonjour."
    with Cassette(path).serving() as base_url, client_at(base_url) as client:
        assert str(client.complete("Hello")) == "Bonjour."
    assert "sk-mine" not in path.read_text()


def test_a_real_server_that_is_away_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application gets a fault of the server, as behind any proxy."""
    with ScriptedServer().serving() as gone:
        monkeypatch.setenv("OPENAI_BASE_URL", gone)
    cassette = Cassette(tmp_path / "one.jsonl", record="new")
    with (
        cassette.serving() as base_url,
        client_at(base_url, ONCE) as client,
        pytest.raises(CallError, match=r"HTTP 502 .*APIConnectionError"),
    ):
        client.complete("Hello")
