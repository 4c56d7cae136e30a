"""Carry out the plan of a summary: read every chunk, then merge until one text is left."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from minikit.calls.request import Request
from minikit.errors import (
    AuthenticationError,
    BadReplyError,
    BudgetExceededError,
    CallError,
    JobError,
    JournalError,
    OutputTruncatedError,
    QuotaExhaustedError,
    RefusalError,
)
from minikit.jobs.concurrently import concurrently
from minikit.jobs.prompts import map_prompt, merge_prompt, single_prompt
from minikit.jobs.stream import streamed
from minikit.jobs.summary import Gap, Partial, Place, Summary
from minikit.jobs.tally import Tally
from minikit.jobs.unread import (
    FAILED_HALVES_AT_MOST,
    joined,
    lies_in_the_passage,
    truncated,
    weight,
)
from minikit.text.document import Span
from minikit.text.split import split, split_evenly
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.calls.completion import Completion
    from minikit.calls.pipeline import Pipeline
    from minikit.jobs.plan import Job
    from minikit.jobs.tally import Listener
    from minikit.tokens.messages import Message

__all__ = ["run"]

SMALLEST_HALF_TOKENS = 32
"""A refused passage is not cut below this: what is left of it is a gap."""

FAILED_CHUNKS_AT_LEAST = 4
"""So many chunks fail one after the other, none between them read, before the job gives up."""


async def run(job: Job, pipeline: Pipeline, listen: Listener | None = None) -> Summary:
    """Make the calls of `job` and return the summary.

    Cancellation ends the calls in flight.

    Args:
        job: What to do.
        pipeline: What sends the calls.
        listen: Called after each call, and with the final text as it is written.

    Raises:
        JobError: Some calls failed for good; it carries what the others brought.
        CallError: The first call failed for good and nothing was brought.
        BudgetExceededError: The budget does not allow the next call; it carries what is done.
    """
    try:
        return await _Run(job, pipeline, listen).summary()
    except _Exit as left:
        raise left.error from None


class _Exit(Exception):  # noqa: N818 - a signal, not an error
    """Carries a SystemExit out of a task, which asyncio would let end its loop."""

    def __init__(self, error: SystemExit) -> None:
        super().__init__()
        self.error = error


Outcome = Partial | Gap


class _Run:
    """One run of a job, and what it has brought so far."""

    def __init__(self, job: Job, pipeline: Pipeline, listen: Listener | None) -> None:
        self.job = job
        self.pipeline = pipeline
        self.listen = listen
        self.tally = Tally(job, pipeline, listen)
        self.stopped: BudgetExceededError | JournalError | None = None
        self.outcomes: list[Outcome] = []
        self.chunks_read = 0
        self.errors: dict[int, CallError] = {}
        self.failed_in_a_row = 0

    async def summary(self) -> Summary:
        try:
            if len(self.job.chunks) == 1:
                return await self._single()
            await concurrently(
                self._read_chunk,
                range(len(self.job.chunks)),
                limit=self.pipeline.max_concurrency,
            )
            return await self._merged()
        except BudgetExceededError as error:
            error.partial, error.calls = self._partials(), tuple(self.tally.calls)
            raise
        except (CallError, JournalError) as error:
            if not self.outcomes:
                raise
            raise self._job_error(error) from error

    async def _single(self) -> Summary:
        """Ask for the whole at once; where that is refused, find the passage that is meant."""
        (span,), sizes = self.job.plan.spans, self.job.sizes
        try:
            completion = await self._send_until_whole(
                single_prompt(self.job.document, sizes.words, self.job.options),
                Place(operation="single", level=0, span=span),
                limit=sizes.final_output,
                tokens=self.job.prompt_tokens[0],
                final=True,
            )
        except CallError as error:
            if isinstance(error, OutputTruncatedError) or not lies_in_the_passage(error):
                raise
            await self._read_halves(span, error)
            return await self._merged()
        self.outcomes.append(Partial(text=completion.text, span=span))
        return self._summary(completion.text)

    async def _read_chunk(self, index: int) -> None:
        """Read one chunk; an error that other chunks may be spared is kept until all are read."""
        span, tokens = self.job.plan.spans[index], self.job.prompt_tokens[index]
        if not tokens or self.stopped:  # white space: nothing to ask
            return
        place = Place(operation="map", level=0, span=span)
        try:
            await self._read(self.job.map_prompt(index), place, tokens)
        except (AuthenticationError, QuotaExhaustedError):
            raise
        except (BudgetExceededError, JournalError) as error:
            self.stopped = error  # no more are sent, and those in flight are not given up
        except CallError as error:
            self.errors[index] = error
            self.failed_in_a_row += 1
            # A server that is down would otherwise be asked for every chunk, with all retries.
            if self.failed_in_a_row >= max(FAILED_CHUNKS_AT_LEAST, self.pipeline.max_concurrency):
                raise

    async def _read(self, messages: tuple[Message, ...], place: Place, tokens: int) -> None:
        """Read a chunk; in halves where it is refused or its reply is cut off or empty."""
        try:
            await self._read_whole(messages, place, tokens)
        except CallError as error:
            if not lies_in_the_passage(error):
                raise
            await self._read_halves(place.span, error)
        self.chunks_read += 1

    async def _read_whole(
        self, messages: tuple[Message, ...], place: Place, tokens: int | None = None
    ) -> None:
        limit = self.job.partial_output
        completion = await self._send(messages, place, limit=limit, tokens=tokens)
        if completion.finish_reason == "length":
            raise truncated(completion)
        self.outcomes.append(Partial(text=completion.text, span=place.span))

    async def _read_halves(self, span: Span, error: CallError) -> None:
        """Narrow down what cannot be read, widest pieces first; what is left of it is a gap."""
        failed = 0
        unread = deque([(span, self.job.partial_words, error)])
        while unread:
            span, words, error = unread.popleft()
            halves = self._halves(span) if failed < FAILED_HALVES_AT_MOST else [span]
            if len(halves) < 2:
                self._leave_out(span, error)
                continue
            words = max(20, words // 2)
            for number, half in enumerate(halves, 1):
                messages = self._half_prompt(half, f"{number} of {len(halves)}", words)
                place = Place(operation="map", level=0, span=half, redone=True)
                try:
                    await self._read_whole(messages, place)
                except CallError as failure:
                    if not lies_in_the_passage(failure):
                        raise
                    unread.append((half, words, failure))
                    failed += weight(failure)

    def _half_prompt(self, half: Span, number: str, words: int) -> tuple[Message, ...]:
        return map_prompt(
            self.job.document,
            self.job.document[half],
            place=f"{number} of a passage",
            headings=(),
            words=words,
            options=self.job.options,
        )

    def _leave_out(self, span: Span, error: CallError) -> None:
        if self.job.options.on_gap == "raise":
            raise error
        self.outcomes.append(Gap(span=span, reason=error.code or "unknown"))

    def _halves(self, span: Span) -> list[Span]:
        text = self.job.document[span]
        model = self.job.model
        if count_text(text, model.encoding) <= SMALLEST_HALF_TOKENS:
            return [span]
        halves = split_evenly(text, self.job.sizes.source_at_most, model=model, chunks=2)
        return [Span(span.start + half.start, span.start + half.end) for half in halves]

    async def _merged(self) -> Summary:
        """Merge all that was read, level by level, each call as full as the window allows."""
        if self.stopped:
            raise self.stopped
        if self.errors:
            raise next(iter(self.errors.values()))
        partials = self._fitting(self._partials())
        level = 1
        while len(groups := self._groups(partials)) > 1:
            merged = await concurrently(
                partial(self._merge_group, level=level),
                groups,
                limit=self.pipeline.max_concurrency,
            )
            if self.stopped:
                raise self.stopped
            fitting = self._fitting(merged)
            if len(fitting) >= len(partials):
                raise BadReplyError(f"{self.job.model.id!r} does not make summaries shorter")
            partials, level = fitting, level + 1
        if not groups:
            reasons = ", ".join({gap.reason: None for gap in self._gaps()})
            raise RefusalError(f"no part of the document could be read: {reasons}")
        last = await self._merge(groups[0], level=level, final=True)
        return self._summary(last.text)

    def _fitting(self, partials: Sequence[Partial]) -> list[Partial]:
        """Cut what is too long for two to fit into a merge, as a server may ignore the limit."""
        most = self.job.sizes.merge_input // 2 - self.job.sizes.fence_at_most
        return [
            Partial(text=piece.text, span=long.span)
            for long in partials
            for piece in split(long.text, most, model=self.job.model)
        ]

    def _groups(self, partials: Sequence[Partial]) -> list[list[Partial]]:
        """Fill merges in order; only the last group can hold a single summary."""
        groups: list[list[Partial]] = []
        room = 0
        for each in partials:
            tokens = count_text(each.text, self.job.model.encoding) + self.job.sizes.fence_at_most
            if tokens > room:
                groups.append([])
                room = self.job.sizes.merge_input
            groups[-1].append(each)
            room -= tokens
        return groups

    async def _merge_group(self, group: list[Partial], *, level: int) -> Partial:
        if len(group) == 1 or self.stopped:
            return group[0]
        try:
            return await self._merge(group, level=level, final=False)
        except (BudgetExceededError, JournalError) as error:
            self.stopped = error  # as in `_read_chunk`; raised when those in flight are done
            return group[0]

    async def _merge(self, group: list[Partial], *, level: int, final: bool) -> Partial:
        job = self.job
        words = job.sizes.words if final else job.partial_words
        span = Span(group[0].span.start, group[-1].span.end)
        completion = await self._send_until_whole(
            merge_prompt(job.document, group, words=words, final=final, options=job.options),
            Place(operation="merge", level=level, span=span),
            limit=job.sizes.final_output if final else job.partial_output,
            final=final,
        )
        return Partial(text=completion.text, span=span)

    async def _send_until_whole(
        self,
        messages: tuple[Message, ...],
        place: Place,
        *,
        limit: int,
        tokens: int | None = None,
        final: bool,
    ) -> Completion:
        """Send; where the reply is cut off, once more with all the room that there is."""
        completion = await self._send(messages, place, limit=limit, tokens=tokens, final=final)
        model = self.job.model
        if completion.finish_reason == "length":
            left = model.context_window - count_tokens(messages, model=model)
            most = min(left, model.max_output_tokens)
            if most > limit:
                again = replace(place, redone=True)
                completion = await self._send(messages, again, limit=most, final=final)
        if completion.finish_reason == "length":
            raise truncated(completion)
        return completion

    async def _send(
        self,
        messages: tuple[Message, ...],
        place: Place,
        *,
        limit: int,
        tokens: int | None = None,
        final: bool = False,
    ) -> Completion:
        """Send one request and keep its figures."""
        request = Request(
            messages=messages,
            model=self.job.model,
            max_output_tokens=limit,
            known_input_tokens=tokens,
        )
        try:
            completion = await self._reply(request, place, final=final)
        except RefusalError as error:
            if error.completion is not None:  # it was paid for all the same
                self._record(error.completion, place)
            raise
        self._record(completion, place)
        return completion

    async def _reply(self, request: Request, place: Place, *, final: bool) -> Completion:
        """Send; the final text, where someone listens, as it is written."""
        operation, account = f"summarize.{place.operation}", self.tally.account
        if final and self.listen is not None:
            return await streamed(self.pipeline, request, operation, account, self.listen)
        return await self.pipeline.send(request, operation=operation, account=account)

    def _record(self, completion: Completion, place: Place) -> None:
        self.failed_in_a_row = 0
        try:
            self.tally.record(completion, place)
        except SystemExit as error:
            raise _Exit(error) from None

    def _partials(self) -> tuple[Partial, ...]:
        partials = (each for each in self.outcomes if isinstance(each, Partial))
        return tuple(sorted(partials, key=lambda each: each.span))

    def _gaps(self) -> tuple[Gap, ...]:
        gaps = (each for each in self.outcomes if isinstance(each, Gap))
        return tuple(joined(sorted(gaps, key=lambda each: each.span)))

    def _summary(self, text: str) -> Summary:
        return Summary(
            text=text,
            model=self.job.model.id,
            usage=self.tally.usage,
            cost_usd=self.tally.cost_usd,
            failed_cost_usd=self.tally.failed_cost_usd,
            unmeasured=self.tally.unmeasured,
            calls=tuple(self.tally.calls),
            spans=self.job.plan.spans,
            partials=self._partials(),
            gaps=self._gaps(),
            notes=tuple(self.tally.notes),
        )

    def _job_error(self, error: CallError | JournalError) -> JobError:
        failed = {id(each): each for each in (*self.errors.values(), error)}.values()
        errors = tuple(each for each in failed if isinstance(each, CallError))
        done, all_chunks = self.chunks_read, len(self.job.chunks)
        what = f"{len(errors)} call{'s' * (len(errors) > 1)} failed for good"
        return JobError(
            f"{what if errors else 'the job had to stop'}, {done} of {all_chunks} parts were read "
            f"and are kept in .partial; the first error: {next(iter(failed))}",
            partial=self._partials(),
            errors=errors,
            calls=tuple(self.tally.calls),
            usage=self.tally.usage,
            cost_usd=self.tally.cost_usd,
        )
