"""What an earlier run spent and brought counts for a later one, before it pays for anything."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from minikit import (
    AsyncClient,
    BudgetExceededError,
    CallTimeoutError,
    JobError,
    Model,
    Price,
    RateLimitError,
    Retry,
)
from minikit.calls.journal import Journal
from minikit.calls.replay import booked
from server import ChatServer, Reply, error, hang, held, ok, slow

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

DOLLAR = Model(
    id="dollar",
    context_window=4_000,
    max_output_tokens=100,
    price=Price(input_usd_per_mtok=0, output_usd_per_mtok=10_000),
)
"""A model of which 100 tokens of output cost 1 dollar, and input nothing."""
WHOLE = {"prompt_tokens": 10, "completion_tokens": 100}
SOON = Retry(attempts=2, wait_initial_s=0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal may be made."""
    return tmp_path / "calls.sqlite"


def client_of(server: ChatServer, **options: Any) -> AsyncClient:  # noqa: ANN401 - of AsyncClient
    """Make a client that asks the dollar model."""
    defaults = {"api_key": "sk-test", "base_url": server.base_url, "retry": SOON, "model": DOLLAR}
    return AsyncClient(**{**defaults, **options})


def note(
    path: Path,
    prompt: str,
    *,
    body: str | None = None,
    job: str | None = None,
    model: str = "dollar",
) -> None:
    """Leave in a journal what a process leaves that was killed in the middle of a call."""
    journal = Journal(path)
    amount = Decimal(1)
    row = journal.begin(
        prompt, run="killed", job=job, operation="o", model=model, reserved_usd=amount
    )
    if body is not None:
        journal.keep(row, body, request_id=None)
    journal.close()


async def test_what_was_in_flight_at_a_kill_is_set_aside_before_the_first_call(
    server: ChatServer, path: Path
) -> None:
    """Eight calls that may have cost a dollar each leave nothing of eight dollars."""
    for number in range(8):
        await anyio.to_thread.run_sync(partial(note, path, f"prompt {number}"))
    async with client_of(server, journal=path, budget_usd=8) as client:
        with pytest.raises(BudgetExceededError, match=r"up to \$8 went to calls whose cost"):
            await client.complete("Something else?")
        assert client.ledger.total.unmeasured == 8
    assert server.requests == []


async def test_what_was_in_flight_offline_cost_nothing(path: Path) -> None:
    """A kill in the middle of a call leaves no doubt where calls cost nothing."""
    for number in range(3):
        await anyio.to_thread.run_sync(partial(note, path, f"prompt {number}", model="offline"))
    async with AsyncClient(model="offline", journal=path, budget_usd="0.01") as client:
        await client.complete("Hello?")
        assert [entry.outcome for entry in client.ledger.entries][:3] == ["cancelled"] * 3
        assert client.ledger.total.unmeasured == 0
        assert client.ledger.total.cost_usd == 0


async def test_a_resumed_job_keeps_to_its_budget(server: ChatServer, path: Path) -> None:
    """What the parts that come later have cost counts before the first is asked again."""
    text = " ".join(f"The cat number {n} sat on the mat." for n in range(300))
    options: dict[str, Any] = {"chunk_tokens": 400, "budget_usd": "5.5", "length": 20}

    def first_run(body: dict[str, Any]) -> Reply:
        return error(503) if "part 1 of" in str(body) else whole()

    server.handler = first_run
    once = Retry(attempts=1)
    async with client_of(server, journal=path, retry=once, max_concurrency=3) as client:
        with pytest.raises((JobError, BudgetExceededError)):
            await client.summarize(text, **options)
    billed = client.ledger.total.cost_usd
    server.handler = lambda _body: whole()
    for _ in range(2):
        async with client_of(server, journal=path, retry=once) as client:
            before = len(server.requests)
            with pytest.raises(BudgetExceededError, match="was not sent"):
                await client.summarize(text, **options)
            billed += len(server.requests) - before
    assert 0 < billed <= Decimal("5.5")


def whole() -> Reply:
    """A reply that is billed a dollar."""
    return ok("The cats sat on mats.", usage=WHOLE)


async def test_spending_of_other_jobs_is_not_a_job_s(server: ChatServer, path: Path) -> None:
    """A job counts what it has spent itself; its client counts all that the journal knows."""
    await anyio.to_thread.run_sync(partial(note, path, "of another job", job="another"))
    server.handler = lambda _body: whole()
    async with client_of(server, journal=path) as client:
        summary = await client.summarize("The cat sat on the mat.", budget_usd=1, length=5)
        assert (summary.cost_usd, summary.unmeasured) == (Decimal(1), 0)
        assert client.ledger.total.unmeasured == 1


async def test_a_journal_that_cannot_be_read_is_read_again(path: Path, server: ChatServer) -> None:
    """What was booked before the trouble is not booked twice."""
    for number in range(3):
        await anyio.to_thread.run_sync(partial(note, path, f"prompt {number}"))
    async with client_of(server, journal=path) as client:
        account = client._pipeline.account
        account._last = (await anyio.to_thread.run_sync(_spent, path))[-1].id
        await client.complete("Hello?")
        assert client.ledger.total.unmeasured == 0
        await anyio.to_thread.run_sync(account.carry, Journal(path), DOLLAR)  # does nothing
        assert len(client.ledger.entries) == 1


def _spent(path: Path) -> list[Any]:
    journal = Journal(path)
    try:
        return list(journal.spent())
    finally:
        journal.close()


async def test_a_reply_that_was_never_settled_is_priced_by_what_it_tells(path: Path) -> None:
    """With its usage it has a price; without, or of a model that is not known, it has none."""
    message = {"message": {"content": "Fine."}, "finish_reason": "stop"}
    told = json.dumps({"choices": [message], "usage": {**WHOLE, "prompt_tokens": 1000}})
    untold = json.dumps({"choices": [message]})
    for model, body in (
        ("dollar", told),
        ("gpt-4o-mini", told),
        ("other", told),
        ("dollar", untold),
    ):
        await anyio.to_thread.run_sync(partial(note, path, "p", body=body, model=model))
    attempts = await anyio.to_thread.run_sync(_spent, path)
    work = partial(map, lambda attempt: booked(attempt, DOLLAR).cost_usd, attempts)
    costs = await anyio.to_thread.run_sync(lambda: list(work()))
    assert costs == [1, Decimal("0.00021"), None, None]
    usages = await anyio.to_thread.run_sync(lambda: [booked(a, DOLLAR).usage for a in attempts])
    assert [usage and usage.input_tokens for usage in usages] == [1000, 1000, 1000, None]


async def test_a_reply_that_came_while_a_call_waited_is_not_paid_for_again(
    server: ChatServer, path: Path
) -> None:
    """Equal calls that wait for their place, plain and streamed, find the reply in the journal."""
    server.script([slow(0.2, ok("Fine."))])
    told: list[str] = []
    replayed: list[bool] = []
    async with client_of(server, journal=path, max_concurrency=1) as client:

        async def ask() -> None:
            completion = await client.complete("Hello?")
            told.append(completion.text)
            replayed.append(completion.replayed)

        async def read() -> None:
            async with client.stream("Hello?") as stream:
                told.append("".join([text async for text in stream]))
            replayed.append(stream.completion.replayed)

        async with anyio.create_task_group() as group:
            for work in (ask, read, ask, read):
                group.start_soon(work)
    assert told == ["Fine."] * 4
    assert (sorted(replayed), len(server.requests)) == ([False, True, True, True], 1)


async def test_the_last_failure_is_the_cause_where_there_is_no_money_for_another(
    server: ChatServer,
) -> None:
    """Who sees that the budget is spent sees what it was spent on."""
    server.script([hang()])
    async with client_of(server, budget_usd="1.5", timeout_s=0.1) as client:
        with pytest.raises(BudgetExceededError, match="was not sent") as raised:
            await client.complete("Hello?")
    assert isinstance(raised.value.__cause__, CallTimeoutError)


async def test_a_call_within_a_stream_that_holds_the_money_ends(server: ChatServer) -> None:
    """Money that only the waiting caller could give back is not waited for without end."""
    server.script([held(_never(), ok("Fine."), after=2)])
    impatient = Retry(attempts=2, wait_initial_s=0.0, timeout_s=0.1)
    async with (
        client_of(server, budget_usd="1.5", retry=impatient) as client,
        client.stream("Hello?"),
    ):
        with pytest.raises(BudgetExceededError, match="was not sent"):
            await client.complete("And?")


async def test_a_call_within_a_stream_that_holds_the_only_place_ends(server: ChatServer) -> None:
    """After a 429 a stream that is not read keeps others waiting, and not for ever."""
    limited = error(429, code="rate_limit_exceeded", headers={"retry-after-ms": "1"})
    server.script([limited, held(_never(), ok("Fine."), after=2)])
    impatient = Retry(attempts=3, wait_initial_s=0.0, timeout_s=0.1)
    async with client_of(server, retry=impatient) as client, client.stream("Hello?"):
        with pytest.raises(RateLimitError, match="no call in flight has ended"):
            await client.complete("And?")


def _never() -> Any:  # noqa: ANN401 - an event
    import threading

    return threading.Event()


async def test_a_child_of_fork_leaves_the_calls_in_flight_to_its_parent(
    server: ChatServer,
) -> None:
    """Money that the parent has reserved is gone for the child, which waits for none of it."""
    server.script([ok("Fine.", usage=WHOLE), ok("Fine.", usage=WHOLE)])
    async with client_of(server, budget_usd="2.5") as client:
        await client.complete("Hello?")
        pipeline = client._pipeline
        budget = pipeline.account.budget
        assert budget
        assert budget.reserve(Decimal("0.5")) is not None
        pipeline._connections._pid = 0  # as if this were another process
        await client.complete("And?")
        assert (budget.reserved_usd, budget.unknown_usd) == (Decimal(0), Decimal("0.5"))
    async with client_of(server) as client:
        client._pipeline._connections._pid = 0
        assert (await client.complete("Hello?")).text
