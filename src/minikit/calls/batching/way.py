"""How calls of a client travel in batches, where others are paced and sent one by one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from minikit.calls.batching.lane import Lane, Room
from minikit.calls.batching.post import Post
from minikit.calls.standin import hurried, hurries
from minikit.errors import ArgumentError

if TYPE_CHECKING:
    from anyio import Semaphore

    from minikit.calls.batching.settings import Batch
    from minikit.calls.call import Call
    from minikit.calls.completion import Completion
    from minikit.calls.connections import Connections, Session
    from minikit.calls.hooks import Hooks
    from minikit.calls.journal import Journal
    from minikit.calls.request import Request
    from minikit.calls.retry import Retry
    from minikit.models.model import Model

__all__ = ["BatchWay", "check_model"]

AT_ONCE_S = 0.1
"""How long calls are gathered in a test that waits for nobody; those of one level still meet."""


class BatchWay:
    """The way of calls that are gathered as `batch` says.

    Attributes:
        batch: How they are gathered.
    """

    def __init__(
        self,
        batch: Batch,
        connections: Connections,
        hooks: Hooks,
        journal: Journal | None,
        retry: Retry,
    ) -> None:
        """Make it; nothing is sent.

        Args:
            batch: How calls are gathered.
            connections: The connections of the client.
            hooks: Who is told.
            journal: Where waves are noted, or None.
            retry: How often what is asked of the server is tried.
        """
        self.batch = batch
        self._connections = connections
        self._hooks = hooks
        self._journal = journal
        self._retry = retry

    def check(self, request: Request) -> None:
        """Check that a request can travel in a batch.

        Raises:
            ArgumentError: It cannot.
        """
        check_model(request.model)
        if request.tier not in (None, "auto", "default"):
            raise ArgumentError(
                f"a batch has a tier of its own, not {request.tier!r}: leave out tier="
            )

    def places(self, session: Session) -> Semaphore:
        """Return the places of calls that wait in an event loop."""
        return self._room(session).places

    async def attempt(
        self, call: Call, recall: Callable[[Call], Awaitable[Completion | None]]
    ) -> Completion:
        """Make one attempt of a call; see `Lane.attempt`."""
        model = call.request.model
        transport = await self._connections.transport(model)
        lanes = self._room(self._connections.session()).lanes
        key = (self._connections.route(model), model.id)
        if key not in lanes:
            most_s = AT_ONCE_S if hurries() else self.batch.gather_s
            lanes[key] = Lane(
                Post(transport, hurried(self._retry)),
                self._hooks,
                self._journal,
                replace(self.batch, gather_s=min(most_s, self.batch.gather_s)),
                model=model.id,
                recall=recall,
            )
        return await lanes[key].attempt(call)

    def _room(self, session: Session) -> Room:
        from anyio import Semaphore

        if self.batch not in session.rooms:
            session.rooms[self.batch] = Room(Semaphore(self.batch.max_waiting))
        return session.rooms[self.batch]


def check_model(model: Model) -> None:
    """Check that there are batches for a model.

    Raises:
        ArgumentError: It runs on this machine.
    """
    if model.provider == "offline":
        raise ArgumentError(
            f"the model {model.id!r} runs on this machine, which has no batches: choose another"
        )
