"""For tests of applications that use minikit: a scripted server, recordings, no real calls.

with ScriptedServer() as server:
    server.reply("Whales are mammals.")
    assert my_application("whales.txt") == "Whales are mammals."
assert "whales" in server.requests[0].prompt

Whatever stands in does so for all clients of the process, also for those that the application
makes by itself; nothing is patched, and no socket is opened. pytest is needed by the plugin alone.
"""

from __future__ import annotations

from minikit.testing.blocking import BlockedCallError, blocked_calls
from minikit.testing.cassette import Cassette
from minikit.testing.replies import (
    Reply,
    completion,
    disconnected,
    error,
    raw,
    refusal,
    timeout,
    truncated,
)
from minikit.testing.request import Request, UnexpectedRequestError
from minikit.testing.server import ScriptedServer

__all__ = [
    "BlockedCallError",
    "Cassette",
    "Reply",
    "Request",
    "ScriptedServer",
    "UnexpectedRequestError",
    "blocked_calls",
    "completion",
    "disconnected",
    "error",
    "raw",
    "refusal",
    "timeout",
    "truncated",
]
