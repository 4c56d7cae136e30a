"""The one way a call takes: check that it fits, wait for a place, send, try again."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from minikit.calls.endpoint import Endpoint
from minikit.calls.retry import Retry, retried
from minikit.calls.transport import OpenAITransport, Transport, timeout_s
from minikit.checks import check_number, check_whole
from minikit.errors import ArgumentError, ClosedError
from minikit.models.prices import cost_usd
from minikit.models.retirement import warn_if_retiring
from minikit.models.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    import openai
    from anyio import Lock, Semaphore
    from anyio.lowlevel import RunVar

    from minikit.calls.completion import Completion
    from minikit.calls.request import Request
    from minikit.models.model import Model

    Route = Endpoint | openai.AsyncOpenAI | None

__all__ = ["Pipeline", "in_thread"]

T = TypeVar("T")

INLINE_CHARACTERS = 20_000
"""Longer texts are tokenized in a worker thread: this many take about 2 ms."""


@dataclass(slots=True)
class _Session:
    """What belongs to one event loop of one process: connections, and places for calls."""

    pid: int
    places: Semaphore
    connecting: Lock
    transports: dict[Route, Transport] = field(default_factory=dict["Route", Transport])


class Pipeline:
    """Sends requests for a client.

    Connections and locks belong to an event loop, so each loop gets its own, and so does a
    process made by `fork`, which must not answer on its parent's connections.
    """

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str | None,
        openai_client: openai.AsyncOpenAI | None,
        retry: Retry,
        max_concurrency: int,
        timeout_s: float | None,
    ) -> None:
        check_whole("max_concurrency", max_concurrency, 1)
        if timeout_s is not None:
            check_number("timeout_s", timeout_s, 0.001)
        _check_kinds(api_key, base_url, openai_client, retry)
        self.max_concurrency = max_concurrency
        self._api_key = api_key
        self._base_url = base_url
        self._openai_client = openai_client
        self._retry = retry
        self._timeout_s = timeout_s
        self._sessions: RunVar[_Session] | None = None
        self._sessions_lock = threading.Lock()
        self._encodings: set[str] = set()
        self._closed = False

    async def send(self, request: Request) -> Completion:
        """Return the reply to `request`.

        Waits in turn when `max_concurrency` calls are in flight. Cancellation ends the request.

        Raises:
            ContextOverflowError: The request does not fit; nothing was sent.
            MissingKeyError: No key for the model's server; nothing was sent.
            CallError: The last attempt failed, or failed in a way that trying again cannot mend.
        """
        if self._closed:
            raise ClosedError("the client is closed; make a new one")
        transport = await self._transport(request.model)
        warn_if_retiring(request.model, datetime.now(UTC).date())
        tokens = await self._check_fit(request)
        limit_s = self._timeout_s or timeout_s(tokens, request.reserved_output_tokens)
        async with self._session().places:
            start = time.monotonic()
            completion, attempts = await retried(
                partial(transport.send, request, timeout_s=limit_s), self._retry
            )
        return replace(completion, attempts=attempts, latency_s=time.monotonic() - start)

    def check_key(self, model: Model) -> None:
        """Raise MissingKeyError now, before work is done for a call that could not be sent."""
        self._route(model)

    async def aclose(self) -> None:
        """Close this loop's connections; later calls raise ClosedError."""
        self._closed = True
        await self.disconnect()

    async def disconnect(self) -> None:
        """Close this loop's connections; a later call makes new ones."""
        session = self._session()
        transports, session.transports = session.transports, {}
        for transport in transports.values():
            await transport.aclose()

    async def _check_fit(self, request: Request) -> int:
        """Count in a thread where that takes long: a long prompt, or the first of its encoding."""
        encoding = request.model.encoding
        if request.known_input_tokens is None and not (
            encoding in self._encodings and _is_short(request)
        ):
            tokens = await in_thread(request.check_fit)
            self._encodings.add(encoding)
            return tokens
        return request.check_fit()

    def _session(self) -> _Session:
        from anyio import Lock, Semaphore
        from anyio.lowlevel import RunVar

        with self._sessions_lock:  # a second variable would lose what the first one holds
            if self._sessions is None:
                self._sessions = RunVar("minikit session")
        session = self._sessions.get(None)
        if session is None or session.pid != os.getpid():
            session = _Session(os.getpid(), Semaphore(self.max_concurrency), Lock())
            self._sessions.set(session)
        return session

    async def _transport(self, model: Model) -> Transport:
        session, route = self._session(), self._route(model)
        async with session.connecting:
            known = session.transports.get(route)
            if known is not None:
                return known
            made = session.transports[route] = await in_thread(partial(_connect, route, model))
            return made

    def _route(self, model: Model) -> Route:
        """Return what leads to `model`: None for the offline one, which needs nothing."""
        if model.provider == "offline":
            return None
        if self._openai_client is not None:
            return self._openai_client
        return Endpoint.of(
            model, api_key=self._api_key, base_url=self._base_url, environ=os.environ
        )


def _connect(route: Route, model: Model) -> Transport:
    """Connect, and load what the first call needs: the SDK (up to 2 s), certificates, prices."""
    cost_usd(model, Usage())
    if route is None:
        return OpenAITransport.offline()
    if isinstance(route, Endpoint):
        return OpenAITransport.connect(route)
    return OpenAITransport(route, owned=False)


def _check_kinds(api_key: object, base_url: object, sdk: object, retry: object) -> None:
    for name, value in (("api_key", api_key), ("base_url", base_url)):
        if not isinstance(value, str | None):
            raise ArgumentError(f"{name} is a str or None, not {type(value).__name__}")
    if not isinstance(retry, Retry):
        raise ArgumentError(f"retry is a Retry(...), not {type(retry).__name__}")
    if sdk is not None and "AsyncOpenAI" not in {kind.__name__ for kind in type(sdk).__mro__}:
        raise ArgumentError(f"openai_client is an AsyncOpenAI, not {type(sdk).__name__}")


def _is_short(request: Request) -> bool:
    contents = [message.content for message in request.messages]
    return sum(len(c) for c in contents if isinstance(c, str)) < INLINE_CHARACTERS


async def in_thread(work: Callable[[], T]) -> T:
    """Run CPU-bound `work` in a worker thread, so that the event loop goes on.

    Cancellation does not wait for it: the thread goes on, and what it returns is dropped.
    """
    from anyio import to_thread

    return await to_thread.run_sync(work, abandon_on_cancel=True)
