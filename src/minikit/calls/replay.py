"""What the journal holds of a call: a reply that may be given again, and what was spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from minikit.calls.completion import EMPTY, Completion, read_completion
from minikit.calls.ledger import LedgerEntry, Outcome
from minikit.errors import CallError, RefusalError

if TYPE_CHECKING:
    from minikit.calls.journal import Attempt
    from minikit.calls.request import Request

__all__ = ["booked", "replayed"]


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


def booked(attempt: Attempt, request: Request) -> LedgerEntry:
    """Return what to book for an attempt of an earlier run.

    One that was never settled, as its process was killed, is priced by its reply; without a
    reply its cost is unknown.
    """
    if attempt.entry is not None:
        return replace(attempt.entry, carried=True)
    completion, outcome = _read(attempt, request)
    return LedgerEntry(
        at=attempt.started_at,
        operation=attempt.operation,
        model=attempt.model,
        answered_by=completion.model if completion else None,
        tier=completion.tier if completion else None,
        attempt=1,
        outcome=outcome,
        usage=completion.usage if completion else None,
        cost_usd=completion.cost_usd if completion else None,
        latency_s=0.0,
        request_id=attempt.request_id,
        carried=True,
    )


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
