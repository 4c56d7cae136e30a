"""The one way a call takes: check that it fits, wait for a place, send, try again."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from minikit.calls.account import Account, payers
from minikit.calls.attempt import Attempt, Replayed
from minikit.calls.batching.batches import Batches
from minikit.calls.batching.lane import GaveUp
from minikit.calls.batching.post import Post, Unlimited
from minikit.calls.batching.settings import DAY_S, Batch, Sending, batch_of
from minikit.calls.batching.unpaced import Unpaced
from minikit.calls.batching.watching import Watcher
from minikit.calls.batching.way import BatchWay, check_model
from minikit.calls.call import Call, Desk
from minikit.calls.connections import Connections, Session, in_thread
from minikit.calls.hooks import Hook, Hooks
from minikit.calls.line import Line
from minikit.calls.locks import ForkSafeLock
from minikit.calls.pace import Pace, RateLimit
from minikit.calls.replay import replayed, taken_up
from minikit.calls.retry import Retry, RetryBudget, retried
from minikit.calls.settings import check_limits
from minikit.calls.standin import hurried
from minikit.calls.transport import RawReply, Transport, timeout_s
from minikit.checks import check_number, check_whole
from minikit.errors import ArgumentError, UnknownPriceError
from minikit.models.retirement import warn_if_retiring
from minikit.notices import warn

if TYPE_CHECKING:
    import openai

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

BATCH_S = 2 * DAY_S
"""How long a batch may take, with all that happens around it: 24 hours, by its terms."""

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
        self.run = uuid4().hex
        self._paces: dict[tuple[Route, str], Pace] = {}
        self._lock = ForkSafeLock()
        self._encodings: set[str] = set()
        self._batches: BatchWay | None = None
        self._through: dict[Batch | None, Pipeline] = {None: self}

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
                except GaveUp as given_up:
                    given_up.error.attempts = call.attempts
                    raise given_up.error from given_up.error.__cause__
                latency_s = time.monotonic() - start - call.in_line_s
                call.completion = replace(completion, attempts=attempts, latency_s=latency_s)
            return call.completion

    async def _attempt(self, call: Call) -> Completion:
        if self._batches is not None:
            return await self._batches.attempt(call, self._recalled)
        found = call.under_way
        attempt, transport = await self.admitted(call)
        try:
            if found is not None and found.body is not None:  # a batch has brought it meanwhile
                reply = RawReply(body=found.body, request_id=found.request_id, is_kept=True)
            else:
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
        if self._batches is not None:
            self._batches.check(request)
        transport = await self._connections.transport(request.model)
        session, route = self._connections.session(), self._connections.route(request.model)
        warn_if_retiring(request.model, datetime.now(UTC).date())
        tokens = await self._check_fit(request)
        accounts = payers(self.account, account)
        call = Call(
            request=self._prepared(request, tokens, transport.server, accounts),
            operation=operation,
            server=transport.server,
            accounts=accounts,
            desk=self._desk(session, route, request.model, accounts[-1]),
            input_tokens=tokens,
            timeout_s=self._attempt_s(request, tokens),
            worst_usd=self._worst_usd(request, tokens, accounts),
            fingerprint=request.fingerprint(transport.server) if self._journal else "",
        )
        with call.told():
            call.completion = await self._recalled(call)
            if call.completion is not None:
                yield call
                return
            async with self._batches.places(session) if self._batches else session.places:
                yield call

    async def retried(self, attempt: Callable[[], Awaitable[T]], call: Call) -> tuple[T, int]:
        """Await `attempt()` until it succeeds, as often as the client's `Retry` allows."""
        return await retried(attempt, hurried(self._retry), spare=self._spare, watch=call)

    async def admitted(self, call: Call) -> tuple[Attempt, Transport]:
        """Wait until an attempt may be sent; return it with what is to carry it.

        Raises:
            ArgumentError: Calls travel in batches, where none is sent by itself.
        """
        if self._batches is not None:
            raise ArgumentError('a stream cannot come from a batch: leave out engine="batch"')
        transport = await self._connections.transport(
            call.request.model
        )  # first: an attempt must be settled
        return await Attempt.admitted(call), transport

    def _prepared(
        self, request: Request, tokens: int, server: str, accounts: Sequence[Account]
    ) -> Request:
        """Keep what was counted, and ask OpenAI for the tier that a budget reckons with.

        A project may be set to a dearer tier. A batch has one of its own.
        """
        if self._batches is not None:
            return replace(request, known_input_tokens=tokens, tier=None)
        has_budget = self._has_budget(accounts)
        reckoned = "default" if has_budget and server.startswith(OPENAI) else None
        return replace(request, known_input_tokens=tokens, tier=request.tier or reckoned)

    def _worst_usd(
        self, request: Request, tokens: int, accounts: Sequence[Account]
    ) -> Decimal | None:
        """Return the most that an attempt can cost, where a budget or the journal asks for it."""
        has_budget = self._has_budget(accounts)
        if not (has_budget or self._journal or self.share):
            return None
        in_batch = self._batches is not None
        worst_usd = request.worst_usd(tokens, in_batch=in_batch)
        if has_budget and worst_usd is None:
            tier = "batch" if in_batch else request.tier
            way_out = _WAYS_OUT[in_batch, bool(tier)]
            tier = f" at the tier {tier!r}" if tier else ""
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
                paced = Pace(self.rate_limit, self.max_concurrency)
                self._paces[key] = Unpaced() if self._batches else paced
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
            run=self.run,
            hooks=self.hooks,
            longest_wait_s=self._retry.timeout_s,
            in_batch=self._batches is not None,
        )

    async def _recalled(self, call: Call) -> Completion | None:
        """Return the reply that the journal has, once what was spent before is booked.

        What a batch may still bring, or has brought since, the next attempt goes on with.
        """
        if self._journal is None:
            return None
        for account in call.accounts:
            if not account.has_carried:
                await in_thread(partial(account.carry, self._journal, call.request.model))
        call.looked_at = time.monotonic()
        past = await in_thread(partial(self._journal.recall, call.fingerprint))
        call.under_way = taken_up(past, self.account.awaits, in_batch=self._batches is not None)
        found = replayed(past, call.request)
        if call.under_way is not None and call.under_way.body is None and found is not None:
            call.under_way = None  # it was sent in another way since, and answered
        return None if call.under_way else found

    def through(self, engine: Sending) -> Pipeline:
        """Return the pipeline whose calls travel by `engine`; "local": this one.

        It shares the account, the journal, the hooks and the connections of this one.

        Raises:
            ArgumentError: `engine` is none.
        """
        batch = batch_of(engine)
        if batch is None or batch in self._through:
            return self._through[batch]
        made = self._through[batch] = copy(self)
        made.travel_by(batch)
        return made

    def travel_by(self, batch: Batch) -> None:
        """Let calls travel in batches; `through` calls it, on a pipeline that it makes."""
        self.max_concurrency, self.rate_limit, self._paces = batch.max_waiting, None, {}
        # A batch may take a day: only the number of attempts bounds a call.
        self._retry, self._spare = replace(self._retry, timeout_s=math.inf), Unlimited()
        self._batches = BatchWay(batch, self._connections, self.hooks, self._journal, self._retry)
        if self._journal is None:
            warn(
                "without a journal, a batch is lost when this process ends before it is done, "
                "though it is paid for: give the client one (journal=)",
                UserWarning,
            )

    async def batches(self, model: Model) -> Batches:
        """Return what lists, cancels and awaits the batches at the server of `model`.

        Raises:
            ArgumentError: The model is the offline one, which knows no batches.
            MissingKeyError: There is no key for the server.
        """
        check_model(model)
        transport = await self._connections.transport(model)
        watcher = Watcher(Post(transport, self._retry), self.hooks, self._journal)
        return Batches(watcher, model.id)

    def _attempt_s(self, request: Request, tokens: int) -> float:
        if self._batches is not None:
            return BATCH_S
        return self._timeout_s or timeout_s(tokens, request.max_output_tokens)

    def check_key(self, model: Model) -> None:
        """Raise now, before work is done for a call that could not be sent.

        Raises:
            MissingKeyError: There is no key for the server.
            ArgumentError: The model is the offline one, and calls travel in batches.
        """
        if self._batches is not None:
            check_model(model)
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


_WAYS_OUT = {
    (False, False): "describe it with Model(..., price=Price(...))",
    (False, True): "leave the tier out",
    (True, True): 'give its Price a batch_share, send with engine="local"',
}
"""What to do about an unknown price; whether it is that of a batch, and of a tier."""


def _is_short(request: Request) -> bool:
    contents = [message.content for message in request.messages]
    return sum(len(c) for c in contents if isinstance(c, str)) < INLINE_CHARACTERS
