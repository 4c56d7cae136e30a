"""What is asked of a server that has files and batches, each as often as it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from minikit.calls.batching.settings import NO_BATCHES
from minikit.calls.batching.wire import WAVE, Lines, ServerBatch, read_batch
from minikit.calls.retry import Retry, RetryBudget, retried
from minikit.errors import (
    BadReplyError,
    CallError,
    RateLimitError,
    RequestRejectedError,
    ServerError,
)

if TYPE_CHECKING:
    from minikit.calls.batching.wire import Line
    from minikit.calls.transport import Transport

__all__ = ["Post", "Unlimited"]

T = TypeVar("T")

TIMEOUT_S = 60.0
SECONDS_PER_BYTE = 1 / 200_000
"""A file may travel as slowly as 200 kB a second."""

CLOCKS_APART = timedelta(hours=1)
"""How far the server's clock may be from ours; batches made earlier are not looked through."""

PAGE = 100

LACKING = frozenset({404, 405, 501})


class Unlimited(RetryBudget):
    """Retries without a limit in common: those of calls in a batch are made in one request."""

    def take(self, now: float) -> bool:
        """Take one."""
        return True


class _Unwatched:
    """Nobody looks on."""

    in_line_s = 0.0

    def retrying(self, error: CallError, attempt: int, wait_s: float) -> None:
        """Take no note."""


class Post:
    """Files and batches at one server. What fails in a way that can pass is tried again.

    Attributes:
        transport: What carries it.
    """

    def __init__(self, transport: Transport, retry: Retry) -> None:
        """Make one; nothing is sent.

        Args:
            transport: What carries it.
            retry: How often each request is tried.
        """
        self.transport = transport
        self._retry = retry

    async def upload(self, name: str, data: bytes) -> str:
        """Store a file of requests and return its id.

        Raises:
            RequestRejectedError: The server takes no files.
            CallError: It could not be stored.
        """
        timeout_s = TIMEOUT_S + len(data) * SECONDS_PER_BYTE

        async def send() -> str:
            reply = await self.transport.upload(name, data, purpose="batch", timeout_s=timeout_s)
            stored = _parsed(reply).get("id")
            if not isinstance(stored, str):
                raise BadReplyError("the server stored a file and gave it no id", status=200)
            return stored

        return await self._there("/files", lambda: self.again(send))

    async def create(self, file_id: str, wave: str, endpoint: str) -> ServerBatch:
        """Make a batch of a file; asked once, since nobody knows what became of a lost reply.

        Args:
            file_id: The server's id of the file.
            wave: Our id.
            endpoint: The path that each line of the file names.

        Raises:
            RequestRejectedError: The server has no batches.
            CallError: It was not made, or was made and its reply was lost.
        """
        body = {
            "input_file_id": file_id,
            "endpoint": endpoint,
            "completion_window": "24h",
            "metadata": {WAVE: wave},
        }
        return await self._there("/batches", lambda: self._batch("/batches", body))

    async def look(self, batch_id: str) -> ServerBatch:
        """Return how far a batch is; asked once.

        Raises:
            CallError: The server does not tell.
        """
        return await self._batch(f"/batches/{batch_id}")

    async def cancel(self, batch_id: str) -> ServerBatch:
        """Cancel a batch.

        Raises:
            RequestRejectedError: The batch is over.
            CallError: The server does not do it.
        """

        async def ask() -> ServerBatch:
            try:
                return await self._batch(f"/batches/{batch_id}/cancel", {})
            except ServerError as error:
                if error.status != 409:  # elsewhere it means a conflict that passes
                    raise
                raise RequestRejectedError(
                    f"the batch {batch_id!r} is over and can no longer be cancelled (HTTP 409)",
                    status=error.status,
                    code=error.code,
                    request_id=error.request_id,
                ) from error

        return await self.again(ask)

    async def find(self, wave: str, since: datetime) -> ServerBatch | None:
        """Return the batch that a wave has become, or None where there is none.

        Args:
            wave: Our id.
            since: When the wave was written down; older batches are not looked through where the
                server lists the newest first.

        Raises:
            CallError: The server does not tell.
        """
        oldest, after = since - CLOCKS_APART, ""
        while True:
            page = await self.page(after)
            for batch in page:
                if batch.wave == wave:
                    return batch
            times = [batch.created_at for batch in page if batch.created_at is not None]
            newest_first = bool(times) and times[0] >= times[-1]
            if len(page) < PAGE or (newest_first and times[-1] < oldest):
                return None
            after = page[-1].id

    async def page(self, after: str = "") -> list[ServerBatch]:
        """Return the next 100 batches of the account, or those that are left, the newest first.

        Args:
            after: Id of the last one of the page before.

        Raises:
            CallError: The server does not tell.
        """
        path = f"/batches?limit={PAGE}" + (f"&after={after}" if after else "")

        async def ask() -> list[ServerBatch]:
            batches: object = (await self._json(path)).get("data")
            if not isinstance(batches, list):
                raise BadReplyError("the server listed its batches without any data", status=200)
            return [read_batch(raw) for raw in cast("list[object]", batches)]

        return await self._there("/batches", lambda: self.again(ask))

    async def read(self, file_id: str, take: Callable[[list[Line]], Awaitable[None]]) -> None:
        """Hand the lines of a file to `take`, some at a time; after a break again from the first.

        Raises:
            CallError: It could not be read to its end.
        """

        async def download() -> None:
            lines = Lines()
            await self.transport.download(
                file_id, lambda piece: take(lines.feed(piece)), timeout_s=TIMEOUT_S
            )
            await take(lines.end())

        await self.again(download)

    async def again(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until it succeeds, as often as `Retry` allows.

        Raises:
            CallError: The last failure.
        """
        done, _ = await retried(
            lambda: _patient(ask), self._retry, spare=Unlimited(), watch=_Unwatched()
        )
        return done

    async def _batch(self, path: str, body: Mapping[str, Any] | None = None) -> ServerBatch:
        return read_batch(await self._json(path, body))

    async def _json(self, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        return _parsed(await self.transport.ask(path, body=body, timeout_s=TIMEOUT_S))

    async def _there(self, path: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask, and where the server lacks the very path say what to do instead."""
        try:
            return await ask()
        except RequestRejectedError as error:
            if error.status not in LACKING:
                raise
            raise RequestRejectedError(
                f"the server {self.transport.server} has no Batch API (HTTP {error.status} at "
                f'{path}): send with engine="local"',
                status=error.status,
                code=NO_BATCHES,
                request_id=error.request_id,
            ) from error


async def _patient(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask; where there is a rate limit, wait as long as the server says."""
    from anyio import sleep

    try:
        return await ask()
    except RateLimitError as error:
        await sleep(error.retry_after_s or 0.0)
        raise


def _parsed(text: str) -> Mapping[str, Any]:
    import json

    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadReplyError(
            f"the server answered 200 with {len(text)} characters that are no JSON object; "
            f"check the base URL if this happens again",
            status=200,
        )
    return cast("Mapping[str, Any]", value)
