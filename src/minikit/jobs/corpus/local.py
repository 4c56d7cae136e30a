"""A corpus worked on by the client itself: several documents side by side, or all in batches."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

from minikit.calls.account import Account
from minikit.calls.batching.settings import batch_of
from minikit.calls.budget import Budget
from minikit.calls.pipeline import in_thread
from minikit.errors import ArgumentError
from minikit.jobs.corpus.options import folder_of
from minikit.jobs.corpus.partition import partitioned
from minikit.jobs.corpus.run import CorpusRun
from minikit.jobs.corpus.worker import Done, done_with

if TYPE_CHECKING:
    from minikit.jobs.corpus.entries import Entry
    from minikit.jobs.corpus.job import CorpusJob
    from minikit.jobs.corpus.partition import Partition

__all__ = ["local_run"]

JOURNAL = "local.sqlite"
"""The file of a journal's folder that is the client's; workers have one for each partition."""

WINDOW_PER_DOCUMENT = 16
"""Documents that may be read and not yet handed over, for each that is under way.

So many small ones are done while a large one before them is not.
"""

WINDOW_AT_MOST = 1_000
"""On top of those that are under way."""

IN_BATCHES_AT_MOST = 10_000
"""Documents under way at a time that go in batches: each holds its text for hours."""

IMAGES_IN_BATCHES_AT_MOST = 500
"""Images under way at a time that go in batches: a photograph is as large as a thousand texts."""

PARTITIONS_AT_LEAST = 4
"""Partitions under way at a time, so that the last document of one holds up no other."""


async def local_run(job: CorpusJob) -> CorpusRun[Any]:
    """Return the run, which has not begun to work.

    Raises:
        MissingKeyError: There is no key for the model's server.
        ArgumentError: There are two journals, or the engine is none, or has no use for an option.
    """
    pipeline, options, work = job.pipeline, job.options, job.work
    batch = batch_of(options.engine)
    if options.partitions_at_once is not None:
        raise ArgumentError(
            "partitions_at_once is how much workers are given, and there are none: leave it out, "
            "or name an executor as engine="
        )
    pipeline.check_key(work.model)
    at_once = pipeline.max_concurrency
    if batch is not None:
        most = IMAGES_IN_BATCHES_AT_MOST if work.verb == "describe" else IN_BATCHES_AT_MOST
        at_once = min(batch.max_waiting, most)
        work = replace(work, options={**work.options, "engine": batch})
    budget = None if options.limit_usd is None else Budget(options.limit_usd)
    account = Account(budget=budget, job=work.job)
    client = job.client
    needs = AsyncExitStack()
    if options.journal is None:
        payers: tuple[Account, ...] = (account,)
    else:
        client = await in_thread(partial(_with_journal, job, options.journal))
        needs.push_async_callback(client.aclose)
        payers = (pipeline.account, account)

    async def one(entry: Entry) -> Done:
        return Done(outcomes=(await work.outcome(client, entry, payers=payers),))

    async def several(partition: Partition) -> Done:
        part = job.part(partition)
        outcomes, error = await done_with(
            client, work, partition, part, workers=at_once, payers=payers
        )
        return Done(outcomes=outcomes, error=error)

    items: Any = job.entries
    do: Any = one
    workers = at_once
    if job.output is not None:
        items, do = partitioned(job.entries, options.partition_size), several
        workers = max(PARTITIONS_AT_LEAST, at_once // options.partition_size)
    return CorpusRun(
        items,
        do,
        workers=workers,
        window=min(WINDOW_PER_DOCUMENT * workers, WINDOW_AT_MOST + workers),
        in_order=options.in_order,
        tally=job.tally,
        at_end=job.end,
        account=account,
        needs=needs,
    )


def _with_journal(job: CorpusJob, folder: str | PathLike[str]) -> Any:  # noqa: ANN401 - an `AsyncClient`
    if job.settings["journal"] is not None:
        raise ArgumentError(
            f"the client keeps its replies in {str(job.settings['journal'])!r} already: leave "
            f"journal={str(folder)!r} out"
        )
    return job.another_client(journal=folder_of("journal", folder) / JOURNAL, budget_usd=None)
