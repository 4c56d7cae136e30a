"""Streams for blocking code: an async stream, read in the client's loop and handed over."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from minikit.errors import ArgumentError
from minikit.jobs.tally import JobEvent
from minikit.portal import INTERRUPT_CHECK_S, Loop, result_of

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType

    from minikit.calls.completion import Completion
    from minikit.calls.stream import AsyncCompletionStream
    from minikit.jobs.summarizing.stream import AsyncSummaryStream
    from minikit.jobs.summarizing.summary import Summary

__all__ = ["BlockingStream", "CompletionStream", "SummaryStream"]

T = TypeVar("T")


class BlockingStream(Generic[T]):
    """An async stream whose items are handed to the thread that reads.

    One task opens, reads and leaves it, since its cancel scopes belong to that task. It reads on
    while the caller is busy; what has come and was not taken waits in memory.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._is_open = False
        self._has_left = threading.Event()
        self._items: SimpleQueue[T | None] = SimpleQueue()
        self._future: Future[SystemExit | None] | None = None

    @abstractmethod
    def _source(self) -> AbstractAsyncContextManager[AsyncIterator[T]]:
        """Return the async stream."""

    def __enter__(self) -> Self:
        if self._future is not None:
            raise ArgumentError("a stream is opened once; make a new one")
        future = self._future = self._loop.submit(self._pump)
        try:
            self._take(future)
            if not self._is_open:
                result_of(future)
        except BaseException:
            future.cancel()
            raise
        return self

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        future = self._future
        if future is None:
            raise ArgumentError("open the stream with `with` before reading it")
        item = self._take(future)
        if item is not None:
            return item
        result_of(future)
        raise StopIteration

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._future is not None:
            self._future.cancel()
            while not self._has_left.wait(INTERRUPT_CHECK_S):
                pass

    async def _pump(self) -> None:
        try:
            async with self._source() as stream:
                self._is_open = True
                self._items.put(None)
                async for item in stream:
                    self._items.put(item)
        finally:
            self._items.put(None)
            self._has_left.set()

    def _take(self, future: Future[SystemExit | None]) -> T | None:
        """Wait for the next item; None once the stream is open, and at its end."""
        while True:
            is_over = future.done()
            try:
                return self._items.get(timeout=0 if is_over else INTERRUPT_CHECK_S)
            except Empty:
                if is_over:
                    return None


class CompletionStream(BlockingStream[str]):
    """A reply as it is written; made by `Client.stream`.

    Use it with `with`, which sends the request, and `for`, which gives text:

        with client.stream("Tell me of the sea.") as stream:
            for text in stream:
                print(text, end="")
        print(stream.completion.cost_usd)

    See `AsyncCompletionStream` for what happens to one that breaks or is left early.
    """

    def __init__(self, loop: Loop, stream: AsyncCompletionStream) -> None:
        super().__init__(loop)
        self._stream = stream

    @property
    def completion(self) -> Completion:
        """The whole reply, once the stream has ended; of one that broke or was left, what had come.

        Raises:
            ArgumentError: The stream has not ended yet, or there was no reply.
        """
        return self._stream.completion

    def _source(self) -> AsyncCompletionStream:
        return self._stream


class SummaryStream(BlockingStream[JobEvent]):
    """A summary as it comes about; made by `Client.stream_summary`.

    Use it with `with`, which starts the work, and `for`, which gives a `Progress` after each call
    and a `TextDelta` for each piece of the final text:

        with client.stream_summary(document) as events:
            for event in events:
                if isinstance(event, TextDelta):
                    print(event.text, end="")
        print(events.summary.cost_usd)

    Leaving the `with` before the end cancels the calls in flight. Errors are those of `summarize`.
    """

    def __init__(self, loop: Loop, stream: AsyncSummaryStream) -> None:
        super().__init__(loop)
        self._stream = stream

    @property
    def summary(self) -> Summary:
        """The summary, once all events have been read.

        Raises:
            ArgumentError: There are more to come, or there was an error.
        """
        return self._stream.summary

    def _source(self) -> AsyncSummaryStream:
        return self._stream
