"""How time, money and memory grow from ten documents to a hundred million.

    python benchmarks/scale.py [--documents 1000000] [--no-real]

Three parts, each checking the one before:

1. real runs: `summarize_many` over documents of two sizes against a server that answers at once,
   for the processor time and the memory that a document takes;
2. a model: formulas over what is known of the corpus, the account and part 1;
3. simulations on a virtual clock, with a million synthetic documents at most: minikit's own plans,
   its own pace (`calls/pace.py`) or shared limits (`calls/sharing/state.py`), and a server with the
   limits of an account, which refuses what is over them.

A synthetic document has one of sixty sizes; how many have which follows a log-normal distribution
with a median of 4,000 tokens and a sigma of 1.2, so that a few are books.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import os
import random
import resource
import subprocess
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from pydoc_data.topics import topics
from tempfile import TemporaryDirectory
from typing import Any

from results import save

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from minikit import Client, Model, Usage, plan
from minikit.calls.limits import Bucket
from minikit.calls.line import Wait
from minikit.calls.pace import Pace, RateLimit, Ticket, charge
from minikit.calls.shared import Asked
from minikit.calls.sharing.state import LimitsState
from minikit.models.prices import cost_usd
from server import ChatServer, ok

MEDIAN_TOKENS, SIGMA, LONGEST = 4_000, 1.2, 1_000_000
SIZES = sorted({round(100 * (LONGEST / 100) ** (step / 59)) for step in range(60)})
CHARACTERS_PER_TOKEN = 4.4
LATENCY_S, READ_PER_S, WRITTEN_PER_S = 0.4, 20_000, 80
SHARE, MOST_WRITTEN = 0.08, 800
MODEL = Model.resolve("gpt-4o-mini")

TIERS: Mapping[str, tuple[int, int, int]] = {
    "tier 1": (500, 200_000, 2_000_000),
    "tier 3": (5_000, 4_000_000, 40_000_000),
    "tier 5": (30_000, 150_000_000, 15_000_000_000),
}
"""Requests a minute, tokens a minute and tokens in the queue of the Batch API for gpt-4o-mini
(third-party copies of OpenAI's page of limits, read 2026-11-23); yours stand in your account."""


@dataclass(frozen=True)
class Step:
    """Calls of a document that can run side by side, all alike."""

    calls: int
    input_tokens: int
    output_tokens: int
    output_limit: int

    @cached_property
    def charge(self) -> int:
        """Tokens that each takes from a limit."""
        return charge(round(self.input_tokens * CHARACTERS_PER_TOKEN), self.output_limit)

    @property
    def seconds(self) -> float:
        """How long the server takes for each."""
        return LATENCY_S + self.input_tokens / READ_PER_S + self.output_tokens / WRITTEN_PER_S

    @cached_property
    def usd(self) -> Decimal:
        """What each costs."""
        usage = Usage(input_tokens=self.input_tokens, output_tokens=self.output_tokens)
        return cost_usd(MODEL, usage) or Decimal(0)

    @cached_property
    def worst_usd(self) -> Decimal:
        """The most that each can cost."""
        usage = Usage(input_tokens=self.input_tokens, output_tokens=self.output_limit)
        return cost_usd(MODEL, usage) or Decimal(0)


@dataclass(frozen=True, slots=True)
class Kind:
    """A document of one of the sizes, as minikit plans its summary."""

    tokens: int
    steps: tuple[Step, ...]

    @property
    def calls(self) -> int:
        """Calls of all steps."""
        return sum(step.calls for step in self.steps)

    def total(self, what: Callable[[Step], float]) -> float:
        """Return a figure of each call, added up."""
        return sum(step.calls * what(step) for step in self.steps)


def kinds() -> list[Kind]:
    """Plan a document of each size, for real."""
    prose = "\n\n".join(topics.values())
    prose *= math.ceil(LONGEST * 5 / len(prose))
    return [_kind(size, prose[: round(size * CHARACTERS_PER_TOKEN)]) for size in SIZES]


def _kind(size: int, text: str) -> Kind:
    steps: list[Step] = []
    for level in plan(text, model=MODEL).levels:
        calls = level.calls_at_most
        inputs = (level.input_tokens_at_least + level.input_tokens_at_most) // (2 * calls)
        limit = level.output_tokens_at_most // calls
        written = min(limit, MOST_WRITTEN, max(1, round(inputs * SHARE)))
        steps.append(Step(calls, inputs, written, limit))
    return Kind(size, tuple(steps))


def weights() -> list[float]:
    """Return how often each size comes, log-normal."""
    spread = [math.exp(-((math.log(s / MEDIAN_TOKENS) / SIGMA) ** 2) / 2) for s in SIZES]
    return [each / sum(spread) for each in spread]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a document takes of the machine; from the real runs.

    Attributes:
        call_s: Processor seconds of a call, whatever its size.
        token_s: Processor seconds for each token of a document, beside that.
        base_mb: Memory of the process before the first document.
        flight_kb: Memory for each document in flight.
        journal_kb: Size of a journal for each reply of 400 tokens in it.
    """

    call_s: float
    token_s: float
    base_mb: float
    flight_kb: float
    journal_kb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What may be sent, and from how much."""

    requests_per_minute: int
    tokens_per_minute: int
    workers: int
    places: int


def mean(corpus: Sequence[Kind], what: Callable[[Kind], float]) -> float:
    """Return a figure of the average document."""
    return sum(weight * what(kind) for weight, kind in zip(weights(), corpus, strict=True))


def work_s(corpus: Sequence[Kind], measured: Measured) -> float:
    """Return the processor seconds of the average document."""
    calls, tokens = mean(corpus, lambda kind: kind.calls), mean(corpus, lambda kind: kind.tokens)
    return calls * measured.call_s + tokens * measured.token_s


def modelled(
    documents: int, corpus: Sequence[Kind], account: Account, measured: Measured
) -> dict[str, float | str]:
    """Return what the formulas say; the longest of four times is the bottleneck."""
    calls = mean(corpus, lambda kind: kind.calls)
    tokens = mean(corpus, lambda kind: kind.total(lambda step: step.charge))
    busy_s = mean(corpus, lambda kind: kind.total(lambda step: step.seconds))
    # A full bucket is a minute's worth for nothing.
    times = {
        "requests a minute": 60 * max(0.0, documents * calls / account.requests_per_minute - 1),
        "tokens a minute": 60 * max(0.0, documents * tokens / account.tokens_per_minute - 1),
        "calls in flight": documents * busy_s / (account.workers * account.places),
        "processor": documents * work_s(corpus, measured) / account.workers,
    }
    bottleneck = max(times, key=lambda name: times[name])
    last_s = mean(corpus, lambda kind: sum(step.seconds for step in kind.steps))
    return {
        "calls": documents * calls,
        "usd": documents * mean(corpus, lambda kind: kind.total(lambda step: float(step.usd))),
        "seconds": times[bottleneck] + last_s,
        "bottleneck": bottleneck if times[bottleneck] > last_s else "one document",
    }


class Server:
    """Refuses what is over the limits of its account; else says when the reply is there."""

    def __init__(self, account: Account) -> None:
        limits = {
            "requests": account.requests_per_minute,
            "tokens": account.tokens_per_minute,
        }
        self._buckets = {kind: Bucket(limit, limit, 0.0) for kind, limit in limits.items()}
        self.refused = 0
        self.billed_usd = Decimal(0)

    def reply(self, step: Step, now: float) -> tuple[float | None, float]:
        """Return the seconds until the reply, or None with those until another try."""
        amounts = {"requests": 1, "tokens": step.charge}
        wait_s = max(b.wait_s(amounts[kind], now) for kind, b in self._buckets.items())
        if wait_s > 0:
            self.refused += 1
            return None, wait_s
        for kind, bucket in self._buckets.items():
            bucket.take(amounts[kind], now)
        self.billed_usd += step.usd
        return step.seconds, 0.0

    def headers(self) -> dict[str, str]:
        """Return what a reply tells of the limits."""
        told = dict[str, str]()
        for kind, bucket in self._buckets.items():
            until_full_s = (bucket.limit - bucket.level) / bucket.rate
            told[f"x-ratelimit-limit-{kind}"] = str(int(bucket.limit))
            told[f"x-ratelimit-remaining-{kind}"] = str(max(0, int(bucket.level)))
            told[f"x-ratelimit-reset-{kind}"] = f"{until_full_s:.3f}s"
        return told


@dataclass(slots=True)
class Worker:
    """A process: its pace, its calls in line and in flight, and its processor."""

    pace: Pace
    line: deque[tuple[Step, Document]] = field(default_factory=deque)
    in_flight: int = 0
    busy_until: float = 0.0
    alarm: int = 0


@dataclass(slots=True)
class Document:
    """A document under way: the steps to come, and the calls of this one that are out."""

    kind: Kind
    step: int = 0
    out: int = 0


@dataclass(slots=True)
class Sent:
    """A call that has left its line."""

    worker: Worker
    ticket: Ticket
    step: Step
    document: Document
    ident: str


class Simulation:
    """A corpus on its way through workers to a server, on a virtual clock."""

    def __init__(
        self, account: Account, measured: Measured, *, shared: LimitsState | None = None
    ) -> None:
        self.account, self.measured = account, measured
        self.server = Server(account)
        self.shared = shared
        self.workers = [Worker(Pace(None, account.places)) for _ in range(account.workers)]
        self.now = 0.0
        self.calls = self.done = self.most_in_flight = self._in_flight = 0
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def run(self, corpus: Iterator[Kind]) -> None:
        """Run until every document is done."""
        self.corpus = corpus
        for worker in self.workers:
            self._later(0.0, self._pump, worker)
        while self._events:
            self.now, _, act, arguments = heapq.heappop(self._events)
            act(*arguments)

    def _later(self, seconds: float, act: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401
        self._count += 1
        heapq.heappush(self._events, (self.now + seconds, self._count, act, arguments))

    def _pump(self, worker: Worker) -> None:
        """Send what can be sent now; come back when more can."""
        while worker.in_flight < self.account.places:
            if not worker.line and not self._begin(worker):
                return None
            if worker.busy_until > self.now:
                return self._come_back(worker, worker.busy_until - self.now)
            step, document = worker.line[0]
            ticket = worker.pace.start(step.charge, self.now)
            if isinstance(ticket, Wait):
                if ticket.seconds < math.inf:
                    self._come_back(worker, ticket.seconds)
                return None
            worker.line.popleft()
            worker.in_flight += 1
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            worker.busy_until = self.now + self.measured.call_s
            self._count += 1
            self._admit(Sent(worker, ticket, step, document, str(self._count)))
        return None

    def _come_back(self, worker: Worker, seconds: float) -> None:
        worker.alarm += 1  # in the place of one that is set
        self._later(seconds, self._ring, worker, worker.alarm)

    def _ring(self, worker: Worker, alarm: int) -> None:
        if alarm == worker.alarm:
            self._pump(worker)

    def _begin(self, worker: Worker) -> bool:
        kind = next(self.corpus, None)
        if kind is None:
            return False
        worker.busy_until = max(worker.busy_until, self.now)
        worker.busy_until += kind.tokens * self.measured.token_s
        self._put(worker, Document(kind))
        return True

    def _put(self, worker: Worker, document: Document) -> None:
        step = document.kind.steps[document.step]
        document.out = step.calls
        worker.line.extend([(step, document)] * step.calls)

    def _admit(self, sent: Sent) -> None:
        """Ask the limits that the workers share, where there are any."""
        wait_s: float | None = 0.0
        if self.shared is not None:
            step = sent.step
            asked = Asked(
                ident=sent.ident,
                run="",
                amount_usd=step.worst_usd,
                lane="",
                requests=1,
                tokens=step.charge,
                lease_s=600.0,
            )
            wait_s = self.shared.admit(asked, self.now)
        if wait_s is None:  # no money until others settle
            self._later(1.0, self._admit, sent)
        else:
            self._later(wait_s, self._send, sent)

    def _send(self, sent: Sent) -> None:
        seconds, retry_after_s = self.server.reply(sent.step, self.now)
        headers = self.server.headers()
        if seconds is None:
            self._later(0.05, self._refused, sent, headers, retry_after_s)
            return
        self.calls += 1
        self._later(seconds, self._replied, sent, headers)

    def _refused(self, sent: Sent, headers: Mapping[str, str], retry_after_s: float) -> None:
        sent.worker.pace.rate_limited(sent.ticket, retry_after_s, headers, self.now)
        sent.worker.pace.ended(sent.ticket, succeeded=False, now=self.now)
        self._settle(sent.ident, Decimal(0))
        sent.worker.line.appendleft((sent.step, sent.document))
        self._free(sent.worker)

    def _replied(self, sent: Sent, headers: Mapping[str, str]) -> None:
        worker, document = sent.worker, sent.document
        worker.pace.replied(sent.ticket, headers, self.now)
        worker.pace.ended(sent.ticket, succeeded=True, now=self.now)
        self._settle(sent.ident, sent.step.usd)
        document.out -= 1
        if not document.out:
            document.step += 1
            if document.step < len(document.kind.steps):
                self._put(worker, document)
            else:
                self.done += 1
        self._free(worker)

    def _settle(self, ident: str, usd: Decimal) -> None:
        if self.shared is not None:
            self.shared.settle(ident, usd)

    def _free(self, worker: Worker) -> None:
        worker.in_flight -= 1
        self._in_flight -= 1
        self._pump(worker)


def simulated(
    documents: int, corpus: Sequence[Kind], account: Account, measured: Measured
) -> dict[str, Any]:
    """Run so many documents through a simulation, and set it beside the formulas."""
    draw = random.Random(20_261_123)  # the same corpus each time
    drawn = (kind for _ in range(documents) for kind in draw.choices(corpus, weights()))
    shared = None
    if account.workers > 1:
        limit = RateLimit(
            requests_per_minute=account.requests_per_minute,
            tokens_per_minute=account.tokens_per_minute,
        )
        shared = LimitsState(Decimal(10) ** 9, limit)
    simulation = Simulation(account, measured, shared=shared)
    start = time.perf_counter()
    simulation.run(drawn)
    assert simulation.done == documents
    if shared is not None:  # the books of the workers are the server's
        assert shared.standing(simulation.now).spent_usd == simulation.server.billed_usd
    told = modelled(documents, corpus, account, measured)
    return {
        "documents": documents,
        "workers": account.workers,
        "places": account.places,
        "calls": simulation.calls,
        "usd": float(simulation.server.billed_usd),
        "seconds": simulation.now,
        "refused": simulation.server.refused,
        "most_in_flight": simulation.most_in_flight,
        "modelled_usd": told["usd"],
        "modelled_seconds": told["seconds"],
        "bottleneck": told["bottleneck"],
        "took_s": time.perf_counter() - start,
    }


def measure() -> tuple[Measured, list[dict[str, Any]]]:
    """Run real documents of two sizes, and some side by side, each in a process of its own."""
    with _server() as base_url:
        runs = [
            _real(base_url, documents, tokens, places)
            for documents, tokens, places in (
                (10, 500, 16),
                (2_000, 500, 16),
                (400, 8_000, 16),
                (2_000, 500, 256),
            )
        ]
    base, small, large, wide = runs
    each = [run["cpu_s"] / run["documents"] for run in (small, large)]
    token_s = (each[1] - each[0]) / (large["tokens"] - small["tokens"])
    measured = Measured(
        call_s=each[0] - small["tokens"] * token_s,
        token_s=token_s,
        base_mb=base["peak_mb"],
        flight_kb=1_000 * (wide["peak_mb"] - small["peak_mb"]) / (256 - 16),
        journal_kb=_journal_kb(),
    )
    return measured, runs


def _journal_kb() -> float:
    """Return what a reply takes in a journal; each is of other words."""
    prose, replies = "\n\n".join(topics.values()), 1_000
    with ChatServer() as server, TemporaryDirectory() as folder:
        length = round(400 * CHARACTERS_PER_TOKEN)
        server.script([ok(prose[at * 97 : at * 97 + length]) for at in range(replies)])
        journal = Path(folder) / "journal.sqlite"
        with Client(api_key="x", base_url=server.base_url, journal=journal) as client:
            rows = ({"n": number} for number in range(replies))
            assert sum(1 for _ in client.complete_many(rows, "{n}")) == replies
        return journal.stat().st_size / 1_000 / replies


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).with_name("call_overhead.py")), "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as s:
        assert s.stdin
        assert s.stdout
        yield f"http://127.0.0.1:{s.stdout.readline().strip()}/v1"
        s.stdin.close()


def _real(base_url: str, documents: int, tokens: int, places: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--real", base_url, documents, tokens, places]
    told = subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, check=True
    )
    run: dict[str, Any] = json.loads(told.stdout)
    print(run, flush=True)
    return run


def real(base_url: str, documents: int, tokens: int, places: int) -> dict[str, Any]:
    """Summarize documents for real, and tell what that took of this process."""
    prose = "\n\n".join(topics.values())
    length = round(tokens * CHARACTERS_PER_TOKEN)
    starts = (97 * number % (len(prose) - length) for number in range(documents))
    with Client(api_key="x", base_url=base_url, max_concurrency=places) as client:
        client.summarize(prose[:length])  # what is loaded once
        cpu, start = time.process_time(), time.perf_counter()
        outcomes = client.summarize_many(prose[at : at + length] for at in starts)
        failed = sum(outcome.error is not None for outcome in outcomes)
        seconds = time.perf_counter() - start
    assert not failed
    return {
        "documents": documents,
        "tokens": tokens,
        "places": places,
        "cpu_s": time.process_time() - cpu,
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000,
    }


RUNS = (
    # documents, tier, workers, places of each
    (10, "tier 1", 1, 16),
    (1_000, "tier 1", 1, 16),
    (1_000, "tier 3", 1, 16),
    (10_000, "tier 3", 1, 64),
    (100_000, "tier 5", 1, 256),
    (100_000, "tier 5", 8, 256),
    (1_000_000, "tier 5", 8, 512),
)
PAPER = (10, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)


def main() -> None:
    """Measure, simulate, and print what the formulas say of more."""
    parser = argparse.ArgumentParser(description="Ten documents to a hundred million.")
    parser.add_argument("--documents", type=int, default=1_000_000, help="simulate at most so many")
    parser.add_argument("--no-real", action="store_true", help="take the kept figures of real runs")
    parser.add_argument("--real", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ.pop("OPENAI_API_KEY", None)
    if arguments.real:
        base_url, *numbers = arguments.real
        print(json.dumps(real(base_url, *map(int, numbers))))
        return
    measured, runs = (STAND_IN, []) if arguments.no_real else measure()
    print(measured)
    corpus = kinds()
    rows = list[dict[str, Any]]()
    for documents, tier, workers, places in RUNS:
        if documents <= arguments.documents:
            account = Account(
                requests_per_minute=TIERS[tier][0],
                tokens_per_minute=TIERS[tier][1],
                workers=workers,
                places=places,
            )
            rows.append({"tier": tier, **simulated(documents, corpus, account, measured)})
            print(rows[-1], flush=True)
    paper = list(_paper(corpus, measured))
    for line in paper:
        print(line)
    save(
        "scale",
        rows,
        command="python benchmarks/scale.py",
        notes={"real": runs, "paper": paper, "measured": asdict(measured)},
    )


STAND_IN = Measured(call_s=0.004, token_s=1e-6, base_mb=150, flight_kb=200, journal_kb=2)
"""For a quick look without the real runs."""


def _paper(corpus: Sequence[Kind], measured: Measured) -> Iterator[dict[str, Any]]:
    """Yield what the formulas say for each tier: how fast it allows, and what keeps up with it."""
    for tier, (requests, tokens, queue) in TIERS.items():
        ample = Account(
            requests_per_minute=requests, tokens_per_minute=tokens, workers=10**6, places=10**6
        )
        told = modelled(10**9, corpus, ample, measured)
        a_second = 10**9 / float(told["seconds"])
        yield {
            "tier": tier,
            "documents_an_hour": 3_600 * a_second,
            "in_flight": a_second * mean(corpus, lambda kind: kind.total(lambda s: s.seconds)),
            "cores": a_second * work_s(corpus, measured),
            "bottleneck": told["bottleneck"],
            "days": {n: n / a_second / 86_400 for n in PAPER},
            "batch_rounds": {
                n: n * mean(corpus, lambda kind: kind.total(lambda s: s.input_tokens)) / queue
                for n in PAPER
            },
        }


if __name__ == "__main__":
    main()
