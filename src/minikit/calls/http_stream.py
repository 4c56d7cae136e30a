"""The events of a streamed reply, as they come over HTTP."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, cast

from minikit.calls.failures import request_id
from minikit.calls.sse import EventReader
from minikit.errors import BadReplyError, TransportError

__all__ = ["HttpStream"]

DRAIN_S = 0.5
"""How long the end of a reply may follow its last event, before the connection is given up."""


class HttpStream:
    """A `RawStream` over the HTTP response that the SDK opened.

    The SDK's own stream raises other errors in other versions, and drops what a server sends
    beside the fields that it knows.
    """

    def __init__(
        self,
        response: Any,  # noqa: ANN401 - of `http`
        http: Any,  # noqa: ANN401 - a module
        errors: Callable[[float], AbstractContextManager[None]],
        *,
        timeout_s: float,
        waited_s: float,
    ) -> None:
        """Take over a response whose body was not read.

        Args:
            response: The response.
            http: The HTTP library that it is of: httpx or httpx2.
            errors: Turns that library's errors into ours, given the seconds of a timeout.
            timeout_s: Seconds that may be spent waiting for the server, all in all.
            waited_s: Those that were spent already.
        """
        self._http = http
        self.request_id = request_id(response.headers)
        self._response = response
        self._received: AsyncGenerator[bytes] = response.aiter_bytes()
        self._errors = errors
        self._timeout_s = timeout_s
        self._waited_s = waited_s
        self._reader = EventReader()
        self._events: deque[str] = deque()
        self._over = False

    async def next(self) -> Mapping[str, Any] | None:
        """Return the next event, or None at the end; see `transport.RawStream`."""
        while not (self._events or self._over):
            await self._receive()
        data = self._events.popleft() if self._events else "[DONE]"
        if data.startswith("[DONE]"):
            await self._drain()
            return None
        event = _event(data)
        return _as_chunk(event) if self._reader.is_whole else event

    async def aclose(self) -> None:
        """Leave the stream; see `transport.RawStream`."""
        import anyio

        http = self._http
        try:
            await self._response.aclose()
        except BaseException:  # asyncio's own cancellation heeds no shield
            await self._hang_up()
            raise
        # Generators inside the HTTP library end with their connection only, not when they are
        # left, and trio warns of those that are left.
        with anyio.move_on_after(DRAIN_S), suppress(http.RequestError, http.StreamError):
            async for _ in self._received:
                pass
        await self._received.aclose()

    async def _hang_up(self) -> None:
        """Close the connection itself: httpx tries to but once, and may have been cancelled in it.

        It is so up to httpx 0.28, which openai below 3 uses; httpx2 closes it some time later.
        """
        network = self._response.extensions.get("network_stream")
        if network is not None:
            await network.aclose()

    async def _drain(self) -> None:
        """Read what follows the last event: a connection whose reply was not read is not reused."""
        import anyio

        with suppress(TransportError), anyio.move_on_after(DRAIN_S):
            while not self._over:
                await self._receive()

    async def _receive(self) -> None:
        """Wait for the next bytes; only the time spent here counts, not that of the reader."""
        import anyio

        start = time.monotonic()
        with self._errors(self._timeout_s), anyio.fail_after(self._timeout_s - self._waited_s):
            received = await anext(self._received, None)
        self._waited_s += time.monotonic() - start
        self._over = received is None
        self._events.extend(self._reader.end() if received is None else self._reader.feed(received))


def _event(data: str) -> Mapping[str, Any]:
    import json

    try:
        event = json.loads(data)
    except (ValueError, RecursionError) as error:
        kind = "HTML" if data.lstrip()[:1] == "<" else "no whole JSON"
        raise BadReplyError(
            f"the stream holds {len(data)} characters that are {kind}; "
            f"check the base URL if this happens again",
            status=200,
        ) from error
    if not isinstance(event, dict):
        kind = type(event).__name__
        raise BadReplyError(f"an event of the stream is {kind}, not an object", status=200)
    return cast("dict[str, Any]", event)


def _as_chunk(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    """Turn a whole reply, as a server sends that knows no streams, into one event of a stream.

    Not to be done to an event: those of Perplexity hold beside each delta a message with all the
    text so far (https://github.com/BerriAI/litellm/issues/8455, read 2026-11-22).
    """
    choices = reply.get("choices")
    if not isinstance(choices, list):
        return reply
    wholes = [
        cast("dict[str, Any]", c) for c in cast("list[object]", choices) if isinstance(c, dict)
    ]
    return {**reply, "choices": [{**whole, "delta": whole.get("message")} for whole in wholes]}
