"""When a failed call is tried again, and after how long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from minikit.calls.completion import EMPTY
from minikit.checks import check_number, check_whole
from minikit.errors import (
    BadReplyError,
    CallError,
    RateLimitError,
    ServerError,
    TransportError,
)

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["Retry", "is_retryable", "retried"]

T = TypeVar("T")

EMPTY_ATTEMPTS = 3
"""Each empty reply is paid for, and a model that says nothing thrice has nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often and how long a call is tried.

    Waits grow as `wait_initial_s * 2**n`, drawn evenly between 0 and that ("full jitter", AWS
    Architecture Blog, "Exponential Backoff And Jitter"), and are never shorter than the server's
    Retry-After. A call that would have to wait past `timeout_s` fails at once.

    Attributes:
        attempts: Requests per call at most, the first included; >= 1. 1 means no retry.
        timeout_s: Seconds after which no new attempt of a call begins.
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


async def retried(attempt: Callable[[], Awaitable[T]], retry: Retry) -> tuple[T, int]:
    """Await `attempt()` until it succeeds; return its result and the attempts it took.

    Cancellation stops at once, in an attempt or in a wait.

    Raises:
        CallError: The last attempt's error, with `attempts` set; never tenacity's own.
    """
    import anyio
    import tenacity

    jitter = tenacity.wait_random_exponential(multiplier=retry.wait_initial_s, max=retry.wait_max_s)
    limits = tenacity.stop_any(
        tenacity.stop_after_attempt(retry.attempts), tenacity.stop_before_delay(retry.timeout_s)
    )
    # A fresh object per call: tasks that share one AsyncRetrying mix their attempts.
    retrying = tenacity.AsyncRetrying(
        sleep=anyio.sleep,
        retry=tenacity.retry_if_exception(is_retryable),
        stop=lambda state: limits(state) or _stays_empty(state),
        wait=lambda state: max(jitter(state), _retry_after_s(state)),
        reraise=True,
    )
    made = 0

    async def counted() -> T:
        nonlocal made
        made += 1
        return await attempt()

    try:
        return await retrying(counted), made
    except CallError as error:
        error.attempts = made
        raise


def is_retryable(error: BaseException) -> bool:
    """Tell whether trying the same request again can help.

    A server that fails, is overloaded or limits the rate; a connection that breaks or hangs; a
    reply of 200 that is not one. Never what the account, the key or the request itself causes.
    """
    return isinstance(error, TransportError | ServerError | RateLimitError | BadReplyError)


def _stays_empty(state: RetryCallState) -> bool:
    error = _error(state)
    return error is not None and error.code == EMPTY and state.attempt_number >= EMPTY_ATTEMPTS


def _retry_after_s(state: RetryCallState) -> float:
    error = _error(state)
    return (error.retry_after_s or 0.0) if error else 0.0


def _error(state: RetryCallState) -> CallError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, CallError) else None
