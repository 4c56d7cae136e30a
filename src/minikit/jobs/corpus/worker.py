"""What a worker does with a partition: on a client of its own, several documents side by side."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING, Any, cast

from minikit.calls.ledger import Totals
from minikit.calls.pipeline import in_thread
from minikit.errors import ArgumentError, JobError, MinikitError, MissingKeyError, WorkerError
from minikit.jobs.corpus.entries import Entry
from minikit.jobs.corpus.outcome import DocumentOutcome
from minikit.jobs.corpus.parts import done_rows
from minikit.jobs.corpus.spending import SUFFIX, carry
from minikit.jobs.crew import Crew, telling
from minikit.models.retirement import take_as_warned

if TYPE_CHECKING:
    from minikit.calls.account import Account
    from minikit.calls.shared import SharedLimits
    from minikit.jobs.corpus.partition import Partition
    from minikit.jobs.corpus.parts import PartFile
    from minikit.jobs.corpus.work import Work
    from minikit.models.model import Model

__all__ = ["Done", "Recipe", "done_with", "run_partition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a worker makes its client. It pickles; the key stands in the worker's environment.

    Attributes:
        make: `AsyncClient`, which stands above.
        settings: Its arguments.
        share: The limits that all workers keep together.
        carries: Whether these know nothing of earlier runs.
        journals: The folder of the journals, one for each partition; or None.
        run: Id of the run, by which its workers can be stopped.
    """

    make: Callable[..., Any]
    settings: Mapping[str, Any]
    share: SharedLimits
    carries: bool
    journals: Path | None
    run: str

    def client(self, partition: Partition, model: Model) -> Any:  # noqa: ANN401 - whose class stands above
        """Make a client for one partition; blocks.

        Raises:
            JournalError: The journal cannot be read.
            SharedLimitsError: The limits cannot be reached.
        """
        journal = None
        if self.journals is not None:
            self.journals.mkdir(parents=True, exist_ok=True)
            journal = self.journals / f"{partition.name}{SUFFIX}"
            if self.carries:
                carry(self.share, journal, model)
        client = self.make(**self.settings, share=self.share, journal=journal)
        return client._join(self.run)  # noqa: SLF001 - of our own class


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a partition, or of one document. It pickles.

    Attributes:
        outcomes: Those of its documents, as far as they came.
        error: What would be wrong with every document, and ended the work; or None.
        worker: Who did it; "" for the client itself.
        seconds: How long it took.
        totals: What all attempts took, failed ones too.
    """

    outcomes: tuple[DocumentOutcome[Any], ...]
    error: MinikitError | None = None
    worker: str = ""
    seconds: float = 0.0
    totals: Totals = field(default_factory=Totals)


def run_partition(
    work: Work, recipe: Recipe, partition: Partition, part: PartFile | None = None
) -> Done:
    """Do the work for a partition, in a thread or a process in which no event loop runs.

    All that comes in and goes out pickles. It raises nothing that is ours: what ends the work is
    the `error` of what it returns.
    """
    import anyio

    return anyio.run(partial(_run_partition, work, recipe, partition, part))


async def _run_partition(
    work: Work, recipe: Recipe, partition: Partition, part: PartFile | None
) -> Done:
    import socket

    start = time.monotonic()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    take_as_warned(work.model)  # who began the run was
    try:
        client = await in_thread(partial(recipe.client, partition, work.model))
    except (MinikitError, OSError) as failure:
        return Done(outcomes=(), error=_ours(failure), worker=worker)
    async with client:
        at_once = recipe.settings["max_concurrency"]
        outcomes, error = await done_with(client, work, partition, part, workers=at_once)
        for failed in (error, *(outcome.error for outcome in outcomes)):
            _leave_causes(failed)
        return Done(
            outcomes=outcomes,
            error=error,
            worker=worker,
            seconds=time.monotonic() - start,
            totals=client.ledger.total,
        )


async def done_with(
    client: Any,  # noqa: ANN401 - whose class stands above
    work: Work,
    partition: Partition,
    part: PartFile | None,
    *,
    workers: int,
    payers: tuple[Account, ...] = (),
) -> tuple[tuple[DocumentOutcome[Any], ...], MinikitError | None]:
    """Do the work for the documents of a partition side by side, and write what came of it.

    Args:
        client: An `AsyncClient`.
        work: What is done.
        partition: The documents.
        part: The file that the outcomes go to; None: they are returned whole.
        workers: Documents under way at most.
        payers: Who pays beside the client.

    Returns:
        The outcomes, as far as they came, in the order of the documents; and what ended the work.
    """
    from anyio import create_task_group

    there = [] if part is None else await in_thread(part.read)
    do = partial(work.outcome, client, payers=payers, rows=done_rows(there))
    crew = Crew[Entry, DocumentOutcome[Any]](
        partition.entries, do, workers=workers, window=len(partition.entries), in_order=False
    )
    outcomes: list[DocumentOutcome[Any]] = []
    async with create_task_group() as group:
        group.start_soon(crew.run)
        with suppress(StopAsyncIteration), closing(crew):
            while True:
                outcomes.append(await crew.next())
    outcomes.sort(key=lambda outcome: outcome.index)
    stopped = _ours(crew.stopped)
    if part is not None:
        is_whole = len(outcomes) == len(partition.entries) and not partition.is_cut_off
        try:
            outcomes = await in_thread(partial(part.write, outcomes, there, is_whole=is_whole))
        except OSError as failure:  # the outcomes are handed over whole
            stopped = stopped or ArgumentError(
                f"cannot write to output={str(part.path.parent)!r}: {failure}"
            )
    return tuple(outcomes), stopped


def _leave_causes(error: MinikitError | None) -> None:
    """Leave what led to an error behind, at any depth: with Dask causes travel too.

    Those of the SDK cannot be read again (see `minikit.calls.transport`).
    """
    if error is not None:
        error.__cause__ = error.__context__ = None
        for each in error.errors if isinstance(error, JobError) else ():
            _leave_causes(each)


def _ours(error: BaseException | None) -> MinikitError | None:
    """Return what surely pickles, and whose class the caller knows."""
    if isinstance(error, MissingKeyError):
        return cast("MinikitError", telling(error, "keys are read where the workers run"))
    if error is None or isinstance(error, MinikitError):
        return error
    ours = WorkerError(f"a worker failed: {type(error).__name__}: {error}")
    ours.add_note("".join(format_exception(error)))
    return ours
