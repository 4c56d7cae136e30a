"""Reading the source: each part into a partial summary, and what cannot be read into a gap."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from minikit.calls.pipeline import in_thread
from minikit.errors import (
    AuthenticationError,
    BadReplyError,
    BudgetExceededError,
    CallError,
    JournalError,
    OutputTruncatedError,
    QuotaExhaustedError,
)
from minikit.jobs.concurrently import concurrently
from minikit.jobs.merging import plain_quotes
from minikit.jobs.points import is_broken, read_points
from minikit.jobs.prompts import Stretch, map_prompt
from minikit.jobs.provenance import Claim, Node
from minikit.jobs.summary import Place
from minikit.jobs.unread import BROKEN, FAILED_HALVES_AT_MOST, lies_in_the_passage, weight
from minikit.text.document import Span
from minikit.text.split import split_evenly
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.jobs.grounds import Grounds
    from minikit.jobs.prepare import Job
    from minikit.jobs.provenance import NodeKind
    from minikit.jobs.sending import Sender, Written
    from minikit.tokens.messages import Message

__all__ = ["Reader"]

SMALLEST_HALF_TOKENS = 32
"""A refused passage is not cut below this: what is left of it is a gap."""

NO_QUOTES = "some replies gave no quotes, so that what they say is not supported"

FAILED_CHUNKS_AT_LEAST = 4
"""So many chunks fail one after the other, none between them read, before the job gives up."""


class Reader:
    """Reads the parts of a job's source.

    Attributes:
        nodes: The partial summaries and the gaps so far, in the order in which they came.
        parts_read: Parts that were read, if only in pieces.
        errors: What kept a part from being read, by its position.
        stopped: Why no more parts are begun.
    """

    def __init__(self, job: Job, sender: Sender, grounds: Grounds) -> None:
        self.nodes: list[Node] = []
        self.parts_read = 0
        self.errors: dict[int, CallError] = {}
        self.stopped: BudgetExceededError | JournalError | None = None
        self._job = job
        self._sender = sender
        self._grounds = grounds

    async def read_single(self) -> Node | None:
        """Return the summary that one call wrote of the whole; None where it had to be cut."""
        job = self._job
        span = job.plan.spans[0]
        try:
            written = await self._sender.send_whole(
                job.reading.prompt(0),
                Place(operation="single", level=0, span=span),
                limit=job.output,
                tokens=job.prompt_tokens[0],
                form=job.form,
                is_last=not job.options.cite,
            )
            node = await self.node(written, span, "summary")
        except CallError as error:
            if isinstance(error, OutputTruncatedError) or not lies_in_the_passage(error):
                raise
            self.parts_read += await self._read_halves(span, error)
            return None
        self.nodes.append(node)
        self.parts_read += 1
        return node

    async def read_parts(self) -> None:
        """Read all parts, several at a time.

        Raises:
            CallError: A part could not be read; the others were, as far as that made sense.
            BudgetExceededError: The budget does not allow the next call.
            JournalError: The journal cannot be used.
        """
        parts = range(len(self._job.reading.chunks))
        await concurrently(self._read_part, parts, limit=self._sender.max_concurrency)
        if self.stopped:
            raise self.stopped
        if self.errors:
            raise next(iter(self.errors.values()))

    async def _read_part(self, index: int) -> None:
        """Read one part; an error that other parts may be spared is kept until all are read."""
        job = self._job
        tokens = job.prompt_tokens[index]
        if not tokens or self.stopped:  # white space: nothing to ask
            return
        place = Place(operation="map", level=0, span=job.plan.spans[index])
        try:
            await self._read(job.reading.prompt(index), place, tokens)
        except (AuthenticationError, QuotaExhaustedError):
            raise
        except (BudgetExceededError, JournalError) as error:
            self.stopped = error  # no more are sent, and those in flight are not given up
        except CallError as error:
            self.errors[index] = error
            self._sender.failed_in_a_row += 1
            # A server that is down would otherwise be asked for every part, with all retries.
            most = max(FAILED_CHUNKS_AT_LEAST, self._sender.max_concurrency)
            if self._sender.failed_in_a_row >= most:
                raise

    async def _read(self, messages: tuple[Message, ...], place: Place, tokens: int) -> None:
        """Read a part; in halves where it is refused or its reply is cut off or empty."""
        try:
            limit = self._job.output
            self.nodes.append(await self._read_whole(messages, place, limit=limit, tokens=tokens))
        except CallError as error:
            if not lies_in_the_passage(error):
                raise
            self.parts_read += await self._read_halves(place.span, error)
        else:
            self.parts_read += 1

    async def _read_whole(
        self,
        messages: tuple[Message, ...],
        place: Place,
        *,
        limit: int,
        tokens: int | None = None,
    ) -> Node:
        form = self._job.form
        written = await self._sender.send(messages, place, limit=limit, tokens=tokens, form=form)
        return await self.node(written, place.span, "partial")

    async def _read_halves(self, span: Span, error: CallError) -> bool:
        """Narrow down what cannot be read, widest pieces first; what is left of it is a gap.

        Return whether a piece of it was read.
        """
        job = self._job
        limit = max(job.output, job.sizes.ample(job.reading.words))  # a half leaves more room
        failed = 0
        is_read = False
        unread = deque([(span, job.reading.words, error)])
        while unread:
            span, words, error = unread.popleft()
            halves = self.halves(span) if failed < FAILED_HALVES_AT_MOST else [span]
            if len(halves) < 2:
                self.leave_out(span, error)
                continue
            words = max(20, words // 2)
            for number, half in enumerate(halves, 1):
                place = Place(operation="map", level=0, span=half, redone=True)
                prompt = self._half_prompt(half, number, words)
                try:
                    self.nodes.append(await self._read_whole(prompt, place, limit=limit))
                    is_read = True
                except CallError as failure:
                    if not lies_in_the_passage(failure):
                        raise
                    unread.append((half, words, failure))
                    failed += weight(failure)
        return is_read

    def _half_prompt(self, half: Span, number: int, words: int) -> tuple[Message, ...]:
        job = self._job
        stretch = Stretch(text=job.document[half], part=str(number), parts="2 of a passage")
        return map_prompt(job.document, stretch, words, job.options)

    def leave_out(self, span: Span, error: CallError) -> None:
        """Make a gap of a stretch that cannot be read; raise `error` where none is wanted."""
        self.nodes.append(self.place("gap", span, reason=error.code or "unknown"))
        if self._job.options.on_gap == "raise":
            raise error

    def halves(self, span: Span) -> list[Span]:
        """Cut a stretch in two; [span] where it is too small."""
        text = self._job.document[span]
        model = self._job.model
        if count_text(text, model.encoding) <= SMALLEST_HALF_TOKENS:
            return [span]
        halves = split_evenly(text, self._job.sizes.source_at_most, model=model, chunks=2)
        return [Span(span.start + half.start, span.start + half.end) for half in halves]

    async def node(
        self, written: Written, span: Span, kind: NodeKind, known: tuple[Claim, ...] = ()
    ) -> Node:
        """Return what a call has made of a stretch of the source, its quotes held against it.

        Args:
            written: What the call wrote.
            span: The stretch.
            kind: What it is.
            known: The claims that the call was given beside the stretch.
        """
        text, claims = written.text, tuple[Claim, ...]()
        if self._job.options.cite:
            text, claims = await in_thread(partial(self._quoted, written.text, span, known))
        elif kind == "partial" and self._job.plan.strategy == "map_reduce":
            # While other calls are under way, so that the merge need not wait for it.
            await in_thread(partial(plain_quotes, self._job, self._grounds, text, span))
        chunk = self.place("chunk", span)
        return Node(
            kind=kind,
            span=span,
            text=text,
            headings=chunk.headings,
            page=chunk.page,
            claims=claims,
            calls=(written.call,),
            children=(chunk,),
        )

    def _quoted(
        self, text: str, span: Span, known: tuple[Claim, ...]
    ) -> tuple[str, tuple[Claim, ...]]:
        """Read the points of a reply; prose has no claims, and is taken as it is."""
        points = read_points(text)
        if points is not None:
            return self._grounds.quoted(points, span, known)
        if is_broken(text):
            raise BadReplyError("the points of a reply cannot be read", code=BROKEN, status=200)
        self._sender.tally.notes[NO_QUOTES] = None
        return self._grounds.kept(text, known) if known else (text, ())

    def place(self, kind: NodeKind, span: Span, reason: str | None = None) -> Node:
        """Return a leaf of the tree."""
        places = self._grounds.places
        text = self._job.document[span]
        start = span.start + len(text) - len(text.lstrip())
        return Node(
            kind=kind,
            span=span,
            headings=places.headings(start),
            page=places.page(start),
            reason=reason,
        )
