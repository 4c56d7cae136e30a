"""What a client tells while it works: events, and the hooks that hear them.

Events hold ids, names and figures. None holds a key, or text of a prompt, a reply or a document.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Protocol

from minikit.calls.ledger import LedgerEntry
from minikit.calls.logs import is_logged, log
from minikit.errors import ArgumentError
from minikit.models.usage import Usage
from minikit.notices import warn

__all__ = [
    "AttemptEnded",
    "BatchHeldBack",
    "BatchWatched",
    "CallEnded",
    "CallStarted",
    "Event",
    "Hook",
    "Hooks",
    "RetryScheduled",
]


class Event:
    """Something that happened; the base of all events.

    Later versions tell more kinds: a hook ignores those that it does not know.

    Attributes:
        log_level: The level at which events of this kind are logged.
    """

    __slots__ = ()
    log_level: ClassVar[int] = logging.DEBUG

    def log_line(self) -> tuple[object, ...]:
        """Return what is logged: a %-template and its arguments."""
        return "%r", self


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(Event):
    """A call begins; no request of it was sent yet.

    Attributes:
        call_id: What the events of this call have in common; unique in this process.
        operation: What the call is for, such as "complete", "stream" or "summarize.map".
        model: Id of the model that is asked.
        provider: Who offers it, such as "openai".
        server: Host name of the server, or None where there is none.
        port: Its port, or None.
        input_tokens: Tokens of the prompt, as counted here.
        max_output_tokens: Limit of the reply in tokens, or None for the model's own.
        at: When, in UTC.
    """

    call_id: str
    operation: str
    model: str
    provider: str
    server: str | None
    port: int | None = None
    input_tokens: int
    max_output_tokens: int | None
    at: datetime

    def log_line(self) -> tuple[object, ...]:
        """Return what is logged: a %-template and its arguments."""
        return (
            "call %s started: operation=%s model=%s provider=%s server=%s input_tokens=%d "
            "max_output_tokens=%s",
            self.call_id,
            self.operation,
            self.model,
            self.provider,
            self.server,
            self.input_tokens,
            self.max_output_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded(Event):
    """A request of a call was answered, failed or was given up.

    Attributes:
        call_id: The call.
        entry: The attempt as it stands in the ledger.
    """

    call_id: str
    entry: LedgerEntry

    def log_line(self) -> tuple[object, ...]:
        """Return what is logged: a %-template and its arguments."""
        entry = self.entry
        return (
            "call %s attempt %d: outcome=%s latency_s=%.3f input_tokens=%s output_tokens=%s "
            "cost_usd=%s request_id=%r",
            self.call_id,
            entry.attempt,
            entry.outcome,
            entry.latency_s,
            *_tokens(entry.usage),
            entry.cost_usd,
            entry.request_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryScheduled(Event):
    """An attempt failed, and another will be made.

    Attributes:
        call_id: The call.
        attempt: The attempt that failed, from 1.
        wait_s: Seconds until the next is made; what it then waits for its turn comes on top.
        error: Class name of the error, such as "RateLimitError".
        status: HTTP status of the reply, or None when none arrived.
        code: The server's error code, or None.
    """

    log_level: ClassVar[int] = logging.WARNING

    call_id: str
    attempt: int
    wait_s: float
    error: str
    status: int | None
    code: str | None

    def log_line(self) -> tuple[object, ...]:
        """Return what is logged: a %-template and its arguments."""
        return (
            "call %s attempt %d failed, next in %.2f s: error=%s status=%s code=%r",
            self.call_id,
            self.attempt,
            self.wait_s,
            self.error,
            self.status,
            self.code,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(Event):
    """A call brought its reply, failed for good, or was cancelled.

    Attributes:
        call_id: The call.
        operation: As in `CallStarted`.
        model: Id of the model that was asked.
        provider: Who offers it.
        answered_by: The model that answered, as the server names it, or None.
        usage: Tokens of the last reply, or None where there was none; those of the attempts
            before it are in their `AttemptEnded`.
        cost_usd: Price of the last reply in US dollars, or None when it is unknown.
        attempts: Requests made, the failed ones included.
        latency_s: Seconds from the start of the call to its end, all waits included.
        finish_reason: Why the reply ended, such as "stop" or "length", or None.
        request_id: The server's id of the last request, or None.
        replayed: Whether the reply came from the journal and was paid for earlier.
        error: Class name of the error that the call ended with, "Cancelled" when it was
            cancelled, or None.
    """

    log_level: ClassVar[int] = logging.INFO

    call_id: str
    operation: str
    model: str
    provider: str
    answered_by: str | None
    usage: Usage | None
    cost_usd: Decimal | None
    attempts: int
    latency_s: float
    finish_reason: str | None
    request_id: str | None
    replayed: bool
    error: str | None

    def log_line(self) -> tuple[object, ...]:
        """Return what is logged: a %-template and its arguments."""
        # %r where the server chose the text: a line break in it would forge a line of the log.
        return (
            "call %s ended: outcome=%r operation=%s model=%s answered_by=%r attempts=%d "
            "latency_s=%.3f input_tokens=%s output_tokens=%s cost_usd=%s request_id=%r replayed=%s",
            self.call_id,
            self.error or self.finish_reason,
            self.operation,
            self.model,
            self.answered_by,
            self.attempts,
            self.latency_s,
            *_tokens(self.usage),
            self.cost_usd,
            self.request_id,
            self.replayed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWatched(Event):
    """A batch was made, found again, or has come further.

    Attributes:
        batch_id: The server's id of it.
        model: Id of the model that is asked.
        status: "validating", "in_progress", "finalizing", "completed", "failed", "expired",
            "cancelling" or "cancelled".
        requests: Requests in it.
        completed: Those of them that have a reply.
        failed: Those of them that have an error.
    """

    log_level: ClassVar[int] = logging.INFO

    batch_id: str
    model: str
    status: str
    requests: int
    completed: int
    failed: int

    def log_line(self) -> tuple[object, ...]:
        """Return what is logged: a %-template and its arguments."""
        return (
            "batch %r: status=%r model=%s requests=%d completed=%d failed=%d",
            self.batch_id,
            self.status,
            self.model,
            self.requests,
            self.completed,
            self.failed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHeldBack(Event):
    """A batch is about to be sent without calls that would travel in it, had they the money.

    They wait until it is done, and what it has not cost is free again.

    Attributes:
        model: Id of the model that is asked.
        requests: Calls in the batch.
        waiting: Calls that wait.
        budget_usd: The limit of the budget, in US dollars.
        worst_usd: What one call can cost, for which so much is set aside.
    """

    log_level: ClassVar[int] = logging.WARNING

    model: str
    requests: int
    waiting: int
    budget_usd: Decimal
    worst_usd: Decimal

    def __str__(self) -> str:
        return (
            f"the budget of ${self.budget_usd:f} covers only {self.requests:,} of "
            f"{self.requests + self.waiting:,} calls at once, as one can cost "
            f"${self.worst_usd:.6f}; the others wait until their batch is done, which may take a "
            f"day: raise the budget, or limit the replies (max_output_tokens)"
        )

    def log_line(self) -> tuple[object, ...]:
        """Return what is logged: a %-template and its arguments."""
        return (
            "a batch is held back: model=%s requests=%d waiting=%d budget_usd=%s worst_usd=%s",
            self.model,
            self.requests,
            self.waiting,
            self.budget_usd,
            self.worst_usd,
        )


def _tokens(usage: Usage | None) -> tuple[int | None, int | None]:
    return (usage.input_tokens, usage.output_tokens) if usage else (None, None)


class Hook(Protocol):
    """Hears what happens: any function of one argument will do."""

    def __call__(self, event: Event, /) -> None:
        """Take note of `event`.

        Called in the thread of the event loop that the call runs on, while the call waits: be
        quick and never block. With one client in several threads, calls come from each of them.
        An exception is turned into a RuntimeWarning and does not fail the call; KeyboardInterrupt
        and SystemExit go through.
        """
        ...


class Hooks:
    """The hooks of a client, after the one that logs."""

    def __init__(self, hooks: Iterable[Hook] = ()) -> None:
        """Check the hooks.

        Args:
            hooks: Called in this order.

        Raises:
            ArgumentError: One of them cannot be called with an event, or is a coroutine function.
        """
        try:
            self._hooks: tuple[Hook, ...] = (log, *hooks)
        except TypeError as error:
            raise ArgumentError(f"hooks is a sequence of callables, not {hooks!r}") from error
        for hook in self._hooks:
            _check(hook)

    def wants(self, kind: type[Event]) -> bool:
        """Tell whether anyone listens to events of this kind; else none need be made."""
        return len(self._hooks) > 1 or is_logged(kind)

    def emit(self, event: Event) -> None:
        """Tell every hook; one that fails warns, and the others are told all the same."""
        for hook in self._hooks:
            try:
                hook(event)
            except Exception as error:  # noqa: BLE001 - a call that was paid for outlives a hook
                warned(f"the hook {_name(hook)} failed at {type(event).__name__}: {error!r}")


def warned(message: str) -> None:
    """Warn; where warnings are made errors, log instead, since it must not fail a call."""
    try:
        warn(message, RuntimeWarning)
    except RuntimeWarning:
        logging.getLogger("minikit").warning("%s", message)


def _check(hook: object) -> None:
    import inspect

    if not callable(hook):
        raise ArgumentError(f"a hook is called with each event; {hook!r} cannot be called")
    if inspect.isclass(hook):
        raise ArgumentError(f"a hook is an object, not a class: write {hook.__name__}()")
    if inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(type(hook).__call__):
        raise ArgumentError(
            f"a hook is called and not awaited: {_name(hook)} must be no coroutine function"
        )


def _name(hook: object) -> str:
    return str(getattr(hook, "__qualname__", type(hook).__qualname__))
