"""complete_many: a template over rows, thousands of texts of one kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from minikit.calls.schema import Schema
from minikit.errors import ArgumentError
from minikit.jobs.completing.options import CheckedManyOptions, ManyOptions
from minikit.jobs.completing.plan import ManyPlan, RowCounts
from minikit.jobs.completing.progress import RowsTally
from minikit.jobs.completing.rows import Record, Rows, RowSource, rows_of, survey
from minikit.jobs.engine import Engine
from minikit.jobs.result import Place
from minikit.jobs.verb import Job, Setting, digest_of
from minikit.text.document import Span
from minikit.text.fields import FieldText

if TYPE_CHECKING:
    from minikit.calls.completion import Completion
    from minikit.calls.pipeline import Pipeline
    from minikit.calls.structured import Forms
    from minikit.models.model import Model

__all__ = ["Asking", "ManyJob", "ManyOptions", "prepare"]

VERB = "complete_many"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyJob(Job):
    """A planned job.

    Attributes:
        source: What reads the rows.
        text: The template.
        schema: What each reply shall be, or None.
        options: What is asked.
        total: How many rows there are, or None.
    """

    source: RowSource
    text: FieldText
    schema: Schema[Any] | None
    options: CheckedManyOptions
    total: int | None
    plan: ManyPlan

    @property
    def in_order(self) -> bool:
        """Whether the outcomes come in the order of the rows."""
        return self.options.in_order

    def asking(self, pipeline: Pipeline, forms: Forms) -> Asking:
        """Open the account of one run.

        Raises:
            BudgetExceededError: The plan costs more at least than the budget allows.
        """
        pipeline = pipeline.through(self.options.engine)
        tally = RowsTally(
            pipeline,
            self.plan,
            digest=self.digest,
            limit_usd=self.options.limit_usd,
            total=self.total,
            on_progress=self.options.on_event,
        )
        engine = Engine(pipeline, tally, verb=VERB, model=self.model.id)
        return Asking(job=self, engine=engine, tally=tally, forms=forms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One run of a job: asks for one row at a time.

    Attributes:
        job: What is asked.
        engine: What sends.
        tally: What it has taken so far.
        forms: What is known of the forms that servers take.
    """

    job: ManyJob
    engine: Engine
    tally: RowsTally
    forms: Forms

    @property
    def max_concurrency(self) -> int:
        """Calls in flight at most."""
        return self.engine.max_concurrency

    async def answer(self, record: Record) -> Completion:
        """Return the reply for a row.

        Raises:
            ArgumentError: The row cannot be sent.
            CallError: There is no reply that can be used.
            BudgetExceededError: The budget does not allow the call.
            JournalError: The journal cannot be used.
        """
        if record.error is not None:
            raise record.error
        job = self.job
        request = job.options.request(job.text.filled(record.row), job.model)
        place = Place(operation="map", level=0, span=Span(record.index, record.index + 1))
        if job.schema is None:
            return await self.engine.send(request, place)
        return await self.engine.fill(job.schema, request, place, forms=self.forms)


def prepare(
    rows: Rows,
    template: str,
    *,
    model: Model,
    setting: Setting,
    schema: Any = None,  # noqa: ANN401 - any annotation
    **options: Unpack[ManyOptions],
) -> ManyJob:
    """Read the template, and all rows where they can be read again, and count them.

    Linear in the rows, of which it keeps none; blocking, without a network.

    Args:
        rows: A Path of CSV, TSV or JSON Lines, or mappings from an iterable.
        template: What to ask, with `{name}` for each field.
        model: Who is asked.
        setting: What the client allows.
        schema: What each reply shall be, or None for text.
        **options: See `ManyOptions`.

    Raises:
        SourceError: The file cannot be read.
        ArgumentError: An argument cannot be used, or the header lacks a column.
    """
    text = FieldText(template)
    source = rows_of(rows, text.names)
    checked = CheckedManyOptions(**options)
    if schema is not None and model.provider == "offline":
        raise ArgumentError(
            f"the model {model.id!r} only selects sentences and cannot fill a schema: choose "
            f"another model"
        )
    kind = None if schema is None else Schema[Any].of(schema)
    counts = RowCounts(text, kind, checked.request("-", model))
    total = survey(source, counts.see)
    plan = counts.plan(VERB, total, setting)
    decisive = (template, checked.request("-", model).to_wire(), kind and kind.wire)
    return ManyJob(
        model=model,
        plan=plan,
        digest=digest_of(VERB, model, (), *decisive, counts.digest.hexdigest()),
        source=source,
        text=text,
        schema=kind,
        options=checked,
        total=total,
    )
