"""Reading the source: each part into a partial summary, and what cannot be read into a gap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from minikit.calls.pipeline import in_thread
from minikit.errors import BadReplyError, CallError, OutputTruncatedError
from minikit.jobs.concurrently import beside
from minikit.jobs.mapping import Mapper
from minikit.jobs.parts import halves
from minikit.jobs.points import is_broken, read_points
from minikit.jobs.provenance import Claim, Node
from minikit.jobs.result import Place
from minikit.jobs.sending import NO_QUOTES
from minikit.jobs.summarizing.merging import plain_quotes
from minikit.jobs.summarizing.prompts import Stretch, map_prompt
from minikit.jobs.unread import BROKEN, lies_in_the_passage
from minikit.text.document import Span

if TYPE_CHECKING:
    from anyio import CapacityLimiter

    from minikit.jobs.grounds import Grounds
    from minikit.jobs.provenance import NodeKind
    from minikit.jobs.sending import Sender, Written
    from minikit.jobs.summarizing.prepare import Job
    from minikit.tokens.messages import Message

__all__ = ["Reader"]

STUDY_AFTER_S = 2.0
"""The requests of the other parts go first: what is wanted later must not hold them up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """What one call reads.

    Attributes:
        span: The stretch of the source.
        index: Position of the part; None of a half of one.
        words: Words to ask for.
        number: Which half it is, from 1.
    """

    span: Span
    index: int | None
    words: int
    number: int = 0


class Reader:
    """Reads the parts of a job's source.

    Attributes:
        nodes: The partial summaries and the gaps so far, in the order in which they came.
    """

    def __init__(self, job: Job, sender: Sender, grounds: Grounds) -> None:
        self.nodes: list[Node] = []
        self._job = job
        self._sender = sender
        self._grounds = grounds
        self._studies: CapacityLimiter | None = None
        self._mapper = Mapper(sender.engine, self._read, self._halve, self._left_out)

    @property
    def parts_read(self) -> int:
        """Parts that were read, if only in pieces."""
        return self._mapper.parts_read

    @property
    def errors(self) -> tuple[CallError, ...]:
        """What kept parts from being read."""
        return tuple(self._mapper.errors.values())

    @property
    def _wants_evidence(self) -> bool:
        return not self._job.options.cite and self._job.plan.strategy == "map_reduce"

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
            whole = _Piece(span=span, index=0, words=job.reading.words)
            await self._mapper.read_in_halves(whole, error)
            return None
        self.nodes.append(node)
        self.count_part()
        return node

    async def read_parts(self) -> None:
        """Read all parts, several at a time; those of white space are nothing to ask about.

        Raises:
            CallError: A part could not be read; the others were, as far as that made sense.
            BudgetExceededError: The budget does not allow the next call.
            JournalError: The journal cannot be used.
        """
        job = self._job
        tokens = zip(job.plan.spans, job.prompt_tokens, strict=True)
        pieces = [
            _Piece(span=span, index=index, words=job.reading.words)
            for index, (span, count) in enumerate(tokens)
            if count
        ]
        await self._mapper.read_all(pieces)

    def count_part(self) -> None:
        """Count a part as read."""
        self._mapper.parts_read += 1

    async def _read(self, piece: _Piece) -> None:
        job, index = self._job, piece.index
        place = Place(operation="map", level=0, span=piece.span, redone=index is None)
        form = job.form
        if index is not None:
            messages, limit, tokens = (
                job.reading.prompt(index),
                job.output,
                job.prompt_tokens[index],
            )
        else:
            messages, tokens = self._half_prompt(piece), None
            limit = max(job.output, job.sizes.ample(job.reading.words))  # a half leaves more room
        sent = self._sender.send(messages, place, limit=limit, tokens=tokens, form=form)
        written = await beside(sent, partial(self._study, piece.span))
        self.nodes.append(await self.node(written, piece.span, "partial"))

    async def _study(self, span: Span) -> None:
        """Prepare the evidence for a part while the server reads it; one part at a time."""
        from anyio import CapacityLimiter, sleep, to_thread

        if self._wants_evidence:
            await sleep(STUDY_AFTER_S)
            self._studies = self._studies or CapacityLimiter(1)
            study = partial(self._grounds.study, span)
            await to_thread.run_sync(study, abandon_on_cancel=True, limiter=self._studies)

    def _halve(self, piece: _Piece) -> list[_Piece]:
        words = max(20, piece.words // 2)
        return [
            _Piece(span=span, index=None, words=words, number=number)
            for number, span in enumerate(self.halves(piece.span), 1)
        ]

    def _half_prompt(self, half: _Piece) -> tuple[Message, ...]:
        job = self._job
        text = job.document[half.span]
        stretch = Stretch(text=text, part=str(half.number), parts="2 of a passage")
        return map_prompt(job.document, stretch, half.words, job.options)

    def _left_out(self, piece: _Piece, error: CallError) -> None:
        self.leave_out(piece.span, error)

    def leave_out(self, span: Span, error: CallError) -> None:
        """Make a gap of a stretch that cannot be read; raise `error` where none is wanted."""
        self.nodes.append(self.place("gap", span, reason=error.code or "unknown"))
        if self._job.options.on_gap == "raise":
            raise error

    def halves(self, span: Span) -> list[Span]:
        """Cut a stretch in two; [span] where it is too small."""
        return halves(self._job.document, span, self._job.model, self._job.sizes.source_at_most)

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
        elif kind == "partial" and self._wants_evidence:
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
        self._sender.engine.tally.notes[NO_QUOTES] = None
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
