"""How fast requests may start: the limits that are given or learned, and what a 429 teaches.

All is state and arithmetic: the time is handed in, and who must wait is told for how long.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from minikit.calls.limits import MINUTE_S, Bucket, Reading, read_limits
from minikit.calls.line import Wait
from minikit.calls.locks import ForkSafeLock
from minikit.checks import check_whole
from minikit.errors import ArgumentError

__all__ = ["Pace", "RateLimit", "Ticket", "charge"]

DISORDER_S = 1.0
"""How long a request is on its way at most; those that start closer together may swap places."""

OUT_OF_ORDER_S = 1.0
"""Threads may bring their times in another order; what lies further back is another clock."""

SOON_S = 1e-3
"""A shorter wait is none: adding it to a clock might not change it."""

READ_EVERY_S = 0.05
"""While no limit is near, the headers of replies that follow each other sooner are not read."""

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0
"""After 429s that do not say when to come back, all pause, twice as long from burst to burst."""

LONGEST_RETRY_AFTER_S = 86_400.0

WIDEN_AFTER = 5
"""Successes before one more request may be in flight, at least; with one in flight, a server that
takes one would else refuse every second request."""

MOST_FOR_OTHERS = 0.8
"""The share of a bucket's flow that others may be thought to take."""

FOLLOWED_IN = 1 / 8
FORGOTTEN_IN = 2.0
"""How fast that share is learned, and given up again, in periods. With these three, two simulated
clients of one account have .18 refusals a call, not .67, and at most 5 tries, not 11."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What may be sent to a model; give at least one of the two.

    Each is a token bucket, as OpenAI's are: full at the start, then it fills evenly. Limits that
    the server tells are kept beside them.

    Attributes:
        requests_per_minute: Requests started; >= 1.
        tokens_per_minute: Tokens, counted as `charge` does; >= 1. A request that is larger is sent
            when the bucket is full, and the next ones wait until it is paid back.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def __post_init__(self) -> None:
        limits = self.by_kind()
        for kind, limit in limits.items():
            check_whole(f"{kind}_per_minute", limit, 1)
        if not limits:
            raise ArgumentError("give requests_per_minute=, tokens_per_minute= or both")

    def by_kind(self) -> dict[str, int]:
        """Return what is given, by kind of limit."""
        limits = {"requests": self.requests_per_minute, "tokens": self.tokens_per_minute}
        return {kind: limit for kind, limit in limits.items() if limit is not None}


def charge(input_characters: int, max_output_tokens: int | None) -> int:
    """Return the tokens that a request takes from a limit, as far as can be known before.

    The larger of the output asked for and a quarter of the characters sent (OpenAI API reference,
    Rate limits, read 2026-11-22).
    """
    return max(max_output_tokens or 0, math.ceil(input_characters / 4))


@dataclass(slots=True, eq=False)
class Ticket:
    """A request that may be sent; hand it to `Pace.ended` in the end.

    Attributes:
        number: Counts the tickets of a pace, from 1.
        charge_tokens: What it takes from buckets of tokens.
        at: When it started, on the clock of the pace.
        rejected: Whether the server refused it, so that it took nothing.
    """

    number: int
    charge_tokens: int
    at: float
    rejected: bool = False

    def amount(self, kind: str) -> int:
        """Return what it takes from a bucket of this kind."""
        return 1 if kind == "requests" else self.charge_tokens


@dataclass(slots=True)
class _Learned(Bucket):
    """A bucket of the server's: our own count of it, corrected by what replies tell."""

    number: int = 0  # of the last ticket before anything was told
    told_at: float = 0.0

    def amount(self, ticket: Ticket, kind: str) -> float:
        """Return what `ticket` takes; a server that lets through what cannot fit counts less."""
        return min(ticket.amount(kind), self.limit)

    def resize(self, reading: Reading, clock: float) -> None:
        self.fill(clock)
        self.limit, self.period_s = reading.limit, reading.period_s or self.period_s

    def correct(self, level: float, ticket: Ticket, clock: float) -> None:
        """Set the level; how far it was off, again and again, is how much others take."""
        if ticket.number > self.number:
            passed_s = max(clock - self.told_at, SOON_S)
            self.told_at = clock
            taken = (self.level - level) / (passed_s * self.limit / self.period_s)
            periods = passed_s / max(self.period_s, MINUTE_S)  # a second is too short to learn in
            others = self.others - taken * math.expm1(-periods / FOLLOWED_IN)
            others *= math.exp(-periods / FORGOTTEN_IN)
            self.others = min(max(others, 0.0), MOST_FOR_OTHERS)
        self.level = level


@dataclass(slots=True)
class _Width:
    """How many requests may be in flight: halved by 429s, regained by successes (AIMD)."""

    most: int
    allowed: float = math.inf
    before: float = math.inf
    resumed: float = 1.0

    def halve(self, in_flight: int, *, first: bool) -> None:
        """Halve what is in flight as the first request of a burst is refused."""
        if first:
            self.before = min(self.allowed, self.most)
        self.allowed = min(self.allowed, in_flight) / 2

    def shrink(self, others: int) -> None:
        """Allow no more than are in flight beside a refused one: these the server took."""
        self.allowed = max(1.0, min(self.allowed, others))
        # Where it took none, nothing is known of how many it takes when it is back.
        self.resumed = 1.0 if others else self.before / 2

    def resume(self) -> None:
        self.allowed = max(self.allowed, self.resumed)

    def grow(self) -> None:
        self.allowed += 1 / max(self.allowed, WIDEN_AFTER)
        if self.allowed >= self.most:
            self.allowed = math.inf  # the caller keeps to the most


@dataclass(slots=True)
class _Log:
    """What is in flight, and what else started after it or just before."""

    tickets: deque[Ticket] = field(default_factory=deque[Ticket])
    in_flight: dict[int, Ticket] = field(default_factory=dict[int, Ticket])

    def add(self, ticket: Ticket) -> None:
        self.tickets.append(ticket)
        self.in_flight[ticket.number] = ticket

    def end(self, ticket: Ticket, clock: float) -> bool:
        """Forget what no reply to come can be confused with; tell whether `ticket` was there."""
        known = self.in_flight.pop(ticket.number, None) is not None
        oldest = next(iter(self.in_flight.values()), None)
        since = (oldest.at if oldest else clock) - DISORDER_S
        while self.tickets and self.tickets[0].at <= since:
            self.tickets.popleft()
        return known

    def since(self, at: float, but: Ticket | None = None) -> Iterable[Ticket]:
        """Return what started after `at` and was not refused."""
        later = takewhile(lambda ticket: ticket.at > at, reversed(self.tickets))
        return (ticket for ticket in later if ticket is not but and not ticket.rejected)


class Pace:
    """When requests to one model of one server may start. Thread-safe; nothing in it waits.

    `now` is the time in seconds of one monotonic clock.

    A request takes its charge from the buckets that are given and from those that replies have told
    of. The former are kept strictly. The latter are our own count, held between the bounds that
    each reply leaves, whatever the order in which the requests in flight reached the server: a
    burst that arrives shuffled does not mislead. Where the count is too high again and again,
    others use the account too, or the server counts more: the pace follows what they take.

    After a 429 all stand still for as long as the server says. The bucket that was too low for one
    request fills meanwhile, so nothing is lost, and smaller ones do not take what it waits for.
    The number in flight falls only where no bucket explains the 429.
    """

    def __init__(self, given: RateLimit | None, max_concurrency: int) -> None:
        limits = given.by_kind() if given else {}
        self._given = {kind: Bucket(limit, limit, 0.0) for kind, limit in limits.items()}
        self._learned: dict[str, _Learned] = {}
        self._read_next = 0.0
        self._width = _Width(max_concurrency)
        self._log = _Log()
        self._lock = ForkSafeLock()
        self._now: float | None = None
        self._clock = 0.0
        self._still_until = 0.0
        self._started = 0
        self._refused = 0  # bursts of 429s since the last success
        self._burst = 0  # the last ticket of the latest of them

    def start(self, charge_tokens: int, now: float) -> Ticket | Wait:
        """Return a Ticket if a request of this charge may start now, else how long to wait.

        The wait is endless where only the end of a request in flight can help.
        """
        with self._lock:
            self._advance(now)
            if len(self._log.in_flight) + 1 > self._width.allowed:
                return Wait()
            ticket = Ticket(self._started + 1, charge_tokens, self._clock)
            seconds = self._wait_s(ticket)
            if seconds > SOON_S:
                return Wait(seconds)
            self._take(ticket)
            return ticket

    def replied(self, ticket: Ticket, headers: Mapping[str, str], now: float) -> None:
        """Learn from the headers of a reply to `ticket`, whatever its status but 429."""
        with self._lock:
            self._advance(now)
            if self._clock < self._read_next and self._is_roomy():
                return
            self._read_next = self._clock + READ_EVERY_S
            for kind, reading in read_limits(headers).items():
                self._learn(kind, reading, ticket)

    def rate_limited(
        self,
        ticket: Ticket,
        retry_after_s: float | None,
        headers: Mapping[str, str],
        now: float,
    ) -> None:
        """Learn from a 429 to `ticket`: it gets its charge back, and all stand still for a while.

        Where nothing says for how long, the pause grows from one burst of 429s to the next.
        """
        readings = read_limits(headers)
        with self._lock:
            self._advance(now)
            self._give_back(ticket)
            for kind, reading in readings.items():
                self._learn(kind, reading, ticket)
            explained = any(r.remaining < ticket.amount(kind) for kind, r in readings.items())
            self._refuse(ticket, explained=explained)
            until = self._clock + self._pause_s(retry_after_s)
            self._still_until = max(self._still_until, until)

    def unsent(self, ticket: Ticket, now: float) -> None:
        """Give back all of `ticket`, whose request never left."""
        with self._lock:
            self._advance(now)
            self._give_back(ticket)
        self.ended(ticket, succeeded=False, now=now)

    def ended(self, ticket: Ticket, succeeded: bool, now: float) -> None:
        """Give back the place of `ticket`, whatever became of it; a second time does nothing."""
        with self._lock:
            self._advance(now)
            if self._log.end(ticket, self._clock) and succeeded:
                if self._refused and ticket.number > self._burst:
                    self._refused = 0
                    self._width.resume()
                self._width.grow()

    def _advance(self, now: float) -> None:
        passed_s = 0.0 if self._now is None else now - self._now
        if self._now is None or passed_s > 0 or passed_s < -OUT_OF_ORDER_S:
            self._clock += max(0.0, passed_s)
            self._now = now

    def _wait_s(self, ticket: Ticket) -> float:
        buckets = [*self._given.items(), *self._learned.items()]
        waits = (bucket.wait_s(ticket.amount(kind), self._clock) for kind, bucket in buckets)
        return max(self._still_until - self._clock, *waits, 0.0)

    def _take(self, ticket: Ticket) -> None:
        self._started = ticket.number
        self._log.add(ticket)
        for kind, bucket in self._given.items():
            bucket.take(ticket.amount(kind), self._clock)
        for kind, learned in self._learned.items():
            learned.take(learned.amount(ticket, kind), self._clock)

    def _give_back(self, ticket: Ticket) -> None:
        """Undo `_take`; what is given gets only what has not flowed back by itself."""
        if ticket.rejected:
            return
        ticket.rejected = True
        for kind, bucket in self._given.items():
            bucket.give_back(ticket.amount(kind) - bucket.rate * (self._clock - ticket.at))
        for kind, learned in self._learned.items():
            learned.give_back(learned.amount(ticket, kind))

    def _is_roomy(self) -> bool:
        learned = self._learned.values()
        return bool(learned) and all(each.level > each.limit / 2 for each in learned)

    def _learn(self, kind: str, reading: Reading, ticket: Ticket) -> None:
        """Hold our count of a bucket between the bounds that a reading leaves."""
        learned = self._learned.get(kind) or self._first(kind, reading)
        self._learned[kind] = learned
        learned.resize(reading, self._clock)
        # The server looked when it refused the request, or some time after we sent it.
        at = self._clock if ticket.rejected else ticket.at
        most = reading.remaining + learned.flow(at + learned.arrival_s, self._clock)
        most -= self._taken(learned, kind, at + DISORDER_S, ticket)
        least = reading.remaining + learned.flow(at + DISORDER_S, self._clock)
        least = min(learned.limit, least) - self._taken(learned, kind, at - DISORDER_S, ticket)
        level = min(max(learned.level, least), most, learned.limit)
        learned.correct(level, ticket, self._clock)

    def _first(self, kind: str, reading: Reading) -> _Learned:
        """Return what a bucket holds if the account is ours alone and was idle before."""
        limit, period_s = reading.limit, reading.period_s or MINUTE_S
        learned = _Learned(limit, limit, self._clock, period_s)
        learned.number, learned.told_at = self._started, self._clock
        oldest = min((ticket.at for ticket in self._log.since(-math.inf)), default=self._clock)
        learned.level += learned.flow(oldest + learned.arrival_s, self._clock)
        learned.level = min(limit, learned.level - self._taken(learned, kind, -math.inf))
        return learned

    def _taken(
        self, learned: _Learned, kind: str, since: float, but: Ticket | None = None
    ) -> float:
        return sum(learned.amount(ticket, kind) for ticket in self._log.since(since, but))

    def _refuse(self, ticket: Ticket, *, explained: bool) -> None:
        """Count bursts, not each of the many that were in flight at once."""
        in_flight = len(self._log.in_flight)
        new = ticket.number > self._burst
        if new:
            self._burst = self._started
            self._refused += 1
        if explained:
            return
        if new:
            self._width.halve(in_flight, first=self._refused == 1)
        self._width.shrink(in_flight - 1)

    def _pause_s(self, retry_after_s: float | None) -> float:
        if retry_after_s is not None and 0 < retry_after_s < math.inf:
            return min(retry_after_s, LONGEST_RETRY_AFTER_S)
        return min(FIRST_PAUSE_S * 2.0 ** min(self._refused, 10), LONGEST_PAUSE_S)
