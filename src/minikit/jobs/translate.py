"""Translate texts, pages, subtitles and catalogues: what is not text stays as it is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from minikit.calls.pipeline import in_thread
from minikit.calls.request import Request
from minikit.errors import CallError, OutputTruncatedError, RefusalError
from minikit.jobs.engine import Exit, Kept
from minikit.jobs.mapping import Mapper
from minikit.jobs.translating.drafts import Drafts
from minikit.jobs.translating.job import TranslateJob, TranslateOptions, prepare
from minikit.jobs.translating.translation import Translation, TranslationProblem
from minikit.jobs.translating.units import Batch, batched
from minikit.jobs.unread import lies_in_the_passage
from minikit.text.plain import counted

if TYPE_CHECKING:
    from minikit.calls.pipeline import Pipeline
    from minikit.calls.structured import Forms
    from minikit.errors import JobError
    from minikit.jobs.result import Operation
    from minikit.tokens.messages import Message

__all__ = [
    "TranslateJob",
    "TranslateOptions",
    "Translation",
    "TranslationProblem",
    "prepare",
    "run",
]


async def run(job: TranslateJob, pipeline: Pipeline, forms: Forms) -> Translation:
    """Make the calls of `job` and return the translation. Cancellation ends those in flight.

    Args:
        job: What to do.
        pipeline: What sends the calls.
        forms: What is known of the forms that servers take.

    Raises:
        CallError: The first call failed for good, or no text could be translated.
        JobError: A later one did; it carries the translation of the other texts.
        BudgetExceededError: The budget does not allow the next call; it carries the same.
    """
    try:
        return await _Run(job, pipeline, forms).translation()
    except Exit as left:
        raise left.error from None


class _Run:
    """One run of a job, and what it has brought so far."""

    def __init__(self, job: TranslateJob, pipeline: Pipeline, forms: Forms) -> None:
        self.job = job
        self.forms = forms
        self.engine = job.engine(pipeline, job.options)
        self.drafts = Drafts(job)
        self.raises = job.options.on_gap == "raise"
        self.mapper = Mapper[Batch, None](
            self.engine, self._translate, Batch.halves, self._leave_out
        )

    async def translation(self) -> Translation:
        async with self.engine.keeping(self._kept, self.mapper.errors.values):
            await self.mapper.read_all(self.job.batches)
            self._check_read()
        found = await self._so_far()
        if self.raises and found.gaps:
            raise self._incomplete(found)
        return found

    def _check_read(self) -> None:
        """Raise RefusalError where no text could be translated."""
        reasons = self.drafts.reasons
        if reasons and not self.drafts:
            raise RefusalError(f"no text could be translated: {reasons}", code=reasons)

    async def _translate(self, batch: Batch) -> None:
        """Translate a batch, and ask again, once, for what does not pass the checks."""
        asking = self.job.asking
        messages = await in_thread(partial(asking.first, batch, self.job.units))
        await self._ask(batch, messages, "map")
        faulty = {each.unit.number: each for each in self.drafts.faulty(batch.units)}
        again = batched((each.unit for each in faulty.values()), self.job.chunk_tokens // 2)
        for group in again:
            wrong = [faulty[unit.number] for unit in group.units]
            messages = await in_thread(partial(asking.again, wrong))
            try:
                await self._ask(group, messages, "revise")
            except CallError as error:
                if not lies_in_the_passage(error):
                    raise  # else what came first is what there is

    async def _ask(self, batch: Batch, messages: tuple[Message, ...], operation: Operation) -> None:
        """Ask for the units of a batch; one that is alone, and cut off, gets all the room."""
        asking, place = self.job.asking, batch.place(operation)
        limit = asking.limit(batch)
        ample = await in_thread(partial(asking.ample, messages))
        request = Request(
            messages=messages,
            model=self.job.model,
            max_output_tokens=ample if batch.is_half else limit,
        )
        fill = partial(self.engine.fill, asking.schema, forms=self.forms)
        try:
            reply = await fill(request=request, place=place)
        except OutputTruncatedError:
            if batch.is_half or len(batch.units) > 1 or ample <= limit:
                raise
            wider = replace(request, max_output_tokens=ample)
            reply = await fill(request=wider, place=replace(place, redone=True))
        found: dict[int, str] = {}
        for each in reply.parsed.translations:
            found.setdefault(each.id, each.text)
        self.drafts.take(batch.units, found)

    def _leave_out(self, batch: Batch, error: CallError) -> None:
        self.drafts.refuse(batch.units, error.code or "unknown")
        if self.raises:
            raise error

    async def _so_far(self) -> Translation:
        return await in_thread(partial(self.drafts.translation, self.engine.bill()))

    def _incomplete(self, found: Translation) -> JobError:
        lost = [problem for problem in found.problems if problem.kept == "source"]
        texts = counted(len({problem.span for problem in lost}), "text")
        return self.engine.failed(
            f"{texts} could not be translated, and the others are kept in .result; the first: "
            f"{lost[0]}",
            result=found,
        )

    async def _kept(self) -> Kept:
        result = await self._so_far()
        texts = f"{result.translated} of {counted(result.segments, 'text')}"
        told = f"{texts} were translated and are kept in .result" if self.drafts else ""
        return Kept(told=told, result=result)
