"""Do several things at a time: the same to many, in bounded memory, or one beside another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar, cast

from minikit.notices import remembered

__all__ = ["beside", "concurrently"]

T = TypeVar("T")
R = TypeVar("R")


async def concurrently(
    work: Callable[[T], Awaitable[R]], items: Sequence[T], *, limit: int
) -> list[R]:
    """Await `work(item)` for each item, at most `limit` at a time; results in order of the items.

    The first error cancels the rest and is raised itself, not in a group.
    """
    import anyio

    results: dict[int, R] = {}
    waiting = iter(enumerate(items))

    async def worker() -> None:
        for index, item in waiting:
            results[index] = await work(item)

    try:
        async with anyio.create_task_group() as group:
            with remembered():
                for _ in range(min(limit, len(items))):
                    group.start_soon(worker)
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return [results[index] for index in range(len(items))]


async def beside(work: Awaitable[R], aside: Callable[[], Coroutine[Any, Any, None]]) -> R:
    """Await `work`, and `aside()` meanwhile, which is cancelled when `work` has ended.

    The first error of the two cancels the other and is raised itself, not in a group.
    """
    import anyio

    results = list[R]()
    try:
        async with anyio.create_task_group() as group:
            with remembered():
                group.start_soon(aside)
            results.append(await work)
            group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return results[0]


def _first(error: BaseException) -> BaseException:
    if isinstance(error, BaseExceptionGroup):
        return _first(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    return error
