"""The parts of sources that calls read: stretches of documents, and their halves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.errors import SourceError
from minikit.jobs.result import Gap, Place
from minikit.text.document import Document, Span
from minikit.text.split import split, split_evenly
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.errors import CallError
    from minikit.jobs.result import Operation
    from minikit.models.model import Model
    from minikit.text.document import Source

__all__ = ["Gaps", "SourcePart", "cut", "halves", "readable"]

SMALLEST_HALF_TOKENS = 32
"""A refused passage is not cut below this: what is left of it is a gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePart:
    """A stretch of one of several sources, as one call reads it.

    Attributes:
        document: The source.
        document_index: Its number, from 0.
        span: The stretch.
        headings: The titles that it begins under, outermost first.
        is_half: Whether it is a piece of a part that could not be read as a whole.
    """

    document: Document
    document_index: int
    span: Span
    headings: tuple[str, ...] = ()
    is_half: bool = False

    @property
    def text(self) -> str:
        """The words of the source."""
        return self.document[self.span]

    def place(self, operation: Operation = "map") -> Place:
        """Return where a call that reads it stands in its job."""
        return Place(
            operation=operation,
            level=0,
            span=self.span,
            redone=self.is_half,
            document_index=self.document_index,
        )

    def halves(self, model: Model) -> list[SourcePart]:
        """Cut it in two; alone it comes back where it is too small."""
        spans = halves(self.document, self.span, model, model.context_window)
        return [
            SourcePart(
                document=self.document,
                document_index=self.document_index,
                span=span,
                headings=self.headings,
                is_half=True,
            )
            for span in spans
        ]


class Gaps:
    """Takes note of what could not be read.

    Attributes:
        found: The gaps, in the order in which they were found.
    """

    def __init__(self, *, raises: bool) -> None:
        """Make an empty note.

        Args:
            raises: Whether a gap ends the job.
        """
        self.found = list[Gap]()
        self._raises = raises

    def __call__(self, part: SourcePart, error: CallError) -> None:
        """Note that `part` could not be read; raise `error` where no gap is wanted."""
        reason = error.code or "unknown"
        self.found.append(Gap(span=part.span, reason=reason, document_index=part.document_index))
        if self._raises:
            raise error


def cut(documents: Sequence[Document], max_tokens: int, model: Model) -> tuple[SourcePart, ...]:
    """Cut documents into even parts of at most `max_tokens`, in order; white space makes none.

    No part spans two documents. Linear in the length; CPU-bound.
    """
    return tuple(
        SourcePart(
            document=document, document_index=index, span=chunk.span, headings=chunk.headings
        )
        for index, document in enumerate(documents)
        for chunk in split(document.text, max_tokens, model=model)
        if chunk.text.strip()
    )


def halves(document: Document, span: Span, model: Model, at_most: int) -> list[Span]:
    """Cut a stretch in two, each of at most so many tokens; [span] where it is too small."""
    text = document[span]
    if count_text(text, model.encoding) <= SMALLEST_HALF_TOKENS:
        return [span]
    found = split_evenly(text, at_most, model=model, chunks=2)
    return [Span(span.start + half.start, span.start + half.end) for half in found]


def readable(source: Source, purpose: str = "to summarize") -> Document:
    """Read `source`, which must hold more than white space.

    Args:
        source: A text, a path or a `Document`.
        purpose: What it is read for, as the error says where there is nothing in it.

    Raises:
        SourceError: It cannot be read as text, or there is nothing in it to read.
    """
    document = Document.of(source)
    if not document.text.strip():
        named = f" {document.origin!r}" if document.origin else ""
        what = "only white space" if document.text else "empty"
        raise SourceError(f"the source{named} is {what}; there is nothing {purpose}")
    return document
