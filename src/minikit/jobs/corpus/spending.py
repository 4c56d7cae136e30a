"""What earlier runs of a corpus have spent, and what a client sets aside for one."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from minikit.calls.account import Account
from minikit.calls.budget import Budget
from minikit.calls.hooks import warned
from minikit.calls.journal import Journal
from minikit.errors import SharedLimitsError
from minikit.models.money import EXACT, add_usd

if TYPE_CHECKING:
    from minikit.calls.shared import SharedLimits
    from minikit.models.model import Model

__all__ = ["SUFFIX", "carry", "carry_all", "set_aside"]

SUFFIX = ".sqlite"
"""Of the journals of partitions."""

_NOTHING = Decimal(0)


def carry(share: SharedLimits, journal: Path, model: Model) -> Decimal:
    """Count what a journal says was spent before, once in a run, and return it.

    Raises:
        JournalError: The file cannot be read.
        SharedLimitsError: The limits cannot be reached.
    """
    kept = Journal(journal)
    account = Account(budget=Budget(_NOTHING))
    try:
        account.carry(kept, model)
    finally:
        kept.close()
    assert account.budget is not None  # noqa: S101 - it was given
    spent_usd, unknown_usd = account.budget.spent_usd, account.budget.unknown_usd
    share.carry(journal.stem, spent_usd, unknown_usd)
    return add_usd(spent_usd, unknown_usd)


def carry_all(share: SharedLimits, folder: Path, model: Model) -> Decimal:
    """Count what the journals of all partitions say was spent before, as far as they are here.

    Raises:
        JournalError: One cannot be read.
        SharedLimitsError: The limits cannot be reached.
    """
    return add_usd(
        _NOTHING, *(carry(share, path, model) for path in sorted(folder.glob(f"*{SUFFIX}")))
    )


@contextmanager
def set_aside(budget: Budget | None, limit_usd: Decimal | None) -> Generator[Purse]:
    """Reserve for a run what it may spend of the budget of a client, and settle it at the end.

    Raises:
        BudgetExceededError: There is not enough left.
    """
    purse = Purse(limit_usd)
    if budget is None:
        yield purse
        return
    left_usd = max(_NOTHING, budget.left_usd)
    purse.limit_usd = left_usd if limit_usd is None else min(limit_usd, left_usd)
    reservation = budget.reserve(purse.limit_usd)
    if reservation is None or not left_usd:
        raise budget.refusal(purse.limit_usd)
    try:
        yield purse
    finally:
        reservation.settle(purse.spent_usd)


class Purse:
    """What a run may spend, and what it has spent.

    Attributes:
        limit_usd: What it may spend; None: there is no limit.
        spent_usd: What it has spent, or may have; None where that is unknown.
    """

    def __init__(self, limit_usd: Decimal | None) -> None:
        self.limit_usd = limit_usd
        self.spent_usd: Decimal | None = None

    def look(self, share: SharedLimits, carried_usd: Decimal) -> None:
        """Note what stands against shared limits, less what was spent before."""
        try:
            standing = share.standing()
        except SharedLimitsError as error:
            warned(f"what the run has spent is unknown: {error}")
            return
        all_usd = add_usd(standing.spent_usd, standing.reserved_usd, standing.unknown_usd)
        self.spent_usd = max(_NOTHING, EXACT.subtract(all_usd, carried_usd))
