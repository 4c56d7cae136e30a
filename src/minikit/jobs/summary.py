"""What a summary is: its text, what it cost, and where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from minikit.calls.completion import Completion
from minikit.calls.hooks import Event
from minikit.errors import ArgumentError
from minikit.jobs.coverage import Coverage, coverage
from minikit.jobs.provenance import Claim, Node
from minikit.jobs.serialize import Serializable
from minikit.models.money import total_usd
from minikit.models.usage import Usage
from minikit.text.document import Document, Source, Span
from minikit.text.passage import Passage
from minikit.text.words import count_words

if TYPE_CHECKING:
    from os import PathLike

__all__ = [
    "CallRecord",
    "Gap",
    "Operation",
    "Partial",
    "Place",
    "Progress",
    "Summary",
    "SummaryWarning",
    "TextDelta",
    "gaps_of",
    "partials_of",
]

Operation = Literal["single", "map", "merge", "refine", "revise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call stands in its job.

    Attributes:
        operation: "single" (the whole document), "map" (one chunk), "merge" (of summaries),
            "refine" (a summary and the next chunk) or "revise" (a summary of another length).
        level: 0 for calls that read the source, 1 and up for the merges.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Serializable):
    """A summary, what it took, and where it came from. `str(summary)` is its text.

    Attributes:
        text: The summary. A part of the source that could not be read is named at its end.
        model: Id of the model that was asked.
        document: What was summarized; None where the summary was saved without it.
        claims: The sentences of the text, in order, each with the passages that it rests on.
        tree: What the text was made of: sections, partial summaries, chunks, gaps.
        gaps: Stretches of the source that could not be read, with the reason.
        warnings: What to look at before relying on the text.
        usage: Tokens of all calls.
        cost_usd: US dollars of all calls, or None when the price of one is unknown.
        failed_cost_usd: US dollars of attempts that brought no reply, on top of `cost_usd`.
        unmeasured: Attempts whose cost only the server knows, such as timed-out ones.
        calls: A record of each call, in the order in which the replies came.
        words_asked: Words that were asked for.
        chunk_tokens_asked: Tokens of source per call that `detail` or `chunk_tokens` asked for.
        chunk_tokens: Tokens of the largest chunk.
        notes: What minikit did about a server that lacks something, as told by the calls.
    """

    text: str
    model: str
    document: Document | None
    claims: tuple[Claim, ...]
    tree: Node
    usage: Usage
    cost_usd: Decimal | None
    calls: tuple[CallRecord, ...]
    words_asked: int
    chunk_tokens_asked: int
    chunk_tokens: int
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[SummaryWarning, ...] = ()
    failed_cost_usd: Decimal = Decimal(0)
    unmeasured: int = 0
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text

    def to_json(self, *, indent: int | None = None, document: bool = True) -> str:
        """Return the summary as JSON; amounts of money are strings, so that they stay exact.

        All comes back, but for two halves of a surrogate pair side by side in the document, which
        JSON cannot tell from the character that they stand for.

        Args:
            indent: Spaces a level, for people; None is one line.
            document: Whether the document goes with it, as `to_html` needs it. Without it the
                JSON is short, and the passages that are cited stand in it all the same.
        """
        kept = self if document else replace(self, document=None)
        return Serializable.to_json(kept, indent=indent)

    def to_html(self, path: str | PathLike[str], *, source: Source | None = None) -> None:
        """Write the summary beside its source as one HTML file that needs no network.

        A click on a sentence shows the passages that it rests on; the calls, their cost, the
        coverage of the source, gaps and warnings stand on the page as well.

        Args:
            path: The file; one that is there is replaced.
            source: What was summarized, where the summary was saved without it.

        Raises:
            ArgumentError: The document is not known, or `source` is another one.
            OSError: The file cannot be written.
        """
        from pathlib import Path

        from minikit.report.page import render

        page = render(self if source is None else self._with(Document.of(source)))
        Path(path).write_text(page, "utf-8", newline="")

    def _repr_html_(self) -> str:
        from minikit.report.short import render_short

        return render_short(self)

    def _with(self, document: Document) -> Summary:
        """Return the summary of `document`, where it is that."""
        passages = (each for claim in self.claims for each in claim.passages)
        is_other = len(document.text) != self.tree.span.end or any(
            document[each.span] != each.cited_text for each in passages
        )
        if is_other:
            raise ArgumentError("the source is not the one that was summarized, or it has changed")
        return replace(self, document=document)

    @property
    def words(self) -> int:
        """Words of the text."""
        return count_words(self.tree.text)

    @property
    def sources(self) -> tuple[Passage, ...]:
        """The passages that the claims rest on, each once, in the order of the source."""
        passages = {
            (each.start, each.end): each for claim in self.claims for each in claim.passages
        }
        return tuple(passages[place] for place in sorted(passages))

    @property
    def coverage(self) -> Coverage:
        """How much of the source the claims rest on, drawn along it."""
        return coverage(self.claims, self.tree.span.end)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The stretches of the source that were read, and the gaps; together the whole source."""
        return tuple(leaf.span for leaf in self.tree.leaves())

    @property
    def partials(self) -> tuple[Partial, ...]:
        """The partial summaries, in the order of the source; of a single call, the summary."""
        return partials_of(self.tree)

    @property
    def replayed_cost_usd(self) -> Decimal | None:
        """US dollars of the replies from the journal, paid for before; part of `cost_usd`."""
        return total_usd(call.cost_usd for call in self.calls if call.replayed)

    @property
    def redone_cost_usd(self) -> Decimal | None:
        """US dollars of the calls that repeat cut-off or refused ones; part of `cost_usd`."""
        return total_usd(call.cost_usd for call in self.calls if call.redone)


def partials_of(tree: Node) -> tuple[Partial, ...]:
    """Return the partial summaries in a tree; where one call did it all, the summary itself."""
    found = [node for node in tree.walk() if node.kind == "partial"]
    nodes = found or [tree]
    return tuple(Partial(text=node.text, span=node.span) for node in nodes)


def gaps_of(tree: Node) -> tuple[Gap, ...]:
    """Return the gaps in a tree, those that touch and have one reason joined."""
    leaves = (leaf for leaf in tree.leaves() if leaf.kind == "gap")
    return tuple(joined([Gap(span=leaf.span, reason=leaf.reason or "unknown") for leaf in leaves]))


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
