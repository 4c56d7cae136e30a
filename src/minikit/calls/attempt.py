"""One attempt of a call: let in by the budgets and the pace, noted, and settled whatever comes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TypeVar

from minikit.calls.budget import Reservation, reserve_all
from minikit.calls.call import Call, Desk
from minikit.calls.completion import EMPTY, Completion, read_completion
from minikit.calls.failures import is_from_between, request_id
from minikit.calls.hooks import AttemptEnded, warned
from minikit.calls.ledger import LedgerEntry, Outcome
from minikit.calls.line import Wait
from minikit.calls.pace import Ticket, charge
from minikit.calls.replay import replayed
from minikit.calls.shared import Asked, Permit, too_long
from minikit.calls.transport import UNREACHABLE, RawReply
from minikit.errors import (
    BadReplyError,
    CallError,
    CallTimeoutError,
    JournalError,
    RateLimitError,
    RefusalError,
    ServerError,
    StreamBrokenError,
    TransportError,
)

__all__ = ["Attempt", "Replayed"]

T = TypeVar("T")


LOOK_AGAIN_AFTER_S = 0.05

LEASE_MARGIN_S = 60.0
"""How long after its time an attempt may still be settled with the shared limits; see `Asked`."""


class Replayed(Exception):  # noqa: N818 - an answer, which never leaves this floor
    """The journal has the reply by now; it need not be asked for."""

    def __init__(self, completion: Completion) -> None:
        super().__init__()
        self.completion = completion


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One request on its way; made by `admitted`, ended by `succeed` or `fail`, once.

    Attributes:
        headers: Of the reply, as soon as there is one.
    """

    call: Call
    reservations: tuple[Reservation, ...]
    permit: Permit | None
    ticket: Ticket
    row: int | None
    at: datetime
    start: float = field(default_factory=time.monotonic)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    async def admitted(cls, call: Call) -> Attempt:
        """Wait for money and for a turn, and note that the request is about to be sent.

        Cancellation and errors leave nothing behind.

        Raises:
            BudgetExceededError: The call could cost more than is left.
            RateLimitError: The limit allows no request before `longest_wait_s`.
            SharedLimitsError: What keeps the shared limits cannot be reached.
            JournalError: The journal cannot be read or written.
            Replayed: While it waited, another process or thread has brought the reply.
        """
        start, desk = time.monotonic(), call.desk
        async with AsyncExitStack() as undo:
            reservations = await _reserved(call, desk)
            undo.callback(_undone, call, reservations)
            permit = await _permitted(call, desk)
            if permit is not None:
                undo.push_async_callback(permit.give_back)
            ticket = await _turn(call, desk)
            undo.callback(lambda: desk.pace.unsent(ticket, time.monotonic()))
            call.in_line_s += time.monotonic() - start
            found = call.under_way
            if found is None:
                await _look_again(call, desk)
            row = await _begun(call, desk) if found is None else found.id
            undo.pop_all()
        call.attempts, call.under_way = call.attempts + 1, None
        at = datetime.now(UTC) if found is None else found.started_at
        return cls(
            call=call, reservations=reservations, permit=permit, ticket=ticket, row=row, at=at
        )

    def on_headers(self, headers: Mapping[str, str]) -> None:
        """Keep the headers of a reply, whatever its status."""
        self.headers = headers

    def learn(self) -> None:
        """Learn the server's limits from the headers of a reply."""
        self.call.desk.pace.replied(self.ticket, self.headers, time.monotonic())
        self.call.desk.turn.wake()

    async def read(self, reply: RawReply) -> Completion:
        """Keep the reply in the journal, then read it.

        Raises:
            CallError: It is none that can be used.
        """
        journal, row = self.call.desk.journal, self.row
        if journal is not None and row is not None and not reply.is_kept:
            keep = partial(journal.keep, row, reply.body, request_id=reply.request_id)
            await _noted(keep, "a reply could not be kept in the journal")
        return read_completion(reply.body, self.call.request, request_id=reply.request_id)

    async def succeed(self, completion: Completion) -> None:
        """Settle an attempt that brought a reply."""
        outcome: Outcome = "truncated" if completion.finish_reason == "length" else "ok"
        self.call.desk.pace.ended(self.ticket, succeeded=True, now=time.monotonic())
        await self._book(outcome, completion, completion.cost_usd)

    async def fail(
        self, error: BaseException, *, in_stream: bool = False, is_free: bool = False
    ) -> None:
        """Settle an attempt that ended in `error`, or was cancelled.

        Args:
            error: What ended it.
            in_stream: It came after a reply had begun, which may be billed whatever it says.
            is_free: It is known to have cost nothing.
        """
        now, pace = time.monotonic(), self.call.desk.pace
        if isinstance(error, RateLimitError):
            pace.rate_limited(self.ticket, error.retry_after_s, self.headers, now)
        elif self.headers:
            self.learn()
        if isinstance(error, CallError) and error.code == UNREACHABLE:
            pace.unsent(self.ticket, now)
        else:
            pace.ended(self.ticket, succeeded=False, now=now)
        completion = error.completion if isinstance(error, CallError) else None
        cost_usd = completion.cost_usd if completion else None
        billed_usd = cost_usd if completion or in_stream else _billed_usd(error, self.headers)
        billed_usd = Decimal(0) if is_free else billed_usd
        await self._book(_outcome(error), completion, billed_usd)

    async def withdraw(self) -> None:
        """End an attempt that was not sent after all, and leave nothing of it."""
        self.call.desk.pace.unsent(self.ticket, time.monotonic())
        _settle(self.reservations, Decimal(0), self.call.desk)
        if self.permit is not None:
            await self.permit.give_back()

    async def detach(self, row: int) -> None:
        """Leave an attempt to its batch: nobody waits here, and the journal knows of it.

        What it can cost counts as unknown until a call takes it over.

        Args:
            row: Its number in the journal.
        """
        self.call.desk.pace.ended(self.ticket, succeeded=False, now=time.monotonic())
        _left(self.call, self.reservations, row)
        if self.permit is not None:
            await self.permit.settle(None)

    async def leave(self, completion: Completion) -> None:
        """Settle an attempt whose reader has left; `completion` has what had come."""
        self.call.desk.pace.ended(self.ticket, succeeded=True, now=time.monotonic())
        await self._book("abandoned", completion, completion.cost_usd)

    async def _book(
        self, outcome: Outcome, completion: Completion | None, cost_usd: Decimal | None
    ) -> None:
        call, desk = self.call, self.call.desk
        if call.request.model.provider == "offline":
            cost_usd = Decimal(0)
        desk.turn.wake()
        entry = LedgerEntry(
            at=self.at,
            operation=call.operation,
            model=call.request.model.id,
            answered_by=completion.model if completion else None,
            tier=completion.tier if completion else call.request.tier,
            attempt=call.attempts,
            outcome=outcome,
            usage=completion.usage if completion else None,
            cost_usd=cost_usd,
            latency_s=time.monotonic() - self.start,
            request_id=completion.request_id if completion else request_id(self.headers),
        )
        _settle(self.reservations, cost_usd, desk, at_least=entry.is_lower_bound)
        for account in call.accounts:
            account.ledger.record(entry)
        if self.permit is not None:
            await self.permit.settle(cost_usd, at_least=entry.is_lower_bound)
        if desk.hooks.wants(AttemptEnded):
            desk.hooks.emit(AttemptEnded(call_id=call.id, entry=entry))
        if desk.journal is not None and self.row is not None:
            settle = partial(desk.journal.settle, self.row, entry)
            await _noted(settle, "a cost could not be noted in the journal")


async def _reserved(call: Call, desk: Desk) -> tuple[Reservation, ...]:
    row = None if call.under_way is None else call.under_way.id
    paying = [account for account in call.accounts if row is None or not account.awaits(row)]
    budgets = [account.budget for account in paying if account.budget is not None]
    amount = call.worst_usd or Decimal(0)

    first: float | None = None

    def ask() -> tuple[Reservation, ...] | Wait:
        nonlocal first
        reservations = reserve_all(budgets, amount)
        if reservations is not None:
            return reservations
        first = first or time.monotonic()
        if time.monotonic() - first > desk.longest_wait_s:
            raise min(budgets, key=lambda budget: budget.left_usd).refusal(amount)
        return Wait()

    made = await desk.money.wait(ask) if budgets and call.worst_usd is not None else ()
    if row is None:
        return made
    adopted = (account.adopt(row) for account in call.accounts)
    return (*made, *filter(None, adopted))


def _undone(call: Call, reservations: tuple[Reservation, ...]) -> None:
    """Give back what was reserved; what was taken over goes to where it was."""
    if call.under_way is None:
        _settle(reservations, Decimal(0), call.desk)
    else:
        _left(call, reservations, call.under_way.id)


def _left(call: Call, reservations: tuple[Reservation, ...], row: int) -> None:
    _settle(reservations, None, call.desk)
    for account in call.accounts:
        account.wait_for(row, call.worst_usd or Decimal(0), is_counted=True)


async def _permitted(call: Call, desk: Desk) -> Permit | None:
    """Wait for the limits that are kept together with other processes."""
    if desk.share is None:
        return None
    request = call.request
    asked = Asked(
        run=desk.run,
        amount_usd=call.worst_usd or Decimal(0),
        lane=f"{request.model.id} {call.server}",
        requests=0 if desk.in_batch else 1,
        tokens=0 if desk.in_batch else charge(request.characters, request.max_output_tokens),
        lease_s=call.timeout_s + LEASE_MARGIN_S,
    )
    return await desk.share.permit(asked, desk.longest_wait_s)


async def _turn(call: Call, desk: Desk) -> Ticket:
    request = call.request
    tokens = charge(request.characters, request.max_output_tokens)

    first: float | None = None

    def ask() -> Ticket | Wait:
        nonlocal first
        answer = desk.pace.start(tokens, now := time.monotonic())
        if isinstance(answer, Wait) and math.isinf(answer.seconds):
            first = first or now  # an endless wait is for a call in flight, which ends
            if now - first > desk.longest_wait_s:
                raise RateLimitError(
                    f"after a 429 no call in flight has ended for {desk.longest_wait_s:g} s; a "
                    f"stream that is open and not read holds up others",
                    code="rate_limit_exceeded",
                    retry_after_s=desk.longest_wait_s,
                )
        elif isinstance(answer, Wait) and desk.longest_wait_s < answer.seconds:
            raise too_long(answer.seconds)
        return answer

    return await desk.turn.wait(ask)


async def _look_again(call: Call, desk: Desk) -> None:
    """Look into the journal once more where the call has waited since it was looked into."""
    now = time.monotonic()
    if desk.journal is None or now - call.looked_at < LOOK_AGAIN_AFTER_S:
        return
    call.looked_at = now
    past = await _unhurried(partial(desk.journal.recall, call.fingerprint))
    completion = replayed(past, call.request)
    if completion is not None:
        raise Replayed(completion)


async def _begun(call: Call, desk: Desk) -> int | None:
    """Note in the journal that a request is about to be sent: a kill in flight leaves its mark."""
    if desk.journal is None or desk.in_batch:
        return None
    return await _unhurried(
        partial(
            desk.journal.begin,
            call.fingerprint,
            run=desk.run,
            job=call.accounts[-1].job,
            operation=call.operation,
            model=call.request.model.id,
            reserved_usd=call.worst_usd,
        )
    )


def _settle(
    reservations: tuple[Reservation, ...],
    cost_usd: Decimal | None,
    desk: Desk,
    *,
    at_least: bool = False,
) -> None:
    for reservation in reservations:
        reservation.settle(cost_usd, at_least=at_least)
    desk.money.wake()


async def _noted(note: Callable[[], None], failure: str) -> None:
    """Write to the journal about what is paid for; a reply is worth more than its note."""
    from anyio import CancelScope

    try:
        with CancelScope(shield=True):
            await _unhurried(note)
    except JournalError as error:
        warned(f"{failure}: {error}")


async def _unhurried(work: Callable[[], T]) -> T:
    """Run `work`, which blocks, in a thread; cancellation waits for its end."""
    from anyio import to_thread

    return await to_thread.run_sync(work)


def _outcome(error: BaseException) -> Outcome:
    if not isinstance(error, CallError):
        return "cancelled"
    if error.code in (EMPTY, UNREACHABLE):
        return "empty" if error.code == EMPTY else "unreachable"
    for kind, outcome in _OUTCOMES:
        if isinstance(error, kind):
            return outcome
    return "rejected"


_OUTCOMES: tuple[tuple[type[CallError], Outcome], ...] = (
    (RefusalError, "refused"),
    (BadReplyError, "bad_reply"),
    (StreamBrokenError, "broken"),
    (CallTimeoutError, "timeout"),
    (TransportError, "no_reply"),
    (ServerError, "server_error"),
    (RateLimitError, "rate_limited"),
)


def _billed_usd(error: BaseException, headers: Mapping[str, str]) -> Decimal | None:
    """Return what a failed attempt cost, or None where only the server knows.

    A reply with an error status is not billed, nor is what was never sent.
    """
    if not isinstance(error, CallError):
        return None
    status = error.status or 0
    refused = status >= 400 and not is_from_between(status, headers)
    return Decimal(0) if refused or error.code == UNREACHABLE else None
