"""Who pays for a call: a ledger, and perhaps a budget, of a client or of a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from minikit.calls.budget import Budget
from minikit.calls.ledger import Ledger
from minikit.calls.locks import ForkSafeLock
from minikit.calls.replay import booked

if TYPE_CHECKING:
    from minikit.calls.journal import Attempt as PastAttempt
    from minikit.calls.request import Request

__all__ = ["Account"]


@dataclass(slots=True, kw_only=True, eq=False, weakref_slot=True)
class Account:
    """A ledger and a budget that belong together. Thread-safe.

    Attributes:
        ledger: An entry for each attempt.
        budget: What may be spent, or None where there is no limit.
        known: Rows of the journal that stand in the ledger; no attempt is booked twice.
    """

    ledger: Ledger = field(default_factory=Ledger)
    budget: Budget | None = None
    known: set[int] = field(default_factory=set[int])
    _lock: ForkSafeLock = field(default_factory=ForkSafeLock, repr=False)

    def carry(self, attempts: Sequence[PastAttempt], request: Request) -> None:
        """Book what earlier runs spent on `request`, so that a resumed job keeps to its budget.

        An attempt without a known cost may have cost as much as was reserved for it.
        """
        with self._lock:
            new = [attempt for attempt in attempts if attempt.id not in self.known]
            self.known.update(attempt.id for attempt in new)
        for attempt in new:
            entry = booked(attempt, request)
            self.ledger.record(entry)
            if self.budget is None:
                continue
            if entry.cost_usd is None:
                self.budget.carry(Decimal(0), attempt.reserved_usd or Decimal(0))
            else:
                self.budget.carry(entry.cost_usd, Decimal(0))
