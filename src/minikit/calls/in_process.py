"""A server inside the process, as the SDK's own HTTP library sees it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, cast

from minikit.calls.offline import Reply
from minikit.errors import MinikitError

__all__ = ["Respond", "as_reply", "in_process_transport"]

Respond = Callable[[str, bytes], Awaitable[Reply]]
"""Answers a request, given by path and query of its URL and by its body, b"" for a GET.

A TimeoutError is a reply that does not come in time, a ConnectionError a connection that breaks;
an error of ours is raised where the call was made.
"""

_FRAMING = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers of a body as it travelled, not as it is read."""


def in_process_transport(http: Any, respond: Respond) -> Any:  # noqa: ANN401 - httpx or httpx2
    """Return an HTTP transport of the library `http`, answered by `respond`."""

    async def answer(request: Any) -> Any:  # noqa: ANN401
        try:
            reply = await respond(request.url.raw_path.decode(), request.content)
        except TimeoutError as error:
            raise http.ReadTimeout(str(error), request=request) from error
        except (ConnectionError, MinikitError) as error:
            raise http.ReadError(str(error), request=request) from error
        body = reply.body if isinstance(reply.body, bytes) else _breakable(reply.body, http)
        return http.Response(reply.status, headers=reply.headers, content=body)

    return cast("Callable[[Any], Any]", http.MockTransport)(answer)


async def _breakable(pieces: AsyncIterator[bytes], http: Any) -> AsyncGenerator[bytes]:  # noqa: ANN401 - as above
    """Yield `pieces`; where their connection breaks, break as the HTTP library does."""
    try:
        async for piece in pieces:
            yield piece
    except ConnectionError as error:
        raise http.ReadError(str(error)) from error


def as_reply(response: Any) -> Reply:  # noqa: ANN401 - of the HTTP library
    """Return a response whose body has been read."""
    headers = {name: value for name, value in response.headers.items() if name not in _FRAMING}
    return Reply(status=response.status_code, headers=headers, body=response.content)
