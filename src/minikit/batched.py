"""What the blocking client does about batches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikit.calls.batching.settings import BatchStatus
    from minikit.client import AsyncClient
    from minikit.models.model import Model
    from minikit.portal import Loop

__all__ = ["BlockingBatches"]


class BlockingBatches:
    """The part of `Client` that is about batches."""

    _client: AsyncClient
    _loop: Loop

    def batches(self, *, model: str | Model | None = None) -> tuple[BatchStatus, ...]:
        """Return what became of batches; see `AsyncClient.batches`."""
        return self._loop.call(partial(self._client.batches, model=model))

    def cancel_batch(self, batch_id: str, *, model: str | Model | None = None) -> BatchStatus:
        """Cancel a batch; see `AsyncClient.cancel_batch`."""
        return self._loop.call(partial(self._client.cancel_batch, batch_id, model=model))

    def wait_for_batch(
        self, batch_id: str, *, poll_s: float = 30.0, model: str | Model | None = None
    ) -> BatchStatus:
        """Wait until a batch is over; see `AsyncClient.wait_for_batch`."""
        wait = partial(self._client.wait_for_batch, batch_id, poll_s=poll_s, model=model)
        return self._loop.call(wait)
