"""What a test double of servers is, whatever it answers from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from minikit.calls.standin import standing
from minikit.testing.batches import Batches
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
        self._batches = Batches()

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
        self._begin()
        return standing(self)

    @contextmanager
    def serving(self) -> Generator[str]:
        """Answer on a port of this machine too, and check at the end as a `with` block does.

        For an application that runs in another process, or that calls with another library. Give
        it the address, such as by OPENAI_BASE_URL, and any key; nothing is set here. Requests come
        by HTTP as to any server: retries wait, and after `timeout()` so does the client, as long
        as its own limit says. What a cassette records it asks of the server that OPENAI_BASE_URL
        names here, else of OpenAI, with the key that the application sends.

        Yields:
            The base URL, "http://127.0.0.1:PORT/v1".
        """
        from minikit.testing.loopback import loopback

        self._begin()
        with loopback(self.respond) as base_url:
            yield base_url
        self.check()

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

    def _begin(self) -> None:  # noqa: B027 - most need nothing
        """Make ready to answer."""

    def takes(self, server: str) -> bool:
        """Take the calls to any server; called by minikit."""
        return True

    async def respond(self, path: str, body: bytes, forward: Forward) -> Wire:
        """Answer a request; called by minikit.

        Args:
            path: Path and query of its URL; before them the method, where that is no GET or POST.
            body: Its body; b"" for a GET.
            forward: Asks the server that it was meant for.
        """

        async def answered(request: Request, sent: bytes) -> Wire:
            with self._noting():
                return await self._answer(request, sent, forward)

        with self._noting():
            reply = await self._batches.respond(path, body, answered)
            return reply or await answered(Request.of(path.partition("?")[0], body), body)

    @contextmanager
    def _noting(self) -> Generator[None]:
        """Keep the error of a request that there is no answer for, once."""
        try:
            yield
        except UnexpectedRequestError as error:
            if error not in self.unexpected:
                self.unexpected.append(error)
            raise

    @abstractmethod
    async def _answer(self, request: Request, body: bytes, forward: Forward) -> Wire: ...
