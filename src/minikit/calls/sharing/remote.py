"""What shared limits that lie in another process have in common: each method is a question."""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Any

from minikit.calls.shared import Asked, Standing

__all__ = ["RemoteLimits"]


class RemoteLimits(ABC):
    """Hands each method on, as its name and arguments, to where the limits are.

    Attributes:
        has_budget: Whether money is limited.
    """

    blocks = True

    def __init__(self, *, has_budget: bool) -> None:
        self.has_budget = has_budget

    @abstractmethod
    def _ask(self, method: str, *values: object, **options: object) -> Any:  # noqa: ANN401 - as the method
        """Return what the method gives there, or raise what it raises.

        Raises:
            SharedLimitsError: Nobody answers.
        """

    def admit(self, asked: Asked) -> float | None:
        """Reserve the money and the turn of a request; see `SharedLimits.admit`."""
        seconds: float | None = self._ask("admit", asked)
        return seconds

    def settle(
        self,
        ident: str,
        cost_usd: Decimal | None,
        *,
        at_least: bool = False,
        unsent: bool = False,
    ) -> None:
        """Put what a request cost in the place of what was reserved; see `SharedLimits.settle`."""
        self._ask("settle", ident, cost_usd, at_least=at_least, unsent=unsent)

    def carry(self, key: str, spent_usd: Decimal, unknown_usd: Decimal) -> None:
        """Add what was spent before, and may have been, once for each `key`."""
        self._ask("carry", key, spent_usd, unknown_usd)

    def stop(self, run: str) -> None:
        """Admit no more requests of this run; see `SharedLimits.stop`."""
        self._ask("stop", run)

    def standing(self) -> Standing:
        """Return what stands against the budget."""
        standing: Standing = self._ask("standing")
        return standing
