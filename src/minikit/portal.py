"""How blocking code calls async code: one event loop in a thread of its own."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from minikit.errors import ClosedError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from anyio.from_thread import BlockingPortal

__all__ = ["Loop"]

T = TypeVar("T")

INTERRUPT_CHECK_S = 0.5
"""How long a wait may last in one go: on Windows a wait without an end is deaf to Ctrl-C."""

_running: set[Loop] = set()


@dataclass(frozen=True, slots=True)
class _Running:
    """A started event loop: it works only in the process whose thread it is."""

    pid: int
    portal: BlockingPortal
    stop: AbstractContextManager[BlockingPortal]
    thread: int


class Loop:
    """An event loop that is started at the first call and runs until `close`.

    Safe to use from any number of threads, also from one in which another event loop runs. After
    `fork` the child gets a loop of its own; its parent's thread does not exist there.
    """

    def __init__(self, closing: Callable[[], Awaitable[None]]) -> None:
        self._closing = closing
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._closed = False

    def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Await `function()` in the loop and return its result.

        An exception that comes from outside while waiting, such as KeyboardInterrupt, cancels
        the call.

        Raises:
            ClosedError: The loop is closed, or this is its own thread, which would wait for
                itself.
        """
        from concurrent.futures import wait

        portal = self._start().portal
        future: Future[T] = portal.start_task_soon(function)
        try:
            while not wait([future], timeout=INTERRUPT_CHECK_S).done:
                pass
        except BaseException:
            future.cancel()
            raise
        return future.result()

    def close(self) -> None:
        """Cancel what is under way and stop the loop; later calls raise ClosedError."""
        with self._lock:
            running, self._running, self._closed = self._running, None, True
        if running is None or running.pid != os.getpid():
            return
        try:
            running.portal.call(self._closing)
        finally:
            _running.discard(self)
            running.stop.__exit__(None, None, None)

    def _start(self) -> _Running:
        with self._lock:
            if self._closed:
                raise ClosedError("the client is closed; make a new one")
            if self._running is None or self._running.pid != os.getpid():
                self._running = self._started()
                _running.add(self)
            running = self._running
        if running.thread == threading.get_ident():
            raise ClosedError(
                "a synchronous client was called from its own event loop, as in on_event; "
                "use AsyncClient there, or call from another thread"
            )
        return running

    def _started(self) -> _Running:
        from anyio.from_thread import start_blocking_portal

        stop = start_blocking_portal(name="minikit")
        portal = stop.__enter__()
        return _Running(os.getpid(), portal, stop, portal.call(threading.get_ident))


@atexit.register
def _close_all() -> None:
    """Close what was left open: a loop that still runs can hang the interpreter at exit."""
    for loop in tuple(_running):
        loop.close()
