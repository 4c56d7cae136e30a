"""What every test has: a clean environment, no network but loopback, both event loops."""

from __future__ import annotations

import copyreg
import ipaddress
import os
import sys
from typing import TYPE_CHECKING

import pytest
from blockbuster import blockbuster_ctx

from server import ChatServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import distributed

    from batches import BatchServer

_CLEANED = ("OPENAI_", "MINIKIT_", "ANTHROPIC_", "GEMINI_", "GOOGLE_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_strayed: list[str] = []


def _forbid_network(event: str, args: tuple[object, ...]) -> None:
    """Refuse, as an audit hook, to look up or reach any host but this one."""
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = args[1]
        host = address[0] if isinstance(address, tuple) else None  # else a path, or a reply
    else:
        return
    if host is not None and not _is_here(host):
        _strayed.append(f"{event}: {host!r}")
        raise OSError(f"a test may reach loopback only, not {host!r}")


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


sys.addaudithook(_forbid_network)


@pytest.fixture(autouse=True)
def _no_strays() -> Iterator[None]:
    """Fail a test that tried to reach a network, even where the attempt was caught."""
    _strayed.clear()
    yield
    assert not _strayed


@pytest.fixture
def strayed() -> Iterator[list[str]]:
    """The attempts of this test to reach a network; forgiven to the test that asks for them."""
    yield _strayed
    _strayed.clear()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide keys, defaults and proxies of the machine that runs the tests."""
    for name in os.environ:
        if name.startswith(_CLEANED) or name.upper() in _PROXIES:
            monkeypatch.delenv(name)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run each test marked `anyio` on both event loops."""
    return str(request.param)


@pytest.fixture(autouse=True)
def _errors_pickle_as_they_do() -> Iterator[None]:
    """Undo what Dask changes as it is imported: how every error of the process is pickled."""
    yield
    if "tblib" in sys.modules:
        for kind in [kind for kind in copyreg.dispatch_table if issubclass(kind, BaseException)]:
            del copyreg.dispatch_table[kind]


@pytest.fixture(autouse=True)
def _no_blocking_calls(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail an async test in which minikit blocks the loop; blockbuster sees asyncio's loop only."""
    if "anyio_backend" not in request.fixturenames:
        yield
        return
    with blockbuster_ctx("minikit") as blockbuster:
        # The table of models is read once, a small file in the package, like an import.
        blockbuster.functions["io.TextIOWrapper.read"].can_block_in("models/table.py", "_data")
        # Measuring coverage takes a lock that a worker thread may hold.
        blockbuster.functions["threading.Lock.acquire"].can_block_in("collector.py", "lock_data")
        yield


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A running chat-completions server."""
    with ChatServer() as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal may be made."""
    return tmp_path / "calls.sqlite"


@pytest.fixture
def batches() -> Iterator[BatchServer]:
    """A running server of batches that echoes."""
    from batch_calls import echo
    from batches import BatchServer

    with BatchServer(handler=echo) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a Redis server."""
    from redis_server import redis_server

    with redis_server() as url:
        yield url


@pytest.fixture(scope="module")
def cluster() -> Iterator[distributed.Client]:
    """A client of a cluster whose scheduler and worker are threads of this process."""
    from distributed import Client

    with Client(
        processes=False,
        n_workers=1,
        threads_per_worker=2,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as client:
        yield client
