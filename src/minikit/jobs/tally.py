"""What a job has taken so far, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from minikit.calls.account import Account
from minikit.calls.budget import Budget
from minikit.calls.hooks import warned
from minikit.errors import BudgetExceededError
from minikit.jobs.result import CallRecord, Place, Progress
from minikit.jobs.summarizing.summary import TextDelta
from minikit.models.money import EXACT, add_usd, total_usd
from minikit.models.usage import Usage

if TYPE_CHECKING:
    from minikit.calls.completion import Completion
    from minikit.calls.pipeline import Pipeline
    from minikit.jobs.plan import VerbPlan

__all__ = ["JobEvent", "Listener", "Tally"]

JobEvent = Progress | TextDelta
Listener = Callable[[JobEvent], None]


class Tally:
    """The calls of one run of a job, what they took, and the account that pays.

    Attributes:
        account: The job's ledger, and its budget where it has one.
        calls: A record of each call that brought a reply, in the order of the replies.
        usage: Their tokens.
        cost_usd: Their price, or None when that of one is unknown.
        notes: What to know before relying on the text, as keys.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        plan: VerbPlan,
        *,
        digest: str,
        limit_usd: Decimal | None,
        on_event: Callable[[Progress], None] | None = None,
        listen: Listener | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        """Open the account of a job.

        Args:
            pipeline: What sends its calls.
            plan: The calls and their cost.
            digest: Tells the job from every other, for the journal.
            limit_usd: US dollars that it may cost.
            on_event: Called after each call; an exception in it warns.
            listen: Called after each call, and trusted.
            notes: What is known before the first call, as of the sources.

        Raises:
            BudgetExceededError: The plan costs more at least than `limit_usd`, or than the budget
                of the client.
        """
        budget_of_job = None if limit_usd is None else Budget(limit_usd)
        self.account = Account(budget=budget_of_job, job=digest)
        self.calls: list[CallRecord] = []
        self.usage = Usage()
        self.cost_usd: Decimal | None = Decimal(0)
        self.notes: dict[str, None] = dict.fromkeys(notes)
        self._calls_at_most = plan.calls_at_most
        self._on_event = on_event
        self._listen = listen
        self._hooks = pipeline.hooks
        for budget in (self.account.budget, pipeline.account.budget):
            if budget is not None:
                _check_enough(budget, plan.cost_usd_at_least)

    @property
    def failed_cost_usd(self) -> Decimal:
        """What attempts cost that brought no reply, as far as it is known.

        A reply that another job has paid for costs this one nothing.
        """
        replies = (call.cost_usd for call in self.calls if call.cost_usd is not None)
        spent_usd = self.account.ledger.total.cost_usd
        return max(Decimal(0), EXACT.subtract(spent_usd, add_usd(Decimal(0), *replies)))

    @property
    def unmeasured(self) -> int:
        """Attempts whose cost only the server knows."""
        return self.account.ledger.total.unmeasured

    def record(self, completion: Completion, place: Place) -> int:
        """Add a call that brought a reply, tell of it, and return its position in `calls`."""
        position = len(self.calls)
        self.calls.append(CallRecord.of(completion, place))
        self.usage += completion.usage
        self.cost_usd = total_usd((self.cost_usd, completion.cost_usd))
        self.notes.update(dict.fromkeys(completion.notes))
        progress = Progress(
            calls_done=len(self.calls),
            calls_at_most=self._calls_at_most,
            usage=self.usage,
            cost_usd=self.cost_usd,
            call=self.calls[-1],
        )
        if self._hooks.wants(Progress):
            self._hooks.emit(progress)
        if self._listen is not None:
            self._listen(progress)
        if self._on_event is not None:
            self._tell(self._on_event, progress)
        return position

    def _tell(self, on_event: Callable[[Progress], None], progress: Progress) -> None:
        try:
            on_event(progress)
        except Exception as error:  # noqa: BLE001 - a hook of the caller's must not fail the job
            warned(f"on_event failed: {error!r}")


def _check_enough(budget: Budget, at_least_usd: Decimal | None) -> None:
    """Raise before anything is paid where a budget cannot be enough.

    What was spent of it is not looked at: a journal may have the replies that were paid for.
    """
    if at_least_usd is None or at_least_usd <= budget.limit_usd:
        return
    raise BudgetExceededError(
        f"the job costs ${at_least_usd:f} at least, more than the budget of "
        f"${budget.limit_usd:f}; nothing was sent: raise budget_usd, ask for less, or choose "
        f"a cheaper model",
        limit_usd=budget.limit_usd,
        spent_usd=Decimal(0),
        unknown_usd=Decimal(0),
        needed_usd=at_least_usd,
    )
