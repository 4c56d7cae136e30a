"""What shared limits cost, and how much of a rate limit several processes reach through them.

    python benchmarks/shared_limits.py [PROCESSES] [SECONDS]

For each host: the milliseconds that one process waits for `admit` and for `settle`; and the share
of the ideal that processes reach together which ask for 100 requests a second, four threads each,
after the bucket has been emptied. Redis is measured where there is a `redis-server`, Dask where
`distributed` is installed; both on this machine.
"""

from __future__ import annotations

import logging
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from results import save

from minikit import (
    Asked,
    DaskLimits,
    LocalLimits,
    RateLimit,
    RedisLimits,
    ServedLimits,
    SharedLimits,
)

ROUNDS = 500
THREADS = 4
RATE = RateLimit(tokens_per_minute=60_000)
TOKENS = 10
IDEAL_PER_S = 60_000 / 60 / TOKENS
COST_USD = Decimal("0.000123")


def asked(tokens: int = TOKENS) -> Asked:
    """Ask for a request of a few tokens."""
    return Asked(
        run="run", amount_usd=Decimal("0.001"), lane="lane", requests=1, tokens=tokens, lease_s=60
    )


def cost_ms(limits: SharedLimits, rounds: int) -> tuple[float, float]:
    """Return the medians of the milliseconds that `admit` and `settle` take."""
    admits, settles = list[float](), list[float]()
    for _ in range(rounds):
        one = asked(0)
        start = time.perf_counter()
        limits.admit(one)
        middle = time.perf_counter()
        limits.settle(one.ident, COST_USD)
        admits.append(middle - start)
        settles.append(time.perf_counter() - middle)
    return statistics.median(admits) * 1e3, statistics.median(settles) * 1e3


def started(limits: SharedLimits, until: float) -> int:
    """Start requests with several threads until a time; return how many."""

    def send() -> int:
        count = 0
        while True:
            one = asked()
            wait_s = limits.admit(one) or 0.0
            if time.time() + wait_s > until:
                return count
            time.sleep(wait_s)
            limits.settle(one.ident, COST_USD)
            count += 1

    with ThreadPoolExecutor(THREADS) as pool:  # in the context of the task, where Dask has one
        sent = [pool.submit(copy_context().run, send) for _ in range(THREADS)]
        return sum(each.result() for each in sent)


@contextmanager
def processes(count: int) -> Generator[Executor]:
    """Start processes of this machine."""
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        yield pool


@contextmanager
def redis_url() -> Generator[str]:
    """Start a Redis server that keeps nothing on the disk."""
    program = shutil.which("redis-server") or str(Path(sys.executable).with_name("redis-server"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as server:
        time.sleep(1)
        yield f"redis://127.0.0.1:{port}/0"
        server.terminate()


@contextmanager
def hosts(count: int) -> Generator[Iterator[tuple[str, SharedLimits, Executor]]]:
    """Yield the hosts by name, each with limits and with workers that can reach them."""
    with ExitStack() as stack:
        yield _hosts(count, stack)


def _hosts(count: int, stack: ExitStack) -> Iterator[tuple[str, SharedLimits, Executor]]:
    pool = stack.enter_context(processes(count))
    options: dict[str, Any] = {"budget_usd": "100", "rate_limit": RATE}
    yield "LocalLimits (threads)", LocalLimits(**options), ThreadPoolExecutor(count)
    yield "ServedLimits", stack.enter_context(ServedLimits(**options)), pool
    url = stack.enter_context(redis_url())
    yield "RedisLimits", RedisLimits(url, name="benchmark", **options), pool

    from distributed import Client, LocalCluster

    made = {"n_workers": count, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    cluster = stack.enter_context(LocalCluster(**made, silence_logs=logging.ERROR))
    client = stack.enter_context(Client(cluster))
    limits = stack.enter_context(DaskLimits(client, **options))
    yield "DaskLimits", limits, client.get_executor(pure=False)


def main(count: int, seconds: float) -> None:
    """Measure every host and print a table."""
    rows = []
    with hosts(count) as found:
        for name, limits, workers in found:
            wait([workers.submit(time.sleep, 0.2) for _ in range(count)])  # all are up
            admit_ms, settle_ms = workers.submit(cost_ms, limits, ROUNDS).result()
            limits.admit(asked(60_000))  # empties the bucket
            until = time.time() + seconds
            begun = [workers.submit(started, limits, until) for _ in range(count)]
            share = sum(each.result() for each in begun) / (seconds * IDEAL_PER_S)
            print(f"{name:24}{admit_ms:8.3f} ms{settle_ms:8.3f} ms{share:9.1%}", flush=True)
            rows.append(
                {"host": name, "admit_ms": admit_ms, "settle_ms": settle_ms, "share": share}
            )
    command = f"python benchmarks/shared_limits.py {count} {seconds:g}"
    save("shared_limits", rows, command=command, notes={"threads": THREADS})


if __name__ == "__main__":
    numbers = [float(argument) for argument in sys.argv[1:]]
    main(int(numbers[0]) if numbers else 2, numbers[1] if len(numbers) > 1 else 10.0)
