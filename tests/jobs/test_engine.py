"""What every call of a job goes through: what came is recorded, whatever comes of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from minikit import (
    BudgetExceededError,
    JobError,
    JournalError,
    Model,
    Progress,
    RefusalError,
    Result,
    Retry,
    ServerError,
    Span,
)
from minikit.calls.budget import Budget
from minikit.calls.pipeline import Pipeline
from minikit.calls.request import Request
from minikit.calls.schema import Schema
from minikit.calls.structured import Forms
from minikit.jobs.engine import Engine, Exit, Kept
from minikit.jobs.result import Place
from minikit.jobs.verb import CheckedOptions, Job, Setting, exact_level, planned
from server import ChatServer, error, ok

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = Model.resolve("gpt-4o-mini")
NUMBERS = Schema[list[int]].of(list[int])
PLACE = Place(operation="map", level=0, span=Span(0, 10))
PLAN = planned("ask", MODEL, [exact_level("map", [10], 50)], Setting(max_concurrency=2))
REQUEST = Request.of("Say it.", model=MODEL, max_output_tokens=50)


def pipeline_of(server: ChatServer, budget: Budget | None = None) -> Pipeline:
    """Return what sends to a server, each request once."""
    return Pipeline(
        api_key="k",
        base_url=server.base_url,
        openai_client=None,
        retry=Retry(attempts=1),
        max_concurrency=2,
        timeout_s=None,
        budget=budget,
    )


def engine_of(
    pipeline: Pipeline,
    on_event: Callable[[Progress], None] | None = None,
    budget_usd: str | None = None,
) -> Engine:
    """Return an engine of a job of one call."""
    options = CheckedOptions(on_event=on_event, budget_usd=budget_usd)
    return Job(model=MODEL, plan=PLAN, digest="d").engine(pipeline, options)


@pytest.mark.anyio
async def test_a_reply_is_recorded_and_told(server: ChatServer) -> None:
    """The bill holds the place and the figures of a call, and the ledger names the verb."""
    told = list[Progress]()
    pipeline = pipeline_of(server)
    engine = engine_of(pipeline, told.append)
    assert engine.max_concurrency == 2
    completion = await engine.send(REQUEST, PLACE)
    await pipeline.aclose()
    bill = engine.bill()
    (call,) = bill["calls"]
    assert (call.operation, call.span, call.usage) == ("map", PLACE.span, completion.usage)
    assert bill["cost_usd"] == completion.cost_usd == call.cost_usd
    assert not bill["failed_cost_usd"]
    assert not bill["unmeasured"]
    assert not bill["notes"]
    assert [each.call for each in told] == [call]
    assert [entry.operation for entry in pipeline.account.ledger.entries] == ["ask.map"]


@pytest.mark.anyio
async def test_a_refusal_is_paid_for_and_recorded(server: ChatServer) -> None:
    """A refusal is raised, and what it cost stands in the bill."""
    server.script([ok(None, message={"refusal": "I will not."})])
    pipeline = pipeline_of(server)
    engine = engine_of(pipeline)
    with pytest.raises(RefusalError, match="refused to answer"):
        await engine.send(REQUEST, PLACE)
    await pipeline.aclose()
    assert len(engine.bill()["calls"]) == 1
    assert engine.bill()["cost_usd"] == pipeline.account.ledger.total.cost_usd


@pytest.mark.anyio
async def test_a_filter_brings_nothing_to_record(server: ChatServer) -> None:
    """A prompt that is refused before it is read costs nothing."""
    server.script([error(400, code="content_filter", message="Filtered.")])
    pipeline = pipeline_of(server)
    engine = engine_of(pipeline)
    with pytest.raises(RefusalError, match="Filtered"):
        await engine.send(REQUEST, PLACE)
    await pipeline.aclose()
    assert engine.bill()["calls"] == ()


@pytest.mark.anyio
async def test_corrections_are_recorded_as_redone(server: ChatServer) -> None:
    """Each reply that a value takes is recorded, those after the first as made again."""
    server.script([ok('{"value": ["two"]}'), ok('{"value": [2]}')])
    pipeline = pipeline_of(server)
    engine = engine_of(pipeline)
    reply = await engine.fill(NUMBERS, REQUEST, PLACE, forms=Forms())
    await pipeline.aclose()
    assert reply.parsed == [2]
    assert [call.redone for call in engine.bill()["calls"]] == [False, True]


@pytest.mark.anyio
async def test_what_listens_may_leave_the_program(server: ChatServer) -> None:
    """A SystemExit of a listener is carried out of the task, and the call is on the bill."""

    def leave(_progress: Progress) -> None:
        raise SystemExit(7)

    pipeline = pipeline_of(server)
    engine = engine_of(pipeline, leave)
    with pytest.raises(Exit) as left:
        await engine.send(REQUEST, PLACE)
    await pipeline.aclose()
    assert left.value.error.code == 7
    assert len(engine.bill()["calls"]) == 1


@pytest.mark.anyio
async def test_a_job_that_fails_carries_its_bill(server: ChatServer) -> None:
    """The error of a job has the calls, their cost, and the result so far."""
    server.script([ok("Fine."), error(500)])
    pipeline = pipeline_of(server)
    engine = engine_of(pipeline)
    await engine.send(REQUEST, PLACE)
    with pytest.raises(ServerError, match="500") as failure:
        await engine.send(REQUEST, replace(PLACE, redone=True))
    await pipeline.aclose()
    result = Result(**engine.bill())
    failed = engine.failed("it stopped", errors=(failure.value,), result=result)
    assert isinstance(failed, JobError)
    assert failed.result is result
    assert (failed.calls, failed.usage, failed.cost_usd) == (
        result.calls,
        result.usage,
        result.cost_usd,
    )
    assert Result.from_json(result.to_json()) == result
    assert result.redone_cost_usd == 0


async def nothing() -> Kept:
    """Have brought nothing."""
    return Kept(told="")


@pytest.mark.anyio
async def test_a_job_that_stops_keeps_what_it_brought(server: ChatServer) -> None:
    """The error has what was brought, the calls that failed before, and how much is kept."""
    pipeline = pipeline_of(server)
    engine = engine_of(pipeline)
    await engine.send(REQUEST, PLACE)
    await pipeline.aclose()
    result, early, last = Result(**engine.bill()), ServerError("early"), ServerError("last")

    async def kept() -> Kept:
        return Kept(told="1 of 2 parts is kept in .result", result=result)

    with pytest.raises(
        JobError, match=r"^2 calls failed for good, 1 of 2 parts is kept in .result; .*: early$"
    ) as failed:
        async with engine.keeping(kept, lambda: [early, last]):
            raise last
    assert failed.value.result is result
    assert failed.value.errors == (early, last)
    assert failed.value.calls == result.calls
    assert failed.value.__cause__ is last
    with pytest.raises(JobError, match=r"^the job had to stop, 1 of 2 .*: no room$"):
        async with engine.keeping(kept):
            raise JournalError("no room")
    with pytest.raises(JobError, match=r"^nothing was read; 1 of 2 parts is kept in .result$"):
        async with engine.keeping(kept):
            raise RefusalError("nothing was read")


@pytest.mark.anyio
async def test_a_job_that_runs_out_of_money_keeps_what_it_brought(server: ChatServer) -> None:
    """The error of the budget has the calls, and what they brought."""
    pipeline = pipeline_of(server)
    engine = engine_of(pipeline)
    await engine.send(REQUEST, PLACE)
    await pipeline.aclose()
    spent = Budget(Decimal(1)).refusal(Decimal(2))
    with pytest.raises(BudgetExceededError, match="budget") as exceeded:
        async with engine.keeping(nothing):
            raise spent
    assert exceeded.value is spent
    assert (spent.calls, spent.result) == (engine.bill()["calls"], None)


@pytest.mark.anyio
async def test_what_is_refused_whole_carries_its_bill(server: ChatServer) -> None:
    """An error that stands for many calls has what all of them took; that of one has its own."""
    server.script([ok(None, message={"refusal": "I will not."})] * 2)
    pipeline = pipeline_of(server)
    engine = engine_of(pipeline)
    own: RefusalError | None = None
    for _ in range(2):
        with pytest.raises(RefusalError, match="refused to answer") as refused:
            await engine.send(REQUEST, PLACE)
        own = refused.value
    await pipeline.aclose()
    with pytest.raises(RefusalError, match="no part") as whole:
        async with engine.keeping(nothing):
            raise RefusalError("no part could be read")
    assert whole.value.completion is not None
    assert whole.value.completion.cost_usd == pipeline.account.ledger.total.cost_usd
    assert whole.value.completion.usage == engine.bill()["usage"]
    assert own is not None
    single = own.completion
    with pytest.raises(RefusalError, match="refused to answer"):
        async with engine.keeping(nothing):
            raise own
    assert own.completion is single


@pytest.mark.anyio
async def test_what_fails_before_all_is_raised_as_it_is(server: ChatServer) -> None:
    """Where there was no reply at all, there is no bill to carry."""
    engine = engine_of(pipeline_of(server))
    with pytest.raises(ServerError, match="down") as failed:
        async with engine.keeping(nothing):
            raise ServerError("down")
    assert failed.value.completion is None
    with pytest.raises(JournalError, match="damaged"):
        async with engine.keeping(nothing):
            raise JournalError("damaged")


@pytest.mark.parametrize("whose", ["client", "job"])
def test_a_plan_that_no_budget_can_pay_is_not_begun(server: ChatServer, whose: str) -> None:
    """The budget of the job and that of the client are held against the plan before all."""
    budget = Budget(Decimal("0.0000001")) if whose == "client" else None
    with pytest.raises(BudgetExceededError, match=r"at least, more than the budget of \$0.0000001"):
        engine_of(pipeline_of(server, budget), budget_usd=None if budget else "0.0000001")
    assert server.requests == []


@pytest.mark.parametrize("whose", ["client", "job"])
def test_a_budget_that_may_be_enough_is_tried(server: ChatServer, whose: str) -> None:
    """What a plan may cost at most is no reason to refuse it."""
    budget = Budget(Decimal("0.00001")) if whose == "client" else None
    engine = engine_of(pipeline_of(server, budget), budget_usd=None if budget else "0.00001")
    assert engine.bill()["cost_usd"] == 0
