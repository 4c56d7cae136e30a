"""What a summary is: its text, what it cost, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from minikit.calls.hooks import Event
from minikit.errors import ArgumentError
from minikit.jobs.provenance import Claim, Node
from minikit.jobs.result import Gap, Result, SummaryWarning, joined
from minikit.jobs.serialize import Serializable
from minikit.jobs.summarizing.coverage import Coverage, coverage
from minikit.text.document import Document, Source, Span
from minikit.text.passage import Passage
from minikit.text.words import count_words

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Partial", "Summary", "TextDelta", "gaps_of", "partials_of"]


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
class Summary(Result):
    """A summary, what it took, and where it came from. `str(summary)` is its text.

    Attributes:
        text: The summary. A part of the source that could not be read is named at its end.
        document: What was summarized; None where the summary was saved without it.
        claims: The sentences of the text, in order, each with the passages that it rests on.
        tree: What the text was made of: sections, partial summaries, chunks, gaps.
        gaps: Stretches of the source that could not be read, with the reason.
        warnings: What to look at before relying on the text.
        words_asked: Words that were asked for.
        chunk_tokens_asked: Tokens of source per call that `detail` or `chunk_tokens` asked for.
        chunk_tokens: Tokens of the largest chunk.
    """

    text: str
    document: Document | None
    claims: tuple[Claim, ...]
    tree: Node
    words_asked: int
    chunk_tokens_asked: int
    chunk_tokens: int
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[SummaryWarning, ...] = ()

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


def partials_of(tree: Node) -> tuple[Partial, ...]:
    """Return the partial summaries in a tree; where one call did it all, the summary itself."""
    found = [node for node in tree.walk() if node.kind == "partial"]
    nodes = found or [tree]
    return tuple(Partial(text=node.text, span=node.span) for node in nodes)


def gaps_of(tree: Node) -> tuple[Gap, ...]:
    """Return the gaps in a tree, those that touch and have one reason joined."""
    leaves = (leaf for leaf in tree.leaves() if leaf.kind == "gap")
    return tuple(joined([Gap(span=leaf.span, reason=leaf.reason or "unknown") for leaf in leaves]))
