"""A summary as it comes about: each call that ends, and the final text as it is written."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Self

from minikit.calls.stream import AsyncCompletionStream
from minikit.errors import ArgumentError, StreamBrokenError
from minikit.jobs.summary import Summary, TextDelta
from minikit.jobs.tally import JobEvent, Listener

if TYPE_CHECKING:
    from types import TracebackType

    from anyio.abc import TaskGroup
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

    Leaving the `with` before the end cancels the calls in flight. Errors are those of `summarize`.
    """

    def __init__(self, work: Callable[[Listener], Awaitable[Summary]]) -> None:
        self._work = work
        self._summary: Summary | None = None
        self._error: Exception | None = None
        self._group: TaskGroup | None = None
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

        send, self._events = create_memory_object_stream[JobEvent](math.inf)
        self._group = await create_task_group().__aenter__()

        async def work() -> None:
            with send:
                try:
                    self._summary = await self._work(send.send_nowait)
                except Exception as error:  # noqa: BLE001 - raised where the events are read
                    self._error = error

        self._group.start_soon(work)
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> JobEvent:
        from anyio import EndOfStream

        if self._events is None:
            raise ArgumentError("open the stream with `async with` before reading it")
        try:
            return await self._events.receive()
        except EndOfStream:
            raise self._error or StopAsyncIteration from None

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        group, events = self._group, self._events
        if group is None or events is None:
            return
        with events:
            group.cancel_scope.cancel()
            await group.__aexit__(None, None, None)  # an error of the reader's is not the group's
