"""Where a summary comes from: its claims with their passages, and what it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from minikit.text.document import Span
from minikit.text.passage import Passage

__all__ = ["Citation", "Claim", "Node", "NodeKind", "Verdict", "weakest"]

Verdict = Literal[
    "found", "fuzzy", "misattributed", "spliced", "fabricated", "attributed", "unsupported"
]
"""What came of holding a quote against the source, the strongest first; the last two are for
claims without a quote: a passage was found afterwards that is most like the claim, or none was."""

_WEAKNESS: dict[Verdict, int] = {
    "found": 0,
    "fuzzy": 1,
    "misattributed": 2,
    "attributed": 3,
    "spliced": 4,
    "unsupported": 5,
    "fabricated": 6,
}

NodeKind = Literal["summary", "section", "partial", "chunk", "gap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A quote that was held against the source, or a passage found for a claim without one.

    Attributes:
        quote: The quote as the model wrote it; "" where the passage was found afterwards.
        passages: Where its words stand, in order; several where it joins what stands apart, none
            where it is fabricated.
        verdict: "found" (word for word, but for spaces, quotation marks, dashes and case), "fuzzy"
            (nearly), "misattributed" (so, but in another part than the one it was quoted from),
            "spliced" (pieces that stand apart were joined), "fabricated" (nowhere), or
            "attributed" (there was no quote; these passages are the most like the claim).
        score: How alike the quote and the passages are, 0 to 100.
    """

    quote: str
    passages: tuple[Passage, ...]
    verdict: Verdict
    score: float

    @property
    def cited_text(self) -> str:
        """The words of the source, with " … " between passages; "" where there is none."""
        return " … ".join(passage.cited_text for passage in self.passages)

    @property
    def spans(self) -> tuple[Span, ...]:
        """Where these words stand."""
        return tuple(passage.span for passage in self.passages)

    @property
    def start(self) -> int | None:
        """Offset of the first character cited, in code points; None where there is none."""
        return self.passages[0].start if self.passages else None

    @property
    def end(self) -> int | None:
        """Offset after the last character of the last passage; None likewise."""
        return self.passages[-1].end if self.passages else None

    @property
    def document(self) -> str | None:
        """Title of the document, else its file, else None."""
        return self.passages[0].document if self.passages else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence of a summary, and what it rests on.

    Attributes:
        text: The sentence.
        start: Offset of its first character in the text that it stands in, in code points.
        end: Offset after its last character.
        citations: What it rests on; () where nothing was found.
        verdict: That of its weakest citation; "unsupported" where there is none, or where quotes
            were asked for and the model gave none.
    """

    text: str
    start: int
    end: int
    citations: tuple[Citation, ...]
    verdict: Verdict

    @property
    def cited_text(self) -> str:
        """The words of the source that it rests on, with " … " between passages."""
        return " … ".join(each.cited_text for each in self.citations if each.passages)

    @property
    def spans(self) -> tuple[Span, ...]:
        """Where these words stand in the source."""
        return tuple(span for citation in self.citations for span in citation.spans)

    @property
    def passages(self) -> tuple[Passage, ...]:
        """These words with their places."""
        return tuple(passage for citation in self.citations for passage in citation.passages)

    @property
    def is_supported(self) -> bool:
        """Whether all of its quotes stand in the source, word for word or nearly."""
        return self.verdict in ("found", "fuzzy", "misattributed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A part of the tree that a summary is: a text, the stretch it stands for, what it came from.

    The root is the summary; below it stand sections (merges of merges), then partial summaries,
    each over its chunks. The spans of the leaves (chunks and gaps), in order, are the whole source.

    Attributes:
        kind: "summary", "section", "partial", "chunk" (a stretch of source that was read; one of
            white space was not) or "gap" (one that could not be read).
        span: The stretch of the source that it stands for.
        text: What was written; "" for a chunk and a gap.
        headings: The titles that the stretch begins under, outermost first.
        page: The page on which it begins, from 1; None in a source without form feeds.
        claims: Of a partial or a section with `cite=True`: what it says, with what it rests on.
        calls: Positions in `Summary.calls` of the calls that wrote the text.
        reason: Of a gap: why, such as "refusal".
        children: What it was made of, in the order of the source.
    """

    kind: NodeKind
    span: Span
    text: str = ""
    headings: tuple[str, ...] = ()
    page: int | None = None
    claims: tuple[Claim, ...] = ()
    calls: tuple[int, ...] = ()
    reason: str | None = None
    children: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, from above, in the order of the source."""
        yield self
        for child in self.children:
            yield from child.walk()

    def leaves(self) -> Iterator[Node]:
        """Yield the chunks and gaps, in the order of the source."""
        return (node for node in self.walk() if node.kind in ("chunk", "gap"))


def weakest(citations: tuple[Citation, ...]) -> Verdict:
    """Return the verdict of the weakest citation; "unsupported" where there is none."""
    by_weakness = sorted(citations, key=lambda each: _WEAKNESS[each.verdict])
    return by_weakness[-1].verdict if by_weakness else "unsupported"
