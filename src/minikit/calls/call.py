"""One call under way: what is asked, who pays, and what it has taken so far."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

from minikit.calls.account import Account
from minikit.calls.completion import Completion
from minikit.calls.hooks import CallEnded, CallStarted, Hooks, RetryScheduled
from minikit.calls.line import Line
from minikit.calls.pace import Pace
from minikit.calls.request import Request
from minikit.errors import CallError

if TYPE_CHECKING:
    from minikit.calls.journal import Journal
    from minikit.calls.journal_rows import Attempt as JournaledAttempt
    from minikit.calls.shared import Share

__all__ = ["Call", "Desk"]

_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True, kw_only=True)
class Desk:
    """What every attempt of a call passes.

    Attributes:
        pace: The limits of the server for the model.
        turn: The line before `pace`, in this event loop.
        money: The line before the budgets, in this event loop; a job has its own, so that one
            without money does not hold up others.
        share: The limits kept together with other processes, or None.
        journal: Where attempts and replies are kept, or None.
        run: Id of the client, for the journal.
        hooks: Who is told.
        longest_wait_s: A call that would have to wait longer at the head of a line fails.
        in_batch: Whether attempts travel in batches, which are noted together.
    """

    pace: Pace
    turn: Line
    money: Line
    share: Share | None
    journal: Journal | None
    run: str
    hooks: Hooks
    longest_wait_s: float
    in_batch: bool = False


@dataclass(slots=True, kw_only=True)
class Call:
    """One call under way, from its place in the client to its reply.

    Attributes:
        request: What is asked.
        operation: What it is for, as the ledger names it.
        server: Base URL of the server.
        accounts: Who pays: the client, and the job where there is one.
        desk: What its attempts pass.
        input_tokens: Tokens of the prompt, as counted here.
        timeout_s: Seconds that one attempt may take.
        worst_usd: The most that one attempt can cost; None where no budget or journal asks.
        fingerprint: Of the request, for the journal; "" where there is none.
        id: Tells the events of this call from those of others.
        attempts: Requests made so far.
        looked_at: When the journal was last looked into, in seconds of the monotonic clock.
        in_line_s: Seconds spent waiting for the budget and the rate limit.
        under_way: The attempt that the next one goes on with, rather than beginning anew: a batch
            may still bring its reply, or has brought it. None: it begins anew.
        completion: The reply, once there is one.
    """

    request: Request
    operation: str
    server: str
    accounts: tuple[Account, ...]
    desk: Desk
    input_tokens: int
    timeout_s: float
    worst_usd: Decimal | None
    fingerprint: str
    id: str = field(default_factory=lambda: uuid4().hex)
    attempts: int = 0
    looked_at: float = 0.0
    in_line_s: float = 0.0
    under_way: JournaledAttempt | None = None
    completion: Completion | None = None

    @contextmanager
    def told(self) -> Generator[None]:
        """Tell the hooks of the beginning and, with what came of it, of the end."""
        start = time.monotonic()
        if self.desk.hooks.wants(CallStarted):
            self.desk.hooks.emit(self._started())
        error: BaseException | None = None
        try:
            yield
        except BaseException as failure:
            error = failure
            raise
        finally:
            if self.desk.hooks.wants(CallEnded):
                self.desk.hooks.emit(self._ended(error, time.monotonic() - start))

    def retrying(self, error: CallError, attempt: int, wait_s: float) -> None:
        """Tell the hooks that attempt `attempt` failed and another follows."""
        if self.desk.hooks.wants(RetryScheduled):
            self.desk.hooks.emit(
                RetryScheduled(
                    call_id=self.id,
                    attempt=attempt,
                    wait_s=wait_s,
                    error=type(error).__name__,
                    status=error.status,
                    code=error.code,
                )
            )

    def _started(self) -> CallStarted:
        server, model = urlsplit(self.server), self.request.model
        is_remote = model.provider != "offline"
        return CallStarted(
            call_id=self.id,
            operation=self.operation,
            model=model.id,
            provider=model.provider,
            server=server.hostname if is_remote else None,
            port=(server.port or _PORTS.get(server.scheme)) if is_remote else None,
            input_tokens=self.input_tokens,
            max_output_tokens=self.request.max_output_tokens,
            at=datetime.now(UTC),
        )

    def _ended(self, error: BaseException | None, latency_s: float) -> CallEnded:
        completion, name = self.completion, None
        request_id = completion.request_id if completion else None
        if error is not None:
            name = type(error).__name__ if isinstance(error, Exception) else "Cancelled"
        if isinstance(error, CallError):
            completion, request_id = error.completion, error.request_id
        return CallEnded(
            call_id=self.id,
            operation=self.operation,
            model=self.request.model.id,
            provider=self.request.model.provider,
            answered_by=completion.model if completion else None,
            usage=completion.usage if completion else None,
            cost_usd=completion.cost_usd if completion else None,
            attempts=self.attempts,
            latency_s=latency_s,
            finish_reason=completion.finish_reason if completion else None,
            request_id=request_id,
            replayed=completion.replayed if completion else False,
            error=name,
        )
