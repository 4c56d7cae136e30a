"""A job that is killed at any point goes on where it stopped, and its books stay whole."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from minikit import Client, Model, Price
from minikit.calls.journal import Journal
from server import ChatServer, Reply, exact_usage, ok, output_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from minikit import Summary
    from server import Body

TEXT = "".join(
    f"Sentence {number} tells of a river and the {number % 7} towns beside it."
    + ("\n\n" if number % 5 == 4 else " ")
    for number in range(240)
)
PRICE = {"input_usd_per_mtok": 3, "output_usd_per_mtok": 5}
MODEL: dict[str, Any] = {"id": "small", "context_window": 3_000, "max_output_tokens": 1_000}
OPTIONS: dict[str, Any] = {"chunk_tokens": 300, "length": 40, "budget_usd": "0.6"}
CONCURRENCY = 3
CALLS = 14

PROGRAM = """
import json, os, sqlite3, sys
import openai
import minikit

openai.AsyncOpenAI(api_key="sk-test").chat
with minikit.Client(model="offline") as client:
    client.summarize("Load what every child needs, once.")
for line in sys.stdin:
    child = os.fork()
    if not child:
        given = json.loads(line)
        model = minikit.Model(price=minikit.Price(**given["price"]), **given["model"])
        with minikit.Client(model=model, journal=given["journal"], **given["client"]) as client:
            client.summarize(given["text"], **given["options"])
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Summarizes in a child for each line that it reads; says its id, and then how it ended."""


def reply_to(body: Body) -> str:
    """Write what is always the same for a prompt, and for no other."""
    prompt = "".join(message["content"] for message in body["messages"])
    name = hashlib.sha256(prompt.encode()).hexdigest()[:12]
    return f"In short: {name}." + " More of this." * ((output_limit(body) or 0) // 20)


class Books:
    """Answers as a server does, notes what it billed, and strikes at one point.

    Attributes:
        asked: How often each reply was asked for.
        billed_usd: What all of them cost.
    """

    def __init__(self, strike: Callable[[], None], *, at: int, sending: bool) -> None:
        self.asked: Counter[str] = Counter()
        self.billed_usd = Decimal(0)
        self._strike = strike
        self._at = at
        self._sending = sending
        self._arrived = self._answered = 0
        self._lock = threading.Lock()

    def answer(self, body: Body) -> Reply:
        """Reply, and strike as request number `at` arrives, or as its reply is about to leave."""
        text = reply_to(body)
        usage = exact_usage(body, text)
        with self._lock:
            self.asked[text] += 1
            self.billed_usd += 3 * usage["prompt_tokens"] + 5 * usage["completion_tokens"]
            self._arrived += 1
            if self._arrived == self._at and not self._sending:
                self._strike()
        reply = ok(text)
        return Reply(make=lambda server, sent: self._sent(reply, server, sent))

    def _sent(self, reply: Reply, server: ChatServer, body: Body) -> Any:  # noqa: ANN401 - its response
        response = reply.make(server, body)
        with self._lock:
            self._answered += 1
            if self._answered == self._at and self._sending:
                threading.Thread(target=self._strike).start()  # while the reply is on its way
        return response


def summarized(server: ChatServer, journal: Path) -> tuple[Summary, Client]:
    """Summarize the text in this process."""
    model = Model(price=Price(**PRICE), **MODEL)
    with Client(model=model, journal=journal, **client_options(server)) as client:
        return client.summarize(TEXT, **OPTIONS), client


def client_options(server: ChatServer) -> dict[str, Any]:
    """Return what both processes tell their clients."""
    options = {"api_key": "sk-test", "base_url": server.base_url}
    return options | {"max_concurrency": CONCURRENCY, "budget_usd": "0.6"}


@dataclass(slots=True)
class Victim:
    """A process that summarizes, and can be killed."""

    process: subprocess.Popen[str]
    child: int = 0

    def start(self, server: ChatServer, journal: Path) -> None:
        """Begin to summarize the text."""
        given = {"model": MODEL, "price": PRICE, "journal": str(journal), "text": TEXT}
        self._write(given | {"client": client_options(server), "options": OPTIONS})
        self.child = self._read()

    def kill(self) -> None:
        """Kill it as hard as can be."""
        os.kill(self.child, signal.SIGKILL)

    def wait(self) -> int:
        """Return how it ended; a negative number is a signal's."""
        return self._read()

    def _write(self, given: object) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(given) + "\n")
        self.process.stdin.flush()

    def _read(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    """A process of which one child after the other can be killed."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore:the model", "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Victim(process)


def stored(journal: Path) -> set[str]:
    """Return the replies that a journal holds."""
    lines = StringIO()
    Journal(journal).export(lines)
    bodies = [json.loads(line)["body"] for line in lines.getvalue().splitlines()]
    wires = [json.loads(body) for body in bodies if body is not None]
    return {wire["choices"][0]["message"]["content"] for wire in wires}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, Counter[str]]:
    """The summary as it is without a kill, and what it takes."""
    with ChatServer() as server:
        books = Books(lambda: None, at=0, sending=False)
        server.handler = books.answer
        summary, _ = summarized(server, tmp_path_factory.mktemp("whole") / "journal.sqlite")
    assert len(summary.calls) == CALLS
    return summary, books.asked


@pytest.mark.parametrize(("at", "sending"), [(at, at % 2 == 0) for at in range(1, CALLS)])
def test_killed_job_goes_on(  # noqa: PLR0917 - a point in time, and fixtures
    server: ChatServer,
    tmp_path: Path,
    victim: Victim,
    undisturbed: tuple[Summary, Counter[str]],
    at: int,
    sending: bool,
) -> None:
    """After kill -9 no stored reply is asked for again, and all that was billed is in the books."""
    whole, needed = undisturbed
    journal = tmp_path / "journal.sqlite"
    books = Books(victim.kill, at=at, sending=sending)
    server.handler = books.answer
    victim.start(server, journal)
    assert victim.wait() == -signal.SIGKILL
    before = stored(journal)
    attempts = Journal(journal).stats().attempts

    summary, client = summarized(server, journal)

    assert summary.text == whole.text
    assert summary.partials == whole.partials
    assert summary.cost_usd == whole.cost_usd
    again = {text for text in needed if books.asked[text] > 1}
    assert set(books.asked) == set(needed)
    assert not again & before
    assert len(again) <= CONCURRENCY
    replayed = sum(call.replayed for call in summary.calls)
    assert replayed == len(before)
    made = attempts + len(needed) - replayed
    assert made - CONCURRENCY <= books.asked.total() <= made  # some were noted and never sent
    total = client.ledger.total
    lost = attempts - len(before)
    assert (total.entries, total.unmeasured) == (made, lost)
    assert summary.unmeasured == lost
    assert total.cost_usd == whole.cost_usd
    # What is billed and not measured went to attempts of which the cost is unknown.
    unmeasured_usd = books.billed_usd / 1_000_000 - total.cost_usd
    budget = client._client._pipeline.account.budget
    assert budget
    assert 0 <= unmeasured_usd <= budget.unknown_usd
    assert (unmeasured_usd > 0) == bool(again)
