"""Rows of a journal as values: written with check sums, and checked as they are read."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from minikit.calls.ledger import LedgerEntry

__all__ = ["Attempt", "Begun", "Wave", "attempt_of", "crc", "iso", "packed", "plain", "wave_of"]


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
        wave: What it travels with on the Batch API, or None where it travels alone.
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
    wave: str | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether a batch may still bring the reply, or has brought it and nobody has looked."""
        return self.wave is not None and self.body is None and self.entry is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt that is about to be sent: the fields of `Attempt` that are known by then.

    Attributes:
        fingerprint: What is asked, as a digest.
        run: The run that makes it.
        job: The job that it is part of, as a digest, or None.
        operation: What it is for.
        model: The model that is asked.
        reserved_usd: The most that it can cost, or None where no price is known.
        attempt: Its number, where it was begun before.
        wave: What it travelled with by then, as far as is known.
    """

    fingerprint: str
    run: str
    job: str | None
    operation: str
    model: str
    reserved_usd: Decimal | None
    attempt: int | None = None
    wave: str | None = None

    def row(self) -> tuple[str | int | None, ...]:
        """Return the columns `BEGUN`, and their sum."""
        now = iso(datetime.now(UTC))
        reserved = None if self.reserved_usd is None else str(self.reserved_usd)
        begun = (self.fingerprint, self.run, self.job, now, self.operation, self.model, reserved)
        return (*begun, crc(*begun))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Attempts that travel together as one batch.

    Attributes:
        id: Made at random; the server is told it with the batch.
        server: Base URL of the server.
        model: The model that is asked.
        begun_at: When it was written down, before its batch was made; in UTC.
        tried_at: When the server was last about to be asked for the batch; None: it never was.
        batch_id: The server's id of the batch, or None where it is not known to be made.
    """

    id: str
    server: str
    model: str
    begun_at: datetime
    tried_at: datetime | None = None
    batch_id: str | None = None

    def row(self) -> tuple[str | int | None, ...]:
        """Return the columns of the table, with their sum."""
        tried = None if self.tried_at is None else iso(self.tried_at)
        columns = (self.id, self.server, self.model, iso(self.begun_at), tried, self.batch_id)
        return (*columns, crc(*columns))


def attempt_of(row: Sequence[Any]) -> Attempt:
    """Read the columns `BEGUN`, id, begun_crc, body, request_id, kept_crc and so on.

    Raises:
        ValueError: The row is damaged.
    """
    *begun, number, begun_crc, body, request_id, kept_crc, entry, settled_crc, wave, wave_crc = row
    kept = body and crc(body, request_id)
    sums = (crc(*begun), kept, entry and crc(entry), wave and crc(wave))
    if sums != (begun_crc, kept_crc, settled_crc, wave_crc):
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
        wave=wave,
    )


def wave_of(row: Sequence[Any]) -> Wave:
    """Read a wave.

    Raises:
        ValueError: The row is damaged.
    """
    name, server, model, begun_at, tried_at, batch, crc_of_row = row
    wave = Wave(
        id=name,
        server=server,
        model=model,
        begun_at=datetime.fromisoformat(begun_at),
        tried_at=None if tried_at is None else datetime.fromisoformat(tried_at),
        batch_id=batch,
    )
    if wave.row()[-1] != crc_of_row:
        raise ValueError(f"wave {name} does not fit its check sum")
    return wave


def packed(body: str, request_id: str | None) -> tuple[bytes, str | None, int]:
    """Return the columns of a raw reply: body, request_id and kept_crc."""
    packed = zlib.compress(body.encode("utf-8", "surrogatepass"), 1)
    return packed, request_id, crc(packed, request_id)


def crc(*values: object) -> int:
    """Return the sum that tells whether `values` are what was written."""
    return zlib.crc32(ascii(values).encode("ascii"))  # repr() changes with each Unicode version


def iso(time: datetime) -> str:
    """Write a time so that texts are in the order of times."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def plain(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt as JSON has it."""
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
        "wave": attempt.wave,
        "entry": json.loads(attempt.entry.to_json()) if attempt.entry else None,
    }
