"""Limits that several clients, processes or machines keep together, and how a call passes them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar
from uuid import uuid4

from minikit.calls.budget import exceeded
from minikit.calls.hooks import warned
from minikit.calls.line import POLL_S
from minikit.errors import RateLimitError, SharedLimitsError

if TYPE_CHECKING:
    from minikit.errors import BudgetExceededError

__all__ = ["Asked", "Permit", "Share", "SharedLimits", "Standing"]

T = TypeVar("T")

SLOWEST_POLL_S = 1.0
"""Who waits for money that other processes may give back asks less and less often, up to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one request needs of the shared limits.

    Attributes:
        ident: Made at random by who asks; asked again, it takes nothing anew.
        run: Id of the client; see `SharedLimits.stop`.
        amount_usd: The most that the request can cost.
        lane: What a rate limit is kept for: the server and the model.
        requests: 1, or 0 where the rate does not matter.
        tokens: What the request takes of a limit of tokens; see `pace.charge`.
        lease_s: Seconds, from its turn on, within which it should be settled: after them its
            sender is taken for dead, and the amount counts as unknown.
    """

    ident: str = field(default_factory=lambda: uuid4().hex)
    run: str
    amount_usd: Decimal
    lane: str
    requests: int
    tokens: int
    lease_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands against a shared budget.

    Attributes:
        budget_usd: What may be spent in all, in US dollars; None where there is no limit.
        spent_usd: What settled calls cost.
        reserved_usd: The most that the calls in flight can cost.
        unknown_usd: The most that calls without a known cost may have cost: timed out, cut off, or
            sent by a process that has ended since.
    """

    budget_usd: Decimal | None
    spent_usd: Decimal
    reserved_usd: Decimal
    unknown_usd: Decimal

    def refusal(self, amount_usd: Decimal) -> BudgetExceededError:
        """Return the error that says why a call that can cost `amount_usd` was not sent."""
        return exceeded(self.budget_usd or Decimal(0), self.spent_usd, self.unknown_usd, amount_usd)


class SharedLimits(Protocol):
    """A budget and a rate limit for several clients together; `Client(share=...)` takes it.

    minikit brings `LocalLimits`, `ServedLimits`, `RedisLimits` and `DaskLimits`. Methods may be
    called from any thread. One that cannot reach what it asks raises SharedLimitsError.
    """

    @property
    def has_budget(self) -> bool:
        """Whether money is limited, so that the price of a model must be known."""
        ...

    @property
    def blocks(self) -> bool:
        """Whether a method may take longer than a lock does; it is then called in a thread."""
        ...

    def admit(self, asked: Asked) -> float | None:
        """Reserve the money and the turn of a request; never waits.

        Returns:
            The seconds until the request may start. None: there is no money now, and calls in
            flight may give some back.

        Raises:
            BudgetExceededError: It would not fit even if all that is in flight cost nothing.
            ClosedError: The run was stopped.
        """
        ...

    def settle(
        self,
        ident: str,
        cost_usd: Decimal | None,
        *,
        at_least: bool = False,
        unsent: bool = False,
    ) -> None:
        """Put what a request cost in the place of what was reserved; a second time does nothing.

        Args:
            ident: As in `Asked`.
            cost_usd: None: unknown, and the whole amount stays set aside.
            at_least: It may have cost more: the rest stays set aside.
            unsent: It was not sent after all, and takes nothing of the rate limit.
        """
        ...

    def carry(self, key: str, spent_usd: Decimal, unknown_usd: Decimal) -> None:
        """Add what was spent before, and may have been, once for each `key`."""
        ...

    def stop(self, run: str) -> None:
        """Admit no more requests of the clients of this run; those in flight settle as before."""
        ...

    def standing(self) -> Standing:
        """Return what stands against the budget."""
        ...


class Share:
    """The line of one event loop before shared limits: first come, first served.

    Only its head asks. So what this process has been promised and does not use, should it die, is
    one turn; and a long wait is the limit's, not that of a long line.
    """

    def __init__(self, limits: SharedLimits) -> None:
        from anyio import Lock

        self._limits = limits
        self._line = Lock(fast_acquire=True)

    async def permit(self, asked: Asked, longest_wait_s: float) -> Permit:
        """Wait until a request may be sent.

        Cancellation and errors leave nothing behind.

        Raises:
            BudgetExceededError: It could cost more than is left.
            ClosedError: The run was stopped.
            RateLimitError: The limit allows it only later than in `longest_wait_s`.
            SharedLimitsError: The limits cannot be reached.
        """
        from anyio import sleep

        permit = Permit(ident=asked.ident, share=self)
        async with self._line:
            try:
                seconds = await self._admitted(asked, longest_wait_s)
                if seconds > longest_wait_s:
                    raise too_long(seconds)  # noqa: TRY301 - the turn is given back below
                await sleep(seconds)
            except BaseException:
                await permit.give_back()
                raise
        return permit

    async def settle(self, settle: Callable[[SharedLimits], None]) -> None:
        """Settle, whatever happens; what cannot be told is counted as unknown in the end."""
        from anyio import CancelScope

        with CancelScope(shield=True):
            try:
                await self._done(partial(settle, self._limits))
            except SharedLimitsError as error:
                warned(f"the cost of a call could not be told to the shared limits: {error}")

    async def _admitted(self, asked: Asked, longest_wait_s: float) -> float:
        from anyio import sleep

        until, pause_s = time.monotonic() + longest_wait_s, POLL_S
        while (seconds := await self._done(partial(self._limits.admit, asked))) is None:
            if time.monotonic() > until:
                raise (await self._done(self._limits.standing)).refusal(asked.amount_usd)
            await sleep(pause_s)
            pause_s = min(2 * pause_s, SLOWEST_POLL_S)
        return seconds

    async def _done(self, work: Callable[[], T]) -> T:
        from anyio import to_thread

        return await to_thread.run_sync(work) if self._limits.blocks else work()


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Leave to send one request, to be settled; `Share.permit` makes it.

    Attributes:
        ident: As in `Asked`.
        share: Where it is settled.
    """

    ident: str
    share: Share

    async def settle(self, cost_usd: Decimal | None, *, at_least: bool = False) -> None:
        """Tell what the request cost; see `SharedLimits.settle`."""
        await self.share.settle(
            lambda limits: limits.settle(self.ident, cost_usd, at_least=at_least)
        )

    async def give_back(self) -> None:
        """Tell that the request was not sent."""
        await self.share.settle(lambda limits: limits.settle(self.ident, Decimal(0), unsent=True))


def too_long(seconds: float) -> RateLimitError:
    """Return the error for a wait that nobody shall sit through."""
    return RateLimitError(
        f"the rate limit allows the next request in {math.ceil(seconds)} s only; "
        f"wait, or raise Retry(timeout_s=)",
        code="rate_limit_exceeded",
        retry_after_s=seconds,
    )
