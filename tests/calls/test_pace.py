"""The pace, in virtual time against a server that limits as OpenAI's does, and under anything."""

from __future__ import annotations

import heapq
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit import ArgumentError, RateLimit
from minikit.calls.line import Wait
from minikit.calls.pace import Pace, Ticket, charge

NOTHING: dict[str, str] = {}
UPLOAD_S = (0.02, 0.25)
DOWNLOAD_S = (0.02, 0.05)


def shown(seconds: float) -> str:
    """Return a duration as OpenAI writes it."""
    if seconds < 1:
        return f"{max(1, int(seconds * 1000))}ms"
    minutes, seconds = divmod(seconds, 60)
    return f"{int(minutes)}m{seconds:.3f}s" if minutes else f"{seconds:.3f}s"


@dataclass
class Limit:
    """A token bucket of a server, full at the start."""

    kind: str
    limit: float
    period_s: float = 60
    level: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.limit

    def amount(self, tokens: float) -> float:
        """Return what a request takes."""
        return 1 if self.kind == "requests" else tokens

    def wait_s(self, amount: float, now: float) -> float:
        """Return how long until `amount` is there."""
        passed = self.limit / self.period_s * (now - self.at)
        self.level, self.at = min(self.limit, self.level + passed), now
        return max(0.0, amount - self.level) * self.period_s / self.limit

    def headers(self) -> dict[str, str]:
        """Return what OpenAI tells of it."""
        return {
            f"x-ratelimit-limit-{self.kind}": str(int(self.limit)),
            f"x-ratelimit-remaining-{self.kind}": str(max(0, int(self.level))),
            f"x-ratelimit-reset-{self.kind}": shown(self.wait_s(self.limit, self.at)),
        }


@dataclass
class Server:
    """Admits or refuses, charges what it admits, and tells its limits.

    `factor` is what it counts for a token of ours; `places` how many it answers at a time.
    """

    limits: list[Limit] = field(default_factory=list[Limit])
    tells: bool = True
    tells_when: bool = True
    factor: float = 1.0
    places: float = math.inf
    out: tuple[float, float] = (0, 0)
    busy: int = 0
    refused: list[float] = field(default_factory=list[float])

    def answer(self, tokens: float, now: float) -> tuple[bool, float | None, dict[str, str]]:
        """Return whether a request is admitted, retry-after, and the headers."""
        amounts = [limit.amount(tokens * self.factor) for limit in self.limits]
        pairs = list(zip(self.limits, amounts, strict=True))
        wait_s = max((limit.wait_s(amount, now) for limit, amount in pairs), default=0)
        good = wait_s == 0 and self.busy < self.places and not self.out[0] <= now < self.out[1]
        for limit, amount in pairs:
            limit.level -= amount * good
        self.busy += good
        self.refused += [] if good else [now]
        headers = {name: text for limit in self.limits for name, text in limit.headers().items()}
        when = math.ceil(wait_s * 1000) / 1000 if wait_s and self.tells_when else None
        return good, when, headers if self.tells else NOTHING

    def answered(self) -> None:
        """Have one request less to answer."""
        self.busy -= 1


class Clock:
    """Virtual time: what is planned happens, in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self._plans: list[tuple[float, int, Callable[[], object]]] = []
        self._number = count()

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        """Plan to do `act` so many seconds from now."""
        heapq.heappush(self._plans, (self.now + seconds, next(self._number), act))

    def run(self) -> None:
        """Do all that is planned, and what is planned meanwhile."""
        while self._plans:
            self.now, _, act = heapq.heappop(self._plans)
            act()


@dataclass(eq=False)
class Call:
    """A request of a caller's; `number` counts them in order."""

    number: int
    tokens: int
    tries: int = 0
    ticket: Ticket = field(init=False)


class Caller:
    """Sends requests in order, at most so many at a time; what is refused goes to the end."""

    def __init__(
        self, clock: Clock, server: Server, pace: Pace, charges: list[int], most: int
    ) -> None:
        self.clock, self.server, self.pace, self.most = clock, server, pace, most
        self.calls = [Call(number, tokens) for number, tokens in enumerate(charges)]
        self.line = deque(self.calls)
        self.started: list[tuple[float, Call]] = []
        self.in_flight = 0
        self.done = 0
        self.end = 0.0
        self._draw = Random(len(charges) + most).uniform  # noqa: S311 - no secret
        self._asks_at = math.inf
        clock.after(0, self.go)

    def go(self) -> None:
        """Start what may start now."""
        while self.line and self.in_flight < self.most:
            answer = self.pace.start(self.line[0].tokens, self.clock.now)
            if isinstance(answer, Wait):
                return self._go_in(answer.seconds)
            call = self.line.popleft()
            call.ticket = answer
            call.tries += 1
            self.in_flight += 1
            self.started.append((self.clock.now, call))
            self.clock.after(self._draw(*UPLOAD_S), partial(self.arrive, call))
        return None

    def arrive(self, call: Call) -> None:
        """Be answered or refused by the server."""
        good, when, headers = self.server.answer(call.tokens, self.clock.now)
        seconds = latency_s(call.tokens) if good else 0
        if good:
            self.clock.after(seconds, self.server.answered)
        seconds += self._draw(*DOWNLOAD_S)
        self.clock.after(seconds, lambda: self.back(call, when, headers, good=good))

    def back(self, call: Call, when: float | None, headers: dict[str, str], *, good: bool) -> None:
        """Have the reply."""
        now = self.end = self.clock.now
        self.in_flight -= 1
        if good:
            self.done += 1
            self.pace.replied(call.ticket, headers, now)
        else:
            self.pace.rate_limited(call.ticket, when, headers, now)
            self.line.append(call)
        self.pace.ended(call.ticket, good, now)
        self.go()

    def _go_in(self, seconds: float) -> None:
        at = self.clock.now + seconds
        if self.clock.now < self._asks_at <= at or at == math.inf:
            return
        self._asks_at = at
        self.clock.after(seconds, self.go)


def latency_s(tokens: int) -> float:
    """Return how long the server takes to answer."""
    return 0.4 + tokens / 20_000 + min(800, 0.08 * tokens) / 80


def simulate(
    server: Server, charges: list[int], *, most: int = 16, given: RateLimit | None = None
) -> Caller:
    """Return what has become of the requests when all are answered."""
    clock = Clock()
    caller = Caller(clock, server, Pace(given, most), charges, most)
    clock.run()
    assert caller.done == len(charges)
    return caller


def ideal_s(charges: list[int], limits: list[Limit], most: int = 16) -> float:
    """Return when all could be answered at the earliest, in order, each delayed as they can be."""
    now, ends = 0.0, list[float]()
    for tokens in charges:
        if len(ends) == most:
            now = max(now, heapq.heappop(ends))
        now += max((limit.wait_s(limit.amount(tokens), now) for limit in limits), default=0)
        for limit in limits:
            limit.wait_s(limit.limit, now)
            limit.level -= limit.amount(tokens)
        heapq.heappush(ends, now + latency_s(tokens) + UPLOAD_S[1] + DOWNLOAD_S[1])
    return max(ends)


MIXES = {
    "big": [48_000] * 17,
    "middle": [16_000] * 51,
    "small": [1_000] * 200,
    "mixed": [500, 48_000, 2_000, 16_000, 500, 90_000, 16_000, 2_000, 48_000, 500] * 6,
}


@pytest.mark.parametrize("known", [True, False], ids=["given", "unknown"])
@pytest.mark.parametrize("most", [16, 64])
@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize(("tpm", "rpm"), [(200_000, 500), (500_000, 500), (500_000, 100)])
def test_a_limit_is_used_and_kept(tpm: int, rpm: int, mix: str, most: int, *, known: bool) -> None:
    """All is done as fast as the limits allow; after a first burst next to nothing is refused."""
    charges = MIXES[mix]
    server = Server([Limit("tokens", tpm), Limit("requests", rpm)])
    given = RateLimit(requests_per_minute=rpm, tokens_per_minute=tpm) if known else None
    caller = simulate(server, charges, most=most, given=given)
    limits = [Limit("tokens", tpm), Limit("requests", rpm)]
    assert caller.end <= 1.03 * ideal_s(charges, limits, most)
    assert sum(at > 1 for at in server.refused) < 0.02 * len(charges)
    assert not (known and server.refused)


@pytest.mark.parametrize("mix", MIXES)
def test_nobody_is_overtaken(mix: str) -> None:
    """Requests start in the order in which they came; small ones do not starve a big one."""
    given = RateLimit(tokens_per_minute=200_000)
    caller = simulate(Server([Limit("tokens", 200_000)]), MIXES[mix], given=given)
    assert [call.number for _, call in caller.started] == list(range(len(caller.calls)))


@pytest.mark.parametrize("mix", MIXES)
def test_who_is_refused_is_not_starved(mix: str) -> None:
    """After a first burst of 64 into an unknown limit, few are refused twice and none for long."""
    caller = simulate(Server([Limit("tokens", 200_000)]), MIXES[mix], most=64)
    assert max(call.tries for call in caller.calls) <= 3


@pytest.mark.parametrize("tells_when", [True, False])
@pytest.mark.parametrize("mix", MIXES)
def test_two_clients_of_one_account(mix: str, *, tells_when: bool) -> None:
    """Each follows what the other takes: both finish, in time, with few tries a call."""
    server = Server([Limit("tokens", 500_000)], tells_when=tells_when)
    clock = Clock()
    callers = [Caller(clock, server, Pace(None, 16), MIXES[mix][n:], 16) for n in (0, 1)]
    clock.run()
    charges = MIXES[mix] + MIXES[mix][1:]
    assert sum(caller.done for caller in callers) == len(charges)
    assert max(caller.end for caller in callers) <= 1.1 * ideal_s(
        charges, [Limit("tokens", 500_000)], 32
    )
    assert max(call.tries for caller in callers for call in caller.calls) <= 6
    assert sum(at > 1 for at in server.refused) < 0.5 * len(charges)


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_a_server_that_counts_otherwise(factor: float) -> None:
    """What the headers tell puts right what a request is thought to take."""
    charges = [16_000] * 100
    server = Server([Limit("tokens", 200_000)], factor=factor)
    caller = simulate(server, charges)
    took = [int(tokens * factor) for tokens in charges]
    assert caller.end <= 1.05 * ideal_s(took, [Limit("tokens", 200_000)])
    assert len(server.refused) < 0.2 * len(charges)


@pytest.mark.parametrize(
    "limit", [Limit("requests", 100, 86_400), Limit("tokens", 50_000, 6), Limit("requests", 9, 1)]
)
def test_limits_of_other_periods(limit: Limit) -> None:
    """A limit per day, per six seconds or per second is found out."""
    charges = [2_000] * 150
    server = Server([limit])
    caller = simulate(server, charges)
    assert caller.end <= 1.1 * ideal_s(charges, [Limit(limit.kind, limit.limit, limit.period_s)])
    assert sum(at > 1 for at in server.refused) < 0.05 * len(charges)


@pytest.mark.parametrize("out_s", [10, 60, 120])
def test_an_outage_that_tells_nothing(out_s: float) -> None:
    """All pause for longer and longer, and are back soon after the server is, half as many."""
    charges = [2_000] * 300
    server = Server(tells=False, tells_when=False, out=(5, 5 + out_s))
    caller = simulate(server, charges)
    assert len(server.refused) <= 24
    assert max(call.tries for call in caller.calls) <= 2
    assert caller.end <= ideal_s(charges, []) + out_s + 30


@pytest.mark.parametrize("places", [1, 4, 12])
def test_a_server_that_answers_a_few_at_a_time(places: int) -> None:
    """Where nothing tells how many may be in flight, that is tried out now and then."""
    charges = [2_000] * 300
    server = Server(tells=False, places=places)
    caller = simulate(server, charges)
    assert sum(at > 1 for at in server.refused) < 0.2 * len(charges)
    assert max(call.tries for call in caller.calls) <= 4
    assert caller.end <= 1.35 * ideal_s(charges, [], places)


def test_nothing_known_and_nothing_refused() -> None:
    """Without limits and 429s, nothing ever waits; the caller keeps to its own concurrency."""
    pace = Pace(None, 4)
    assert all(isinstance(pace.start(10**9, 0.0), Ticket) for _ in range(1_000))


@given(
    limit=st.integers(1, 1_000),
    calls=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 90), st.booleans()), max_size=60),
)
def test_a_given_limit_is_never_passed(limit: int, calls: list[tuple[float, float, bool]]) -> None:
    """In no stretch of time does more start than the bucket holds and what flows in meanwhile."""
    pace = Pace(RateLimit(tokens_per_minute=limit), 99)
    now, taken = 0.0, list[tuple[float, int]]()
    for share, pause_s, refused in calls:
        tokens = math.ceil(limit * share)
        while isinstance(answer := pace.start(tokens, now), Wait):
            now += answer.seconds
        if not refused:
            taken.append((now, tokens))
        now += pause_s
        if refused:
            pace.rate_limited(answer, None, NOTHING, now)
        pace.ended(answer, not refused, now)
    for first, (since, _) in enumerate(taken):
        total = 0
        for at, tokens in taken[first:]:
            total += tokens
            assert total <= (limit + limit / 60 * (at - since + 0.002)) * (1 + 1e-9)


def test_the_smaller_of_given_and_told() -> None:
    """Whichever is lower at the moment holds, given or told."""
    for tpm, wait_s in ((60_000, 30.25), (300_000, 6)):
        pace = Pace(RateLimit(tokens_per_minute=tpm), 16)
        pace.replied(begun(pace, 60_000), tokens_left(40_000, of=100_000), 0.0)
        assert waited(pace, 30_000 if tpm == 60_000 else 50_000) == pytest.approx(wait_s)


def tokens_left(level: float, *, of: float) -> dict[str, str]:
    """Return the headers of a bucket."""
    limit = Limit("tokens", of)
    limit.level = level
    return limit.headers()


def begun(pace: Pace, tokens: int = 1_000, now: float = 0.0) -> Ticket:
    """Return the ticket of a request that may start."""
    ticket = pace.start(tokens, now)
    assert isinstance(ticket, Ticket)
    return ticket


def waited(pace: Pace, tokens: int = 1_000, now: float = 0.0) -> float:
    """Return how long a request must wait."""
    wait = pace.start(tokens, now)
    assert isinstance(wait, Wait)
    return wait.seconds


def refuse(pace: Pace, *tickets: Ticket, now: float = 0.0, **told: Any) -> None:  # noqa: ANN401
    """Answer requests with 429."""
    for ticket in tickets:
        pace.rate_limited(ticket, told.get("after"), told.get("headers", NOTHING), now)
        pace.ended(ticket, succeeded=False, now=now)


def test_all_stand_still_for_as_long_as_the_server_says() -> None:
    """Not the smallest request starts before, and nothing is counted for what was refused."""
    pace = Pace(RateLimit(tokens_per_minute=60_000), 16)
    refuse(pace, begun(pace, 50_000), after=7.5)
    assert waited(pace, 1) == 7.5
    assert waited(pace, 1, now=7.0) == 0.5
    begun(pace, 60_000, now=7.5)


@pytest.mark.parametrize("after", [None, 0.0, -1.0, math.inf, math.nan])
def test_pauses_grow_while_nothing_is_told(after: float | None) -> None:
    """They double from burst to burst, up to half a minute, and a success ends that."""
    pace, now, pauses = Pace(None, 16), 0.0, list[float]()
    for _ in range(9):
        refuse(pace, begun(pace, now=now), after=after, now=now)
        pauses.append(waited(pace, now=now))
        now += pauses[-1]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    pace.ended(begun(pace, now=now), succeeded=True, now=now)
    refuse(pace, begun(pace, now=now), now=now)
    assert waited(pace, now=now) == 0.5


def test_a_server_cannot_stop_all_for_ever() -> None:
    """More than a day is a day."""
    pace = Pace(None, 16)
    refuse(pace, begun(pace), after=1e300)
    assert waited(pace) == 86_400


def width(pace: Pace, now: float) -> int:
    """Return how many requests may be in flight, none being so; they are ended again."""
    tickets = list[Ticket]()
    while len(tickets) < 100 and isinstance(ticket := pace.start(0, now), Ticket):
        tickets.append(ticket)
    for ticket in tickets:
        pace.ended(ticket, succeeded=False, now=now)
    return len(tickets)


def test_the_number_in_flight_is_halved_once_a_burst_and_regained() -> None:
    """Many 429s at once are one sign; each so many successes allow one more, up to all."""
    pace = Pace(None, 16)
    tickets = [begun(pace) for _ in range(16)]
    refuse(pace, *tickets[:3])
    for ticket in tickets[3:]:
        pace.ended(ticket, succeeded=False, now=0.0)
    assert waited(pace) == 0.5
    assert width(pace, 1.0) == 8
    for _ in range(8):
        pace.ended(begun(pace, now=1.0), succeeded=True, now=1.0)
    assert width(pace, 1.0) == 8
    pace.ended(begun(pace, now=1.0), succeeded=True, now=1.0)
    assert width(pace, 1.0) == 9
    for _ in range(100):
        pace.ended(begun(pace, now=1.0), succeeded=True, now=1.0)
    assert width(pace, 1.0) == 100


def test_no_more_than_the_server_took() -> None:
    """Where most of a burst was refused, as many may be in flight as were not."""
    pace = Pace(None, 16)
    tickets = [begun(pace) for _ in range(16)]
    refuse(pace, *tickets[3:])
    assert waited(pace, now=1.0) == math.inf
    pace.ended(tickets[0], succeeded=True, now=1.0)
    begun(pace, now=1.0)
    assert waited(pace, now=1.0) == math.inf


def test_a_limit_that_explains_a_429_leaves_the_number_in_flight() -> None:
    """Fewer at a time would leave the limit unused; the bucket says when the next may start."""
    pace = Pace(None, 16)
    tickets = [begun(pace, 10_000) for _ in range(16)]
    refuse(pace, *tickets[6:], headers=tokens_left(0, of=60_000), after=1.0)
    assert waited(pace, 10_000, now=1.0) == pytest.approx(9)
    assert width(pace, 1.0) == 100


def test_a_burst_that_arrives_shuffled_does_not_mislead() -> None:
    """What the first reply tells is not what is left when the others have arrived as well."""
    pace = Pace(None, 16)
    tickets = [begun(pace, 10_000) for _ in range(9)]
    # The last to start was the first to arrive.
    pace.replied(tickets[-1], tokens_left(90_000, of=100_000), 0.2)
    begun(pace, 10_000, now=0.2)
    assert waited(pace, 10_000, now=0.2) == pytest.approx(6)


def test_what_a_server_lets_through_though_it_cannot_fit() -> None:
    """It counts otherwise, and its bucket is as full as it says."""
    pace = Pace(None, 16)
    pace.replied(begun(pace, 50_000), tokens_left(0, of=100), 0.0)
    assert waited(pace, 50_000) == pytest.approx(60)
    pace.replied(begun(pace, 50_000, now=60.0), tokens_left(100, of=100), 62.0)
    begun(pace, 50_000, now=62.0)


def test_headers_of_what_has_ended_long_ago() -> None:
    """Late or repeated news of a request does no harm."""
    pace = Pace(None, 16)
    ticket = begun(pace, 50)
    refuse(pace, ticket, ticket)
    pace.replied(ticket, Limit("tokens", 100).headers(), 90.0)
    refuse(pace, ticket, now=99.0)
    pace.ended(ticket, succeeded=True, now=99.0)
    assert width(pace, 100.0) == 1


def test_a_clock_that_goes_backwards() -> None:
    """A little is the disorder of threads and gives nothing; more is another clock."""
    pace = Pace(RateLimit(tokens_per_minute=60), 16)
    begun(pace, 60, now=1_000.25)
    assert waited(pace, 10, now=1_000.0) == 10.25
    assert waited(pace, 10, now=1_000.25) == 10.25
    assert waited(pace, 10, now=0.0) == 10.25
    assert waited(pace, 10, now=0.25) == 10
    begun(pace, 10, now=10.25)


def test_threads_share_a_limit() -> None:
    """From many threads at once, no more starts than from one."""
    pace = Pace(RateLimit(requests_per_minute=100), 16)
    tickets = list[Ticket | Wait]()

    def ask() -> None:
        tickets.extend(pace.start(1, 0.0) for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = sorted(ticket.number for ticket in tickets if isinstance(ticket, Ticket))
    assert numbers == list(range(1, 101))


@pytest.mark.parametrize(
    ("characters", "max_output_tokens", "expected"),
    [(0, None, 0), (1, None, 1), (400, 50, 100), (401, 50, 101), (400, 500, 500)],
)
def test_charge(characters: int, max_output_tokens: int | None, expected: int) -> None:
    """A request is charged for its characters or its largest output, whichever is more."""
    assert charge(characters, max_output_tokens) == expected


@pytest.mark.parametrize(
    ("limits", "match"),
    [
        ({}, "give requests_per_minute=, tokens_per_minute= or both"),
        ({"requests_per_minute": 0}, "requests_per_minute=0 is out of range: at least 1"),
        ({"tokens_per_minute": -5}, "tokens_per_minute=-5"),
        ({"tokens_per_minute": 1.5}, "tokens_per_minute is a whole number, not 1.5"),
        ({"requests_per_minute": True}, "requests_per_minute is a whole number, not True"),
        ({"requests_per_minute": 5, "tokens_per_minute": "9"}, "whole number, not '9'"),
    ],
)
def test_a_limit_that_cannot_be(limits: dict[str, Any], match: str) -> None:
    """A limit is a whole number from 1, and there is at least one."""
    with pytest.raises(ArgumentError, match=match):
        RateLimit(**limits)


KINDS = ["requests", "tokens"]
odd_numbers = st.sampled_from(
    ["", "-1", "0", "1", "7", "100", "200000", "nan", "1e15", "1e-9", "x"]
)
odd_resets = st.sampled_from(["", "0", "1us", "12ms", "1s", "6m0s", "30d", "99d", "-1", "x"])
told = st.fixed_dictionaries(
    {},
    optional={
        f"x-ratelimit-{name}-{kind}": odd_resets if name == "reset" else odd_numbers
        for kind in KINDS
        for name in ("limit", "remaining", "reset")
    },
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["start", "start", "replied", "limited", "ended", "lost"]),
        st.integers(0, 10**6),
        told,
        st.none() | st.floats(-1, 1e5) | st.sampled_from([math.nan, math.inf, 1e308]),
        st.floats(0, 5) | st.floats(-1e6, 1e6),
    ),
    max_size=40,
)
rate_limits = st.none() | st.builds(
    RateLimit,
    requests_per_minute=st.integers(1, 10**4),
    tokens_per_minute=st.none() | st.integers(1, 10**7),
)


@given(steps, rate_limits, st.integers(1, 20))
def test_whatever_happens_the_next_may_start_in_the_end(
    steps: list[tuple[str, int, dict[str, str], float | None, float]],
    given: RateLimit | None,
    most: int,
) -> None:
    """Any replies to any requests in any order at any time: waits are finite, and they end."""
    pace, now = Pace(given, most), 0.0
    tickets, in_flight = list[Ticket](), list[Ticket]()
    for what, number, headers, after, passed_s in steps:
        now += passed_s
        if what == "start":
            answer = pace.start(number, now)
            if isinstance(answer, Wait):
                assert answer.seconds > 0
                assert in_flight or answer.seconds < math.inf
            else:
                tickets.append(answer)
                in_flight.append(answer)
        elif tickets:
            ticket = tickets[number % len(tickets)]
            if what == "replied":
                pace.replied(ticket, headers, now)
            elif what == "limited":
                pace.rate_limited(ticket, after, headers, now)
            else:
                pace.ended(ticket, what == "ended", now)
                in_flight = [other for other in in_flight if other is not ticket]
    for ticket in in_flight:
        pace.ended(ticket, succeeded=False, now=now)
    for _ in range(5):
        answer = pace.start(1_000, now)
        if isinstance(answer, Ticket):
            return
        assert 0 < answer.seconds < math.inf
        now += answer.seconds
    pytest.fail("the last of five waits was not the last")
