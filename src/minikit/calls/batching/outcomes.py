"""What the files of a batch, or its end, mean for each call in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from minikit.errors import (
    BadReplyError,
    CallError,
    CallTimeoutError,
    RequestRejectedError,
    RequestTooLargeError,
    ServerError,
    TransportError,
)

if TYPE_CHECKING:
    from minikit.calls.batching.flight import Fate
    from minikit.calls.batching.wire import Line, ServerBatch

__all__ = [
    "TOO_MUCH",
    "Failure",
    "blame",
    "is_lost",
    "is_refused",
    "is_too_much",
    "lost",
    "rest_of",
    "too_large",
    "unanswered",
]

TOO_MUCH = "token_limit_exceeded"
"""Code of a batch that holds more tokens than an account may have enqueued for a model."""

EXPIRED = "batch_expired"
CANCELLED = "batch_cancelled"
LOST = "batch_lost"

Failure = Callable[[int, object, str | None], CallError]
"""Returns the error that a reply means; see `Transport.failure`."""


def unanswered(line: Line, failure: Failure) -> tuple[CallError, Fate]:
    """Return what a line without a reply of status 200 means, and what to book."""
    if line.status is not None:
        return failure(line.status, line.body, line.request_id), "known"
    if line.code == EXPIRED:
        return _expired(), "free"
    if line.code == CANCELLED:
        return _cancelled(), "free"
    told = f"the server failed one request of the batch ({line.code or 'no code'})"
    return ServerError(f"{told}; try again later", code=line.code), "known"


def rest_of(batch: ServerBatch, replies: int) -> tuple[CallError, Fate]:
    """Return what it means that a batch is over and has no line for a request.

    Args:
        batch: It is over, and has not failed as a whole.
        replies: How many replies its files hold.
    """
    # Where fewer replies came than were made, one of them may be that of this request.
    fate: Fate = "free" if batch.completed <= replies else "known"
    if batch.status == "expired":
        return _expired(), fate
    if batch.status == "cancelled":
        return _cancelled(), fate
    error = TransportError(
        f"the batch {batch.id!r} is over, and its files say nothing of one of its requests; the "
        f"server may have billed it",
        code="batch_incomplete",
    )
    return error, "known"


def lost(batch_id: str) -> CallError:
    """Return the error that a batch is of which the server knows nothing any more."""
    return TransportError(
        f"the server no longer knows the batch {batch_id!r}, or its files; it may have billed it",
        code=LOST,
    )


def is_lost(error: CallError) -> bool:
    """Tell whether a server says that it has no such batch, or no such file."""
    return isinstance(error, RequestRejectedError) and error.status == 404


def is_refused(error: CallError) -> bool:
    """Tell whether a server says that it has not done what it was asked for."""
    return 400 <= (error.status or 0) < 500 and error.status not in _GATEWAY


_GATEWAY = frozenset({408, 409})
"""Where these come from, the request may have been passed on."""


def too_large(most_bytes: int) -> CallError:
    """Return the error that a request is which no file has room for."""
    return RequestTooLargeError(
        f"the request has more than {most_bytes:,} bytes, which no file of a batch holds: send "
        f'less, or send with engine="local"'
    )


def is_too_much(batch: ServerBatch) -> bool:
    """Tell whether a batch failed since too many tokens are enqueued."""
    return any(error.get("code") == TOO_MUCH for error in batch.errors)


def blame(
    batch: ServerBatch, names: Sequence[str], failure: Failure
) -> tuple[CallError, Mapping[str, CallError]]:
    """Return why a batch failed as a whole, and what is wrong with single requests.

    Args:
        batch: It failed.
        names: The names in its file, line by line, as far as they are known.
        failure: Makes errors.

    Returns:
        An error for all, and one for each request that the server names by its line, from 1.
    """
    found = [(error.get("line"), failure(400, dict(error), None)) for error in batch.errors]
    lines = {number: error for number, error in found if isinstance(number, int)}
    named = {name: lines[number] for number, name in enumerate(names, 1) if number in lines}
    if found:
        return found[0][1], named
    return BadReplyError(f"the batch {batch.id!r} failed, and the server does not say why"), named


def _expired() -> CallError:
    return CallTimeoutError("the batch was over before this request was answered", code=EXPIRED)


def _cancelled() -> CallError:
    return CallError(
        "the batch was cancelled before this request was answered; send it again to get a reply",
        code=CANCELLED,
    )
