"""How far a job of many rows is, and an honest estimate of what is left."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from minikit.calls.hooks import Event, warned
from minikit.jobs.tally import Tally
from minikit.models.money import EXACT, total_usd
from minikit.models.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from minikit.calls.completion import Completion
    from minikit.calls.pipeline import Pipeline
    from minikit.jobs.plan import VerbPlan
    from minikit.jobs.result import Place

__all__ = ["Remaining", "RowsProgress", "RowsTally"]

ENOUGH = 10
"""So many rows have to be done before anything is said of the others."""

SPREAD = 2.0
"""Standard deviations on either side: some 95 % of sums of many rows that are alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What the rows that are left will likely take, judged by those that are done.

    The bounds are those of chance, for rows that come in no order; long rows at the end, or a
    server that slows down, are beyond them. Rows that the journal can answer take less.

    Attributes:
        seconds: At the pace so far.
        seconds_at_least: The same, less what chance makes of it.
        seconds_at_most: The same, and what chance makes of it.
        cost_usd: US dollars at the mean cost so far, or None where prices are unknown.
        cost_usd_at_least: The same, less what chance makes of it.
        cost_usd_at_most: The same, and what chance makes of it.
    """

    seconds: float
    seconds_at_least: float
    seconds_at_most: float
    cost_usd: Decimal | None
    cost_usd_at_least: Decimal | None
    cost_usd_at_most: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsProgress(Event):
    """How far a job of many rows is; told after each row.

    Attributes:
        done: Rows that have an outcome, failed ones included.
        failed: Those of them that failed.
        total: All rows, or None where they can be read only once.
        usage: Tokens so far.
        cost_usd: US dollars so far, or None when a price is unknown.
        remaining: What the other rows will likely take; None where that cannot be known yet: before
            ten rows were sent, or without `total`.
    """

    done: int
    failed: int
    total: int | None
    usage: Usage
    cost_usd: Decimal | None
    remaining: Remaining | None


class Mean:
    """The mean of what was observed, and how far sums of more of it may lie from it.

    Attributes:
        count: How much was observed.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean = self._squares = 0.0

    def add(self, value: float) -> None:
        """Observe `value` (Welford's way: exact enough, and nothing is kept)."""
        self.count += 1
        before = value - self._mean
        self._mean += before / self.count
        self._squares += before * (value - self._mean)

    def sum_of(self, more: int) -> tuple[float, float, float]:
        """Return what `more` of it likely add up to, and the bounds of that, none below 0.

        Their own chance and that of the mean count: n (1 + n / count) variances.
        """
        variance = self._squares / max(1, self.count - 1)
        likely = more * self._mean
        spread = SPREAD * math.sqrt(variance * more * (1 + more / self.count))
        return likely, max(0.0, likely - spread), likely + spread


class RowsTally(Tally):
    """What the rows of a job have taken so far; it keeps figures, and no record of each call.

    Attributes:
        done: Rows that have an outcome.
        failed: Those of them that failed.
        cut_off: Those whose reply was cut off by its limit.
        replayed_cost_usd: US dollars of replies from the journal.
        unwritten: Fields of rows that a file of outcomes has no column for.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        plan: VerbPlan,
        *,
        digest: str,
        limit_usd: Decimal | None,
        total: int | None,
        on_progress: Callable[[RowsProgress], None] | None,
    ) -> None:
        """Open the account of a job; see `Tally`.

        Args:
            pipeline: What sends its calls.
            plan: The calls and their cost.
            digest: Tells the job from every other, for the journal.
            limit_usd: US dollars that it may cost.
            total: How many rows there are, or None.
            on_progress: Called after each row; an exception in it warns.
        """
        super().__init__(pipeline, plan, digest=digest, limit_usd=limit_usd)
        self.usage: Usage = Usage()
        self.done = self.failed = self.cut_off = 0
        self.replayed_cost_usd: Decimal | None = Decimal(0)
        self.unwritten: dict[str, None] = {}
        self._replies_usd = Decimal(0)
        self._total = total
        self._on_progress = on_progress
        self._seconds, self._costs = Mean(), Mean()
        self._last = time.monotonic()

    @property
    def failed_cost_usd(self) -> Decimal:
        """What attempts cost that brought no reply, as far as it is known.

        A reply that another job, or an equal row, has paid for costs this one nothing.
        """
        spent_usd = self.account.ledger.total.cost_usd
        return max(Decimal(0), EXACT.subtract(spent_usd, self._replies_usd))

    @property
    def told(self) -> tuple[str, ...]:
        """What to know before relying on the replies."""
        told = list(self.notes)
        if self.cut_off:
            told.append(
                f"replies that were cut off by their limit: {self.cut_off:,}; "
                f"raise max_output_tokens"
            )
        if self.unwritten:
            names = ", ".join(f"{name!r}" for name in self.unwritten)
            told.append(f"the first row lacks {names}, so that the file has no such column")
        return tuple(told)

    def record(self, completion: Completion, place: Place) -> int:
        """Add a call that brought a reply, and return the number of its row."""
        self.usage += completion.usage
        self.cost_usd = total_usd((self.cost_usd, completion.cost_usd))
        self.notes.update(dict.fromkeys(completion.notes))
        self._replies_usd = EXACT.add(self._replies_usd, completion.cost_usd or Decimal(0))
        if completion.replayed:
            self.replayed_cost_usd = total_usd((self.replayed_cost_usd, completion.cost_usd))
        return place.span.start

    def end_row(self, completion: Completion | None, *, failed: bool) -> None:
        """Note that a row is done, and tell of it.

        Args:
            completion: Its reply, where there was one.
            failed: Whether it has an error.
        """
        self.done += 1
        self.failed += failed
        self.cut_off += completion is not None and completion.finish_reason == "length"
        self._observe(completion)
        progress = RowsProgress(
            done=self.done,
            failed=self.failed,
            total=self._total,
            usage=self.usage,
            cost_usd=self.cost_usd,
            remaining=self._remaining(),
        )
        if self._hooks.wants(RowsProgress):
            self._hooks.emit(progress)
        if self._on_progress is None:
            return
        try:
            self._on_progress(progress)
        except Exception as error:  # noqa: BLE001 - a hook of the caller's must not fail the job
            warned(f"on_event failed: {error!r}")

    def _observe(self, completion: Completion | None) -> None:
        now = time.monotonic()
        if completion is None:
            self._costs.add(0.0)
        elif completion.cost_usd is not None:
            self._costs.add(float(completion.cost_usd))
        if completion is None or not completion.replayed:
            self._seconds.add(now - self._last)
        self._last = now

    def _remaining(self) -> Remaining | None:
        if self._total is None or self._seconds.count < ENOUGH:
            return None
        more = max(0, self._total - self.done)
        seconds = self._seconds.sum_of(more)
        costs = (None, None, None) if self.cost_usd is None else self._costs.sum_of(more)
        usd = [None if cost is None else Decimal(f"{cost:.6f}") for cost in costs]
        return Remaining(
            seconds=seconds[0],
            seconds_at_least=seconds[1],
            seconds_at_most=seconds[2],
            cost_usd=usd[0],
            cost_usd_at_least=usd[1],
            cost_usd_at_most=usd[2],
        )
