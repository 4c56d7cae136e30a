"""What stands before a request: the line, the retries, and the journal that spares it."""

from __future__ import annotations

import json
import logging
import pickle
import threading
import time
from collections import deque
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import openai
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from minikit import (
    ArgumentError,
    AsyncClient,
    AuthenticationError,
    BadReplyError,
    CallError,
    CallTimeoutError,
    Completion,
    Model,
    QuotaExhaustedError,
    RateLimitError,
    RefusalError,
    Retry,
    ServerError,
    StreamBrokenError,
    TransportError,
)
from minikit.calls.hooks import AttemptEnded, RetryScheduled
from minikit.calls.journal import Journal
from minikit.calls.line import Line, Wait
from minikit.calls.pipeline import Pipeline
from minikit.calls.request import Request
from minikit.calls.retry import RetryBudget, is_retryable
from server import ChatServer, Reply, error, hang, held, ok, raw, reset

if TYPE_CHECKING:
    from minikit.calls.hooks import Event

PROMPT = "Hello?"
SOON = Retry(wait_initial_s=0.0)
ONCE = Retry(attempts=1)
MODEL = Model.resolve("gpt-4o-mini")


def client_of(server: ChatServer, **options: Any) -> AsyncClient:  # noqa: ANN401 - of AsyncClient
    """Make a client of `server` that retries without waiting."""
    return AsyncClient(
        **{"api_key": "sk-test", "base_url": server.base_url, "retry": SOON, **options}
    )


async def ask(server: ChatServer, prompt: str = PROMPT, **options: Any) -> Completion:  # noqa: ANN401
    """Make one call with a client of its own."""
    async with client_of(server, **options) as client:
        return await client.complete(prompt)


# The line


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(st.lists(st.one_of(st.just("come"), st.just("give"), st.integers(0, 9)), max_size=25))
@settings(max_examples=40, deadline=None)
def test_line_is_first_come_first_served(backend: str, steps: list[str | int]) -> None:
    """Who comes first is served first, whoever leaves in between; what is given is not lost."""
    served, expected = anyio.run(_stand_in_line, steps, backend=backend)
    assert served == expected


async def _stand_in_line(steps: list[str | int]) -> tuple[list[int], list[int]]:
    """Let visitors come to a line, leave it (a number) and be given what they wait for."""
    line, given = Line(), 0
    waiting: deque[int] = deque()
    served: list[int] = []
    expected: list[int] = []
    scopes: list[anyio.CancelScope] = []

    def look() -> bool | Wait:
        return len(served) < given or Wait()

    async def visit(number: int, scope: anyio.CancelScope) -> None:
        with scope:
            await line.wait(look)
            served.append(number)

    async with anyio.create_task_group() as group:
        for step in [*steps, *["give"] * len(steps)]:
            if step == "come":
                scopes.append(anyio.CancelScope())
                waiting.append(len(scopes) - 1)
                group.start_soon(visit, len(scopes) - 1, scopes[-1])
            elif step == "give":
                given += 1
                line.wake()
            elif scopes and int(step) % len(scopes) in waiting:
                waiting.remove(int(step) % len(scopes))
                scopes[int(step) % len(scopes)].cancel()
            for _ in range(8):
                await checkpoint()
            while waiting and len(expected) < given:
                expected.append(waiting.popleft())
    return served, expected


@pytest.mark.anyio
async def test_line_sees_what_another_thread_changed() -> None:
    """A change that wakes nobody, as it happens in another loop, is seen all the same."""
    line, asked, changed = Line(), threading.Event(), threading.Event()

    def change() -> None:
        asked.wait(5)
        changed.set()

    def look() -> str | Wait:
        asked.set()
        return "seen" if changed.is_set() else Wait()

    thread = threading.Thread(target=change)
    thread.start()
    with anyio.fail_after(5):
        assert await line.wait(look) == "seen"
    thread.join()


@pytest.mark.anyio
async def test_line_asks_again_in_time() -> None:
    """Who may come back after so many seconds is asked again then, and not much before."""
    start = time.monotonic()

    def look() -> float | Wait:
        left = start + 0.02 - time.monotonic()
        return Wait(left) if left > 0 else time.monotonic()

    assert await Line().wait(look) - start >= 0.02


@pytest.mark.anyio
async def test_line_hands_on_what_is_raised() -> None:
    """An error ends the wait of the one who asked; the next one is asked."""
    line = Line()

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await line.wait(fail)
    assert await line.wait(lambda: "next") == "next"


# Retries


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("initial_s", "most_s"), [(0.004, 0.01), (0.003, 60.0), (0.0, 60.0), (1.0, 0.0)]
)
async def test_waits_are_drawn_below_a_bound_that_doubles(
    server: ChatServer, initial_s: float, most_s: float
) -> None:
    """Each wait lies between 0 and a bound that doubles from attempt to attempt up to a limit."""
    server.handler = lambda _body: error(500)
    events: list[Event] = []
    retry = Retry(attempts=5, wait_initial_s=initial_s, wait_max_s=most_s)
    for _ in range(3):
        with pytest.raises(ServerError, match="HTTP 500"):
            await ask(server, retry=retry, hooks=[events.append])
    waits = [each for each in events if isinstance(each, RetryScheduled)]
    assert [each.attempt for each in waits] == [1, 2, 3, 4] * 3
    assert {(each.error, each.status) for each in waits} == {("ServerError", 500)}
    for each in waits:
        assert 0 <= each.wait_s <= min(most_s, initial_s * 2 ** (each.attempt - 1))
    assert len({each.wait_s for each in waits}) == (1 if 0 in (initial_s, most_s) else 12)


@pytest.mark.anyio
async def test_server_s_wish_is_longer_than_the_longest_wait(server: ChatServer) -> None:
    """The server's Retry-After is kept to, also where `wait_max_s` is shorter."""
    server.script([error(503, headers={"retry-after-ms": "60"}), ok()])
    completion = await ask(server, retry=Retry(wait_initial_s=0.0, wait_max_s=0.001))
    first, second = server.requests
    assert second.at - first.at >= 0.06
    assert completion.latency_s >= 0.06


@pytest.mark.anyio
async def test_rate_limit_holds_up_all_calls(server: ChatServer) -> None:
    """After a 429 every call to the model waits as long as the server says."""
    refused = anyio.Event()

    def note(event: Event) -> None:
        if isinstance(event, AttemptEnded):
            refused.set()

    server.script([error(429, headers={"retry-after-ms": "80"})])
    async with client_of(server, hooks=[note]) as client, anyio.create_task_group() as group:
        group.start_soon(client.complete, "first")
        await refused.wait()
        group.start_soon(client.complete, "second")
    first, *others = server.requests
    assert all(each.at - first.at >= 0.08 for each in others)
    assert sorted(each.prompt for each in others) == ["first", "second"]


@pytest.mark.anyio
@pytest.mark.parametrize("status", [429, 503])
async def test_wish_beyond_the_deadline_fails_at_once(server: ChatServer, status: int) -> None:
    """A wait past the time of a call is not begun, whatever attempts are left."""
    server.script([error(status, headers={"retry-after": "31"})])
    with pytest.raises(CallError, match=f"HTTP {status}") as raised:
        await ask(server, retry=Retry(timeout_s=30))
    assert (raised.value.attempts, raised.value.retry_after_s) == (1, 31.0)
    assert len(server.requests) == 1


@pytest.mark.anyio
async def test_call_that_would_wait_too_long_for_its_turn(server: ChatServer) -> None:
    """While a model stands still for longer than a call may last, no call to it is sent."""
    server.script([error(429, headers={"retry-after": "31"})])
    async with client_of(server, retry=Retry(timeout_s=30), budget_usd="0.02") as client:
        with pytest.raises(RateLimitError, match="HTTP 429"):
            await client.complete(PROMPT)
        with pytest.raises(RateLimitError, match=r"allows the next request in 3[01] s") as raised:
            await client.complete(PROMPT)
        assert raised.value.retry_after_s is not None
        assert raised.value.retry_after_s > 30
        assert (await client.complete(PROMPT, model="gpt-4o", max_output_tokens=9)).text
    assert len(server.requests) == 2
    assert [each.outcome for each in client.ledger.entries] == ["rate_limited", "ok"]


@pytest.mark.anyio
async def test_no_attempt_after_the_time_of_a_call(server: ChatServer) -> None:
    """A call whose time is over is not tried again."""
    server.handler = lambda _body: error(500)
    with pytest.raises(ServerError, match="HTTP 500") as raised:
        await ask(server, retry=Retry(timeout_s=0))
    assert raised.value.attempts == 1


@pytest.mark.anyio
async def test_outage_makes_no_storm(server: ChatServer) -> None:
    """All calls of a client share what they may send beside their first attempts."""
    server.handler = lambda _body: error(500)
    start = time.monotonic()
    async with client_of(server, max_concurrency=32) as client:

        async def one() -> None:
            with pytest.raises(ServerError, match="HTTP 500"):
                await client.complete(PROMPT)

        async with anyio.create_task_group() as group:
            for _ in range(120):
                group.start_soon(one)
    retries = len(server.requests) - 120
    passed_s = time.monotonic() - start
    assert 100 <= retries <= 100 + 0.2 * 120 + 10 * passed_s
    assert len(client.ledger.entries) == len(server.requests)


@given(st.lists(st.tuples(st.booleans(), st.floats(-1, 20)), max_size=300))
def test_retry_budget_is_kept(steps: list[tuple[bool, float]]) -> None:
    """Never more retries than were kept, came with calls and flowed in; a clock may jump back."""
    budget, now, highest, calls, taken = RetryBudget(), 50.0, 50.0, 0, 0
    for is_call, passed_s in steps:
        if is_call:
            budget.called()
            calls += 1
            continue
        now += passed_s
        taken += budget.take(now)
        # Time that is given back flows again.
        highest += max(0.0, passed_s)
    assert taken <= budget.KEPT + calls * budget.PER_CALL + (highest - 50) * budget.PER_SECOND


def test_retry_budget_runs_dry_and_fills() -> None:
    """A hundred at once, then ten a second, and one for every five calls."""
    budget = RetryBudget()
    assert sum(budget.take(0.0) for _ in range(200)) == 100
    assert [budget.take(0.05), budget.take(0.1), budget.take(0.1)] == [False, True, False]
    for _ in range(6):
        budget.called()
    assert [budget.take(0.1), budget.take(0.1)] == [True, False]
    assert sum(budget.take(1e6) for _ in range(200)) == 100


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "kind", "cause"),
    [
        (error(500), ServerError, openai.InternalServerError),
        (error(429), RateLimitError, openai.RateLimitError),
        (reset(), TransportError, openai.APIConnectionError),
        (hang(), CallTimeoutError, TimeoutError),
        (raw(200, "text/html", b"<html>"), BadReplyError, json.JSONDecodeError),
    ],
)
async def test_errors_pickle_and_keep_their_cause(
    server: ChatServer, fault: Reply, kind: type[CallError], cause: type[Exception]
) -> None:
    """An error says what it came from, and crosses to another process with all it tells."""
    server.script([fault])
    with pytest.raises(kind, match=r"\w") as raised:
        await ask(server, retry=ONCE, timeout_s=0.15 if kind is CallTimeoutError else 60)
    assert isinstance(raised.value.__cause__, cause)
    copy = pickle.loads(pickle.dumps(raised.value))  # noqa: S301
    assert (type(copy), str(copy)) == (kind, str(raised.value))
    assert vars(copy) == vars(raised.value)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ServerError("500"), True),
        (RateLimitError("429"), True),
        (CallTimeoutError("late"), True),
        (BadReplyError("HTML"), True),
        (StreamBrokenError("cut"), False),
        (RefusalError("no"), False),
        (QuotaExhaustedError("no money"), False),
        (AuthenticationError("401"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_what_is_tried_again(failure: BaseException, expected: bool) -> None:
    """What passes is tried again; what lies in the request, or was handed on in part, is not."""
    assert is_retryable(failure) == expected


@pytest.mark.anyio
async def test_retries_that_nobody_hears_of(
    server: ChatServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a hook or a log a call is tried again all the same."""
    caplog.set_level(logging.CRITICAL, logger="minikit")
    server.script([error(500), ok()])
    assert (await ask(server)).attempts == 2
    assert caplog.records == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"retry": 5}, r"retry is a Retry\(\.\.\.\), not int"),
        ({"rate_limit": 60}, r"rate_limit is a RateLimit\(\.\.\.\), not int"),
    ],
)
def test_options_of_a_wrong_kind(options: dict[str, Any], match: str) -> None:
    """What is no setting is found when the client is made."""
    with pytest.raises(ArgumentError, match=match):
        AsyncClient(api_key="k", **options)


# The journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal that is not there yet."""
    return tmp_path / "journal.sqlite"


def request(**options: Any) -> Request:  # noqa: ANN401 - fields of Request
    """Make a request."""
    return Request.of(PROMPT, **{"model": MODEL, **options})


def body(text: str | None = "Good day.", reason: str = "stop", **message: object) -> str:
    """Return a whole reply as it stands on the wire; it costs $0.0003."""
    choice = {"message": {"content": text, **message}, "finish_reason": reason}
    usage = {"prompt_tokens": 1000, "completion_tokens": 250}
    return json.dumps({"model": "gpt-4o-mini-2024-07-18", "choices": [choice], "usage": usage})


COST = Decimal("0.0003")
RESERVED = Decimal("0.0098316")


async def begun(server: ChatServer, path: Path, reply: str | None) -> None:
    """Leave what a process leaves that was killed, before or after its reply had arrived."""
    journal = Journal(path)

    def note() -> None:
        row = journal.begin(
            request().fingerprint(f"{server.base_url}/"),
            run="killed",
            operation="map",
            model=MODEL.id,
            reserved_usd=RESERVED,
        )
        if reply is not None:
            journal.keep(row, reply, request_id="req_killed")
        journal.close()

    await anyio.to_thread.run_sync(note)


@pytest.mark.anyio
async def test_same_request_is_paid_for_once(server: ChatServer, path: Path) -> None:
    """A reply in the journal is given again, by this client and by the next."""
    server.script([error(500), ok("Good day.")])
    async with client_of(server, journal=path) as client:
        first = await client.complete(PROMPT)
        second = await client.complete(PROMPT)
        assert len(client.ledger.entries) == 2
    third = await ask(server, journal=path)
    assert (first.attempts, first.replayed) == (2, False)
    assert replace(second, latency_s=0.0) == replace(third, latency_s=0.0)
    assert second == replace(first, attempts=0, replayed=True, latency_s=0.0)
    assert len(server.requests) == 2


@pytest.mark.anyio
async def test_spending_is_carried_over_once(server: ChatServer, path: Path) -> None:
    """A new client has in its ledger and budget, before its first call, all that was spent."""
    server.script([error(408), error(500), ok("Good day.")])
    async with client_of(server, journal=path, budget_usd="1") as client:
        completion = await client.complete(PROMPT)
        other = await client.complete("Something else.")
        before = client.ledger.entries
    async with client_of(server, journal=path, budget_usd="1") as later:
        for _ in range(3):
            assert (await later.complete(PROMPT)).cost_usd == completion.cost_usd
        budget = later._pipeline.account.budget
    assert later.ledger.entries == tuple(replace(each, carried=True) for each in before)
    assert completion.cost_usd
    assert other.cost_usd
    spent_usd = completion.cost_usd + other.cost_usd
    assert later.ledger.total.carried_usd == later.ledger.total.cost_usd == spent_usd
    assert budget
    assert budget.spent_usd == spent_usd
    assert budget.unknown_usd == request().worst_usd(request().count_input_tokens())
    assert len(server.requests) == 4


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (ok(None, message={"refusal": "I cannot."}), "refused"),
        (ok("No.", finish_reason="content_filter"), "refused"),
        (ok("Good", finish_reason="length"), "truncated"),
        (raw(200, "application/json", b'{"choices": [{"mes'), "bad_reply"),
        (raw(200, "text/html", b"<html>Welcome</html>"), "bad_reply"),
        (raw(200, "application/json", b"{}"), "bad_reply"),
        (ok(""), "empty"),
    ],
)
async def test_what_is_no_good_reply_is_not_replayed(
    server: ChatServer, path: Path, reply: Reply, outcome: str
) -> None:
    """A refusal, a reply that was cut off and a broken one are asked for again."""
    server.script([reply, ok("Good day.")])
    async with client_of(server, journal=path, retry=ONCE) as client:
        if outcome == "truncated":
            await client.complete(PROMPT)
        else:
            with pytest.raises(CallError, match=r"\w"):
                await client.complete(PROMPT)
        again = await client.complete(PROMPT)
        assert (again.text, again.replayed) == ("Good day.", False)
        assert (await client.complete(PROMPT)).replayed
    assert [each.outcome for each in client.ledger.entries] == [outcome, "ok"]
    assert len(server.requests) == 2


class Answer(BaseModel):
    """What a reply shall be."""

    text: str


class OtherAnswer(BaseModel):
    """What it shall be instead."""

    text: str


@pytest.mark.anyio
@pytest.mark.parametrize(
    "options",
    [
        {"model": "gpt-4o"},
        {"temperature": 0.5},
        {"temperature": 0.0},
        {"seed": 7},
        {"max_output_tokens": 50},
        {"tier": "flex"},
        {"system": "Be brief."},
        {"prompt": "Hello? "},
        {"prompt": [{"role": "assistant", "content": PROMPT}]},
        {"schema": Answer},
    ],
)
async def test_another_request_is_asked(
    server: ChatServer, path: Path, options: dict[str, Any]
) -> None:
    """Whatever is sent makes a request another one."""
    server.handler = lambda _body: ok('{"text": "Good day."}')
    async with client_of(server, journal=path) as client:
        assert not (await client.complete(PROMPT)).replayed
        for replayed in (False, True):
            completion = await client.complete(**{"prompt": PROMPT, **options})
            assert completion.replayed == replayed
    assert len(server.requests) == 2


@pytest.mark.anyio
async def test_another_schema_is_asked_for(server: ChatServer, path: Path) -> None:
    """A reply to one schema is none to another of the same fields."""
    server.handler = lambda _body: ok('{"text": "Good day."}')
    async with client_of(server, journal=path) as client:
        for schema in (Answer, OtherAnswer, Answer, OtherAnswer):
            parsed = (await client.complete(PROMPT, schema=schema)).parsed
            assert parsed == schema(text="Good day.")
    assert len(server.requests) == 2


@pytest.mark.anyio
async def test_another_server_is_asked(server: ChatServer, path: Path) -> None:
    """What one server said is no other's reply."""
    with ChatServer() as other:
        for _ in range(2):
            await ask(server, journal=path)
            await ask(other, journal=path)
        assert (len(server.requests), len(other.requests)) == (1, 1)


@pytest.mark.anyio
async def test_other_tools_are_another_request(server: ChatServer, path: Path) -> None:
    """Tools, and which of them must be called, are part of what is asked."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    other = {"type": "function", "function": {"name": "g", "parameters": {"type": "object"}}}
    pipeline = Pipeline(
        api_key="sk-test",
        base_url=server.base_url,
        openai_client=None,
        retry=ONCE,
        max_concurrency=1,
        timeout_s=None,
        journal=Journal(path),
    )
    requests = [
        request(),
        request(tools=(tool,)),
        request(tools=(other,)),
        request(tools=(tool,), tool_choice="required"),
    ]
    for replayed in (False, True):
        for each in requests:
            assert (await pipeline.send(each)).replayed == replayed
    await pipeline.aclose()
    assert len(server.requests) == 4


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("reply", "outcome", "cost"),
    [
        (None, "cancelled", None),
        ('{"choices": [{"mes', "bad_reply", None),
        (body(None, refusal="I cannot."), "refused", COST),
        (body("No.", "content_filter"), "refused", COST),
        (body(""), "empty", COST),
        (body("Good", "length"), "truncated", COST),
        (body(), "ok", COST),
    ],
)
async def test_attempt_that_a_kill_left(
    server: ChatServer, path: Path, reply: str | None, outcome: str, cost: Decimal | None
) -> None:
    """What was never settled is priced by its reply; without one it may have cost the most."""
    server.handler = lambda _body: ok("Hello again.")
    await begun(server, path, reply)
    async with client_of(server, journal=path, budget_usd="1") as client:
        completion = await client.complete(PROMPT)
        budget = client._pipeline.account.budget
    replayed = reply == body()
    assert (completion.replayed, len(server.requests)) == (replayed, 0 if replayed else 1)
    assert completion.text == ("Good day." if replayed else "Hello again.")
    carried = client.ledger.entries[0]
    assert (carried.carried, carried.outcome, carried.cost_usd) == (True, outcome, cost)
    assert (carried.operation, carried.model) == ("map", "gpt-4o-mini")
    assert carried.request_id == (None if reply is None else "req_killed")
    assert budget
    assert budget.unknown_usd == (0 if cost else RESERVED)
    assert budget.spent_usd == client.ledger.total.cost_usd


@pytest.mark.anyio
async def test_newest_good_reply_is_given(server: ChatServer, path: Path) -> None:
    """Of several replies to a request the newest that can be used is given again."""
    for reply in (body("old"), body("new"), body("cut", "length"), None):
        await begun(server, path, reply)
    assert (await ask(server, journal=path)).text == "new"
    assert server.requests == []


@pytest.mark.anyio
async def test_two_clients_on_one_journal(server: ChatServer, path: Path) -> None:
    """Clients that work at once each bring their replies, and share them afterwards."""
    server.handler = lambda body: ok("Re: " + body["messages"][-1]["content"])

    async def ask_all(client: AsyncClient, replies: list[str]) -> None:
        prompts = [f"Question {number}?" for number in range(12)]
        replies.extend([(await client.complete(prompt)).text for prompt in prompts])

    one, two = list[str](), list[str]()
    async with (
        client_of(server, journal=path) as first,
        client_of(server, journal=path) as second,
        anyio.create_task_group() as group,
    ):
        group.start_soon(ask_all, first, one)
        group.start_soon(ask_all, second, two)
    assert one == two == [f"Re: Question {number}?" for number in range(12)]
    sent = len(server.requests)
    assert 12 <= sent <= 24
    stats = await anyio.to_thread.run_sync(Journal(path).stats)
    assert (stats.attempts, stats.replies, stats.unmeasured) == (sent, sent, 0)
    async with client_of(server, journal=path) as third:
        await ask_all(third, [])
    assert len(server.requests) == sent
    assert third.ledger.total.cost_usd == stats.spent_usd
    assert third.ledger.total.entries == sent


@pytest.mark.anyio
async def test_call_in_flight_is_not_carried(server: ChatServer, path: Path) -> None:
    """The same request twice at once in one client is booked by who makes it, each once."""
    go = threading.Event()
    server.handler = lambda _body: held(go)
    async with client_of(server, journal=path, budget_usd="1") as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.complete, PROMPT)
            await anyio.to_thread.run_sync(lambda: server.wait_for(in_flight=1))
            group.start_soon(client.complete, PROMPT)
            await anyio.to_thread.run_sync(lambda: server.wait_for(in_flight=2))
            go.set()
        budget = client._pipeline.account.budget
    assert [each.carried for each in client.ledger.entries] == [False, False]
    assert budget
    assert budget.unknown_usd == 0
    assert budget.spent_usd == client.ledger.total.cost_usd


@pytest.mark.anyio
async def test_journal_that_cannot_be_read_stops_the_call(server: ChatServer, path: Path) -> None:
    """A file that is no journal is told before anything is sent."""
    await anyio.Path(path).write_text("This is a diary. " * 9)
    with pytest.raises(Exception, match="is no journal") as raised:
        await ask(server, journal=path)
    assert type(raised.value).__name__ == "JournalError"
    assert server.requests == []
