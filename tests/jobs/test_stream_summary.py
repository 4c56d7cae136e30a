"""A summary as it comes about: its events, its text, and what breaks or is left early."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from minikit import (
    ArgumentError,
    AsyncClient,
    AuthenticationError,
    BudgetExceededError,
    Client,
    JobError,
    Model,
    Price,
    Progress,
    Retry,
    SourceError,
    StreamBrokenError,
    Summary,
    TextDelta,
)
from minikit.calls.hooks import Event
from minikit.jobs.summarizing.stream import STREAMS_AT_MOST
from server import Body, ChatServer, Reply, error, extract, held, ok, stream

pytestmark = pytest.mark.anyio

SMALL = Model(
    id="small",
    context_window=3_000,
    max_output_tokens=1_000,
    price=Price(input_usd_per_mtok=3, output_usd_per_mtok=5),
)
"""A model whose window a short test text overflows."""

SHORT = "The river is long. The towns beside it are old. " * 24
LONG = "".join(
    f"Sentence {number} tells of a river and the {number % 7} towns beside it. "
    for number in range(400)
)
BROKEN = stream([{"choices": [{"index": 0, "delta": {"content": "Half a "}}]}])

JobEvent = Progress | TextDelta


@asynccontextmanager
async def client_of(server: ChatServer, **options: Any) -> AsyncIterator[AsyncClient]:  # noqa: ANN401
    """Make a client of `server`; check that no money and no task is left when the test is over."""
    defaults = {"model": SMALL, "api_key": "k", "base_url": server.base_url, "budget_usd": 100}
    retry = Retry(attempts=2, wait_initial_s=0.0)
    before = len(anyio.get_running_tasks())
    async with AsyncClient(**{**defaults, "retry": retry, **options}) as client:
        yield client
        budget = client._pipeline.account.budget
        assert budget is not None
        assert budget.reserved_usd == 0
        assert (
            client._pipeline._connections.session().places.value == client._pipeline.max_concurrency
        )
    assert len(anyio.get_running_tasks()) == before


async def read(client: AsyncClient, source: str, **options: Any) -> tuple[list[JobEvent], Summary]:  # noqa: ANN401
    """Read all events of a summary."""
    async with client.stream_summary(source, **options) as events:
        return [event async for event in events], events.summary


def text_of(events: list[JobEvent]) -> str:
    """Join the deltas; the text begins anew where one says so."""
    text = ""
    for event in events:
        if isinstance(event, TextDelta):
            text = event.text if event.is_first else text + event.text
    return text


def final(reply: Reply, *others: Reply) -> Callable[[Body], Reply]:
    """Return a handler that answers streams, which are final texts, with these replies."""
    replies = iter([reply, *others])
    return lambda body: next(replies) if body.get("stream") else extract(body)


@pytest.mark.parametrize(("source", "calls"), [(SHORT, 1), (LONG, 2)])
async def test_events_come_in_order(server: ChatServer, source: str, calls: int) -> None:
    """Each call is told when it ends, the last one after its text; the text is the summary's."""
    async with client_of(server) as client:
        events, summary = await read(client, source)
        assert summary.text == (await client.summarize(source)).text
    progress = [event for event in events if isinstance(event, Progress)]
    assert [event.calls_done for event in progress] == list(range(1, len(summary.calls) + 1))
    assert [event.call for event in progress] == list(summary.calls)
    assert len(progress) >= calls
    assert progress[-1] == events[-1]
    assert progress[-1].cost_usd == summary.cost_usd
    deltas = events[len(progress) - 1 : -1]
    assert all(isinstance(event, TextDelta) for event in deltas)
    assert [event.is_first for event in deltas if isinstance(event, TextDelta)] == [
        True,
        *[False] * (len(deltas) - 1),
    ]
    assert len(deltas) > 1
    assert text_of(events) == summary.text


async def test_only_the_final_text_is_streamed(server: ChatServer) -> None:
    """The other calls are made as in `summarize`; the ledger names all alike."""
    async with client_of(server) as client:
        await read(client, LONG)
        operations = [entry.operation for entry in client.ledger.entries]
    assert [bool(body.get("stream")) for body in server.bodies] == [
        *[False] * (len(server.bodies) - 1),
        True,
    ]
    assert operations[-1] == "summarize.merge"
    assert set(operations[:-1]) == {"summarize.map"}


async def test_events_come_while_the_work_goes_on(server: ChatServer) -> None:
    """The first text is told before the last has come."""
    go = threading.Event()
    server.handler = final(held(go, ok("The river is long. " * 10), after=2))
    async with client_of(server) as client, client.stream_summary(SHORT) as events:
        assert await anext(events) == TextDelta(
            text=("The river is long. " * 10)[:40], is_first=True
        )
        with pytest.raises(ArgumentError, match="not done"):
            _ = events.summary
        go.set()
        assert isinstance([event async for event in events][-1], Progress)
        assert events.summary.text == "The river is long. " * 10


async def test_a_stream_is_opened_once_and_read_in_its_with(server: ChatServer) -> None:
    """Nothing is sent before; reading after the end gives nothing."""
    async with client_of(server) as client:
        events = client.stream_summary(SHORT)
        with pytest.raises(ArgumentError, match="open the stream"):
            await anext(events)
        assert not server.requests
        async with events:
            assert [event async for event in events]
            assert [event async for event in events] == []
        assert [event async for event in events] == []
        assert events.summary.text
        with pytest.raises(ArgumentError, match="opened once"):
            await events.__aenter__()
        with pytest.raises(ArgumentError, match="length"):
            client.stream_summary(SHORT, length=-1)


async def test_a_final_text_that_breaks_begins_again(server: ChatServer) -> None:
    """What had come is void; it was paid for all the same."""
    server.handler = final(BROKEN, ok("Whole and good."))
    async with client_of(server) as client:
        events, summary = await read(client, LONG)
        outcomes = [entry.outcome for entry in client.ledger.entries]
        total_usd = client.ledger.total.cost_usd
    deltas = [event for event in events if isinstance(event, TextDelta)]
    assert [(event.text, event.is_first) for event in deltas] == [
        ("Half a ", True),
        ("Whole and good.", True),
    ]
    assert text_of(events) == summary.text == "Whole and good."
    assert outcomes[-2:] == ["broken", "ok"]
    assert summary.cost_usd is not None
    assert summary.failed_cost_usd > 0
    assert summary.cost_usd + summary.failed_cost_usd == total_usd


@pytest.mark.parametrize(("source", "kind"), [(SHORT, StreamBrokenError), (LONG, JobError)])
async def test_a_final_text_that_always_breaks(
    server: ChatServer, source: str, kind: type[Exception]
) -> None:
    """After some tries the error is told, where events are read, and again; there is no summary."""
    server.handler = final(*[BROKEN] * STREAMS_AT_MOST)
    events: list[JobEvent] = []

    async def take() -> None:
        async for event in opened:
            events.append(event)  # noqa: PERF401 - `extend` would keep nothing at an error

    async with client_of(server) as client, client.stream_summary(source) as opened:
        with pytest.raises(kind, match="broke after some text"):
            await take()
        with pytest.raises(kind, match="broke after some text"):
            await anext(opened)
        with pytest.raises(ArgumentError, match="not done"):
            _ = opened.summary
        assert [entry.outcome for entry in client.ledger.entries].count("broken") == STREAMS_AT_MOST
    assert text_of(events) == "Half a "


async def test_a_final_text_that_was_cut_is_written_again(server: ChatServer) -> None:
    """A text that reached its limit is void, and begins again with more room."""
    server.handler = final(ok("Too long", finish_reason="length"), ok("Just right."))
    async with client_of(server) as client:
        events, summary = await read(client, SHORT, length=50)
    assert [event.is_first for event in events if isinstance(event, TextDelta)] == [True, True]
    assert text_of(events) == summary.text == "Just right."
    assert [call.redone for call in summary.calls] == [False, True]


async def test_errors_are_those_of_summarize(server: ChatServer) -> None:
    """What fails at first is raised as it is, what fails later carries what was brought."""
    async with client_of(server) as client:
        with pytest.raises(SourceError, match="white space"):
            await read(client, " ")
        server.script([error(401)])
        with pytest.raises(AuthenticationError, match="API key"):
            await read(client, SHORT)
        server.script([ok("Read."), *[error(500)] * 4])
        with pytest.raises(JobError, match=r"read\s+and are kept in .partial") as caught:
            await read(client, LONG)
    assert caught.value.partial


async def test_budget_of_a_job(server: ChatServer) -> None:
    """What cannot be enough is told before anything is sent; what was brought is in the error."""
    async with client_of(server, max_concurrency=1) as client:
        with pytest.raises(BudgetExceededError, match="nothing was sent"):
            await read(client, LONG, budget_usd="0.0001")
        assert not server.requests
        plan = await client.plan(LONG)
        assert plan.cost_usd_at_least is not None
        with pytest.raises(BudgetExceededError, match="was not sent") as caught:
            await read(client, LONG, budget_usd=plan.cost_usd_at_least + Decimal("0.0001"))
    assert caught.value.partial


async def test_hooks_hear_of_progress(server: ChatServer) -> None:
    """Hooks and `on_event` hear of the calls, and not of the text, which may be secret."""
    heard: list[Event] = []
    told: list[Progress] = []
    async with client_of(server, hooks=[heard.append]) as client:
        events, _ = await read(client, LONG, on_event=told.append)
    progress = [event for event in events if isinstance(event, Progress)]
    assert [event for event in heard if isinstance(event, Progress)] == told == progress
    assert not any(isinstance(event, TextDelta) for event in heard)
    assert "towns" not in repr(events)


async def test_listener_that_exits(server: ChatServer) -> None:
    """SystemExit in a listener reaches the reader and ends no event loop."""

    def leave(_progress: Progress) -> None:
        raise SystemExit(3)

    async with client_of(server) as client:
        with pytest.raises(SystemExit, match="3"):
            await read(client, LONG, on_event=leave)
        assert (await client.complete("Hello?")).text


async def test_leaving_early_cancels_the_calls_in_flight(server: ChatServer) -> None:
    """The server sees them go, and no other is sent."""
    server.script([ok("Read.")])
    server.handler = lambda _body: held(threading.Event())
    async with client_of(server, max_concurrency=2) as client:
        async with client.stream_summary(LONG) as events:
            assert isinstance(await anext(events), Progress)
            await to_thread.run_sync(lambda: server.wait_for(in_flight=2, requests=3))
        outcomes = sorted(entry.outcome for entry in client.ledger.entries)
        assert outcomes == ["cancelled", "cancelled", "ok"]
        for request in server.requests[1:]:
            assert await to_thread.run_sync(request.abandoned.wait, 10)
        assert [event async for event in events] == []
        with pytest.raises(ArgumentError, match="not done"):
            _ = events.summary


async def test_leaving_in_the_final_text(server: ChatServer) -> None:
    """What was written of it is paid for by count."""
    server.handler = final(held(threading.Event(), ok("The river is long. " * 10), after=2))
    async with client_of(server) as client:
        async with client.stream_summary(SHORT) as events:
            assert isinstance(await anext(events), TextDelta)
        (entry,) = client.ledger.entries
        assert entry.outcome == "abandoned"
        assert entry.cost_usd
        assert await to_thread.run_sync(server.requests[0].abandoned.wait, 10)


async def test_leaving_at_once(server: ChatServer) -> None:
    """A stream that is opened and left has sent nothing, and nothing is left open."""
    async with client_of(server) as client:
        async with client.stream_summary(LONG):
            pass
        assert not client.ledger.entries
    assert not server.requests


async def test_an_error_of_the_readers_comes_as_it_is(server: ChatServer) -> None:
    """It is in no group, and ends the work."""
    server.handler = lambda _body: held(threading.Event())
    async with client_of(server) as client:
        with pytest.raises(KeyError, match="mine"):
            async with client.stream_summary(LONG):
                raise KeyError("mine")


async def test_cancellation_ends_the_work(server: ChatServer) -> None:
    """A reader that is cancelled while it waits for an event leaves nothing behind."""
    server.handler = lambda _body: held(threading.Event())
    async with client_of(server, max_concurrency=3) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(read, client, LONG)
            await to_thread.run_sync(lambda: server.wait_for(in_flight=3))
            group.cancel_scope.cancel()
        assert {entry.outcome for entry in client.ledger.entries} == {"cancelled"}
        for request in server.requests:
            assert await to_thread.run_sync(request.abandoned.wait, 10)


async def test_cancellation_at_any_moment(server: ChatServer) -> None:
    """After any number of steps of the event loop a cancelled job has settled its accounts."""
    async with client_of(server) as client:
        for steps in range(0, 200, 10):
            async with anyio.create_task_group() as group:
                group.start_soon(read, client, LONG)
                for _ in range(steps):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
            budget = client._pipeline.account.budget
            assert budget is not None
            assert budget.reserved_usd == 0
        outcomes = {entry.outcome for entry in client.ledger.entries}
        assert outcomes <= {"cancelled", "abandoned", "ok"}


async def test_a_job_that_is_done_again_streams_from_the_journal(
    server: ChatServer, tmp_path: Path
) -> None:
    """The text comes from it too, whole, and nothing is sent."""
    async with client_of(server, journal=tmp_path / "j") as client:
        _, summary = await read(client, LONG)
        sent = len(server.requests)
        events, again = await read(client, LONG)
    assert len(server.requests) == sent
    assert text_of(events) == again.text == summary.text
    assert len([event for event in events if isinstance(event, TextDelta)]) == 1


def test_blocking_twin(server: ChatServer) -> None:
    """The blocking client tells the same."""
    with Client(model=SMALL, api_key="k", base_url=server.base_url) as client:
        with client.stream_summary(LONG) as opened:
            events = list(opened)
        assert text_of(events) == opened.summary.text == client.summarize(LONG).text != ""
