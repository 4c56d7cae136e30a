"""What a test double of servers is, whatever it answers from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Self

from minikit.calls.standin import standing
from minikit.testing.request import Request, UnexpectedRequestError

if TYPE_CHECKING:
    from types import TracebackType

    from minikit.calls.offline import Reply as Wire
    from minikit.calls.standin import Forward

__all__ = ["Double"]


class Double(ABC):
    """Stands in for every server within its `with` block, and remembers what was asked.

    Attributes:
        requests: What was asked, in order of arrival.
        unexpected: The errors of requests that it had no answer for.
    """

    is_real: bool = False

    def __init__(self) -> None:
        """Stand ready; nothing is read and nothing changes before the `with` block."""
        self.requests: list[Request] = []
        self.unexpected: list[UnexpectedRequestError] = []
        self._stay = ExitStack()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {len(self.requests)} requests>"

    def __enter__(self) -> Self:
        self._stay.enter_context(self.standing())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stay.close()
        if error is None:
            self.check()

    def standing(self) -> AbstractContextManager[None]:
        """Stand in as a `with` block does, without a check at its end."""
        return standing(self)

    def check(self) -> None:
        """Check what holds at the end of a test; the `with` block ends with it.

        Raises:
            AssertionError: Something does not.
        """
        self.assert_all_expected()

    def assert_all_expected(self) -> None:
        """Raise the error of the first request that there was no answer for, if there was one.

        Raises:
            UnexpectedRequestError: There was one.
        """
        if self.unexpected:
            raise self.unexpected[0]

    def takes(self, server: str) -> bool:
        """Take the calls to any server; called by minikit."""
        return True

    async def respond(self, path: str, body: bytes, forward: Forward) -> Wire:
        """Answer a request; called by minikit."""
        try:
            return await self._answer(Request.of(path, body), body, forward)
        except UnexpectedRequestError as error:
            self.unexpected.append(error)
            raise

    @abstractmethod
    async def _answer(self, request: Request, body: bytes, forward: Forward) -> Wire: ...
