"""How a run over a corpus goes, and what it has taken in all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from minikit.calls.hooks import Event, Hooks, warned
from minikit.calls.ledger import Totals
from minikit.jobs.corpus.outcome import DocumentOutcome, Figures
from minikit.models.money import EXACT
from minikit.models.usage import Usage

if TYPE_CHECKING:
    from minikit.jobs.corpus.worker import Done

__all__ = ["CorpusProgress", "CorpusReport", "Tally", "WorkerReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusProgress(Event):
    """How far a run over a corpus is; told after each document, or each partition of them.

    Attributes:
        documents: Documents that have an outcome, failed ones included.
        failed: Those of them that failed.
        usage: Tokens so far.
        cost_usd: US dollars of the replies so far, or None when a price is unknown.
    """

    documents: int
    failed: int
    usage: Usage
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """What one worker did.

    Attributes:
        name: Its machine and its process.
        partitions: Partitions that it worked on.
        documents: Documents of them.
        seconds: How long it worked on them, added up.
        cost_usd: US dollars that its calls cost, as far as that is known.
    """

    name: str
    partitions: int = 0
    documents: int = 0
    seconds: float = 0.0
    cost_usd: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusReport:
    """What a run over a corpus has taken; `str` is a table.

    Attributes:
        verb: What was done.
        model: Id of the model that was asked.
        documents: Documents that have an outcome, failed ones included.
        failed: Those of them that failed.
        incomplete: Those with a result that lacks something, such as a passage that a filter
            refused.
        kept: Those that stood in the output before, and took nothing.
        calls: Calls that brought a reply.
        usage: Their tokens.
        cost_usd: US dollars of these calls, or None when the price of one is unknown.
        replayed_cost_usd: US dollars of those from the journal, paid for before; part of
            `cost_usd`.
        failed_cost_usd: US dollars of attempts that brought no reply that counts, on top of that.
        unmeasured: Attempts whose cost only the server knows, such as timed-out ones.
        seconds: Since the run began.
        workers: What each worker did; none where the client does the work itself.
        notes: What to know before relying on the results.
    """

    verb: str
    model: str
    documents: int = 0
    failed: int = 0
    incomplete: int = 0
    kept: int = 0
    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: Decimal | None = Decimal(0)
    replayed_cost_usd: Decimal | None = Decimal(0)
    failed_cost_usd: Decimal = Decimal(0)
    unmeasured: int = 0
    seconds: float = 0.0
    workers: tuple[WorkerReport, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = [
            ("verb", self.verb),
            ("model", self.model),
            ("documents", f"{self.documents:,}"),
            ("failed", f"{self.failed:,}"),
            ("incomplete", f"{self.incomplete:,}"),
            ("done before", f"{self.kept:,}"),
            ("calls", f"{self.calls:,}"),
            ("input tokens", f"{self.usage.input_tokens:,}"),
            ("output tokens", f"{self.usage.output_tokens:,}"),
            ("cost", _dollars(self.cost_usd)),
            ("of it replayed", _dollars(self.replayed_cost_usd)),
            ("failed attempts", _dollars(self.failed_cost_usd)),
            ("unmeasured", f"{self.unmeasured:,}"),
            ("seconds", f"{self.seconds:,.1f}"),
        ]
        lines = [f"{name:<15}  {value}" for name, value in rows]
        if self.workers:
            width = max(len(each.name) for each in self.workers)
            head = f"{'worker':<{width}}  partitions  documents   seconds  cost"
            lines += ["", head, *(_line(each, width) for each in self.workers)]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def _line(worker: WorkerReport, width: int) -> str:
    return (
        f"{worker.name:<{width}}  {worker.partitions:>10,}  {worker.documents:>9,}  "
        f"{worker.seconds:>8,.1f}  {_dollars(worker.cost_usd)}"
    )


def _dollars(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"${EXACT.normalize(amount):f}"


class Tally:
    """What a run has taken so far; it keeps figures, and nothing of each document."""

    def __init__(
        self,
        verb: str,
        model: str,
        hooks: Hooks,
        on_progress: Callable[[CorpusProgress], None] | None,
    ) -> None:
        """Begin.

        Args:
            verb: What is done.
            model: Id of the model that is asked.
            hooks: Those of the client.
            on_progress: Called as the run goes on; an exception in it warns.
        """
        self._verb, self._model = verb, model
        self._hooks, self._on_progress = hooks, on_progress
        self._start = time.monotonic()
        self._seconds: float | None = None
        self._figures, self._totals = Figures(), Totals()
        self._workers: dict[str, WorkerReport] = {}
        self._notes: dict[str, None] = {}
        self.documents = self.failed = self.incomplete = self.kept = 0

    def add(self, outcomes: Iterable[DocumentOutcome[Any]]) -> None:
        """Count outcomes, and tell of them."""
        for outcome in outcomes:
            self.documents += 1
            self.failed += outcome.error is not None
            self.incomplete += outcome.error is None and outcome.figures.gaps > 0
            self.kept += outcome.kept
            if not outcome.kept:
                self._figures += outcome.figures
        self.tell(documents=self.documents, failed=self.failed)

    def tell(self, *, documents: int, failed: int) -> None:
        """Tell how far the run is."""
        progress = CorpusProgress(
            documents=documents,
            failed=failed,
            usage=self._figures.usage,
            cost_usd=self._figures.cost_usd,
        )
        if self._hooks.wants(CorpusProgress):
            self._hooks.emit(progress)
        if self._on_progress is None:
            return
        try:
            self._on_progress(progress)
        except Exception as error:  # noqa: BLE001 - a hook of the caller's must not fail the run
            warned(f"on_event failed: {error!r}")

    def add_worker(self, done: Done) -> None:
        """Count what a worker did for a partition, failed attempts included."""
        known = self._workers.get(done.worker, WorkerReport(name=done.worker))
        self._workers[done.worker] = replace(
            known,
            partitions=known.partitions + 1,
            documents=known.documents + len(done.outcomes),
            seconds=known.seconds + done.seconds,
            cost_usd=EXACT.add(known.cost_usd, _spent(done.totals)),
        )
        self._totals += done.totals

    @property
    def told(self) -> str:
        """How far the run came, for an error."""
        return f"documents with an outcome: {self.documents:,}"

    def note(self, note: str) -> None:
        """Add what to know before relying on the results."""
        self._notes[note] = None

    def end(self) -> None:
        """Stop the clock."""
        self._seconds = self._seconds or time.monotonic() - self._start

    def report(self, totals: Totals) -> CorpusReport:
        """Return what was taken.

        Args:
            totals: Of the attempts that were made here, and not by workers.
        """
        figures, totals = self._figures, self._totals + totals
        paid = EXACT.subtract(
            figures.cost_usd or Decimal(0), figures.replayed_cost_usd or Decimal(0)
        )
        return CorpusReport(
            verb=self._verb,
            model=self._model,
            documents=self.documents,
            failed=self.failed,
            incomplete=self.incomplete,
            kept=self.kept,
            calls=figures.calls,
            usage=figures.usage,
            cost_usd=figures.cost_usd,
            replayed_cost_usd=figures.replayed_cost_usd,
            failed_cost_usd=max(Decimal(0), EXACT.subtract(_spent(totals), paid)),
            unmeasured=totals.unmeasured,
            seconds=self._seconds or time.monotonic() - self._start,
            workers=tuple(self._workers.values()),
            notes=tuple(self._notes),
        )


def _spent(totals: Totals) -> Decimal:
    return EXACT.subtract(totals.cost_usd, totals.carried_usd)
