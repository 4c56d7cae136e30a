"""One run of many rows: a reader, workers that ask, and the outcomes in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from minikit.calls.completion import Completion
from minikit.errors import (
    MinikitError,
)
from minikit.jobs.blame import Patience, is_of_one
from minikit.jobs.completing.rows import AsyncRows, Record
from minikit.jobs.crew import Crew, telling
from minikit.text.fields import Row, json_of

if TYPE_CHECKING:
    from minikit.jobs.many import Asking, ManyJob

__all__ = ["Outcome", "RowRun", "plain"]

T = TypeVar("T")

WINDOW_PER_CALL = 8
"""Rows that may be read and not yet handed over, for each call in flight. In order, one slow row
holds up the others only when so many have come after it, and no more than these wait in memory."""

WINDOW_AT_MOST = 1_000
"""On top of the calls in flight, of which there may be 50,000 where they go in batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[T]):
    """What came of a row: a reply, or an error.

    Attributes:
        index: Number of the row, from 0.
        row: The row as it was read; of one that could not be read, what could be.
        completion: The reply, or None where there is an error. One that was cut off by its limit
            has the `finish_reason` "length".
        error: Why there is no reply, or None.
    """

    index: int
    row: Row
    completion: Completion | None = None
    error: MinikitError | None = None

    @property
    def text(self) -> str | None:
        """What the model wrote, or None where there is an error."""
        return None if self.completion is None else self.completion.text

    @property
    def parsed(self) -> T | None:
        """The reply as a value of the schema; None without a schema, or where there is an error."""
        return cast("T | None", getattr(self.completion, "parsed", None))

    @property
    def problem(self) -> str | None:
        """The error in words, with its class; None where there is none."""
        return None if self.error is None else f"{type(self.error).__name__}: {self.error}"

    def to_json(self) -> str:
        """Return a line of JSON: index, row, text, parsed, finish_reason, cost_usd and error.

        Values in the row that JSON does not have are written as `str` does, and NaN as null.
        """
        completion = self.completion
        cost_usd = completion.cost_usd if completion else None
        line = {
            "index": self.index,
            "row": self.row,
            "text": self.text,
            "parsed": plain(self.parsed),
            "finish_reason": completion.finish_reason if completion else None,
            "cost_usd": None if cost_usd is None else f"{cost_usd:f}",
            "error": self.problem,
        }
        return json_of(line)


def plain(value: object) -> Any:  # noqa: ANN401 - any JSON
    """Return what JSON has for a value of a schema."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value)


class RowRun(Generic[T]):
    """One run of a job: a crew that asks for each row, and gives up where that helps nobody."""

    def __init__(self, job: ManyJob, asking: Asking) -> None:
        source, calls = job.source, asking.max_concurrency
        self.job = job
        self.asking = asking
        self._crew = Crew[Record, Outcome[T]](
            aiter(source) if isinstance(source, AsyncRows) else source,
            self._answer,
            workers=calls,
            window=min(WINDOW_PER_CALL * calls, WINDOW_AT_MOST + calls),
            in_order=job.in_order,
        )
        self._patience = Patience(calls)

    async def work(self) -> None:
        """Read all rows, and ask for each."""
        await self._crew.run()

    def close(self) -> None:
        """Take no more outcomes; for after `work`, or in its place."""
        self._crew.close()

    async def next(self) -> Outcome[T]:
        """Wait for an outcome: that of the next row, or any.

        Raises:
            StopAsyncIteration: There are no more.
        """
        try:
            return await self._crew.next()
        except StopAsyncIteration:
            if self._crew.stopped is not None:
                raise telling(self._crew.stopped, self._told()) from None
            raise

    def left(self) -> list[Outcome[T]]:
        """Take the outcomes that there are, without a wait for any; for who is interrupted."""
        return self._crew.left()

    async def _answer(self, record: Record) -> Outcome[T]:
        completion: Completion | None = None
        failure: MinikitError | None = None
        try:
            completion = await self.asking.answer(record)
            self._patience.answered()
        except MinikitError as error:
            if not is_of_one(error):
                raise
            failure = error
            if self._patience.is_over(error):
                self._crew.stop(error)
        try:
            self.asking.tally.end_row(completion, failed=failure is not None)
        except SystemExit as error:  # of a hook
            self._crew.stop(error)
        return Outcome(index=record.index, row=record.row, completion=completion, error=failure)

    def _told(self) -> str:
        tally, total = self.asking.tally, self.job.total
        left = "all others" if total is None else f"{total - tally.done:,}"
        return f"rows with an outcome: {tally.done:,}, without: {left}"
