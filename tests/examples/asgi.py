"""A reader of an ASGI application, who sees each piece of a reply as it comes and may leave."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import anyio

__all__ = ["Reader", "reading"]

Asgi = MutableMapping[str, Any]


class Reader:
    """One request to an application, and its reply so far."""

    def __init__(self, body: bytes) -> None:
        self._received, self._receive = anyio.create_memory_object_stream[Asgi](math.inf)
        self._send, self._sent = anyio.create_memory_object_stream[Asgi](math.inf)
        self._received.send_nowait({"type": "http.request", "body": body, "more_body": False})

    async def receive(self) -> Asgi:
        """Give the application what the reader does."""
        return await self._receive.receive()

    async def send(self, message: Asgi) -> None:
        """Take what the application answers."""
        await self._send.send(message)

    async def status(self) -> int:
        """Wait for the head of the reply, and return its status."""
        head = await self._sent.receive()
        assert head["type"] == "http.response.start"
        return int(head["status"])

    async def text(self) -> str:
        """Read the rest of the reply."""
        return "".join([piece async for piece in self._pieces()])

    async def events(self) -> AsyncIterator[tuple[str, Any]]:
        """Give each server-sent event when it comes: its name and its data."""
        async for piece in self._pieces():
            for block in filter(None, piece.split("\n\n")):
                name, _, data = block.removeprefix("event: ").partition("\ndata: ")
                yield name, json.loads(data)

    def leave(self) -> None:
        """Leave, which the server tells the application."""
        self._received.send_nowait({"type": "http.disconnect"})

    def close(self) -> None:
        """Close the streams."""
        for stream in (self._received, self._receive, self._send, self._sent):
            stream.close()

    async def _pieces(self) -> AsyncIterator[str]:
        more = True
        while more:
            message = await self._sent.receive()
            more = message.get("more_body", False)
            yield message["body"].decode()


@asynccontextmanager
async def reading(
    app: Any,  # noqa: ANN401 - any ASGI application
    target: str,
    body: bytes | None = None,
    *,
    state: dict[str, Any],
) -> AsyncIterator[Reader]:
    """Ask `app` for `target`, with a body by POST, and read the reply; wait for it at the end.

    Args:
        app: The application.
        target: A path with its query.
        body: What to send, or None for GET.
        state: The state that the application's lifespan gave.
    """
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},  # as of uvicorn
        "http_version": "1.1",
        "method": "GET" if body is None else "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [],
        "state": state,
    }
    reader = Reader(body or b"")
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(app, scope, reader.receive, reader.send)
            yield reader
    finally:
        reader.close()
