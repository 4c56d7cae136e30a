"""No real calls: what would leave this machine fails before it is sent."""

from __future__ import annotations

import ipaddress
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from minikit.calls.standin import standing
from minikit.errors import MinikitError

if TYPE_CHECKING:
    from minikit.calls.offline import Reply
    from minikit.calls.standin import Forward

__all__ = ["BlockedCallError", "blocked_calls"]


class BlockedCallError(MinikitError, RuntimeError):
    """A test would have made a real call; nothing was sent.

    Not a `CallError`, so that an application that goes on without a model does not hide it.
    """


class _Guard:
    """Lets calls pass to servers on this machine, and no others."""

    is_real = True

    def takes(self, server: str) -> bool:
        """Take nothing, and refuse what would leave the machine."""
        if not _is_here(urlsplit(server).hostname or ""):
            raise BlockedCallError(
                f"a real call to {server} was blocked: let the test use the fixture "
                f"minikit_server (scripted replies) or minikit_cassette (recorded ones), "
                f'or mark it with @pytest.mark.minikit_real_calls("allow")'
            )
        return False

    async def respond(self, path: str, body: bytes, forward: Forward) -> Reply:
        """Let pass what was let in."""
        return await forward(body)


def blocked_calls() -> AbstractContextManager[None]:
    """Let no client of this process make a call to another machine.

    Servers on this machine (localhost, 127.0.0.1, ::1) and the offline model can be asked, and
    counting and planning ask nobody. What a subprocess does is its own.
    """
    return standing(_Guard())


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
