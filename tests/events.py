"""Events as a call makes them; what a test is about is given by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from minikit.calls.hooks import AttemptEnded, CallEnded, CallStarted, RetryScheduled
from minikit.calls.ledger import LedgerEntry
from minikit.models.usage import Usage

__all__ = ["AT", "USAGE", "attempted", "ended", "retried", "started"]

AT = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
USAGE = Usage(input_tokens=2006, cached_tokens=1920, output_tokens=300)


def started(**changes: Any) -> CallStarted:  # noqa: ANN401 - its fields
    """A call that begins."""
    event = CallStarted(
        call_id="c1",
        operation="map",
        model="gpt-4o-mini",
        provider="openai",
        server="api.openai.com",
        port=443,
        input_tokens=2006,
        max_output_tokens=400,
        at=AT,
    )
    return replace(event, **changes)


def attempted(call_id: str = "c1", **changes: Any) -> AttemptEnded:  # noqa: ANN401 - its fields
    """An attempt that brought the reply; the changes are those of its entry in the ledger."""
    entry = LedgerEntry(
        at=AT,
        operation="map",
        model="gpt-4o-mini",
        answered_by="gpt-4o-mini-2024-07-18",
        tier="default",
        attempt=1,
        outcome="ok",
        usage=USAGE,
        cost_usd=Decimal("0.0003369"),
        latency_s=2.5,
        request_id="req_1",
    )
    return AttemptEnded(call_id=call_id, entry=replace(entry, **changes))


def retried(**changes: Any) -> RetryScheduled:  # noqa: ANN401 - its fields
    """A retry after a rate limit."""
    event = RetryScheduled(
        call_id="c1",
        attempt=1,
        wait_s=1.5,
        error="RateLimitError",
        status=429,
        code="rate_limit_exceeded",
    )
    return replace(event, **changes)


def ended(**changes: Any) -> CallEnded:  # noqa: ANN401 - its fields
    """A call that brought its reply."""
    event = CallEnded(
        call_id="c1",
        operation="map",
        model="gpt-4o-mini",
        provider="openai",
        answered_by="gpt-4o-mini-2024-07-18",
        usage=USAGE,
        cost_usd=Decimal("0.0003369"),
        attempts=1,
        latency_s=2.5,
        finish_reason="stop",
        request_id="req_1",
        replayed=False,
        error=None,
    )
    return replace(event, **changes)
