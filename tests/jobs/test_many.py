"""complete_many: one outcome a row, whatever happens to the others."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from minikit import (
    ArgumentError,
    AsyncClient,
    AsyncOutcomes,
    AuthenticationError,
    BudgetExceededError,
    Client,
    ClosedError,
    Completion,
    ContextOverflowError,
    ManyPlan,
    Message,
    MissingKeyError,
    Model,
    Outcome,
    Price,
    QuotaExhaustedError,
    RefusalError,
    Retry,
    RowsProgress,
    SchemaError,
    ServerError,
    SourceError,
    Usage,
    count_tokens,
)
from minikit.errors import JournalError
from minikit.jobs import blame
from minikit.jobs.completing import run as row_run
from minikit.jobs.completing.rows import Record, rows_of
from minikit.jobs.many import prepare
from server import ChatServer, Reply, error, hang, held, ok, prompt_of

if TYPE_CHECKING:
    from server import Body

TEMPLATE = "Write to {name}."
FAST = Retry(wait_initial_s=0.0, attempts=2)


class Label(BaseModel):
    """What a comment is about."""

    topic: Literal["price", "taste"]
    stars: int


def people(number: int) -> list[dict[str, str]]:
    """Return rows with names that tell them apart."""
    return [{"name": f"P{index}"} for index in range(number)]


def named(body: Body) -> int:
    """Return the number of the person that a request is about."""
    found = re.search(r"P(\d+)\.", prompt_of(body))
    assert found
    return int(found[1])


def echo(body: Body) -> Reply:
    """Answer with the name."""
    return ok(f"Dear P{named(body)}")


def client_of(server: ChatServer, **options: Any) -> AsyncClient:  # noqa: ANN401 - its options
    """Return a client of the server."""
    given: dict[str, Any] = {"api_key": "k", "base_url": server.base_url, "retry": FAST}
    return AsyncClient(**(given | options))


async def taken(outcomes: AsyncOutcomes[Any], found: list[int]) -> None:
    """Take all outcomes, and keep their numbers, until there are no more or an error."""
    async for outcome in outcomes:
        found.append(outcome.index)  # noqa: PERF401 - those before an error, too


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other threads or tasks bring about."""
    with anyio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - there is no event for it
            await anyio.sleep(0.005)


async def outcomes_of(client: AsyncClient, rows: Any, **options: Any) -> list[Outcome[Any]]:  # noqa: ANN401
    """Return all outcomes."""
    async with client.complete_many(rows, TEMPLATE, **options) as outcomes:
        return [outcome async for outcome in outcomes]


@pytest.mark.anyio
async def test_each_row_has_its_reply(server: ChatServer) -> None:
    """The template is filled with each row, and the outcomes come in order with the bill."""
    server.handler = echo
    async with (
        client_of(server) as client,
        client.complete_many(people(40), TEMPLATE) as outcomes,
    ):
        found = [outcome async for outcome in outcomes]
        assert [outcome.index for outcome in found] == list(range(40))
        assert [outcome.text for outcome in found] == [f"Dear P{index}" for index in range(40)]
        assert [outcome.row for outcome in found] == people(40)
        assert {outcome.error for outcome in found} == {None}
        assert (outcomes.done, outcomes.failed, outcomes.total) == (40, 0, 40)
        total = client.ledger.total
        assert (outcomes.usage, outcomes.cost_usd) == (total.usage, total.cost_usd)
        assert (outcomes.failed_cost_usd, outcomes.unmeasured) == (Decimal(0), 0)
        assert (outcomes.model, outcomes.notes) == ("gpt-4o-mini", ())
        assert list(client.ledger.by_operation()) == ["complete_many.map"]


@pytest.mark.anyio
async def test_what_all_rows_share_stands_first(server: ChatServer) -> None:
    """The system prompt leads each request, so that it is read from the cache; options are sent."""
    async with client_of(server) as client:
        await outcomes_of(
            client, people(2), system="Be kind.", max_output_tokens=9, temperature=0.5, seed=7
        )
    for body in server.bodies:
        assert [message["role"] for message in body["messages"]] == ["system", "user"]
        assert body["messages"][0]["content"] == "Be kind."
        assert (body["temperature"], body["seed"]) == (0.5, 7)
        assert body["max_completion_tokens"] == 9


@pytest.mark.anyio
async def test_rows_that_are_equal(server: ChatServer) -> None:
    """Each is asked for, and each has its outcome."""
    server.handler = echo
    async with client_of(server) as client:
        found = await outcomes_of(client, people(1) * 5)
    assert [outcome.text for outcome in found] == ["Dear P0"] * 5
    assert len(server.requests) == 5


@pytest.mark.anyio
async def test_equal_rows_with_a_journal(server: ChatServer, tmp_path: Path) -> None:
    """The second is answered by what the first has paid for, and no cost is below nothing."""
    server.handler = echo
    async with (
        client_of(server, journal=tmp_path / "calls.sqlite", max_concurrency=1) as client,
        client.complete_many(people(1) * 2, TEMPLATE) as outcomes,
    ):
        assert [outcome.text async for outcome in outcomes] == ["Dear P0"] * 2
        assert outcomes.cost_usd == 2 * client.ledger.total.cost_usd
        assert outcomes.failed_cost_usd == Decimal(0)
    assert len(server.requests) == 1


@pytest.mark.anyio
async def test_errors_of_rows_stand_beside_the_rest(server: ChatServer) -> None:
    """A field that lacks, a filter, a prompt too long, a server that fails: the others go on."""
    replies = {
        2: error(400, code="content_filter"),
        3: error(500),
        5: ok("cut", finish_reason="length"),
    }
    server.handler = lambda body: replies.get(named(body)) or echo(body)
    rows: list[Any] = [*people(8), {"nmae": "x"}, 5, {"name": "long " * 130_000}, {"name": None}]
    heard: list[RowsProgress] = []
    async with (
        client_of(server) as client,
        client.complete_many(rows, TEMPLATE, on_event=heard.append) as outcomes,
    ):
        found = [outcome async for outcome in outcomes]
    kinds = {outcome.index: type(outcome.error) for outcome in found if outcome.error}
    assert kinds == {
        2: RefusalError,
        3: ServerError,
        8: ArgumentError,
        9: ArgumentError,
        10: ContextOverflowError,
        11: ArgumentError,
    }
    assert len(found) == 12
    assert all((outcome.completion is None) == (outcome.error is not None) for outcome in found)
    assert (found[2].text, found[2].parsed, found[5].text) == (None, None, "cut")
    assert (outcomes.done, outcomes.failed) == (12, 6)
    assert outcomes.notes == (
        "replies that were cut off by their limit: 1; raise max_output_tokens",
    )
    assert (heard[-1].done, heard[-1].failed, heard[-1].total) == (12, 6, 12)
    assert heard[-1].usage == outcomes.usage
    assert heard[-1].cost_usd == outcomes.cost_usd


@pytest.mark.anyio
async def test_limits_in_the_middle(server: ChatServer) -> None:
    """A server that asks to slow down gets its time, and every row its reply."""
    server.handler = echo
    refused = error(429, code="rate_limit_exceeded", headers={"retry-after-ms": "1"})
    server.script([*[Reply(make=lambda s, b: echo(b).make(s, b))] * 5, *[refused] * 6])
    async with client_of(server, retry=Retry(wait_initial_s=0.001)) as client:
        found = await outcomes_of(client, people(20))
    assert [outcome.text for outcome in found] == [f"Dear P{index}" for index in range(20)]
    assert len(server.requests) == 26


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_exactly_one_outcome_a_row(data: st.DataObject) -> None:
    """Whatever each row brings, in whichever order and form the rows are given."""
    faults = [None, error(400), error(500), error(400, code="content_filter"), ok(None)]
    each = data.draw(st.lists(st.integers(0, len(faults)), max_size=25))
    rows: list[Any] = [
        {"x": 1} if fault == len(faults) else {"name": f"P{index}"}
        for index, fault in enumerate(each)
    ]
    in_order, once = data.draw(st.booleans()), data.draw(st.booleans())
    with ChatServer(handler=lambda body: faults[each[named(body)]] or echo(body)) as server:
        options: dict[str, Any] = {"api_key": "k", "base_url": server.base_url}
        with Client(retry=Retry(attempts=1), max_concurrency=3, **options) as client:
            source = iter(rows) if once else rows
            found = list(client.complete_many(source, TEMPLATE, in_order=in_order))
    indices = [outcome.index for outcome in found]
    assert (indices if in_order else sorted(indices)) == list(range(len(rows)))
    for outcome in found:
        assert outcome.row == rows[outcome.index]
        assert (outcome.error is None) == (each[outcome.index] == 0)
        assert outcome.text == (None if outcome.error else f"Dear P{outcome.index}")


@pytest.mark.anyio
async def test_as_they_come(server: ChatServer) -> None:
    """A slow row holds up no other."""
    go = threading.Event()
    server.handler = lambda body: held(go, echo(body)) if named(body) == 0 else echo(body)
    async with (
        client_of(server, max_concurrency=2) as client,
        client.complete_many(people(30), TEMPLATE, in_order=False) as outcomes,
    ):
        found = [await anext(outcomes) for _ in range(29)]
        go.set()
        last = [outcome async for outcome in outcomes]
    assert sorted(outcome.index for outcome in found) == list(range(1, 30))
    assert [outcome.index for outcome in last] == [0]


@pytest.mark.anyio
async def test_in_order_a_slow_row_holds_up_a_window(server: ChatServer) -> None:
    """So many rows are read after it, and no more; then they all come."""
    go = threading.Event()
    server.handler = lambda body: held(go, echo(body)) if named(body) == 0 else echo(body)
    read: list[int] = []

    def rows() -> Iterator[dict[str, str]]:
        for index in range(100):
            read.append(index)
            yield {"name": f"P{index}"}

    window = 2 * row_run.WINDOW_PER_CALL
    async with (
        client_of(server, max_concurrency=2) as client,
        client.complete_many(rows(), TEMPLATE) as outcomes,
    ):
        await until(lambda: outcomes.done == window - 1)
        assert len(read) <= window + 1  # one more is ready
        go.set()
        found = [outcome.index async for outcome in outcomes]
    assert found == list(range(100))


@pytest.mark.anyio
async def test_memory_is_bounded() -> None:
    """Of 2,000 rows no more are held at once than the window has, however slowly they are taken."""
    read = done = most = 0

    class Asking:
        max_concurrency = 4

        class tally:  # noqa: N801 - stands for a value
            done = 2_000

            @staticmethod
            def end_row(_completion: object, *, failed: bool) -> None:
                assert not failed

        async def answer(self, record: Record) -> Completion:
            await anyio.lowlevel.checkpoint()
            return Completion(
                text=str(record.index),
                usage=Usage(),
                cost_usd=None,
                finish_reason="stop",
                model="m",
            )

    def rows() -> Iterator[str]:
        nonlocal read, most
        for index in range(2_000):
            read += 1
            most = max(most, read - done)
            yield str(index)

    job = SimpleNamespace(source=rows_of(rows(), ()), in_order=True, total=None)
    run: row_run.RowRun[None] = row_run.RowRun(job, Asking())  # type: ignore[arg-type] # all it needs
    async with anyio.create_task_group() as group:
        group.start_soon(run.work)
        for index in range(2_000):
            assert (await run.next()).text == str(index)
            done += 1
        with pytest.raises(StopAsyncIteration):
            await run.next()
        run.close()
    assert most <= 4 * row_run.WINDOW_PER_CALL + 2


@pytest.mark.anyio
async def test_a_schema(server: ChatServer) -> None:
    """Replies are values; one that does not fit is the error of its row, and is paid for."""
    good = json.dumps({"topic": "price", "stars": 4})
    server.handler = lambda body: ok(good if "P1." not in prompt_of(body) else '{"topic": 1}')
    async with (
        client_of(server) as client,
        client.complete_many(people(3), TEMPLATE, schema=Label) as outcomes,
    ):
        found = [outcome async for outcome in outcomes]
        assert outcomes.cost_usd == client.ledger.total.cost_usd
    assert [outcome.parsed for outcome in found] == [
        Label(topic="price", stars=4),
        None,
        Label(topic="price", stars=4),
    ]
    assert isinstance(found[1].error, SchemaError)
    assert found[0].text == good


@pytest.mark.anyio
async def test_offline() -> None:
    """The offline model answers with the sentences that count, and fills no schema."""
    async with AsyncClient(model="offline") as client:
        found = await outcomes_of(client, people(2))
        assert [outcome.text for outcome in found] == ["Write to P0.", "Write to P1."]
        with pytest.raises(ArgumentError, match="cannot fill a schema: choose another model"):
            await outcomes_of(client, people(2), schema=Label)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"temperature": 9}, "temperature=9 is out of range"),
        ({"system": " "}, "system is a text or None"),
        ({"in_order": 1}, "in_order is True or False"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"budget_usd": "x"}, "budget_usd"),
        ({"on_event": 5}, "on_event is a function"),
        ({"schema": 5}, "5"),
    ],
)
@pytest.mark.anyio
async def test_options_that_cannot_be(
    server: ChatServer, options: dict[str, Any], complaint: str
) -> None:
    """They are errors before anything is sent."""
    async with client_of(server) as client:
        with pytest.raises(ArgumentError, match=complaint):
            await outcomes_of(client, people(2), **options)
    assert not server.requests


@pytest.mark.anyio
async def test_a_file(server: ChatServer, tmp_path: Path) -> None:
    """Rows of a file are read twice: to be counted, and to be sent."""
    server.handler = echo
    path = tmp_path / "people.csv"
    path.write_text("name,unused\nP0,x\nP1\nP2,y\n")
    async with (
        client_of(server) as client,
        client.complete_many(path, TEMPLATE) as outcomes,
    ):
        found = [outcome async for outcome in outcomes]
        assert outcomes.total == 3
    assert [outcome.text for outcome in found] == ["Dear P0", None, "Dear P2"]
    assert isinstance(found[1].error, SourceError)
    async with client_of(server) as client:
        with pytest.raises(ArgumentError, match="for 'city', but the columns"):
            async with client.complete_many(path, "Write to {city}."):
                pass
        with pytest.raises(SourceError, match="no such file"):
            await outcomes_of(client, tmp_path / "none.csv")
    assert len(server.requests) == 2


@pytest.mark.anyio
async def test_async_rows(server: ChatServer) -> None:
    """An async iterable is read in the loop, and closed when the job is left."""
    server.handler = echo
    closed: list[bool] = []

    async def rows() -> AsyncIterator[dict[str, str]]:
        try:
            for row in people(50):
                yield row
        finally:
            closed.append(True)

    async with client_of(server) as client:
        found = await outcomes_of(client, rows())
        assert [outcome.text for outcome in found] == [f"Dear P{index}" for index in range(50)]
        async with client.complete_many(rows(), TEMPLATE) as outcomes:
            await anext(outcomes)
    assert closed == [True, True]


@pytest.mark.anyio
async def test_rows_are_read_in_one_thread() -> None:
    """An iterator may hold what belongs to a thread, as a connection to a database."""
    threads: set[int] = set()

    def rows() -> Iterator[dict[str, str]]:
        for row in people(50):
            threads.add(threading.get_ident())
            yield row

    async with AsyncClient(model="offline") as client:
        await outcomes_of(client, rows())
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.anyio
async def test_rows_that_break_off(server: ChatServer, is_async: bool) -> None:
    """What the iterable raises comes after the outcomes that there are."""
    server.handler = echo

    def rows() -> Iterator[dict[str, str]]:
        yield from people(3)
        raise LookupError("gone")

    async def arows() -> AsyncIterator[dict[str, str]]:
        for row in rows():
            yield row

    found: list[int] = []
    async with (
        client_of(server) as client,
        client.complete_many(arows() if is_async else rows(), TEMPLATE) as outcomes,
    ):
        for _ in range(2):
            with pytest.raises(LookupError, match="gone") as caught:
                await taken(outcomes, found)
    assert found == [0, 1, 2]
    assert caught.value.__notes__ == ["rows with an outcome: 3, without: all others"]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(401), AuthenticationError),
        (error(429, code="insufficient_quota", type="insufficient_quota"), QuotaExhaustedError),
    ],
)
@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.anyio
async def test_what_is_wrong_with_every_row_ends_the_job(
    server: ChatServer, reply: Reply, kind: type[Exception], in_order: bool
) -> None:
    """Calls in flight are awaited, their outcomes come, and then the error, each time."""
    go = threading.Event()

    def answer(body: Body) -> Reply:
        made = reply if named(body) == 5 else echo(body)
        return held(go, made) if named(body) >= 5 else made

    server.handler = answer
    found: list[int] = []
    async with (
        client_of(server, max_concurrency=4) as client,
        client.complete_many(people(500), TEMPLATE, in_order=in_order) as outcomes,
    ):
        found += [(await anext(outcomes)).index for _ in range(5)]
        await until(lambda: server.in_flight == 4)
        go.set()
        for _ in range(2):
            with pytest.raises(kind, match=r"; rows with an outcome: \d+, without: \d+$") as caught:
                await taken(outcomes, found)
    done, left = re.findall(r"outcome: (\d+), without: (\d+)", str(caught.value))[0]
    assert int(done) == len(found)
    assert int(left) == 500 - len(found)
    assert 5 not in found
    assert {0, 1, 2, 3, 4, 6, 7, 8} <= set(found)
    assert len(found) == len(set(found)) == len(server.requests) - 1
    if in_order:
        assert found == sorted(found)


@pytest.mark.anyio
async def test_a_slow_iterable_does_not_hold_up_the_end(server: ChatServer) -> None:
    """Where the job ends, nobody waits for the next row; nor where it is left."""
    go = threading.Event()
    server.handler = lambda body: error(401) if named(body) == 1 else echo(body)

    def rows() -> Iterator[dict[str, str]]:
        yield from people(2)
        go.wait(10)

    async with client_of(server) as client:
        with pytest.raises(AuthenticationError, match="with an outcome: 1, without: all others"):
            await outcomes_of(client, rows())
        async with client.complete_many(rows(), TEMPLATE) as outcomes:
            await anext(outcomes)
    go.set()


@pytest.mark.anyio
async def test_a_full_window_does_not_hold_up_the_end(server: ChatServer) -> None:
    """Workers that wait for room end, too, when an early row ends the job."""
    go = threading.Event()
    server.handler = lambda body: held(go, error(401)) if named(body) == 0 else echo(body)
    async with (
        client_of(server, max_concurrency=2) as client,
        client.complete_many(people(100), TEMPLATE) as outcomes,
    ):
        await until(lambda: outcomes.done == 2 * row_run.WINDOW_PER_CALL - 1)
        go.set()
        found: list[int] = []
        with pytest.raises(AuthenticationError, match="with an outcome: 15, without: 85"):
            await taken(outcomes, found)
    assert found == list(range(1, 2 * row_run.WINDOW_PER_CALL))


@pytest.mark.anyio
async def test_a_server_that_is_down(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many failures in a row the job ends; refusals and what is answered do not count."""
    monkeypatch.setattr(blame, "FAILED_IN_A_ROW", 10)
    down = error(500)
    refusal = error(400, code="content_filter")
    server.handler = lambda body: (
        echo(body) if named(body) == 9 else refusal if named(body) < 40 else down
    )
    found: list[int] = []
    async with (
        client_of(server, max_concurrency=1, retry=Retry(attempts=1)) as client,
        client.complete_many(people(500), TEMPLATE) as outcomes,
    ):
        last = [await anext(outcomes) for _ in range(50)][-1]
        with pytest.raises(ServerError, match="with an outcome: 50, without: 450"):
            await taken(outcomes, found)
    assert found == []
    assert type(last.error) is ServerError
    assert "with an outcome" not in str(last.error)


@pytest.mark.anyio
async def test_the_budget_of_the_job(server: ChatServer) -> None:
    """No call is sent that could pass it; the outcomes that it paid for come first."""
    server.handler = echo
    model = Model(
        id="m",
        context_window=1_000,
        max_output_tokens=100,
        price=Price(input_usd_per_mtok=0, output_usd_per_mtok=10_000),
    )
    found: list[int] = []
    async with client_of(server, model=model) as client:
        async with client.complete_many(
            people(100), TEMPLATE, max_output_tokens=20, budget_usd=2
        ) as outcomes:
            with pytest.raises(BudgetExceededError, match="rows with an outcome") as caught:
                await taken(outcomes, found)
        assert caught.value.spent_usd == client.ledger.total.cost_usd
        assert client.ledger.total.cost_usd <= 2
        assert len(found) == len(server.requests) > 10
        with pytest.raises(BudgetExceededError, match="nothing was sent"):
            await outcomes_of(client, people(100), budget_usd="0.5")


@pytest.mark.anyio
async def test_no_key() -> None:
    """That is told before a row is read."""
    async with AsyncClient(model="gpt-4o-mini") as client:
        with pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
            await outcomes_of(client, people(2))


@pytest.mark.anyio
async def test_a_journal_answers_what_was_answered(server: ChatServer, tmp_path: Path) -> None:
    """Rows with a reply cost nothing the second time, and count against the budget of the job."""
    server.handler = echo
    journal = tmp_path / "journal.sqlite"
    for _ in range(2):
        async with (
            client_of(server, journal=journal) as client,
            client.complete_many(people(30), TEMPLATE, budget_usd=1) as outcomes,
        ):
            texts = [outcome.text async for outcome in outcomes]
            assert texts == [f"Dear P{index}" for index in range(30)]
            again = outcomes.replayed_cost_usd == outcomes.cost_usd
    assert again
    assert len(server.requests) == 30


@pytest.mark.anyio
async def test_a_journal_that_fails(server: ChatServer, tmp_path: Path) -> None:
    """It ends the job."""
    (tmp_path / "journal").write_text("This is no journal." * 100)
    async with client_of(server, journal=tmp_path / "journal") as client:
        with pytest.raises(JournalError, match="with an outcome: 0, without: 9"):
            await outcomes_of(client, people(9))
    assert not server.requests


@pytest.mark.anyio
async def test_leaving_early(server: ChatServer) -> None:
    """The calls in flight are cancelled, and their money is given back."""
    server.handler = lambda body: echo(body) if named(body) < 3 else hang()
    async with client_of(server, budget_usd=1, max_concurrency=4) as client:
        async with client.complete_many(people(99), TEMPLATE) as outcomes:
            assert (await anext(outcomes)).index == 0
            await until(lambda: server.in_flight == 4)
        budget = client._pipeline.account.budget
        assert budget
        assert budget.reserved_usd == 0
        left: list[int] = []
        await taken(outcomes, left)
        assert len(left) < 99


@pytest.mark.anyio
async def test_a_stream_is_opened_once_and_read_in_its_with(server: ChatServer) -> None:
    """Reading before and opening twice are mistakes."""
    async with client_of(server) as client:
        outcomes = client.complete_many(people(1), TEMPLATE)
        with pytest.raises(ArgumentError, match="open the outcomes"):
            await anext(outcomes)
        with pytest.raises(ArgumentError, match="open the outcomes"):
            _ = outcomes.cost_usd
        async with outcomes:
            pass
        with pytest.raises(ArgumentError, match="opened once"):
            async with outcomes:
                pass


@pytest.mark.anyio
async def test_a_client_made_for_it_is_closed(server: ChatServer) -> None:
    """What shall be done at the end is done, also where the job cannot begin."""
    for rows in (people(2), 5):
        client = client_of(server)
        made = client.complete_many(rows, TEMPLATE)  # type: ignore[arg-type] # one is none
        made._closing = client.aclose
        try:
            async with made as outcomes:
                assert len([outcome async for outcome in outcomes]) == 2
        except ArgumentError:
            assert rows == 5
        with pytest.raises(ClosedError, match="closed"):
            await client.complete("Hello?")


@pytest.mark.parametrize("where", ["hook", "rows", "event"])
@pytest.mark.anyio
async def test_who_exits(server: ChatServer, where: str) -> None:
    """SystemExit from a hook, an iterable or a listener reaches the reader; the loop goes on."""

    def leave(_: object) -> None:
        raise SystemExit(3)

    def rows() -> Iterator[dict[str, str]]:
        yield from people(1)
        leave(None)

    hooks = [leave] if where == "hook" else []
    async with client_of(server, hooks=hooks) as client:
        with pytest.raises(SystemExit, match="3"):
            await outcomes_of(
                client,
                rows() if where == "rows" else people(3),
                on_event=leave if where == "event" else None,
            )


@pytest.mark.anyio
async def test_plan(server: ChatServer, tmp_path: Path) -> None:
    """Prompts are counted exactly as they are sent; rows that cannot be sent are told apart."""
    rows: list[Any] = [*people(3), {"x": 1}, {"name": "long " * 130_000}]
    async with client_of(server) as client:
        plan = await client.plan(
            rows, verb="complete_many", template=TEMPLATE, system="Be kind.", max_output_tokens=10
        )
        assert isinstance(plan, ManyPlan)
        assert (plan.rows, plan.rows_unusable, plan.calls_at_most) == (5, 2, 3)
        tokens = sum(
            count_tokens(
                [
                    Message(role="system", content="Be kind."),
                    Message(role="user", content=f"Write to P{index}."),
                ]
            )
            for index in range(3)
        )
        (level,) = plan.levels
        assert level.input_tokens_at_least == level.input_tokens_at_most == tokens
        assert level.output_tokens_at_most == 30
        assert str(plan).endswith("rows that cannot be sent: 2 of 5")
        async with client.complete_many(
            rows, TEMPLATE, system="Be kind.", max_output_tokens=10
        ) as outcomes:
            assert len([outcome async for outcome in outcomes]) == 5
            assert outcomes.usage.input_tokens == tokens
            assert outcomes.cost_usd is not None
            assert plan.cost_usd_at_least is not None
            assert plan.cost_usd_at_least <= outcomes.cost_usd <= (plan.cost_usd_at_most or 0)
            assert outcomes.plan == plan
        labels = await client.plan(people(2), verb="complete_many", template=TEMPLATE, schema=Label)
        assert labels.levels[0].input_tokens_at_most > labels.levels[0].input_tokens_at_least
        assert "cannot be sent" not in str(labels)


@pytest.mark.anyio
async def test_a_plan_of_what_can_be_read_once(server: ChatServer) -> None:
    """Nothing is known of it, and that is what the plan says."""
    async with client_of(server) as client:
        plan = await client.plan(iter(people(3)), verb="complete_many", template=TEMPLATE)
    assert isinstance(plan, ManyPlan)
    assert (plan.rows, plan.levels, plan.cost_usd_at_least) == (None, (), None)
    assert str(plan) == "unknown: the rows can be read only once"


@pytest.mark.anyio
async def test_jobs_are_told_apart(server: ChatServer) -> None:
    """What decides on the calls decides on the job, whose spending a budget adds up."""
    setting = AsyncClient()._setting
    model = Model.resolve("gpt-4o-mini")

    def digest(rows: Any, template: str = TEMPLATE, **options: Any) -> str:  # noqa: ANN401
        return prepare(rows, template, model=model, setting=setting, **options).digest

    same = digest(people(2))
    assert digest(people(2), budget_usd=1, in_order=False, on_event=print) == same
    others = [digest(people(3)), digest(people(2), "{name}"), digest(people(2), seed=1)]
    others.append(digest(people(2), schema=Label))
    assert len({same, *others}) == 5
    assert digest(iter(people(2))) == digest(iter(people(3)))
    surrogates = [{"name": "\ud800"}, {"name": b"x"}, {1: 2}]
    assert digest(surrogates) == digest(surrogates)
