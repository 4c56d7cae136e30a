"""Several jobs as one: the budget that they share, their bills and their plans."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import anyio
import pytest

from minikit import Model, Price
from minikit.calls.budget import Budget
from minikit.errors import (
    BudgetExceededError,
    CallTimeoutError,
    JobError,
    MinikitError,
    MissingKeyError,
    RefusalError,
)
from minikit.jobs.engine import Exit
from minikit.jobs.measuring.several import (
    Purse,
    SeveralPlan,
    Watcher,
    bill_of,
    bill_of_error,
    joined_bill,
    joined_plan,
)
from minikit.jobs.result import CallRecord, Progress, Result
from minikit.jobs.verb import Setting, exact_level, planned
from minikit.models.usage import Usage
from minikit.text.document import Span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MODEL = Model(
    id="m",
    context_window=10_000,
    max_output_tokens=1_000,
    price=Price(input_usd_per_mtok=1, output_usd_per_mtok=2),
)
USD = Decimal


def record(cost_usd: str | None = "1") -> CallRecord:
    """A call of ten tokens in and two out."""
    return CallRecord(
        operation="single",
        level=0,
        span=Span(0, 5),
        model="m",
        usage=Usage(input_tokens=10, output_tokens=2),
        cost_usd=None if cost_usd is None else USD(cost_usd),
        finish_reason="stop",
        attempts=1,
        latency_s=0.5,
    )


def result(cost_usd: str | None = "1", *, failed: str = "0", unmeasured: int = 0) -> Result:
    """The result of a job of one call."""
    return Result(
        model="m",
        usage=record().usage,
        cost_usd=None if cost_usd is None else USD(cost_usd),
        calls=(record(cost_usd),),
        failed_cost_usd=USD(failed),
        unmeasured=unmeasured,
        notes=("a note",),
    )


def bringing(
    each: Result, given: list[Decimal | None]
) -> Callable[[Decimal | None], Awaitable[Result]]:
    """A job that notes its budget and brings `each`."""

    async def work(budget_usd: Decimal | None) -> Result:
        given.append(budget_usd)
        await anyio.lowlevel.checkpoint()
        return each

    return work


def exceeded(spent: str = "0") -> BudgetExceededError:
    """The error of a budget of one dollar."""
    return BudgetExceededError(
        "enough", limit_usd=USD(1), spent_usd=USD(spent), unknown_usd=USD(0), needed_usd=USD(1)
    )


@pytest.mark.anyio
async def test_a_job_gets_twice_its_plan_where_there_is_enough() -> None:
    """What a job leaves comes back, and what it spent does not."""
    budget, given = Budget(USD(10)), list[Decimal | None]()
    purse = Purse(budget)
    await purse.pay(USD(2), bringing(result("1", failed="0.5"), given))
    assert given == [4]
    assert budget.spent_usd == USD("1.5")
    assert budget.reserved_usd == 0
    await purse.pay(USD(6), bringing(result("1"), given))
    assert given == [4, USD("8.5")]


@pytest.mark.anyio
async def test_without_a_budget_no_job_has_one() -> None:
    """Where there is no limit, none is handed on."""
    given = list[Decimal | None]()
    assert await Purse(None).pay(None, bringing(result(), given)) == result()
    assert given == [None]


@pytest.mark.anyio
async def test_jobs_side_by_side_wait_for_what_others_leave() -> None:
    """Together they never hold more than there is, and none is refused that fits later."""
    budget, given = Budget(USD(5)), list[Decimal | None]()
    purse = Purse(budget)
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(purse.pay, USD(2), bringing(result("0.5"), given))
    assert len(given) == 4
    assert all(each is not None and each >= 2 for each in given)
    assert budget.spent_usd == 2


@pytest.mark.anyio
async def test_unknown_costs_stay_set_aside() -> None:
    """Where only the server knows what a job cost, all that it had counts as gone."""
    budget, given = Budget(USD(10)), list[Decimal | None]()
    purse = Purse(budget)
    await purse.pay(USD(2), bringing(result("1", unmeasured=1), given))
    assert budget.unknown_usd == 4
    await purse.pay(USD(1), bringing(result(None), given))
    assert budget.unknown_usd == 6


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "spent", "unknown"),
    [
        (MissingKeyError("no key"), 0, 0),
        (CallTimeoutError("late"), 0, 4),
        (exceeded(), 0, 0),
        (exceeded(spent="0.1"), 0, 4),
        (JobError("some failed", calls=(record(),), failed_cost_usd=USD("0.5")), USD("1.5"), 0),
    ],
)
async def test_what_fails_is_paid_for(
    error: MinikitError, spent: Decimal, unknown: Decimal
) -> None:
    """A job that failed has cost what its error tells, and all it had where that tells nothing."""
    budget = Budget(USD(10))

    async def work(_budget_usd: Decimal | None) -> Result:
        await anyio.lowlevel.checkpoint()
        raise error

    with pytest.raises(type(error), match=str(error)):
        await Purse(budget).pay(USD(2), work)
    assert (budget.spent_usd, budget.unknown_usd) == (spent, unknown)
    assert budget.reserved_usd == 0


@pytest.mark.anyio
async def test_leaving_goes_through() -> None:
    """A SystemExit is carried out of a task, which an event loop would not let by."""

    async def work(_budget_usd: Decimal | None) -> Result:
        await anyio.lowlevel.checkpoint()
        raise SystemExit(3)

    with pytest.raises(Exit) as caught:
        await Purse(None).pay(None, work)
    assert caught.value.error.code == 3


def test_bills_are_added() -> None:
    """Calls, tokens, money and notes of several jobs are those of one."""
    bill = joined_bill("a, b", [bill_of(result("1", failed="0.25")), bill_of(result("2"))])
    assert bill["model"] == "a, b"
    assert bill["cost_usd"] == 3
    assert bill["usage"] == Usage(input_tokens=20, output_tokens=4)
    assert bill["failed_cost_usd"] == USD("0.25")
    assert bill["notes"] == ("a note",)
    assert joined_bill("a", [bill_of(result(None)), bill_of(result())])["cost_usd"] is None


def test_errors_have_bills() -> None:
    """What an error carries was paid for; a time-out may have been."""
    assert bill_of_error("m", MissingKeyError("no key"))["cost_usd"] == 0
    assert bill_of_error("m", CallTimeoutError("late"))["unmeasured"] == 1
    refusal = RefusalError("no")
    assert bill_of_error("m", refusal)["failed_cost_usd"] == 0
    refused = exceeded()
    refused.calls = (record(),)
    assert bill_of_error("m", refused)["calls"] == (record(),)
    failed = JobError("some", calls=(record(),), unmeasured=2)
    assert bill_of_error("m", failed)["unmeasured"] == 2
    assert bill_of_error("m", failed)["failed_cost_usd"] == 0


def test_progress_is_that_of_all() -> None:
    """Calls of several jobs are counted on; without a listener nothing happens."""
    heard = list[Progress]()
    watcher = Watcher(heard.append, calls_at_most=4)
    for cost in ("1", None):
        call = record(cost)
        watcher.on_event(
            Progress(calls_done=1, calls_at_most=1, usage=call.usage, cost_usd=None, call=call)
        )
    assert [(each.calls_done, each.calls_at_most) for each in heard] == [(1, 4), (2, 4)]
    assert heard[1].usage.input_tokens == 20
    assert [each.cost_usd for each in heard] == [1, None]
    Watcher(None, calls_at_most=1).on_event(heard[0])


def test_plans_are_joined() -> None:
    """Levels of one kind become one, and the costs add up; each plan is a row of the table."""
    setting = Setting(max_concurrency=4)
    one = planned("x", MODEL, [exact_level("map", [10, 20], 5)], setting, document_tokens=30)
    other = planned(
        "x", MODEL, [exact_level("map", [40], 5), exact_level("merge", [7], 9)], setting
    )
    plan = joined_plan("both", "m", [("a", one), ("b", other)], setting, characters=9, tokens=30)
    assert [(level.operation, level.calls_at_most) for level in plan.levels] == [
        ("map", 3),
        ("merge", 1),
    ]
    assert plan.levels[0].input_tokens_at_least == 70
    assert plan.cost_usd_at_most == one.cost_usd_at_most + other.cost_usd_at_most  # type: ignore[operator]
    assert SeveralPlan.from_json(plan.to_json()) == plan
    lines = str(plan).splitlines()
    assert lines[1].split()[:4] == ["a", "2", "30", "10"]
    assert "cost: $" in str(plan)
    nameless = Model(id="n", context_window=100, max_output_tokens=10)
    free = planned("x", nameless, [exact_level("map", [1], 1)], setting)
    unknown = joined_plan("x", "n", [("n", free)], setting, characters=1, tokens=1)
    assert "unknown" in str(unknown)
