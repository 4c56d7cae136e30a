"""Reading the source part by part, each with the summary of what came before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from minikit.errors import BadReplyError, CallError
from minikit.jobs.points import POINTS_FORMAT
from minikit.jobs.result import Place
from minikit.jobs.summarizing.merging import numbered_claims
from minikit.jobs.summarizing.prompts import Stretch, map_prompt, part_fence, refine_prompt
from minikit.jobs.unread import FAILED_HALVES_AT_MOST, lies_in_the_passage, weight
from minikit.text.document import Span
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.jobs.provenance import Node
    from minikit.jobs.sending import Sender
    from minikit.jobs.summarizing.prepare import Job
    from minikit.jobs.summarizing.reading import Reader
    from minikit.tokens.messages import Message

__all__ = ["refined"]


async def refined(job: Job, sender: Sender, reader: Reader) -> Node | None:
    """Read the parts one after the other; return the last summary, None where none was read.

    Each step is kept in `reader.nodes`.
    """
    refining = _Refining(job, sender, reader)
    for index, tokens in enumerate(job.prompt_tokens):
        if tokens:
            await refining.read(job.plan.spans[index], index)
    return refining.last


class _Refining:
    """The steps of one run; `last` is the newest summary."""

    def __init__(self, job: Job, sender: Sender, reader: Reader) -> None:
        self.last: Node | None = None
        self._job = job
        self._sender = sender
        self._reader = reader

    async def read(self, span: Span, index: int) -> None:
        """Go on over the part at `index`; in halves, in order, where it cannot be read."""
        failed = 0
        before = self.last
        unread = [span]
        while unread:
            span = unread.pop()
            try:
                self.last = await self._step(span, index)
            except CallError as error:
                if not lies_in_the_passage(error):
                    raise
                failed += weight(error)
                halves = self._reader.halves(span) if failed < FAILED_HALVES_AT_MOST else [span]
                if len(halves) < 2:
                    self._reader.leave_out(span, error)
                else:
                    unread += reversed(halves)
            else:
                self._reader.nodes.append(self.last)
        if self.last is not before:
            self._reader.count_part()

    async def _step(self, span: Span, index: int) -> Node:
        job, last = self._job, self.last
        is_first = last is None
        written = await self._sender.send_whole(
            self._prompt(span, index),
            Place(operation="refine", level=0, span=span, redone=span != job.plan.spans[index]),
            limit=job.output,
            form=POINTS_FORMAT if job.form and is_first else job.form,
            at_most=job.sizes.final_output,  # the next part has room beside so much
        )
        known = () if last is None else last.claims
        node = await self._reader.node(written, span, "partial", known)
        if last is None or node.text:
            return node
        return replace(node, text=last.text, claims=last.claims)  # there was nothing to add

    def _prompt(self, span: Span, index: int) -> tuple[Message, ...]:
        job, last = self._job, self.last
        so_far = None if last is None else self._so_far(last)
        if span == job.plan.spans[index]:
            return job.reading.prompt(index, so_far)
        stretch = Stretch(
            text=job.document[span], part=str(index + 1), parts=str(len(job.plan.spans))
        )
        words, options = job.reading.words, job.options
        if so_far is None:
            return map_prompt(job.document, stretch, words, options)
        return refine_prompt(job.document, so_far, stretch, words, options)

    def _so_far(self, last: Node) -> str:
        """Return the summary up to here as it stands in a prompt.

        Raises:
            BadReplyError: It is longer than was allowed, so that the next part has no room.
        """
        job = self._job
        no_quotes = ((),) * len(last.claims)
        text = numbered_claims(last.claims, no_quotes) if last.claims else last.text
        if count_text(text, job.model.encoding) > job.sizes.final_output:
            raise BadReplyError(f"{job.model.id!r} writes more than it is allowed to")
        length = len(job.document.text)
        return part_fence(text, Span(0, last.span.end), length)
