"""Ways to servers: which one leads to a model, and what belongs to one event loop."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from minikit.calls.account import Account
from minikit.calls.endpoint import Endpoint
from minikit.calls.line import Line
from minikit.calls.locks import ForkSafeLock
from minikit.calls.settings import check_route
from minikit.calls.shared import Share
from minikit.calls.standin import Detour, current
from minikit.calls.transport import OpenAITransport, Transport
from minikit.errors import ClosedError
from minikit.models.prices import cost_usd
from minikit.models.usage import Usage
from minikit.notices import caller, remember

if TYPE_CHECKING:
    import openai
    from anyio import Lock, Semaphore
    from anyio.lowlevel import RunVar

    from minikit.calls.batching.lane import Room
    from minikit.calls.batching.settings import Batch
    from minikit.calls.shared import SharedLimits
    from minikit.calls.transport import Server
    from minikit.models.model import Model

    Route = Detour | Server | None

__all__ = ["Connections", "Session", "in_thread"]

T = TypeVar("T")


@dataclass(slots=True)
class Session:
    """What belongs to one event loop of one process: connections, and places for calls.

    Attributes:
        pid: The process.
        places: For calls in flight.
        connecting: Held while a connection is made.
        share: The line before the limits that are kept together with other processes, or None.
        money: The lines before the budgets.
        turns: The lines before the limits of servers.
        transports: The connections.
        rooms: What calls that travel in batches have, for each way to gather them.
    """

    pid: int
    places: Semaphore
    connecting: Lock
    share: Share | None
    money: WeakKeyDictionary[Account, Line] = field(
        default_factory=WeakKeyDictionary["Account", "Line"]
    )
    turns: dict[tuple[Route, str], Line] = field(default_factory=dict[tuple["Route", str], Line])
    transports: dict[Route, Transport] = field(default_factory=dict["Route", Transport])
    rooms: dict[Batch, Room] = field(default_factory=dict["Batch", "Room"])


class Connections:
    """The connections of a client: each event loop has its own, and each process made by `fork`.

    Attributes:
        is_closed: Whether no more are made.
    """

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str | None,
        openai_client: openai.AsyncOpenAI | None,
        max_concurrency: int,
        share: SharedLimits | None,
        on_fork: Callable[[], None],
    ) -> None:
        """Check what leads to servers.

        Args:
            api_key: The key, or None for that of the environment.
            base_url: The server, or None for that of the environment or the model.
            openai_client: What to send through instead, or None.
            max_concurrency: Places for calls in an event loop.
            share: The limits that are kept together with other processes, or None.
            on_fork: Called in a process made by `fork`, before its first call.

        Raises:
            ArgumentError: One of them is of another kind.
        """
        check_route(api_key, base_url, openai_client)
        self.is_closed = False
        self._api_key = api_key
        self._base_url = base_url
        self._openai_client = openai_client
        self._max_concurrency = max_concurrency
        self._share = share
        self._on_fork = on_fork
        self._sessions: RunVar[Session] | None = None
        self._lock = ForkSafeLock()
        self._pid = os.getpid()

    def session(self) -> Session:
        """Return what belongs to this event loop."""
        from anyio import Lock, Semaphore
        from anyio.lowlevel import RunVar

        with self._lock:  # a second variable would lose what the first one holds
            if self._sessions is None:
                self._sessions = RunVar("minikit session")
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._on_fork()
        session = self._sessions.get(None)
        if session is None or session.pid != os.getpid():
            share = None if self._share is None else Share(self._share)
            session = Session(os.getpid(), Semaphore(self._max_concurrency), Lock(), share)
            self._sessions.set(session)
        return session

    async def transport(self, model: Model) -> Transport:
        """Return what carries requests to `model`.

        Raises:
            ClosedError: The client is closed.
            MissingKeyError: There is no key for the server.
        """
        if self.is_closed:
            raise ClosedError("the client is closed; make a new one")
        session, route = self.session(), self.route(model)
        known = session.transports.get(route)
        if known is not None:
            return known
        async with session.connecting:
            if route in session.transports:  # another call has connected meanwhile
                return session.transports[route]
            made = session.transports[route] = await in_thread(partial(_connect, route, model))
            return made

    def route(self, model: Model) -> Route:
        """Return what leads to `model`: None for the offline one, which needs nothing.

        Raises:
            MissingKeyError: There is no key for the server.
        """
        if model.provider == "offline":
            return None
        stage = current()
        if stage is None:
            return self._server(model, self._api_key)
        return stage.way(partial(self._server, model), self._api_key)

    async def disconnect(self) -> None:
        """Close the connections of this event loop."""
        session = self.session()
        transports, session.transports = session.transports, {}
        session.rooms.clear()
        for transport in transports.values():
            await transport.aclose()

    def _server(self, model: Model, api_key: str | None) -> Server:
        return self._openai_client or Endpoint.of(
            model, api_key=api_key, base_url=self._base_url, environ=os.environ
        )


def _connect(route: Route, model: Model) -> Transport:
    """Connect, and load what the first call needs: the SDK (up to 2 s), certificates, prices."""
    cost_usd(model, Usage())
    if route is None:
        return OpenAITransport.offline()
    if isinstance(route, Detour):
        return route.connect()
    return OpenAITransport.connect(route)


async def in_thread(work: Callable[[], T]) -> T:
    """Run CPU-bound `work` in a worker thread, so that the event loop goes on.

    Cancellation does not wait for it: the thread goes on, and what it returns is dropped.
    """
    from anyio import to_thread

    line = caller()

    def reminded() -> T:
        remember(line)
        return work()

    return await to_thread.run_sync(reminded, abandon_on_cancel=True)
