"""Faults on the wire, on the disk and in the program: what each costs, leaves behind and tells."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from minikit import AsyncClient, CallError, Client, Completion, JournalError, Model, Retry
from minikit.calls.budget import Budget
from minikit.calls.journal import Journal
from minikit.calls.pipeline import Pipeline
from minikit.calls.request import Request
from server import ChatServer, Recorded, Reply, error, hang, held, ok, raw, reset, slow

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from minikit.calls.hooks import Event
    from minikit.calls.ledger import LedgerEntry

SECRET = "sk-test-SECRET"
PROMPT = "What does the harbour master of Nowhere keep in his green box?"
SOON = Retry(wait_initial_s=0.0)
ONCE = Retry(attempts=1)

FREE = Decimal(0)
UNKNOWN = None
PAID = "paid"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n"


def client_of(server: ChatServer, **options: Any) -> AsyncClient:  # noqa: ANN401 - of AsyncClient
    """Make a client of `server` that retries without waiting."""
    return AsyncClient(**{"api_key": SECRET, "base_url": server.base_url, "retry": SOON, **options})


def budget_of(client: AsyncClient) -> Budget:
    """Return the budget of a client that has one."""
    budget = client._pipeline.account.budget
    assert budget is not None
    return budget


def in_flight(client: AsyncClient | Pipeline) -> int:
    """Count the requests that have a turn at the rate limit."""
    pipeline = client if isinstance(client, Pipeline) else client._pipeline
    return sum(len(pace._log.in_flight) for pace in pipeline._paces.values())


def trickle(every_s: float) -> Reply:
    """Answer a byte at a time, with `every_s` between two, and never come to an end."""

    def before(server: ChatServer, recorded: Recorded, connection: socket.socket) -> None:
        for byte in HEAD + b" " * 900:
            connection.sendall(bytes([byte]))
            server.closing.wait(every_s)
            server.stop_if_over(recorded, connection)

    return Reply(make=ok().make, before=before)


def hang_inside() -> Reply:
    """Answer with the beginning of a body, and never with the rest."""

    def before(server: ChatServer, recorded: Recorded, connection: socket.socket) -> None:
        connection.sendall(HEAD + b'{"id": "chatcmpl-1", "choices": [')
        while True:
            server.closing.wait(0.005)
            server.stop_if_over(recorded, connection)

    return Reply(make=ok().make, before=before)


USAGE = b'"usage": {"prompt_tokens": 20, "completion_tokens": 3}'
FAULTS: list[tuple[str, Reply, str, object, bool]] = [
    ("429", error(429, code="rate_limit_exceeded"), "rate_limited", FREE, True),
    (
        "429 with a header",
        error(429, headers={"retry-after-ms": "1"}),
        "rate_limited",
        FREE,
        True,
    ),
    ("500", error(500), "server_error", FREE, True),
    ("503", error(503, code="server_is_overloaded"), "server_error", FREE, True),
    ("409", error(409), "server_error", FREE, True),
    ("408", error(408), "server_error", UNKNOWN, True),
    ("504", error(504), "server_error", UNKNOWN, True),
    ("503 of a proxy", raw(503, "text/html", b"<html>"), "server_error", UNKNOWN, True),
    (
        "500 of LiteLLM",
        error(500, code="500", headers={"x-litellm-call-id": "c-1"}),
        "server_error",
        UNKNOWN,
        True,
    ),
    ("reset before the reply", reset(), "no_reply", UNKNOWN, False),
    ("reset inside the body", reset(30), "no_reply", UNKNOWN, False),
    ("hang before the headers", hang(), "timeout", UNKNOWN, False),
    ("hang inside the body", hang_inside(), "timeout", UNKNOWN, False),
    ("trickle", trickle(0.01), "timeout", UNKNOWN, False),
    (
        "truncated JSON",
        raw(200, "application/json", b'{"choices": [{"mes'),
        "bad_reply",
        UNKNOWN,
        True,
    ),
    ("HTML", raw(200, "text/html", b"<html>Welcome</html>"), "bad_reply", UNKNOWN, True),
    ("{}", raw(200, "application/json", b"{}"), "bad_reply", UNKNOWN, True),
    (
        "empty choices",
        raw(200, "application/json", b'{"choices": [], ' + USAGE + b"}"),
        "bad_reply",
        PAID,
        True,
    ),
    ("no finish reason", ok("Fine.", finish_reason=None), "bad_reply", PAID, True),
    ("null content", ok(None), "empty", PAID, True),
    ("refusal", ok(None, message={"refusal": "I cannot."}), "refused", PAID, True),
    ("content filter", ok("No.", finish_reason="content_filter"), "refused", PAID, True),
    ("filter before the model", error(400, code="content_filter"), "refused", FREE, True),
    ("401", error(401, code="invalid_api_key"), "rejected", FREE, True),
    ("404", error(404, code="model_not_found"), "rejected", FREE, True),
]
EACH_FAULT = pytest.mark.parametrize(
    ("fault", "outcome", "cost", "has_id"),
    [each[1:] for each in FAULTS],
    ids=[each[0] for each in FAULTS],
)


def assert_booked(entry: LedgerEntry, outcome: str, cost: object, *, has_id: bool) -> None:
    """Check what the ledger says of a first attempt that failed."""
    assert (entry.attempt, entry.outcome) == (1, outcome)
    assert (entry.operation, entry.model) == ("complete", "gpt-4o-mini")
    assert entry.request_id == ("req_00000001" if has_id else None)
    assert entry.latency_s > 0
    assert not entry.carried
    if cost == PAID:
        assert entry.usage
        assert entry.cost_usd
    else:
        assert (entry.cost_usd, entry.usage) == (cost, None)


@pytest.mark.anyio
@EACH_FAULT
async def test_failed_call_is_booked_and_keeps_secrets(  # noqa: PLR0917 - a row of the table
    server: ChatServer,
    fault: Reply,
    outcome: str,
    cost: object,
    has_id: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A failed call is in the ledger with its cost, and nothing that it tells holds a secret."""
    caplog.set_level(logging.DEBUG, logger="minikit")
    events: list[Event] = []
    server.script([fault])
    async with client_of(server, timeout_s=0.15, retry=ONCE, hooks=[events.append]) as client:
        with pytest.raises(CallError, match=r"\w") as raised:
            await client.complete(PROMPT)
        (entry,) = client.ledger.entries
        shown = [str(client.ledger.rows()), entry.to_json(), repr(client)]
        assert in_flight(client) == 0
    assert_booked(entry, outcome, cost, has_id=has_id)
    failure = raised.value
    assert failure.attempts == 1
    shown += [str(failure), repr(failure), str(vars(failure)), *map(repr, events)]
    shown += traceback.format_exception(failure)
    shown += [record.getMessage() for record in caplog.records if "minikit" in record.name]
    assert len(caplog.records) >= 2
    for text in shown:
        assert SECRET not in text
        assert PROMPT not in text


@pytest.mark.anyio
@EACH_FAULT
async def test_budget_after_a_fault(
    server: ChatServer, fault: Reply, outcome: str, cost: object, has_id: bool
) -> None:
    """What was not billed is given back; where only the server knows, the worst case stays."""
    server.script([fault])
    async with client_of(server, timeout_s=0.15, retry=ONCE, budget_usd="0.01") as client:
        with pytest.raises(CallError, match=r"\w"):
            await client.complete(PROMPT, max_output_tokens=100)
        budget = budget_of(client)
        request = Request.of(PROMPT, model=Model.resolve("gpt-4o-mini"), max_output_tokens=100)
        worst = request.worst_usd(request.count_input_tokens())
        assert budget.reserved_usd == 0
        assert budget.unknown_usd == (worst if cost is UNKNOWN else 0)
        assert budget.spent_usd == client.ledger.total.cost_usd
    assert (client.ledger.entries[0].outcome, has_id) == (outcome, has_id)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        pytest.param(reply, outcome, id=name)
        for name, reply, outcome, *_ in FAULTS
        if outcome not in {"refused", "rejected"} and name != "429"
    ],
)
async def test_each_attempt_is_an_entry(server: ChatServer, fault: Reply, outcome: str) -> None:
    """A call that was tried again has an entry for each attempt, numbered from 1."""
    server.script([fault, ok("Good day.")])
    async with client_of(server, timeout_s=0.3) as client:
        completion = await client.complete(PROMPT)
        entries = client.ledger.entries
    assert [(each.attempt, each.outcome) for each in entries] == [(1, outcome), (2, "ok")]
    assert completion.attempts == 2
    assert entries[1].cost_usd == completion.cost_usd
    assert entries[1].request_id == completion.request_id == "req_00000002"


@pytest.mark.anyio
async def test_cut_off_reply_is_booked_as_such(server: ChatServer) -> None:
    """A reply that its length cut off is a reply, and the ledger tells it from a whole one."""
    server.script([ok("Good", finish_reason="length")])
    async with client_of(server) as client:
        completion = await client.complete(PROMPT)
    (entry,) = client.ledger.entries
    assert (entry.outcome, entry.cost_usd) == ("truncated", completion.cost_usd)
    assert entry.usage == completion.usage


@pytest.mark.anyio
async def test_closed_port_costs_nothing() -> None:
    """A server that cannot be reached was sent nothing, so that nothing is owed."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    retry = Retry(attempts=2, wait_initial_s=0)
    async with AsyncClient(api_key=SECRET, base_url=url, retry=retry, budget_usd="1") as client:
        with pytest.raises(CallError, match="check the network") as raised:
            await client.complete(PROMPT)
        assert budget_of(client).left_usd == 1
    assert (raised.value.attempts, raised.value.code) == (2, "unreachable")
    entries = [(each.attempt, each.outcome, each.cost_usd) for each in client.ledger.entries]
    assert entries == [(1, "unreachable", FREE), (2, "unreachable", FREE)]


@pytest.mark.anyio
async def test_one_reply_refused_among_many(server: ChatServer) -> None:
    """After a 429 to one of many calls in flight, the others wait for their turn and come home."""
    first = threading.Event()

    def answer(_body: dict[str, Any]) -> Reply:
        if first.is_set():
            return slow(0.01)
        first.set()
        return Reply(make=error(429, headers={"retry-after-ms": "1"}).make, before=_all_four)

    server.handler = answer
    async with client_of(server, retry=Retry(wait_initial_s=0, timeout_s=30)) as client:
        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(client.complete, f"{PROMPT} {number}")
        assert in_flight(client) == 0
    outcomes = [each.outcome for each in client.ledger.entries]
    assert sorted(outcomes) == ["ok"] * 8 + ["rate_limited"]


def _all_four(server: ChatServer, _recorded: Recorded, _connection: socket.socket) -> None:
    server.wait_for(requests=4)


class CancelledAt:
    """Awaits `work`, and calls `cancel` as it is suspended for the time `number`, from 1."""

    def __init__(
        self, work: Coroutine[Any, Any, object], number: int, cancel: Callable[[], object]
    ) -> None:
        self.work = work
        self.number = number
        self.cancel = cancel
        self.suspended = 0

    def __await__(self) -> Generator[Any, Any, object]:
        resume, value = self.work.send, None
        while True:
            try:
                waits_for = resume(value)
            except StopIteration as end:
                return end.value
            self.suspended += 1
            if self.suspended == self.number:
                self.cancel()
            try:
                value, resume = (yield waits_for), self.work.send
            except BaseException as thrown:  # noqa: BLE001 - handed on
                value, resume = thrown, self.work.throw


async def cancelled_at(number: int, work: Coroutine[Any, Any, object], *, native: bool) -> bool:
    """Cancel `work` as it waits for the time `number`; tell whether it came to that."""
    if native:
        import asyncio

        async def whole() -> None:
            await stepped

        task = asyncio.ensure_future(whole())
        stepped = CancelledAt(work, number, task.cancel)
        await asyncio.wait([task])
        return stepped.suspended >= number
    with anyio.CancelScope() as scope:
        await CancelledAt(work, number, scope.cancel)
    return scope.cancel_called


async def assert_nothing_left(client: AsyncClient) -> None:
    """Check that a client holds nothing for calls that are over, and that others still work."""
    assert budget_of(client).reserved_usd == 0
    assert in_flight(client) == 0
    entries = client.ledger.entries
    cancelled = [each for each in entries if each.cost_usd is None]
    assert {each.outcome for each in cancelled} <= {"cancelled"}
    assert budget_of(client).spent_usd == client.ledger.total.cost_usd
    assert bool(cancelled) == bool(budget_of(client).unknown_usd)
    with anyio.fail_after(5):
        assert (await client.complete("And now?")).text


# openai below 3 uses httpx, which leaves the generator of a request's body to the collector.
@pytest.mark.filterwarnings("ignore:Async generator 'httpx[.]_content:ResourceWarning")
@pytest.mark.parametrize("backend", ["asyncio", "native", "trio"])
@pytest.mark.parametrize("warm", [False, True])
def test_cancelled_at_any_await(
    server: ChatServer, tmp_path: Path, backend: str, warm: bool
) -> None:
    """Wherever cancellation strikes, no money, turn, place, task or thread stays behind.

    Each call meets a failing server, a rate limit and then a reply.
    """
    before = set(threading.enumerate())
    asked: dict[str, int] = {}

    def answer(body: dict[str, Any]) -> Reply:
        prompt = body["messages"][-1]["content"]
        asked[prompt] = asked.get(prompt, 0) + 1
        if prompt.startswith("Cancelled") and warm and asked[prompt] < 3:
            return [error(500), error(429, headers={"retry-after-ms": "1"})][asked[prompt] - 1]
        return ok("Good day.")

    server.handler = answer

    def client_at(number: int) -> AsyncClient:
        journal = tmp_path / f"{number}.sqlite"
        return client_of(server, max_concurrency=1, budget_usd="9", journal=journal)

    async def strike(client: AsyncClient, number: int) -> bool:
        tasks = len(anyio.get_running_tasks())
        call = client.complete(f"Cancelled {number}")
        struck = await cancelled_at(number, call, native=backend == "native")
        assert len(anyio.get_running_tasks()) == tasks
        await assert_nothing_left(client)
        return struck

    async def cold() -> int:
        number, struck = 0, True
        while struck:
            number += 1
            async with client_at(number) as client:
                struck = await strike(client, number)
        return number

    async def used() -> int:
        async with client_at(0) as client:
            await client.complete("Warm up.")
            number = 1
            while await strike(client, number):
                number += 1
            return number

    steps = anyio.run(used if warm else cold, backend=backend.replace("native", "asyncio"))
    assert steps > 10
    for thread in set(threading.enumerate()) - before:
        if thread.name == "AnyIO worker thread":
            thread.join(5)
            assert not thread.is_alive()


@pytest.mark.anyio
async def test_cancelled_calls_leave_the_server(server: ChatServer) -> None:
    """Calls that wait for a place, for money or for a reply leave at once, and others go on."""
    server.handler = lambda body: (
        hang() if "Cancelled" in body["messages"][-1]["content"] else ok("Good day.")
    )
    async with client_of(server, max_concurrency=2, budget_usd="0.025") as client:
        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(client.complete, f"Cancelled {number}")
            await anyio.to_thread.run_sync(lambda: server.wait_for(in_flight=2))
            group.cancel_scope.cancel()
        assert budget_of(client).reserved_usd == 0
        assert in_flight(client) == 0
    for request in server.requests:
        assert await anyio.to_thread.run_sync(request.abandoned.wait, 5)
    assert [each.outcome for each in client.ledger.entries] == ["cancelled"] * 2
    assert client.ledger.total.unmeasured == 2


@pytest.mark.anyio
async def test_closing_ends_what_would_be_tried_again(server: ChatServer) -> None:
    """A call that finds its client closed between two attempts opens no new connection."""
    client = client_of(server)

    def close(_server: ChatServer, _recorded: Recorded, _connection: socket.socket) -> None:
        client._pipeline._connections.is_closed = True

    server.handler = lambda _body: Reply(make=error(500).make, before=close)
    with pytest.raises(RuntimeError, match="the client is closed"):
        await client.complete(PROMPT)
    await client.aclose()
    assert len(server.requests) == 1


def test_interrupt_books_the_call(server: ChatServer) -> None:
    """Ctrl-C ends a blocking call; its cost stays unknown and its place is free again."""
    server.script([hang(), ok("Good day.")])
    interrupted = threading.Event()

    def interrupt() -> None:
        import signal

        server.wait_for(in_flight=1)
        interrupted.set()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    with Client(api_key=SECRET, base_url=server.base_url, max_concurrency=1) as client:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            client.complete(PROMPT)
        assert interrupted.is_set()
        assert client.complete("And now?").text == "Good day."
        assert server.requests[0].abandoned.wait(5)
        outcomes = [(each.outcome, each.cost_usd is None) for each in client.ledger.entries]
    thread.join()
    assert outcomes == [("cancelled", True), ("ok", False)]


def test_threads_share_a_client(server: ChatServer, tmp_path: Path) -> None:
    """Each of 32 threads gets the answer to its own question, and each call is booked once."""
    server.handler = lambda body: slow(0.005, ok("Re: " + body["messages"][-1]["content"]))
    together = threading.Barrier(32)

    def ask(client: Client, number: int) -> Completion:
        together.wait()
        return client.complete(f"Question {number}?")

    path = tmp_path / "journal.sqlite"
    url = server.base_url
    with (
        Client(api_key=SECRET, base_url=url, budget_usd="1", journal=path) as client,
        ThreadPoolExecutor(32) as pool,
    ):
        replies = list(pool.map(ask, [client] * 32, range(32)))
        again = list(pool.map(ask, [client] * 32, range(32)))
        entries, total = client.ledger.entries, client.ledger.total
    assert [each.text for each in replies] == [f"Re: Question {n}?" for n in range(32)]
    assert [each.text for each in again] == [each.text for each in replies]
    assert all(each.replayed for each in again)
    assert len(entries) == len(server.requests) == 32
    assert not any(each.carried for each in entries)
    assert total.cost_usd == sum(each.cost_usd or 0 for each in replies)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork_while_warm(server: ChatServer, tmp_path: Path) -> None:
    """A child of a warm client gets its own replies, and writes to the same journal."""
    server.handler = lambda body: ok("Re: " + body["messages"][-1]["content"])
    code = """
        import os
        import minikit

        client = minikit.Client(budget_usd="1", journal={path!r})

        def ask(name):
            for number in range(5):
                prompt = f"{{name}} {{number}}"
                assert client.complete(prompt).text == f"Re: {{prompt}}"

        ask("warm")
        children = []
        for number in range(3):
            child = os.fork()
            if not child:
                try:
                    ask(f"child {{number}}")
                    os._exit(0)
                finally:
                    os._exit(1)
            children.append(child)
        ask("parent")
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
        assert client.complete("child 0 0").replayed
        client.close()
        print(len(client.ledger.entries))
    """
    path = str(tmp_path / "journal.sqlite")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code).format(path=path)],
        env=os.environ | {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": server.base_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stderr, done.stdout) == ("", "10\n")
    assert len(server.requests) == 25
    assert Journal(path).stats().replies == 25


def pipeline_of(server: ChatServer, journal: Journal) -> Pipeline:
    """Make a pipeline with a budget that keeps what it does in `journal`."""
    return Pipeline(
        api_key=SECRET,
        base_url=server.base_url,
        openai_client=None,
        retry=ONCE,
        max_concurrency=1,
        timeout_s=None,
        budget=Budget(Decimal("0.05")),
        journal=journal,
    )


def asking(prompt: str = PROMPT) -> Request:
    """Make a request."""
    return Request.of(prompt, model=Model.resolve("gpt-4o-mini"))


@pytest.mark.anyio
@pytest.mark.parametrize("full", [False, True])
async def test_journal_that_cannot_be_written_stops_the_call(
    server: ChatServer, tmp_path: Path, full: bool
) -> None:
    """What could not be noted is not sent, and holds neither money nor a turn."""
    server.handler = lambda _body: ok("Good day.")
    journal = Journal(tmp_path / "journal.sqlite", wait_s=0.02)
    await anyio.to_thread.run_sync(journal.recall, "f")
    pipeline = pipeline_of(server, journal)
    budget = pipeline.account.budget
    assert budget is not None
    with closing(_connected(tmp_path / "journal.sqlite")) as other:
        undo = await anyio.to_thread.run_sync(_fill if full else _lock, journal, other)
        with pytest.raises(JournalError, match="disk is full" if full else "in use by another"):
            await pipeline.send(asking())
        assert (budget.left_usd, in_flight(pipeline)) == (budget.limit_usd, 0)
        assert server.requests == []
        assert all(entry.carried for entry in pipeline.account.ledger.entries)
        await anyio.to_thread.run_sync(undo)
        assert (await pipeline.send(asking())).text == "Good day."
    await pipeline.aclose()


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _lock(_journal: Journal, other: sqlite3.Connection) -> Callable[[], object]:
    other.execute("BEGIN IMMEDIATE")
    return lambda: other.execute("COMMIT")


def _fill(journal: Journal, _other: sqlite3.Connection) -> Callable[[], object]:
    """Leave no room on what the journal takes for its disk."""
    with journal._file.connected() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    attempt = journal.begin("g", run="r", operation="o", model="m", reserved_usd=None)
    noise = Random(1).randbytes(9_999).hex()  # noqa: S311 - test data
    with pytest.raises(JournalError, match="disk is full"):
        journal.keep(attempt, noise, request_id=None)
    for size in (900, 90, 9):
        with pytest.raises(JournalError, match="disk is full"):
            _begin_many(journal, "x" * size)

    def undo() -> None:
        with journal._file.connected() as connection:
            connection.execute("PRAGMA max_page_count = 10000")

    return undo


def _begin_many(journal: Journal, run: str) -> None:
    for _ in range(1000):
        journal.begin("g", run=run, operation="o", model="m", reserved_usd=None)


@pytest.mark.anyio
async def test_journal_that_fails_after_the_reply_warns(server: ChatServer, tmp_path: Path) -> None:
    """A reply that cannot be kept is used all the same; the next run takes its cost as unknown."""
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, wait_s=0.02)
    pipeline = pipeline_of(server, journal)
    with closing(_connected(path)) as other:

        def lock(_server: ChatServer, _recorded: Recorded, _connection: socket.socket) -> None:
            other.execute("BEGIN IMMEDIATE")

        server.script([Reply(make=ok("Good day.").make, before=lock)])
        with pytest.warns(RuntimeWarning, match="in use by another") as warned:
            completion = await pipeline.send(asking())
        other.execute("ROLLBACK")
    await pipeline.aclose()
    assert completion.text == "Good day."
    assert [str(each.message).partition(" the journal")[0] for each in warned] == [
        "a reply could not be kept in",
        "a cost could not be noted in",
    ]
    assert pipeline.account.ledger.total.cost_usd == completion.cost_usd
    async with client_of(server, budget_usd="0.05", journal=path) as later:
        assert not (await later.complete(PROMPT)).replayed
        carried, sent = later.ledger.entries
        assert budget_of(later).unknown_usd > 0
    assert (carried.carried, carried.cost_usd, carried.outcome) == (True, None, "cancelled")
    assert not sent.carried


@pytest.mark.anyio
async def test_full_disk_in_mid_call_warns(server: ChatServer, tmp_path: Path) -> None:
    """A disk that has no room for a reply does not take the reply away."""
    journal = Journal(tmp_path / "journal.sqlite")
    pipeline = pipeline_of(server, journal)
    await anyio.to_thread.run_sync(_leave_little, journal)
    noise = Random(1).randbytes(30_000).hex()  # noqa: S311 - test data
    server.script([ok(noise, usage={"prompt_tokens": 9, "completion_tokens": 9})])
    with pytest.warns(RuntimeWarning, match="could not be kept in the journal: the disk is full"):
        completion = await pipeline.send(asking())
    await pipeline.aclose()
    assert completion.text == noise
    (past,) = await anyio.to_thread.run_sync(
        journal.recall, asking().fingerprint(f"{server.base_url}/")
    )
    assert past.body is None
    assert past.entry == pipeline.account.ledger.entries[0]


def _leave_little(journal: Journal) -> None:
    with journal._file.connected() as connection:
        connection.execute("PRAGMA max_page_count = 10")


@pytest.mark.anyio
async def test_held_places_come_back_after_errors(server: ChatServer) -> None:
    """Failed calls, one after the other, give their place, turn and money back."""
    server.handler = lambda _body: error(400)
    async with client_of(server, max_concurrency=1, budget_usd="0.02") as client:
        for number in range(5):
            with pytest.raises(CallError, match="HTTP 400"):
                await client.complete(f"{PROMPT} {number}")
        event = threading.Event()
        event.set()
        server.handler = lambda _body: held(event)
        assert (await client.complete(PROMPT)).text
        assert in_flight(client) == 0
