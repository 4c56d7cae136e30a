"""When a failed call is tried again, and after how long."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from minikit.calls.completion import EMPTY
from minikit.calls.locks import ForkSafeLock
from minikit.checks import check_number, check_whole
from minikit.errors import (
    BadReplyError,
    BudgetExceededError,
    CallError,
    RateLimitError,
    ServerError,
    StreamBrokenError,
    TransportError,
)

if TYPE_CHECKING:
    from tenacity import AsyncRetrying, RetryCallState
    from tenacity.wait import wait_base

__all__ = ["Retry", "RetryBudget", "Watch", "is_retryable", "retried"]

T = TypeVar("T")

EMPTY_ATTEMPTS = 3
"""Each empty reply is paid for, and a model that says nothing thrice has nothing to say."""


REFUSALS_PER_ATTEMPT = 4
"""So many refusals by a rate limit count as one attempt: others may take what a call waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often and how long a call is tried.

    Waits grow as `wait_initial_s * 2**n`, drawn evenly between 0 and that ("full jitter", AWS
    Architecture Blog, "Exponential Backoff And Jitter"), and are never shorter than the server's
    Retry-After. A call that would have to wait past `timeout_s` fails at once. All calls of a
    client share a budget of retries beside it: 10 a second, and one for every 5 calls.

    Attributes:
        attempts: Requests per call at most, the first included; >= 1. 1 means no retry. Of
            requests that a rate limit refused, which cost nothing, four count as one.
        timeout_s: Seconds after which no new attempt of a call begins; the time that a call spends
            in line for the budget or the rate limit does not count.
        wait_initial_s: Upper bound of the first wait, in seconds.
        wait_max_s: Upper bound of each wait in seconds; a longer Retry-After is honoured.
    """

    attempts: int = 6
    timeout_s: float = 600.0
    wait_initial_s: float = 1.0
    wait_max_s: float = 60.0

    def __post_init__(self) -> None:
        check_whole("attempts", self.attempts, 1)
        for name in ("timeout_s", "wait_initial_s", "wait_max_s"):
            check_number(name, getattr(self, name), 0)


class RetryBudget:
    """Retries that a client has left; keeps an outage from becoming a storm. Thread-safe.

    Figures of Finagle's RetryBudget (Twitter, finagle-core, `RetryBudget.scala`): 10 retries a
    second, kept for 10 s, and one for every 5 calls.
    """

    PER_SECOND = 10.0
    PER_CALL = 0.2
    KEPT = 100.0

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._left = self.KEPT
        self._at: float | None = None

    def called(self) -> None:
        """Add what a call brings."""
        with self._lock:
            self._left = min(self.KEPT, self._left + self.PER_CALL)

    def take(self, now: float) -> bool:
        """Take one retry, if there is one; `now` is in seconds of a monotonic clock."""
        with self._lock:
            passed_s = max(0.0, now - (now if self._at is None else self._at))
            self._left = min(self.KEPT, self._left + passed_s * self.PER_SECOND)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


class Watch(Protocol):
    """What looks on while a call is tried.

    Attributes:
        in_line_s: Seconds that the call has spent waiting for its turn.
    """

    in_line_s: float

    def retrying(self, error: CallError, attempt: int, wait_s: float) -> None:
        """Attempt `attempt` has failed; the next follows after `wait_s` seconds."""
        ...


async def retried(
    attempt: Callable[[], Awaitable[T]], retry: Retry, *, spare: RetryBudget, watch: Watch
) -> tuple[T, int]:
    """Await `attempt()` until it succeeds; return its result and the attempts it took.

    Cancellation stops at once, in an attempt or in a wait.

    Raises:
        CallError: The last attempt's error, with `attempts` set; never tenacity's own.
    """
    made = 0
    failure: CallError | None = None
    last: CallError | None = None

    async def counted() -> T:
        nonlocal made, failure, last
        if failure is not None:
            error, failure = failure, None
            raise error
        made += 1
        try:
            return await attempt()
        except CallError as error:
            last = error
            raise

    spare.called()
    limits = _Limits(retry, spare, watch)
    try:
        try:
            return await counted(), made
        except CallError as error:
            if not is_retryable(error):
                raise
            failure = (
                error  # tenacity hears of it first; a call that needs no retry needs no object
            )
        return await limits.retrying()(counted), made
    except CallError as error:
        error.attempts = made
        raise
    except BudgetExceededError as error:
        raise error from last  # there is no money for another try; this is what the last one met


def is_retryable(error: BaseException) -> bool:
    """Tell whether trying the same request again can help.

    A server that fails, is overloaded or limits the rate; a connection that breaks or hangs; a
    reply of 200 that is not one. Never what the account, the key or the request itself causes, nor
    a stream of which a part has been handed on.
    """
    if isinstance(error, StreamBrokenError):
        return False
    return isinstance(error, TransportError | ServerError | RateLimitError | BadReplyError)


class _Limits:
    """Decides on the next attempt; asked by tenacity."""

    def __init__(self, retry: Retry, spare: RetryBudget, watch: Watch) -> None:
        self._retry = retry
        self._spare = spare
        self._watch = watch
        self._start = time.monotonic()
        self._limited = 0

    def retrying(self) -> AsyncRetrying:
        """Return a fresh object: tasks that share one AsyncRetrying mix their attempts."""
        import anyio
        import tenacity

        self._jitter: wait_base = tenacity.wait_random_exponential(
            multiplier=self._retry.wait_initial_s, max=self._retry.wait_max_s
        )
        return tenacity.AsyncRetrying(
            sleep=anyio.sleep,
            retry=tenacity.retry_if_exception(is_retryable),
            stop=self.stop,
            wait=self.wait_s,
            before_sleep=self.before_sleep,
            reraise=True,
        )

    def wait_s(self, state: RetryCallState) -> float:
        error = _error(state)
        if isinstance(error, RateLimitError) and error.retry_after_s is not None:
            return 0.0  # it waits in line, where the pace knows for how long
        return max(self._jitter(state), error.retry_after_s or 0.0)

    def stop(self, state: RetryCallState) -> bool:
        error = _error(state)
        self._limited += isinstance(error, RateLimitError)
        refused = math.ceil(self._limited / REFUSALS_PER_ATTEMPT)
        made, most = state.attempt_number - self._limited + refused, self._retry.attempts
        if made >= (min(most, EMPTY_ATTEMPTS) if error.code == EMPTY else most):
            return True
        now = time.monotonic()
        tried_s = now - self._start - self._watch.in_line_s
        wait_s = max(state.upcoming_sleep, error.retry_after_s or 0.0)
        if tried_s + wait_s >= self._retry.timeout_s:
            return True
        return not (isinstance(error, RateLimitError) or self._spare.take(now))

    def before_sleep(self, state: RetryCallState) -> None:
        self._watch.retrying(_error(state), state.attempt_number, state.upcoming_sleep)


def _error(state: RetryCallState) -> CallError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, CallError), error  # noqa: S101 - only these are tried again
    return error
