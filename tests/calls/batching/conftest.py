"""Fixtures of the tests of batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from batch_calls import echo

from batches import BatchServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def batches() -> Iterator[BatchServer]:
    """A running server of batches that echoes."""
    with BatchServer(handler=echo) as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal may be made."""
    return tmp_path / "calls.sqlite"
