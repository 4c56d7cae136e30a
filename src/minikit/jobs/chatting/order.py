"""One message of a chat at a time, in the order in which they were sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from minikit.errors import ArgumentError

if TYPE_CHECKING:
    from anyio import Semaphore

__all__ = ["Order"]


class Order:
    """Lets messages through, one after the other.

    It is no lock, which its own task has to release: where a client has gone, web frameworks leave
    a stream in another task than the one that opened it.
    """

    def __init__(self) -> None:
        self._free: Semaphore | None = None  # made in the event loop
        self._speaker: int | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for those before.

        Raises:
            ArgumentError: This task would wait for itself.
        """
        from anyio import Semaphore, get_current_task

        free = self._free = self._free or Semaphore(1)
        task = get_current_task().id
        if task == self._speaker:
            raise ArgumentError(
                "a stream of this chat is open in this task: leave its `with` before the next "
                "message"
            )
        async with free:
            self._speaker = task
            try:
                yield
            finally:
                self._speaker = None
