"""Shared limits of the clients of one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

from minikit.calls.budget import read_usd
from minikit.calls.locks import ForkSafeLock
from minikit.calls.pace import RateLimit
from minikit.calls.shared import Asked, Standing
from minikit.calls.sharing.state import LimitsState
from minikit.errors import ArgumentError

__all__ = ["LocalLimits"]


class LocalLimits:
    """One budget and one rate limit for all clients of this process that it is given to.

        limits = LocalLimits(budget_usd="5")
        fast, slow = Client(share=limits), Client(share=limits, model="gpt-4o")

    Thread-safe. A process made by `fork` has a copy of its own: give several processes a
    `ServedLimits` or a `RedisLimits`.
    """

    blocks = False

    def __init__(
        self,
        *,
        budget_usd: str | int | Decimal | None = None,
        rate_limit: RateLimit | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing spent.

        Args:
            budget_usd: US dollars that all calls may cost together, such as "5"; None: no limit.
            rate_limit: What may be sent to each model in a minute.
            clock: Tells the time in seconds.

        Raises:
            ArgumentError: An option cannot be used.
        """
        self._state = LimitsState(*checked(budget_usd, rate_limit))
        self._clock = clock
        self._lock = ForkSafeLock()

    @property
    def has_budget(self) -> bool:
        """Whether money is limited."""
        return self._state.budget_usd is not None

    def admit(self, asked: Asked) -> float | None:
        """Reserve the money and the turn of a request; see `SharedLimits.admit`."""
        with self._lock:
            return self._state.admit(asked, self._clock())

    def settle(
        self,
        ident: str,
        cost_usd: Decimal | None,
        *,
        at_least: bool = False,
        unsent: bool = False,
    ) -> None:
        """Put what a request cost in the place of what was reserved; see `SharedLimits.settle`."""
        with self._lock:
            self._state.settle(ident, cost_usd, at_least=at_least, unsent=unsent)

    def carry(self, key: str, spent_usd: Decimal, unknown_usd: Decimal) -> None:
        """Add what was spent before, and may have been, once for each `key`."""
        with self._lock:
            self._state.carry(key, spent_usd, unknown_usd)

    def stop(self, run: str) -> None:
        """Admit no more requests of this run; see `SharedLimits.stop`."""
        with self._lock:
            self._state.stop(run)

    def standing(self) -> Standing:
        """Return what stands against the budget."""
        with self._lock:
            return self._state.standing(self._clock())


def checked(
    budget_usd: str | int | Decimal | None, rate_limit: RateLimit | None
) -> tuple[Decimal | None, RateLimit | None]:
    """Return the limits, read.

    Raises:
        ArgumentError: One of them cannot be used.
    """
    if rate_limit is not None and not isinstance(rate_limit, RateLimit):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentError(f"rate_limit is a RateLimit(...), not {type(rate_limit).__name__}")
    return None if budget_usd is None else read_usd("budget_usd", budget_usd), rate_limit
