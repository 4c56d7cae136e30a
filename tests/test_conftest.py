"""The guards around every test hold."""

from __future__ import annotations

import os
import socket

import anyio
import pytest


def test_no_test_reaches_a_network(strayed: list[str]) -> None:
    """A name that is not this host is not even looked up."""
    with pytest.raises(OSError, match=r"loopback only, not .example\.com"):
        socket.create_connection(("example.com", 80))
    assert strayed == ["socket.getaddrinfo: 'example.com'"]


@pytest.mark.anyio
async def test_no_async_test_reaches_a_network(strayed: list[str]) -> None:
    """An address is refused on both event loops."""
    with pytest.raises(OSError, match="connection"):
        await anyio.connect_tcp("192.0.2.1", 80)
    assert "socket.connect: '192.0.2.1'" in strayed


def test_the_environment_holds_no_keys() -> None:
    """What the machine's environment says does not reach a test."""
    assert not [name for name in os.environ if name.startswith(("OPENAI_", "MINIKIT_"))]
