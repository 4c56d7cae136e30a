"""A stream that nobody opened: held open by a task of its own while it is read."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from minikit.notices import remembered

if TYPE_CHECKING:
    from minikit.jobs.outcomes import AsyncStream

__all__ = ["Held"]

O = TypeVar("O")  # noqa: E741 - an outcome


class Held(Generic[O]):
    """What `async for` reads of a stream that is not open.

    The cancel scopes of an open stream belong to one task, and a loop that is left tells nobody: so
    a task of its own opens the stream and closes it, when the last outcome was taken, or when the
    loop has dropped this.
    """

    def __init__(self, stream: AsyncStream[O]) -> None:
        """Hold nothing yet."""
        self._stream = stream
        self._holder: _Holder | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> O:
        if self._holder is None:
            self._holder = _Holder(self._stream)
            weakref.finalize(self, self._holder.leave_soon).atexit = False
            await self._holder.opened()
        try:
            return await anext(self._stream)
        except BaseException:
            await self._holder.left()
            raise


class _Holder:
    """A task that keeps a stream open until it shall leave it."""

    def __init__(self, stream: AsyncStream[Any]) -> None:
        from anyio import Event
        from anyio.lowlevel import current_token

        self._stream = stream
        self._leave, self._is_open, self._has_left = Event(), Event(), Event()
        self._error: BaseException | None = None
        self._loop: Any = current_token().native_token
        with remembered():
            self._task = _begin(self._hold)

    async def opened(self) -> None:
        """Wait until the stream is open, and raise what it fails with."""
        try:
            await self._is_open.wait()
        except BaseException:
            await self.left()
            raise
        if self._error is not None:
            raise self._error

    async def left(self) -> None:
        """Leave the stream, and wait for that."""
        from anyio import CancelScope

        self._leave.set()
        with CancelScope(shield=True):
            await self._has_left.wait()

    def leave_soon(self) -> None:
        """Leave the stream; for the collector of garbage, which may run in any thread."""
        loop = self._loop
        soon = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
        with suppress(RuntimeError):  # the loop has ended
            soon(self._leave.set)

    async def _hold(self) -> None:
        try:
            async with self._stream:
                self._is_open.set()
                await self._leave.wait()
        except BaseException as error:  # noqa: BLE001 - raised to the reader
            self._error = error
        finally:
            self._is_open.set()
            self._has_left.set()


def _begin(function: Callable[[], Coroutine[Any, Any, None]]) -> object:
    """Begin a task that belongs to nobody, and return what keeps it from being collected."""
    from anyio.lowlevel import current_token

    loop: Any = current_token().native_token
    if hasattr(loop, "create_task"):  # asyncio's
        return loop.create_task(function())
    import trio

    # Else it would have the context of the loop's beginning, not that of the caller.
    return trio.lowlevel.spawn_system_task(function, context=copy_context())
