"""A lock that is free in a process made by `fork`."""

from __future__ import annotations

import os
import sys
import threading
import weakref

__all__ = ["ForkSafeLock"]


class ForkSafeLock:
    """A `threading.Lock` for `with`.

    Only the thread that forks lives on in the child. What another thread held at that moment would
    stay locked there for ever; so the child gets new locks.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _all.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_exc: object) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Begin anew, unlocked."""
        self._lock = threading.Lock()


_all: weakref.WeakSet[ForkSafeLock] = weakref.WeakSet()


def _renew_all() -> None:
    for lock in tuple(_all):
        lock.renew()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_renew_all)
