"""A corpus on a real cluster of Dask: several processes, one of which may be killed."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minikit import (
    Asked,
    BudgetExceededError,
    Client,
    DocumentOutcome,
    Model,
    RateLimit,
    RedisLimits,
    Retry,
    Summary,
    WorkerError,
)
from minikit.cli.main import main
from minikit.jobs.corpus import staff
from minikit.models.prices import cost_usd
from minikit.models.usage import Usage
from redis_server import redis_server
from server import Body, ChatServer, Reply, exact_usage, held, ok, prompt_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import distributed

SOON = Retry(wait_initial_s=0.0)
ENVIRONMENT = {"OPENAI_API_KEY": "sk-test", "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[distributed.Client]:
    """Two workers in processes of their own, on loopback; it takes a second or two to start."""
    from distributed import Client, LocalCluster

    where = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            env=ENVIRONMENT,
            silence_logs=logging.CRITICAL,
            **where,
        ) as made,
        Client(made) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the caller a key, as the workers have one."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


def client_of(server: ChatServer, **options: Any) -> Client:  # noqa: ANN401 - of Client
    """Make a client of `server` with one call in flight a worker."""
    return Client(base_url=server.base_url, retry=SOON, max_concurrency=1, **options)


def reports(count: int) -> list[str]:
    """Make short documents, each with its number."""
    return [f"Report {n}.\n" + f"The bridge {n} was closed. " * 30 for n in range(count)]


def number_of(body: Body) -> int:
    """Return which document a request is about."""
    return int(prompt_of(body).split("Report ")[1].split(".")[0])


def billed_usd(server: ChatServer) -> Decimal:
    """Add up what a server asks for that has answered "Closed." to all who have waited for it."""
    model = Model.resolve("gpt-4o-mini")
    answered = (request.body for request in server.requests if not request.abandoned.is_set())
    counts = (exact_usage(body, "Closed.") for body in answered)
    usages = (
        Usage(input_tokens=each["prompt_tokens"], output_tokens=each["completion_tokens"])
        for each in counts
    )
    return sum((cost_usd(model, usage) or Decimal(0) for usage in usages), Decimal(0))


def test_a_cluster_by_any_name(cluster: distributed.Client) -> None:
    """Its client, its executor and "dask" stand for the same workers."""
    for engine in (cluster, cluster.get_executor(pure=False), "dask"):
        with staff.hired(engine) as hired:
            assert hired.place is cluster
            assert hired.number == 2


def test_the_budget_holds_over_all_workers(cluster: distributed.Client, server: ChatServer) -> None:
    """Workers together spend no more than the budget, as the server's own bill says."""
    server.handler = lambda _: ok("Closed.")
    done: list[DocumentOutcome[Summary]] = []
    with client_of(server) as client:
        outcomes = client.summarize_many(
            reports(40), engine=cluster, partition_size=4, budget_usd="0.001"
        )
        with pytest.raises(BudgetExceededError, match=r"of the budget of \$0\.001, "):
            done.extend(outcomes)
    assert 0 < billed_usd(server) <= Decimal("0.001")
    assert 0 < len(done) <= len(server.requests) < 40


def test_a_killed_worker_costs_nothing_twice(
    cluster: distributed.Client, server: ChatServer, tmp_path: Path
) -> None:
    """What a killed worker had got is not asked for again, and every document is answered."""
    gate, waiting = threading.Event(), threading.Semaphore(0)
    numbers = Counter[int]()

    def answer(body: Body) -> Reply:
        numbers[number_of(body)] += 1
        if number_of(body) not in (2, 6):
            return ok("Closed.")
        waiting.release()  # its worker has kept the two replies before it
        return held(gate, ok("Closed."))

    def kill() -> None:
        assert waiting.acquire(timeout=60)
        assert waiting.acquire(timeout=60)
        os.kill(next(iter(pids.values())), signal.SIGKILL)
        assert waiting.acquire(timeout=60)  # another worker asks again what was in flight
        gate.set()

    server.handler = answer
    pids: dict[str, int] = cluster.run(os.getpid)
    killer = threading.Thread(target=kill)
    killer.start()
    with client_of(server) as client:
        outcomes = client.summarize_many(
            reports(8), engine=cluster, partition_size=4, journal=tmp_path, budget_usd="1"
        )
        texts = [outcome.text for outcome in outcomes]
    killer.join()
    assert texts == ["Closed."] * 8
    assert [number for number, times in sorted(numbers.items()) if times > 1] in ([2], [6])
    report = outcomes.report
    assert (report.documents, report.failed, report.calls) == (8, 0, 8)
    assert report.cost_usd == billed_usd(server)
    cluster.wait_for_workers(2, timeout=60)  # the nanny starts another
    assert len(set(cluster.run(os.getpid).values()) - set(pids.values())) == 1


def test_the_rate_holds_over_all_workers_through_redis(
    cluster: distributed.Client, server: ChatServer
) -> None:
    """No request comes to the server before the shared bucket has what it takes."""
    server.handler = lambda _: ok("Closed.")
    rate = RateLimit(requests_per_minute=1_200)
    empty = Asked(
        run="test",
        amount_usd=Decimal(0),
        lane=f"gpt-4o-mini {server.base_url}/",
        requests=1_200,
        tokens=0,
        lease_s=60,
    )
    with redis_server() as url:
        limits = RedisLimits(url, name="rate", budget_usd="1", rate_limit=rate)
        start = time.monotonic()
        limits.admit(empty)
        with client_of(server, share=limits) as client:
            outcomes = client.summarize_many(reports(24), engine=cluster, partition_size=6)
            assert [outcome.text for outcome in outcomes] == ["Closed."] * 24
        assert limits.standing().spent_usd == billed_usd(server) == outcomes.report.cost_usd
    for number, request in enumerate(server.requests, 1):
        assert request.at - start >= number / 20


def test_a_lost_scheduler_is_a_clear_error_and_what_came_is_kept(
    server: ChatServer, tmp_path: Path
) -> None:
    """The run ends with an error that says what to do; the next run pays for the rest alone."""
    import dask
    from distributed import Client, LocalCluster

    gate = threading.Event()
    server.handler = lambda body: (
        held(gate, ok("Closed.")) if number_of(body) > 1 else ok("Closed.")
    )
    where = {"host": "127.0.0.1", "protocol": "tcp", "dashboard_address": "127.0.0.1:0"}
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "500ms"}),
        LocalCluster(processes=False, n_workers=1, threads_per_worker=1, **where) as made,
        Client(made) as short_lived,
        client_of(server) as client,
        client.summarize_many(
            reports(4), engine=short_lived, partition_size=2, journal=tmp_path
        ) as outcomes,
    ):
        assert [next(outcomes).text for _ in range(2)] == ["Closed."] * 2
        server.wait_for(in_flight=1)
        made.sync(made.scheduler.close)
        gate.set()
        with pytest.raises(WorkerError, match="start workers anew, and run again"):
            next(outcomes)
    before = len(server.requests)
    with client_of(server) as client, ThreadPoolExecutor(1) as pool:
        again = client.summarize_many(reports(4), engine=pool, partition_size=2, journal=tmp_path)
        assert [outcome.text for outcome in again] == ["Closed."] * 4
    assert len(server.requests) - before <= 2


def test_a_command_on_a_cluster(
    cluster: distributed.Client,
    server: ChatServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`minikit many` sends documents to the scheduler that it is told, for its own server."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)  # which the workers do not know
    server.handler = lambda _: ok('{"items": []}')
    for number, report in enumerate(reports(3)):
        (tmp_path / f"{number}.txt").write_text(report)
    command = ["many", "extract", str(tmp_path / "*.txt"), "--fields", "bridge", "--json"]
    address = cluster.scheduler_info()["address"]
    assert main([*command, "--engine", address, "--output", str(tmp_path / "out")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["documents"], len(server.requests)) == (3, 3)
    assert {each["documents"] for each in report["workers"]} == {3}
