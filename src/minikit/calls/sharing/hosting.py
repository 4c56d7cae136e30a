"""Shared limits for the workers of one run, wherever these are."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from minikit.calls.pace import RateLimit
from minikit.calls.shared import SharedLimits
from minikit.calls.sharing.dask_limits import DaskLimits
from minikit.calls.sharing.local import LocalLimits
from minikit.calls.sharing.served import ServedLimits

if TYPE_CHECKING:
    import distributed

__all__ = ["limits_for"]


def limits_for(
    workers: Literal["threads", "processes"] | distributed.Client,
    *,
    budget_usd: Decimal | None = None,
    rate_limit: RateLimit | None = None,
) -> AbstractContextManager[SharedLimits]:
    """Return limits that can be handed to workers; they end with the context.

    Args:
        workers: Threads of this process, processes of this machine, or those of a Dask cluster.
        budget_usd: US dollars that all calls may cost together; None: no limit.
        rate_limit: What may be sent to each model in a minute.

    Raises:
        SharedLimitsError: Dask's scheduler does not answer.
    """
    if workers == "threads":
        return nullcontext(LocalLimits(budget_usd=budget_usd, rate_limit=rate_limit))
    if workers == "processes":
        return ServedLimits(budget_usd=budget_usd, rate_limit=rate_limit)
    return DaskLimits(workers, budget_usd=budget_usd, rate_limit=rate_limit)
