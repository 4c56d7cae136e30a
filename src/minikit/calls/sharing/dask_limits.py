"""Shared limits that Dask's scheduler keeps for the workers of its cluster."""

from __future__ import annotations

import asyncio
import pickle
from concurrent.futures import CancelledError
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self, cast
from uuid import uuid4

from minikit.calls.pace import RateLimit
from minikit.calls.sharing.local import checked
from minikit.calls.sharing.remote import RemoteLimits
from minikit.errors import MinikitError, SharedLimitsError

if TYPE_CHECKING:
    import distributed

__all__ = ["DaskLimits"]

TIMEOUT_S = 10.0

_LOST = ("closed", "closing", "connecting", "failed")
"""Of a connection: to wait until it is there again would hold up even the end of a run."""


class DaskLimits(RemoteLimits):
    """One budget and one rate limit for the workers of a Dask cluster.

        with DaskLimits(cluster_client, budget_usd="5") as limits:
            cluster_client.submit(work, limits)  # makes a Client(share=limits)

    The scheduler keeps them, not an actor: an actor lives on a worker, and dies with it. They end
    with `close`, or with the scheduler. It pickles; a task asks through the connection that its
    worker has to the scheduler.

    Needs `pip install 'minikit[dask]'`, and minikit on the scheduler's machine.
    """

    def __init__(
        self,
        client: distributed.Client,
        *,
        budget_usd: str | int | Decimal | None = None,
        rate_limit: RateLimit | None = None,
    ) -> None:
        """Begin with nothing spent; `close` or `with` ends it.

        Args:
            client: Of the cluster. One that is asynchronous must run in another thread.
            budget_usd: US dollars that all calls may cost together, such as "5"; None: no limit.
            rate_limit: What may be sent to each model in a minute.

        Raises:
            ArgumentError: An option cannot be used.
            SharedLimitsError: The scheduler does not answer, or lacks minikit.
        """
        from minikit.calls.sharing.dask_plugin import LimitsPlugin

        budget, rate_limit = checked(budget_usd, rate_limit)
        super().__init__(has_budget=budget is not None)
        self._client: distributed.Client | None = client
        self._op = f"minikit_limits_{uuid4().hex}"
        plugin = LimitsPlugin(self._op, {"budget_usd": budget, "rate_limit": rate_limit})
        try:
            self._call(
                "register_scheduler_plugin",
                plugin=pickle.dumps(plugin),
                name=self._op,
                idempotent=False,
            )
        except ImportError as error:
            raise SharedLimitsError(
                f"Dask's scheduler cannot keep shared limits ({error}): install minikit there, "
                f"or share a RedisLimits"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_client": None}

    def close(self) -> None:
        """Forget the limits; does nothing in the tasks that ask."""
        if self._client is not None:
            with suppress(SharedLimitsError):  # then they have ended with the scheduler
                self._call(self._op, question=pickle.dumps(("close", (), {})))
                self._call("unregister_scheduler_plugin", name=self._op)
            self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _ask(self, method: str, *values: object, **options: object) -> Any:  # noqa: ANN401 - as in the base class
        answer = self._call(self._op, question=pickle.dumps((method, values, options)))
        if answer is None:
            raise SharedLimitsError(
                "the scheduler does not know these limits: it was restarted, or they were closed"
            )
        known = pickle.loads(answer)  # noqa: S301 - Dask's own messages are pickles
        if isinstance(known, MinikitError):
            raise known
        return known

    def _call(self, op: str, **values: object) -> Any:  # noqa: ANN401 - as the scheduler's handlers
        """Ask the scheduler, through the client here, or through the worker whose task this is."""
        asking: Any = self._client or _worker()
        if asking is None:
            raise SharedLimitsError(
                "shared limits that Dask's scheduler keeps can be used in tasks of its cluster "
                "only, and in threads that run in a copy of a task's context"
            )
        status = getattr(asking.status, "name", asking.status)  # of a worker, or of a client
        if asking.scheduler is None or status in _LOST:
            raise _lost(f"the connection to it is {status}")
        try:
            asked = getattr(asking.scheduler, op)(**values)
            answer = asyncio.run_coroutine_threadsafe(asked, asking.loop.asyncio_loop)
            return answer.result(TIMEOUT_S)
        except (OSError, RuntimeError, CancelledError) as error:  # a timeout is an OSError
            raise _lost(type(error).__name__) from error


def _worker() -> object | None:
    """Return the worker whose task this is.

    An error of ours would not pickle with Dask's own as its context, which holds a ContextVar.
    """
    from distributed import get_worker

    with suppress(ValueError):
        return cast("object", get_worker())
    return None


def _lost(why: str) -> SharedLimitsError:
    return SharedLimitsError(
        f"Dask's scheduler, which keeps the shared limits, does not answer ({why})"
    )
