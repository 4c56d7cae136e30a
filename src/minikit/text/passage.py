"""A passage: a place in a document as it is cited, with its words, its heading and its page."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.text.document import Span
from minikit.text.headings import find_headings, heading_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.text.document import Document

__all__ = ["Passage", "Places"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A place in a document, as it is cited.

    Attributes:
        cited_text: The words of the document at the place, unchanged.
        start: Offset of the first character in the document, in code points.
        end: Offset after the last character (exclusive).
        document: Title of the document, else the file it was read from, else None.
        headings: The titles that the place stands under, outermost first.
        page: Number of its page, from 1, where form feeds part the pages; else None.
        document_index: Number of the document among the sources, from 0.
    """

    cited_text: str
    start: int
    end: int
    document: str | None = None
    headings: tuple[str, ...] = ()
    page: int | None = None
    document_index: int = 0

    @property
    def span(self) -> Span:
        """Where the passage stands."""
        return Span(self.start, self.end)


class Places:
    """Knows the heading and the page of each place in a document.

    Made in time linear in the length of the document; each question takes the logarithm of it.
    """

    def __init__(self, document: Document, index: int = 0) -> None:
        """Look for its headings and its pages.

        Args:
            document: The document.
            index: Its number among the sources, from 0.
        """
        self.document = document
        self._index = index
        text = document.text
        found = find_headings(text)
        self._starts = [heading.start for heading in found]
        self._paths = [(), *heading_paths(found, self._starts)]
        self._pages = [at for at, sign in enumerate(text) if sign == "\f"] if "\f" in text else []

    def headings(self, offset: int) -> tuple[str, ...]:
        """Return the titles that `offset` stands under, outermost first."""
        return self._paths[bisect_right(self._starts, offset)]

    def page(self, offset: int) -> int | None:
        """Return the page of `offset`, from 1; None in a text without form feeds."""
        return bisect_right(self._pages, offset) + 1 if self._pages else None

    def passage(self, span: Span) -> Passage:
        """Return the place `span` as it is cited."""
        return Passage(
            cited_text=self.document[span],
            start=span.start,
            end=span.end,
            document=self.document.title or self.document.origin,
            headings=self.headings(span.start),
            page=self.page(span.start),
            document_index=self._index,
        )

    def passages(self, spans: Sequence[Span]) -> tuple[Passage, ...]:
        """Return the places `spans` as they are cited."""
        return tuple(map(self.passage, spans))
