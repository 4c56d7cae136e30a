"""One address for all tests of a session, each of which has a double of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikit.calls.standin import current
from minikit.testing.double import Double
from minikit.testing.request import Request, UnexpectedRequestError
from minikit.testing.showing import shown

if TYPE_CHECKING:
    from minikit.calls.offline import Reply as Wire
    from minikit.calls.standin import Forward

__all__ = ["Exchange"]


class Exchange(Double):
    """Passes requests on to the double that stands in as they come: each test has its own."""

    async def respond(self, path: str, body: bytes, forward: Forward) -> Wire:
        """Answer a request as the double that stands in does."""
        stage = current()
        double = None if stage is None else stage.standin
        if isinstance(double, Double):
            return await double.respond(path, body, forward)
        return await super().respond(path, body, forward)

    async def _answer(self, request: Request, body: bytes, forward: Forward) -> Wire:
        raise UnexpectedRequestError(
            f"a request came while no test had the fixture minikit_server or minikit_cassette:\n"
            f"{shown(request)}",
            code="unexpected_request",
        )
