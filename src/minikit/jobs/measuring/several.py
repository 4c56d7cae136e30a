"""Several jobs as one: their plans, what they have taken, and the money that they share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, TypeVar

from minikit.calls.line import Line, Wait
from minikit.errors import BudgetExceededError, CallError, JobError, MinikitError, TransportError
from minikit.jobs.drawing import draw_notes, likely_text
from minikit.jobs.engine import Bill, Exit
from minikit.jobs.plan import Level, Plan, VerbPlan, side_by_side
from minikit.jobs.result import Progress, Result
from minikit.models.money import add_usd, total_usd
from minikit.models.usage import Usage
from minikit.text.plain import money, span_of, table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from minikit.calls.budget import Budget, Reservation
    from minikit.jobs.result import CallRecord
    from minikit.jobs.summarizing.summary import Summary
    from minikit.jobs.verb import Setting

__all__ = [
    "Purse",
    "SeveralPlan",
    "Verbs",
    "Watcher",
    "bill_of",
    "bill_of_error",
    "joined_bill",
    "joined_plan",
]

R = TypeVar("R", bound=Result)

_ROOM = 2
"""How many times the most that a job was planned to cost it may spend, where there is enough:
what is asked for again comes on top of a plan."""


class Verbs(Protocol):
    """The verbs that a job asks for the work of; a client has them."""

    @property
    def summarize(self) -> Callable[..., Awaitable[Summary]]:
        """Summarizes a source."""
        ...

    @property
    def ask(self) -> Callable[..., Awaitable[Result]]:
        """Answers a question from a source."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralPlan(VerbPlan):
    """The plans of several jobs as one; `str(plan)` is a table of them.

    Calls of one kind are one level, since the jobs run side by side.

    Attributes:
        names: What tells the jobs from each other, such as the ids of models.
        plans: The plan of each.
    """

    names: tuple[str, ...]
    plans: tuple[Plan | VerbPlan, ...]

    def __str__(self) -> str:
        rows = [
            [
                name,
                span_of(plan.calls_at_least, plan.calls_at_most),
                f"{sum(level.input_tokens_at_most for level in plan.levels):,}",
                f"{sum(level.output_tokens_at_most for level in plan.levels):,}",
                money(plan.cost_usd_at_least, "unknown"),
                money(plan.cost_usd_at_most, "unknown"),
            ]
            for name, plan in zip(self.names, self.plans, strict=True)
        ]
        plans = table(["", "calls", "tokens in", "tokens out", "costs", "to"], rows)
        cost = f"{money(self.cost_usd_at_least)} to {money(self.cost_usd_at_most)}"
        lines = [
            f"cost: {cost}",
            f"time: {'' if self.engine == 'batch' else 'likely '}{likely_text(self)}",
        ]
        return "\n".join([plans, "", *lines, *draw_notes(self)])


def joined_plan(
    verb: str,
    model: str,
    named: Sequence[tuple[str, VerbPlan]],
    setting: Setting,
    *,
    characters: int,
    tokens: int,
) -> SeveralPlan:
    """Return the plan of several jobs.

    Args:
        verb: What they do together.
        model: Id of the model, or of several.
        named: The jobs by name.
        setting: What the client allows.
        characters: Code points of what they read.
        tokens: Its tokens.
    """
    plans = [plan for _, plan in named]
    levels: dict[str, Level] = {}
    for level in (each for plan in plans for each in plan.levels):
        known = levels.get(level.operation)
        levels[level.operation] = level if known is None else side_by_side(known, level)
    return SeveralPlan(
        verb=verb,
        model=model,
        document_characters=characters,
        document_tokens=tokens,
        levels=tuple(levels.values()),
        cost_usd_at_least=total_usd(plan.cost_usd_at_least for plan in plans),
        cost_usd_at_most=total_usd(plan.cost_usd_at_most for plan in plans),
        max_concurrency=setting.max_concurrency,
        requests_per_minute=setting.requests_per_minute,
        tokens_per_minute=setting.tokens_per_minute,
        engine=setting.engine,
        names=tuple(name for name, _ in named),
        plans=tuple(plans),
    )


def bill_of(result: Result) -> Bill:
    """Return what a job took that brought a result."""
    return Bill(
        model=result.model,
        usage=result.usage,
        cost_usd=result.cost_usd,
        calls=result.calls,
        failed_cost_usd=result.failed_cost_usd,
        unmeasured=result.unmeasured,
        notes=result.notes,
    )


def bill_of_error(model: str, error: MinikitError) -> Bill:
    """Return what a job took that failed, as far as its error tells."""
    bill = _bill(model, error.calls if isinstance(error, JobError | BudgetExceededError) else ())
    if isinstance(error, JobError):
        bill["failed_cost_usd"] = error.failed_cost_usd or Decimal(0)
        bill["unmeasured"] = error.unmeasured
    elif isinstance(error, CallError):
        paid = error.completion and error.completion.cost_usd
        bill["failed_cost_usd"] = paid or Decimal(0)
        bill["unmeasured"] = int(isinstance(error, TransportError))
    return bill


def joined_bill(model: str, bills: Iterable[Bill]) -> Bill:
    """Return what several jobs took together; `model` is the id of the model, or of several."""
    each = list(bills)
    whole = _bill(model, [call for bill in each for call in bill["calls"]])
    whole["failed_cost_usd"] = add_usd(Decimal(0), *(bill["failed_cost_usd"] for bill in each))
    whole["unmeasured"] = sum(bill["unmeasured"] for bill in each)
    whole["notes"] = tuple(dict.fromkeys(note for bill in each for note in bill["notes"]))
    return whole


class Watcher:
    """Tells of the calls of several jobs as of those of one."""

    def __init__(self, on_event: Callable[[Progress], None] | None, *, calls_at_most: int) -> None:
        """Watch jobs that make so many calls at most, and tell `on_event`."""
        self._tell = on_event
        self._done = 0
        self._calls_at_most = calls_at_most
        self._usage = Usage()
        self._cost_usd: Decimal | None = Decimal(0)

    def on_event(self, progress: Progress) -> None:
        """Take note of a call of one of them; what `on_event` raises is the job's to handle."""
        call = progress.call
        self._done += 1
        self._usage += call.usage
        self._cost_usd = total_usd((self._cost_usd, call.cost_usd))
        if self._tell is not None:
            self._tell(
                replace(
                    progress,
                    calls_done=self._done,
                    calls_at_most=self._calls_at_most,
                    usage=self._usage,
                    cost_usd=self._cost_usd,
                )
            )


class Purse:
    """Shares one budget among jobs that each keep one of their own; for one event loop.

    A job gets what it can cost by its plan, and where there is more, some more; what it leaves, or
    has not needed, is for the others. So they spend no more together than there is.
    """

    def __init__(self, budget: Budget | None) -> None:
        """Share `budget`; where there is none, no job has a limit."""
        self._budget = budget
        self._line: Line | None = None

    async def pay(
        self, most_usd: Decimal | None, work: Callable[[Decimal | None], Awaitable[R]]
    ) -> R:
        """Await `work(budget_usd)`, and take back what it has left of that.

        Args:
            most_usd: What it can cost by its plan; None where its price is unknown.
            work: Does a job.

        Raises:
            MinikitError: As `work` raises it.
            Exit: `work` was left by a SystemExit.
        """
        reservation = await self._reserved(most_usd or Decimal(0))
        spent_usd: Decimal | None = None
        try:
            result = await work(None if reservation is None else reservation.amount_usd)
            spent_usd = _spent(bill_of(result))
        except MinikitError as error:
            spent_usd = _spent_by(error)
            raise
        except SystemExit as error:
            raise Exit(error) from None
        else:
            return result
        finally:
            self._settle(reservation, spent_usd)

    async def _reserved(self, most_usd: Decimal) -> Reservation | None:
        budget = self._budget
        if budget is None:
            return None
        self._line = self._line or Line()

        def ask() -> Reservation | Wait:
            left_usd = max(Decimal(0), budget.left_usd)
            if left_usd < most_usd and budget.reserved_usd:  # some of which comes back
                return Wait()
            return budget.reserve(min(left_usd, _ROOM * most_usd)) or Wait()

        return await self._line.wait(ask)

    def _settle(self, reservation: Reservation | None, spent_usd: Decimal | None) -> None:
        if reservation is not None and self._line is not None:
            reservation.settle(spent_usd)
            self._line.wake()


def _spent(bill: Bill) -> Decimal | None:
    """Return what a job has spent; None where only the servers know."""
    if bill["unmeasured"]:
        return None
    return total_usd((bill["cost_usd"], bill["failed_cost_usd"]))


def _spent_by(error: MinikitError) -> Decimal | None:
    """Return what a job has spent that failed; None where it may be all that it had."""
    if isinstance(error, JobError):
        return _spent(bill_of_error("", error))
    if isinstance(error, BudgetExceededError):
        is_untouched = not (error.calls or error.spent_usd or error.unknown_usd)
        return Decimal(0) if is_untouched else None
    return None if isinstance(error, CallError) else Decimal(0)


def _bill(model: str, calls: Sequence[CallRecord]) -> Bill:
    return Bill(
        model=model,
        usage=sum((call.usage for call in calls), start=Usage()),
        cost_usd=total_usd(call.cost_usd for call in calls),
        calls=tuple(calls),
        failed_cost_usd=Decimal(0),
        unmeasured=0,
        notes=(),
    )
