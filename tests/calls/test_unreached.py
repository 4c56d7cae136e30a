"""Why no reply came is told with the host and the port, and with nothing that is secret."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing

import pytest

from minikit import (
    ArgumentError,
    AsyncClient,
    MinikitError,
    MissingExtraError,
    RequestRejectedError,
    Retry,
    TransportError,
)
from minikit.calls.unreached import place_of, why_unreached
from server import ChatServer, Reply, Response

URL = "http://anna:secret@host.example:8080/v1/sk-secret?key=sk-secret#sk-secret"


class RemoteProtocolError(Exception):
    """What the HTTP library raises of that name."""


class ReadError(Exception):
    """Another."""


class TooManyRedirects(Exception):  # noqa: N818 - the library's name
    """One more."""


class ProxyError(Exception):
    """The last."""


class APIConnectionError(Exception):
    """What the SDK raises."""


def raised(*errors: BaseException) -> BaseException:
    """Return an error of the SDK that these led to, the first last."""
    below: BaseException | None = None
    for error in (*errors, APIConnectionError()):
        error.__cause__, below = below, error
    assert below is not None
    return below


def untrusted() -> ssl.SSLCertVerificationError:
    """Return the error of a certificate that nobody knows."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


REFUSED = ConnectionRefusedError(111, "refused")
WHYS: list[tuple[tuple[BaseException, ...], str]] = [
    ((socket.gaierror(-2, "unknown"), OSError("x")), "its name could not be looked up; check the"),
    ((REFUSED, OSError("x")), "the connection was refused, as where no server runs; check the"),
    ((ExceptionGroup("all", [OSError("x"), REFUSED]), OSError("y")), "the connection was refused"),
    ((untrusted(),), r"not trusted \(self-signed certificate\); where .* SSL_CERT_FILE"),
    ((ssl.SSLError(1, "[SSL: X] x"), OSError("x")), r"TLS failed \(.*\); .* wants http://"),
    ((RemoteProtocolError("Server disconnected."),), "the connection was closed; is it an https"),
    ((RemoteProtocolError("illegal line"),), "what came is no HTTP; is it an https:// server"),
    (
        (RemoteProtocolError("peer closed connection without sending complete message body"),),
        "the connection was closed in the midst of a reply; check the network",
    ),
    ((ReadError(),), "the connection was closed; is it an https"),
    ((TooManyRedirects(),), "it redirects without end; check"),
    ((ProxyError("407 Who?"),), r"the proxy refused \('407 Who\?'\); check the proxy"),
    ((FileNotFoundError(2, "x"), OSError("x")), "No such file or dir"),
    ((OSError("x"),), "OSError; check the network"),
]


@pytest.mark.parametrize(("errors", "match"), WHYS)
def test_why(errors: tuple[BaseException, ...], match: str) -> None:
    """The error that tells most is put in words."""
    with pytest.raises(
        TransportError, match=f"^no reply from host.example:8080: .*{match}"
    ) as told:
        raise TransportError(why_unreached(raised(*errors), URL))
    assert "secret" not in str(told.value)
    assert "anna" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (URL, "host.example:8080"),
        ("https://api.openai.com/v1/", "api.openai.com:443"),
        ("http://[::1]/v1", "[::1]:80"),
        ("http://", "the server:80"),
    ],
)
def test_places(url: str, place: str) -> None:
    """Where no port is named, it is that of the scheme."""
    assert place_of(url) == place


def test_a_proxy_may_be_what_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the environment is named, unless the host is reached without it."""
    error = raised(REFUSED)
    monkeypatch.setenv("http_proxy", "http://me:secret@proxy.example:3128/secret")
    assert why_unreached(error, URL).endswith(
        "HTTP_PROXY names proxy.example:3128, which may be what does not answer"
    )
    assert "PROXY" not in why_unreached(error, "https://host.example/v1")
    monkeypatch.setenv("all_proxy", "other.example:99")
    assert "ALL_PROXY names other.example:99" in why_unreached(error, "https://host.example/v1")
    monkeypatch.setenv("no_proxy", "host.example")
    assert "PROXY" not in why_unreached(error, URL)


@pytest.mark.anyio
async def test_what_is_met_first(server: ChatServer) -> None:
    """A port where nobody listens, and https to a server without TLS, are told apart."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    for url, match in (
        (f"http://127.0.0.1:{port}/v1", rf"127.0.0.1:{port}: the connection was refused"),
        (server.base_url.replace("http:", "https:"), "TLS failed .*wants http://"),
    ):
        async with AsyncClient(api_key="k", base_url=url, retry=Retry(attempts=1)) as client:
            with pytest.raises(TransportError, match=match) as told:
                await client.complete("Hello?")
        assert told.value.code == "unreachable"


def test_what_is_https_already() -> None:
    """Nobody is asked whether it is an https:// server."""
    assert "https://" not in why_unreached(raised(ReadError()), "https://host.example/v1")


@pytest.mark.anyio
async def test_where_a_redirect_leads(server: ChatServer) -> None:
    """The server that did not answer is named, and the one that sent there."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    elsewhere = {"location": f"http://127.0.0.1:{port}/secret?key=sk-secret"}
    server.handler = lambda _: Reply(make=lambda *_: Response(status=307, headers=elsewhere))
    redirects = rf"from 127.0.0.1:{port}, to which 127.0.0.1:\d+ redirects: the connection was"
    async with AsyncClient(
        api_key="k", base_url=server.base_url, retry=Retry(attempts=1)
    ) as client:
        with pytest.raises(TransportError, match=redirects) as told:
            await client.complete("Hello?")
    assert "secret" not in str(told.value)


@pytest.mark.anyio
async def test_a_proxy_that_asks_who_it_is(server: ChatServer) -> None:
    """Over http:// a proxy answers in the server's place."""
    server.handler = lambda _: Reply(make=lambda *_: Response(status=407))
    async with AsyncClient(api_key="k", base_url=server.base_url) as client:
        with pytest.raises(RequestRejectedError, match=r"407 .*; check the proxy, and"):
            await client.complete("Hello?")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url",
    [
        "http:///v1",
        "http://localhost:99999/v1",
        "http://localhost:sk-secret/v1",
        "http://[::1/v1",
        "http://local host/v1",
        "http://h\ud800.example/v1",
        "http://\N{GRINNING FACE}.example/v1",
        "sk-secret",
        "secret",
        "me:sk-secret@localhost",
    ],
)
async def test_what_is_no_address(url: str) -> None:
    """It is refused before anything is sent, and a key that stands in it is not shown."""
    async with AsyncClient(api_key="k", base_url=url) as client:
        with pytest.raises(ArgumentError, match="base URL") as told:
            await client.complete("Hello?")
    assert "secret" not in str(told.value)


@pytest.mark.anyio
async def test_an_address_from_a_file(server: ChatServer) -> None:
    """White space around it is left out, as around a key."""
    async with AsyncClient(api_key="k", base_url=f" {server.base_url}\r\n") as client:
        assert (await client.complete("Hello?")).text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("proxy", "kind", "match"),
    [
        ("socks5://me:secret@127.0.0.1:9", MissingExtraError, "pip install socksio"),
        ("ftp://me:secret@127.0.0.1:9", ArgumentError, "ALL_PROXY"),
        ("http://me:secret/9@127.0.0.1", ArgumentError, "ALL_PROXY"),
    ],
)
async def test_a_proxy_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, proxy: str, kind: type[MinikitError], match: str
) -> None:
    """The environment is blamed; the offline model needs no proxy."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    async with AsyncClient(api_key="k", base_url="http://127.0.0.1:9/v1") as client:
        with pytest.raises(kind, match=match) as told:
            await client.complete("Hello?")
        assert "secret" not in str(told.value)
        assert (await client.complete("Hello?", model="offline")).text
