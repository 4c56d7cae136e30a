"""What may have a client of its own: the async twins make one for what outlives their call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Owning"]


class Owning:
    """Closes the client that was made for it alone."""

    _closing: Callable[[], Awaitable[None]] | None = None

    def owning(self, closing: Callable[[], Awaitable[None]]) -> Self:
        """Let `aclose` call `closing`, which closes the client that was made for this alone."""
        self._closing = closing
        return self

    async def aclose(self) -> None:
        """Close the client, where it was made for this alone."""
        if self._closing is not None:
            await self._closing()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
