"""Waves in a journal: written as a whole, or not at all."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from batch_calls import request_of
from minikit import JournalError
from minikit.calls.completion import Completion
from minikit.calls.journal import Journal
from minikit.calls.journal_rows import Attempt, Begun, Wave

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


REQUEST = request_of("a")
NEW = Begun(fingerprint="f", run="r", job=None, operation="o", model="m", reserved_usd=None)


def test_what_another_has_claimed_is_not_taken_from_it(path: Path) -> None:
    """An attempt that travels in another wave by now is neither moved, claimed nor begun anew."""
    theirs, late = replace(WAVE, id="theirs"), replace(WAVE, id="late")
    with closing(Journal(path)) as journal:
        (number,) = journal.begin_wave(WAVE, [(NEW, REQUEST)])
        assert isinstance(number, int)
        assert journal.claim([number], WAVE, theirs)
        assert journal.try_wave(theirs, [number])
        assert not journal.claim([number], WAVE, late)
        journal.move([number], WAVE.id, late)
        known = replace(NEW, attempt=number, wave=WAVE.id)
        (found,) = journal.begin_wave(late, [(known, REQUEST)])
        assert isinstance(found, Attempt)
        assert (found.id, found.wave) == (number, theirs.id)
        here = replace(known, wave=theirs.id)
        assert journal.begin_wave(late, [(here, REQUEST)]) == [number]
        assert journal.waves() == {WAVE: 0, theirs: 0, late: 1}


@pytest.mark.parametrize(("said", "is_good"), [("yes", True), ("", False)])
def test_what_came_meanwhile_is_not_begun_anew(path: Path, said: str, is_good: bool) -> None:
    """A reply that can be given again is found, if it is not settled yet, too; others are not."""
    choice = {"index": 0, "message": {"role": "assistant", "content": said}}
    body = json.dumps({"model": "m", "choices": [{**choice, "finish_reason": "stop"}]})
    with closing(Journal(path)) as journal:
        (number,) = journal.begin_wave(WAVE, [(NEW, REQUEST)])
        assert isinstance(number, int)
        journal.keep_wave(WAVE.id, [("f", body, None)])
        known = replace(NEW, attempt=number, wave=WAVE.id)
        (own,) = journal.begin_wave(replace(WAVE, id="own"), [(known, REQUEST)])
        assert isinstance(own, Attempt)
        assert own.body == body
        (found,) = journal.begin_wave(replace(WAVE, id="other"), [(NEW, REQUEST)])
        assert isinstance(found, Completion if is_good else int)
