"""Shared limits that one process keeps for others on the same machine."""

from __future__ import annotations

import os
import secrets
import threading
from contextlib import suppress
from decimal import Decimal
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, Self

from minikit.calls.locks import ForkSafeLock
from minikit.calls.pace import RateLimit
from minikit.calls.sharing.local import LocalLimits
from minikit.calls.sharing.remote import RemoteLimits
from minikit.errors import MinikitError, SharedLimitsError

__all__ = ["ServedLimits"]

CLOSE_S = 5.0
"""How long to wait for a caller who has come and says nothing."""


class ServedLimits(RemoteLimits):
    """One budget and one rate limit for this process and others on the same machine.

        with ServedLimits(budget_usd="5") as limits, ProcessPoolExecutor() as pool:
            pool.submit(work, limits)  # makes a Client(share=limits)

    The limits lie in the process that makes it, and end with it. It pickles: in another process it
    asks through a pipe, or a local socket, that only who has unpickled it can open.
    """

    def __init__(
        self,
        *,
        budget_usd: str | int | Decimal | None = None,
        rate_limit: RateLimit | None = None,
    ) -> None:
        """Begin with nothing spent, and listen; `close` or `with` ends it.

        Args:
            budget_usd: US dollars that all calls may cost together, such as "5"; None: no limit.
            rate_limit: What may be sent to each model in a minute.

        Raises:
            ArgumentError: An option cannot be used.
        """
        limits = LocalLimits(budget_usd=budget_usd, rate_limit=rate_limit)
        super().__init__(has_budget=limits.has_budget)
        self._key = secrets.token_bytes(32)
        self._house: _House | None = _House(limits, self._key)
        self._address = self._house.address
        self._caller = _Caller(self._address, self._key)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_house": None, "_caller": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._caller = _Caller(self._address, self._key)

    def close(self) -> None:
        """Answer no longer; does nothing in the processes that ask."""
        if self._house is not None:
            self._house.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _ask(self, method: str, *values: object, **options: object) -> Any:  # noqa: ANN401 - as in the base class
        if self._house is not None and self._house.is_here:
            return getattr(self._house.limits, method)(*values, **options)
        answer = self._caller.ask((method, values, options))
        if isinstance(answer, MinikitError):
            raise answer
        return answer


class _House:
    """Limits, and the threads that answer for them.

    Not a `multiprocessing.managers` server: that one runs in a process of its own, which has to be
    started, or takes over standard output.
    """

    def __init__(self, limits: LocalLimits, key: bytes) -> None:
        self.limits = limits
        self._key = key
        self._pid = os.getpid()
        self._closing = False
        self._listener = Listener(authkey=key, backlog=64)
        self._door = threading.Thread(target=self._open, name="minikit limits", daemon=True)
        self._door.start()

    @property
    def address(self) -> Any:  # noqa: ANN401 - of a socket or a pipe
        return self._listener.address

    @property
    def is_here(self) -> bool:
        """Whether this is the process that made it, and no fork of it."""
        return self._pid == os.getpid()

    def close(self) -> None:
        if self.is_here and not self._closing:
            self._closing = True
            with suppress(OSError, EOFError):  # the door may be shut already
                Client(self.address, authkey=self._key).close()  # wakes it
            self._door.join(CLOSE_S)

    def _open(self) -> None:
        with self._listener as listener:
            while not self._closing:
                with suppress(OSError, EOFError, AuthenticationError):  # a caller that is none
                    caller = listener.accept()
                    threading.Thread(target=self._answer, args=(caller,), daemon=True).start()

    def _answer(self, caller: Connection) -> None:
        with caller, suppress(OSError, EOFError):
            while True:
                method, values, options = caller.recv()
                if self._closing:
                    return
                try:
                    answer = getattr(self.limits, method)(*values, **options)
                except MinikitError as error:
                    answer = error
                caller.send(answer)


class _Caller:
    """The connection of one process to where the limits are, made when it is first needed."""

    def __init__(self, address: Any, key: bytes) -> None:  # noqa: ANN401 - of a socket or a pipe
        self._address = address
        self._key = key
        self._lock = ForkSafeLock()
        self._connections: dict[int, Connection] = {}  # a fork's parent has one of its own

    def ask(self, question: object) -> Any:  # noqa: ANN401 - what is answered
        pid = os.getpid()
        with self._lock:
            try:
                if pid not in self._connections:
                    self._connections[pid] = Client(self._address, authkey=self._key)
                self._connections[pid].send(question)
                return self._connections[pid].recv()
            except (OSError, EOFError, AuthenticationError) as error:
                self._connections.pop(pid, None)
                raise SharedLimitsError(
                    f"the process that keeps the shared limits does not answer "
                    f"({type(error).__name__}): it has ended, or closed its ServedLimits"
                ) from error
