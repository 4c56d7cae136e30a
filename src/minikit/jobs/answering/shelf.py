"""Several documents side by side: a quote is looked for in all of them, and told by its own."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from minikit.jobs.grounds import Grounds
from minikit.text.document import Document, Span
from minikit.text.passage import Passage, Places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minikit.jobs.parts import SourcePart
    from minikit.jobs.points import Point
    from minikit.jobs.provenance import Citation, Claim

__all__ = ["Atlas", "Shelf"]

_BETWEEN = "\n\n"


class Atlas:
    """Knows the headings and pages of some documents; each is looked through when asked for."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._places: dict[int, Places] = {}

    def passage(self, index: int, span: Span) -> Passage:
        """Return a place in the document at `index` as it is cited."""
        if index not in self._places:
            self._places[index] = Places(self._documents[index], index)
        return self._places[index].passage(span)


class Shelf:
    """Holds claims against parts of documents; CPU-bound.

    Args:
        parts: What was read, in its order.
        atlas: Where the places in their documents are.
        more: What was not read, where a quote is looked for that does not stand in `parts`.
    """

    def __init__(
        self, parts: Sequence[SourcePart], atlas: Atlas, more: Sequence[SourcePart] = ()
    ) -> None:
        self._parts = [*parts, *more]
        self._atlas = atlas
        lengths = (len(part.span) + len(_BETWEEN) for part in self._parts)
        self._starts = list(accumulate(lengths, initial=0))
        self._read = Span(0, max(0, self._starts[len(parts)] - len(_BETWEEN)))
        text = _BETWEEN.join(part.text for part in self._parts)
        self._grounds = Grounds(Document(text=text))

    def quoted(self, points: Sequence[Point]) -> tuple[str, tuple[Claim, ...]]:
        """Return the text that `points` make, and its claims with what was found of their quotes.

        A quote that stands in `more` alone is misattributed: it was not in what was read.
        """
        text, claims = self._grounds.quoted(points, self._read)
        return text, tuple(map(self._placed, claims))

    def attributed(self, text: str) -> tuple[Claim, ...]:
        """Return the sentences of `text` with the passages that are most like them."""
        return tuple(map(self._placed, self._grounds.attributed(text)))

    def _placed(self, claim: Claim) -> Claim:
        citations = tuple(dict.fromkeys(map(self._cited, claim.citations)))
        is_torn = any(each.verdict == "spliced" for each in citations)
        verdict = "spliced" if is_torn and claim.is_supported else claim.verdict
        return replace(claim, citations=citations, verdict=verdict)

    def _cited(self, citation: Citation) -> Citation:
        """Return a citation in places of the documents; what joins two parts is spliced."""
        pieces = [list(self._pieces(each.span)) for each in citation.passages]
        passages = tuple(dict.fromkeys(piece for each in pieces for piece in each))
        is_torn = bool(citation.quote) and any(len(each) > 1 for each in pieces)
        verdict = "spliced" if is_torn else citation.verdict
        return replace(citation, passages=passages, verdict=verdict)

    def _pieces(self, span: Span) -> Iterator[Passage]:
        """Yield where a stretch of the joined text stands in its documents.

        No such stretch begins or ends with white space, as that between the parts is.
        """
        number = bisect_right(self._starts, span.start) - 1
        while self._starts[number] < span.end:
            part, shift = self._parts[number], self._starts[number]
            start, end = max(span.start, shift), min(span.end, shift + len(part.span))
            place = Span(part.span.start + start - shift, part.span.start + end - shift)
            yield self._atlas.passage(part.document_index, place)
            number += 1
