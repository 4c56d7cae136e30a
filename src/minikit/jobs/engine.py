"""What every verb sends its calls through: one account, one record of what they took."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict, TypeVar

from minikit.calls.structured import Forms, complete_structured
from minikit.errors import BudgetExceededError, CallError, JobError, JournalError, RefusalError
from minikit.text.plain import counted

if TYPE_CHECKING:
    from decimal import Decimal

    from minikit.calls.account import Account
    from minikit.calls.completion import Completion
    from minikit.calls.pipeline import Pipeline
    from minikit.calls.request import Request
    from minikit.calls.schema import Schema
    from minikit.calls.structured import ParsedCompletion
    from minikit.jobs.provenance import Node
    from minikit.jobs.result import CallRecord, Place, Result
    from minikit.jobs.summarizing.summary import Partial
    from minikit.jobs.tally import Tally
    from minikit.models.usage import Usage

__all__ = ["Ask", "Bill", "Engine", "Exit", "Kept"]

T = TypeVar("T")
Ask = Callable[["Request", str, "Account"], Awaitable["Completion"]]


class Exit(Exception):  # noqa: N818 - a signal, not an error
    """Carries a SystemExit out of a task, which asyncio would let end its loop."""

    def __init__(self, error: SystemExit) -> None:
        super().__init__()
        self.error = error


class Bill(TypedDict):
    """What a job took, as the fields of a `Result`."""

    model: str
    usage: Usage
    cost_usd: Decimal | None
    calls: tuple[CallRecord, ...]
    failed_cost_usd: Decimal
    unmeasured: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a job has brought when it has to stop.

    Attributes:
        told: How much that is and where it is kept, for people; "" where it is nothing.
        result: It, of a job that brings a result.
        partial: The partial summaries, in order.
        tree: The same as a tree, with the gaps.
    """

    told: str
    result: Result | None = None
    partial: tuple[Partial, ...] = ()
    tree: Node | None = None


class Engine:
    """Sends the calls of one run of a job and keeps their figures.

    Attributes:
        tally: What the calls have taken so far.
        failed_in_a_row: Parts that failed since the last reply came; counted by the caller.
    """

    def __init__(self, pipeline: Pipeline, tally: Tally, *, verb: str, model: str) -> None:
        """Make an engine for one run.

        Args:
            pipeline: What sends.
            tally: Who pays, and who is told.
            verb: What the job is, as operations are named: "ask", "translate".
            model: Id of the model, for the bill.
        """
        self.tally = tally
        self.failed_in_a_row = 0
        self._pipeline = pipeline
        self._verb = verb
        self._model = model
        self._last: Completion | None = None

    @property
    def max_concurrency(self) -> int:
        """Calls in flight at most."""
        return self._pipeline.max_concurrency

    def bill(self) -> Bill:
        """Return what the calls have taken so far, as the fields of a `Result`."""
        tally = self.tally
        return Bill(
            model=self._model,
            usage=tally.usage,
            cost_usd=tally.cost_usd,
            calls=tuple(tally.calls),
            failed_cost_usd=tally.failed_cost_usd,
            unmeasured=tally.unmeasured,
            notes=tuple(tally.notes),
        )

    @asynccontextmanager
    async def keeping(
        self,
        kept: Callable[[], Awaitable[Kept]],
        failed: Callable[[], Iterable[CallError]] = tuple,
    ) -> AsyncGenerator[None]:
        """Let the error that ends a job carry what the job has brought so far.

        Args:
            kept: Returns what that is.
            failed: Returns the errors of calls that had failed before, in the order of the source.

        Raises:
            BudgetExceededError: As it was raised, with what was brought.
            JobError: Of a call, or of the journal, after something was brought.
            CallError: Before anything was. Where it stands for many calls, as a refusal of each
                part does, its `completion` has the last reply, with the usage and cost of all.
        """
        try:
            yield
        except BudgetExceededError as error:
            so_far = await kept()
            error.result, error.calls = so_far.result, tuple(self.tally.calls)
            error.tree, error.partial = so_far.tree, so_far.partial
            raise
        except (CallError, JournalError) as error:
            so_far = await kept()
            if so_far.told:
                raise self._stopped(error, tuple(failed()), so_far) from error
            if isinstance(error, CallError) and error.completion is None and self._last:
                tally = self.tally
                error.completion = replace(self._last, usage=tally.usage, cost_usd=tally.cost_usd)
            raise

    def _stopped(
        self, error: CallError | JournalError, failed: tuple[CallError, ...], kept: Kept
    ) -> JobError:
        """Return the error of a job that stopped after something was brought."""
        several = tuple({id(each): each for each in (*failed, error)}.values())
        errors = tuple(each for each in several if isinstance(each, CallError))
        what = (
            f"{counted(len(errors), 'call')} failed for good" if errors else "the job had to stop"
        )
        message = f"{what}, {kept.told}; the first error: {several[0]}"
        if isinstance(error, RefusalError) and error.status is None:  # of the whole, not of a call
            message = f"{error}; {kept.told}"
        return self.failed(
            message, errors=errors, partial=kept.partial, tree=kept.tree, result=kept.result
        )

    def failed(
        self,
        message: str,
        *,
        errors: tuple[CallError, ...] = (),
        partial: tuple[Partial, ...] = (),
        tree: Node | None = None,
        result: Result | None = None,
    ) -> JobError:
        """Return the error that a job ends with of which some calls failed for good."""
        bill = self.bill()
        return JobError(
            message,
            partial=partial,
            tree=tree,
            result=result,
            errors=errors,
            calls=bill["calls"],
            usage=bill["usage"],
            cost_usd=bill["cost_usd"],
            failed_cost_usd=bill["failed_cost_usd"],
            unmeasured=bill["unmeasured"],
        )

    async def send(self, request: Request, place: Place, ask: Ask | None = None) -> Completion:
        """Send one request and record its reply, which may be cut off.

        Args:
            request: What to ask.
            place: Where the call stands in the job.
            ask: Sends in another way than `Pipeline.send`, such as in a stream.

        Raises:
            CallError: There is no reply that can be used; a refusal is recorded all the same.
            BudgetExceededError: The budget does not allow the call.
        """
        operation, account = f"{self._verb}.{place.operation}", self.tally.account
        try:
            if ask is not None:
                completion = await ask(request, operation, account)
            else:
                completion = await self._pipeline.send(
                    request, operation=operation, account=account
                )
        except RefusalError as error:
            if error.completion is not None:  # it was paid for all the same
                self.record(error.completion, place)
            raise
        self.record(completion, place)
        return completion

    async def fill(
        self, schema: Schema[T], request: Request, place: Place, *, forms: Forms
    ) -> ParsedCompletion[T]:
        """Ask for a value of a schema, in the form that the server knows.

        Each reply that this takes is recorded, those after the first as redone.

        Args:
            schema: What the reply shall be.
            request: What to ask; its response format and its tools are set here.
            place: Where the call stands in the job.
            forms: What is known of the forms that servers take.

        Raises:
            ArgumentError: The model is the offline one, which fills no schema.
            SchemaError: No reply fits.
            OutputTruncatedError: A reply was cut off.
            CallError: As of `send`.
        """
        again = replace(place, redone=True)
        replies = 0

        async def send(asked: Request) -> Completion:
            nonlocal replies
            completion = await self.send(asked, again if replies else place)
            replies += 1
            return completion

        return await complete_structured(send, request, schema, forms=forms)

    def record(self, completion: Completion, place: Place) -> int:
        """Record a reply and return its position in the records."""
        self.failed_in_a_row, self._last = 0, completion
        try:
            return self.tally.record(completion, place)
        except SystemExit as error:
            raise Exit(error) from None
