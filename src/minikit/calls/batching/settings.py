"""How calls are gathered into batches, and what is known of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from minikit.checks import check_number, check_text, check_whole
from minikit.errors import ArgumentError

__all__ = ["Batch", "BatchStatus", "Sending", "batch_of"]

ENDPOINT = "/v1/chat/completions"

MOST_REQUESTS = 50_000
"""Requests in one file (OpenAI API reference, Batch, read 2026-11-23)."""

MOST_WAITING = 1_000_000

DAY_S = 86_400.0

NO_BATCHES = "no_batches"
"""The code of the error that a server has no Batch API: no other request fares better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How calls travel on the Batch API, at half the price and within a day.

    Calls that come together are gathered, and sent as one batch, or as several at the same time
    where a file would pass `max_requests` or 200 MB.

    Attributes:
        gather_s: A batch is sent when no call has come for so many seconds; 0 or more.
        poll_s: Seconds between two looks at a batch at most; the first come sooner. 0.001 or more.
        max_requests: Requests in a batch at most; 1 to 50,000.
        max_waiting: Calls that wait for their replies at a time, in as many batches as they fill;
            each takes some 13 kB of memory beside its prompt. 1 to 1,000,000.
        listed_within_s: Where the reply to the request that makes a batch is lost, the batch is
            looked for among those of the account for so long, and only then made again. One that
            is listed later than that is paid for beside the other; 0 or more.
        endpoint: The path that batches are for, as the server names it; Azure's older versions
            of the API say "/chat/completions".
    """

    gather_s: float = 1.0
    poll_s: float = 30.0
    max_requests: int = MOST_REQUESTS
    max_waiting: int = 2 * MOST_REQUESTS
    listed_within_s: float = 120.0
    endpoint: str = ENDPOINT

    def __post_init__(self) -> None:
        check_number("gather_s", self.gather_s, 0, DAY_S)
        check_number("poll_s", self.poll_s, 0.001, DAY_S)
        check_whole("max_requests", self.max_requests, 1, MOST_REQUESTS)
        check_whole("max_waiting", self.max_waiting, 1, MOST_WAITING)
        check_number("listed_within_s", self.listed_within_s, 0, DAY_S)
        check_text("endpoint", self.endpoint)
        if not self.endpoint.startswith("/"):
            raise ArgumentError(
                f'endpoint={self.endpoint!r} is no path: write it from the slash, as "{ENDPOINT}"'
            )


Sending = Literal["local", "batch"] | Batch
"""How calls travel: one by one from this machine, or on the Batch API."""


def batch_of(engine: Sending) -> Batch | None:
    """Return how calls are gathered, or None where they travel one by one.

    Raises:
        ArgumentError: `engine` is none.
    """
    if isinstance(engine, Batch):
        return engine
    if engine not in ("local", "batch"):
        raise ArgumentError(f'engine is "local", "batch" or a Batch(...), not {engine!r}')
    return Batch() if engine == "batch" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatus:
    """A batch as the server tells of it.

    Attributes:
        id: The server's id of it.
        status: "validating", "in_progress", "finalizing", "completed", "failed", "expired",
            "cancelling" or "cancelled"; "unknown" where the server has no such batch any more.
        model: Id of the model that is asked, or None where nobody tells.
        requests: How many requests it holds.
        completed: Those of them that have a reply.
        failed: Those of them that have an error.
        created_at: When it was made, in UTC, or None.
        expires_at: When it is given up, in UTC, or None.
        waiting: Requests whose reply the journal does not have yet; None without a journal.
    """

    id: str
    status: str
    model: str | None
    requests: int
    completed: int
    failed: int
    created_at: datetime | None
    expires_at: datetime | None
    waiting: int | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in OVER


OVER = frozenset({"completed", "failed", "expired", "cancelled", "unknown"})
