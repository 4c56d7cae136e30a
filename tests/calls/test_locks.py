"""A lock that outlives a fork."""

from __future__ import annotations

import os
import signal
import threading
import warnings

from minikit.calls.locks import ForkSafeLock


def test_a_lock_keeps_others_out() -> None:
    """Two threads add under it, and no addition is lost."""
    lock, sums = ForkSafeLock(), [0]

    def add() -> None:
        for _ in range(5_000):
            with lock:
                sums[0] += 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums == [20_000]


def test_a_child_finds_it_free() -> None:
    """What another thread held at the fork is not held in the child, where that thread is not."""
    lock = ForkSafeLock()
    holds, ends = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            holds.set()
            ends.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads is the point
        pid = os.fork()
    if not pid:
        signal.alarm(20)  # ends a child that waits
        with lock:
            os._exit(7)
    _, status = os.waitpid(pid, 0)
    ends.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 7
