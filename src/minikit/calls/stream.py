"""A reply as it is written: text deltas, and a completion at the end."""

from __future__ import annotations

import time
from collections import deque
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, Self

from minikit.calls.assembly import Assembly
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
        """The whole reply, once the stream has ended; of a stream left early, what had come.

        Raises:
            ArgumentError: The stream has not ended yet.
        """
        if self._call is None or self._call.completion is None:
            raise ArgumentError("the stream has not ended; read it to its end, or leave its `with`")
        return self._call.completion

    async def __aenter__(self) -> Self:
        call = await self._stack.enter_async_context(self._opened())
        self._call, self._start = call, time.monotonic()
        try:
            if call.completion is not None:  # from the journal
                self._texts.append(call.completion.text)
            else:
                live, _ = await self._pipeline.retried(partial(self._open, call), call)
                self._live = live
                self._take(live)
        except BaseException as error:
            await self._stack.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while not self._texts:
            if self._live is None or self._live.is_over:
                raise StopAsyncIteration
            await self._live.advance()
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
        while not (live.text or live.is_over):
            await live.advance()
        return live

    def _take(self, live: _Live) -> None:
        """Take over what has come: text, and at the end the reply."""
        if live.text:
            self._texts.append(live.text)
            live.text = ""
        if self._call is not None and live.completion is not None:
            self._call.completion = replace(
                live.completion,
                attempts=self._call.attempts,
                latency_s=time.monotonic() - self._start,
            )


@dataclass(slots=True, kw_only=True)
class _Live:
    """A stream that is open, and the attempt that it is.

    Attributes:
        text: What the last event added.
        completion: The reply, once the stream is over.
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
            event = await self.raw.next()
            if event is not None:
                self.text = self.assembly.add(event)
                return
            self.completion = await self.attempt.read(self._whole())
        except CallError as error:
            await self._fail(error)
        except BaseException:
            await self.abandon()
            raise
        else:
            await self._close()
            await self.attempt.succeed(self.completion)

    async def abandon(self) -> None:
        """End the stream before its end; does nothing to one that is over."""
        if self.is_over:
            return
        self.completion = self._estimate("abandoned")
        await self._close()
        await self.attempt.leave(self.completion)

    def _whole(self) -> RawReply:
        if not self.assembly.finished:
            raise TransportError("the stream ended without a finish reason")
        return RawReply(body=self.assembly.body(), request_id=self.raw.request_id)

    async def _fail(self, error: CallError) -> None:
        failure = error
        if self.assembly.text and not isinstance(error, RefusalError):
            failure = StreamBrokenError(f"the stream broke after some text: {error}")
            failure.request_id = self.raw.request_id
            failure.completion = self.completion = self._estimate("broken")
        await self._close()
        await self.attempt.fail(failure)
        if failure is error:
            raise error
        raise failure from error

    def _estimate(self, reason: Literal["broken", "abandoned"]) -> Completion:
        return self.assembly.estimate(self.request, reason, request_id=self.raw.request_id)

    async def _close(self) -> None:
        from anyio import CancelScope

        self.is_over = True
        with CancelScope(shield=True):
            await self.raw.aclose()
