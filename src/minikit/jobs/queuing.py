"""Why batches of a plan wait for one another: what a budget, or the memory, allows at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from minikit.calls.batching.settings import batch_of
from minikit.models.money import EXACT
from minikit.models.prices import cost_usd
from minikit.models.usage import Usage

if TYPE_CHECKING:
    from decimal import Decimal

    from minikit.calls.batching.settings import Sending
    from minikit.jobs.plan import Level, VerbPlan
    from minikit.models.model import Model

__all__ = ["queued"]

P = TypeVar("P", bound="VerbPlan")

OPEN_ENDED = "complete_many"
"""The verb whose replies are as long as the model can write, where nobody limits them."""


def queued(plan: P, model: Model, engine: Sending, budgets: Iterable[Decimal]) -> P:
    """Return a plan that tells how many batches of a level wait for one another, and why.

    Of a level, as many calls travel together as a budget covers at their worst, and as may wait in
    memory. What the calls before have cost is not counted: there may be more batches.

    Args:
        plan: A plan.
        model: Who is asked.
        engine: How the calls travel.
        budgets: US dollars that are left of each budget.
    """
    batch, left_usd = batch_of(engine), min(budgets, default=None)
    if batch is None:
        return plan
    levels: list[Level] = []
    notes = list(plan.notes)
    for level in plan.levels:
        calls = level.calls_at_most
        worst_usd = None if left_usd is None else _worst_usd(level, model)
        covered = calls if not worst_usd or left_usd is None else int(left_usd // worst_usd)
        in_memory = 1 if level.operation == "refine" else min(calls, batch.max_waiting)
        batches = -(-calls // max(1, min(in_memory, covered))) if covered else 1
        levels.append(replace(level, batches_at_least=batches))
        if covered < in_memory and worst_usd and left_usd is not None:
            told = _too_little(calls, covered, batches, worst_usd, left_usd)
            bound = ", or limit the replies (max_output_tokens)" if plan.verb == OPEN_ENDED else ""
            notes.append(f"{level.operation}: {told}; raise the budget{bound}")
        elif in_memory < calls and level.operation != "refine":
            notes.append(
                f"{level.operation}: at least {batches:,} batches one after another because only "
                f"{in_memory:,} of {calls:,} calls wait at a time; where there is memory, raise "
                f"Batch(max_waiting=...)"
            )
    return replace(plan, levels=tuple(levels), notes=tuple(notes))


def _too_little(
    calls: int, covered: int, batches: int, worst_usd: Decimal, left_usd: Decimal
) -> str:
    budget = f"the budget of {_dollars(left_usd)}"
    if not covered:
        return f"{budget} covers no call, each of which can cost {_dollars(worst_usd)}"
    return (
        f"at least {batches:,} batches one after another because {budget} covers only {covered:,} "
        f"of {calls:,} calls at once, which can cost {_dollars(EXACT.multiply(worst_usd, calls))} "
        f"together"
    )


def _worst_usd(level: Level, model: Model) -> Decimal | None:
    """Return what a call of a level can cost, as it is set aside; see `Request.worst_usd`."""
    calls = max(1, level.calls_at_most)
    inputs = -(-level.input_tokens_at_most // calls) * (1 if model.exact_counts else 2)
    plain = Usage(input_tokens=inputs, output_tokens=-(-level.output_tokens_at_most // calls))
    usages = (plain, replace(plain, cache_write_tokens=inputs))
    costs = (cost_usd(model, usage, tier="batch") for usage in usages)
    return max((cost for cost in costs if cost is not None), default=None)


def _dollars(amount: Decimal) -> str:
    """Write an amount down to a hundredth of a cent, and with two digits at least."""
    return f"${EXACT.normalize(round(amount, max(4, 1 - amount.adjusted()))):f}"
