"""Documents that go to a worker together."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikit.jobs.corpus.entries import Entry

__all__ = ["Partition", "partitioned"]

MOST_TIMES = 2
"""A partition has at most so many times the documents that it should have."""

MOST_CHARACTERS = 16_000_000
"""Text that a partition carries: what is sent to a worker is in memory three or four times over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Documents that go to a worker together. It pickles.

    Attributes:
        number: Its number, from 0.
        name: What its journal and its output are called: 16 hexadecimal digits, and a number where
            another partition of the run has the same.
        entries: The documents.
        is_cut_off: Whether more belonged to it, which could not be read.
    """

    number: int
    name: str
    entries: tuple[Entry, ...]
    is_cut_off: bool = False


class _Cutter:
    """Ends a partition where the next document says so.

    By number, one new document would move all that follow into other partitions, and their journals
    and outputs would be those of others. So a document begins a partition by what it is, as one in
    so many does: what lies between two such is the same partition whatever changes elsewhere
    (backup programs know this as content-defined chunking).
    """

    def __init__(self, size: int) -> None:
        self._least = size // 4
        self._chance = size - self._least
        self._most = MOST_TIMES * size
        self._entries: list[Entry] = []
        self._characters = 0
        self._number = 0
        self._names: dict[str, int] = {}

    def add(self, entry: Entry) -> Partition | None:
        """Take a document, and return the partition that it ends by being the first of another."""
        ended = self.rest() if self._entries and self._begins_with(entry) else None
        self._entries.append(entry)
        self._characters += entry.characters
        return ended

    def rest(self) -> Partition | None:
        """Return what was taken and not returned."""
        if not self._entries:
            return None
        name = f"{self._entries[0].identity:016x}"
        times = self._names[name] = self._names.get(name, 0) + 1
        partition = Partition(
            number=self._number,
            name=name if times == 1 else f"{name}-{times}",
            entries=tuple(self._entries),
        )
        self._number += 1
        self._entries, self._characters = [], 0
        return partition

    def _begins_with(self, entry: Entry) -> bool:
        documents = len(self._entries)
        return (
            (documents >= self._least and entry.identity % self._chance == 0)
            or documents >= self._most
            or self._characters + entry.characters > MOST_CHARACTERS
        )


def partitioned(
    entries: Iterable[Entry] | AsyncGenerator[Entry], size: int
) -> Iterable[Partition] | AsyncGenerator[Partition]:
    """Cut documents into partitions of about `size`, in order; reads them as they are needed."""
    if isinstance(entries, AsyncGenerator):
        return _as_they_come(entries, _Cutter(size))
    return _in_turn(entries, _Cutter(size))


def _in_turn(entries: Iterable[Entry], cutter: _Cutter) -> Iterator[Partition]:
    error: Exception | SystemExit | None = None
    try:
        for entry in entries:
            if ended := cutter.add(entry):
                yield ended
    except (Exception, SystemExit) as failure:  # noqa: BLE001 - raised after what was read
        error = failure
    if rest := cutter.rest():
        yield replace(rest, is_cut_off=error is not None)
    if error is not None:
        raise error


async def _as_they_come(
    entries: AsyncGenerator[Entry], cutter: _Cutter
) -> AsyncGenerator[Partition]:
    error: Exception | SystemExit | None = None
    try:
        async with aclosing(entries):
            async for entry in entries:
                if ended := cutter.add(entry):
                    yield ended
    except (Exception, SystemExit) as failure:  # noqa: BLE001 - as above
        error = failure
    if rest := cutter.rest():
        yield replace(rest, is_cut_off=error is not None)
    if error is not None:
        raise error
