"""Outcomes of rows and of documents for blocking code: taken one at a time from a loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from minikit.errors import ArgumentError
from minikit.jobs.completing.outcomes import AsyncOutcomes
from minikit.jobs.completing.run import Outcome
from minikit.jobs.corpus.outcome import DocumentOutcome
from minikit.jobs.corpus.outcomes import AsyncDocumentOutcomes
from minikit.portal import INTERRUPT_CHECK_S, Loop, result_of

if TYPE_CHECKING:
    from concurrent.futures import Future
    from decimal import Decimal
    from os import PathLike
    from types import TracebackType

    from minikit.jobs.corpus.plan import CorpusPlan
    from minikit.jobs.corpus.report import CorpusReport
    from minikit.jobs.outcomes import AsyncStream
    from minikit.jobs.plan import VerbPlan
    from minikit.models.usage import Usage

__all__ = ["DocumentOutcomes", "Outcomes"]

T = TypeVar("T")
R = TypeVar("R")
O = TypeVar("O")  # noqa: E741 - an outcome
A = TypeVar("A", bound="AsyncStream[Any]")


class Stream(Generic[A, O]):
    """A stream of outcomes for blocking code; opened, read and left in the client's loop."""

    def __init__(self, loop: Loop, stream: A) -> None:
        self._loop = loop
        self._stream = stream
        self._future: Future[SystemExit | None] | None = None
        self._is_settled = threading.Event()  # open, or failed to open
        self._has_left = threading.Event()
        self._thread = 0

    def __enter__(self) -> Self:
        if self._future is not None:
            raise ArgumentError("outcomes are opened once; ask for them again")
        future = self._future = self._loop.submit(self._hold)
        try:
            while not (self._is_settled.wait(INTERRUPT_CHECK_S) or future.done()):
                pass
            if not self._thread:
                result_of(future)
        except BaseException:
            future.cancel()
            raise
        return self

    def __iter__(self) -> Iterator[O]:
        return self._opened() if self._future is None else self

    def __next__(self) -> O:
        if self._future is None:
            raise ArgumentError("read outcomes with `for`, or open them with `with` before")
        outcome = self._loop.call(self._take)
        if outcome is None:
            raise StopIteration
        return outcome

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._future is None:
            return
        self._future.cancel()
        if threading.get_ident() == self._thread:
            return  # a loop that was left behind, collected in the thread that would be waited for
        while not self._has_left.wait(INTERRUPT_CHECK_S):
            pass

    def _opened(self) -> Iterator[O]:
        with self:
            yield from self

    async def _take(self) -> O | None:
        try:
            return cast("O", await anext(self._stream))
        except StopAsyncIteration:
            return None

    async def _hold(self) -> None:
        """Keep the stream open until it is cancelled: its cancel scopes belong to one task."""
        from anyio import sleep_forever

        try:
            async with self._stream:
                self._thread = threading.get_ident()
                self._is_settled.set()
                await sleep_forever()
        finally:
            self._is_settled.set()
            self._has_left.set()


class Outcomes(Stream[AsyncOutcomes[T], Outcome[T]], Generic[T]):
    """The outcomes of many rows, one for each; made by `Client.complete_many`.

    A `for` opens them, which starts the work, and closes them when it is left:

        for outcome in client.complete_many(rows, "Write to {name}."):
            print(outcome.text or outcome.error)

    In a `with` they can be read by several loops, written to a file, and asked what they cost:

        with client.complete_many(rows, "Write to {name}.") as outcomes:
            outcomes.write("letters.jsonl")
        print(outcomes.cost_usd)

    Leaving either before the end cancels the calls in flight. See `AsyncOutcomes` for how rows are
    read, and for the errors.
    """

    @property
    def model(self) -> str:
        """Id of the model that is asked."""
        return self._stream.model

    @property
    def plan(self) -> VerbPlan:
        """What the job was expected to take."""
        return self._stream.plan

    @property
    def total(self) -> int | None:
        """How many rows there are, or None where they can be read only once."""
        return self._stream.total

    @property
    def done(self) -> int:
        """Rows that have an outcome, taken or not, failed ones included."""
        return self._stream.done

    @property
    def failed(self) -> int:
        """Those of them that failed."""
        return self._stream.failed

    @property
    def usage(self) -> Usage:
        """Tokens of all replies so far."""
        return self._stream.usage

    @property
    def cost_usd(self) -> Decimal | None:
        """US dollars of all replies so far, or None when the price of one is unknown."""
        return self._stream.cost_usd

    @property
    def replayed_cost_usd(self) -> Decimal | None:
        """US dollars of the replies from the journal, paid for before; part of `cost_usd`."""
        return self._stream.replayed_cost_usd

    @property
    def failed_cost_usd(self) -> Decimal:
        """US dollars of attempts that brought no reply, on top of `cost_usd`."""
        return self._stream.failed_cost_usd

    @property
    def unmeasured(self) -> int:
        """Attempts whose cost only the server knows, such as timed-out ones."""
        return self._stream.unmeasured

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before relying on the replies."""
        return self._stream.notes

    def write(self, path: str | PathLike[str]) -> None:
        """Write the outcomes that are left to a file, each as it comes; see `AsyncOutcomes.write`.

        Opens them, and closes them at the end, where they are not open.
        """
        if self._future is None:
            with self:
                self.write(path)
            return
        self._loop.call(partial(self._stream.write, path))


class DocumentOutcomes(Stream[AsyncDocumentOutcomes[R], DocumentOutcome[R]], Generic[R]):
    """The outcomes of many documents; made by `Client.summarize_many` and `Client.run_many`.

    A `for` opens them, which starts the work, and closes them when it is left:

        for outcome in client.summarize_many(Path("archive/")):
            print(outcome.name, outcome.text or outcome.error)

    In a `with` they can be asked for their report:

        with client.summarize_many(Path("archive/")) as outcomes:
            for outcome in outcomes:
                print(outcome.name, outcome.text or outcome.error)
        print(outcomes.report)

    Leaving either before the end cancels what is under way. See `AsyncDocumentOutcomes` for how
    documents are read, and for the errors.
    """

    def plan(self) -> CorpusPlan:
        """Work out what the run would take; see `AsyncDocumentOutcomes.plan`."""
        return self._loop.call(self._stream.plan)

    @property
    def report(self) -> CorpusReport:
        """What was taken so far; after the last outcome, in all."""
        return self._stream.report
