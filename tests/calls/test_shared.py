"""How calls pass limits that several clients keep together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from minikit import (
    ArgumentError,
    AsyncClient,
    BudgetExceededError,
    CallError,
    Client,
    ClosedError,
    LocalLimits,
    Model,
    RateLimit,
    RateLimitError,
    Retry,
    SharedLimitsError,
    Standing,
    UnknownPriceError,
)
from server import ChatServer, error, hang, held, ok

if TYPE_CHECKING:
    from minikit import Asked

SOON = Retry(wait_initial_s=0.0)
WORST_USD = Decimal("0.00006135")
"""Of a call with 9 tokens in and 100 out, at the prices of gpt-4o-mini."""


def client_of(server: ChatServer, share: Any, **options: Any) -> AsyncClient:  # noqa: ANN401
    """Make a client of `server` that retries without waiting."""
    known = {"api_key": "sk-test", "base_url": server.base_url, "retry": SOON}
    return AsyncClient(share=share, **{**known, **options})


class Scripted:
    """Shared limits that answer as a test tells them to, and note what they are asked."""

    has_budget = True
    blocks = True

    def __init__(self, *answers: float | BaseException | None) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []
        self.settled: list[tuple[str, Decimal | None, bool, bool]] = []
        self.broken = False

    def admit(self, asked: Asked) -> float | None:
        """Give the next answer, and 0 when they are used up."""
        self.asked.append(asked)
        answer = self.answers.pop(0) if self.answers else 0.0
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def settle(
        self,
        ident: str,
        cost_usd: Decimal | None,
        *,
        at_least: bool = False,
        unsent: bool = False,
    ) -> None:
        """Note it."""
        if self.broken:
            raise SharedLimitsError("nobody answers")
        self.settled.append((ident, cost_usd, at_least, unsent))

    def carry(self, key: str, spent_usd: Decimal, unknown_usd: Decimal) -> None:
        """Do nothing."""

    def stop(self, run: str) -> None:
        """Do nothing."""

    def standing(self) -> Standing:
        """Say that little is left."""
        return Standing(
            budget_usd=Decimal("0.5"),
            spent_usd=Decimal("0.1"),
            reserved_usd=Decimal("0.3"),
            unknown_usd=Decimal(0),
        )


@pytest.mark.anyio
async def test_clients_share_one_budget(server: ChatServer) -> None:
    """Two clients at once spend no more than there is, as the server's own bill says."""
    share = LocalLimits(budget_usd="0.0005")
    refused = 0

    async def ask(client: AsyncClient, number: int) -> None:
        nonlocal refused
        try:
            await client.complete(f"Question {number}?", max_output_tokens=100)
        except BudgetExceededError:
            refused += 1

    async with client_of(server, share) as one, client_of(server, share) as two:
        async with anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(ask, (one, two)[number % 2], number)
        standing = share.standing()
        total = one.ledger.total.cost_usd + two.ledger.total.cost_usd
    assert refused == 40 - len(server.requests)
    assert 0 < standing.spent_usd == total <= Decimal("0.0005")
    assert (standing.reserved_usd, standing.unknown_usd) == (Decimal(0), Decimal(0))


def test_clients_in_threads_share_one_budget(server: ChatServer) -> None:
    """Blocking clients, each with a loop of its own, wait for money that others give back."""
    share = LocalLimits(budget_usd="0.0001")
    both = threading.Barrier(2)

    def ask(number: int) -> int:
        with Client(api_key="sk-test", base_url=server.base_url, share=share) as client:
            both.wait(10)
            return len(client.complete(f"Question {number}?", max_output_tokens=100).text)

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(ask, range(2)))
    assert len(server.requests) == 2
    assert share.standing().reserved_usd == 0


@pytest.mark.anyio
async def test_what_a_call_asks_for_and_settles(server: ChatServer) -> None:
    """A call asks for the most it can cost and for its tokens, and settles what it did cost."""
    share = Scripted()
    async with client_of(server, share) as client:
        reply = await client.complete("Hello?", max_output_tokens=100)
    (asked,) = share.asked
    assert (asked.requests, asked.tokens) == (1, 100)
    assert asked.amount_usd == WORST_USD
    assert asked.lane.startswith("gpt-4o-mini http://127.0.0.1")
    assert asked.lease_s > 60
    assert share.settled == [(asked.ident, reply.cost_usd, False, False)]


@pytest.mark.anyio
async def test_each_attempt_asks_anew(server: ChatServer) -> None:
    """A refused attempt gives its money back, one without a reply counts as unknown."""
    server.script([error(500), ok("Fine.")])
    share = Scripted()
    async with client_of(server, share) as client:
        await client.complete("Hello?")
    first, second = share.asked
    assert first.ident != second.ident
    assert [(ident, cost == 0) for ident, cost, _, _ in share.settled] == [
        (first.ident, True),
        (second.ident, False),
    ]


@pytest.mark.anyio
async def test_a_broken_stream_may_have_cost_more(server: ChatServer) -> None:
    """What a stream left open has brought is settled as the least that it cost."""
    share = Scripted()
    gate = threading.Event()
    server.script([held(gate, ok("One two three. " * 40), after=6)])
    async with client_of(server, share) as client:
        async with client.stream("Hello?") as stream:
            async for _ in stream:
                break
        gate.set()
    ((_, cost_usd, at_least, unsent),) = share.settled
    assert cost_usd
    assert at_least
    assert not unsent


@pytest.mark.anyio
async def test_a_call_waits_for_its_turn(server: ChatServer) -> None:
    """The wait that the limits tell is kept, and is not part of the call's own time."""
    share = Scripted(None, 0.05)
    async with client_of(server, share) as client:
        reply = await client.complete("Hello?")
    assert len(share.asked) == 2
    assert share.asked[0].ident == share.asked[1].ident
    assert reply.text


@pytest.mark.anyio
async def test_too_long_a_wait_is_an_error_and_gives_the_turn_back(server: ChatServer) -> None:
    """A turn that comes too late is not waited for."""
    share = Scripted(61.0)
    async with client_of(server, share, retry=Retry(attempts=1, timeout_s=60)) as client:
        with pytest.raises(RateLimitError, match="allows the next request in 61 s only") as info:
            await client.complete("Hello?")
    assert info.value.retry_after_s == 61.0
    assert [(cost, unsent) for _, cost, _, unsent in share.settled] == [(Decimal(0), True)]
    assert not server.requests


@pytest.mark.anyio
async def test_money_that_does_not_come_back_is_refused(server: ChatServer) -> None:
    """Whoever waits too long for money of calls in flight is told what stands against it."""
    share = Scripted(*[None] * 9)
    async with client_of(server, share, retry=Retry(timeout_s=0.1)) as client:
        with pytest.raises(BudgetExceededError, match=r"of the budget of \$0\.5, \$0\.1 is spent"):
            await client.complete("Hello?")
    assert [unsent for *_, unsent in share.settled] == [True]


@pytest.mark.anyio
async def test_limits_that_come_back_are_asked_again(server: ChatServer) -> None:
    """A host that is away for a moment fails no call."""
    share = Scripted(SharedLimitsError("nobody answers"))
    async with client_of(server, share) as client:
        assert (await client.complete("Hello?")).text
    assert len(server.requests) == 1


@pytest.mark.anyio
async def test_limits_that_stay_away_fail_the_call_unsent(server: ChatServer) -> None:
    """Without the limits nothing is sent, and the error is a CallError of its own class."""
    share = Scripted(*[SharedLimitsError("nobody answers") for _ in range(9)])
    share.broken = True
    async with client_of(server, share) as client:
        with (
            pytest.warns(RuntimeWarning, match="could not be told to the shared limits"),
            pytest.raises(CallError, match="nobody answers") as info,
        ):
            await client.complete("Hello?")
    assert isinstance(info.value, SharedLimitsError)
    assert not server.requests


@pytest.mark.anyio
async def test_a_cost_that_cannot_be_told_fails_no_call(server: ChatServer) -> None:
    """A reply is worth more than its note: its lease ends, and it counts as unknown."""
    share = Scripted()
    share.broken = True
    async with client_of(server, share) as client:
        with pytest.warns(RuntimeWarning, match="nobody answers"):
            assert (await client.complete("Hello?")).text


@pytest.mark.anyio
async def test_cancellation_leaves_nothing_reserved(server: ChatServer) -> None:
    """Who leaves the line gives back its turn; who leaves a call in flight counts as unknown."""
    share = LocalLimits(budget_usd="1", rate_limit=RateLimit(requests_per_minute=1))
    server.script([hang()])
    async with (
        client_of(server, share, retry=Retry(timeout_s=600)) as client,
        anyio.create_task_group() as group,
    ):
        group.start_soon(client.complete, "Sent.")
        await anyio.to_thread.run_sync(lambda: server.wait_for(in_flight=1))
        group.start_soon(client.complete, "Waits for a minute.")
        await anyio.wait_all_tasks_blocked()
        in_line = share.standing()
        group.cancel_scope.cancel()
    standing = share.standing()
    assert standing.reserved_usd == 0
    assert 0 < standing.unknown_usd < in_line.reserved_usd


@pytest.mark.anyio
async def test_a_stopped_run_sends_nothing_more(server: ChatServer) -> None:
    """After `stop` the client's calls fail before they are sent."""
    share = LocalLimits()
    async with client_of(server, share) as client:
        share.stop(client._pipeline.run)
        with pytest.raises(ClosedError, match="was stopped"):
            await client.complete("Hello?")
    assert not server.requests


@pytest.mark.anyio
async def test_a_shared_budget_needs_a_price(server: ChatServer) -> None:
    """Where money is limited a model without a price is refused; else it is not."""
    model = Model(id="mine", context_window=1_000, max_output_tokens=100)
    async with client_of(server, LocalLimits(budget_usd="1"), model=model) as client:
        with pytest.raises(UnknownPriceError, match="no price is known for 'mine'"):
            await client.complete("Hello?")
    async with client_of(server, LocalLimits(), model=model) as client:
        assert (await client.complete("Hello?")).text


def test_what_is_no_shared_limits_is_refused() -> None:
    """The argument is checked when the client is made."""
    with pytest.raises(ArgumentError, match=r"share is a LocalLimits\(\.\.\.\), .* not str"):
        AsyncClient(share="redis://127.0.0.1")  # type: ignore[arg-type] # on purpose
