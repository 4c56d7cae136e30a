"""Outcomes as a stream: opened, read and left, whatever they are the outcomes of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from minikit.errors import ArgumentError
from minikit.jobs.holding import Held
from minikit.jobs.owning import Owning
from minikit.notices import remembered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

__all__ = ["AsyncStream", "Run"]

O = TypeVar("O")  # noqa: E741 - an outcome
O_co = TypeVar("O_co", covariant=True)


class Run(Protocol[O_co]):
    """Work that is under way, and what has come of it."""

    async def work(self) -> None:
        """Do all of it."""
        ...

    async def next(self) -> O_co:
        """Wait for an outcome; StopAsyncIteration after the last."""
        ...

    def close(self) -> None:
        """Take no more outcomes; for after `work`, or in its place."""
        ...


class AsyncStream(Owning, ABC, Generic[O]):
    """A stream of outcomes, to open with `async with` and to read with `async for`.

    Its work is done in tasks of its own while it is open; leaving it cancels them. An `async for`
    over one that is not open opens it, and closes it when the loop has left it behind.
    """

    _made_by = "the client"

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._is_open = False
        self._running: Run[O] | None = None

    @abstractmethod
    async def _begun(self) -> Run[O]:
        """Return the run, which has not begun to work."""

    async def __aenter__(self) -> Self:
        from anyio import create_task_group

        if self._is_open:
            raise ArgumentError(
                f"outcomes are opened once; ask for them with {self._made_by} again"
            )
        self._is_open = True
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.aclose)
            run = self._running = await self._begun()
            stack.callback(run.close)
            group = await stack.enter_async_context(create_task_group())
            stack.callback(group.cancel_scope.cancel)
            with remembered():
                group.start_soon(run.work)
            self._stack = stack.pop_all()
        return self

    def __aiter__(self) -> AsyncIterator[O]:
        """Return itself; where it is not open, what opens it and closes it at the end."""
        return self if self._is_open else Held(self)

    async def __anext__(self) -> O:
        return await self._opened.next()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()  # an error of the reader's is not that of the work

    @property
    def _opened(self) -> Run[O]:
        if self._running is None:
            raise ArgumentError("open the outcomes with `async with` before reading them")
        return self._running
