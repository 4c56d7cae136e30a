"""The one way a call takes: check that it fits, wait for a place, send, try again."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from minikit.calls.account import Account, payers
from minikit.calls.attempt import Attempt, Replayed
from minikit.calls.batching.settings import Sending, batch_of
from minikit.calls.call import Call, Desk
from minikit.calls.connections import Connections, Session, in_thread
from minikit.calls.hooks import Hook, Hooks
from minikit.calls.line import Line
from minikit.calls.locks import ForkSafeLock
from minikit.calls.pace import Pace, RateLimit
from minikit.calls.replay import replayed
from minikit.calls.retry import Retry, RetryBudget, retried
from minikit.calls.settings import check_limits
from minikit.calls.standin import hurried
from minikit.calls.transport import Transport, timeout_s
from minikit.checks import check_number, check_whole
from minikit.errors import UnknownPriceError
from minikit.models.retirement import warn_if_retiring

if TYPE_CHECKING:
    import openai

    from minikit.calls.batching.batches import Batches
    from minikit.calls.budget import Budget
    from minikit.calls.completion import Completion
    from minikit.calls.connections import Route
    from minikit.calls.journal import Journal
    from minikit.calls.request import Request
    from minikit.calls.shared import SharedLimits
    from minikit.models.model import Model

__all__ = ["Pipeline", "in_thread"]

T = TypeVar("T")

OPENAI = "https://api.openai.com/"

INLINE_CHARACTERS = 20_000
"""Longer texts are tokenized in a worker thread: this many take about 2 ms."""


class Pipeline:
    """Sends requests for a client: journal, retry, budget, pace, transport, ledger.

    Connections, places and lines belong to an event loop, so each loop gets its own, and so does a
    process made by `fork`, which must not answer on its parent's connections. What is learned of a
    server and what is spent is the client's, whatever loop it happens in.
    """

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str | None,
        openai_client: openai.AsyncOpenAI | None,
        retry: Retry,
        max_concurrency: int,
        timeout_s: float | None,
        rate_limit: RateLimit | None = None,
        budget: Budget | None = None,
        share: SharedLimits | None = None,
        journal: Journal | None = None,
        hooks: Sequence[Hook] = (),
    ) -> None:
        check_whole("max_concurrency", max_concurrency, 1)
        if timeout_s is not None:
            check_number("timeout_s", timeout_s, 0.001)
        check_limits(retry, rate_limit, share)
        self.max_concurrency = max_concurrency
        self.account = Account(budget=budget)
        self.hooks = Hooks(hooks)
        self._connections = Connections(
            api_key=api_key,
            base_url=base_url,
            openai_client=openai_client,
            max_concurrency=max_concurrency,
            share=share,
            on_fork=self._leave_to_parent,
        )
        self._retry = retry
        self._spare = RetryBudget()
        self._timeout_s = timeout_s
        self.rate_limit = rate_limit
        self.share = share
        self._journal = journal
        self._run = uuid4().hex
        self._paces: dict[tuple[Route, str], Pace] = {}
        self._lock = ForkSafeLock()
        self._encodings: set[str] = set()

    async def send(
        self, request: Request, *, operation: str = "complete", account: Account | None = None
    ) -> Completion:
        """Return the reply to `request`.

        Waits in turn when `max_concurrency` calls are in flight, for money that calls in flight
        may give back, and for the rate limit. Cancellation ends the request.

        Args:
            request: What to ask.
            operation: What the call is for, as the ledger names it.
            account: Who pays beside the client, such as a job.

        Raises:
            ContextOverflowError: The request does not fit; nothing was sent.
            MissingKeyError: No key for the model's server; nothing was sent.
            UnknownPriceError: There is a budget, and no price for the model; nothing was sent.
            BudgetExceededError: The call could cost more than is left; nothing was sent.
            JournalError: The journal cannot be read or written; nothing was sent.
            CallError: The last attempt failed, or failed in a way that trying again cannot mend.
        """
        async with self.opened(request, operation, account) as call:
            if call.completion is None:
                start = time.monotonic()
                try:
                    completion, attempts = await self.retried(partial(self._attempt, call), call)
                except Replayed as found:
                    completion, attempts = found.completion, call.attempts
                latency_s = time.monotonic() - start - call.in_line_s
                call.completion = replace(completion, attempts=attempts, latency_s=latency_s)
            return call.completion

    async def _attempt(self, call: Call) -> Completion:
        attempt, transport = await self.admitted(call)
        try:
            reply = await transport.send(
                call.request, timeout_s=call.timeout_s, on_headers=attempt.on_headers
            )
            attempt.learn()
            completion = await attempt.read(reply)
        except BaseException as error:
            await attempt.fail(error)
            raise
        await attempt.succeed(completion)
        return completion

    @asynccontextmanager
    async def opened(
        self, request: Request, operation: str, account: Account | None
    ) -> AsyncGenerator[Call]:
        """Check a call, answer it from the journal, or else give it a place among those in flight.

        Raises:
            MinikitError: As `send`, before anything is sent.
        """
        transport = await self._connections.transport(request.model)
        session, route = self._connections.session(), self._connections.route(request.model)
        warn_if_retiring(request.model, datetime.now(UTC).date())
        tokens = await self._check_fit(request)
        accounts = payers(self.account, account)
        call = Call(
            request=_prepared(request, tokens, transport.server, self._has_budget(accounts)),
            operation=operation,
            server=transport.server,
            accounts=accounts,
            desk=self._desk(session, route, request.model, accounts[-1]),
            input_tokens=tokens,
            timeout_s=self._timeout_s or timeout_s(tokens, request.max_output_tokens),
            worst_usd=self._worst_usd(request, tokens, accounts),
            fingerprint=request.fingerprint(transport.server) if self._journal else "",
        )
        with call.told():
            call.completion = await self._recalled(call)
            if call.completion is not None:
                yield call
                return
            async with session.places:
                yield call

    async def retried(self, attempt: Callable[[], Awaitable[T]], call: Call) -> tuple[T, int]:
        """Await `attempt()` until it succeeds, as often as the client's `Retry` allows."""
        return await retried(attempt, hurried(self._retry), spare=self._spare, watch=call)

    async def admitted(self, call: Call) -> tuple[Attempt, Transport]:
        """Wait until an attempt may be sent; return it with what is to carry it."""
        transport = await self._connections.transport(
            call.request.model
        )  # first: an attempt must be settled
        return await Attempt.admitted(call), transport

    def _worst_usd(
        self, request: Request, tokens: int, accounts: Sequence[Account]
    ) -> Decimal | None:
        """Return the most that an attempt can cost, where a budget or the journal asks for it."""
        has_budget = self._has_budget(accounts)
        if not (has_budget or self._journal or self.share):
            return None
        worst_usd = request.worst_usd(tokens)
        if has_budget and worst_usd is None:
            tier = f" at the tier {request.tier!r}" if request.tier else ""
            described = "describe it with Model(..., price=Price(...))"
            way_out = "leave the tier out" if request.tier else described
            raise UnknownPriceError(
                f"no price is known for {request.model.id!r}{tier}, so that a budget cannot be "
                f"kept: {way_out}, or set no budget"
            )
        return worst_usd

    def _has_budget(self, accounts: Sequence[Account]) -> bool:
        shared = self.share is not None and self.share.has_budget
        return shared or any(account.budget is not None for account in accounts)

    def _desk(self, session: Session, route: Route, model: Model, payer: Account) -> Desk:
        key = (route, model.id)
        with self._lock:
            if key not in self._paces:
                self._paces[key] = Pace(self.rate_limit, self.max_concurrency)
        if key not in session.turns:
            session.turns[key] = Line()
        if payer not in session.money:
            session.money[payer] = Line()
        return Desk(
            pace=self._paces[key],
            turn=session.turns[key],
            money=session.money[payer],
            share=session.share,
            journal=self._journal,
            run=self._run,
            hooks=self.hooks,
            longest_wait_s=self._retry.timeout_s,
        )

    async def _recalled(self, call: Call) -> Completion | None:
        """Return the reply that the journal has, once what was spent before is booked."""
        if self._journal is None:
            return None
        for account in call.accounts:
            if not account.has_carried:
                await in_thread(partial(account.carry, self._journal, call.request.model))
        call.looked_at = time.monotonic()
        past = await in_thread(partial(self._journal.recall, call.fingerprint))
        return replayed(past, call.request)

    def through(self, engine: Sending) -> Pipeline:
        """Return the pipeline whose calls travel by `engine`; "local": this one.

        It shares the account, the journal, the hooks and the connections of this one.

        Raises:
            ArgumentError: `engine` is none.
        """
        if batch_of(engine) is None:
            return self
        raise NotImplementedError

    async def batches(self, model: Model) -> Batches:
        """Return what lists, cancels and awaits the batches at the server of `model`.

        Raises:
            ArgumentError: The model is the offline one, which knows no batches.
            MissingKeyError: There is no key for the server.
        """
        raise NotImplementedError

    def check_key(self, model: Model) -> None:
        """Raise MissingKeyError now, before work is done for a call that could not be sent."""
        self._connections.route(model)

    async def aclose(self) -> None:
        """Close this loop's connections; later calls raise ClosedError."""
        self._connections.is_closed = True
        await self.disconnect()
        if self._journal is not None:
            await in_thread(self._journal.close)

    async def disconnect(self) -> None:
        """Close this loop's connections; a later call makes new ones."""
        await self._connections.disconnect()

    def _leave_to_parent(self) -> None:
        """Forget, in a process made by `fork`, the calls that are in flight in the parent."""
        self._paces.clear()
        if self.account.budget is not None:
            self.account.budget.release_open()

    async def _check_fit(self, request: Request) -> int:
        """Count in a thread where that takes long: a long prompt, or the first of its encoding."""
        encoding = request.model.encoding
        if request.known_input_tokens is None and not (
            encoding in self._encodings and _is_short(request)
        ):
            tokens = await in_thread(request.check_fit)
            self._encodings.add(encoding)
            return tokens
        return request.check_fit()


def _prepared(request: Request, tokens: int, server: str, has_budget: bool) -> Request:
    """Keep what was counted, and ask OpenAI for the tier that a budget reckons with.

    A project may be set to a dearer tier.
    """
    reckoned = "default" if has_budget and server.startswith(OPENAI) else None
    return replace(request, known_input_tokens=tokens, tier=request.tier or reckoned)


def _is_short(request: Request) -> bool:
    contents = [message.content for message in request.messages]
    return sum(len(c) for c in contents if isinstance(c, str)) < INLINE_CHARACTERS
