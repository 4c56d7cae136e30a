"""What an answer is: its text, what it rests on, and how much was read for it."""

from __future__ import annotations

from dataclasses import dataclass

from minikit.jobs.provenance import Claim
from minikit.jobs.result import Gap, Result, SummaryWarning
from minikit.text.passage import Passage

__all__ = ["Answer", "DocumentRead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRead:
    """How much of a document was read for an answer.

    Attributes:
        document: Its title, else its file, else None.
        characters: Its length in code points.
        characters_read: Those that a model was given, and did not refuse.
    """

    document: str | None
    characters: int
    characters_read: int

    @property
    def share(self) -> float:
        """The share that was read, 0 to 1; 1 of an empty document."""
        return self.characters_read / self.characters if self.characters else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Result):
    """An answer, what it rests on, and what it took. `str(answer)` is its text.

    Attributes:
        text: The answer; where nothing was found, a sentence that says so.
        question: What was asked.
        found: Whether what was read holds an answer.
        claims: The sentences of the text, in order, each with the quotes that it rests on and what
            came of holding them against the documents.
        passages: What the text was written from, the best match first: passages that were chosen,
            or the documents themselves where one call could read them.
        documents: How much of each document was read, in the order of the sources.
        gaps: Stretches that could not be read, with the reason.
        warnings: What to look at before relying on the text.
    """

    text: str
    question: str
    found: bool
    claims: tuple[Claim, ...]
    passages: tuple[Passage, ...]
    documents: tuple[DocumentRead, ...]
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[SummaryWarning, ...] = ()

    def __str__(self) -> str:
        return self.text

    @property
    def is_supported(self) -> bool:
        """Whether there is an answer, and a quote that stands in the documents backs some of it."""
        return self.found and any(claim.is_supported for claim in self.claims)

    @property
    def sources(self) -> tuple[Passage, ...]:
        """The passages that the claims rest on, each once, in the order of the documents."""
        passages = {
            (each.document_index, each.start, each.end): each
            for claim in self.claims
            for each in claim.passages
        }
        return tuple(passages[place] for place in sorted(passages))
