"""What may be spent: the worst case is reserved before a request and settled after its reply.

Checking before and adding after lets calls in flight together spend more than there is; what is
reserved cannot be reserved twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from minikit.calls.locks import ForkSafeLock
from minikit.errors import ArgumentError, BudgetExceededError
from minikit.models.money import EXACT, add_usd
from minikit.notices import warn

__all__ = ["Budget", "Reservation", "exceeded", "read_usd", "reserve_all"]


_MOST_DIGITS = 50
"""Before and after the point of an amount that is read: sums of such amounts fit into `EXACT`."""

_NOTHING = Decimal(0)


def read_usd(name: str, value: str | int | Decimal | float) -> Decimal:
    """Return `value` as an exact amount of US dollars.

    A float is taken for the shortest number that means it, with a UserWarning: 0.1 for 0.1.

    Args:
        name: What the value is called, for messages, such as "budget_usd".
        value: A finite amount of 0 or more; as a str "2.50", without a sign for the currency.

    Raises:
        ArgumentError: `value` is no such amount.
    """
    given = cast("object", value)
    if isinstance(given, bool) or not isinstance(given, str | int | Decimal | float):
        raise ArgumentError(
            f'{name} is US dollars as a str, an int or a Decimal, such as "2.50", '
            f"not {type(given).__name__}"
        )
    exact = float.__repr__(given) if isinstance(given, float) else given
    try:
        amount = Decimal(exact)
    except ArithmeticError:
        amount = Decimal("NaN")
    if not (amount.is_finite() and amount >= 0 and _is_short(amount)):
        # An int of thousands of digits has no repr.
        shown = str(amount) if isinstance(exact, int) else repr(exact)
        raise ArgumentError(
            f'{name}={shown:.80} is no amount of US dollars: write 0 or more, such as "2.50"'
        )
    if isinstance(given, float):
        warn(f"{name}={exact} is a float; write '{exact}'", UserWarning)
    return amount.copy_abs()


def _is_short(amount: Decimal) -> bool:
    return amount.adjusted() < _MOST_DIGITS and cast("int", amount.as_tuple().exponent) >= (
        -_MOST_DIGITS
    )


class Budget:
    """A limit of US dollars and what stands against it.

    Thread-safe, and never waits. As long as no call costs more than was reserved for it,
    `spent_usd + reserved_usd + unknown_usd` never passes `limit_usd`; but for what `carry` adds.

    Attributes:
        limit_usd: What may be spent in all, in US dollars.
    """

    def __init__(self, limit_usd: Decimal) -> None:
        self.limit_usd = limit_usd
        self._lock = ForkSafeLock()
        self._open: set[Reservation] = set()
        self._spent = self._reserved = self._unknown = _NOTHING

    @property
    def spent_usd(self) -> Decimal:
        """What settled calls cost."""
        return self._spent

    @property
    def reserved_usd(self) -> Decimal:
        """The most that the calls in flight can cost."""
        return self._reserved

    @property
    def unknown_usd(self) -> Decimal:
        """The most that calls without a known cost (timed out, cut off) may have cost."""
        return self._unknown

    @property
    def left_usd(self) -> Decimal:
        """What can still be reserved; below 0 where more was spent than the limit."""
        with self._lock:
            return EXACT.subtract(
                self.limit_usd, add_usd(self._spent, self._unknown, self._reserved)
            )

    def reserve(self, amount: Decimal) -> Reservation | None:
        """Set `amount` aside for a request, or return None where it may fit later.

        None means: ask again when one of the calls in flight has settled.

        Args:
            amount: The most that the request can cost, in US dollars; >= 0.

        Raises:
            BudgetExceededError: It would not fit even if all that is in flight cost nothing.
        """
        with self._lock:
            needed = add_usd(self._spent, self._unknown, amount)
            if amount and needed > self.limit_usd:  # what is free passes no limit
                raise self._exceeded(amount)
            if amount and add_usd(needed, self._reserved) > self.limit_usd:
                return None
            reservation = Reservation(budget=self, amount_usd=amount)
            self._open.add(reservation)
            self._reserved = add_usd(self._reserved, amount)
            return reservation

    def settle(
        self, reservation: Reservation, cost_usd: Decimal | None, *, at_least: bool = False
    ) -> None:
        """Put what a request cost in the place of its reservation; see `Reservation.settle`."""
        with self._lock:
            if reservation not in self._open:
                raise RuntimeError("this reservation was settled before; each is settled once")
            self._open.remove(reservation)
            self._reserved = EXACT.subtract(self._reserved, reservation.amount_usd)
            if cost_usd is None:
                self._unknown = add_usd(self._unknown, reservation.amount_usd)
                return
            self._spent = add_usd(self._spent, cost_usd)
            rest = EXACT.subtract(reservation.amount_usd, cost_usd)
            if at_least and rest > 0:
                self._unknown = add_usd(self._unknown, rest)

    def carry(self, spent: Decimal, unknown: Decimal) -> None:
        """Add what an earlier run spent, and may have spent, in US dollars.

        The sum may pass the limit: nothing can be reserved then.
        """
        with self._lock:
            self._spent = add_usd(self._spent, spent)
            self._unknown = add_usd(self._unknown, unknown)

    def adopt(self, amount: Decimal) -> Reservation:
        """Set aside for a call what counts as unknown so far: the call goes on, and will tell.

        Args:
            amount: As it was given to `carry`, in US dollars.
        """
        with self._lock:
            self._unknown = EXACT.subtract(self._unknown, amount)
            self._reserved = add_usd(self._reserved, amount)
            reservation = Reservation(budget=self, amount_usd=amount)
            self._open.add(reservation)
            return reservation

    def refusal(self, amount: Decimal) -> BudgetExceededError:
        """Return the error that says why `amount` was not reserved."""
        with self._lock:
            return self._exceeded(amount)

    def release_open(self) -> None:
        """Count what is reserved as unknown: a child made by `fork` sees no end of its calls."""
        with self._lock:
            self._unknown = add_usd(self._unknown, self._reserved)
            self._reserved = Decimal(0)
            self._open.clear()

    def _exceeded(self, amount: Decimal) -> BudgetExceededError:
        return exceeded(self.limit_usd, self._spent, self._unknown, amount)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reservation:
    """Money set aside for one request; `Budget.reserve` makes it, and it is settled once.

    Attributes:
        budget: What it was taken from.
        amount_usd: How much, in US dollars.
    """

    budget: Budget
    amount_usd: Decimal

    def settle(self, cost_usd: Decimal | None, *, at_least: bool = False) -> None:
        """Give the money back, and count what the request cost instead.

        Args:
            cost_usd: US dollars; 0 where nothing was billed. A cost above the amount is counted
                as it is. None: the cost is unknown, and the whole amount stays set aside.
            at_least: It may have cost more, as a stream that broke: the rest stays set aside.

        Raises:
            RuntimeError: It was settled before.
        """
        self.budget.settle(self, cost_usd, at_least=at_least)


def reserve_all(budgets: Sequence[Budget], amount: Decimal) -> tuple[Reservation, ...] | None:
    """Reserve `amount` from each of `budgets`, or from none; see `Budget.reserve`.

    Returns:
        A reservation for each budget in order, or None where one of them has no room yet.

    Raises:
        BudgetExceededError: It cannot fit into one of them.
    """
    made: list[Reservation] = []
    with ExitStack() as undo:
        for budget in budgets:
            reservation = budget.reserve(amount)
            if reservation is None:
                return None
            undo.callback(reservation.settle, _NOTHING)
            made.append(reservation)
        undo.pop_all()
    return tuple(made)


def exceeded(
    limit_usd: Decimal, spent_usd: Decimal, unknown_usd: Decimal, needed_usd: Decimal
) -> BudgetExceededError:
    """Return the error for a call that can cost `needed_usd`, more than is left."""
    unknown = f" and up to {_dollars(unknown_usd)} went to calls whose cost is unknown"
    return BudgetExceededError(
        f"of the budget of {_dollars(limit_usd)}, {_dollars(spent_usd)} is spent"
        f"{unknown if unknown_usd else ''}; the next call can cost {_dollars(needed_usd)} and was "
        f"not sent: raise the budget, or ask for shorter replies (max_output_tokens)",
        limit_usd=limit_usd,
        spent_usd=spent_usd,
        unknown_usd=unknown_usd,
        needed_usd=needed_usd,
    )


def _dollars(amount: Decimal) -> str:
    return f"${EXACT.normalize(amount):f}"
