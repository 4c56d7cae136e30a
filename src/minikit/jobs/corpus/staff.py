"""Who does the work of a corpus where the client does not: threads, processes, or a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from minikit.errors import ArgumentError, MissingExtraError, WorkerError

if TYPE_CHECKING:
    import distributed

__all__ = ["Staff", "check_engine", "hired"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Workers that can be given partitions.

    Attributes:
        executor: Who takes them.
        number: How many workers there are.
        place: Where they are, as `limits_for` asks.
    """

    executor: Executor
    number: int
    place: Literal["threads", "processes"] | distributed.Client
    _given: set[Future[Any]] = field(default_factory=set[Future[Any]], repr=False)

    async def do(self, work: Callable[[], T]) -> T:
        """Give a worker something to do, and await it; cancellation takes back what has not begun.

        Raises:
            WorkerError: The workers are gone, and can be given nothing any more.
            Exception: What `work` raises, or why it cannot be sent to a worker.
        """
        from anyio import to_thread

        try:
            future = await to_thread.run_sync(self.executor.submit, work)
            self._given.add(future)
            future.add_done_callback(self._given.discard)
            await _ended(future)
            return future.result()
        except (BrokenExecutor, CancelledError) as error:
            raise WorkerError(
                _ENDED.format(error=str(error) or "the work was cancelled")
            ) from error
        except RuntimeError as error:
            if "shutdown" not in str(error):
                raise
            raise WorkerError(_ENDED.format(error=error)) from error

    def wait(self, at_most_s: float) -> None:
        """Wait for what is under way; blocks."""
        wait(tuple(self._given), at_most_s)


_ENDED = (
    "the workers have ended ({error}); what they had done stands in the journal and in the output, "
    "where there are such: start workers anew, and run again"
)


def check_engine(engine: object) -> None:
    """Raise ArgumentError unless `engine` stands for workers."""
    if not (isinstance(engine, Executor) or engine == "dask" or _is_cluster(engine)):
        raise ArgumentError(
            f'engine is "local", "batch", "dask", a Batch(...), an Executor of concurrent.futures '
            f"or a Client of distributed, not {engine!r:.100}"
        )


@contextmanager
def hired(engine: object) -> Generator[Staff]:
    """Find the workers that an engine stands for; blocks.

    Raises:
        MissingExtraError: Dask is not installed.
    """
    if isinstance(engine, Executor):
        yield _of_executor(engine)
    elif engine == "dask":
        with _dask_client() as client:
            yield _of_cluster(client)
    else:
        yield _of_cluster(engine)


def _of_executor(executor: Executor) -> Staff:
    number = getattr(executor, "_max_workers", None)  # as all of the standard library have it
    client: Any = getattr(executor, "_client", None)
    if _is_cluster(client):  # what get_executor() of a distributed.Client returns
        return Staff(executor=executor, number=_threads_of(client), place=client)
    return Staff(
        executor=executor,
        number=number if isinstance(number, int) else os.cpu_count() or 1,
        place="threads" if isinstance(executor, ThreadPoolExecutor) else "processes",
    )


def _of_cluster(client: Any) -> Staff:  # noqa: ANN401 - a `distributed.Client`
    executor = client.get_executor(pure=False)
    return Staff(executor=executor, number=_threads_of(client), place=client)


def _threads_of(client: Any) -> int:  # noqa: ANN401 - as above
    threads: int = sum(client.nthreads().values())
    return max(1, threads)


def _is_cluster(value: object) -> bool:
    return any(
        kind.__name__ == "Client" and kind.__module__.startswith("distributed.")
        for kind in type(value).__mro__
    )


@contextmanager
def _dask_client() -> Generator[Any]:
    """Lend the current client of Dask, or one of a cluster of this machine."""
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError('engine="dask" needs Dask: pip install "minikit[dask]"') from error
    client: Any
    with ExitStack() as own:
        try:
            client = cast("Any", distributed).default_client()
        except ValueError:  # there is none
            client = own.enter_context(_cluster_of_this_machine())
        yield client


def _cluster_of_this_machine() -> Any:  # noqa: ANN401 - a `distributed.Client`
    import distributed

    try:
        return distributed.Client(dashboard_address="127.0.0.1:0")  # any port; nobody else sees it
    except (OSError, RuntimeError) as error:
        raise WorkerError(
            f"no Dask cluster could be started on this machine ({error}): in a script the call "
            f'stands under `if __name__ == "__main__":`, since each worker reads the script again'
        ) from error


async def _ended(future: Future[Any]) -> None:
    """Await a future of another thread, whose callbacks may not block."""
    from anyio import Event
    from anyio.lowlevel import current_token

    ended = Event()
    loop: Any = current_token().native_token
    soon = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon  # asyncio, or trio

    def tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            soon(ended.set)

    future.add_done_callback(tell)
    try:
        await ended.wait()
    except BaseException:
        future.cancel()
        raise
