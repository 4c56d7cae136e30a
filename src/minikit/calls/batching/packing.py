"""Files of requests, filled as far as the limits of a batch go."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.calls.batching.flight import Item, wave_like
from minikit.calls.batching.wire import line_of

if TYPE_CHECKING:
    from minikit.calls.completion import Completion
    from minikit.calls.journal import Journal
    from minikit.calls.journal_rows import Attempt, Wave

__all__ = ["MOST_BYTES", "Packed", "pack"]

MOST_BYTES = 200_000_000
"""Of a file (OpenAI API reference, Batch, "up to 200 MB", read 2026-11-23)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A file, and what is not in it.

    Attributes:
        data: The file.
        aboard: The calls in it, line by line.
        left: Those that it has no room for, in order.
        note: What the wave of those that are left begins with.
        too_large: Those that no file has room for.
        elsewhere: Those that another process has sent, with what the journal knows of them: an
            attempt, or the reply to another.
    """

    data: bytes
    aboard: list[Item]
    left: list[Item]
    note: Wave
    too_large: list[Item]
    elsewhere: list[tuple[Item, Attempt | Completion]]


def pack(
    items: Sequence[Item],
    note: Wave,
    journal: Journal | None,
    *,
    most_bytes: int,
    most_requests: int,
    endpoint: str,
) -> Packed:
    """Fill a file with the first of `items`, and tell the journal; CPU-bound, and reads a disk.

    Linear in what goes into the file. It holds at least one request, however small `most_bytes`
    is, that no file may exceed `MOST_BYTES`.

    Args:
        items: Calls to one model of one server.
        note: The wave of those that go into the file.
        journal: Where they are noted, all of them before any is sent; or None.
        most_bytes: What the file may hold.
        most_requests: How many requests.
        endpoint: The path that each line names.

    Raises:
        JournalError: The journal cannot be used; none of the calls is to be sent.
    """
    elsewhere = _noted(items, note, journal)
    gone = {item for item, _ in elsewhere}
    data = io.BytesIO()  # it gives its bytes away without a copy
    aboard, too_large, left = list[Item](), list[Item](), list[Item]()
    mine = [item for item in items if item not in gone]
    for position, item in enumerate(mine):
        line = line_of(item.name, item.attempt.call.request, endpoint)
        if len(line) > MOST_BYTES:
            too_large.append(item)
            continue
        if aboard and (data.tell() + len(line) > most_bytes or len(aboard) == most_requests):
            left = mine[position:]
            break
        data.write(line)
        aboard.append(item)
    following = wave_like(note)
    if journal is not None and (left or too_large):
        others = [*left, *too_large]
        journal.move([row_of(item) for item in others], note.id, following)
        for item in others:
            item.wave = following.id
    return Packed(
        data=data.getvalue(),
        aboard=aboard,
        left=left,
        note=following,
        too_large=too_large,
        elsewhere=elsewhere,
    )


def row_of(item: Item) -> int:
    """Return the number of an attempt that the journal has."""
    assert item.attempt.row is not None  # noqa: S101 - it was noted, or comes from there
    return item.attempt.row


def _noted(
    items: Sequence[Item], note: Wave, journal: Journal | None
) -> list[tuple[Item, Attempt | Completion]]:
    """Note in the journal that `items` are about to be sent; return those that others have sent."""
    elsewhere: list[tuple[Item, Attempt | Completion]] = []
    if journal is None:
        return elsewhere
    begun = [(item.begun(), item.attempt.call.request) for item in items]
    for item, mark in zip(items, journal.begin_wave(note, begun), strict=True):
        if isinstance(mark, int):
            item.attempt.row, item.wave = mark, note.id
        else:
            elsewhere.append((item, mark))
    return elsewhere
