"""A queue before something that is short: first come, first served, on one event loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Line", "Wait"]

T = TypeVar("T")

POLL_S = 0.05
"""How soon the first in line sees a change that another event loop or thread made."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: ask again after so many seconds, or when something has changed.

    Attributes:
        seconds: How long at most; endless where only a change can help.
    """

    seconds: float = math.inf


class Line:
    """A queue; belongs to the event loop in which it is made.

    What is waited for may be shared with other loops and threads: each loop has a line of its own,
    and the first of each asks.
    """

    def __init__(self) -> None:
        from anyio import Event, Lock

        self._first = Lock(fast_acquire=True)
        self._changed = Event()

    async def wait(self, ask: Callable[[], T | Wait]) -> T:
        """Return what `ask()` gives, once it is no `Wait`; the first to come is the first to ask.

        Cancellation leaves the line.
        """
        from anyio import Event, move_on_after

        async with self._first:
            while isinstance(answer := ask(), Wait):
                self._changed = Event()
                with move_on_after(min(answer.seconds, POLL_S)):
                    await self._changed.wait()
            return answer

    @property
    def waiting(self) -> int:
        """How many wait, the first in line included."""
        told = self._first.statistics()
        return told.tasks_waiting + told.locked

    def wake(self) -> None:
        """Let the first in line ask again now: something was given back."""
        self._changed.set()
