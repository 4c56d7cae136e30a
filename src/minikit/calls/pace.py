"""How fast requests may start: the limits that are given or learned, and what a 429 teaches.

All is state and arithmetic; the time is handed in, and who must wait is told for how long.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from minikit.calls.limits import MINUTE_S, Reading, read_limits
from minikit.calls.line import Wait
from minikit.checks import check_whole
from minikit.errors import ArgumentError

__all__ = ["Pace", "RateLimit", "Ticket", "charge"]

ARRIVAL_S = 0.25
"""How long a request may be on its way: a full bucket of the server's stays full until then."""

ARRIVAL_SHARE = 0.005
"""The same as a share of a bucket's period, for buckets that fill faster than in a minute."""

DISORDER_S = 1.0
"""Requests that start closer together may reach the server in another order."""

THREADS_S = 1.0
"""Threads may bring their times out of order by this much; an earlier time is another clock."""

SOON_S = 1e-3
"""A shorter wait is none: a clock with little resolution might never see its end."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
"""The pause after a 429 that tells nothing doubles from the first of these to the second."""

LONGEST_RETRY_AFTER_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """What an account may send to a model; give at least one of the two.

    Each is a token bucket, as OpenAI's are: full at the start, it fills evenly. Limits that the
    server tells are kept beside them.

    Attributes:
        requests_per_minute: Requests started; >= 1.
        tokens_per_minute: Tokens, counted as `charge` does; >= 1.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def __post_init__(self) -> None:
        given = {
            name: value
            for name in ("requests_per_minute", "tokens_per_minute")
            if (value := getattr(self, name)) is not None
        }
        for name, value in given.items():
            check_whole(name, value, 1)
        if not given:
            raise ArgumentError(
                "a RateLimit limits requests_per_minute=, tokens_per_minute= or both"
            )


def charge(input_characters: int, max_output_tokens: int | None) -> int:
    """Return the tokens that a request is charged with.

    The larger of the output asked for and a quarter of the characters sent (OpenAI API reference,
    Rate limits, read 2026-11-22).
    """
    return max(max_output_tokens or 0, math.ceil(input_characters / 4))


@dataclass(slots=True, eq=False)
class Ticket:
    """A request that may be sent. Give it back with `Pace.ended`.

    Attributes:
        number: Counts the tickets of a pace.
        charge_tokens: What it takes from buckets of tokens.
        at: When it started, on the clock of the pace.
        rejected: Whether the server refused it, so that it took nothing.
    """

    number: int
    charge_tokens: int
    at: float
    rejected: bool = False

    def amount(self, kind: str) -> float:
        """Return what the request takes of a bucket of this kind."""
        return 1 if kind == "requests" else self.charge_tokens


@dataclass(slots=True)
class _Bucket:
    """Fills evenly up to its limit; `level` stood at `at`."""

    limit: float
    level: float
    at: float
    period_s: float = MINUTE_S

    @property
    def rate(self) -> float:
        return self.limit / self.period_s

    @property
    def arrival_s(self) -> float:
        return min(ARRIVAL_S, ARRIVAL_SHARE * self.period_s)

    def fill(self, clock: float) -> None:
        if clock > self.at:
            self.level = min(self.limit, self.level + self.rate * (clock - self.at))
            self.at = clock

    def take(self, amount: float, clock: float) -> None:
        """Take `amount`, now and for the server some time later."""
        self.fill(clock)
        if self.level >= self.limit:
            self.at = max(self.at, clock + self.arrival_s)
        self.level -= amount

    def give_back(self, amount: float) -> None:
        self.level = min(self.limit, self.level + max(0.0, amount))

    def wait_s(self, amount: float, clock: float) -> float:
        """Return how long until `amount` is there; more than it holds may go when it is full."""
        self.fill(clock)
        missing = min(amount, self.limit) - self.level
        return missing / self.rate + max(0.0, self.at - clock) if missing > 0 else 0.0


@dataclass(slots=True)
class _Width:
    """How many requests may be in flight: halved by 429s, regained by successes (AIMD).

    What a row of 429s without a success has taken is regained quickly up to the first halving, as
    TCP does after a timeout (RFC 5681, 3.1), or an outage would be followed by a long crawl.
    """

    most: int
    allowed: float = math.inf
    quick_until: float = 0.0

    def halve(self, in_flight: int, *, first: bool) -> None:
        self.allowed = max(1.0, min(self.allowed, in_flight) / 2)
        if first:
            self.quick_until = self.allowed

    def grow(self) -> None:
        self.allowed += 1 if self.allowed < self.quick_until else 1 / self.allowed
        if self.allowed >= self.most:
            self.allowed = math.inf  # the caller keeps the most


@dataclass(slots=True)
class _Log:
    """The requests in flight, and the latest others that the server may have confused with them."""

    tickets: deque[Ticket] = field(default_factory=deque[Ticket])
    in_flight: dict[int, Ticket] = field(default_factory=dict[int, Ticket])

    def add(self, ticket: Ticket) -> None:
        self.tickets.append(ticket)
        self.in_flight[ticket.number] = ticket

    def forget(self, clock: float) -> None:
        oldest = next(iter(self.in_flight.values()), None)
        since = (oldest.at if oldest else clock) - DISORDER_S
        while self.tickets and self.tickets[0].at < since:
            self.tickets.popleft()

    def after(self, at: float, but: Ticket | None = None) -> Iterator[Ticket]:
        """Yield what started after `at` and took something."""
        return (t for t in self.tickets if t.at > at and t is not but and not t.rejected)


class Pace:
    """When requests to one model on one server may start. Thread-safe; nothing in it waits.

    `now` is always a time in seconds of one monotonic clock.

    Each request takes its charge from the buckets that are given and from those that replies have
    told of. The former are kept strictly. The latter are our own count, held between the bounds
    that each reply's headers leave whatever the order in which the requests in flight reached the
    server: so a burst that arrives shuffled does not mislead, and neither do other users of the
    account or a server that counts otherwise.

    After a 429 all stand still for as long as the server says: the bucket that was too low for one
    request fills meanwhile, so nothing is lost, and smaller requests do not take what it waits for.
    """

    def __init__(self, given: RateLimit | None, max_concurrency: int) -> None:
        self._lock = threading.Lock()
        self._last = -math.inf
        self._clock = 0.0
        self._still_until = 0.0
        self._started = 0
        self._burst = 0
        self._bursts = 0
        self._width = _Width(max_concurrency)
        self._log = _Log()
        self._learned: dict[str, _Bucket] = {}
        limits = (
            {"requests": given.requests_per_minute, "tokens": given.tokens_per_minute}
            if given
            else {}
        )
        self._given = {
            kind: _Bucket(limit, limit, 0.0) for kind, limit in limits.items() if limit is not None
        }

    def start(self, charge_tokens: int, now: float) -> Ticket | Wait:
        """Return a Ticket if a request of this charge may start now, else how long to wait.

        A wait is endless where only the end of a request in flight can help.
        """
        with self._lock:
            self._advance(now)
            if len(self._log.in_flight) >= self._width.allowed:
                return Wait()
            ticket = Ticket(self._started + 1, charge_tokens, self._clock)
            seconds = self._wait_s(ticket)
            if seconds > SOON_S:
                return Wait(seconds)
            self._take(ticket)
            return ticket

    def replied(self, ticket: Ticket, headers: Mapping[str, str], now: float) -> None:
        """Learn from the headers of a reply, other than a 429, to `ticket`."""
        readings = read_limits(headers)
        with self._lock:
            self._advance(now)
            for kind, reading in readings.items():
                self._learn(kind, reading, ticket)

    def rate_limited(
        self,
        ticket: Ticket,
        retry_after_s: float | None,
        headers: Mapping[str, str],
        now: float,
    ) -> None:
        """Learn from a 429 to `ticket`; all stand still for a while."""
        readings = read_limits(headers)
        with self._lock:
            self._advance(now)
            self._give_back(ticket)
            for kind, reading in readings.items():
                self._learn(kind, reading, ticket)
            if ticket.number > self._burst:  # not for each of many that were in flight at once
                self._burst = self._started
                self._bursts += 1
                if not any(r.remaining < ticket.amount(kind) for kind, r in readings.items()):
                    self._width.halve(len(self._log.in_flight), first=self._bursts == 1)
            self._still_until = max(self._still_until, self._clock + self._pause_s(retry_after_s))

    def ended(self, ticket: Ticket, succeeded: bool, now: float) -> None:
        """Give back the place of `ticket`, whatever became of it; a second time does nothing."""
        with self._lock:
            self._advance(now)
            if self._log.in_flight.pop(ticket.number, None) is not None and succeeded:
                self._bursts = 0
                self._width.grow()
            self._log.forget(self._clock)

    def _advance(self, now: float) -> None:
        passed_s = now - self._last
        if math.isinf(self._last):
            self._last = now
        elif passed_s > 0 or passed_s < -THREADS_S:
            self._clock += max(0.0, passed_s)
            self._last = now

    def _buckets(self) -> Iterable[tuple[str, _Bucket]]:
        yield from self._given.items()
        yield from self._learned.items()

    def _wait_s(self, ticket: Ticket) -> float:
        waits = (b.wait_s(ticket.amount(kind), self._clock) for kind, b in self._buckets())
        return max(self._still_until - self._clock, *waits, 0.0)

    def _take(self, ticket: Ticket) -> None:
        self._started = ticket.number
        self._log.add(ticket)
        for kind, bucket in self._given.items():
            bucket.take(ticket.amount(kind), self._clock)
        for kind, bucket in self._learned.items():
            bucket.take(min(ticket.amount(kind), bucket.limit), self._clock)

    def _give_back(self, ticket: Ticket) -> None:
        """Undo `_take`; of what is given, without what has flowed back since."""
        if ticket.rejected:
            return
        ticket.rejected = True
        for kind, bucket in self._given.items():
            bucket.give_back(ticket.amount(kind) - bucket.rate * (self._clock - ticket.at))
        for kind, bucket in self._learned.items():
            bucket.give_back(min(ticket.amount(kind), bucket.limit))

    def _learn(self, kind: str, reading: Reading, ticket: Ticket) -> None:
        """Hold the level of a bucket between what the reading leaves possible."""
        own = self._learned.get(kind)
        if own is None:  # as if the account were ours alone, and was idle before
            full = _Bucket(reading.limit, reading.limit, 0.0, reading.period_s or MINUTE_S)
            own = self._learned[kind] = self._replay(kind, full, self._log.after(-math.inf))
        own.fill(self._clock)
        own.limit, own.period_s = reading.limit, reading.period_s or own.period_s
        told = _Bucket(reading.limit, reading.remaining, self._clock, own.period_s)
        if not ticket.rejected:
            told.at = ticket.at + told.arrival_s
        since = self._clock if ticket.rejected else ticket.at
        most = self._replay(kind, told, self._log.after(since + DISORDER_S, ticket)).level
        least = self._replay(kind, told, self._log.after(since - DISORDER_S, ticket)).level
        own.level = min(max(own.level, least), most)

    def _pause_s(self, retry_after_s: float | None) -> float:
        if retry_after_s is not None and 0 < retry_after_s < math.inf:
            return min(retry_after_s, LONGEST_RETRY_AFTER_S)
        return min(FIRST_PAUSE_S * 2.0 ** min(self._bursts - 1, 10), LONGEST_PAUSE_S)

    def _replay(self, kind: str, bucket: _Bucket, tickets: Iterable[Ticket]) -> _Bucket:
        """Return what becomes of a copy of `bucket` when the tickets take from it until now."""
        copy = _Bucket(bucket.limit, bucket.level, bucket.at, bucket.period_s)
        for ticket in tickets:
            copy.take(min(ticket.amount(kind), copy.limit), ticket.at)
        copy.fill(self._clock)
        return copy
