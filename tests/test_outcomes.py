"""Outcomes of the blocking client: taken one at a time, interrupted and left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from minikit import (
    ArgumentError,
    AuthenticationError,
    Client,
    ClosedError,
    MissingKeyError,
    Retry,
    RowsProgress,
    complete_many,
)
from minikit import outcomes as module
from processes import running
from server import ChatServer, error, hang, ok, prompt_of

TEMPLATE = "Write to {name}."


def people(number: int) -> list[dict[str, str]]:
    """Return rows with names that tell them apart."""
    return [{"name": f"P{index}"} for index in range(number)]


@pytest.fixture(autouse=True)
def _checks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waits look around every millisecond, as they do twice a second for Ctrl-C."""
    monkeypatch.setattr(module, "INTERRUPT_CHECK_S", 0.001)


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    """A blocking client of the server; nothing is reserved when the test is over."""
    server.handler = lambda body: ok(prompt_of(body).upper())
    made = Client(api_key="k", base_url=server.base_url, retry=Retry(attempts=1), budget_usd=1)
    with made:
        yield made
    budget = made._client._pipeline.account.budget
    assert budget is not None
    assert budget.reserved_usd == 0


def test_a_for_opens_and_closes(client: Client) -> None:
    """No `with` is needed where nothing is asked afterwards."""
    texts = [outcome.text for outcome in client.complete_many(people(30), TEMPLATE)]
    assert texts == [f"WRITE TO P{index}." for index in range(30)]


def test_with_they_can_be_asked_what_they_cost(client: Client) -> None:
    """The bill is that of the async twin, while they are open and after."""
    heard: list[RowsProgress] = []
    with client.complete_many(people(3), TEMPLATE, on_event=heard.append) as outcomes:
        assert next(outcomes).index == 0
        assert [outcome.index for outcome in outcomes] == [1, 2]
        assert list(outcomes) == []
    total = client.ledger.total
    assert (outcomes.cost_usd, outcomes.usage) == (total.cost_usd, total.usage)
    assert (outcomes.done, outcomes.failed, outcomes.total) == (3, 0, 3)
    assert (outcomes.replayed_cost_usd, outcomes.failed_cost_usd, outcomes.unmeasured) == (
        Decimal(0),
        Decimal(0),
        0,
    )
    assert (outcomes.model, outcomes.notes) == ("gpt-4o-mini", ())
    assert outcomes.plan.calls_at_most == 3
    assert [each.done for each in heard] == [1, 2, 3]


def test_the_module_function(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It uses a client of the environment, or says what lacks."""
    with pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
        list(complete_many(people(1), TEMPLATE))
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    assert [outcome.error for outcome in complete_many(people(1), TEMPLATE)] == [None]


def test_they_are_opened_once_and_read_in_their_with(client: Client) -> None:
    """Reading before and opening twice are mistakes."""
    outcomes = client.complete_many(people(1), TEMPLATE)
    with pytest.raises(ArgumentError, match="open them with `with`"):
        next(outcomes)
    outcomes.__exit__(None, None, None)
    with outcomes:
        pass
    with pytest.raises(ArgumentError, match="opened once"):
        outcomes.__enter__()


def test_errors_come_where_they_happen(server: ChatServer, client: Client) -> None:
    """What cannot be is told as they are opened; what ends the job, after the last outcome."""
    with pytest.raises(ArgumentError, match="no field"):
        client.complete_many(people(1), "Hello.").__enter__()
    server.handler = lambda body: error(401) if "P2" in prompt_of(body) else ok()
    found: list[int] = []
    with pytest.raises(AuthenticationError, match="with an outcome: 2, without: 1"):
        found.extend(outcome.index for outcome in client.complete_many(people(3), TEMPLATE))
    with client.complete_many(people(3), TEMPLATE) as outcomes:
        found = [next(outcomes).index, next(outcomes).index]
        for _ in range(2):
            with pytest.raises(AuthenticationError, match="with an outcome: 2"):
                next(outcomes)
    assert found == [0, 1]


@pytest.mark.parametrize("has_with", [True, False])
def test_break_ends_the_calls_in_flight(server: ChatServer, client: Client, has_with: bool) -> None:
    """The server sees the client go."""
    server.handler = lambda body: ok() if "P0" in prompt_of(body) else hang()
    outcomes = client.complete_many(people(99), TEMPLATE)
    if has_with:
        with outcomes:
            next(outcomes)
            server.wait_for(in_flight=3)
    else:
        for _ in outcomes:
            server.wait_for(in_flight=3)
            break
    assert [entry.outcome for entry in client.ledger.entries].count("cancelled") >= 3
    assert all(each.abandoned.wait(10) for each in server.requests if "P0" not in each.prompt)


def test_rows_are_read_as_they_are_needed(server: ChatServer, client: Client) -> None:
    """Nobody takes outcomes, and so nobody reads on and on."""
    read: list[int] = []

    def rows() -> Iterator[str]:
        for index in range(10_000):
            read.append(index)
            yield str(index)

    with client.complete_many(rows(), "{text}!", model="offline") as outcomes:
        assert next(outcomes).text == "0!"
    assert len(read) < 200


def test_closing_the_client_ends_them(server: ChatServer, client: Client) -> None:
    """An error of ours tells why there is no more."""
    server.handler = lambda body: hang()
    with client.complete_many(people(1), TEMPLATE) as outcomes:
        server.wait_for(in_flight=1)
        client.close()
        with pytest.raises(ClosedError, match="closed"):
            next(outcomes)


def test_a_listener_that_exits(client: Client) -> None:
    """SystemExit reaches the reader, and the client goes on."""

    def leave(_progress: RowsProgress) -> None:
        sys.exit(3)

    with pytest.raises(SystemExit, match="3"):
        list(client.complete_many(people(1), TEMPLATE, on_event=leave))
    assert client.complete("Hello?").text == "HELLO?"


def test_a_loop_that_was_left_behind(server: ChatServer, client: Client) -> None:
    """Collected in the client's own thread, it does not wait for itself."""
    server.handler = lambda body: ok() if "P0" in prompt_of(body) else hang()
    left: list[Any] = [iter(client.complete_many(people(9), TEMPLATE))]
    next(left[0])
    collected = threading.Event()

    async def collect() -> None:
        left.clear()
        collected.set()

    client._loop.call(collect)
    assert collected.is_set()
    assert all(each.abandoned.wait(10) for each in server.requests if "P0" not in each.prompt)


def test_interrupt_ends_the_job(server: ChatServer) -> None:
    """Ctrl-C ends a `for` while it waits, and the requests with it; nothing hangs at exit."""
    server.handler = lambda body: ok() if "P0" in prompt_of(body) else hang()
    code = """
        import threading
        import minikit

        def rows():
            for index in range(3):
                yield {"name": f"P{index}"}
            threading.Event().wait()  # a source that has no more, and does not end

        for outcome in minikit.complete_many(rows(), "Write to {name}."):
            print(outcome.text, flush=True)
    """
    environ = {**os.environ, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": server.base_url}
    with running(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Fine.\n"
        server.wait_for(in_flight=2)
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=20)
    assert printed.strip().endswith("KeyboardInterrupt")
    assert all(each.abandoned.wait(5) for each in server.requests if "P0" not in each.prompt)
