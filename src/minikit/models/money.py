"""Sums of money, exact whatever the caller's decimal context."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal

__all__ = ["EXACT", "add_usd", "total_usd"]

EXACT = Context(prec=200)
"""Amounts of up to 50 digits before and after the point, and their sums and products, fit in it."""


def add_usd(first: Decimal, *others: Decimal) -> Decimal:
    """Add exactly."""
    for other in others:
        first = EXACT.add(first, other)
    return first


def total_usd(costs: Iterable[Decimal | None]) -> Decimal | None:
    """Add exactly; None where one cost is unknown, since a part is not the total."""
    total = Decimal(0)
    for cost_usd in costs:
        if cost_usd is None:
            return None
        total = EXACT.add(total, cost_usd)
    return total
