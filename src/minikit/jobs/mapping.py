"""Reading parts side by side: what cannot be read is narrowed down, and nothing read is lost."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from minikit.errors import (
    AuthenticationError,
    BudgetExceededError,
    CallError,
    JournalError,
    QuotaExhaustedError,
)
from minikit.jobs.concurrently import concurrently
from minikit.jobs.unread import FAILED_HALVES_AT_MOST, lies_in_the_passage, weight

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from minikit.jobs.engine import Engine

__all__ = ["Mapper"]

P = TypeVar("P")
R = TypeVar("R")

FAILED_PARTS_AT_LEAST = 4
"""So many parts fail one after the other, none between them read, before the job gives up."""


class Mapper(Generic[P, R]):
    """Reads the parts of a job, several at a time.

    A part that is refused, or whose reply is cut off, empty or broken, is read in halves, the
    widest first, until what cannot be read is isolated. An error that has another cause is kept
    until the other parts are read. Cancellation ends the calls in flight.

    Attributes:
        read: What was read, as pairs of a part (or a piece of one) and what came of it, in the
            order in which the replies came.
        parts_read: Parts that were read, if only in pieces.
        errors: What kept a part from being read, by its position.
        stopped: Why no more parts are begun.
    """

    def __init__(
        self,
        engine: Engine,
        work: Callable[[P], Awaitable[R]],
        halve: Callable[[P], Sequence[P]],
        leave_out: Callable[[P, CallError], None],
        weigh: Callable[[P, CallError], int] = lambda _, error: weight(error),
    ) -> None:
        """Make a reader of parts.

        Args:
            engine: What the calls are sent through.
            work: Reads one part.
            halve: Cuts a part in two; one alone is too small to be cut.
            leave_out: Takes note of what cannot be read; where it raises, the job ends.
            weigh: Counts a piece that failed; see `weight`.
        """
        self.read = list[tuple[P, R]]()
        self.parts_read = 0
        self.errors = dict[int, CallError]()
        self.stopped: BudgetExceededError | JournalError | None = None
        self._engine = engine
        self._work = work
        self._halve = halve
        self._leave_out = leave_out
        self._weigh = weigh

    async def read_all(self, parts: Sequence[P]) -> None:
        """Read `parts` side by side.

        Raises:
            CallError: A part could not be read; the others were, as far as that made sense.
            BudgetExceededError: The budget does not allow the next call.
            JournalError: The journal cannot be used.
        """
        numbered = list(enumerate(parts))
        await concurrently(self._read_part, numbered, limit=self._engine.max_concurrency)
        if self.stopped:
            raise self.stopped
        if self.errors:
            raise next(iter(self.errors.values()))

    async def read_in_halves(self, part: P, error: CallError) -> None:
        """Narrow down what of a part cannot be read, after `error`, widest pieces first."""
        failed = 0
        is_read = False
        unread = deque([(part, error)])
        while unread:
            piece, error = unread.popleft()
            halves = self._halve(piece) if failed < FAILED_HALVES_AT_MOST else [piece]
            if len(halves) < 2:
                self._leave_out(piece, error)
                continue
            for half in halves:
                try:
                    self.read.append((half, await self._work(half)))
                    is_read = True
                except CallError as failure:
                    if not lies_in_the_passage(failure):
                        raise
                    unread.append((half, failure))
                    failed += self._weigh(half, failure)
        self.parts_read += is_read

    async def _read_part(self, numbered: tuple[int, P]) -> None:
        index, part = numbered
        if self.stopped:
            return
        try:
            await self._read_or_halve(part)
        except (AuthenticationError, QuotaExhaustedError):
            raise
        except (BudgetExceededError, JournalError) as error:
            self.stopped = error  # no more are sent, and those in flight are not given up
        except CallError as error:
            self.errors[index] = error
            self._engine.failed_in_a_row += 1
            # A server that is down would otherwise be asked for every part, with all retries.
            if self._engine.failed_in_a_row >= max(
                FAILED_PARTS_AT_LEAST, self._engine.max_concurrency
            ):
                raise

    async def _read_or_halve(self, part: P) -> None:
        try:
            self.read.append((part, await self._work(part)))
        except CallError as error:
            if not lies_in_the_passage(error):
                raise
            await self.read_in_halves(part, error)
        else:
            self.parts_read += 1
