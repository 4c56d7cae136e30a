"""What shared limits remember, and what they answer: sums, token buckets, and no waiting."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from heapq import heappop, heappush

from minikit.calls.limits import Bucket
from minikit.calls.pace import SOON_S, RateLimit
from minikit.calls.shared import Asked, Standing
from minikit.errors import ClosedError
from minikit.models.money import EXACT, add_usd

__all__ = ["LimitsState", "stopped"]

_NOTHING = Decimal(0)


class LimitsState:
    """A budget and rate limits, and who was admitted to them. Not thread-safe; never waits.

    `now` is the time in seconds of one clock that does not go back.

    A request takes its turn at once, also one that lies ahead: requests start in the order in which
    they asked, and each needs to ask only once. What was reserved and not settled in time counts as
    unknown, since its sender may be dead and its call billed; a settlement that comes late still
    puts the cost in its place.
    """

    def __init__(
        self, budget_usd: Decimal | None = None, rate_limit: RateLimit | None = None
    ) -> None:
        self.budget_usd = budget_usd
        self._rates = rate_limit.by_kind() if rate_limit else {}
        self._lanes: dict[str, _Lane] = {}
        self._open: dict[str, _Admitted] = {}
        self._leases: list[tuple[float, str]] = []
        self._carried: set[str] = set()
        self._stopped: set[str] = set()
        self._spent = self._reserved = self._unknown = _NOTHING

    def admit(self, asked: Asked, now: float) -> float | None:
        """Reserve the money and the turn of a request; see `SharedLimits.admit`."""
        if asked.run in self._stopped:
            raise stopped()
        self._expire(now)
        known = self._open.get(asked.ident)
        if known is not None:  # its answer was lost on the way
            return max(0.0, known.at - now)
        if not self._fits(asked.amount_usd):
            return None
        lane = self._lanes.get(asked.lane)
        if lane is None:
            lane = self._lanes[asked.lane] = _Lane(self._rates, now)
        at = lane.turn(asked, now)
        self._open[asked.ident] = _Admitted(asked, at)
        self._reserved = add_usd(self._reserved, asked.amount_usd)
        heappush(self._leases, (at + asked.lease_s, asked.ident))
        return 0.0 if at - now < SOON_S else at - now

    def settle(
        self,
        ident: str,
        cost_usd: Decimal | None,
        *,
        at_least: bool = False,
        unsent: bool = False,
    ) -> None:
        """Put what a request cost in the place of what was reserved; see `SharedLimits.settle`."""
        admitted = self._open.pop(ident, None)
        if admitted is None:
            return
        amount = admitted.asked.amount_usd
        if admitted.is_late:
            self._unknown = EXACT.subtract(self._unknown, amount)
        else:
            self._reserved = EXACT.subtract(self._reserved, amount)
        if cost_usd is None:
            self._unknown = add_usd(self._unknown, amount)
        else:
            self._spent = add_usd(self._spent, cost_usd)
            if at_least and cost_usd < amount:
                self._unknown = add_usd(self._unknown, EXACT.subtract(amount, cost_usd))
        if unsent:
            self._lanes[admitted.asked.lane].give_back(admitted.asked)

    def carry(self, key: str, spent_usd: Decimal, unknown_usd: Decimal) -> None:
        """Add what was spent before, and may have been, once for each `key`."""
        if key not in self._carried:
            self._carried.add(key)
            self._spent = add_usd(self._spent, spent_usd)
            self._unknown = add_usd(self._unknown, unknown_usd)

    def stop(self, run: str) -> None:
        """Admit no more requests of this run."""
        self._stopped.add(run)

    def standing(self, now: float) -> Standing:
        """Return what stands against the budget."""
        self._expire(now)
        return Standing(
            budget_usd=self.budget_usd,
            spent_usd=self._spent,
            reserved_usd=self._reserved,
            unknown_usd=self._unknown,
        )

    def _fits(self, amount: Decimal) -> bool:
        """Tell whether there is room; raises where there will never be any."""
        if self.budget_usd is None or not amount:  # what is free passes no limit
            return True
        needed = add_usd(self._spent, self._unknown, amount)
        if needed > self.budget_usd:
            standing = Standing(
                budget_usd=self.budget_usd,
                spent_usd=self._spent,
                reserved_usd=self._reserved,
                unknown_usd=self._unknown,
            )
            raise standing.refusal(amount)
        return add_usd(needed, self._reserved) <= self.budget_usd

    def _expire(self, now: float) -> None:
        while self._leases and self._leases[0][0] < now:
            admitted = self._open.get(heappop(self._leases)[1])
            if admitted is not None:
                admitted.is_late = True
                self._reserved = EXACT.subtract(self._reserved, admitted.asked.amount_usd)
                self._unknown = add_usd(self._unknown, admitted.asked.amount_usd)


def stopped() -> ClosedError:
    """Return the error for a request of a run that was stopped."""
    return ClosedError("the run that this call belongs to was stopped; the call was not sent")


@dataclass(slots=True)
class _Admitted:
    """A request that may be sent: from `at` on, and until its lease ends it is not late."""

    asked: Asked
    at: float
    is_late: bool = False


class _Lane:
    """The turns of the requests to one model of one server, in the order in which they asked."""

    def __init__(self, rates: dict[str, int], now: float) -> None:
        self._buckets = {kind: Bucket(limit, limit, now) for kind, limit in rates.items()}
        self._last = now

    def turn(self, asked: Asked, now: float) -> float:
        """Take the next turn; return when it is."""
        at = max(now, self._last)
        waits = [bucket.wait_s(_amount(asked, kind), at) for kind, bucket in self._buckets.items()]
        at += max(waits, default=0.0)
        for kind, bucket in self._buckets.items():
            bucket.take(_amount(asked, kind), at)
        self._last = at
        return at

    def give_back(self, asked: Asked) -> None:
        for kind, bucket in self._buckets.items():
            bucket.give_back(_amount(asked, kind))


def _amount(asked: Asked, kind: str) -> int:
    return asked.requests if kind == "requests" else asked.tokens
