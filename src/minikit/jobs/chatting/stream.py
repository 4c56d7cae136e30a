"""A reply of a chat as it is written."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Self

from minikit.errors import ArgumentError
from minikit.jobs.engine import Exit

if TYPE_CHECKING:
    from types import TracebackType

    from minikit.calls.completion import Completion
    from minikit.calls.stream import AsyncCompletionStream
    from minikit.jobs.chatting.exchange import Exchange, Reply

__all__ = ["AsyncChatStream"]


class AsyncChatStream:
    """A reply as it is written; made by `AsyncChat.stream`.

    Use it with `async with`, which sends the message, and `async for`, which gives text:

        async with chat.stream("Where is my parcel?") as stream:
            async for text in stream:
                print(text, end="")
        print(stream.reply.cost_usd)

    The message and its reply belong to the conversation once the stream was read to its end. One
    that breaks (StreamBrokenError) or is left early leaves the conversation as it was, and only its
    cost is booked; `completion` is what had come. A stream is opened once and read by one task.
    """

    def __init__(self, begun: AbstractAsyncContextManager[Exchange]) -> None:
        self._begun = begun
        self._is_begun = False
        self._is_lost = False
        self._stack = AsyncExitStack()
        self._exchange: Exchange | None = None
        self._stream: AsyncCompletionStream | None = None
        self._reply: Reply | None = None

    @property
    def reply(self) -> Reply:
        """The whole reply, once the stream was read to its end.

        Raises:
            ArgumentError: There is more to come, or it broke, or it was left early.
        """
        if self._reply is None:
            raise ArgumentError("there is no whole reply; read the stream to its end")
        return self._reply

    @property
    def completion(self) -> Completion:
        """The reply as the model gave it; of a stream that broke or was left, what had come.

        Raises:
            ArgumentError: The stream has not ended yet, or there was no reply.
        """
        if self._stream is None:
            raise ArgumentError("the stream was not opened; there is no reply")
        return self._stream.completion

    async def __aenter__(self) -> Self:
        if self._is_begun:
            raise ArgumentError("a stream is opened once; make a new one with stream()")
        self._is_begun = True
        async with AsyncExitStack() as stack:
            self._exchange = await stack.enter_async_context(self._begun)
            self._stream = await stack.enter_async_context(self._exchange.stream())
            self._stack = stack.pop_all()
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        if self._exchange is None or self._stream is None:
            raise ArgumentError("open the stream with `async with` before reading it")
        try:
            return await anext(self._stream)
        except StopAsyncIteration:
            if self._reply is None and not self._is_lost:
                self._reply = self._received(self._exchange, self._stream.completion)
            raise
        except BaseException:
            self._is_lost = True
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_lost = True
        await self._stack.__aexit__(kind, error, traceback)

    def _received(self, exchange: Exchange, completion: Completion) -> Reply:
        self._is_lost = True  # where it cannot be kept, it cannot be either at the next try
        try:
            return exchange.received(completion)
        except Exit as left:
            raise left.error from None
