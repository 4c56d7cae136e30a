"""How blocking code calls async code: one event loop in a thread of its own."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from minikit.errors import ClosedError
from minikit.notices import caller, remember

if TYPE_CHECKING:
    from concurrent.futures import Future

    from anyio.from_thread import BlockingPortal

__all__ = ["INTERRUPT_CHECK_S", "Loop", "result_of"]

T = TypeVar("T")

INTERRUPT_CHECK_S = 0.5
"""How long a wait may last in one go: on Windows a wait without an end is deaf to Ctrl-C."""

_open: set[Loop] = set()
_exiting = threading.Event()


@dataclass(frozen=True, slots=True)
class _Running:
    """A started event loop; it works only in the process that its thread belongs to."""

    pid: int
    portal: BlockingPortal
    thread: threading.Thread

    @property
    def is_alive(self) -> bool:
        return self.pid == os.getpid() and self.thread.is_alive()


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

        future = self.submit(function)
        try:
            while not wait([future], timeout=INTERRUPT_CHECK_S).done:
                pass
        except BaseException:
            future.cancel()
            raise
        return result_of(future)

    def submit(self, function: Callable[[], Awaitable[T]]) -> Future[T | SystemExit]:
        """Begin to await `function()` in the loop; cancelling the future cancels that.

        Raises:
            ClosedError: As `call`.
        """
        line = caller()

        async def contained() -> T | SystemExit:
            remember(line)
            try:
                return await function()
            except SystemExit as error:  # it would end the loop, which others use too
                return error

        return self._start().portal.start_task_soon(contained)

    def close(self) -> None:
        """Cancel what is under way and stop the loop; later calls raise ClosedError.

        Raises:
            ClosedError: This is the loop's own thread, which would wait for itself.
        """
        with self._lock:
            if self._running is not None:
                _check_thread(self._running)
            running, self._running, self._closed = self._running, None, True
        _open.discard(self)
        if running is not None and running.is_alive:
            running.portal.call(running.portal.stop, True)
            running.thread.join()

    def release(self) -> None:
        """Stop the loop without waiting, for a client that nobody holds any more."""
        running, self._running = self._running, None
        _open.discard(self)
        if running is None or not running.is_alive:
            return
        with suppress(RuntimeError):  # collected in the loop's own thread; closed at exit then
            running.portal.start_task_soon(running.portal.stop, True)

    def _start(self) -> _Running:
        with self._lock:
            if self._closed:
                raise ClosedError("the client is closed; make a new one")
            if self._running is None or not self._running.is_alive:
                self._running = self._started()
                _open.add(self)
            running = self._running
        _check_thread(running)
        return running

    def _started(self) -> _Running:
        """Start the loop. anyio's own `start_blocking_portal` would hang the child of a fork."""
        from concurrent.futures import Future
        from contextvars import Context

        future: Future[BlockingPortal] = Future()
        thread = threading.Thread(
            target=Context().run,  # an empty one: the caller's may say that a loop runs
            args=(self._run, future),
            name="minikit",
            daemon=True,
        )
        thread.start()
        return _Running(os.getpid(), future.result(), thread)

    def _run(self, started: Future[BlockingPortal]) -> None:
        import anyio

        with _QuietAtExit():
            anyio.run(self._serve, started)

    async def _serve(self, started: Future[BlockingPortal]) -> None:
        from anyio.from_thread import BlockingPortal

        try:
            async with BlockingPortal() as portal:
                started.set_result(portal)
                await portal.sleep_until_stopped()
        finally:
            await self._closing()


def result_of(future: Future[T | SystemExit]) -> T:
    """Return the result of what was submitted and is done, or raise what it raised.

    Raises:
        ClosedError: It was cancelled, as the loop was closed.
    """
    from concurrent.futures import CancelledError

    try:
        result = future.result()
    except CancelledError:
        raise ClosedError("the client was closed while the call was under way") from None
    if isinstance(result, SystemExit):
        raise result
    return result


class _QuietAtExit:
    """Hides, at exit, that a loop cannot end its pool of threads; it is closed all the same.

    asyncio ends the pool by means of one more thread, and at exit Python 3.12 starts none
    (https://github.com/python/cpython/issues/113964).
    """

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: object, traceback: object) -> bool:
        return isinstance(error, RuntimeError) and _exiting.is_set()


def _check_thread(running: _Running) -> None:
    if running.thread is threading.current_thread():
        raise ClosedError(
            "a synchronous client was called from its own event loop, as in on_event; "
            "use AsyncClient there, or call from another thread"
        )


@atexit.register
def _close_all() -> None:
    """Close what was left open: a loop that still runs can hang the interpreter at exit."""
    _exiting.set()
    for loop in tuple(_open):
        loop.close()
