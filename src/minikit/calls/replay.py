"""What the journal holds of a call: a reply that may be given again, and what was spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from minikit.calls.completion import EMPTY, Completion, read_completion
from minikit.calls.ledger import LedgerEntry, Outcome
from minikit.calls.request import Request
from minikit.errors import CallError, RefusalError, UnknownModelError
from minikit.models.model import Model
from minikit.tokens.messages import Message

if TYPE_CHECKING:
    from minikit.calls.journal_rows import Attempt

__all__ = ["booked", "replayed", "taken_up"]


def replayed(attempts: Sequence[Attempt], request: Request) -> Completion | None:
    """Return the newest good reply among `attempts`, or None.

    What was kept before it was read may be anything: a refusal, a reply that was cut off or one
    that is none is not given again.
    """
    for attempt in reversed(attempts):
        completion, outcome = _read(attempt, request)
        if completion is not None and outcome == "ok":
            entry = attempt.entry
            cost_usd = entry.cost_usd if entry else completion.cost_usd
            return replace(completion, cost_usd=cost_usd, attempts=0, replayed=True)
    return None


def taken_up(
    attempts: Sequence[Attempt], awaits: Callable[[int], bool], *, in_batch: bool
) -> Attempt | None:
    """Return the newest of `attempts` that the next one can go on with, or None.

    Args:
        attempts: Of one request.
        awaits: Tells whether an attempt was left to its batch, and is yet to be booked.
        in_batch: Whether the next one can wait for a batch; else its reply must have come.
    """
    for attempt in reversed(attempts):
        if attempt.is_under_way and in_batch:
            return attempt
        if attempt.body is not None and attempt.entry is None and awaits(attempt.id):
            return attempt
    return None


def booked(attempt: Attempt, model: Model | None = None) -> LedgerEntry:
    """Return what to book for an attempt of an earlier run.

    One that was never settled, as its process was killed, is priced by its reply; without a
    reply, or one that does not tell its usage, its cost is unknown. The offline model costs nothing
    whatever came of it.

    Args:
        attempt: What the journal has.
        model: The model in use, where it is the one that was asked; others are looked up.
    """
    if attempt.entry is not None:
        return replace(attempt.entry, carried=True)
    request = _stand_in(attempt, model)
    completion, outcome = _read(attempt, request)
    if completion is not None and completion.usage.estimated:  # by a prompt that is not known
        completion = None
    cost_usd = completion.cost_usd if completion else None
    return LedgerEntry(
        at=attempt.started_at,
        operation=attempt.operation,
        model=attempt.model,
        answered_by=completion.model if completion else None,
        tier=completion.tier if completion else None,
        attempt=1,
        outcome=outcome,
        usage=completion.usage if completion else None,
        cost_usd=Decimal(0) if request.model.provider == "offline" else cost_usd,
        latency_s=0.0,
        request_id=attempt.request_id,
        carried=True,
    )


def _stand_in(attempt: Attempt, model: Model | None) -> Request:
    """Return a request to read a reply by, since no prompt is kept."""
    if model is None or attempt.model != model.id:
        with suppress(UnknownModelError):
            model = Model.resolve(attempt.model)
    if model is None or attempt.model != model.id:
        # A model of someone's own: its price is not known here.
        model = Model(id=attempt.model, context_window=10**9, max_output_tokens=1)
    return Request(messages=(Message(role="user", content="-"),), model=model)


def _read(attempt: Attempt, request: Request) -> tuple[Completion | None, Outcome]:
    """Read what was kept, and tell what it is; what cannot be used may say what it cost."""
    if attempt.body is None:
        return None, "cancelled"
    try:
        completion = read_completion(attempt.body, request, request_id=attempt.request_id)
    except RefusalError as error:
        return error.completion, "refused"
    except CallError as error:
        return error.completion, "empty" if error.code == EMPTY else "bad_reply"
    return completion, "truncated" if completion.finish_reason == "length" else "ok"
