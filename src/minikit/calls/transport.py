"""How a request travels: the one module that knows the `openai` package.

The SDK (1.92 to 3.x) is imported at the first call. Its own retries are off; its exceptions become
ours, by status and code, never by the text of a message except where nothing else tells.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from minikit.calls.completion import well_formed
from minikit.calls.endpoint import Endpoint
from minikit.calls.failures import request_id, status_error
from minikit.calls.http_stream import HttpStream
from minikit.calls.in_process import as_reply, in_process_transport
from minikit.calls.unreached import place_of, unusable, why_unreached
from minikit.errors import CallTimeoutError, MinikitError, TransportError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator

    import openai
    from openai._legacy_response import LegacyAPIResponse

    from minikit.calls.in_process import Respond
    from minikit.calls.offline import Reply
    from minikit.calls.request import Request
    from minikit.errors import CallError

    Server = Endpoint | openai.AsyncOpenAI

__all__ = [
    "UNREACHABLE",
    "OnHeaders",
    "OpenAITransport",
    "RawReply",
    "RawStream",
    "Transport",
    "server_certificates",
    "timeout_s",
]


UNREACHABLE = "unreachable"
"""Code of the error that no connection is: the request was not sent, so that nothing is owed."""

PATH = "/chat/completions"

OnHeaders = Callable[[Mapping[str, str]], None]


def _unheard(headers: Mapping[str, str]) -> None:
    """Nobody waits for headers while a stream goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReply:
    """A reply of status 200 as it came, not yet read.

    Attributes:
        body: Its text, which may be anything.
        request_id: The server's id of the request, or None.
        is_kept: Whether the journal has it.
    """

    body: str
    request_id: str | None
    is_kept: bool = False


class RawStream(Protocol):
    """The events of a streamed reply."""

    request_id: str | None

    async def next(self) -> Mapping[str, Any] | None:
        """Return the next event, or None at the end of the stream.

        Raises:
            CallError: The stream broke.
        """
        ...

    async def aclose(self) -> None:
        """Leave the stream; the connection is closed unless the stream has ended."""
        ...


class Transport(Protocol):
    """Sends one request once.

    Attributes:
        server: Base URL of the server.
    """

    server: str

    async def send(self, request: Request, *, timeout_s: float, on_headers: OnHeaders) -> RawReply:
        """Send `request` and return the reply; `on_headers` gets the headers of any reply.

        Raises:
            CallError: There was none, or one that says that it is none.
        """
        ...

    async def stream(
        self, request: Request, *, timeout_s: float, on_headers: OnHeaders
    ) -> RawStream:
        """Send `request` and return the reply as it comes; as `send` otherwise.

        `timeout_s` bounds the time that is spent waiting for the server, all in all.
        """
        ...

    async def ask(
        self, path: str, *, body: Mapping[str, Any] | None = None, timeout_s: float
    ) -> str:
        """Send what is no completion, by POST where there is a `body`, and return the reply.

        Raises:
            CallError: There was none, or one that says that it is none.
        """
        ...

    async def upload(self, name: str, data: bytes, *, purpose: str, timeout_s: float) -> str:
        """Store a file at the server and return the reply; errors as of `ask`."""
        ...

    async def download(
        self, file_id: str, take: Callable[[bytes], Awaitable[None]], *, timeout_s: float
    ) -> None:
        """Hand the bytes of a file to `take` as they come; errors as of `ask`.

        `timeout_s` bounds each wait for more of them.
        """
        ...

    def failure(self, status: int, body: object, request_id: str | None) -> CallError:
        """Return the error that a reply of this status means, which came by another way."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class OpenAITransport:
    """Sends requests through the OpenAI SDK. Belongs to the event loop of its first call."""

    def __init__(self, sdk: openai.AsyncOpenAI, *, owned: bool = True) -> None:
        self._sdk = sdk.with_options(max_retries=0)
        create = self._sdk.chat.completions.with_raw_response.create
        self._create = cast("Callable[..., Awaitable[LegacyAPIResponse[Any]]]", create)
        self._owned = owned
        self.server = str(self._sdk.base_url)

    @classmethod
    def connect(cls, route: Server, respond: Respond | None = None) -> OpenAITransport:
        """Make a transport to a server, or to `respond`, which answers in its place.

        To a server it has a connection pool of its own, but through an SDK client that is given.
        """
        import openai

        http_client = respond and openai.DefaultAsyncHttpxClient(
            transport=in_process_transport(_http_library(), respond)
        )
        if isinstance(route, Endpoint):
            key, base_url = route.api_key, route.base_url
            try:
                http_client = http_client or openai.DefaultAsyncHttpxClient(
                    verify=server_certificates()
                )
                sdk = openai.AsyncOpenAI(api_key=key, base_url=base_url, http_client=http_client)
            except (ImportError, ValueError, _http_library().InvalidURL) as error:
                raise unusable(error) from None
            return cls(sdk)
        return cls(route.with_options(http_client=http_client), owned=respond is not None)

    @classmethod
    def offline(cls) -> OpenAITransport:
        """Make a transport to the offline model: an HTTP server inside this process."""
        from minikit.calls.offline import respond

        nowhere = Endpoint(base_url="http://offline.invalid/v1", api_key="offline")
        return cls.connect(nowhere, respond)

    async def forward(self, body: bytes) -> Reply:
        """Send a body as it is and return whatever the server says to it; for recording."""
        import json

        import openai

        try:
            response = _http_library().Response
            reply = await self._sdk.post(PATH, cast_to=response, body=json.loads(body))
        except openai.APIStatusError as error:
            reply = error.response
        return as_reply(reply)

    async def send(self, request: Request, *, timeout_s: float, on_headers: OnHeaders) -> RawReply:
        """Send `request` once; see `Transport.send`.

        The raw body is kept rather than the SDK's object, which takes HTML, `{}` and missing
        fields for an answer. By `post` the SDK sends what it is given, without looking through
        it for what it might rename, which takes as long as all the rest of a call.
        """
        import anyio

        wire, response = _well_formed(request.to_wire()), _http_library().Response
        options: Any = {"timeout": timeout_s}
        with self._errors(timeout_s, on_headers), anyio.fail_after(timeout_s):
            # The SDK's timeout is for each read; a reply that trickles in needs one for the whole.
            reply = await self._sdk.post(PATH, cast_to=response, body=wire, options=options)
        on_headers(reply.headers)
        return RawReply(body=reply.text, request_id=request_id(reply.headers))

    async def stream(
        self, request: Request, *, timeout_s: float, on_headers: OnHeaders
    ) -> RawStream:
        """Send `request` once and return the reply as it comes; see `Transport.stream`."""
        import anyio

        wire = {**request.to_wire(), "stream": True, "stream_options": {"include_usage": True}}
        start = time.monotonic()
        with self._errors(timeout_s, on_headers), anyio.fail_after(timeout_s):
            reply = await self._create(**_well_formed(wire), timeout=timeout_s)
        on_headers(reply.headers)
        waited_s = time.monotonic() - start
        return HttpStream(
            reply.http_response,
            _http_library(),
            self._errors,
            timeout_s=timeout_s,
            waited_s=waited_s,
        )

    async def ask(
        self, path: str, *, body: Mapping[str, Any] | None = None, timeout_s: float
    ) -> str:
        """Send what is no completion; see `Transport.ask`."""
        import anyio

        response, options = _http_library().Response, {"timeout": timeout_s}
        with self._errors(timeout_s), anyio.fail_after(timeout_s):
            if body is None:
                reply = await self._sdk.get(path, cast_to=response, options=cast("Any", options))
            else:
                reply = await self._sdk.post(
                    path, cast_to=response, body=dict(body), options=cast("Any", options)
                )
        return cast("str", reply.text)

    async def upload(self, name: str, data: bytes, *, purpose: str, timeout_s: float) -> str:
        """Store a file at the server; see `Transport.upload`."""
        import io

        import anyio

        create = cast("Any", self._sdk.files.with_raw_response.create)
        with self._errors(timeout_s), anyio.fail_after(timeout_s):
            # A stream, not bytes: these would be handed to the socket, and copied, as a whole.
            # The type is told, else tables of types are read from the disk to guess it.
            file = (name, io.BytesIO(data), "application/jsonl")
            reply = await create(file=file, purpose=purpose, timeout=timeout_s)
        return cast("str", reply.http_response.text)

    async def download(
        self, file_id: str, take: Callable[[bytes], Awaitable[None]], *, timeout_s: float
    ) -> None:
        """Hand on the bytes of a file; see `Transport.download`."""
        import anyio

        content = self._sdk.files.with_streaming_response.content
        with self._errors(timeout_s):
            async with (
                content(file_id, timeout=timeout_s) as reply,
                aclosing(cast("AsyncGenerator[bytes]", reply.iter_bytes())) as pieces,
            ):
                async for piece in pieces:
                    # Else cancellation would leave generators inside the HTTP library at a yield,
                    # where nobody closes them, and trio warns of those.
                    with anyio.CancelScope(shield=True):
                        await take(piece)

    def failure(self, status: int, body: object, request_id: str | None) -> CallError:
        """Return the error that a reply means; see `Transport.failure`."""
        headers = {} if request_id is None else {"x-request-id": request_id}
        return status_error(status, body, headers, key=self._sdk.api_key)

    @contextmanager
    def _errors(self, timeout_s: float, on_headers: OnHeaders = _unheard) -> Generator[None]:
        """Turn the errors of the SDK, and of the HTTP library under it, into ours."""
        import openai

        try:
            yield
        except openai.APIStatusError as error:
            on_headers(error.response.headers)
            headers, key = error.response.headers, self._sdk.api_key
            raise status_error(error.status_code, error.body, headers, key=key) from error
        except (openai.APITimeoutError, TimeoutError) as error:
            unsent = type(error.__cause__).__name__ in _NEVER_CONNECTED
            raise _timed_out(timeout_s, self.server if unsent else None) from error
        except (openai.APIConnectionError, _http_library().RequestError) as error:
            ours = getattr(error.__cause__, "__cause__", None)
            if isinstance(ours, MinikitError):  # of a server in this process
                raise ours.with_traceback(None) from ours.__cause__
            reason = type(error.__cause__ or error).__name__
            raise TransportError(
                why_unreached(error, self.server),
                code=UNREACHABLE if reason in _NEVER_CONNECTED else None,
            ) from error

    async def aclose(self) -> None:
        """Close the connections, if this transport made them."""
        if self._owned:
            await self._sdk.close()


UNLIMITED_TOKENS = 4_096
"""What a reply without a limit is expected to have; at 40 tokens a second, 16,384 are in time."""


def timeout_s(input_tokens: int, max_output_tokens: int | None) -> float:
    """Return how long a reply of this size may take, in seconds, before it counts as lost.

    30 s, and 1 s per 1,000 tokens read, and 1 s per 10 tokens written: several times what the
    4o class takes, so that a slow answer is not paid for twice and a hang does not cost the
    SDK's 600 s.
    """
    return 30 + input_tokens / 1000 + (max_output_tokens or UNLIMITED_TOKENS) / 10


def _timed_out(timeout_s: float, unreached: str | None) -> CallTimeoutError:
    """Return the error of a call that took too long; `unreached` had no connection by then."""
    told = f"no whole reply within {timeout_s:g} s"
    if unreached is None:
        return CallTimeoutError(f"{told}; the server may have billed the call")
    place = place_of(unreached)
    told = f"{told}; no connection was made to {place}: check the network and the base URL"
    return CallTimeoutError(told, code=UNREACHABLE)


_NEVER_CONNECTED = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})
"""Errors of httpx and httpx2 that come before a request is sent."""


def _well_formed(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, Mapping):
        return {key: _well_formed(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_well_formed(item) for item in cast("list[Any]", value)]
    return value


def server_certificates() -> ssl.SSLContext:
    """Return the certificates that servers are checked by, read once: that takes 30 ms.

    A worker that makes a client for each partition would spend more on it than on the calls.
    """
    return _certificates_of(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _certificates_of(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    context: ssl.SSLContext = _http_library().create_ssl_context()  # reads these variables
    return context


@cache
def _http_library() -> Any:  # noqa: ANN401 - a module, httpx or httpx2
    """Return the HTTP library of the installed SDK: httpx up to SDK 2 and httpx2 from SDK 3.

    The SDK's own client class tells.
    """
    import importlib

    import openai

    kinds = openai.DefaultAsyncHttpxClient.__mro__
    base = next(kind for kind in kinds if kind.__name__ == "AsyncClient")
    return importlib.import_module(base.__module__.partition(".")[0])
