"""What every job brings: its result, and a record of each call that it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from minikit.calls.completion import Completion
from minikit.calls.hooks import Event
from minikit.jobs.serialize import Serializable
from minikit.models.money import total_usd
from minikit.models.usage import Usage
from minikit.text.document import Span
from minikit.text.plain import counted, money

__all__ = [
    "CallRecord",
    "Gap",
    "Operation",
    "Place",
    "Progress",
    "Result",
    "SummaryWarning",
    "joined",
]

Operation = Literal["single", "map", "merge", "refine", "revise", "answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call stands in its job.

    Attributes:
        operation: "single" (the whole document), "map" (one chunk), "merge" (of summaries),
            "refine" (a summary and the next chunk), "revise" (a summary of another length) or
            "answer" (from passages that were chosen).
        level: 0 for calls that read the source, 1 and up for the merges.
        span: What of the source the call stands for.
        redone: Whether the call repeats, in other pieces or with more room, one whose reply was
            cut off, refused or of another form; such calls lie outside the plan's bounds.
        document_index: Number of the source in which `span` lies, from 0.
    """

    operation: Operation
    level: int
    span: Span
    redone: bool = False
    document_index: int = 0


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
            document_index=place.document_index,
            model=completion.model,
            usage=completion.usage,
            cost_usd=completion.cost_usd,
            finish_reason=completion.finish_reason,
            attempts=completion.attempts,
            latency_s=completion.latency_s,
            replayed=completion.replayed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of the source that could not be read, so that no part of the result stands for it.

    Attributes:
        span: The stretch.
        reason: Why, such as "refusal" or "content_filter".
        document_index: Number of the source in which it lies, from 0.
    """

    span: Span
    reason: str
    document_index: int = 0


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
class Result(Serializable):
    """What a job brings, whatever it does: which model was asked, and what that took.

    Attributes:
        model: Id of the model that was asked.
        usage: Tokens of all calls.
        cost_usd: US dollars of all calls, or None when the price of one is unknown.
        calls: A record of each call, in the order in which the replies came.
        failed_cost_usd: US dollars of attempts that brought no reply, on top of `cost_usd`.
        unmeasured: Attempts whose cost only the server knows, such as timed-out ones.
        notes: What to know before relying on it: what was guessed or left out when the sources were
            read, and what was done about a server that lacks something.
    """

    model: str
    usage: Usage
    cost_usd: Decimal | None
    calls: tuple[CallRecord, ...]
    failed_cost_usd: Decimal = Decimal(0)
    unmeasured: int = 0
    notes: tuple[str, ...] = ()

    @property
    def replayed_cost_usd(self) -> Decimal | None:
        """US dollars of the replies from the journal, paid for before; part of `cost_usd`."""
        return total_usd(call.cost_usd for call in self.calls if call.replayed)

    @property
    def redone_cost_usd(self) -> Decimal | None:
        """US dollars of the calls that repeat cut-off or refused ones; part of `cost_usd`."""
        return total_usd(call.cost_usd for call in self.calls if call.redone)

    def _repr_pretty_(self, printer: Any, _cycle: object) -> None:  # noqa: ANN401 - IPython's
        """Show itself in IPython: what it says and a line of the bill, where `repr` has all."""
        printer.text(f"{self}\n\n{counted(len(self.calls), 'call')}, {money(self.cost_usd)}")


WarningKind = Literal["number", "date", "name", "claim", "coverage", "length", "gap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryWarning:
    """Something to look at before relying on a summary; found without a model, and never sure.

    Attributes:
        kind: "number", "date" or "name" (in the summary and not in the source), "claim" (its quote
            does not stand in the source, or there is none), "coverage" (a stretch of the source
            that the summary does not rest on), "length" (far from what was asked) or "gap".
        message: What is the matter.
        start: Offset in `Summary.text` of what it is about, in code points; None for the whole.
        end: Offset after it.
    """

    kind: WarningKind
    message: str
    start: int | None = None
    end: int | None = None

    def __str__(self) -> str:
        return self.message


def joined(gaps: Sequence[Gap]) -> list[Gap]:
    """Join gaps that touch and have the same reason."""
    joined: list[Gap] = []
    for gap in gaps:
        last = joined[-1] if joined else None
        if last and (last.span.end, last.reason) == (gap.span.start, gap.reason):
            joined[-1] = replace(last, span=Span(last.span.start, gap.span.end))
        else:
            joined.append(gap)
    return joined
