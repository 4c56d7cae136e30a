"""Do the same to many things at a time, in bounded memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

__all__ = ["concurrently"]

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
            for _ in range(min(limit, len(items))):
                group.start_soon(worker)
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return [results[index] for index in range(len(items))]


def _first(error: BaseException) -> BaseException:
    if isinstance(error, BaseExceptionGroup):
        return _first(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    return error
