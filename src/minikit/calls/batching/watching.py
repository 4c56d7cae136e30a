"""What looks at batches: until they are over, or for those that may have been made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from minikit.calls.batching.outcomes import is_lost
from minikit.calls.batching.settings import OVER
from minikit.calls.hooks import BatchWatched, warned
from minikit.calls.retry import is_retryable
from minikit.errors import CallError, JournalError

if TYPE_CHECKING:
    from minikit.calls.batching.post import Post
    from minikit.calls.batching.wire import Line, ServerBatch
    from minikit.calls.hooks import Hooks
    from minikit.calls.journal import Journal
    from minikit.calls.journal_rows import Wave

__all__ = ["FIRST_POLL_S", "Watcher", "in_thread"]

T = TypeVar("T")

FIRST_POLL_S = 1.0

POLLS_FAILED_AT_MOST = 100
"""In a row; at 30 s between two, that is an outage of 50 minutes."""

LOST_AFTER = 4
"""Looks at a batch that the server does not know, before it is taken for lost."""


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work`, which blocks, in a thread; cancellation waits for its end."""
    from anyio import to_thread

    return await to_thread.run_sync(work)


class Watcher:
    """Looks at batches until they are over, and tells the hooks and the journal."""

    def __init__(self, post: Post, hooks: Hooks, journal: Journal | None) -> None:
        self.post = post
        self.hooks = hooks
        self.journal = journal

    async def watch(self, batch_id: str, model: str, poll_s: float) -> ServerBatch:
        """Wait until a batch is over.

        Raises:
            CallError: The server does not tell, many times in a row, or does not know it.
        """
        from anyio import sleep

        told: tuple[object, ...] = ()
        failed, pause_s = 0, min(FIRST_POLL_S, poll_s)
        while True:
            try:
                batch = await self.post.look(batch_id)
                failed = 0
                if batch.figures != told:
                    self.tell(batch, model)
                    told = batch.figures
                if batch.status in OVER:
                    return batch
            except CallError as error:
                failed += 1
                # A batch that was just made may not be known everywhere yet.
                most = LOST_AFTER if is_lost(error) else POLLS_FAILED_AT_MOST
                if not (is_retryable(error) or is_lost(error)) or failed > most:
                    raise
            await sleep(pause_s)
            pause_s = min(2 * pause_s, poll_s)

    def tell(self, batch: ServerBatch, model: str) -> None:
        """Tell the hooks how far a batch is."""
        if self.hooks.wants(BatchWatched):
            self.hooks.emit(
                BatchWatched(
                    batch_id=batch.id,
                    model=model,
                    status=batch.status,
                    requests=batch.requests,
                    completed=batch.completed,
                    failed=batch.failed,
                )
            )

    async def find(self, note: Wave) -> ServerBatch | None:
        """Return the batch that a wave has become, if it has."""
        found = await self.post.find(note.id, note.begun_at)
        if found is not None:
            await self.note(replace(note, batch_id=found.id))
        return found

    async def note(self, note: Wave) -> None:
        """Tell the journal what is known of a wave by now."""
        if self.journal is not None:
            await in_thread(partial(self.journal.note_wave, note))

    async def keep(self, wave: str, lines: list[Line]) -> bool:
        """Keep in the journal what lines bring, whoever asked for it; tell whether it is there."""
        replies = [(line.name, line.body, line.request_id) for line in lines if line.is_reply]
        if self.journal is None or not replies:
            return False
        try:
            await in_thread(partial(self.journal.keep_wave, wave, replies))
        except JournalError as error:  # a reply is worth more than its note
            warned(f"replies could not be kept in the journal: {error}")
            return False
        return True
