"""Many things done side by side in bounded memory: a reader, workers, and what comes of each."""

from __future__ import annotations

import math
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing, suppress
from copy import copy
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from minikit.errors import MinikitError

if TYPE_CHECKING:
    from anyio.abc import TaskGroup
    from anyio.lowlevel import EventLoopToken
    from anyio.streams.memory import MemoryObjectSendStream

__all__ = ["Crew", "telling"]

I = TypeVar("I")  # noqa: E741 - an item
O = TypeVar("O")  # noqa: E741 - an outcome


@dataclass(frozen=True, slots=True)
class _End:
    """The end of an iterable, and what it raised."""

    error: Exception | SystemExit | None = None


_END = _End()


class Crew(Generic[I, O]):
    """One run over many items: whoever takes the outcomes, and those who bring them.

    An item is begun when there is room for it among those under way and in the window, which is
    given back with the outcome. So many at most are under way or wait, and one is read ahead. Items
    of an iterable are read in a thread of its own, each when it is asked for.

    Attributes:
        stopped: What ended the run before the last item, or None.
    """

    def __init__(
        self,
        items: Iterable[I] | AsyncGenerator[I],
        work: Callable[[I], Awaitable[O]],
        *,
        workers: int,
        window: int,
        in_order: bool,
    ) -> None:
        """Make a run that has not begun.

        Args:
            items: What is worked on.
            work: Brings the outcome of an item. What it raises ends the run: no more items are
                begun, and those under way are not given up.
            workers: Items under way at most.
            window: Items at most that are under way or whose outcome waits.
            in_order: Whether the outcomes come in the order of the items.
        """
        from anyio import CancelScope, Semaphore, create_memory_object_stream

        self._items = items
        self._work = work
        self._in_order = in_order
        self._places = Semaphore(workers)
        self._window = Semaphore(window)
        self._reading = CancelScope()
        self._send, self._outcomes = create_memory_object_stream[tuple[int, O]](math.inf)
        self._pending: dict[int, O] = {}
        self._next = 0
        self.stopped: Exception | SystemExit | None = None

    async def run(self) -> None:
        """Read all items, and work on each."""
        from anyio import create_task_group

        with self._send:
            async with create_task_group() as group:
                with self._reading:
                    await self._begin_all(group)

    def stop(self, error: Exception | SystemExit) -> None:
        """Begin no more items; those under way are not given up. The first reason counts."""
        self.stopped = self.stopped or error
        self._reading.cancel()

    def close(self) -> None:
        """Take no more outcomes; for after `run`, or in its place."""
        self._send.close()
        self._outcomes.close()

    async def next(self) -> O:
        """Wait for an outcome: that of the next item, or any.

        Raises:
            StopAsyncIteration: There are no more; `stopped` tells whether these were all.
        """
        from anyio import ClosedResourceError, EndOfStream

        while not (self._next in self._pending or (self._pending and not self._in_order)):
            try:
                number, outcome = await self._outcomes.receive()
            except (ClosedResourceError, EndOfStream):
                if not self._pending:
                    raise StopAsyncIteration from None
                self._next = min(self._pending)  # those between were not done
            else:
                self._pending[number] = outcome
        number = self._next if self._in_order else next(iter(self._pending))
        self._next += 1
        self._window.release()
        return self._pending.pop(number)

    def left(self) -> list[O]:
        """Take the outcomes that there are, without a wait for any; for who is interrupted."""
        from anyio import ClosedResourceError, EndOfStream, WouldBlock

        with suppress(ClosedResourceError, EndOfStream, WouldBlock):
            while True:
                number, outcome = self._outcomes.receive_nowait()
                self._pending[number] = outcome
        left = [self._pending[number] for number in sorted(self._pending)]
        self._pending.clear()
        return left

    async def _begin_all(self, group: TaskGroup) -> None:
        items, number = self._items, 0
        reading = items if isinstance(items, AsyncGenerator) else _in_thread(items)
        try:
            async with aclosing(reading):
                async for item in reading:
                    await self._window.acquire()
                    await self._places.acquire()
                    group.start_soon(self._do, number, item)
                    number += 1
        except (Exception, SystemExit) as error:  # noqa: BLE001 - raised to the reader
            self.stopped = self.stopped or error  # what was read before is worked on

    async def _do(self, number: int, item: I) -> None:
        try:
            outcome = await self._work(item)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - raised to the reader
            self.stop(error)
        else:
            self._send.send_nowait((number, outcome))
        self._places.release()


def telling(error: Exception | SystemExit, told: str) -> Exception | SystemExit:
    """Return the error that a run ended with, which says how far it came.

    One of ours is a copy: an item may have failed of the same. Another gets a note.
    """
    if isinstance(error, MinikitError):
        ended = copy(error)
        ended.args = (f"{error}; {told}", *error.args[1:])
        return ended.with_traceback(error.__traceback__)
    if told not in getattr(error, "__notes__", ()):
        error.add_note(told)
    return error


async def _in_thread(items: Iterable[I]) -> AsyncGenerator[I]:
    """Read in one thread, which many iterables ask for, and which nobody waits for at exit.

    A pool's threads are waited for, and one that waits for an item may never end.
    """
    from anyio import create_memory_object_stream
    from anyio.lowlevel import current_token

    put, read = create_memory_object_stream[I | _End](1)
    wanted: SimpleQueue[bool] = SimpleQueue()
    arguments = (items, wanted, put, current_token())
    threading.Thread(target=_read_items, args=arguments, name="minikit reader", daemon=True).start()
    with put, read:
        try:
            wanted.put(True)
            while not isinstance(item := await read.receive(), _End):
                yield item
                wanted.put(True)
            if item.error is not None:
                raise item.error
        finally:
            wanted.put(False)


def _read_items(
    items: Iterable[I],
    wanted: SimpleQueue[bool],
    put: MemoryObjectSendStream[I | _End],
    token: EventLoopToken,
) -> None:
    """Read, in a thread, an item each time that one is wanted."""
    from anyio import ClosedResourceError, from_thread

    iterator = iter(items)
    while wanted.get():
        read: I | _End
        try:
            read = next(iterator, _END)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - raised in the loop
            read = _End(error)
        try:
            from_thread.run_sync(put.send_nowait, read, token=token)
        except (ClosedResourceError, RuntimeError):
            return  # the run was left, or its event loop has ended, while the iterable was busy
