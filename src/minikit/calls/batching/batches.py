"""What can be done with the batches of a server from outside of the calls that wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikit.calls.batching.settings import BatchStatus

__all__ = ["Batches"]


class Batches:
    """The batches at one server; made by `Pipeline.batches`."""

    async def all(self) -> tuple[BatchStatus, ...]:
        """Return the batches, the newest first.

        With a journal those that it knows, else those of the server that minikit has made.

        Raises:
            CallError: The server does not tell.
            JournalError: The journal cannot be read.
        """
        raise NotImplementedError

    async def cancel(self, batch_id: str) -> BatchStatus:
        """Cancel a batch; what is done by then is paid for.

        Raises:
            CallError: The server does not know it, or does not cancel it.
        """
        raise NotImplementedError

    async def wait(self, batch_id: str, *, poll_s: float = 30.0) -> BatchStatus:
        """Wait until a batch is over, and keep in the journal what it has brought.

        The hooks hear of each step (`BatchWatched`).

        Raises:
            CallError: The server does not know it, or does not tell.
            JournalError: The journal cannot be used.
        """
        raise NotImplementedError
