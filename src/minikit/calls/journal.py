"""What was asked and answered before: one SQLite file for many threads, processes and runs."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from minikit.calls.journal_file import JournalFile
from minikit.calls.journal_rows import (
    Attempt,
    Begun,
    Wave,
    attempt_of,
    crc,
    iso,
    packed,
    plain,
    wave_of,
)
from minikit.calls.ledger import Ledger, LedgerEntry
from minikit.calls.replay import booked, replayed
from minikit.checks import check_number
from minikit.errors import ArgumentError, JournalError

if TYPE_CHECKING:
    import sqlite3

    from minikit.calls.completion import Completion
    from minikit.calls.request import Request

__all__ = ["Journal", "JournalStats"]

BEGUN = "fingerprint, run, job, started_at, operation, model, reserved_usd"

INSERT = f"INSERT INTO attempts ({BEGUN}, begun_crc, wave, wave_crc) VALUES ({'?, ' * 9}?)"  # noqa: S608 - constants

KEPT = "body = ?, request_id = ?, kept_crc = ?"

UNKNOWN_YET = "+wave = ? AND fingerprint = ? AND entry IS NULL AND body IS NULL"
"""The plus keeps SQLite from looking through all of a wave for each of its attempts."""

IN_WAVE = "id = ? AND +wave = ? AND entry IS NULL AND body IS NULL"

FREE = f"SELECT id FROM attempts WHERE {IN_WAVE}"  # noqa: S608 - constants

MOVE = f"UPDATE attempts SET wave = ?, wave_crc = ? WHERE {IN_WAVE}"  # noqa: S608 - constants

UNSETTLED = "iif(entry IS NULL, body, NULL), request_id, iif(entry IS NULL, kept_crc, NULL)"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStats:
    """What a journal holds.

    Attributes:
        attempts: Requests that were written down.
        replies: Those of them with a reply.
        models: The models that were asked, in order of their names.
        spent_usd: Sum of the known costs.
        unmeasured: Attempts of which the cost is unknown.
        size_bytes: Size on disk, with the part that SQLite has yet to move into the file.
        first_at: When the oldest attempt began, in UTC, or None when there is none.
        last_at: When the newest began.
    """

    attempts: int
    replies: int
    models: tuple[str, ...]
    spent_usd: Decimal
    unmeasured: int
    size_bytes: int
    first_at: datetime | None
    last_at: datetime | None


class Journal:
    """Attempts and raw replies by fingerprint, in one SQLite file.

    A row is there when the method that wrote it returns, and outlives kill -9 at any instant; a
    power cut may take the newest rows, and leaves the others whole. Threads, processes and forks
    may share a file. It is opened at first use, and again at the first use after `close`; where it
    was removed, it is made anew. A new file can be read by its owner alone, as replies may be
    confidential. It holds no prompt and no key.

    Every failure is a JournalError; a file that cannot be read is left as it is, and of a damaged
    one no row is taken for what it is not.
    """

    def __init__(self, path: str | Path, *, wait_s: float = 10.0) -> None:
        """Name the file; the disk is not touched.

        Args:
            path: The file, which need not exist; its folder must.
            wait_s: Seconds to wait for another process or thread that is writing.
        """
        if not isinstance(cast("object", path), str | Path):
            raise ArgumentError(f"journal is a str or a Path, not {type(path).__name__}")
        if not str(path) or "\0" in str(path):
            raise ArgumentError(f"journal={str(path)!r} is not the name of a file")
        check_number("wait_s", wait_s, 0, 86_400)
        self._file = JournalFile(Path(path), wait_s)

    def recall(self, fingerprint: str) -> tuple[Attempt, ...]:
        """Return the attempts of all runs at what has this fingerprint, the oldest first."""
        return self._attempts("fingerprint = ? ORDER BY id", fingerprint)

    def spent(self, job: str | None = None) -> Iterator[Attempt]:
        """Yield what was spent so far, the oldest first, with the file free in between.

        Bodies are left out where it is known what the attempt came to.

        Args:
            job: Only the attempts of this job; None: all of them.
        """
        last, whose = -1, "" if job is None else " AND job = ?"
        wanted = () if job is None else (job,)
        while page := self._attempts(
            f"id > ?{whose} ORDER BY id LIMIT 500", last, *wanted, whole=False
        ):
            yield from page
            last = page[-1].id

    def begin(
        self,
        fingerprint: str,
        *,
        run: str,
        job: str | None = None,
        operation: str,
        model: str,
        reserved_usd: Decimal | None,
    ) -> int:
        """Write down that a request is about to be sent; return the number of the attempt."""
        begun = Begun(
            fingerprint=fingerprint,
            run=run,
            job=job,
            operation=operation,
            model=model,
            reserved_usd=reserved_usd,
        )
        with self._file.connected() as connection:
            done = connection.execute(INSERT, (*begun.row(), None, None))
            return cast("int", done.lastrowid)

    def begin_wave(
        self, wave: Wave, begun: Iterable[tuple[Begun, Request]]
    ) -> list[int | Attempt | Completion]:
        """Write down that requests are about to be sent together, all of them or none.

        What a batch may still bring is not begun again, nor what was answered since it was last
        looked up, whoever sent it.

        Returns:
            For each, the number of the attempt; or the attempt that is under way elsewhere, or has
            its own reply by now; or the reply that another attempt has brought.
        """
        with self._file.connected() as connection, _whole(connection):
            marks = [self._begun(connection, wave, *each) for each in begun]
            _note(connection, wave)
        return marks

    def move(self, attempts: Iterable[int], old: str, wave: Wave) -> None:
        """Let attempts travel in another wave than `old`, but for those that are there no more."""
        with self._file.connected() as connection, _whole(connection):
            _move(connection, attempts, old, wave)

    def claim(self, attempts: Sequence[int], old: Wave, wave: Wave) -> bool:
        """Let attempts of a wave that became no batch travel in another.

        Returns:
            Whether it was done. Not where the old wave is no longer as it is known here, since
            whoever has begun it may be about to send it; nor where one of the attempts is in it
            no more, since whoever has claimed it may have sent it.
        """
        with self._file.connected() as connection, _whole(connection):
            found = connection.execute("SELECT crc FROM waves WHERE id = ?", (old.id,)).fetchone()
            free = (connection.execute(FREE, (number, old.id)).fetchone() for number in attempts)
            is_free = found is not None and found[0] == old.row()[-1] and all(free)
            if is_free:
                _move(connection, attempts, old.id, wave)
            return is_free

    def try_wave(self, wave: Wave, attempts: Sequence[int]) -> bool:
        """Write down that a batch is about to be made of a wave of these attempts.

        Returns:
            Whether it was done. Not where another process has claimed one of them since.
        """
        count = "SELECT count(*) FROM attempts WHERE wave = ? AND body IS NULL AND entry IS NULL"
        with self._file.connected() as connection, _whole(connection):
            (here,) = connection.execute(count, (wave.id,)).fetchone()
            if here == len(attempts):
                _note(connection, wave)
            return bool(here == len(attempts))

    def note_wave(self, wave: Wave) -> None:
        """Store what is known of a wave by now."""
        with self._file.connected() as connection:
            _note(connection, wave)

    def waves(self, wave: str | None = None) -> dict[Wave, int]:
        """Return the waves, or one by its id, with how many attempts of each are under way."""
        count = "SELECT count(*) FROM attempts WHERE wave = waves.id AND body IS NULL"
        columns = f"id, server, model, begun_at, tried_at, batch, crc, ({count} AND entry IS NULL)"
        which = ("", ()) if wave is None else ("WHERE id = ?", (wave,))
        query = f"SELECT {columns} FROM waves {which[0]} ORDER BY begun_at"  # noqa: S608 - constants
        with self._file.connected() as connection:
            rows = connection.execute(query, which[1]).fetchall()
        try:
            return {wave_of(row): waiting for *row, waiting in rows}
        except ValueError as error:
            raise self._file.damage(error) from error

    def keep_wave(self, wave: str, replies: Iterable[tuple[str, str, str | None]]) -> None:
        """Store raw replies to attempts of a wave: fingerprint, body and request id of each.

        What is known to have come to something else stays as it is, and so does the first of two
        replies to one request.
        """
        rows = ((*packed(body, request_id), wave, name) for name, body, request_id in replies)
        with self._file.connected() as connection, _whole(connection):
            connection.executemany(f"UPDATE attempts SET {KEPT} WHERE {UNKNOWN_YET}", rows)  # noqa: S608 - constants

    def keep(self, attempt: int, body: str, *, request_id: str | None) -> None:
        """Store the raw reply to an attempt, any str as it is."""
        self._update(KEPT, *packed(body, request_id), attempt)

    def settle(self, attempt: int, entry: LedgerEntry) -> None:
        """Store what an attempt came to."""
        settled = entry.to_json()
        self._update("entry = ?, settled_crc = ?", settled, crc(settled), attempt)

    def stats(self) -> JournalStats:
        """Sum up what the file holds; reads all of it."""
        times: list[datetime] = []
        models: set[str] = set()
        replies = 0
        ledger = Ledger()
        for attempt in self._all():
            times.append(attempt.started_at)
            models.add(attempt.model)
            replies += attempt.body is not None
            if attempt.entry is not None or attempt.body is not None:
                ledger.record(booked(attempt))  # where a kill came first, priced by the reply
        settled = ledger.total
        return JournalStats(
            attempts=len(times),
            replies=replies,
            models=tuple(sorted(models)),
            spent_usd=settled.cost_usd,
            unmeasured=len(times) - settled.entries + settled.unmeasured,
            size_bytes=self._file.size_bytes,
            first_at=min(times, default=None),
            last_at=max(times, default=None),
        )

    def clear(self, *, before: datetime | None = None) -> int:
        """Delete all attempts from the disk, or those begun before a time; return how many."""
        limit = iso(before or datetime.max.replace(tzinfo=UTC))
        with self._file.connected() as connection:
            deleted = connection.execute("DELETE FROM attempts WHERE started_at < ?", (limit,))
            connection.execute(
                "DELETE FROM waves WHERE NOT EXISTS (SELECT * FROM attempts WHERE wave = waves.id)"
            )
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return deleted.rowcount

    def export(self, target: str | Path | TextIO) -> int:
        """Write all attempts as JSON Lines, the oldest first; return how many.

        Args:
            target: A stream, or a file, which is written over; a new one its owner alone can read.

        Raises:
            OSError: The target cannot be written.
        """
        if not isinstance(target, str | Path):
            return self._write(target)
        Path(target).touch(mode=0o600)
        with Path(target).open("w", encoding="utf-8") as stream:
            return self._write(stream)

    def close(self) -> None:
        """Close the file; a later use opens it again."""
        self._file.close()

    def _begun(
        self, connection: sqlite3.Connection, wave: Wave, begun: Begun, request: Request
    ) -> int | Attempt | Completion:
        """Begin one request of a wave, where it is neither under way nor answered."""
        past = self.recall(begun.fingerprint)
        own = next((each for each in past if each.id == begun.attempt), None)
        if own is not None and own.body is not None:
            return own
        if own is not None and own.is_under_way and own.wave == begun.wave:
            _move(connection, (own.id,), own.wave, wave)
            return own.id
        found = replayed(past, request) or next(filter(_under_way, past), None)
        if found is not None:
            return found
        done = connection.execute(INSERT, (*begun.row(), wave.id, crc(wave.id)))
        return cast("int", done.lastrowid)

    def _write(self, stream: TextIO) -> int:
        import json

        written = 0
        for written, attempt in enumerate(self._all(), 1):  # noqa: B007 - it is returned
            stream.write(json.dumps(plain(attempt)) + "\n")
        return written

    def _all(self) -> Iterator[Attempt]:
        """Yield every attempt, with the file free for others in between."""
        with self._file.connected() as connection:
            ids = connection.execute("SELECT id FROM attempts ORDER BY id").fetchall()
        for (number,) in ids:
            yield from self._attempts("id = ?", number)

    def _attempts(self, where: str, *values: object, whole: bool = True) -> tuple[Attempt, ...]:
        kept = "body, request_id, kept_crc" if whole else UNSETTLED
        columns = f"{BEGUN}, id, begun_crc, {kept}, entry, settled_crc, wave, wave_crc"
        with self._file.connected() as connection:
            found = connection.execute(f"SELECT {columns} FROM attempts WHERE {where}", values)  # noqa: S608 - constants
            rows = found.fetchall()
        try:
            return tuple(map(attempt_of, rows))
        except ValueError as error:
            raise self._file.damage(error) from error

    def _update(self, what: str, *values: object) -> None:
        with self._file.connected() as connection:
            done = connection.execute(f"UPDATE attempts SET {what} WHERE id = ?", values)  # noqa: S608 - constants
        if not done.rowcount:
            raise JournalError(
                f"the journal {self._file.path} was cleared while a call was in flight; "
                f"what it brought is not kept"
            )


def _under_way(attempt: Attempt) -> bool:
    return attempt.is_under_way


def _move(
    connection: sqlite3.Connection, attempts: Iterable[int], old: str | None, wave: Wave
) -> None:
    moved = [(wave.id, crc(wave.id), number, old) for number in attempts]
    connection.executemany(MOVE, moved)
    _note(connection, wave)


def _note(connection: sqlite3.Connection, wave: Wave) -> None:
    connection.execute("INSERT OR REPLACE INTO waves VALUES (?, ?, ?, ?, ?, ?, ?)", wave.row())


@contextmanager
def _whole(connection: sqlite3.Connection) -> Generator[None]:
    """Write all that is written within, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
