"""Carry out the plan of a summary: read the source, merge, and hold the result against it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from minikit.errors import RefusalError
from minikit.jobs.engine import Engine, Exit, Kept
from minikit.jobs.grounds import Grounds
from minikit.jobs.provenance import Node
from minikit.jobs.sending import Sender
from minikit.jobs.summarizing.finishing import Finisher, planted
from minikit.jobs.summarizing.merging import Merger
from minikit.jobs.summarizing.reading import Reader
from minikit.jobs.summarizing.refining import refined
from minikit.jobs.summarizing.summary import partials_of
from minikit.jobs.tally import Tally
from minikit.jobs.unread import nothing_supported
from minikit.text.document import Span

if TYPE_CHECKING:
    from minikit.calls.pipeline import Pipeline
    from minikit.jobs.summarizing.prepare import Job
    from minikit.jobs.summarizing.summary import Partial, Summary
    from minikit.jobs.tally import Listener

__all__ = ["run"]


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
    except Exit as left:
        raise left.error from None


class _Run:
    """One run of a job, and what it has brought so far."""

    def __init__(self, job: Job, pipeline: Pipeline, listen: Listener | None) -> None:
        self.job = job
        options = job.options
        pipeline = pipeline.through(job.options.engine)
        tally = Tally(
            pipeline,
            job.plan,
            digest=job.digest,
            limit_usd=options.limit_usd,
            on_event=options.on_event,
            listen=listen,
            notes=job.document.notes,
        )
        self.engine = Engine(pipeline, tally, verb="summarize", model=job.model.id)
        self.sender = Sender(job.model, self.engine, pipeline, listen)
        self.grounds = Grounds(job.document)
        self.reader = Reader(job, self.sender, self.grounds)
        self.root: Node | None = None

    async def summary(self) -> Summary:
        async with self.engine.keeping(self._kept, lambda: self.reader.errors):
            self.root = await self._root()
            finisher = Finisher(self.job, self.sender, self.grounds)
            return await finisher.finished(self.root, self._loose(self.root))

    async def _root(self) -> Node:
        """Return the summary over what it was made of."""
        way = self.job.plan.strategy
        if way == "refine":
            return self._last_of(await refined(self.job, self.sender, self.reader))
        if way == "single" and (whole := await self.reader.read_single()):
            return whole
        if way == "map_reduce":
            await self.reader.read_parts()
        gaps = sum(node.kind == "gap" for node in self.reader.nodes)
        written = self._written()
        if written and not any(node.text for node in written):
            return Node(kind="summary", span=written[0].span, children=tuple(written))
        merger = Merger(self.job, self.sender, self.grounds, unread=gaps)
        return self._something(await merger.merged(written))

    def _last_of(self, last: Node | None) -> Node:
        """Return a summary over the steps that led to the last of them."""
        last = self._something(last)
        return Node(
            kind="summary",
            span=last.span,
            text=last.text,
            claims=last.claims,
            calls=last.calls,
            children=tuple(self._written()),
        )

    def _something(self, node: Node | None) -> Node:
        if node is not None:
            return node
        reasons = ", ".join({each.reason or "": None for each in self._gaps()})
        if not reasons:
            raise nothing_supported()
        raise RefusalError(f"no part of the document could be read: {reasons}")

    def _written(self) -> list[Node]:
        nodes = (node for node in self.reader.nodes if node.kind != "gap")
        return sorted(nodes, key=lambda each: each.span)

    def _gaps(self) -> list[Node]:
        return [node for node in self.reader.nodes if node.kind == "gap"]

    def _loose(self, root: Node) -> list[Node]:
        """Return what stands nowhere in `root`, so that the tree is that of the whole source.

        These are the gaps, the parts of white space, which nobody was asked about, and the partial
        summaries that no merge was given, since they say nothing, or nothing that may be kept.
        """
        merged = {node.span for node in root.walk() if node.kind == "partial"}
        left = (node for node in self._written() if node.kind == "partial")
        spans, tokens = self.job.plan.spans, self.job.prompt_tokens
        blank = [
            self.reader.place("chunk", span)
            for span, count in zip(spans, tokens, strict=True)
            if not count
        ]
        return [*self._gaps(), *blank, *(node for node in left if node.span not in merged)]

    def _tree(self) -> Node:
        """Return the tree as far as it has grown."""
        whole = Span(0, len(self.job.document.text))
        root = replace(self.root or Node(kind="summary", span=whole), span=whole)
        return planted(root, self._loose(root))

    def _partials(self) -> tuple[Partial, ...]:
        return partials_of(self._tree()) if self._written() else ()

    async def _kept(self) -> Kept:
        done, parts = self.reader.parts_read, len(self.job.plan.spans)
        told = f"{done} of {parts} parts were read and are kept in .partial and .tree"
        told = told if self.reader.nodes else ""
        return Kept(told=told, tree=self._tree(), partial=self._partials())
