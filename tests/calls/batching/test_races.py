"""What happens between two steps of a batch: others act, calls leave, files cannot be written."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from batch_calls import LISTED_LATE, QUICK, ask, client_of, echoes, lanes, request_of, said, until
from batches import BatchServer
from minikit.calls.batching import pilot
from minikit.calls.batching.settings import Batch
from minikit.calls.journal import Journal
from minikit.calls.journal_file import _turn
from minikit.calls.ledger import LedgerEntry
from server import Reply, held, raw, reset

if TYPE_CHECKING:
    from pathlib import Path

    from minikit import AsyncClient
    from minikit.calls.journal_rows import Attempt
    from minikit.calls.pipeline import Pipeline
    from server import Body

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:without a journal:UserWarning"),
]

PATIENT = Batch(gather_s=60, poll_s=0.001, listed_within_s=0)
EMPTY = raw(200, "application/json", b'{"data": []}')
NEVER = held(threading.Event(), EMPTY)


@pytest.fixture
def hold() -> Any:  # noqa: ANN401 - an iterator
    """Set to let replies go that the server holds back."""
    event = threading.Event()
    yield event
    event.set()


async def sent(pipeline: Pipeline, prompt: str, came: list[Any], scope: anyio.CancelScope) -> None:
    """Ask, in a scope that can be cancelled."""
    with scope:
        came.append(await pipeline.send(request_of(prompt)))


async def test_the_driver_leaves_as_its_batch_is_made(
    batches: BatchServer, hold: threading.Event
) -> None:
    """Another finds the batch that was made meanwhile, and sends no second one."""
    batches.fault("create", held(hold, EMPTY), happens=True)
    async with client_of(batches) as client:
        pipeline = client._pipeline.through(replace(PATIENT, max_requests=2))
        came: list[Any] = []
        scope = anyio.CancelScope()
        async with anyio.create_task_group() as group:
            group.start_soon(sent, pipeline, "first", came, scope)
            await until(lambda: lanes(pipeline) and lanes(pipeline)[0]._open_flight().is_led)
            group.start_soon(sent, pipeline, "second", came, anyio.CancelScope())
            await until(lambda: batches.batches)
            scope.cancel()
        assert said(came) == ["You said: second"]
    assert (len(batches.batches), batches.count("create")) == (1, 1)


@pytest.mark.parametrize("happens", [True, False])
async def test_all_leave_as_their_batch_is_made(
    batches: BatchServer,
    hold: threading.Event,
    happens: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a journal it is looked for, and cancelled if it is there."""
    monkeypatch.setattr(pilot, "LEAVE_WITHIN_S", 60.0)
    batches.fault("create", held(hold, EMPTY), happens=happens)
    async with client_of(batches) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(ask, client._pipeline.through(QUICK), ["a"])
            await until(lambda: batches.count("create"))
            group.cancel_scope.cancel()
        assert client.ledger.total.unmeasured == 1
    assert batches.count("list") > 0
    assert batches.count("cancel") == happens


async def test_a_batch_cannot_be_cancelled_in_time(
    batches: BatchServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever leaves does not wait for ever, and says what was left behind."""
    monkeypatch.setattr(pilot, "LEAVE_WITHIN_S", 0.0)
    batches.manual = True
    async with client_of(batches) as client, anyio.create_task_group() as group:
        group.start_soon(ask, client._pipeline.through(QUICK), ["a"])
        await until(lambda: batches.count("retrieve"))
        group.cancel_scope.cancel()
    assert "could not be cancelled in time" in caplog.text


@pytest.mark.parametrize("lists", [2, 10_000])
async def test_a_batch_that_is_not_listed_yet_is_cancelled_or_told_of(
    batches: BatchServer,
    hold: threading.Event,
    lists: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever leaves as it is made looks for it more than once, and says where it was not seen."""
    monkeypatch.setattr(pilot, "LEAVE_WITHIN_S", 0.1 if lists > 2 else 60.0)
    batches.fault("create", held(hold, EMPTY), happens=True)
    batches.fault("list", *[EMPTY] * lists)
    async with client_of(batches) as client, anyio.create_task_group() as group:
        group.start_soon(ask, client._pipeline.through(LISTED_LATE), ["a"])
        await until(lambda: batches.batches)
        group.cancel_scope.cancel()
    assert batches.count("cancel") == (lists == 2)
    assert ("the batch just sent could not be cancelled in time" in caplog.text) == (lists > 2)


async def test_a_batch_that_is_listed_late(batches: BatchServer, path: Path) -> None:
    """A batch that was asked for a moment ago is looked for until the server lists it."""
    async with client_of(batches, journal=path) as client:
        await left(batches, client, "create")
    batches.fault("list", EMPTY, EMPTY)
    async with client_of(batches, journal=path) as client:
        assert said(await ask(client._pipeline.through(LISTED_LATE), ["a"])) == ["You said: a"]
    assert (batches.count("create"), batches.count("list"), len(batches.batches)) == (1, 3, 1)


async def left(server: BatchServer, client: AsyncClient, route: Any) -> None:  # noqa: ANN401 - a route
    """Ask "a" and leave when a route is asked for, whose reply never comes."""
    server.fault(route, NEVER, happens=True)
    async with anyio.create_task_group() as group:
        group.start_soon(ask, client._pipeline.through(QUICK), ["a"])
        await until(lambda: server.count(route))
        group.cancel_scope.cancel()


async def test_older_batches_are_not_looked_through(batches: BatchServer, path: Path) -> None:
    """A wave is not in a batch that was made an hour before it."""
    batches.clock_skew_s = -7_200
    async with client_of(batches) as client:
        await ask(client._pipeline.through(QUICK), ["other"])
    batches.clock_skew_s = 0
    batches.fault("create", NEVER)
    async with client_of(batches, journal=path) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(ask, client._pipeline.through(QUICK), ["a"])
            await until(lambda: batches.count("create") == 2)
            group.cancel_scope.cancel()
        assert said(await ask(client._pipeline.through(QUICK), ["a"])) == ["You said: a"]
    assert len(batches.batches) == 2


async def test_a_list_that_begins_with_the_oldest(batches: BatchServer) -> None:
    """It is read to its end: the batch that is looked for is the last of it."""
    batches.clock_skew_s = -7_200

    def page(server: Any, _body: Body) -> Any:  # noqa: ANN401 - a response
        made = [made.shown for made in batches.batches.values()]
        whole = {"data": [made[0]] * 100 + (made[1:] if batches.count("list") > 1 else [])}
        return raw(200, "application/json", json.dumps(whole).encode()).make(server, {})

    async with client_of(batches) as client:
        await ask(client._pipeline.through(QUICK), ["other"])
        batches.clock_skew_s = 0
        batches.fault("create", reset(), happens=True)
        batches.fault("list", Reply(make=page), Reply(make=page))
        assert said(await ask(client._pipeline.through(LISTED_LATE), ["a"])) == ["You said: a"]
    assert len(batches.batches) == 2


async def test_a_journal_that_breaks_under_way(
    batches: BatchServer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A reply is worth more than its note."""
    batches.manual = True
    async with client_of(batches, journal=path) as client:
        came: list[Any] = []
        async with anyio.create_task_group() as group:
            pipeline = client._pipeline.through(QUICK)
            group.start_soon(sent, pipeline, "a", came, anyio.CancelScope())
            await until(lambda: batches.count("retrieve"))
            await anyio.to_thread.run_sync(partial(_spoil, path, client))
            batches.manual = False
        assert said(came) == ["You said: a"]
    assert "replies could not be kept in the journal" in caplog.text


def _spoil(path: Path, client: AsyncClient) -> None:
    client._pipeline._journal.close()  # type: ignore[union-attr] # there is one
    path.write_bytes(b"This is no journal at all, it is a text." * 100)


@pytest.mark.parametrize("settled", [False, True])
async def test_another_process_acts_as_a_wave_is_taken_over(
    batches: BatchServer, path: Path, settled: bool
) -> None:
    """What another has touched is not claimed; what it has settled begins anew."""
    other = Journal(path)
    async with client_of(batches, journal=path) as client:
        await left(batches, client, "upload")
    async with client_of(batches, journal=path) as client:
        came: list[Any] = []
        async with anyio.create_task_group() as group:
            pipeline = client._pipeline.through(PATIENT)
            group.start_soon(sent, pipeline, "a", came, anyio.CancelScope())
            ((wave, _),) = (await anyio.to_thread.run_sync(other.waves)).items()
            await until(lambda: [way for way in lanes(pipeline) if way._adopted])
            flight = lanes(pipeline)[0]._adopted[wave.id]
            await until(lambda: flight.note == wave)

            def act() -> None:
                other.note_wave(replace(wave, tried_at=wave.begun_at))
                for attempt in other.spent():
                    if settled:
                        other.settle(attempt.id, entry_of(attempt))

            await anyio.to_thread.run_sync(act)

            def goes_on() -> bool:
                for one in lanes(pipeline)[0]._adopted.values():
                    one.last = -math.inf
                    one.stirred.set()
                return bool(came)

            await until(goes_on)
        assert said(came) == ["You said: a"]
    assert len(batches.batches) == 1
    await anyio.to_thread.run_sync(other.close)


def entry_of(attempt: Attempt) -> LedgerEntry:
    """Return what an attempt came to that was cancelled."""
    return LedgerEntry(
        at=attempt.started_at,
        operation=attempt.operation,
        model=attempt.model,
        answered_by=None,
        tier=None,
        attempt=1,
        outcome="cancelled",
        usage=None,
        cost_usd=Decimal(0),
        latency_s=0.0,
        request_id=None,
    )


async def test_a_call_leaves_as_it_is_looked_up(batches: BatchServer, path: Path) -> None:
    """The others go on; nobody waits for it."""
    batches.manual = True
    async with client_of(batches, journal=path) as client:
        pipeline = client._pipeline.through(QUICK)
        async with anyio.create_task_group() as group:
            group.start_soon(ask, pipeline, ["first", "second"])
            await until(lambda: batches.count("retrieve"))
            group.cancel_scope.cancel()
    async with client_of(batches, journal=path) as client:
        pipeline = client._pipeline.through(QUICK)
        came: list[Any] = []
        scope = anyio.CancelScope()
        async with anyio.create_task_group() as group:
            group.start_soon(sent, pipeline, "first", came, anyio.CancelScope())
            await until(lambda: [way for way in lanes(pipeline) if way._flying])
            group.start_soon(sent, pipeline, "second", came, scope)
            (flight,) = lanes(pipeline)[0]._flying
            await until(lambda: len(flight.aboard) == 2)
            with _turn:  # no thread reads the journal now
                batches.finish()
                batches.manual = False
                await until(lambda: not flight.is_open)
                scope.cancel()
                await until(lambda: len(flight.aboard) == 1)
        assert said(came) == ["You said: first"]


async def test_a_call_leaves_that_another_process_has_sent(
    batches: BatchServer, path: Path
) -> None:
    """It joins no other batch."""
    batches.manual = True
    prompts = ["first", "second"]
    async with client_of(batches, journal=path) as late, client_of(batches, journal=path) as early:
        came: list[Any] = []
        scope = anyio.CancelScope()
        async with anyio.create_task_group() as group:
            pipeline = late._pipeline.through(PATIENT)
            group.start_soon(sent, pipeline, "first", came, anyio.CancelScope())
            await until(lambda: lanes(pipeline) and lanes(pipeline)[0]._open_flight().is_led)
            group.start_soon(sent, pipeline, "second", came, scope)
            flight = lanes(pipeline)[0]._open_flight()
            await until(lambda: len(flight.waiting) == 2)
            group.start_soon(ask, early._pipeline.through(QUICK), prompts)
            await until(lambda: batches.count("retrieve"))
            with _turn:
                flight.last = -math.inf
                flight.stirred.set()
                await until(lambda: {item.fate for item in flight.waiting.values()} == {"aboard"})
                scope.cancel()
                await until(lambda: len(flight.waiting) == 1)
            batches.manual = False
        assert said(came) == ["You said: first"]
    assert len(batches.batches) == 1


@pytest.mark.parametrize("all_of_them", [False, True])
async def test_another_process_is_answered_before_a_wave_is_sent(
    batches: BatchServer, path: Path, all_of_them: bool
) -> None:
    """What was looked up before, and has come since, is taken from the journal and not sent."""
    prompts = ["first", "second", "third"]
    first = prompts if all_of_them else prompts[:2]
    async with client_of(batches, journal=path, budget_usd="1") as late:
        came: list[Any] = []
        async with anyio.create_task_group() as group:
            pipeline = late._pipeline.through(PATIENT)
            for prompt in prompts:
                group.start_soon(sent, pipeline, prompt, came, anyio.CancelScope())
            await until(
                lambda: lanes(pipeline) and len(lanes(pipeline)[0]._open_flight().waiting) == 3
            )
            async with client_of(batches, journal=path) as early:
                await ask(early._pipeline.through(QUICK), first)
            flight = lanes(pipeline)[0]._open_flight()
            flight.last = -math.inf
            flight.stirred.set()
        assert sorted(said(came)) == echoes(prompts)
        replayed = sorted(one.text for one in came if one.replayed and one.attempts == 0)
        assert replayed == echoes(first)
        assert late.ledger.total.entries == len(prompts) - len(first)
        assert pipeline.account.budget
        assert pipeline.account.budget.reserved_usd == 0
        assert pipeline.account.budget.unknown_usd == 0
    assert sorted(line["body"]["messages"][0]["content"] for line in batches.items) == prompts
