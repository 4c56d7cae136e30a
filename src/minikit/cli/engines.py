"""Who does the work of `minikit many`: this process, batches, processes, or a Dask cluster."""

from __future__ import annotations

import copyreg
import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, get_type_hints

from minikit.errors import ArgumentError, MissingExtraError, WorkerError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

__all__ = ["OF_THIS_PROCESS", "check_engine", "lent", "make_picklable"]

OF_THIS_PROCESS = ("local", "batch")
ADDRESSES = ("tcp://", "tls://", "ucx://", "ws://", "wss://")
"""How addresses of Dask begin."""

GRACE_S = 60
"""How long a process of the pool outlives a command that was killed."""

CONNECT_S = 10
"""How long the scheduler of a cluster may take to answer."""


def check_engine(engine: str, workers: int | None) -> None:
    """Refuse what stands for no workers, and a number of them that nobody would start.

    Raises:
        ArgumentError: It is so.
    """
    if not (engine in (*OF_THIS_PROCESS, "processes", "dask") or engine.startswith(ADDRESSES)):
        raise ArgumentError(
            f"--engine is local, batch, processes, dask, or the address of a Dask scheduler such "
            f"as tcp://host:8786, not {engine!r}"
        )
    if workers is None:
        return
    if engine not in ("processes", "dask"):
        raise ArgumentError(
            f"--workers is how many are started, and --engine {engine} starts none: leave it out, "
            f"or take --engine processes"
        )
    if workers < 1:
        raise ArgumentError(f"--workers {workers} is out of range: at least 1")


@contextmanager
def lent(engine: str, workers: int | None) -> Generator[Any]:
    """Lend what `run_many` takes as its engine.

    Args:
        engine: What `check_engine` has let pass.
        workers: How many are started; None: one for each processor.

    Raises:
        MissingExtraError: Dask is not installed.
        WorkerError: The cluster cannot be reached.
    """
    number = workers or os.cpu_count() or 1
    lending: AbstractContextManager[Any]
    if engine in OF_THIS_PROCESS:
        lending = nullcontext(engine)
    else:
        lending = _pool(number) if engine == "processes" else _cluster(engine, number)
    with lending as given:
        yield given


def make_picklable(kind: Any) -> None:  # noqa: ANN401 - a type
    """Let types be sent to workers that are made of what stands on the command line.

    Args:
        kind: A `TypedDict` of them, or any other type, which stays as it is.
    """
    from typing_extensions import TypedDict

    made: Any = type(TypedDict("made", {}))  # type: ignore[operator] # made at run time
    if isinstance(kind, made):
        copyreg.pickle(made, _reduced)
    for part in getattr(kind, "__args__", ()):
        make_picklable(part)


def _reduced(kind: Any) -> str | tuple[Any, ...]:  # noqa: ANN401 - a type
    name: str = kind.__qualname__
    if getattr(sys.modules.get(kind.__module__), name, None) is kind:
        return name
    return _remade, (kind.__name__, get_type_hints(kind, include_extras=True))


def _remade(name: str, fields: dict[str, Any]) -> Any:  # noqa: ANN401 - a type
    from typing_extensions import TypedDict

    return TypedDict(name, fields)  # type: ignore[operator] # made at run time


def _pool(number: int) -> Any:  # noqa: ANN401 - a context manager
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # A fork would take locks of this process's threads along.
    context = get_context("spawn")
    return ProcessPoolExecutor(number, mp_context=context, initializer=_begin)


def _begin() -> None:
    """Begin a process of the pool."""
    from multiprocessing import parent_process

    _leave_interrupts()
    threading.Thread(target=_end_after, args=(parent_process(),), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    """End some time after the command, which a kill leaves no time to end its processes."""
    parent.join()
    time.sleep(GRACE_S)  # what is under way is paid for, and goes into the journal
    os._exit(1)


def _leave_interrupts() -> None:
    """Leave Ctrl-C to the process that began the run: it lets calls under way end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _cluster(address: str, number: int) -> Generator[Any]:
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError('--engine dask needs Dask: pip install "minikit[dask]"') from error
    where: dict[str, Any] = {"address": address, "timeout": CONNECT_S}
    if address == "dask":
        where = {
            "n_workers": number,
            "threads_per_worker": 1,
            "dashboard_address": "127.0.0.1:0",  # any port; nobody else sees it
            "silence_logs": "CRITICAL",
        }
    try:
        client: Any = distributed.Client(**where)
    except (OSError, RuntimeError, ValueError) as error:
        raise WorkerError(f"the Dask cluster {address!r} cannot be used: {error}") from error
    with client:
        if address == "dask":
            client.register_worker_callbacks(_leave_interrupts)
        yield client
