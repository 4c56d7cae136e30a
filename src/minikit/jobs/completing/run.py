"""One run of many rows: a reader, workers that ask, and the outcomes in between."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from contextlib import aclosing, suppress
from copy import copy
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from minikit.calls.completion import Completion
from minikit.errors import (
    ArgumentError,
    AuthenticationError,
    CallError,
    MinikitError,
    QuotaExhaustedError,
    SchemaError,
    UnknownPriceError,
)
from minikit.jobs.completing.rows import AsyncRows, Record
from minikit.jobs.unread import lies_in_the_passage
from minikit.text.fields import Row, json_of

if TYPE_CHECKING:
    from anyio.lowlevel import EventLoopToken
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from minikit.jobs.many import Asking, ManyJob

__all__ = ["Outcome", "RowRun", "is_of_the_row", "plain"]

T = TypeVar("T")
_Read = Record | Exception | SystemExit | None

WINDOW_PER_CALL = 8
"""Rows that may be read and not yet handed over, for each call in flight. In order, one slow row
holds up the others only when so many have come after it, and no more than these wait in memory."""

FAILED_IN_A_ROW = 50
"""So many rows fail one after the other, none of them by its own fault and none between them
answered, before the job gives up: a server that is down would be asked for all, with all retries.
"""


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
    """One run of a job: a reader of rows, workers that ask, and whoever takes the outcomes.

    The reader hands each row to a worker that is free. A worker takes a row when there is room in
    the window, which is given back with the outcome: so many rows at most are under way or wait.
    """

    def __init__(self, job: ManyJob, asking: Asking) -> None:
        from anyio import CancelScope, Semaphore, create_memory_object_stream

        self.job = job
        self.asking = asking
        self._window = Semaphore(WINDOW_PER_CALL * asking.max_concurrency)
        self._reading = CancelScope()
        self._send, self._outcomes = create_memory_object_stream[Outcome[T]](math.inf)
        self._pending: dict[int, Outcome[T]] = {}
        self._next = 0
        self._failed_in_a_row = 0
        self._stopped: Exception | SystemExit | None = None

    async def work(self) -> None:
        """Read all rows, and ask for each."""
        from anyio import create_memory_object_stream, create_task_group

        send, rows = create_memory_object_stream[Record](0)
        with self._send, rows, send:
            async with create_task_group() as group:
                group.start_soon(self._read, send)
                for _ in range(self.asking.max_concurrency):
                    group.start_soon(self._answer_rows, rows)

    def close(self) -> None:
        """Take no more outcomes; for after `work`, or in its place."""
        self._send.close()
        self._outcomes.close()

    async def next(self) -> Outcome[T]:
        """Wait for an outcome: that of the next row, or any.

        Raises:
            StopAsyncIteration: There are no more.
        """
        from anyio import ClosedResourceError, EndOfStream

        while not (self._next in self._pending or (self._pending and not self.job.in_order)):
            try:
                outcome = await self._outcomes.receive()
            except (ClosedResourceError, EndOfStream):
                if not self._pending:
                    raise self._error() or StopAsyncIteration from None
                self._next = min(self._pending)  # those between were not done
            else:
                self._pending[outcome.index] = outcome
        index = self._next if self.job.in_order else next(iter(self._pending))
        self._next += 1
        self._window.release()
        return self._pending.pop(index)

    def left(self) -> list[Outcome[T]]:
        """Take the outcomes that there are, without a wait for any; for who is interrupted."""
        from anyio import ClosedResourceError, EndOfStream, WouldBlock

        with suppress(ClosedResourceError, EndOfStream, WouldBlock):
            while True:
                outcome = self._outcomes.receive_nowait()
                self._pending[outcome.index] = outcome
        left = [self._pending[index] for index in sorted(self._pending)]
        self._pending.clear()
        return left

    async def _read(self, send: MemoryObjectSendStream[Record]) -> None:
        with send, self._reading:
            try:
                if isinstance(self.job.source, AsyncRows):
                    async with aclosing(aiter(self.job.source)) as records:
                        async for record in records:
                            await send.send(record)
                else:
                    await self._read_in_thread(send)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - raised to the reader
                self._stopped = self._stopped or error  # what was read before is asked for

    async def _read_in_thread(self, send: MemoryObjectSendStream[Record]) -> None:
        """Read in one thread, which many iterables ask for, and which nobody waits for at exit.

        A pool's threads are waited for, and one that waits for a row may never end.
        """
        from anyio import create_memory_object_stream
        from anyio.lowlevel import current_token

        put, read = create_memory_object_stream[_Read](1)
        wanted: SimpleQueue[bool] = SimpleQueue()
        source = cast("Iterable[Record]", self.job.source)
        arguments = (source, wanted, put, current_token())
        threading.Thread(
            target=_read_rows, args=arguments, name="minikit rows", daemon=True
        ).start()
        with put, read:
            try:
                wanted.put(True)
                while (record := await read.receive()) is not None:
                    if not isinstance(record, Record):
                        raise record
                    await send.send(record)
                    wanted.put(True)
            finally:
                wanted.put(False)

    async def _answer_rows(self, rows: MemoryObjectReceiveStream[Record]) -> None:
        from anyio import EndOfStream

        while not self._reading.cancel_called:
            await self._window.acquire()
            try:
                record = await rows.receive()
            except EndOfStream:
                return
            await self._answer(record)

    async def _answer(self, record: Record) -> None:
        completion: Completion | None = None
        failure: MinikitError | None = None
        try:
            completion = await self.asking.answer(record)
            self._failed_in_a_row = 0
        except (Exception, SystemExit) as error:  # noqa: BLE001 - raised to the reader
            if not is_of_the_row(error):
                self._stop(error)
                return
            failure = cast("MinikitError", error)
            self._count(failure)
        self._send.send_nowait(
            Outcome(index=record.index, row=record.row, completion=completion, error=failure)
        )
        try:
            self.asking.tally.end_row(completion, failed=failure is not None)
        except SystemExit as error:  # of a hook
            self._stop(error)

    def _count(self, error: MinikitError) -> None:
        """Give up where one row after the other fails, and the rows are not to blame."""
        if not isinstance(error, CallError) or isinstance(error, SchemaError):
            return
        if lies_in_the_passage(error):
            return
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= max(FAILED_IN_A_ROW, self.asking.max_concurrency):
            self._stop(error)

    def _stop(self, error: Exception | SystemExit) -> None:
        """Begin no more rows; those under way are not given up."""
        self._stopped = self._stopped or error
        self._reading.cancel()
        for _ in range(self.asking.max_concurrency):
            self._window.release()  # for workers that wait for room, which nobody may make

    def _error(self) -> BaseException | None:
        """Return why the job ended, and say how far it came; a row may have failed of the same."""
        error, tally, total = self._stopped, self.asking.tally, self.job.total
        left = "all others" if total is None else f"{total - tally.done:,}"
        told = f"rows with an outcome: {tally.done:,}, without: {left}"
        if isinstance(error, MinikitError):
            ended = copy(error)
            ended.args = (f"{error}; {told}", *error.args[1:])
            return ended.with_traceback(error.__traceback__)
        if error is not None and told not in getattr(error, "__notes__", ()):
            error.add_note(told)
        return error


def is_of_the_row(error: BaseException) -> bool:
    """Tell what is wrong with one row, or with its reply, from what is wrong with every one."""
    if isinstance(error, AuthenticationError | QuotaExhaustedError | UnknownPriceError):
        return False
    return isinstance(error, ArgumentError | CallError)


def _read_rows(
    source: Iterable[Record],
    wanted: SimpleQueue[bool],
    put: MemoryObjectSendStream[_Read],
    token: EventLoopToken,
) -> None:
    """Read, in a thread, a record each time that one is wanted; None is the end."""
    from anyio import ClosedResourceError, from_thread

    records = iter(source)
    while wanted.get():
        read: _Read
        try:
            read = next(records, None)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - raised in the loop
            read = error
        try:
            from_thread.run_sync(put.send_nowait, read, token=token)
        except (ClosedResourceError, RuntimeError):
            return  # the job was left, or its event loop has ended, while the source was busy
