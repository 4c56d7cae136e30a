"""A real Redis, and a real cluster of Dask inside this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from redis_server import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    import distributed


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a Redis server."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
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
