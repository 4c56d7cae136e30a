"""A pace that holds nothing back: calls in a batch do not start by themselves."""

from __future__ import annotations

from collections.abc import Mapping

from minikit.calls.line import Wait
from minikit.calls.pace import Pace, Ticket

__all__ = ["Unpaced"]


class Unpaced(Pace):
    """Lets every call go at once, and learns nothing."""

    def __init__(self) -> None:
        super().__init__(None, 1)

    def start(self, charge_tokens: int, now: float) -> Ticket | Wait:
        """Return a Ticket."""
        return Ticket(number=1, charge_tokens=charge_tokens, at=now)

    def replied(self, ticket: Ticket, headers: Mapping[str, str], now: float) -> None:
        """Learn nothing."""

    def rate_limited(
        self,
        ticket: Ticket,
        retry_after_s: float | None,
        headers: Mapping[str, str],
        now: float,
    ) -> None:
        """Learn nothing."""

    def unsent(self, ticket: Ticket, now: float) -> None:
        """Give nothing back."""

    def ended(self, ticket: Ticket, succeeded: bool, now: float) -> None:
        """Give nothing back."""
