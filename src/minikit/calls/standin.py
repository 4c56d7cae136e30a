"""What may stand in for servers: the one seam that `minikit.testing` is built on.

Outside of tests nothing stands in. Whoever stands in does so for every client of the process,
whatever made it and in whatever thread it runs, since a test cannot reach the clients that the
application under test makes. The offline model needs no stand-in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from minikit.calls.offline import Reply
from minikit.calls.transport import OpenAITransport
from minikit.errors import ClosedError

if TYPE_CHECKING:
    from minikit.calls.retry import Retry
    from minikit.calls.transport import Server

__all__ = [
    "Detour",
    "Forward",
    "Stage",
    "StandIn",
    "current",
    "forwarded",
    "hurried",
    "hurries",
    "standing",
]

OPENAI = "https://api.openai.com/v1"

Forward = Callable[[bytes], Awaitable[Reply]]
"""Sends a body to the server that it was meant for and returns what that says."""


class StandIn(Protocol):
    """Answers requests in the place of servers.

    Attributes:
        is_real: Whether it asks real servers: these need a key, and time between two attempts.
    """

    is_real: bool

    def takes(self, server: str) -> bool:
        """Tell whether it answers what is meant for the server at this base URL.

        Raises:
            MinikitError: Nobody may ask this server.
        """
        ...

    async def respond(self, path: str, body: bytes, forward: Forward) -> Reply:
        """Answer one request.

        Raises:
            MinikitError: It has no answer; the caller gets this very error.
            TimeoutError: The reply does not come in time.
            ConnectionError: The connection breaks.
        """
        ...


@dataclass(slots=True, eq=False)
class Stage:
    """One stay of a stand-in; connections and pace of one are not those of the next.

    Attributes:
        standin: Who stands in, or None when the stay is over: clients remember stages.
    """

    standin: StandIn | None

    @property
    def is_real(self) -> bool:
        """Whether real servers are asked."""
        return self._present().is_real

    def way(self, server: Callable[[str | None], Server], api_key: str | None) -> Server | Detour:
        """Return the way to the stand-in, or to the server where it does not take its calls.

        Where no real server is asked any key will do; and what nobody may ask is told before a
        key that is missing for it.
        """
        way = self.detour(server(api_key or "none"))
        return self.detour(server(api_key)) if self.is_real else way

    def detour(self, server: Server) -> Server | Detour:
        """Return the way to the stand-in, or `server` where it does not take its calls."""
        takes = self._present().takes(str(server.base_url or OPENAI))
        return Detour(self, server) if takes else server

    async def respond(self, server: Server, path: str, body: bytes) -> Reply:
        """Answer one request that was meant for `server`; see `StandIn.respond`."""
        return await self._present().respond(path, body, partial(forwarded, server))

    def _present(self) -> StandIn:
        if self.standin is None:
            raise ClosedError("what stood in for the server has left, as its test is over")
        return self.standin


@dataclass(frozen=True, slots=True)
class Detour:
    """The way to a stand-in, in the place of the way to a server."""

    stage: Stage
    server: Server

    def connect(self) -> OpenAITransport:
        """Make a transport that the stand-in answers."""
        return OpenAITransport.connect(self.server, partial(self.stage.respond, self.server))


async def forwarded(server: Server, body: bytes) -> Reply:
    """Ask the real server, by a connection of its own: a recording is made once."""
    from anyio import to_thread

    real = await to_thread.run_sync(OpenAITransport.connect, server)
    try:
        return await real.forward(body)
    finally:
        await real.aclose()


_stage: Stage | None = None


def current() -> Stage | None:
    """Return the stage of who stands in now; None outside of tests."""
    return _stage


def hurries() -> bool:
    """Tell whether nobody is there who gains by a wait."""
    return not (_stage is None or _stage.is_real)


def hurried(retry: Retry) -> Retry:
    """Return how to try again: at once, where nobody is there who gains by a wait."""
    return replace(retry, wait_initial_s=0) if hurries() else retry


@contextmanager
def standing(standin: StandIn | None) -> Generator[None]:
    """Let `standin` stand in for all servers, in the place of who did; None: nobody."""
    global _stage  # noqa: PLW0603 - there is one process, and one network
    before, mine = _stage, None if standin is None else Stage(standin)
    _stage = mine
    try:
        yield
    finally:
        _stage = before
        if mine is not None:
            mine.standin = None
