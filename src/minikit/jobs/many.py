"""complete_many: a template over rows, thousands of texts of one kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from minikit.calls.request import Request, Tier
from minikit.calls.schema import Schema
from minikit.checks import check_flag, check_text
from minikit.errors import ArgumentError
from minikit.jobs.engine import Engine
from minikit.jobs.many_plan import ManyPlan, RowCounts
from minikit.jobs.result import Place
from minikit.jobs.rows import Record, Rows, RowSource, rows_of, survey
from minikit.jobs.rows_progress import RowsProgress, RowsTally
from minikit.jobs.verb import CheckedOptions, Job, Setting, digest_of
from minikit.text.document import Span
from minikit.text.fields import FieldText

if TYPE_CHECKING:
    from minikit.calls.completion import Completion
    from minikit.calls.pipeline import Pipeline
    from minikit.calls.structured import Forms
    from minikit.models.model import Model

__all__ = ["Asking", "ManyJob", "ManyOptions", "prepare"]

VERB = "complete_many"


class ManyOptions(TypedDict, total=False):
    """Options of `complete_many`, `acomplete_many` and the client's methods of these names.

    Attributes:
        system: Text of a system message to put first in every call; of 1,024 tokens and more it is
            read from the prompt cache.
        max_output_tokens: Limit of each reply in tokens; a reply that reaches it has the
            `finish_reason` "length". Default: what the model can write, and so much a budget has to
            reserve for each call in flight.
        temperature: Sampling temperature, 0 to 2; default: the server's.
        seed: Asks for repeatable sampling.
        tier: Service tier to ask for, as for `complete`; "flex" is slower and half the price, for
            models that have it.
        in_order: Whether the outcomes come in the order of the rows (the default) or, with False,
            as they come, which lets no slow row hold up others.
        budget_usd: US dollars that this job may cost, such as "0.50", beside the client's budget. A
            call that could pass it is not sent, and ends the job. With a journal, what earlier runs
            of the job have spent counts: the same rows, template and options; of rows that can be
            read only once, the same template and options.
        on_event: Called with a `RowsProgress` after each row. From the synchronous client it runs
            in the client's own thread. An exception in it warns and is dropped.
    """

    system: str | None
    max_output_tokens: int | None
    temperature: float | None
    seed: int | None
    tier: Tier | None
    in_order: bool
    budget_usd: str | int | Decimal | None
    on_event: Callable[[RowsProgress], None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options(CheckedOptions):
    system: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    tier: Tier | None = None
    in_order: bool = True
    on_event: Callable[[Any], None] | None = None  # of a RowsProgress, which is no Progress

    def __post_init__(self) -> None:
        CheckedOptions.__post_init__(self)
        check_text("system", self.system)
        check_flag("in_order", self.in_order)

    def request(self, prompt: str, model: Model) -> Request:
        """Return what is sent for a row; the system prompt that all have in common comes first.

        Raises:
            ArgumentError: The prompt is empty, or an option cannot be used.
        """
        return Request.of(
            prompt,
            model=model,
            system=self.system,
            max_output_tokens=self.max_output_tokens,
            temperature=self.temperature,
            seed=self.seed,
            tier=self.tier,
        )


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
    options: _Options
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
    checked = _Options(**options)
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
