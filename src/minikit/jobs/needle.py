"""Needle: facts are planted in a text, and it is measured how often they are brought back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Unpack

from minikit.errors import BudgetExceededError, CallError, JobError, JournalError, MinikitError
from minikit.jobs.engine import Bill, Exit
from minikit.jobs.mapping import Mapper
from minikit.jobs.measuring.needles import NeedleProbe, NeedleReport, cells_of, given_up
from minikit.jobs.measuring.options import CheckedNeedleOptions, NeedleOptions
from minikit.jobs.measuring.probes import Probe, Trial, how, outcome
from minikit.jobs.measuring.several import Purse, Watcher, bill_of, bill_of_error, joined_bill
from minikit.jobs.parts import readable
from minikit.jobs.result import Place, Result
from minikit.jobs.verb import CheckedOptions, Job, digest_of
from minikit.text.document import Span

if TYPE_CHECKING:
    from decimal import Decimal

    from minikit.calls.pipeline import Pipeline
    from minikit.calls.structured import Forms
    from minikit.jobs.measuring.several import Verbs
    from minikit.jobs.verb import Setting
    from minikit.models.model import Model
    from minikit.text.document import Source

__all__ = ["NeedleJob", "NeedleOptions", "NeedleReport", "prepare", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleJob(Job):
    """A planned test.

    Attributes:
        trial: The test.
        probes: Its questions.
        options: The options of every verb.
    """

    trial: Trial
    probes: tuple[Probe, ...]
    options: CheckedOptions


def prepare(
    source: Source | None = None,
    *,
    model: Model,
    setting: Setting,
    **options: Unpack[NeedleOptions],
) -> NeedleJob:
    """Make the texts and plan the questions, without a network. CPU-bound, linear.

    Args:
        source: What to plant needles in; None is for a text that is made up.
        model: Who is asked.
        setting: What the client allows.
        **options: See `NeedleOptions`.

    Raises:
        SourceError: The source is empty, or the file cannot be read.
        ArgumentError: An option cannot be used, or a text does not fit into the window.
    """
    checked = CheckedNeedleOptions(**options)
    trial = Trial(
        document=None if source is None else readable(source, "to hide facts in"),
        model=model,
        setting=setting,
        strategies=tuple(checked.strategies),
        lengths=checked.lengths_for(model),
        depths=tuple(sorted(map(float, checked.depths))),
        needles=checked.needles,
        seed=checked.seed,
    )
    probes = tuple(trial.probes())
    asked = [[each.strategy, each.hidden.needle.question] for each in probes]
    texts = {id(each.document): each.document for each in probes}
    return NeedleJob(
        model=model,
        plan=trial.plan(probes),
        digest=digest_of("needle", model, list(texts.values()), asked),
        trial=trial,
        probes=probes,
        notes=() if trial.document is None else trial.document.notes,
        options=CheckedOptions(
            engine=checked.engine, budget_usd=checked.budget_usd, on_event=checked.on_event
        ),
    )


async def run(job: NeedleJob, pipeline: Pipeline, _forms: Forms, verbs: Verbs) -> NeedleReport:
    """Ask the questions of `job`, several at a time, and tell what came back.

    A question whose call fails counts neither way. Cancellation ends the calls in flight.

    Raises:
        BudgetExceededError: The budget does not allow the next call; `result` is what was measured.
        CallError: No question was answered.
        JobError: The server failed too often to go on; `result` is what was measured.
    """
    try:
        return await _Run(job, pipeline, verbs).report()
    except Exit as left:
        raise left.error from None


class _Run:
    """One test, and what has come back so far."""

    def __init__(self, job: NeedleJob, pipeline: Pipeline, verbs: Verbs) -> None:
        self.job = job
        self.verbs = verbs
        self.watcher = Watcher(job.options.on_event, calls_at_most=job.plan.calls_at_most)
        options = replace(job.options, on_event=self.watcher.on_event)
        self.engine = job.engine(pipeline, options)
        self.purse = Purse(self.engine.tally.account.budget)
        self.bills = list[Bill]()
        self.outcomes = dict[int, NeedleProbe]()
        self.errors = list[CallError | JobError]()

    async def report(self) -> NeedleReport:
        mapper = Mapper(self.engine, self._probe, lambda at: [at], lambda _at, _error: None)
        stopped: MinikitError | None = None
        try:
            await mapper.read_all(range(len(self.job.probes)))
        except BudgetExceededError as error:
            report = self._report()
            error.calls = report.calls
            error.result = report if report.asked else None
            raise
        except (CallError, JournalError) as error:
            stopped = error
        report = self._report()
        if not report.asked:
            raise stopped or self.errors[0]
        if stopped and len(self.outcomes) < len(self.job.probes):
            raise given_up(report, stopped, self.errors, len(self.job.probes)) from stopped
        return report

    async def _probe(self, at: int) -> None:
        probe = self.job.probes[at]
        try:
            reply = await self._reply(probe)
        except (CallError, JobError) as error:
            self.errors.append(error)
            self.outcomes[at] = outcome(probe, None, error)
            if isinstance(error, CallError):
                raise
        else:
            self.engine.failed_in_a_row = 0
            self.outcomes[at] = outcome(probe, reply)

    async def _reply(self, probe: Probe) -> str:
        model = self.job.model
        if probe.strategy == "single":
            place = Place(operation="single", level=0, span=Span(0, len(probe.document.text)))
            return (await self.engine.send(probe.request(model), place)).text
        try:
            result = await self.purse.pay(probe.plan.cost_usd_at_most, partial(self._told, probe))
        except MinikitError as error:
            self.bills.append(bill_of_error(model.id, error))
            raise
        self.bills.append(bill_of(result))
        return str(result)

    async def _told(self, probe: Probe, budget_usd: Decimal | None) -> Result:
        verb, options = how(probe.strategy, probe.hidden.needle.question)
        ask = self.verbs.summarize if verb == "summarize" else self.verbs.ask
        return await ask(
            probe.document,
            model=self.job.model,
            engine=self.job.options.engine,
            budget_usd=budget_usd,
            on_event=self.watcher.on_event,
            **options,
        )

    def _report(self) -> NeedleReport:
        trial = self.job.trial
        bill = joined_bill(self.job.model.id, [self.engine.bill(), *self.bills])
        return NeedleReport(
            **bill,
            title=trial.document.title if trial.document else None,
            strategies=tuple(trial.strategies),
            lengths=tuple(trial.lengths),
            depths=tuple(trial.depths),
            seed=trial.seed,
            cells=cells_of(
                (each.strategy, each.length, each.hidden.depth, self.outcomes.get(at))
                for at, each in enumerate(self.job.probes)
            ),
        )
