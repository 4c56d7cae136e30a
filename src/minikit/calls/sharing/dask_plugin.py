"""What Dask's scheduler runs for shared limits; imported where `distributed` is needed anyway."""

from __future__ import annotations

import pickle
from typing import Any, cast

from distributed import Scheduler, SchedulerPlugin

from minikit.calls.sharing.local import LocalLimits
from minikit.errors import MinikitError

__all__ = ["LimitsPlugin"]


class LimitsPlugin(SchedulerPlugin):
    """Answers for limits on the scheduler, until it is asked to close.

    What is pickled is not the state, which begins on the scheduler, but what it is made of.
    """

    def __init__(self, op: str, options: dict[str, Any]) -> None:
        self._op = op
        self._options = options

    async def start(self, scheduler: Scheduler) -> None:
        """Begin to answer."""
        self._limits = LocalLimits(**self._options)
        self._handlers = cast("dict[str, Any]", scheduler.handlers)  # pyright: ignore[reportUnknownMemberType]
        self._handlers[self._op] = self.answer

    def answer(self, question: bytes) -> bytes | None:
        """Return the pickled answer to a pickled question; None once it is closed."""
        method, values, options = pickle.loads(question)  # noqa: S301 - Dask's own messages are pickles
        if method == "close":
            del self._handlers[self._op]
            return None
        try:
            answer = getattr(self._limits, method)(*values, **options)
        except MinikitError as error:
            answer = error
        return pickle.dumps(answer)
