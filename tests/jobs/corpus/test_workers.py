"""A corpus worked on by threads and processes: what comes back, and what ends with them."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from pydantic import BaseModel

import minikit
from minikit import (
    ArgumentError,
    AsyncClient,
    BudgetExceededError,
    Client,
    DocumentOutcome,
    JobError,
    JournalError,
    LocalLimits,
    MissingExtraError,
    MissingKeyError,
    RateLimit,
    RequestRejectedError,
    Retry,
    SharedLimitsError,
    WorkerError,
    errors,
)
from minikit.jobs import blame
from minikit.jobs.corpus import staff
from server import ChatServer, error, held, ok, prompt_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAST = Retry(wait_initial_s=0.0, attempts=2)


def texts(number: int) -> list[str]:
    """Return documents with numbers that tell them apart."""
    return [f"Report {index}. The bridge {index} was closed." for index in range(number)]


@pytest.fixture
def client(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[AsyncClient]:
    """A client whose key stands in the environment, as workers need it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    return AsyncClient(base_url=server.base_url, retry=FAST, max_concurrency=4)  # type: ignore[return-value] # closed by its test


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Two threads."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


async def read(outcomes: Any) -> list[DocumentOutcome[Any]]:  # noqa: ANN401 - of any verb
    """Return all outcomes of a stream that is not open."""
    return [outcome async for outcome in outcomes]


class Inline(Executor):
    """Works at once, where it is asked; or fails."""

    def __init__(self, error: Exception | None = None, *, refuses: bool = False) -> None:
        self.error, self.refuses = error, refuses

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - as in the base class
        """Do it at once."""
        if self.error is not None and self.refuses:
            raise self.error
        future: Future[Any] = Future()
        if self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_result(fn(*args, **kwargs))
        return future


@pytest.mark.anyio
async def test_threads_work_as_the_client_does(
    client: AsyncClient, server: ChatServer, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    """Every document has its outcome, in order; a second run is answered from the journals."""
    reports = []
    for _ in range(2):
        stream = client.summarize_many(
            texts(12), engine=threads, partition_size=6, journal=tmp_path / "kept"
        )
        async with stream as outcomes:
            found = [outcome async for outcome in outcomes]
        reports.append(outcomes.report)
        assert [outcome.index for outcome in found] == list(range(12))
        assert all(outcome.text for outcome in found)
    assert len(server.requests) == 12
    assert reports[0].cost_usd == reports[1].cost_usd == reports[1].replayed_cost_usd
    assert reports[0].failed_cost_usd == reports[1].failed_cost_usd == 0
    (worker,) = reports[0].workers
    assert worker.name.endswith(f":{os.getpid()}")
    assert (worker.documents, worker.cost_usd) == (12, reports[0].cost_usd)
    assert f"{worker.name}  " in str(reports[0])
    assert reports[1].workers[0].cost_usd == 0
    assert len(list((tmp_path / "kept").glob("*.sqlite"))) == worker.partitions
    await client.aclose()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(
    server: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    method: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Processes write the outcomes themselves; what a second run finds is not done again.

    That a model is shut down is told here, and not by each of them.
    """
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    context = multiprocessing.get_context(method)
    with Client(base_url=server.base_url, retry=FAST) as client:
        for kept in (0, 8):
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                stream = client.summarize_many(
                    texts(8), engine=pool, partition_size=3, output=tmp_path, budget_usd="1"
                )
                with stream as outcomes:
                    found = list(outcomes)
            assert [outcome.index for outcome in found] == list(range(8))
            assert sum(outcome.kept for outcome in found) == outcomes.report.kept == kept
            assert all(outcome.path and outcome.path.exists() for outcome in found)
            if method == "spawn":
                break
    assert len(server.requests) == 8
    assert "ModelRetirementWarning" not in capfd.readouterr().err


def test_a_process_that_is_killed(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What came is kept, the error says how to go on, and a second run pays for nothing twice."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    event = threading.Event()
    server.handler = lambda body: held(event) if "Report 9." in prompt_of(body) else ok("Fine.")
    asked: Any = {"journal": tmp_path / "kept", "partition_size": 3}
    found: list[int] = []
    with Client(base_url=server.base_url, retry=FAST, max_concurrency=1) as client:
        with ProcessPoolExecutor(1) as pool:
            stream = client.summarize_many(texts(12), engine=pool, **asked)
            with pytest.raises(WorkerError, match=r"workers have ended.*run again"):
                take_and_kill(stream, pool, found)
        event.set()
        server.handler = lambda _: ok("Fine.")
        sent = [prompt_of(request.body) for request in server.requests]
        with ProcessPoolExecutor(1) as pool:
            again = list(client.summarize_many(texts(12), engine=pool, **asked))
    assert 0 < len(found) < 12
    assert [outcome.index for outcome in again] == list(range(12))
    more = [prompt_of(request.body) for request in server.requests][len(sent) :]
    assert not set(more) & {prompt for prompt in sent if "Report 9." not in prompt}


def take_and_kill(stream: Any, pool: ProcessPoolExecutor, found: list[int]) -> None:  # noqa: ANN401 - of any verb
    """Take outcomes, and kill the workers after the first."""
    for outcome in stream:
        found.append(outcome.index)
        for process in list((pool._processes or {}).values()):
            os.kill(process.pid or 0, signal.SIGKILL)


@pytest.mark.anyio
async def test_one_budget_over_all_workers(
    client: AsyncClient, server: ChatServer, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    """No worker sends what could pass it, and what earlier runs spent counts."""
    server.handler = lambda _: ok("Fine.", usage={"prompt_tokens": 100, "completion_tokens": 10})
    asked: Any = {
        "engine": threads,
        "journal": tmp_path / "kept",
        "partition_size": 30,
        "length": 20,
    }
    (probe,) = await read(client.summarize_many(texts(1), **asked))
    assert probe.cost_usd
    with pytest.raises(BudgetExceededError, match=r"budget of .*documents with an outcome"):
        await read(client.summarize_many(texts(60), budget_usd="0.0006", **asked))
    billed = len(server.requests) * probe.cost_usd
    assert billed <= Decimal("0.0006")
    sent = len(server.requests)
    with pytest.raises(BudgetExceededError, match="is spent"):
        await read(client.summarize_many(texts(60), budget_usd=probe.cost_usd * sent, **asked))
    assert len(server.requests) == sent
    await client.aclose()


@pytest.mark.anyio
async def test_the_budget_of_the_client(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run sets aside what it may spend, and gives back what it did not."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    made: Any = {
        "base_url": server.base_url,
        "retry": FAST,
        "rate_limit": RateLimit(requests_per_minute=9_000),
    }
    async with AsyncClient(budget_usd="0.5", **made) as client:
        budget = client._pipeline.account.budget
        assert budget
        with ThreadPoolExecutor(1) as pool:
            async with client.summarize_many(texts(3), engine=pool) as outcomes:
                assert budget.left_usd == 0
                await read(outcomes)
            assert outcomes.report.cost_usd == budget.spent_usd > 0
            await read(client.summarize_many(texts(3), engine=pool, budget_usd="0.1"))
            assert budget.reserved_usd == 0
    async with AsyncClient(budget_usd=0, **made) as client:
        with pytest.raises(BudgetExceededError, match="budget of"):
            await read(client.summarize_many(texts(3), engine=ThreadPoolExecutor(1)))


@pytest.mark.anyio
async def test_what_no_worker_can_have(server: ChatServer, tmp_path: Path) -> None:
    """A key that was given, a journal of one file and shared limits with a second budget."""
    for options, told in [
        ({"api_key": "k"}, "keys are not sent to workers"),
        ({"journal": tmp_path / "j"}, "give a folder"),
        ({"share": LocalLimits()}, "give them the budget"),
    ]:
        async with AsyncClient(base_url=server.base_url, **options) as client:  # type: ignore[arg-type] # of several kinds
            stream = client.summarize_many(texts(1), engine=Inline(), budget_usd="1")
            with pytest.raises(ArgumentError, match=told):
                await read(stream)
    assert not server.requests


@pytest.mark.anyio
async def test_shared_limits_of_the_client(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are handed to the workers; and hooks are told that they hear little."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    limits = LocalLimits(budget_usd="1")
    made = AsyncClient(base_url=server.base_url, share=limits, hooks=[lambda _: None])
    with ThreadPoolExecutor(1) as pool:
        async with made as client, client.summarize_many(texts(3), engine=pool) as outcomes:
            await read(outcomes)
    assert limits.standing().spent_usd == outcomes.report.cost_usd
    assert "nothing of the calls of workers" in outcomes.report.notes[0]
    assert "note: the hooks" in str(outcomes.report)


@pytest.mark.anyio
async def test_a_worker_without_a_key(server: ChatServer) -> None:
    """The error says where the key is missing."""
    async with AsyncClient(base_url=server.base_url) as client:
        stream = client.summarize_many(texts(3), engine=Inline())
        with pytest.raises(MissingKeyError, match="where the workers run; documents with an"):
            await read(stream)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("executor", "told"),
    [
        (
            Inline(RuntimeError("cannot schedule new futures after shutdown"), refuses=True),
            "after shutdown",
        ),
        (Inline(__import__("concurrent.futures").futures.CancelledError()), "was cancelled"),
    ],
    ids=["shut down", "cancelled"],
)
async def test_workers_that_are_gone(client: AsyncClient, executor: Executor, told: str) -> None:
    """A pool that takes nothing any more ends the run."""
    with pytest.raises(WorkerError, match=f"workers have ended .*{told}"):
        await read(client.summarize_many(texts(3), engine=executor))
    await client.aclose()


@pytest.mark.anyio
async def test_a_worker_that_fails(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documents of its partition fail, and many in a row end the run."""
    monkeypatch.setattr(blame, "FAILED_IN_A_ROW", 40)
    odd = Inline(RuntimeError("odd"))
    found = await read(client.summarize_many(texts(6), engine=odd, partition_size=2))
    assert {outcome.problem for outcome in found} == {
        "WorkerError: the worker of this document failed: RuntimeError: odd"
    }
    with pytest.raises(WorkerError, match="failed: RuntimeError: odd; documents with an outcome"):
        await read(client.summarize_many(texts(3_000), engine=odd))
    await client.aclose()


@pytest.mark.anyio
async def test_an_error_that_is_not_ours(
    client: AsyncClient, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    """What goes wrong in a worker comes back as an error that pickles, with where it happened."""
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentError, match="cannot be a folder"):
        await read(client.summarize_many(texts(1), engine=threads, journal=tmp_path / "file" / "x"))
    folder = tmp_path / "out"
    stream = client.summarize_many(texts(1), engine=threads, output=folder)
    async with stream as outcomes:
        await read(outcomes)
    await client.aclose()


@pytest.mark.anyio
async def test_options_that_do_not_pickle(client: AsyncClient) -> None:
    """A class of a function cannot go to another process, which is told before anything is sent."""

    class Local(BaseModel):
        """A class that only this test knows."""

        name: str

    with pytest.raises(ArgumentError, match="at the top of a module"):
        await read(client.run_many(texts(1), verb="extract", schema=Local, engine=Inline()))
    await client.aclose()


@pytest.mark.anyio
async def test_leaving_early_stops_the_workers(
    client: AsyncClient, server: ChatServer, threads: ThreadPoolExecutor
) -> None:
    """After a `break` no worker begins another call."""
    with anyio.fail_after(30):
        async with client.summarize_many(texts(400), engine=threads, partition_size=8) as outcomes:
            async for _ in outcomes:
                break
        sent = len(server.requests)
        threads.shutdown()
    assert len(server.requests) <= sent + 8 < 300
    await client.aclose()


@pytest.mark.anyio
async def test_dask_that_is_not_installed(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"minikit\[dask\]"):
        await read(client.summarize_many(texts(1), engine="dask"))
    await client.aclose()


@pytest.mark.anyio
async def test_a_cluster_that_does_not_start(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error tells what a script lacks, which is read again by each worker."""
    import distributed

    def start(**_options: object) -> None:
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "Client", start)
    with pytest.raises(WorkerError, match=r"\(Nanny failed to start\.\): .* `if __name__ == "):
        await read(client.summarize_many(texts(1), engine="dask"))
    await client.aclose()


def test_every_error_pickles() -> None:
    """With its message and its fields, so that a worker can send it home."""
    for name in errors.__all__:
        kind = getattr(minikit, name)
        amounts: Any = dict.fromkeys(
            ("limit_usd", "spent_usd", "unknown_usd", "needed_usd"), Decimal("0.5")
        )
        error = kind("told", **(amounts if kind is BudgetExceededError else {}))
        error.add_note("a note")
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        assert type(again) is kind
        assert str(again) == "told"
        assert vars(again) == vars(error)


def test_executors_of_other_kinds() -> None:
    """One that does not say how many workers it has is taken for as many as there are cores."""
    with staff.hired(Inline()) as hired:
        assert hired.number == os.cpu_count()
        assert hired.place == "processes"


@pytest.mark.anyio
async def test_a_journal_or_an_output_that_breaks(
    client: AsyncClient, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    """What goes wrong with files in a worker ends the run, as an error of ours."""
    journals, folder = tmp_path / "kept", tmp_path / "out"
    asked: Any = {"engine": threads, "budget_usd": "1"}
    stream = client.summarize_many(texts(2), engine=threads, journal=journals)
    await read(stream)
    (journal,) = journals.glob("*.sqlite")
    journal.write_bytes(b"no journal at all" * 100)
    with pytest.raises(JournalError, match="documents with an outcome: 0"):
        await read(client.summarize_many(texts(2), engine=threads, journal=journals))
    with pytest.raises(JournalError, match=r"journal"):
        await read(client.summarize_many(texts(2), journal=journals, **asked))
    await read(client.summarize_many(texts(2), engine=threads, output=folder))
    (part,) = folder.glob("part-*")
    part.unlink()
    part.mkdir()
    with pytest.raises(ArgumentError, match=r"cannot write to output=.*Is a directory"):
        await read(client.summarize_many(texts(2), engine=threads, output=folder))
    await client.aclose()


class Elsewhere(Inline):
    """Works where the folder of the journals cannot be made, as on a machine with other files."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - as in the base class
        """Put a file in the place of the folder, and do the work."""
        if self.folder.is_dir():
            self.folder.rmdir()
            self.folder.touch()
        return super().submit(fn, *args, **kwargs)


@pytest.mark.anyio
async def test_a_worker_that_cannot_begin(
    client: AsyncClient, server: ChatServer, tmp_path: Path
) -> None:
    """Where it can keep no journal it asks nothing, and the error tells why."""
    kept = tmp_path / "kept"
    stream = client.summarize_many(texts(3), engine=Elsewhere(kept), journal=kept)
    with pytest.raises(WorkerError, match=r"a worker failed: FileExistsError.*outcome: 0"):
        await read(stream)
    assert not server.requests
    await client.aclose()


@pytest.mark.anyio
async def test_limits_that_are_gone(
    client: AsyncClient, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose limits cannot be asked any more ends all the same, with a warning."""
    stream = client.summarize_many(texts(2), engine=threads, budget_usd="1")
    monkeypatch.setattr(LocalLimits, "stop", gone)
    monkeypatch.setattr(LocalLimits, "standing", gone)
    with pytest.warns(RuntimeWarning, match="gone") as caught:
        assert len(await read(stream)) == 2
    assert len(caught) == 2
    await client.aclose()


def gone(*_: object) -> None:
    """Answer no longer."""
    raise SharedLimitsError("gone")


@pytest.mark.anyio
async def test_errors_leave_what_led_to_them(client: AsyncClient, server: ChatServer) -> None:
    """Errors of a worker come without those of the SDK, which Dask would send along."""
    long = "\n\n".join(f"Part {n}. The river rose, and the town waited." * 40 for n in range(9))

    def answer(body: dict[str, Any]) -> Any:  # noqa: ANN401 - a reply
        is_short = "The bridge 0" in prompt_of(body)
        is_bad = is_short or "Part 8." in prompt_of(body)
        return error(400, code="odd", message="No.") if is_bad else ok("The river rose.")

    server.handler = answer
    with ThreadPoolExecutor(1) as pool:
        outcomes = [
            outcome
            async for outcome in client.summarize_many(
                [*texts(1), long], engine=pool, chunk_tokens=2_000, model="gpt-4o-mini"
            )
        ]
    short, parts = (outcome.error for outcome in outcomes)
    assert isinstance(short, RequestRejectedError)
    assert isinstance(parts, JobError)
    assert parts.errors
    assert all(each.__cause__ is each.__context__ is None for each in (short, parts, *parts.errors))
