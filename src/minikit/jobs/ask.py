"""`ask`: a question over documents of any size, answered with quotes from them.

Documents that one call reads evenly take one. Of longer ones that call has the passages that match
the question best; `thorough`, every chunk is asked for quotes first, and the passages that hold
them are read. What a filter refuses is narrowed down in the same way, and told as a gap.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from minikit.calls.pipeline import in_thread
from minikit.errors import BadReplyError, CallError, OutputTruncatedError, RefusalError
from minikit.jobs.answering.answer import Answer
from minikit.jobs.answering.job import AskJob, AskOptions, prepare, rank
from minikit.jobs.answering.prompts import overlapping, read_reply
from minikit.jobs.answering.replies import Written, unanswered, written
from minikit.jobs.answering.shelf import Shelf
from minikit.jobs.engine import Exit, Kept
from minikit.jobs.mapping import Mapper
from minikit.jobs.parts import Gaps, SourcePart
from minikit.jobs.points import POINTS_FORMAT, is_broken, read_points
from minikit.jobs.sending import NO_QUOTES, Sender
from minikit.jobs.unread import BROKEN, lies_in_the_passage
from minikit.text.document import Span
from minikit.text.plain import counted

if TYPE_CHECKING:
    from minikit.calls.pipeline import Pipeline
    from minikit.calls.structured import Forms
    from minikit.jobs.result import Operation

__all__ = ["Answer", "AskJob", "AskOptions", "prepare", "run"]

Parts = tuple[SourcePart, ...]
Quoted = list[tuple[int, Span]]
"""Places of quotes: the number of a document, and where it stands there."""


async def run(job: AskJob, pipeline: Pipeline, forms: Forms) -> Answer:
    """Make the calls of `job` and return the answer. Cancellation ends those in flight.

    Args:
        job: What to do.
        pipeline: What sends the calls.
        forms: Not used: each prompt asks for its form in words, too.

    Raises:
        CallError: The only call, or the first of several, failed for good.
        JobError: A later one did; `result` holds the passages that were quoted so far.
        BudgetExceededError: The budget does not allow the next call; it carries the same.
    """
    del forms
    try:
        return await _Run(job, pipeline).answer()
    except Exit as left:
        raise left.error from None


class _Run:
    """One run of a job, and what it has brought so far."""

    def __init__(self, job: AskJob, pipeline: Pipeline) -> None:
        self.job = job
        self.engine = job.engine(pipeline, job.options)
        # It asks a job for nothing but its model.
        self.sender = Sender(job.model, self.engine, pipeline)
        self.gaps = Gaps(raises=job.options.on_gap == "raise")
        self.mapper = Mapper[Parts, Quoted](self.engine, self._quotes, self._halves, self._left_out)

    async def answer(self) -> Answer:
        async with self.engine.keeping(self._kept, self.mapper.errors.values):
            return await self._answer()

    async def _answer(self) -> Answer:
        job = self.job
        if job.way == "thorough":
            await self.mapper.read_all([(part,) for part in job.parts])
            return await self._from_quotes()
        operation: Operation = "single" if job.way == "single" else "answer"
        try:
            return await self._written(job.parts, job.parts, operation, level=0)
        except CallError as error:
            if isinstance(error, OutputTruncatedError) or not lies_in_the_passage(error):
                raise
            await self.mapper.read_in_halves(job.parts, error)
        return await self._from_quotes()

    async def _from_quotes(self) -> Answer:
        """Answer from the passages that the chunks were quoted from."""
        parts = await in_thread(self._quoted_parts)
        if parts:
            return await self._written(parts, self._read(), "answer", level=1)
        if not self.mapper.read:
            reasons = ", ".join(dict.fromkeys(gap.reason for gap in self.gaps.found))
            raise RefusalError(f"no part of the source could be read: {reasons}", code=reasons)
        return await self._result(unanswered(self.job), self._read(), ())

    async def _written(
        self, parts: Parts, read: Parts, operation: Operation, *, level: int
    ) -> Answer:
        """Ask for the answer from `parts`, where `read` is all that was read for it."""
        job = self.job
        fences = await in_thread(partial(job.material, parts))
        place = replace(parts[0].place(operation), level=level)
        reply = await self.sender.send_whole(
            job.asked.to_answer(fences), place, limit=job.output, form=job.form
        )
        answer = read_reply(reply.text)
        if answer.points is None:
            self.engine.tally.notes[NO_QUOTES] = None
        held = await in_thread(partial(written, job, answer, reply.text, parts))
        return await self._result(held, read, parts)

    async def _quotes(self, parts: Parts) -> Quoted:
        """Ask for what bears on the question in `parts`; keep the quotes that stand there."""
        job = self.job
        fences = await in_thread(partial(job.fences, parts))
        reply = await self.sender.send(
            job.asked.for_evidence(fences),
            parts[0].place(),
            limit=job.output,
            form=job.form and POINTS_FORMAT,
        )
        points = read_points(reply.text)
        if points is None and is_broken(reply.text):
            raise BadReplyError("the points of a reply cannot be read", code=BROKEN, status=200)
        _, claims = await in_thread(partial(Shelf(parts, job.atlas).quoted, points or ()))
        return [
            (passage.document_index, passage.span)
            for claim in claims
            for citation in claim.citations
            if citation.verdict in ("found", "fuzzy")
            for passage in citation.passages
        ]

    def _halves(self, parts: Parts) -> list[Parts]:
        """Cut what a call was given in two: between passages, or one passage itself."""
        if len(parts) == 1:
            return [(half,) for part in parts for half in part.halves(self.job.model)]
        middle = len(parts) // 2
        halves = parts[:middle], parts[middle:]
        return [tuple(replace(part, is_half=True) for part in half) for half in halves]

    def _left_out(self, parts: Parts, error: CallError) -> None:
        for part in parts:
            self.gaps(part, error)

    def _quoted_parts(self) -> Parts:
        spans = {place for _, quoted in self.mapper.read for place in quoted}
        return self.job.packer.packed(overlapping(rank(self.job), spans)) if spans else ()

    def _read(self) -> Parts:
        return tuple(part for parts, _ in self.mapper.read for part in parts)

    async def _result(self, held: Written, read: Parts, parts: Parts) -> Answer:
        return await in_thread(
            partial(held.answer, self.job, self.engine.bill(), self.gaps.found, read, parts)
        )

    async def _kept(self) -> Kept:
        """Return the passages that were quoted, without an answer."""
        if not self.mapper.read:
            return Kept(told="")
        parts = await in_thread(self._quoted_parts)
        result = await self._result(Written(text="", found=False), self._read(), parts)
        read = counted(len(self.mapper.read), "part")
        return Kept(told=f"what was quoted from {read} is kept in .result", result=result)
