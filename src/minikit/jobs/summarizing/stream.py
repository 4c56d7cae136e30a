"""A summary as it comes about: each call that ends, and the final text as it is written."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from minikit.calls.stream import AsyncCompletionStream
from minikit.errors import ArgumentError, StreamBrokenError
from minikit.jobs.summarizing.summary import Summary, TextDelta
from minikit.jobs.tally import JobEvent, Listener
from minikit.notices import remembered

if TYPE_CHECKING:
    from types import TracebackType

    from anyio.streams.memory import MemoryObjectReceiveStream

    from minikit.calls.account import Account
    from minikit.calls.completion import Completion
    from minikit.calls.pipeline import Pipeline
    from minikit.calls.request import Request

__all__ = ["AsyncSummaryStream", "streamed"]

STREAMS_AT_MOST = 3
"""How often a final text that breaks off is asked for."""


async def streamed(
    pipeline: Pipeline, request: Request, operation: str, account: Account, listen: Listener
) -> Completion:
    """Send `request` and tell its text as it is written; begin again where the stream breaks.

    Raises:
        StreamBrokenError: It broke each time.
    """
    made = 0
    while True:
        made += 1
        is_first = True
        try:
            async with AsyncCompletionStream(pipeline, request, operation, account) as stream:
                async for text in stream:
                    listen(TextDelta(text=text, is_first=is_first))
                    is_first = False
        except StreamBrokenError:
            if made == STREAMS_AT_MOST:
                raise
        else:
            return stream.completion


class AsyncSummaryStream:
    """A summary as it comes about; made by `AsyncClient.stream_summary`.

    Use it with `async with`, which starts the work, and `async for`, which gives a `Progress`
    after each call and a `TextDelta` for each piece of the final text:

        async with client.stream_summary(document) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    print(event.text, end="")
        print(events.summary.cost_usd)

    Leaving the `with` before the end cancels the calls in flight. Errors are those of `summarize`;
    they come when the events before them have been read. A stream is opened once.
    """

    def __init__(self, work: Callable[[Listener], Awaitable[Summary]]) -> None:
        self._work = work
        self._summary: Summary | None = None
        self._error: Exception | SystemExit | None = None
        self._stack = AsyncExitStack()
        self._events: MemoryObjectReceiveStream[JobEvent] | None = None

    @property
    def summary(self) -> Summary:
        """The summary, once all events have been read.

        Raises:
            ArgumentError: There are more to come, or there was an error.
        """
        if self._summary is None:
            raise ArgumentError("the summary is not done; read the events to their end")
        return self._summary

    async def __aenter__(self) -> Self:
        from anyio import create_memory_object_stream, create_task_group

        if self._events is not None:
            raise ArgumentError("a stream is opened once; make a new one with stream_summary()")
        send, receive = create_memory_object_stream[JobEvent](math.inf)

        async def work() -> None:
            with send:
                try:
                    self._summary = await self._work(send.send_nowait)
                except (Exception, SystemExit) as error:  # noqa: BLE001 - raised to the reader
                    self._error = error  # out of a task, SystemExit would end asyncio's loop

        self._events = self._stack.enter_context(receive)
        self._stack.enter_context(send)  # where the work never begins, nobody else closes it
        group = await self._stack.enter_async_context(create_task_group())
        self._stack.callback(group.cancel_scope.cancel)
        with remembered():
            group.start_soon(work)
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> JobEvent:
        from anyio import ClosedResourceError, EndOfStream

        if self._events is None:
            raise ArgumentError("open the stream with `async with` before reading it")
        try:
            return await self._events.receive()
        except (ClosedResourceError, EndOfStream):
            raise self._error or StopAsyncIteration from None

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()  # an error of the reader's is not that of the work
