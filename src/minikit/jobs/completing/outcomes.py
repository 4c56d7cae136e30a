"""The outcomes of many rows: one for each, as a stream in bounded memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from minikit.jobs.completing.run import Outcome, RowRun
from minikit.jobs.outcomes import AsyncStream

if TYPE_CHECKING:
    from decimal import Decimal
    from os import PathLike

    from minikit.calls.pipeline import Pipeline
    from minikit.calls.structured import Forms
    from minikit.jobs.many import Asking, ManyJob
    from minikit.jobs.plan import VerbPlan
    from minikit.models.usage import Usage

__all__ = ["AsyncOutcomes"]

T = TypeVar("T")


class AsyncOutcomes(AsyncStream[Outcome[T]], Generic[T]):
    """The outcomes of many rows, one for each; made by `AsyncClient.complete_many`.

    Use it with `async with`, which starts the work, and `async for`, which gives an `Outcome` for
    each row, in order or as they come:

        async with client.complete_many(rows, "Write to {name}.") as outcomes:
            async for outcome in outcomes:
                print(outcome.text or outcome.error)
        print(outcomes.cost_usd)

    Rows are read as they are needed, those of an iterable in a thread of its own. While nobody
    takes outcomes the work stops after some more, so that memory is bounded however many rows
    there are. Leaving the `with` before the end cancels the calls in flight.

    What is wrong with a row, or with its reply, is the error of its outcome. What would be wrong
    with every row ends the job: a key that is refused, an account or a budget without money, a
    journal that fails, fifty rows in a row that the server fails to answer, an iterable that
    raises. Calls in flight are then awaited, every outcome that there is comes first, and the
    error is raised after the last; it tells how many rows have no outcome.
    """

    _made_by = "complete_many()"

    def __init__(
        self,
        start: Callable[[], Awaitable[ManyJob]],
        pipeline: Pipeline,
        forms: Forms,
    ) -> None:
        """Make a stream that is not open.

        Args:
            start: Prepares the job.
            pipeline: What sends.
            forms: What is known of the forms that servers take.
        """
        super().__init__()
        self._start = start
        self._pipeline = pipeline
        self._forms = forms

    @property
    def model(self) -> str:
        """Id of the model that is asked."""
        return self._job.model.id

    @property
    def plan(self) -> VerbPlan:
        """What the job was expected to take."""
        return self._job.plan

    @property
    def total(self) -> int | None:
        """How many rows there are, or None where they can be read only once."""
        return self._job.total

    @property
    def done(self) -> int:
        """Rows that have an outcome, taken or not, failed ones included."""
        return self._asking.tally.done

    @property
    def failed(self) -> int:
        """Those of them that failed."""
        return self._asking.tally.failed

    @property
    def usage(self) -> Usage:
        """Tokens of all replies so far."""
        return self._asking.tally.usage

    @property
    def cost_usd(self) -> Decimal | None:
        """US dollars of all replies so far, or None when the price of one is unknown."""
        return self._asking.tally.cost_usd

    @property
    def replayed_cost_usd(self) -> Decimal | None:
        """US dollars of the replies from the journal, paid for before; part of `cost_usd`."""
        return self._asking.tally.replayed_cost_usd

    @property
    def failed_cost_usd(self) -> Decimal:
        """US dollars of attempts that brought no reply, on top of `cost_usd`."""
        return self._asking.tally.failed_cost_usd

    @property
    def unmeasured(self) -> int:
        """Attempts whose cost only the server knows, such as timed-out ones."""
        return self._asking.tally.unmeasured

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before relying on the replies."""
        return self._asking.tally.told

    async def write(self, path: str | PathLike[str]) -> None:
        """Write the outcomes that are left to a file, each as it comes.

        A file that is there is replaced when the first one comes. Each row is on its way to the
        disk before the next is waited for: a process that is killed leaves what was done. With
        `in_order=False` a slow row holds up nothing. Where it is cancelled, as by Ctrl-C, the
        outcomes that wait for a slow row are written too.

        Args:
            path: A file that ends with .jsonl or .ndjson (`Outcome.to_json` a line), or with .csv
                or .tsv (the columns of the row, then `reply`, or with a schema a column for
                each of its fields, then `finish_reason` and `error`). A .csv file of rows from one
                has its delimiter, and a byte-order mark where that has one, as spreadsheets do.

        Raises:
            ArgumentError: The name ends otherwise, it is the file that the rows are read from, or
                the stream is not open.
            OSError: The file cannot be written.
            MinikitError: What ends the job, after all outcomes that there are were written.
        """
        from anyio import CancelScope, get_cancelled_exc_class, to_thread

        from minikit.jobs.completing.files import OutcomeFile, check_other

        tally = self._asking.tally
        job = self._job
        check_other(path, job.source)
        with OutcomeFile(path, job.text.names, job.schema, like=job.source) as file:
            tally.unwritten = file.unwritten
            try:
                async for outcome in self:
                    with CancelScope(shield=True):  # it was taken, and paid for
                        await to_thread.run_sync(file.write, outcome)
            except get_cancelled_exc_class():
                with CancelScope(shield=True):
                    await to_thread.run_sync(file.write, *self._run.left())
                raise
            await to_thread.run_sync(file.open)  # where there was none

    async def _begun(self) -> RowRun[T]:
        job = await self._start()
        return RowRun(job, job.asking(self._pipeline, self._forms))

    @property
    def _run(self) -> RowRun[T]:
        return cast("RowRun[T]", self._opened)  # which `_begun` made

    @property
    def _job(self) -> ManyJob:
        return self._run.job

    @property
    def _asking(self) -> Asking:
        return self._run.asking
