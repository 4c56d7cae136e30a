"""Compare: the same summary, or the same prompt, of several models side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack, cast

from minikit.calls.pipeline import in_thread
from minikit.errors import MinikitError
from minikit.jobs.concurrently import concurrently
from minikit.jobs.engine import Exit
from minikit.jobs.measuring.comparison import (
    Comparison,
    ModelReply,
    compared,
    failed_reply,
    none_replied,
)
from minikit.jobs.measuring.contenders import Contender, Task, several_models
from minikit.jobs.measuring.options import CompareOptions
from minikit.jobs.measuring.several import Purse, Watcher, bill_of, joined_bill, joined_plan
from minikit.jobs.parts import readable
from minikit.jobs.result import Place
from minikit.jobs.summarizing.checks import check_terms
from minikit.jobs.verb import CheckedOptions, Job, digest_of
from minikit.text.document import Span, notes_of

if TYPE_CHECKING:
    from decimal import Decimal

    from minikit.calls.pipeline import Pipeline
    from minikit.calls.request import Request
    from minikit.calls.structured import Forms
    from minikit.jobs.measuring.several import Verbs
    from minikit.jobs.plan import Models, VerbPlan
    from minikit.jobs.verb import Setting
    from minikit.text.document import Document, Source

__all__ = ["CompareJob", "CompareOptions", "prepare", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareJob(Job):
    """A planned comparison; its `model` is the first of the models.

    Attributes:
        task: What they are asked.
        contenders: The models, in the order in which they were named.
        options: The options of every verb.
    """

    task: Task
    contenders: tuple[Contender, ...]
    options: CheckedOptions


def prepare(
    source: Source | None,
    models: Models,
    *,
    setting: Setting,
    prompt: str | None = None,
    **options: Unpack[CompareOptions],
) -> CompareJob:
    """Plan a comparison, without a network. CPU-bound, linear.

    Args:
        source: What to summarize, or to ask about; None where the prompt stands alone.
        models: Who is asked.
        setting: What the client allows.
        prompt: What to ask; None is for a summary.
        **options: See `CompareOptions`.

    Raises:
        SourceError: The source is empty, or the file cannot be read.
        ArgumentError: An argument cannot be used, or none of the models can be asked.
    """
    for odd in options.keys() - CompareOptions.__optional_keys__:
        raise TypeError(f"compare() got an unexpected keyword argument {odd!r}")
    named = several_models(models)
    wishes: dict[str, Any] = {**options}
    common = CheckedOptions(
        engine=wishes.pop("engine", "local"),
        budget_usd=wishes.pop("budget_usd", None),
        on_event=wishes.pop("on_event", None),
    )
    document = None if source is None else readable(source, "to compare models on")
    task = Task(document=document, prompt=prompt, options=wishes)
    contenders = tuple(task.contender(setting, each) for each in named)
    plans = [(each.model.id, each.plan) for each in contenders if each.plan is not None]
    if not plans:
        raise cast("MinikitError", contenders[0].error)
    plan = joined_plan(
        "compare",
        ", ".join(each.id for each in named),
        plans,
        setting,
        characters=plans[0][1].document_characters,
        tokens=plans[0][1].document_tokens,
    )
    errors = [(each.model.id, each.error) for each in contenders if each.error is not None]
    plan = replace(plan, notes=tuple(f"{name} cannot be asked: {why}" for name, why in errors))
    documents = [document] if document else []
    return CompareJob(
        model=named[0],
        plan=plan,
        digest=digest_of("compare", named[0], documents, plan.model, prompt, wishes),
        task=task,
        contenders=contenders,
        notes=notes_of(documents),
        options=common,
    )


async def run(job: CompareJob, pipeline: Pipeline, _forms: Forms, verbs: Verbs) -> Comparison:
    """Ask the models of `job`, side by side, and compare what they reply.

    Cancellation ends the calls in flight.

    Raises:
        BudgetExceededError: The plan costs more at least than the budget allows.
        MinikitError: No model replied: the error of them all, or a JobError where they differ.
    """
    try:
        return await _Run(job, pipeline, verbs).comparison()
    except Exit as left:
        raise left.error from None


class _Run:
    """One comparison, and what has failed so far."""

    def __init__(self, job: CompareJob, pipeline: Pipeline, verbs: Verbs) -> None:
        self.job = job
        self.pipeline = pipeline
        self.verbs = verbs
        self.engine = job.engine(pipeline, job.options)  # opens the budget that all share
        self.purse = Purse(self.engine.tally.account.budget)
        self.watcher = Watcher(job.options.on_event, calls_at_most=job.plan.calls_at_most)
        self.errors = list[MinikitError]()

    async def comparison(self) -> Comparison:
        job = self.job
        replies = await concurrently(self._reply, job.contenders, limit=len(job.contenders))
        if len(self.errors) == len(replies):
            raise none_replied(self.engine, self.errors, replies)
        bill = joined_bill(job.plan.model, map(bill_of, replies))
        return await in_thread(partial(compared, job.task, bill, replies))

    async def _reply(self, contender: Contender) -> ModelReply:
        model, plan, error = contender.model, contender.plan, contender.error
        ask = self._summarized if contender.request is None else self._answered
        if plan is not None:
            try:
                return await self.purse.pay(plan.cost_usd_at_most, partial(ask, contender))
            except MinikitError as failure:
                error = failure
        self.errors.append(cast("MinikitError", error))
        return failed_reply(model, self.errors[-1])

    async def _summarized(self, contender: Contender, budget_usd: Decimal | None) -> ModelReply:
        model, task = contender.model, self.job.task
        summary = await self.verbs.summarize(
            cast("Document", task.document),
            model=model,
            engine=self.job.options.engine,
            budget_usd=budget_usd,
            on_event=self.watcher.on_event,
            **task.options,
        )
        return ModelReply(
            **bill_of(summary),
            provider=model.provider,
            text=summary.text,
            finish_reason=summary.calls[-1].finish_reason,
            warnings=summary.warnings,
        )

    async def _answered(self, contender: Contender, budget_usd: Decimal | None) -> ModelReply:
        model, document = contender.model, self.job.task.document
        options = replace(self.job.options, budget_usd=budget_usd, on_event=self.watcher.on_event)
        digest = digest_of(self.job.digest, model, [])  # else one would book what others have spent
        plan = cast("VerbPlan", contender.plan)
        job = replace(self.job, model=model, plan=plan, digest=digest)
        engine = job.engine(self.pipeline, options)
        text = document.text if document else ""
        place = Place(operation="single", level=0, span=Span(0, len(text)))
        completion = await engine.send(cast("Request", contender.request), place)
        check = partial(check_terms, completion.text, text)
        return ModelReply(
            **engine.bill(),
            provider=model.provider,
            text=completion.text,
            finish_reason=completion.finish_reason,
            warnings=await in_thread(check) if document else (),
        )
