"""Why no reply came is told with the host and the port, and with nothing that is secret."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing

import pytest

from minikit import AsyncClient, Retry, TransportError
from minikit.calls.unreached import place_of, why_unreached
from server import ChatServer

URL = "http://anna:secret@host.example:8080/v1/sk-secret?key=sk-secret#sk-secret"


class RemoteProtocolError(Exception):
    """What the HTTP library raises of that name."""


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
