"""What was asked and answered before: one SQLite file for many threads, processes and runs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO, cast

from minikit.calls.journal_file import JournalFile
from minikit.calls.ledger import Ledger, LedgerEntry
from minikit.checks import check_number
from minikit.errors import ArgumentError, JournalError

__all__ = ["Attempt", "Journal", "JournalStats"]

BEGUN = "fingerprint, run, job, started_at, operation, model, reserved_usd"

UNSETTLED = "iif(entry IS NULL, body, NULL), request_id, iif(entry IS NULL, kept_crc, NULL)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request that was about to be sent, and what became of it as far as is known.

    Attributes:
        id: Its number in the file; no number is given twice, also after `clear`.
        fingerprint: What was asked, as a digest.
        run: The run that made it.
        job: The job that it was part of, as a digest, or None.
        started_at: When it was written down, just before it was sent; in UTC.
        operation: What it was for.
        model: The model that was asked.
        reserved_usd: The most that it could cost, or None where no price is known.
        body: The raw reply, or None where none arrived.
        request_id: The server's id of the request, or None.
        entry: What it came to, or None where the process ended before that was known: it may have
            cost nothing, or up to `reserved_usd`.
    """

    id: int
    fingerprint: str
    run: str
    job: str | None
    started_at: datetime
    operation: str
    model: str
    reserved_usd: Decimal | None
    body: str | None
    request_id: str | None
    entry: LedgerEntry | None


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
        reserved = None if reserved_usd is None else str(reserved_usd)
        begun = (fingerprint, run, job, _iso(datetime.now(UTC)), operation, model, reserved)
        insert = f"INSERT INTO attempts ({BEGUN}, begun_crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
        with self._file.connected() as connection:
            return cast("int", connection.execute(insert, (*begun, _crc(*begun))).lastrowid)

    def keep(self, attempt: int, body: str, *, request_id: str | None) -> None:
        """Store the raw reply to an attempt, any str as it is."""
        packed = zlib.compress(body.encode("utf-8", "surrogatepass"), 1)
        kept = (packed, request_id)
        self._update("body = ?, request_id = ?, kept_crc = ?", *kept, _crc(*kept), attempt)

    def settle(self, attempt: int, entry: LedgerEntry) -> None:
        """Store what an attempt came to."""
        settled = entry.to_json()
        self._update("entry = ?, settled_crc = ?", settled, _crc(settled), attempt)

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
            if attempt.entry is not None:
                ledger.record(attempt.entry)
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
        limit = _iso(before or datetime.max.replace(tzinfo=UTC))
        with self._file.connected() as connection:
            deleted = connection.execute("DELETE FROM attempts WHERE started_at < ?", (limit,))
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

    def _write(self, stream: TextIO) -> int:
        import json

        written = 0
        for written, attempt in enumerate(self._all(), 1):  # noqa: B007 - it is returned
            stream.write(json.dumps(_plain(attempt)) + "\n")
        return written

    def _all(self) -> Iterator[Attempt]:
        """Yield every attempt, with the file free for others in between."""
        with self._file.connected() as connection:
            ids = connection.execute("SELECT id FROM attempts ORDER BY id").fetchall()
        for (number,) in ids:
            yield from self._attempts("id = ?", number)

    def _attempts(self, where: str, *values: object, whole: bool = True) -> tuple[Attempt, ...]:
        kept = "body, request_id, kept_crc" if whole else UNSETTLED
        columns = f"{BEGUN}, id, begun_crc, {kept}, entry, settled_crc"
        with self._file.connected() as connection:
            found = connection.execute(f"SELECT {columns} FROM attempts WHERE {where}", values)  # noqa: S608 - constants
            rows = found.fetchall()
        try:
            return tuple(map(_attempt, rows))
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


def _attempt(row: tuple[Any, ...]) -> Attempt:
    *begun, number, begun_crc, body, request_id, kept_crc, entry, settled_crc = row
    sums = (_crc(*begun), body and _crc(body, request_id), entry and _crc(entry))
    if sums != (begun_crc, kept_crc, settled_crc):
        raise ValueError(f"row {number} does not fit its check sum")
    fingerprint, run, job, started_at, operation, model, reserved_usd = begun
    return Attempt(
        id=number,
        fingerprint=fingerprint,
        run=run,
        job=job,
        started_at=datetime.fromisoformat(started_at),
        operation=operation,
        model=model,
        reserved_usd=None if reserved_usd is None else Decimal(reserved_usd),
        body=None if body is None else zlib.decompress(body).decode("utf-8", "surrogatepass"),
        request_id=request_id,
        entry=None if entry is None else LedgerEntry.from_json(entry),
    )


def _crc(*values: object) -> int:
    return zlib.crc32(ascii(values).encode("ascii"))  # repr() changes with each Unicode version


def _iso(time: datetime) -> str:
    """Write a time so that texts are in the order of times."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _plain(attempt: Attempt) -> dict[str, Any]:
    import json

    return {
        "fingerprint": attempt.fingerprint,
        "run": attempt.run,
        "job": attempt.job,
        "started_at": attempt.started_at.isoformat(),
        "operation": attempt.operation,
        "model": attempt.model,
        "reserved_usd": None if attempt.reserved_usd is None else str(attempt.reserved_usd),
        "body": attempt.body,
        "request_id": attempt.request_id,
        "entry": json.loads(attempt.entry.to_json()) if attempt.entry else None,
    }
