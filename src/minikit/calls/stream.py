"""A reply as it is written: text deltas, and a completion at the end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

from minikit.calls.assembly import Assembly
from minikit.calls.attempt import Replayed
from minikit.calls.pipeline import INLINE_CHARACTERS
from minikit.calls.transport import RawReply
from minikit.errors import (
    ArgumentError,
    CallError,
    RefusalError,
    StreamBrokenError,
    TransportError,
)

if TYPE_CHECKING:
    from types import TracebackType

    from minikit.calls.account import Account
    from minikit.calls.attempt import Attempt
    from minikit.calls.call import Call
    from minikit.calls.completion import Completion
    from minikit.calls.pipeline import Pipeline
    from minikit.calls.request import Request
    from minikit.calls.transport import RawStream

__all__ = ["AsyncCompletionStream"]

USAGE_WITHIN_S = 5.0
"""How long after the end of the text the usage may come, before it is counted here."""


class AsyncCompletionStream:
    """A reply as it is written; made by `AsyncClient.stream`.

    Use it with `async with`, which sends the request, and `async for`, which gives text:

        async with client.stream("Tell me of the sea.") as stream:
            async for text in stream:
                print(text, end="")
        print(stream.completion.cost_usd)

    Attempts that fail before any text has come are made again, like those of any call. A stream
    that breaks later raises StreamBrokenError, and one that is left early is ended; what either
    cost is counted here and marked as an estimate, unless the server had told it.

    A stream is opened once and read by one task. It holds its place among the calls in flight
    (`max_concurrency`) until its `with` is left.
    """

    def __init__(
        self, pipeline: Pipeline, request: Request, operation: str, account: Account | None = None
    ) -> None:
        self._pipeline = pipeline
        self._opened = partial(pipeline.opened, request, operation, account)
        self._stack = AsyncExitStack()
        self._start = 0.0
        self._texts: deque[str] = deque()
        self._call: Call | None = None
        self._live: _Live | None = None

    @property
    def completion(self) -> Completion:
        """The whole reply, once the stream has ended; of one that broke or was left, what had come.

        Raises:
            ArgumentError: The stream has not ended yet, or there was no reply.
        """
        if self._call is None or self._call.completion is None:
            raise ArgumentError("the stream has not ended; read it to its end, or leave its `with`")
        return self._call.completion

    async def __aenter__(self) -> Self:
        if self._call is not None:
            raise ArgumentError("a stream is opened once; make a new one with stream()")
        call = await self._stack.enter_async_context(self._opened())
        self._call, self._start = call, time.monotonic()
        try:
            if call.completion is not None:  # from the journal
                self._say(call.completion.text)
            else:
                live, _ = await self._pipeline.retried(partial(self._open, call), call)
                self._live = live
                self._take(live)
        except Replayed as found:
            call.completion = found.completion
            self._say(found.completion.text)
        except BaseException as error:
            await self._stack.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        if self._call is None:
            raise ArgumentError("open the stream with `async with` before reading it")
        while not self._texts:
            if self._live is None or self._live.is_over:
                raise StopAsyncIteration
            try:
                await self._live.advance()
            except CallError as error:
                self._take(self._live)
                error.attempts, error.completion = self._call.attempts, self._call.completion
                raise
            self._take(self._live)
        return self._texts.popleft()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._live is not None:
                await self._live.abandon()
                self._take(self._live)
        finally:
            await self._stack.__aexit__(kind, error, traceback)

    async def _open(self, call: Call) -> _Live:
        """Send the request and wait for the first text; what fails so far is tried again."""
        attempt, transport = await self._pipeline.admitted(call)
        try:
            raw = await transport.stream(
                call.request, timeout_s=call.timeout_s, on_headers=attempt.on_headers
            )
        except BaseException as error:
            await attempt.fail(error)
            raise
        attempt.learn()
        live = _Live(request=call.request, attempt=attempt, raw=raw, assembly=Assembly())
        while not (live.text.strip() or live.is_over):  # a blank text is tried again, as none is
            await live.advance()
        return live

    def _take(self, live: _Live) -> None:
        """Take over what has come: text, and at the end the reply."""
        self._say(live.text)
        live.text = ""
        if self._call is not None and live.completion is not None:
            self._call.completion = replace(
                live.completion,
                attempts=self._call.attempts,
                latency_s=time.monotonic() - self._start,
            )

    def _say(self, text: str) -> None:
        if text:
            self._texts.append(text)


@dataclass(slots=True, kw_only=True)
class _Live:
    """A stream that is open, and the attempt that it is.

    Attributes:
        text: What has come and was not taken yet.
        completion: The reply, once the stream is over; None where there was none.
        is_over: Whether the stream is closed and its attempt settled.
    """

    request: Request
    attempt: Attempt
    raw: RawStream
    assembly: Assembly
    text: str = ""
    completion: Completion | None = None
    is_over: bool = False

    async def advance(self) -> None:
        """Take the next event; at the end of the stream read the reply.

        Raises:
            StreamBrokenError: The stream broke after some text had come.
            CallError: It broke before, or its reply is none that can be used.
        """
        try:
            event = await self._next()
            if event is not None:
                self.text += self.assembly.add(event)
                return
            completion = self.completion = await self.attempt.read(self._whole())
        except CallError as error:
            await self._fail(error)
        except BaseException:
            await self.abandon()
            raise
        else:
            await self._end(self.attempt.succeed(completion))

    async def abandon(self) -> None:
        """End the stream before its end; does nothing to one that is over."""
        from anyio import CancelScope

        if self.is_over:
            return
        with CancelScope(shield=True):
            try:
                completion = self.completion = await self._estimate("abandoned")
            except BaseException as error:  # asyncio's own cancellation heeds no shield
                await self._end(self.attempt.fail(error))
                raise
            await self._end(self.attempt.leave(completion))

    async def _next(self) -> Mapping[str, Any] | None:
        from anyio import move_on_after

        if not self.assembly.finished:
            return await self.raw.next()
        with move_on_after(USAGE_WITHIN_S), suppress(TransportError):
            return await self.raw.next()
        return None  # the text is whole, only the usage may not have come

    def _whole(self) -> RawReply:
        if not self.assembly.finished:
            raise TransportError("the stream ended without a finish reason")
        return RawReply(body=self.assembly.body(), request_id=self.raw.request_id)

    async def _fail(self, error: CallError) -> None:
        failure, has_text = error, bool(self.assembly.text.strip())
        if has_text and not isinstance(error, RefusalError):
            failure = StreamBrokenError(f"the stream broke after some text: {error}")
        if has_text and failure.completion is None:
            failure.completion = await self._estimate("broken")
        failure.request_id = self.raw.request_id
        self.completion = failure.completion
        await self._end(self.attempt.fail(failure, in_stream=True))
        if failure is error:
            raise error
        raise failure from error

    async def _estimate(self, reason: Literal["broken", "abandoned"]) -> Completion:
        """Count what has come; a long text in a thread."""
        from anyio import to_thread

        count = partial(
            self.assembly.estimate, self.request, reason, request_id=self.raw.request_id
        )
        if len(self.assembly.text) < INLINE_CHARACTERS:
            return count()
        return await to_thread.run_sync(count)

    async def _end(self, settled: Awaitable[None]) -> None:
        """Close the connection and settle the attempt, both whatever happens meanwhile."""
        from anyio import CancelScope

        self.is_over = True
        with CancelScope(shield=True):
            try:
                await self.raw.aclose()
            finally:
                await settled
