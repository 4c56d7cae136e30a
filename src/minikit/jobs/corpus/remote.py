"""A corpus worked on by others: partitions go to workers, outcomes come back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from minikit.calls.account import Account
from minikit.calls.hooks import warned
from minikit.errors import ArgumentError, MinikitError, SharedLimitsError, WorkerError
from minikit.jobs.corpus.options import folder_of
from minikit.jobs.corpus.outcome import DocumentOutcome
from minikit.jobs.corpus.partition import partitioned
from minikit.jobs.corpus.run import CorpusRun
from minikit.jobs.corpus.spending import carry_all, set_aside
from minikit.jobs.corpus.staff import Staff, check_engine, hired
from minikit.jobs.corpus.worker import Done, Recipe, run_partition
from minikit.models.retirement import warn_if_retiring

if TYPE_CHECKING:
    from minikit.calls.shared import SharedLimits
    from minikit.jobs.corpus.job import CorpusJob
    from minikit.jobs.corpus.partition import Partition

__all__ = ["remote_run"]

OF_THE_CLIENT = ("model", "base_url", "retry", "max_concurrency", "timeout_s")
"""What the client of a worker has of the client that it works for."""

GRACE_S = 5.0
"""How long a run that is left waits for calls that are under way."""


async def remote_run(job: CorpusJob) -> CorpusRun[Any]:
    """Hire workers, and return the run, which has not begun to work.

    Raises:
        ArgumentError: The engine is none, or the client has something that no worker can have.
        BudgetExceededError: Nothing is left of the budget of the client.
        SharedLimitsError: The limits cannot be kept.
    """
    from anyio import to_thread

    _check(job)
    warn_if_retiring(job.work.model, datetime.now(UTC).date())  # once, and not in each worker
    office = _Office(job)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(to_thread.run_sync, office.close)
        await to_thread.run_sync(office.open)
        needs = stack.pop_all()
    at_once = job.options.partitions_at_once or 2 * office.staff.number
    return CorpusRun(
        partitioned(job.entries, job.options.partition_size),
        office.done,
        workers=at_once,
        window=2 * at_once,
        in_order=job.options.in_order,
        tally=job.tally,
        at_end=job.end,
        account=Account(),
        needs=needs,
    )


def _check(job: CorpusJob) -> None:
    """Refuse what cannot be handed to other processes, or must not be."""
    given, options = job.settings, job.options
    check_engine(options.engine)
    if given["api_key"] is not None or given["openai_client"] is not None:
        name = "api_key" if given["api_key"] is not None else "openai_client"
        raise ArgumentError(
            f"a client with {name}= works for itself alone: keys are not sent to workers, which "
            f"read OPENAI_API_KEY from their own environment; leave {name}= out, or take "
            f'engine="local"'
        )
    if given["journal"] is not None:
        raise ArgumentError(
            f"the journal {str(given['journal'])!r} of the client is one file, and workers need "
            f'one each: leave it out, and give a folder, run_many(..., journal="folder")'
        )
    if given["share"] is not None and options.limit_usd is not None:
        raise ArgumentError(
            "budget_usd is kept by shared limits, and the client has some: give them the budget, "
            "such as RedisLimits(..., budget_usd=), or leave share= out"
        )
    if given["hooks"]:
        job.tally.note(
            "the hooks of the client heard how far the run is, and nothing of the calls of workers"
        )


class _Office:
    """What a run with workers needs while it lasts: them, their limits, and their orders."""

    staff: Staff

    def __init__(self, job: CorpusJob) -> None:
        self._job = job
        self._held = ExitStack()
        self._run = uuid4().hex
        self._share: SharedLimits | None = None

    def open(self) -> None:
        """Hire workers and set up their limits; blocks."""
        from minikit.calls.sharing.hosting import limits_for  # multiprocessing, which is slow

        job, options, pipeline = self._job, self._job.options, self._job.pipeline
        model = job.work.model
        self.staff = self._held.enter_context(hired(options.engine))
        journals = None if options.journal is None else folder_of("journal", options.journal)
        if pipeline.share is not None:
            share, is_ours = pipeline.share, False
        else:
            budget = pipeline.account.budget
            purse = self._held.enter_context(set_aside(budget, options.limit_usd))
            limits = limits_for(
                self.staff.place, budget_usd=purse.limit_usd, rate_limit=pipeline.rate_limit
            )
            share, is_ours = self._held.enter_context(limits), True
            carried_usd = Decimal(0)
            if journals is not None and share.has_budget:
                carried_usd = carry_all(share, journals, model)
            self._held.callback(purse.look, share, carried_usd)
        self._share = share
        settings = {name: job.settings[name] for name in OF_THE_CLIENT}
        # The server is that of who asks; the environment of another machine may lack it.
        settings["base_url"] = settings["base_url"] or os.environ.get("OPENAI_BASE_URL")
        self._recipe = Recipe(
            make=cast("Callable[..., Any]", type(job.client)),
            settings=settings,
            share=share,
            carries=is_ours and share.has_budget,
            journals=journals,
            run=self._run,
        )
        if self.staff.place != "threads":
            _check_pickles(job.work, self._recipe)

    def close(self) -> None:
        """Let no worker begin another call, and dismiss them; blocks."""
        with self._held:
            if self._share is not None:
                self._stop(self._share)

    def _stop(self, share: SharedLimits) -> None:
        try:
            share.stop(self._run)
            self.staff.wait(GRACE_S)  # so that what is under way can be settled
        except SharedLimitsError as error:
            warned(f"workers may go on with their partitions: {error}")

    async def done(self, partition: Partition) -> Done:
        """Give a partition to a worker, and return what comes of it.

        Raises:
            WorkerError: The workers are gone.
        """
        job = self._job
        part = job.part(partition)
        try:
            return await self.staff.do(
                partial(run_partition, job.work, self._recipe, partition, part)
            )
        except MinikitError:
            raise
        except Exception as error:  # noqa: BLE001 - of the workers' own machinery
            return Done(outcomes=tuple(_lost(partition, error)))


def _lost(partition: Partition, error: Exception) -> Iterator[DocumentOutcome[Any]]:
    told = f"the worker of this document failed: {type(error).__name__}: {error}"
    for entry in partition.entries:
        yield DocumentOutcome(index=entry.index, name=entry.name, error=WorkerError(told))


def _check_pickles(*values: object) -> None:
    import pickle

    try:
        pickle.dumps(values)
    except Exception as error:
        raise ArgumentError(
            f"the options cannot be sent to another process ({error}): let a schema, and whatever "
            f"else is made of classes, stand at the top of a module, or take a pool of threads"
        ) from error
