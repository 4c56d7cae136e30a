"""Waves in a journal: written as a whole, or not at all."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from minikit import JournalError
from minikit.calls.journal import Journal
from minikit.calls.journal_rows import Wave

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAVE = Wave(id="a", server="https://a.example/v1/", model="m", begun_at=datetime.now(UTC))


def broken() -> Iterator[int]:
    """Yield a number, and fail."""
    yield 1
    raise JournalError("no more")


def test_what_fails_leaves_nothing(path: Path) -> None:
    """A wave is not there where one of its attempts could not be moved to it."""
    journal = Journal(path)
    with pytest.raises(JournalError, match="no more"):
        journal.move(broken(), "b", WAVE)
    assert journal.waves() == {}
    journal.move((), "b", WAVE)
    assert journal.waves() == {WAVE: 0}
    journal.close()


def test_a_damaged_wave_is_told(path: Path) -> None:
    """No wave is taken for what it is not."""
    journal = Journal(path)
    journal.note_wave(WAVE)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE waves SET batch = 'another'")
    connection.close()
    with pytest.raises(JournalError, match="is damaged"):
        journal.waves()
    journal.close()
