"""Calls that travel in batches, and a budget that several clients keep together."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import anyio
import pytest

from batch_calls import QUICK, ask, client_of, echoes, lanes, request_of, said, until
from batches import BatchServer
from minikit import Asked, LocalLimits
from minikit.calls.batching.settings import Batch

if TYPE_CHECKING:
    from pathlib import Path

    from minikit.calls.pipeline import Pipeline

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:without a journal:UserWarning"),
]

PATIENT = Batch(gather_s=60, poll_s=0.001)


async def interrupted(server: BatchServer, pipeline: Pipeline) -> None:
    """Ask, and be cancelled while the batch is at the server."""
    server.manual = True
    async with anyio.create_task_group() as group:
        group.start_soon(ask, pipeline, ["a"])
        await until(lambda: server.count("retrieve"))
        group.cancel_scope.cancel()
    server.manual = False


async def test_a_call_that_is_cancelled_before_it_is_sent(batches: BatchServer) -> None:
    """It gives back what it had of the shared budget."""
    limits = LocalLimits(budget_usd="1")
    async with client_of(batches, share=limits) as client:
        pipeline = client._pipeline.through(PATIENT)
        async with anyio.create_task_group() as group:
            group.start_soon(pipeline.send, request_of("a"))
            await until(lambda: any(one._open_flight().waiting for one in lanes(pipeline)))
            assert limits.standing().reserved_usd > 0
            group.cancel_scope.cancel()
    standing = limits.standing()
    assert standing.reserved_usd == standing.unknown_usd == standing.spent_usd == 0
    assert not batches.batches


async def test_a_batch_that_is_left_to_itself(batches: BatchServer, path: Path) -> None:
    """What it can cost stays set aside, and what it did cost is told by whoever takes it over."""
    limits = LocalLimits(budget_usd="1")
    async with client_of(batches, share=limits, journal=path) as client:
        pipeline = client._pipeline.through(QUICK)
        await interrupted(batches, pipeline)
        left = limits.standing()
        assert left.unknown_usd > left.reserved_usd == left.spent_usd == 0
        assert said(await ask(pipeline, ["a"])) == echoes(["a"])
    assert limits.standing().spent_usd == batches.billed_usd > 0
    assert len(batches.batches) == 1


async def test_a_call_that_is_cancelled_as_it_takes_a_batch_over(
    batches: BatchServer, path: Path
) -> None:
    """While it waits for the shared budget nothing has changed for the batch, nor for its cost."""
    limits = LocalLimits(budget_usd="1")
    async with client_of(batches, share=limits, journal=path, budget_usd="1") as client:
        pipeline = client._pipeline.through(QUICK)
        budget = pipeline.account.budget
        assert budget
        await interrupted(batches, pipeline)
        unknown_usd = budget.unknown_usd
        assert unknown_usd > 0
        rest = Asked(
            run="another",
            amount_usd=1 - limits.standing().unknown_usd,
            lane="another",
            requests=0,
            tokens=0,
            lease_s=600,
        )
        assert limits.admit(rest) == 0
        async with anyio.create_task_group() as group:
            group.start_soon(ask, pipeline, ["a"])
            await until(lambda: budget.reserved_usd)
            assert budget.unknown_usd == 0
            group.cancel_scope.cancel()
        assert (budget.unknown_usd, budget.reserved_usd) == (unknown_usd, Decimal(0))
        limits.settle(rest.ident, Decimal(0), unsent=True)
        assert said(await ask(pipeline, ["a"])) == echoes(["a"])
        assert client.ledger.total.cost_usd == budget.spent_usd == batches.billed_usd
        assert budget.unknown_usd == 0
    assert len(batches.batches) == 1
