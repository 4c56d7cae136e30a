"""Read values of a type out of documents of any length, each with its place in them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from minikit.calls.pipeline import in_thread
from minikit.calls.request import Request
from minikit.errors import CallError, OutputTruncatedError, RefusalError
from minikit.jobs.engine import Exit, Kept
from minikit.jobs.extracting.doubles import merged, united
from minikit.jobs.extracting.evidence import Cited, Evidence, Record
from minikit.jobs.extracting.extraction import (
    Conflict,
    ExtractedField,
    ExtractedItem,
    Extraction,
    item_of,
)
from minikit.jobs.extracting.job import ExtractJob, ExtractOptions, prepare
from minikit.jobs.extracting.records import ITEMS
from minikit.jobs.mapping import Mapper
from minikit.jobs.parts import Gaps, SourcePart
from minikit.jobs.result import Gap, joined
from minikit.jobs.unread import weight
from minikit.text.document import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minikit.calls.pipeline import Pipeline
    from minikit.calls.structured import Forms

__all__ = [
    "Conflict",
    "ExtractJob",
    "ExtractOptions",
    "ExtractedField",
    "ExtractedItem",
    "Extraction",
    "prepare",
    "run",
]

Items = list[dict[str, Any]]


async def run(job: ExtractJob, pipeline: Pipeline, forms: Forms) -> Extraction[Any]:
    """Make the calls of `job` and return what was found. Cancellation ends those in flight.

    Args:
        job: What to do.
        pipeline: What sends the calls.
        forms: What is known of the forms that servers take.

    Raises:
        CallError: The first call failed for good, or no part could be read.
        JobError: A later one did; it carries what was found in the others.
        BudgetExceededError: The budget does not allow the next call; it carries what was found.
    """
    try:
        return await _Run(job, pipeline, forms).extraction()
    except Exit as left:
        raise left.error from None


class _Run:
    """One run of a job, and what it has brought so far."""

    def __init__(self, job: ExtractJob, pipeline: Pipeline, forms: Forms) -> None:
        options = job.asking.options
        self.job = job
        self.forms = forms
        self.engine = job.engine(pipeline, options)
        self.gaps = Gaps(raises=options.on_gap == "raise")
        self.numbers = {id(part): number for number, part in enumerate(job.parts, 1)}
        self.mapper = Mapper[SourcePart, Items](
            self.engine, self._read, lambda part: part.halves(job.model), self.gaps, self._weight
        )

    async def extraction(self) -> Extraction[Any]:
        async with self.engine.keeping(self._kept, self.mapper.errors.values):
            await self.mapper.read_all(self.job.parts)
            self._check_read()
        return await self._found()

    def _check_read(self) -> None:
        """Raise RefusalError where no part could be read."""
        if not self.mapper.read:
            reasons = ", ".join(dict.fromkeys(gap.reason for gap in self.gaps.found))
            raise RefusalError(f"no part of the source could be read: {reasons}", code=reasons)

    async def _read(self, part: SourcePart) -> Items:
        asking = self.job.asking
        number, parts = self.numbers.get(id(part), 1), len(self.job.parts)
        messages = asking.messages(part, number, parts)
        # Of a half the reply may have been cut off before.
        limit = await in_thread(partial(asking.ample, messages)) if part.is_half else asking.limit
        request = Request(messages=messages, model=self.job.model, max_output_tokens=limit)
        reply = await self.engine.fill(asking.schema.reply, request, part.place(), forms=self.forms)
        return reply.parsed[ITEMS]

    def _weight(self, part: SourcePart, error: CallError) -> int:
        """Count a piece that failed; one with more records than fit in a reply costs nothing."""
        if isinstance(error, OutputTruncatedError) and self.job.asking.is_dense(part):
            return 0
        return weight(error)

    async def _found(self) -> Extraction[Any]:
        """Return what was found so far."""
        return await in_thread(self._extraction)

    def _extraction(self) -> Extraction[Any]:
        schema, names = self.job.asking.schema, self.job.documents
        titles = tuple(each.title or f"document {at}" for at, each in enumerate(names, 1))
        found = list(self._records())
        records = self._apart(found) if schema.is_many else [united(record for _, record in found)]
        homes = {part: index for index, record in found for part in record.parts}
        read = [item_of(record, schema, number) for number, record in enumerate(records)]
        items = (
            replace(item, documents=tuple(titles[at] for at in sorted({homes[n] for n in parts})))
            for (item, _), parts in zip(read, (record.parts for record in records), strict=True)
        )
        return Extraction(
            **self.engine.bill(),
            items=tuple(items),
            conflicts=tuple(conflict for _, conflicts in read for conflict in conflicts),
            gaps=tuple(self._gaps()),
            columns=schema.columns,
            is_many=schema.is_many,
            documents=titles,
        )

    def _apart(self, found: list[tuple[int, Record]]) -> list[Record]:
        """Merge records; without a key, those of a document are no doubles of another's.

        Equal invoices in several files are several invoices.
        """
        key = self.job.asking.options.names
        if key:
            return merged((record for _, record in found), key)
        groups = groupby(found, key=lambda pair: pair[0])
        return [each for _, group in groups for each in merged((one for _, one in group), key)]

    def _records(self) -> Iterator[tuple[int, Record]]:
        """Yield what was read, in the order of the sources, with the number of its source."""
        asking = self.job.asking
        cited = dict[int, Cited]()
        read = sorted(self.mapper.read, key=lambda pair: (pair[0].document_index, pair[0].span))
        for number, (part, items) in enumerate(read):
            index = part.document_index
            if index not in cited:
                cited[index] = Cited(part.document, index)
            shown = Span(asking.context(part).start, part.span.end)
            quotes = asking.schema.quotes
            evidence = Evidence(cited[index], shown, part=number, quotes=quotes)
            found = (evidence.record(item, asking.schema.node) for item in items)
            yield from ((index, record) for record in found if record.fields)

    def _gaps(self) -> Iterator[Gap]:
        """Yield what could not be read, in order, gaps of one document that touch as one."""
        found = sorted(self.gaps.found, key=lambda gap: (gap.document_index, gap.span))
        for _, gaps in groupby(found, key=lambda gap: gap.document_index):
            yield from joined(list(gaps))

    async def _kept(self) -> Kept:
        if not self.mapper.read:
            return Kept(told="")
        read, parts = self.mapper.parts_read, len(self.job.parts)
        told = f"{read} of {parts} parts were read and what was found in them is kept in .result"
        return Kept(told=told, result=await self._found())
