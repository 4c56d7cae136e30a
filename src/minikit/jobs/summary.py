"""What a summary is: its text, what it cost, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from minikit.calls.completion import Completion
from minikit.calls.hooks import Event
from minikit.jobs.serialize import Serializable
from minikit.models.money import total_usd
from minikit.models.usage import Usage
from minikit.text.document import Span

__all__ = [
    "CallRecord",
    "Gap",
    "Operation",
    "Partial",
    "Place",
    "Progress",
    "Summary",
    "TextDelta",
]

Operation = Literal["single", "map", "merge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call stands in its job.

    Attributes:
        operation: "single" (the whole document), "map" (one chunk) or "merge" (of summaries).
        level: 0 for single and map calls, 1 and up for the merges.
        span: What of the source the call stands for.
        redone: Whether the call repeats, in other pieces or with more room, one whose reply was
            cut off or refused; such calls lie outside the plan's bounds.
    """

    operation: Operation
    level: int
    span: Span
    redone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord(Place):
    """One call of a job: its place and its figures, and no text.

    Attributes:
        model: The model that answered.
        usage: Tokens of the call.
        cost_usd: Price in US dollars, or None when unknown.
        finish_reason: Why the reply ended, such as "stop" or "length".
        attempts: Requests made, the failed ones included; 0 when it was replayed.
        latency_s: Seconds from the first request to the reply.
        replayed: Whether the reply came from the journal.
    """

    model: str
    usage: Usage
    cost_usd: Decimal | None
    finish_reason: str
    attempts: int
    latency_s: float
    replayed: bool = False

    @classmethod
    def of(cls, completion: Completion, place: Place) -> CallRecord:
        """Keep the figures of `completion`."""
        return cls(
            operation=place.operation,
            level=place.level,
            span=place.span,
            redone=place.redone,
            model=completion.model,
            usage=completion.usage,
            cost_usd=completion.cost_usd,
            finish_reason=completion.finish_reason,
            attempts=completion.attempts,
            latency_s=completion.latency_s,
            replayed=completion.replayed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """The summary of a stretch of the source.

    Attributes:
        text: What the model wrote.
        span: The stretch it stands for.
    """

    text: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of the source that no part of the summary stands for.

    Attributes:
        span: The stretch.
        reason: Why, such as "refusal" or "content_filter".
    """

    span: Span
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Event):
    """How far a job is; told after each call.

    Attributes:
        calls_done: Calls that brought a reply.
        calls_at_most: Calls that the plan allows; redone ones come on top.
        usage: Tokens so far.
        cost_usd: US dollars so far, or None when the price is unknown.
        call: The call that has just ended.
    """

    calls_done: int
    calls_at_most: int
    usage: Usage
    cost_usd: Decimal | None
    call: CallRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta(Event):
    """A piece of the final text as it is written; told by `stream_summary` alone.

    Attributes:
        text: The piece.
        is_first: Whether the text begins with it; pieces that came before, if any, are void, since
            the call that wrote them had to be made again.
    """

    text: str = field(repr=False)
    is_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Serializable):
    """A summary, what it took, and where it came from. `str(summary)` is its text.

    Attributes:
        text: The summary.
        model: Id of the model that was asked.
        usage: Tokens of all calls.
        cost_usd: US dollars of all calls, or None when the price of one is unknown.
        failed_cost_usd: US dollars of attempts that brought no reply, on top of `cost_usd`.
        unmeasured: Attempts whose cost only the server knows, such as timed-out ones.
        calls: A record of each call, in the order in which the replies came.
        spans: The spans of the source that the map calls read, in order; together they are the
            whole source.
        partials: The summaries of these spans; a gap has none.
        gaps: Spans of the source that could not be read, with the reason.
        notes: What to know before relying on the text.
    """

    text: str
    model: str
    usage: Usage
    cost_usd: Decimal | None
    calls: tuple[CallRecord, ...]
    spans: tuple[Span, ...]
    failed_cost_usd: Decimal = Decimal(0)
    unmeasured: int = 0
    partials: tuple[Partial, ...] = ()
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text

    @property
    def replayed_cost_usd(self) -> Decimal | None:
        """US dollars of the replies from the journal, paid for before; part of `cost_usd`."""
        return total_usd(call.cost_usd for call in self.calls if call.replayed)

    @property
    def redone_cost_usd(self) -> Decimal | None:
        """US dollars of the calls that repeat cut-off or refused ones; part of `cost_usd`."""
        return total_usd(call.cost_usd for call in self.calls if call.redone)
