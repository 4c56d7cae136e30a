"""What can be done with the batches of a server from outside of the calls that wait for them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from minikit.calls.batching.outcomes import is_lost
from minikit.calls.batching.settings import BatchStatus
from minikit.calls.batching.watching import in_thread
from minikit.errors import CallError

if TYPE_CHECKING:
    from minikit.calls.batching.watching import Watcher
    from minikit.calls.batching.wire import Line, ServerBatch
    from minikit.calls.journal_rows import Wave

__all__ = ["Batches"]


class Batches:
    """The batches at one server; made by `Pipeline.batches`."""

    def __init__(self, watcher: Watcher, model: str) -> None:
        """Make it; nothing is sent.

        Args:
            watcher: What looks at batches.
            model: The model that is asked where nobody tells.
        """
        self._watcher = watcher
        self._model = model

    async def all(self) -> tuple[BatchStatus, ...]:
        """Return the batches, the newest first.

        With a journal those that it knows, else those among the last 100 of the account that
        minikit has made.

        Raises:
            CallError: The server does not tell.
            JournalError: The journal cannot be read.
        """
        if self._watcher.journal is None:
            page = await self._watcher.post.page()
            return tuple(_status(batch, None, None) for batch in page if batch.wave)
        known = [await self._known(wave, left) for wave, left in (await self._waves()).items()]
        return tuple(reversed([each for each in known if each is not None]))

    async def cancel(self, batch_id: str) -> BatchStatus:
        """Cancel a batch; what is done by then is paid for.

        Raises:
            CallError: The server does not know it, or does not cancel it.
            JournalError: The journal cannot be read.
        """
        wave, waiting = await self._wave(batch_id)
        return _status(await self._watcher.post.cancel(batch_id), wave, waiting)

    async def wait(self, batch_id: str, *, poll_s: float = 30.0) -> BatchStatus:
        """Wait until a batch is over, and keep in the journal what it has brought.

        The hooks hear of each step (`BatchWatched`).

        Args:
            batch_id: The server's id of it.
            poll_s: Seconds between two looks at most.

        Raises:
            CallError: The server does not know it, or does not tell.
            JournalError: The journal cannot be used.
        """
        wave, waiting = await self._wave(batch_id)
        model = self._model if wave is None else wave.model
        batch = await self._watcher.watch(batch_id, model, poll_s)
        if wave is not None and waiting:
            for file_id in batch.files:
                await self._watcher.post.read(file_id, partial(self._keep, wave.id))
            _, waiting = await self._wave(batch_id)
        return _status(batch, wave, waiting)

    async def _keep(self, wave: str, lines: list[Line]) -> None:
        await self._watcher.keep(wave, lines)

    async def _known(self, wave: Wave, waiting: int) -> BatchStatus | None:
        """Return what the server says of a wave; None where it is another's, or became no batch."""
        post = self._watcher.post
        if wave.server != post.transport.server:
            return None
        try:
            if wave.batch_id is not None:
                batch = await post.look(wave.batch_id)
            else:
                found = None if wave.tried_at is None else await self._watcher.find(wave)
                if found is None:
                    return None
                batch = found
        except CallError as error:
            if not is_lost(error) or wave.batch_id is None:
                raise
            return _unknown(wave, wave.batch_id, waiting)
        return _status(batch, wave, waiting)

    async def _waves(self) -> dict[Wave, int]:
        journal = self._watcher.journal
        return {} if journal is None else await in_thread(journal.waves)

    async def _wave(self, batch_id: str) -> tuple[Wave | None, int | None]:
        waves = await self._waves()
        found = ((wave, left) for wave, left in waves.items() if wave.batch_id == batch_id)
        return next(found, (None, None))


def _status(batch: ServerBatch, wave: Wave | None, waiting: int | None) -> BatchStatus:
    return BatchStatus(
        id=batch.id,
        status=batch.status,
        model=batch.model if wave is None else wave.model,
        requests=batch.requests,
        completed=batch.completed,
        failed=batch.failed,
        created_at=batch.created_at,
        expires_at=batch.expires_at,
        waiting=waiting,
    )


def _unknown(wave: Wave, batch_id: str, waiting: int) -> BatchStatus:
    return BatchStatus(
        id=batch_id,
        status="unknown",
        model=wave.model,
        requests=0,
        completed=0,
        failed=0,
        created_at=wave.begun_at,
        expires_at=None,
        waiting=waiting,
    )
