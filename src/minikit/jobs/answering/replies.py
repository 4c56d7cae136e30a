"""From the reply of a model to an answer: its quotes, how much was read, what to warn of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.jobs.answering.answer import Answer, DocumentRead
from minikit.jobs.answering.shelf import Shelf
from minikit.jobs.parts import SourcePart
from minikit.jobs.provenance import Claim
from minikit.jobs.result import SummaryWarning
from minikit.text.document import Span

if TYPE_CHECKING:
    from minikit.jobs.answering.job import AskJob
    from minikit.jobs.answering.prompts import Reply
    from minikit.jobs.engine import Bill
    from minikit.jobs.result import Gap

__all__ = ["Written", "unanswered", "written"]

_WITHOUT_QUOTES = ("attributed", "unsupported")
_NO_MATCH = (
    "no word of the question stands in the documents, so that passages were read from all over "
    "them; thorough=True reads everything"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was answered, held against the documents.

    Attributes:
        text: The answer.
        found: Whether it is one.
        claims: Its sentences, with what they rest on.
    """

    text: str
    found: bool
    claims: tuple[Claim, ...] = ()

    def answer(
        self,
        job: AskJob,
        bill: Bill,
        gaps: Sequence[Gap],
        read: Sequence[SourcePart],
        parts: Sequence[SourcePart],
    ) -> Answer:
        """Return the answer with its bill and its account.

        Args:
            job: What was asked.
            bill: What it took.
            gaps: What could not be read.
            read: All that was read for it.
            parts: What it was written from.
        """
        read_of = Counter[int]()
        for part in read:
            read_of[part.document_index] += len(part.span)
        documents = tuple(
            DocumentRead(
                document=document.title or document.origin,
                characters=len(document.text),
                characters_read=read_of[index],
            )
            for index, document in enumerate(job.documents)
        )
        return Answer(
            **bill,
            text=self.text,
            question=job.asked.question,
            found=self.found,
            claims=self.claims,
            passages=tuple(job.atlas.passage(part.document_index, part.span) for part in parts),
            documents=documents,
            gaps=tuple(sorted(gaps, key=lambda gap: (gap.document_index, gap.span))),
            warnings=(*self._doubts(), *_omissions(job, gaps, documents, found=self.found)),
        )

    def _doubts(self) -> list[SummaryWarning]:
        """Tell of the sentences that no quote backs."""
        return [
            SummaryWarning(
                kind="claim",
                message=f"no quote that stands in what was read backs this: {claim.text}",
                start=claim.start,
                end=claim.end,
            )
            for claim in self.claims
            if claim.verdict not in ("found", "fuzzy")
        ]


def written(job: AskJob, reply: Reply, text: str, parts: Sequence[SourcePart]) -> Written:
    """Hold a reply against what it was written from, and what else stands in the documents.

    Args:
        job: What was asked.
        reply: What the model answered.
        text: The same, as it wrote it.
        parts: What it was given.
    """
    more = [] if job.way == "single" and parts == job.parts else _whole(job)
    shelf = Shelf(parts, job.atlas, more)
    if reply.points is None:
        prose = text.strip()
        return Written(text=prose, found=True, claims=shelf.attributed(prose))
    said, claims = shelf.quoted(reply.points)
    if reply.found:
        return Written(text=said, found=True, claims=claims)
    # That something is not said rests on nothing; what is said instead may.
    quoting = tuple(claim for claim in claims if claim.verdict not in _WITHOUT_QUOTES)
    return Written(text=said or unanswered(job).text, found=False, claims=quoting)


def unanswered(job: AskJob) -> Written:
    """Return that the documents hold no answer."""
    what = "document does" if len(job.documents) == 1 else "documents do"
    return Written(text=f"The {what} not say.", found=False)


def _whole(job: AskJob) -> list[SourcePart]:
    return [
        SourcePart(document=document, document_index=index, span=Span(0, len(document.text)))
        for index, document in enumerate(job.documents)
    ]


def _omissions(
    job: AskJob, gaps: Sequence[Gap], documents: Sequence[DocumentRead], *, found: bool
) -> list[SummaryWarning]:
    """Tell of what was not read."""
    told = [
        SummaryWarning(
            kind="gap",
            message=f"{_named(job, gap)}characters {gap.span.start:,} to {gap.span.end:,} could "
            f"not be read: {gap.reason}",
        )
        for gap in gaps
    ]
    if job.way != "passages":
        return told
    if not job.matches:
        told.append(SummaryWarning(kind="coverage", message=_NO_MATCH))
    elif not found:
        read = sum(each.characters_read for each in documents)
        share = read / sum(each.characters for each in documents)
        message = (
            f"only the passages that match the question were read, {share:.1%} of the documents; "
            f"thorough=True reads everything"
        )
        told.append(SummaryWarning(kind="coverage", message=message))
    return told


def _named(job: AskJob, gap: Gap) -> str:
    document = job.documents[gap.document_index]
    name = document.title or document.origin
    return f"{name}: " if name and len(job.documents) > 1 else ""
