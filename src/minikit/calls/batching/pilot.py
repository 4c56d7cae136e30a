"""The course of a flight: found or launched, watched, and landed."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from minikit.calls.batching.flight import Flight, Item
from minikit.calls.batching.outcomes import (
    TOO_MUCH,
    blame,
    is_lost,
    is_refused,
    is_too_much,
    lost,
    rest_of,
    too_large,
    unanswered,
)
from minikit.calls.batching.packing import MOST_BYTES, pack, row_of
from minikit.calls.batching.watching import FIRST_POLL_S, Watcher, in_thread
from minikit.calls.hooks import warned
from minikit.calls.transport import RawReply
from minikit.errors import CallError, RateLimitError

if TYPE_CHECKING:
    from minikit.calls.batching.flight import Fate
    from minikit.calls.batching.packing import Packed
    from minikit.calls.batching.post import Post
    from minikit.calls.batching.settings import Batch
    from minikit.calls.batching.wire import Line, ServerBatch
    from minikit.calls.completion import Completion
    from minikit.calls.hooks import Hooks
    from minikit.calls.journal import Journal
    from minikit.calls.journal_rows import Attempt, Wave

__all__ = ["Pilot"]

ROUNDS = 3
"""How often a batch is sent again without the requests that the server found wrong."""

LEAVE_WITHIN_S = 5.0
"""How long a cancelled call may take to cancel its batch."""


class Pilot(Watcher, ABC):
    """Takes flights to one model of one server, each driven by the task of one of its calls.

    Where that task is cancelled, another goes on at any point: what was done is in the fields of
    the flight, and what may have been done, such as a batch that was asked for, is looked up.

    Attributes:
        brought_at: When the last replies to a wave came, in seconds of the monotonic clock.
    """

    def __init__(self, post: Post, hooks: Hooks, journal: Journal | None, batch: Batch) -> None:
        """Make one; nothing is sent.

        Args:
            post: What asks the server.
            hooks: Who is told.
            journal: Where waves are noted, or None.
            batch: How calls are gathered.
        """
        from anyio import Event, Lock

        super().__init__(post, hooks, journal)
        self.brought_at: dict[str, float] = {}
        self._batch = batch
        self._packing = Lock()  # one file at a time in memory
        self._narrow = Lock()
        self._is_narrow = False
        self._most_bytes = MOST_BYTES
        self._flying: set[Flight] = set()
        self._landed = Event()

    async def fly(self, flight: Flight) -> None:
        """Take a flight to its end, or to where its driver has left, however many batches it takes.

        Raises:
            CallError: The server failed; see `settle_all` for what to book.
            JournalError: The journal cannot be used; nothing more was sent.
        """
        while flight.is_led:
            async with self._in_turn(flight):
                if flight.note.batch_id is None:
                    await self._launch(flight)
                if flight.note.batch_id is not None:
                    await self._land(flight, flight.note.batch_id)

    def settle_all(self, flight: Flight, error: Exception) -> None:
        """Give all who wait the error that a flight ended with; it was tried again by then."""
        for item in (*flight.aboard.values(), *flight.waiting.values()):
            item.is_final = True
        sent = flight.note.batch_id is not None or flight.in_doubt or flight.adopted
        ours: Fate = "free" if isinstance(error, CallError) else "unsent"
        flight.fail(flight.aboard.values(), error, "aboard" if sent else ours)
        flight.fail(flight.waiting.values(), error, ours)

    async def abandon(self, flight: Flight) -> None:
        """Leave a flight for which nobody waits any more.

        With a journal its batch goes on, and a later run gets the replies; else it is cancelled.
        """
        from anyio import CancelScope, move_on_after

        batch_id = flight.note.batch_id
        if batch_id is None and not flight.in_doubt:
            return
        if self.journal is not None:
            warned(
                f"the batch {batch_id or 'just sent'} goes on at the server: run the same again "
                f"with this journal to get its replies, or cancel it (minikit batch cancel)"
            )
            return
        with CancelScope(shield=True), move_on_after(LEAVE_WITHIN_S) as scope:
            try:
                if batch_id is None:
                    found = await self._find_made(flight.note)
                    batch_id = None if found is None else found.id
                if batch_id is not None:
                    await self.post.cancel(batch_id)
            except CallError as error:
                warned(f"the batch {batch_id or 'just sent'} could not be cancelled: {error}")
        if scope.cancelled_caught:
            warned(f"the batch {batch_id or 'just sent'} could not be cancelled in time")

    def may_be_listed(self, note: Wave) -> bool:
        """Tell whether a batch that was asked for, and is not listed, may have been made."""
        listed_within = timedelta(seconds=self._batch.listed_within_s)
        return note.tried_at is not None and datetime.now(UTC) - note.tried_at <= listed_within

    @abstractmethod
    async def regroup(self, flight: Flight) -> None:
        """Let calls join what the journal says that they travel with by now."""

    @abstractmethod
    def adopt(self, item: Item, found: Attempt | Completion) -> None:
        """Let a call wait for what another process has sent, or take what it was answered."""

    @asynccontextmanager
    async def _in_turn(self, flight: Flight) -> AsyncGenerator[None]:
        """Send one batch after the other, once the server had too much of them."""
        if flight.note.batch_id is None and self._is_narrow:
            async with self._narrow:
                yield
        else:
            yield

    async def _launch(self, flight: Flight) -> None:
        """Send what waits as a file, and have a batch made of it."""
        if flight.file_id is None:
            async with self._packing:
                packed = await self._packed(flight)
                if not (flight.aboard and flight.is_led):
                    return
                name = f"minikit-{flight.note.id}.jsonl"
                flight.file_id = await self.post.upload(name, packed.data)
        try:
            batch = await self.post.again(partial(self._create, flight, flight.file_id))
        except _Claimed:
            await self.regroup(flight)
            return
        except CallError as error:
            if error.code != TOO_MUCH:
                raise
            await self._send_less(flight, error)
            return
        flight.note = replace(flight.note, batch_id=batch.id)
        await self.note(flight.note)

    async def _packed(self, flight: Flight) -> Packed:
        """Fill a file; what does not go into it stays behind, or flies by itself."""
        items = [*flight.aboard.values(), *flight.waiting.values()]
        for item in items:
            item.fate = "aboard"  # the file is written now, with or without them
        packed = await in_thread(
            partial(
                pack,
                items,
                flight.note,
                self.journal,
                most_bytes=self._most_bytes,
                most_requests=self._batch.max_requests,
                endpoint=self._batch.endpoint,
            )
        )
        for item, found in packed.elsewhere:
            if not item.is_gone:
                self.adopt(item, found)
        flight.waiting = {item.name: item for item in packed.left if not item.is_gone}
        for item in flight.waiting.values():
            item.fate = "unsent"
        flight.aboard = {item.name: item for item in packed.aboard if not item.is_gone}
        flight.fail(
            (item for item in packed.too_large if not item.is_gone), too_large(MOST_BYTES), "free"
        )
        flight.names = [item.name for item in packed.aboard]
        flight.size_bytes = len(packed.data)
        if self.journal is not None:
            flight.rows = [row_of(item) for item in packed.aboard]
        if flight.waiting and not self._is_narrow:
            other = Flight(note=packed.note, stirred=flight.stirred, is_open=False)
            waiting, flight.waiting = flight.waiting, {}
            for item in waiting.values():
                other.join(item)
        return packed

    async def _create(self, flight: Flight, file_id: str) -> ServerBatch:
        """Make the batch, unless an earlier try has, whose reply was lost."""
        if flight.in_doubt and (found := await self._find_made(flight.note)) is not None:
            return found
        note = replace(flight.note, tried_at=datetime.now(UTC))
        if self.journal is not None:
            is_ours = await in_thread(partial(self.journal.try_wave, note, flight.rows))
            if not is_ours:
                raise _Claimed
        flight.note, flight.in_doubt = note, True
        try:
            batch = await self.post.create(file_id, note.id, self._batch.endpoint)
        except CallError as error:
            flight.in_doubt = not is_refused(error)
            raise
        flight.in_doubt = False
        return batch

    async def _find_made(self, note: Wave) -> ServerBatch | None:
        """Look for a batch that was asked for, as long as it may not be listed yet."""
        from anyio import sleep

        while True:
            found = await self.find(note)
            if found is not None or not self.may_be_listed(note):
                return found
            await sleep(min(FIRST_POLL_S, self._batch.poll_s))

    async def _land(self, flight: Flight, batch_id: str) -> None:
        """Wait for a batch, and give each call what it brought."""
        from anyio import Event

        self._flying.add(flight)
        batch: ServerBatch | None = None
        try:
            batch = await self.watch(batch_id, flight.note.model, self._batch.poll_s)
            await self.landing(flight)
            for file_id in batch.files:
                await self.post.read(file_id, partial(self._hand_out, flight))
        except CallError as error:
            if not is_lost(error):
                raise
            for item in flight.aboard.values():  # files that nobody gets would be paid for again
                item.is_final = batch is not None and not flight.adopted
            flight.fail(flight.aboard.values(), lost(batch_id), "known")
            return
        finally:
            self._flying.discard(flight)
            self._landed.set()
            self._landed = Event()
        if batch.status == "failed":
            await self._take_back(flight, batch)
        elif flight.aboard:
            flight.fail(flight.aboard.values(), *rest_of(batch, len(flight.replied)))
        flight.renew()

    @abstractmethod
    async def landing(self, flight: Flight) -> None:
        """Let no more calls join a flight whose batch is over."""

    async def _hand_out(self, flight: Flight, lines: list[Line]) -> None:
        """Give calls what lines bring, once it is kept."""
        is_kept = await self.keep(flight.note.id, lines)
        self.brought_at[flight.note.id] = time.monotonic()
        flight.replied.update(line.name for line in lines if line.is_reply)
        for line in lines:
            item = flight.aboard.get(line.name)
            if item is None:  # it has left, or has had its line
                continue
            if line.is_reply:
                reply = RawReply(body=line.body, request_id=line.request_id, is_kept=is_kept)
                flight.bring(item, reply)
            else:
                flight.fail((item,), *unanswered(line, self.post.transport.failure))

    async def _take_back(self, flight: Flight, batch: ServerBatch) -> None:
        """Send a batch again that failed as a whole, where that can help: nothing of it was run."""
        error, named = blame(batch, flight.names, self.post.transport.failure)
        if is_too_much(batch):
            await self._send_less(flight, error)
        elif not (flight.adopted or (named and flight.rounds < ROUNDS)):
            flight.fail(flight.aboard.values(), error, "free")
        for name, wrong in named.items():
            if name in flight.aboard:
                flight.fail((flight.aboard[name],), wrong, "free")
        flight.rounds += not flight.adopted

    async def _send_less(self, flight: Flight, error: CallError) -> None:
        """Make room in what the server may have enqueued: wait for other batches, or halve."""
        self._is_narrow = True
        if self._flying:
            await self._landed.wait()
        elif len(flight.names) > 1:
            self._most_bytes = max(1, min(self._most_bytes, flight.size_bytes) // 2)
        elif not flight.adopted:
            wait_s = self._batch.poll_s
            limited = RateLimitError(str(error), code=TOO_MUCH, retry_after_s=wait_s)
            flight.fail(flight.aboard.values(), limited, "free")
        flight.renew()


class _Claimed(Exception):  # noqa: N818 - a signal
    """Another process has claimed a call of a wave that was about to be sent."""
