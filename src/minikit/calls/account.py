"""Who pays for a call: a ledger, and perhaps a budget, of a client or of a job."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from minikit.calls.budget import Budget, Reservation
from minikit.calls.ledger import Ledger, LedgerEntry
from minikit.calls.locks import ForkSafeLock
from minikit.calls.replay import booked
from minikit.models.money import EXACT

if TYPE_CHECKING:
    from minikit.calls.journal import Journal
    from minikit.models.model import Model

__all__ = ["Account", "payers", "paying"]


@dataclass(slots=True, kw_only=True, eq=False, weakref_slot=True)
class Account:
    """A ledger and a budget that belong together. Thread-safe.

    Attributes:
        ledger: An entry for each attempt.
        budget: What may be spent, or None where there is no limit.
        job: Digest of the job that it pays for; None for a client, which pays for all.
    """

    ledger: Ledger = field(default_factory=Ledger)
    budget: Budget | None = None
    job: str | None = None
    _lock: ForkSafeLock = field(default_factory=ForkSafeLock, repr=False)
    _has_carried: bool = False
    _last: int = -1
    _awaited: dict[int, Decimal] = field(default_factory=dict[int, Decimal], repr=False)

    @property
    def has_carried(self) -> bool:
        """Whether what was spent before is booked."""
        return self._has_carried

    def carry(self, journal: Journal, model: Model) -> None:
        """Book, once, what the journal says was spent before; reads the file.

        An attempt without a known cost may have cost as much as was reserved for it.

        Args:
            journal: Its attempts of the account's job are booked; all of them for a client.
            model: The model in use, which need not be one of the table.

        Raises:
            JournalError: The file cannot be read.
        """
        with self._lock:
            if self._has_carried:
                return
            for attempt in journal.spent(self.job):
                if attempt.id <= self._last:  # it was booked before the file could not be read
                    continue
                reserved_usd = attempt.reserved_usd or Decimal(0)
                if attempt.is_under_way:  # what it comes to is booked when its batch has brought it
                    self.wait_for(attempt.id, reserved_usd)
                else:
                    self._book(booked(attempt, model), reserved_usd)
                self._last = attempt.id
            self._has_carried = True

    def wait_for(self, row: int, reserved_usd: Decimal, *, is_counted: bool = False) -> None:
        """Count as unknown what an attempt in a batch can cost, which nobody here waits for.

        Args:
            row: Its number in the journal.
            reserved_usd: What it can cost.
            is_counted: Whether the budget counts it as unknown already.
        """
        if self.budget is not None and not is_counted:
            self.budget.carry(Decimal(0), reserved_usd)
        self._awaited[row] = reserved_usd

    def awaits(self, row: int) -> bool:
        """Tell whether an attempt is counted as unknown until a call takes it over."""
        return row in self._awaited

    def adopt(self, row: int) -> Reservation | None:
        """Let a call take over an attempt that is awaited; what it can cost is reserved then.

        Returns:
            The reservation, or None where there is none to make.
        """
        reserved_usd = self._awaited.pop(row, None)
        if reserved_usd is None or self.budget is None:
            return None
        return self.budget.adopt(reserved_usd)

    def leave_out(self) -> None:
        """Book nothing that was spent before."""
        self._has_carried = True

    def _book(self, entry: LedgerEntry, reserved_usd: Decimal) -> None:
        self.ledger.record(entry)
        if self.budget is None:
            return
        spent_usd = entry.cost_usd or Decimal(0)
        open_ended = entry.cost_usd is None or entry.is_lower_bound
        rest = (
            max(Decimal(0), EXACT.subtract(reserved_usd, spent_usd)) if open_ended else Decimal(0)
        )
        self.budget.carry(spent_usd, rest)


_paying: ContextVar[tuple[Account, ...]] = ContextVar("minikit paying", default=())


@contextmanager
def paying(*accounts: Account) -> Generator[None]:
    """Let `accounts` pay for all that is sent within, beside those that pay anyway.

    What many jobs share, such as the budget of a corpus, need not be known to each of them.
    """
    token = _paying.set((*_paying.get(), *accounts))
    try:
        yield
    finally:
        _paying.reset(token)


def payers(client: Account, job: Account | None) -> tuple[Account, ...]:
    """Return who pays for a call; the last of them is the one whom the journal names.

    Of jobs that an account pays for together none is looked up in the journal, which would be read
    as often as there are jobs.

    Args:
        client: The account of the client.
        job: That of the job, or None for a single call.
    """
    together = _paying.get()
    own = () if job is None else (job,)
    if together and job is not None:
        job.leave_out()
    return (client, *own, *together)
