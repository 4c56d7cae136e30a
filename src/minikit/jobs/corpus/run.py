"""One run over a corpus: whoever takes the outcomes, and those who bring them."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from minikit.errors import MinikitError
from minikit.jobs.blame import Patience
from minikit.jobs.crew import Crew, telling

if TYPE_CHECKING:
    from minikit.calls.account import Account
    from minikit.jobs.corpus.outcome import DocumentOutcome
    from minikit.jobs.corpus.report import CorpusReport, Tally
    from minikit.jobs.corpus.worker import Done

__all__ = ["CorpusRun"]

I = TypeVar("I")  # noqa: E741 - an item: a document, or a partition
R = TypeVar("R")


class CorpusRun(Generic[R]):
    """A crew over documents or partitions, what it has taken, and what it needs while it works."""

    def __init__(
        self,
        items: Iterable[I] | AsyncGenerator[I],
        do: Callable[[I], Awaitable[Done]],
        *,
        workers: int,
        window: int,
        in_order: bool,
        tally: Tally,
        at_end: Callable[[], None],
        account: Account,
        needs: AsyncExitStack,
    ) -> None:
        """Make a run that has not begun.

        Args:
            items: What is worked on.
            do: Works on one.
            workers: Items under way at most.
            window: Items under way, or done and not taken, at most.
            in_order: Whether the outcomes come in the order of the documents.
            tally: What counts.
            at_end: Called when all of it is done.
            account: Who pays for what is sent from here.
            needs: What is closed when the work is over.
        """
        self._do = do
        self._tally, self._account = tally, account
        self._at_end = at_end
        self._needs = needs
        self._patience = Patience(workers)
        self._crew = Crew[I, tuple["DocumentOutcome[R]", ...]](
            items, self._done, workers=workers, window=window, in_order=in_order
        )
        self._ready: deque[DocumentOutcome[R]] = deque()

    async def work(self) -> None:
        """Do all of it."""
        from anyio import CancelScope

        try:
            await self._crew.run()
        finally:
            with CancelScope(shield=True):
                await self._needs.aclose()

    async def next(self) -> DocumentOutcome[R]:
        """Wait for an outcome: that of the next document, or any.

        Raises:
            StopAsyncIteration: There are no more.
        """
        while not self._ready:
            try:
                self._ready.extend(await self._crew.next())
            except StopAsyncIteration:
                self._tally.end()
                if self._crew.stopped is not None:
                    raise telling(self._crew.stopped, self._tally.told) from None
                self._at_end()
                raise
        return self._ready.popleft()

    def close(self) -> None:
        """Take no more outcomes; for after `work`, or in its place."""
        self._tally.end()
        self._crew.close()

    def report(self) -> CorpusReport:
        """Return what was taken so far."""
        return self._tally.report(self._account.ledger.total)

    async def _done(self, item: Any) -> tuple[DocumentOutcome[R], ...]:  # noqa: ANN401 - an I
        done = await self._do(item)
        if done.error is not None:
            self._crew.stop(done.error)
        if done.worker:
            self._tally.add_worker(done)
        for outcome in done.outcomes:
            self._judge(outcome.error)
        try:
            self._tally.add(done.outcomes)
        except SystemExit as error:  # of a hook
            self._crew.stop(error)
        return done.outcomes

    def _judge(self, error: MinikitError | None) -> None:
        if error is None:
            self._patience.answered()
        elif self._patience.is_over(error):
            self._crew.stop(error)
