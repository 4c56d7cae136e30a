"""Batches that outlive the calls, or the process, that sent them: nothing is paid twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from batch_calls import LISTED_LATE, QUICK, Watched, ask, client_of, echoes, request_of, said, until
from batches import BatchServer, Fate
from minikit import Retry
from minikit.calls.journal import Journal
from server import Reply, error, raw, reset

if TYPE_CHECKING:
    from pathlib import Path

    from minikit.calls.batching.settings import Batch
    from server import Body

pytestmark = pytest.mark.anyio

PROMPTS = [f"prompt {number}" for number in range(6)]


async def interrupted(
    server: BatchServer,
    path: Path,
    at: str,
    prompts: list[str] = PROMPTS,
    **options: Any,  # noqa: ANN401 - of AsyncClient
) -> None:
    """Ask, and be cancelled when a route was asked for."""
    async with client_of(server, journal=path, budget_usd="1", **options) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(ask, client._pipeline.through(QUICK), prompts)
            await until(lambda: server.count(at))  # type: ignore[arg-type] # a route
            group.cancel_scope.cancel()
        budget = client._pipeline.account.budget
        assert budget
        assert budget.reserved_usd == 0


async def resumed(
    server: BatchServer,
    path: Path,
    prompts: list[str] = PROMPTS,
    batch: Batch = QUICK,
    **options: Any,  # noqa: ANN401 - of AsyncClient
) -> None:
    """Ask the same in a new client: each request is answered once, and the books agree."""
    async with client_of(server, journal=path, budget_usd="1", **options) as client:
        pipeline = client._pipeline.through(batch)
        assert said(await ask(pipeline, prompts)) == echoes(prompts)
        budget = pipeline.account.budget
        assert budget
        assert client.ledger.total.cost_usd == budget.spent_usd == server.billed_usd
        assert client.ledger.total.unmeasured == 0
        assert (budget.reserved_usd, budget.unknown_usd) == (Decimal(0), Decimal(0))
    assert sorted(line["body"]["messages"][0]["content"] for line in server.items) == sorted(
        set(prompts)
    )
    stats = await anyio.to_thread.run_sync(partial(_stats, path))
    assert (stats.spent_usd, stats.unmeasured) == (server.billed_usd, 0)


def _stats(path: Path) -> Any:  # noqa: ANN401 - JournalStats
    journal = Journal(path)
    try:
        return journal.stats()
    finally:
        journal.close()


@pytest.mark.parametrize("at", ["upload", "create", "retrieve", "content"])
async def test_whoever_is_interrupted_can_go_on(
    batches: BatchServer, path: Path, at: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The batch goes on, which is said; the same calls wait for it, and send nothing again."""
    batches.manual = at == "retrieve"
    await interrupted(batches, path, at)
    if at == "retrieve":
        assert "goes on at the server" in caplog.text
    batches.manual = False
    await resumed(batches, path, batch=replace(QUICK, gather_s=60))
    assert len([made for made in batches.batches.values() if made.lines]) == 1
    assert batches.count("cancel") == 0


async def test_in_the_same_client(batches: BatchServer, path: Path) -> None:
    """Cells of a notebook share a client; what it has booked by then is corrected."""
    batches.manual = True
    async with client_of(batches, journal=path, budget_usd="1") as client:
        pipeline = client._pipeline.through(QUICK)
        for _ in range(2):
            looks = batches.count("retrieve")
            async with anyio.create_task_group() as group:
                group.start_soon(ask, pipeline, PROMPTS)
                await until(partial(_has_looked, batches, looks))
                group.cancel_scope.cancel()
            assert client.ledger.total.entries == 0
        batches.finish()
        assert said(await ask(pipeline, PROMPTS)) == echoes(PROMPTS)
        assert pipeline.account.budget
        assert pipeline.account.budget.unknown_usd == 0
        assert client.ledger.total.cost_usd == batches.billed_usd
    assert len(batches.batches) == 1


def _has_looked(server: BatchServer, before: int) -> bool:
    return server.count("retrieve") > before


async def test_what_a_batch_brought_is_replayed_locally(batches: BatchServer, path: Path) -> None:
    """The engine is no part of what is asked: each replays what the other was told."""
    async with client_of(batches, journal=path) as client:
        batch = client._pipeline.through(QUICK)
        await ask(batch, ["a"])
        await ask(client._pipeline, ["b"])
        assert said(await ask(client._pipeline, ["a", "b"])) == echoes(["a", "b"])
        assert said(await ask(batch, ["a", "b"])) == echoes(["a", "b"])
        assert client.ledger.total.entries == 2
    assert len(batches.charges) == 2


async def test_equal_calls_are_sent_once(batches: BatchServer, path: Path) -> None:
    """With a journal, whoever asks the same waits for the reply of the first."""
    await resumed(batches, path, ["a", "b", "a", "a"])
    assert len(batches.items) == 2


async def test_equal_calls_of_which_the_first_is_cancelled(
    batches: BatchServer, path: Path
) -> None:
    """The next one takes over what was sent."""
    batches.manual = True
    async with client_of(batches, journal=path) as client:
        pipeline = client._pipeline.through(QUICK)
        came: list[Any] = []
        async with anyio.create_task_group() as group:
            scope = anyio.CancelScope()

            async def first() -> None:
                with scope:
                    await pipeline.send(request_of("a"))

            async def second() -> None:
                came.append(await pipeline.send(request_of("a")))

            group.start_soon(first)
            await until(lambda: batches.count("retrieve"))
            group.start_soon(second)
            await until(lambda: any(pipeline._connections.session().rooms))
            scope.cancel()
            batches.manual = False
        assert said(came) == ["You said: a"]
        assert client.ledger.total.entries == 1
    assert len(batches.items) == 1


async def test_two_clients_with_one_journal(batches: BatchServer, path: Path) -> None:
    """Whatever two of them ask at the same time is sent once, and booked once in the file."""
    came: list[Any] = []

    async def work() -> None:
        async with client_of(batches, journal=path) as client:
            came.append(said(await ask(client._pipeline.through(LISTED_LATE), PROMPTS)))

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        group.start_soon(work)
    assert came == [echoes(PROMPTS)] * 2
    assert sorted(line["body"]["messages"][0]["content"] for line in batches.items) == PROMPTS
    stats = await anyio.to_thread.run_sync(partial(_stats, path))
    assert stats.spent_usd == batches.billed_usd


async def test_another_process_claims_what_was_not_sent_yet(
    batches: BatchServer, path: Path
) -> None:
    """A wave that waits for its file to be stored is sent by whoever is first."""
    held = threading.Event()
    first, second = BatchServerGate(batches, held), batches
    came: list[Any] = []

    async def work(gate: bool) -> None:
        async with client_of(batches, journal=path) as client:
            if gate:
                transport = await client._pipeline._connections.transport(request_of("a").model)
                first.hold(transport)
            came.append(said(await ask(client._pipeline.through(QUICK), PROMPTS)))

    async with anyio.create_task_group() as group:
        group.start_soon(work, True)
        await until(lambda: first.is_held)
        group.start_soon(work, False)
        await until(lambda: second.count("create"))
        held.set()
    assert came == [echoes(PROMPTS)] * 2
    assert sorted(line["body"]["messages"][0]["content"] for line in batches.items) == PROMPTS


class BatchServerGate:
    """Holds the files of one client back."""

    def __init__(self, server: BatchServer, held: threading.Event) -> None:
        self._server = server
        self._held = held
        self.is_held = False

    def hold(self, transport: Any) -> None:  # noqa: ANN401 - a Transport
        """Let uploads through this transport wait."""
        upload = transport.upload

        async def wait(*given: object, **options: object) -> object:
            self.is_held = True
            await until(self._held.is_set)
            return await upload(*given, **options)

        transport.upload = wait


async def test_adopted_calls_come_one_after_the_other(batches: BatchServer, path: Path) -> None:
    """Those that come when the batch is over find their replies in the journal."""
    batches.manual = True
    await interrupted(batches, path, "retrieve")
    batches.manual = False
    async with client_of(batches, journal=path, budget_usd="1") as client:
        pipeline = client._pipeline.through(QUICK)
        for prompt in PROMPTS:
            assert said(await ask(pipeline, [prompt])) == echoes([prompt])
        assert client.ledger.total.cost_usd == batches.billed_usd
        assert pipeline.account.budget
        assert pipeline.account.budget.unknown_usd == 0
    assert (len(batches.batches), batches.count("content")) == (1, 1)


async def test_another_way_takes_what_the_batch_has_brought(
    batches: BatchServer, path: Path
) -> None:
    """A local call is answered, and books, what a batch has brought since."""
    batches.manual = True
    async with client_of(batches, journal=path, budget_usd="1") as client:
        pipeline = client._pipeline.through(QUICK)
        async with anyio.create_task_group() as group:
            group.start_soon(ask, pipeline, PROMPTS)
            await until(lambda: batches.count("retrieve"))
            group.cancel_scope.cancel()
        batches.manual = False
        known = await client._pipeline.batches(request_of("a").model)
        (status,) = await known.all()
        assert (status.waiting, status.is_over) == (6, False)
        over = await known.wait(status.id, poll_s=0.001)
        assert (over.status, over.waiting, over.completed) == ("completed", 0, 6)
        assert said(await ask(client._pipeline, PROMPTS)) == echoes(PROMPTS)
        assert client.ledger.total.cost_usd == batches.billed_usd
        assert pipeline.account.budget
        assert pipeline.account.budget.unknown_usd == 0


async def test_a_local_call_does_not_wait_for_a_batch(batches: BatchServer, path: Path) -> None:
    """It is paid for by itself; a batch that is asked for later replays its reply."""
    batches.manual = True
    await interrupted(batches, path, "retrieve", ["a"])
    async with client_of(batches, journal=path) as client:
        assert said(await ask(client._pipeline, ["a"])) == ["You said: a"]
        assert said(await ask(client._pipeline.through(QUICK), ["a"])) == ["You said: a"]


@pytest.mark.parametrize("ends", ["expired", "failed", "too much", "forgotten"])
async def test_an_adopted_batch_that_fails(batches: BatchServer, path: Path, ends: str) -> None:
    """What it did not bring is sent again, as by whoever began it."""
    batches.manual = True
    fates = {
        "expired": Fate(ends="expired", after=2),
        "failed": Fate(errors=({"code": "invalid_value", "line": 1},)),
        "too much": Fate(errors=({"code": "token_limit_exceeded"},)),
    }
    if ends in fates:
        batches.fates.append(fates[ends])
    await interrupted(batches, path, "retrieve")
    batches.manual = False
    if ends == "forgotten":
        batches.forget(next(iter(batches.batches)))
        async with client_of(batches, journal=path, budget_usd="1") as client:
            assert said(await ask(client._pipeline.through(QUICK), PROMPTS)) == echoes(PROMPTS)
            assert client.ledger.total.unmeasured == 6
        return
    async with client_of(batches, journal=path, budget_usd="1") as client:
        assert said(await ask(client._pipeline.through(QUICK), PROMPTS)) == echoes(PROMPTS)
        assert client.ledger.total.cost_usd == batches.billed_usd
        assert client.ledger.total.unmeasured == 0


async def test_a_batch_that_cannot_be_looked_for(batches: BatchServer, path: Path) -> None:
    """Nothing is sent again while nobody knows; a later run finds it."""
    batches.fault("create", reset(), happens=True)
    batches.fault("list", *[error(500)] * 4)
    once = Retry(attempts=1)
    for _ in range(2):
        async with client_of(batches, journal=path, retry=once) as client:
            came = said(await ask(client._pipeline.through(QUICK), PROMPTS))
            assert set(came) <= {"TransportError", "ServerError"}
    batches.fault("list")
    batches._faults.clear()
    await resumed(batches, path)
    assert len(batches.batches) == 1


async def test_a_batch_on_a_later_page(batches: BatchServer, path: Path) -> None:
    """The batches of an account are looked through, page by page, as far back as can be needed."""
    batches.fault("create", reset(), happens=True)
    batches.fault("list", error(401))
    await_failure = Retry(attempts=2, wait_initial_s=0)
    async with client_of(batches, journal=path, retry=await_failure) as client:
        assert "AuthenticationError" in said(await ask(client._pipeline.through(QUICK), PROMPTS))
    file = next(iter(batches.files))
    for _ in range(120):
        batches._create({"input_file_id": file, "endpoint": "/v1/chat/completions",
                         "completion_window": "24h"})  # fmt: skip
    others = [*batches.batches][1:]
    before = len(batches.asked)
    await resumed_among(batches, path, others)
    assert sum(route == "list" for route, _ in batches.asked[before:]) == 2


async def resumed_among(server: BatchServer, path: Path, others: list[str]) -> None:
    """Resume, with batches of others beside."""
    async with client_of(server, journal=path) as client:
        assert said(await ask(client._pipeline.through(QUICK), PROMPTS)) == echoes(PROMPTS)
        assert client.ledger.total.unmeasured == 0
    assert len(server.batches) == len(others) + 1


async def test_a_journal_that_fails(batches: BatchServer, path: Path) -> None:
    """Nothing is sent that could not be noted before."""
    async with client_of(batches, journal=path, budget_usd="1") as client:
        pipeline = client._pipeline.through(QUICK)
        await ask(pipeline, ["a"])

        def spoil() -> None:
            client._pipeline._journal.close()  # type: ignore[union-attr] # there is one
            path.write_bytes(b"This is no journal at all, it is a text." * 100)

        await anyio.to_thread.run_sync(spoil)
        assert said(await ask(pipeline, ["b"])) == ["JournalError"]
        assert pipeline.account.budget
        assert pipeline.account.budget.reserved_usd == 0
    assert len(batches.batches) == 1


async def test_a_watched_batch_is_told_of_again(batches: BatchServer, path: Path) -> None:
    """Whoever adopts a batch hears of it too."""
    batches.manual = True
    await interrupted(batches, path, "retrieve")
    batches.manual = False
    watched = Watched()
    await resumed(batches, path, hooks=[watched])
    assert watched.states[-1] == "completed"


PROGRAM = """
import json, os, sys
import anyio, openai.resources.files, sqlite3
import minikit, minikit.calls.batching.lane
from minikit.calls.batching.settings import Batch
from minikit.calls.request import Request
from minikit.models.model import Model

async def warm_up():
    async with minikit.AsyncClient(model="offline") as client:
        await client.complete("Load what every child needs, once.")
anyio.run(warm_up)
minikit.count_tokens("In the words of their model.")
for line in sys.stdin:
    child = os.fork()
    if not child:
        given = json.loads(line)
        async def main():
            client = minikit.AsyncClient(
                api_key="sk-test-0123456789", base_url=given["url"], journal=given["journal"],
                budget_usd="1", retry=minikit.Retry(attempts=4, wait_initial_s=0),
            )
            pipeline = client._pipeline.through(Batch(gather_s=60, poll_s=0.001, max_requests=6))
            model = Model.resolve("gpt-4o-mini")
            async with anyio.create_task_group() as group:
                for prompt in given["prompts"]:
                    request = Request.of(prompt, model=model, max_output_tokens=40)
                    group.start_soon(pipeline.send, request)
        anyio.run(main)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def victims() -> Any:  # noqa: ANN401 - an iterator
    """A process whose children can be killed."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()  # it has nothing to put in order, which would take seconds


@pytest.mark.parametrize(
    ("at", "happens"),
    [("upload", False), ("create", False), ("create", True), ("content", True)],
)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_kill_9(
    batches: BatchServer,
    path: Path,
    victims: Any,  # noqa: ANN401 - a process
    at: str,
    happens: bool,
) -> None:
    """A process that is killed as a request arrives, or its reply leaves, has paid for nothing."""
    child = 0

    def strike() -> None:
        os.kill(child, signal.SIGKILL)

    def start() -> int:
        given = {"url": batches.base_url, "journal": str(path), "prompts": PROMPTS}
        victims.stdin.write(json.dumps(given) + "\n")
        victims.stdin.flush()
        return int(victims.stdout.readline())

    def fault(_server: object, _body: Body) -> Any:  # noqa: ANN401 - a response
        strike()
        return raw(500, "text/plain", b"").make(batches, {})

    batches.fault(at, _reply(fault), happens=happens)  # type: ignore[arg-type] # a route
    child = await anyio.to_thread.run_sync(start)
    ended = await anyio.to_thread.run_sync(lambda: int(victims.stdout.readline()))
    assert ended == -signal.SIGKILL
    await resumed(batches, path)


def _reply(make: Any) -> Reply:  # noqa: ANN401 - a function
    return Reply(make=make)
