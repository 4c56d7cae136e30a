"""What is spent: budgets hold whatever happens, and the ledger says what the server billed."""

from __future__ import annotations

import importlib
import json
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

import anyio
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit import (
    ArgumentError,
    AsyncClient,
    BudgetExceededError,
    CallError,
    Client,
    Model,
    Price,
    Progress,
    Retry,
    UnknownPriceError,
    Usage,
)
from minikit.calls.request import Request
from minikit.models.prices import cost_usd
from server import (
    ChatServer,
    Reply,
    cut_to,
    error,
    exact_usage,
    extract,
    held,
    ok,
    output_limit,
    raw,
    reset,
    slow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from minikit.calls.budget import Budget
    from minikit.calls.hooks import Event

MODEL = Model(
    id="small",
    context_window=3_000,
    max_output_tokens=1_000,
    price=Price(input_usd_per_mtok=3, output_usd_per_mtok=5),
)
"""A model whose window a short test text overflows."""

UNPRICED = Model(id="unpriced", context_window=3_000, max_output_tokens=1_000)
MINI = Model.resolve("gpt-4o-mini")
SOON = Retry(attempts=4, wait_initial_s=0.0)
ONCE = Retry(attempts=1)
NOTHING = Decimal(0)


def client_of(server: ChatServer, **options: Any) -> AsyncClient:  # noqa: ANN401 - of AsyncClient
    """Make a client of `server` that retries without waiting."""
    return AsyncClient(
        **{"api_key": "sk-test", "base_url": server.base_url, "retry": SOON, **options}
    )


def budget_of(client: AsyncClient) -> Budget:
    """Return the budget of a client that has one."""
    budget = client._pipeline.account.budget
    assert budget is not None
    return budget


def worst(prompt: str, **options: Any) -> Decimal:  # noqa: ANN401 - fields of Request
    """Return what is reserved for a request to gpt-4o-mini."""
    request = Request.of(prompt, **{"model": MINI, **options})
    amount = request.worst_usd(request.count_input_tokens())
    assert amount is not None
    return amount


@dataclass(slots=True)
class Till:
    """Answers a server's requests, and adds up what they are billed."""

    kinds: Iterator[str] | Random
    told: Decimal = NOTHING
    untold: Decimal = NOTHING
    counts: Counter[str] = field(default_factory=Counter[str])
    lock: threading.Lock = field(default_factory=threading.Lock)

    TOLD = ("ok", "cut", "refused", "empty")
    """A client hears what these were billed."""
    UNTOLD = ("reset", "broken", "html")
    """And what these were, only the server knows."""
    FREE = ("500", "429", "400")

    def answer(self, body: dict[str, Any]) -> Reply:
        """Choose a reply and note what it costs."""
        with self.lock:
            kind = self._next()
            length = len(body["messages"][-1]["content"]) * 7919 % 100
            text, _ = cut_to("word " * length + "end", output_limit(body) or 1000)
            if kind in ("refused", "empty"):
                text = ""
            self.counts[kind] += 1
            self._bill(kind, body, text)
        return self._reply(kind, text)

    def _next(self) -> str:
        if isinstance(self.kinds, Random):
            common = ["ok"] * 12
            return self.kinds.choice([*common, *self.TOLD, *self.UNTOLD, *self.FREE])
        return next(self.kinds, "ok")

    def _bill(self, kind: str, body: dict[str, Any], text: str) -> None:
        usage = exact_usage(body, text)
        billed = cost_usd(
            MINI,
            Usage(input_tokens=usage["prompt_tokens"], output_tokens=usage["completion_tokens"]),
        )
        assert billed
        if kind in self.TOLD:
            self.told += billed
        elif kind in self.UNTOLD:
            self.untold += billed

    def _reply(self, kind: str, text: str) -> Reply:
        return {
            "ok": slow(0.002, ok(text)),
            "cut": ok(text, finish_reason="length"),
            "refused": ok(None, message={"refusal": "I cannot."}),
            "empty": ok(""),
            "reset": reset(50, within=ok(text)),
            "broken": raw(200, "application/json", b'{"choices": [{"mes'),
            "html": raw(200, "text/html", b"<html>Welcome</html>"),
            "500": error(500),
            "429": error(429, headers={"retry-after-ms": "1"}),
            "400": error(400),
        }[kind]


async def ask_many(client: AsyncClient, prompts: list[str], limit: int) -> Counter[str]:
    """Ask all at once; return how many ended how."""
    ends: Counter[str] = Counter()

    async def ask(prompt: str) -> None:
        try:
            await client.complete(prompt, max_output_tokens=limit)
            ends["reply"] += 1
        except (CallError, BudgetExceededError) as failure:
            ends[type(failure).__name__] += 1

    async with anyio.create_task_group() as group:
        for prompt in prompts:
            group.start_soon(ask, prompt)
    return ends


def assert_bill(client: AsyncClient, server: ChatServer, till: Till) -> None:
    """Check the books of a client, all of whose calls are over, against the till's."""
    budget, total = budget_of(client), client.ledger.total
    assert till.told + till.untold <= budget.limit_usd
    assert budget.spent_usd + budget.unknown_usd <= budget.limit_usd
    assert budget.reserved_usd == 0
    assert total.cost_usd == budget.spent_usd == till.told
    assert total.unmeasured == sum(till.counts[kind] for kind in till.UNTOLD)
    assert budget.unknown_usd >= till.untold
    assert total.entries == len(server.requests) == till.counts.total()


@pytest.mark.anyio
@pytest.mark.parametrize("limit_usd", ["0.0004", "0.002", "0.05"])
async def test_budget_holds_with_many_calls_in_flight(server: ChatServer, limit_usd: str) -> None:
    """What the server bills never passes the budget, and the ledger has it to the last digit."""
    till = Till(Random(limit_usd))  # noqa: S311 - test data
    server.handler = till.answer
    prompts = [f"Question {number} {'of many ' * (number % 9)}?" for number in range(100)]
    async with client_of(server, max_concurrency=64, budget_usd=limit_usd) as client:
        ends = await ask_many(client, prompts, 60)
        assert_bill(client, server, till)
    assert ends.total() == 100
    assert ends["reply"] >= till.counts["ok"] > 0
    assert bool(ends["BudgetExceededError"]) == (limit_usd != "0.05")


_KINDS = st.sampled_from([*Till.TOLD, *Till.UNTOLD, *Till.FREE, "ok", "ok"])


@given(
    backend=st.sampled_from(["asyncio", "trio"]),
    budget=st.decimals(0, Decimal("0.0008"), places=7, allow_nan=False),
    kinds=st.lists(_KINDS, max_size=25),
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=16),
    limit=st.integers(1, 80),
)
@settings(max_examples=25, deadline=None)
def test_no_script_passes_the_budget(
    backend: str, budget: Decimal, kinds: list[str], lengths: list[int], limit: int
) -> None:
    """Whatever the server does, what it bills stays within the budget and in the books."""

    async def main(server: ChatServer) -> None:
        async with client_of(server, max_concurrency=8, budget_usd=budget) as client:
            await ask_many(client, ["Why? " * length for length in lengths], limit)
            assert_bill(client, server, till)

    till = Till(iter(kinds))
    with ChatServer(handler=till.answer) as server:
        anyio.run(main, server, backend=backend)


@pytest.mark.anyio
async def test_budget_is_checked_before_sending(server: ChatServer) -> None:
    """A call that could pass the budget is not sent, and the error says what was missing."""
    needed = worst("Hello?", max_output_tokens=100)
    limit = needed - Decimal("1e-9")
    async with client_of(server, budget_usd=limit) as client:
        with pytest.raises(BudgetExceededError, match="was not sent: raise the budget") as raised:
            await client.complete("Hello?", max_output_tokens=100)
        assert (await client.complete("Hello?", max_output_tokens=99)).text
    assert (raised.value.limit_usd, raised.value.needed_usd) == (limit, needed)
    assert raised.value.spent_usd == raised.value.unknown_usd == 0
    assert len(server.requests) == len(client.ledger.entries) == 1


@pytest.mark.anyio
async def test_exact_budget_is_enough(server: ChatServer) -> None:
    """A call whose worst case is the whole budget is sent."""
    needed = worst("Hello?", max_output_tokens=100)
    async with client_of(server, budget_usd=needed) as client:
        assert (await client.complete("Hello?", max_output_tokens=100)).text


@pytest.mark.anyio
async def test_budget_of_nothing(server: ChatServer) -> None:
    """Nothing may be spent, and the offline model costs nothing."""
    async with client_of(server, budget_usd=0) as client:
        with pytest.raises(BudgetExceededError, match="the budget of"):
            await client.complete("Hello?")
        completion = await client.complete("The cat sat on the mat.", model="offline")
        assert completion.cost_usd == 0
    assert server.requests == []
    assert [each.cost_usd for each in client.ledger.entries] == [0]


@pytest.mark.anyio
async def test_call_that_is_waiting_hears_of_the_end_of_the_money(server: ChatServer) -> None:
    """A call waits for money while it may come back, and fails as soon as it cannot."""
    let_go = threading.Event()
    server.script([held(let_go, reset(20))])
    needed = worst("Hello?", max_output_tokens=100)
    failed: list[BaseException] = []

    async def ask() -> None:
        try:
            await client.complete("Hello?", max_output_tokens=100)
        except (CallError, BudgetExceededError) as failure:
            failed.append(failure)

    async with client_of(server, budget_usd=needed, retry=ONCE) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.to_thread.run_sync(lambda: server.wait_for(in_flight=1))
            group.start_soon(ask)
            let_go.set()
        assert budget_of(client).unknown_usd == needed
    assert sorted(type(each).__name__ for each in failed) == [
        "BudgetExceededError",
        "TransportError",
    ]
    assert len(server.requests) == 1


@pytest.mark.anyio
async def test_small_budget_lets_calls_go_one_by_one(server: ChatServer) -> None:
    """Where there is room for one worst case, calls wait for each other instead of failing."""
    server.handler = lambda _body: slow(0.005, ok("Yes."))
    needed = worst("Question 10?", max_output_tokens=400)
    async with client_of(server, budget_usd=needed + Decimal("0.0001")) as client:
        ends = await ask_many(client, [f"Question {number}?" for number in range(10, 26)], 400)
    assert ends == {"reply": 16}
    assert server.max_in_flight == 1


@pytest.mark.anyio
async def test_price_unknown(server: ChatServer) -> None:
    """Without a price a budget cannot be kept, so nothing is sent; without a budget all is well."""
    async with client_of(server, model=UNPRICED, budget_usd="1") as client:
        with pytest.raises(UnknownPriceError, match=r"'unpriced'.*or set no budget"):
            await client.complete("Hello?")
        with pytest.raises(UnknownPriceError, match="no price is known"):
            await client.summarize("The cat sat on the mat.")
        with pytest.raises(UnknownPriceError, match="at the tier 'priority'"):
            await client.complete("Hello?", model=MODEL, tier="priority")
    assert server.requests == []
    async with client_of(server, model=UNPRICED) as client:
        with pytest.raises(UnknownPriceError, match="no price is known"):
            await client.summarize("The cat sat on the mat.", budget_usd="1")
        assert server.requests == []
        completion = await client.complete("Hello?")
    assert (completion.cost_usd, client.ledger.total.unmeasured) == (None, 1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("tier", "share"), [(None, 1), ("auto", 2), ("default", 1), ("flex", "0.5"), ("priority", 2)]
)
async def test_tier_asked_for_prices_the_reservation(
    server: ChatServer, tier: str | None, share: object
) -> None:
    """What is reserved is the worst case at the tier that was asked for; "auto" may be any."""
    model = Model.resolve("gpt-5.4-mini")
    request = Request.of("Hello?", model=model, max_output_tokens=100)
    plain = request.worst_usd(request.count_input_tokens())
    assert plain
    needed = plain * Decimal(str(share))
    options: dict[str, Any] = {"model": model, "max_output_tokens": 100, "tier": tier}
    async with client_of(server, budget_usd=needed - Decimal("1e-9")) as client:
        with pytest.raises(BudgetExceededError, match="was not sent") as raised:
            await client.complete("Hello?", **options)
    assert raised.value.needed_usd == needed
    async with client_of(server, budget_usd=needed) as client:
        assert (await client.complete("Hello?", **options)).text


@pytest.mark.anyio
@pytest.mark.parametrize(("budget_usd", "tier"), [("1", "default"), (None, None)])
async def test_openai_is_asked_for_the_tier_that_is_reserved(
    budget_usd: str | None, tier: str | None
) -> None:
    """A project may be set to a dearer tier, which a budget must not pay."""
    sent: list[dict[str, Any]] = []
    client = openai.DefaultAsyncHttpxClient
    base = next(kind for kind in client.__mro__ if kind.__name__ == "AsyncClient")
    http = importlib.import_module(base.__module__.partition(".")[0])
    choice = {"message": {"content": "Yes."}, "finish_reason": "stop"}

    def answer(request: Any) -> object:  # noqa: ANN401 - of whichever library the SDK uses
        sent.append(json.loads(request.content))
        return http.Response(200, json={"choices": [choice]})

    transport = client(transport=http.MockTransport(answer))
    async with (
        openai.AsyncOpenAI(
            api_key="k", base_url="https://api.openai.com/v1", http_client=transport
        ) as sdk,
        AsyncClient(openai_client=sdk, budget_usd=budget_usd) as asking,
    ):
        await asking.complete("Hello?")
        await asking.complete("Hello?", tier="flex", model="gpt-5.4-mini")
    assert [each.get("service_tier") for each in sent] == [tier, "flex"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("tier", "cost"), [("default", "0.00045"), ("priority", "0.00075"), ("unheard of", None)]
)
async def test_tier_of_the_reply_settles(server: ChatServer, tier: str, cost: str | None) -> None:
    """What was served is what counts; a tier without a price leaves the cost unknown."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 500}
    server.script([ok(usage=usage, service_tier=tier)])
    async with client_of(server, budget_usd="1") as client:
        completion = await client.complete("Hello?", tier="priority")
        budget = budget_of(client)
    (entry,) = client.ledger.entries
    expected = None if cost is None else Decimal(cost)
    assert (entry.tier, entry.cost_usd, completion.cost_usd) == (tier, expected, expected)
    assert budget.spent_usd == (expected or 0)
    assert budget.unknown_usd == (0 if expected else worst("Hello?", tier="priority"))


@pytest.mark.anyio
@pytest.mark.parametrize("make", [Client, AsyncClient])
@pytest.mark.parametrize(
    "budget_usd", [True, False, -1, "-0.01", "$5", "", "five", Decimal("NaN"), "inf", [1], b"1"]
)
async def test_budget_that_is_none(make: Callable[..., object], budget_usd: object) -> None:
    """What is no amount of money is refused when the client is made."""
    with pytest.raises(ArgumentError, match="budget_usd"):
        make(api_key="k", budget_usd=budget_usd)


@pytest.mark.parametrize("budget_usd", [True, float("nan"), -1, "five"])
def test_job_budget_that_is_none(server: ChatServer, budget_usd: object) -> None:
    """What is no amount of money is refused before a job begins."""
    with (
        Client(api_key="k", base_url=server.base_url) as client,
        pytest.raises(ArgumentError, match="budget_usd"),
    ):
        client.summarize("The cat sat.", budget_usd=budget_usd)  # type: ignore[arg-type]
    assert server.requests == []


def test_float_budget_warns() -> None:
    """A float is taken for what it shows, with the advice to write a str."""
    with pytest.warns(UserWarning, match=r"budget_usd=0\.1 is a float; write '0\.1'"):
        client = AsyncClient(api_key="k", budget_usd=0.1)  # type: ignore[arg-type]
    assert budget_of(client).limit_usd == Decimal("0.1")


# Jobs


def story(sentences: int) -> str:
    """Write a text of numbered sentences in paragraphs of five."""
    return "".join(
        f"Sentence {number} tells of a river and the {number % 7} towns beside it."
        + ("\n\n" if number % 5 == 4 else " ")
        for number in range(sentences)
    )


STORY = story(300)
CHUNKS: dict[str, Any] = {"model": MODEL, "chunk_tokens": 800, "length": 60}


@pytest.mark.anyio
async def test_job_budget_that_is_enough(server: ChatServer) -> None:
    """A job within its budget costs what its calls cost, in its own books and the client's."""
    events: list[Event] = []
    async with client_of(server, budget_usd="1", hooks=[events.append]) as client:
        await client.complete("Hello?")
        before = client.ledger.total.cost_usd
        summary = await client.summarize(STORY, **CHUNKS, budget_usd="0.5")
        total = client.ledger.total
    assert summary.cost_usd == total.cost_usd - before == budget_of(client).spent_usd - before
    assert summary.failed_cost_usd == summary.unmeasured == 0
    assert set(client.ledger.by_operation()) == {"complete", "summarize.map", "summarize.merge"}
    assert len(server.requests) == 1 + len(summary.calls)
    told = [each for each in events if isinstance(each, Progress)]
    assert [each.calls_done for each in told] == list(range(1, len(summary.calls) + 1))
    assert told[-1].cost_usd == summary.cost_usd


@pytest.mark.anyio
async def test_failed_attempts_of_a_job_are_shown_apart(server: ChatServer) -> None:
    """What broke was paid for too, or may have been."""
    server.script([ok(""), error(500), reset(20), error(504)])
    retry = Retry(wait_initial_s=0.0)
    async with client_of(server, max_concurrency=1, retry=retry) as client:
        summary = await client.summarize(STORY, **CHUNKS)
    entries = client.ledger.entries
    failed = [each.cost_usd for each in entries if each.outcome != "ok"]
    assert failed == [failed[0], 0, None, None]
    assert (summary.failed_cost_usd, summary.unmeasured) == (failed[0], 2)
    assert summary.cost_usd == client.ledger.total.cost_usd - summary.failed_cost_usd


@pytest.mark.anyio
async def test_job_budget_below_the_least_is_refused(server: ChatServer) -> None:
    """A budget that cannot be enough is found before anything is paid."""
    async with client_of(server) as client:
        least = (await client.plan(STORY, **CHUNKS)).cost_usd_at_least
        assert least
        with pytest.raises(BudgetExceededError, match="nothing was sent: raise budget") as raised:
            await client.summarize(STORY, **CHUNKS, budget_usd=least - Decimal("1e-9"))
    assert (raised.value.needed_usd, raised.value.partial, raised.value.calls) == (least, (), ())
    assert server.requests == []


@pytest.mark.anyio
@pytest.mark.parametrize("whose", ["job", "client", "both"])
async def test_budget_that_ends_in_mid_job(server: ChatServer, whose: str) -> None:
    """The error carries what was brought; calls in flight are not given up, nor is more sent."""
    server.handler = lambda body: slow(0.01, extract(body, share=0.1))
    limit = Decimal("0.0166")
    of_client: dict[str, Any] = {"budget_usd": limit} if whose != "job" else {}
    of_job: dict[str, Any] = {"budget_usd": limit} if whose != "client" else {}
    async with client_of(server, max_concurrency=3, **of_client) as client:
        with pytest.raises(BudgetExceededError, match="was not sent") as raised:
            await client.summarize(STORY, **CHUNKS, **of_job)
        entries, total = client.ledger.entries, client.ledger.total
    assert not any(request.abandoned.is_set() for request in server.requests)
    assert {each.outcome for each in entries} == {"ok"}
    assert len(raised.value.calls) == len(entries) == len(server.requests) > 1
    assert len(raised.value.partial) == len(raised.value.calls)
    spans = [each.span for each in raised.value.partial]
    assert spans == sorted(spans)
    assert sum(each.cost_usd or 0 for each in raised.value.calls) == total.cost_usd <= limit
    assert raised.value.limit_usd == limit
    assert raised.value.spent_usd <= total.cost_usd


@pytest.mark.anyio
async def test_budget_that_ends_among_the_merges(server: ChatServer) -> None:
    """Merges in flight are not given up either: what they cost is known, and counted."""
    merges = count()

    def answer(body: dict[str, Any]) -> Reply:
        is_first_merge = "<part" in body["messages"][-1]["content"] and not next(merges)
        return slow(0.3 if is_first_merge else 0.01, extract(body, share=0.1))

    server.handler = answer
    text, options = story(1500), {**CHUNKS, "chunk_tokens": 400}
    async with client_of(server, max_concurrency=3) as client:
        with pytest.raises(BudgetExceededError, match="was not sent") as raised:
            await client.summarize(text, **options, budget_usd="0.108")
        total = client.ledger.total
    operations = {each.operation for each in raised.value.calls}
    assert operations == {"map", "merge"}
    assert not any(request.abandoned.is_set() for request in server.requests)
    assert (total.entries, total.unmeasured) == (len(server.requests), 0)
    assert len(raised.value.calls) == len(server.requests)
    assert total.cost_usd <= Decimal("0.108")


@pytest.mark.anyio
async def test_the_tighter_budget_holds(server: ChatServer) -> None:
    """Two jobs at once, each with a budget, stay within theirs and the client's."""
    server.handler = lambda body: slow(0.005, extract(body, share=0.3))
    ends: list[BudgetExceededError] = []

    async def run(budget_usd: str) -> None:
        with pytest.raises(BudgetExceededError, match="was not sent") as raised:
            await client.summarize(STORY, **CHUNKS, budget_usd=budget_usd)
        ends.append(raised.value)

    async with client_of(server, max_concurrency=8, budget_usd="0.03") as client:
        async with anyio.create_task_group() as group:
            group.start_soon(run, "0.0166")
            group.start_soon(run, "0.3")
        total = client.ledger.total.cost_usd
    assert total <= Decimal("0.03")
    assert sum(each.cost_usd or 0 for end in ends for each in end.calls) == total
    assert {end.limit_usd for end in ends} <= {Decimal("0.0166"), Decimal("0.03")}
    for end in ends:
        assert sum(each.cost_usd or 0 for each in end.calls) <= end.limit_usd


@pytest.mark.anyio
async def test_cancelled_job_gives_back_what_it_did_not_send(server: ChatServer) -> None:
    """What was in flight stays as unknown; everything else is free again."""
    never = threading.Event()
    server.handler = lambda _body: held(never)
    async with client_of(server, max_concurrency=2, budget_usd="0.02") as client:
        with suppress(BudgetExceededError), anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def stop() -> None:
                    await anyio.to_thread.run_sync(lambda: server.wait_for(in_flight=2))
                    scope.cancel()

                group.start_soon(stop)
                await client.summarize(STORY, **CHUNKS)
        budget = budget_of(client)
    assert budget.reserved_usd == 0
    assert client.ledger.total.unmeasured == len(server.requests) == 2
    assert 0 < budget.unknown_usd < budget.limit_usd
