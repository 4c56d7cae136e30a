"""What every attempt of every call took, failed ones too: figures, and no text and no key."""

from __future__ import annotations

import sys
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from operator import add, attrgetter
from pathlib import Path
from typing import Any, Literal, get_args

from minikit.calls.locks import ForkSafeLock
from minikit.checks import check_number, check_whole
from minikit.errors import ArgumentError
from minikit.models.money import add_usd
from minikit.models.usage import Usage

__all__ = ["Cell", "Ledger", "LedgerEntry", "Outcome", "Totals"]

Outcome = Literal[
    "ok",
    "truncated",
    "refused",
    "empty",
    "bad_reply",
    "broken",
    "abandoned",
    "timeout",
    "unreachable",
    "no_reply",
    "server_error",
    "rate_limited",
    "rejected",
    "cancelled",
]
Cell = str | int | float | Decimal | None
"""What stands in a column of a row; a bool is an int."""


_OUTCOMES = get_args(Outcome)
_USAGE = tuple(each.name for each in fields(Usage))
_COUNTS = tuple(name for name in _USAGE if name != "estimated")
_counts = attrgetter(*_COUNTS)
_NO_USAGE: Mapping[str, Cell] = dict.fromkeys(_USAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One attempt of one call.

    Attributes:
        at: When it was sent; UTC.
        operation: What the call was for, such as "complete", "stream" or
            "summarize.map".
        model: Id of the model that was asked.
        answered_by: The model that answered, as the server names it, or None.
        tier: The service tier of the reply, or None.
        attempt: Which attempt of its call it was, from 1.
        outcome: How it ended; "ok", or what went wrong.
        usage: Its tokens, or None when unknown.
        cost_usd: What it cost in US dollars, or None when unknown; never 0 instead.
        latency_s: Seconds from sending to the end of the reply or the failure.
        request_id: The server's id of the request, or None.
        carried: Whether an earlier run made it, and it was read from the journal.
    """

    at: datetime
    operation: str
    model: str
    answered_by: str | None
    tier: str | None
    attempt: int
    outcome: Outcome
    usage: Usage | None
    cost_usd: Decimal | None
    latency_s: float
    request_id: str | None
    carried: bool = False

    def __post_init__(self) -> None:
        for name, kinds in _KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kinds):
                allowed = " or ".join(kind.__name__ for kind in kinds)
                raise ArgumentError(f"{name} is a {allowed}, not a {type(value).__name__}")
        if self.at.tzinfo is None:
            raise ArgumentError(f"at={self.at!r} has no time zone; use datetime.now(UTC)")
        if self.outcome not in _OUTCOMES:
            raise ArgumentError(f"outcome is one of {', '.join(_OUTCOMES)}, not {self.outcome!r}")
        check_whole("attempt", self.attempt, 1)
        check_number("latency_s", self.latency_s, 0, sys.float_info.max)
        cost = self.cost_usd
        if cost is not None and not (cost.is_finite() and cost >= 0):
            raise ArgumentError(f"cost_usd={cost!r} must be an amount of 0 or more")

    @property
    def is_lower_bound(self) -> bool:
        """Whether more may have been billed: of a stream that ended early we know what came."""
        estimated = self.usage is not None and self.usage.estimated
        return estimated and self.outcome in ("broken", "abandoned", "refused")

    def row(self) -> dict[str, Cell]:
        """Return the entry as one flat row; `at` is ISO 8601 text, unknown values are None."""
        return {
            "at": self.at.isoformat(timespec="microseconds"),
            "operation": self.operation,
            "model": self.model,
            "answered_by": self.answered_by,
            "tier": self.tier,
            "attempt": self.attempt,
            "outcome": self.outcome,
            **_usage_cells(self.usage),
            "cost_usd": self.cost_usd,
            "latency_s": self.latency_s,
            "request_id": self.request_id,
            "carried": self.carried,
        }

    def to_json(self) -> str:
        """Return the row as one line of ASCII JSON; the cost is a plain decimal string."""
        import json

        row = self.row()
        if self.cost_usd is not None:
            row["cost_usd"] = f"{self.cost_usd:f}"
        return json.dumps(row)

    @classmethod
    def from_json(cls, text: str | bytes) -> LedgerEntry:
        """Read what `to_json` wrote, exactly.

        A pair of surrogates that stood in a name as two characters comes back as the one
        character that they mean, as JSON has it.

        Raises:
            ArgumentError: `text` is no such entry.
        """
        import json

        try:
            return _entry(json.loads(text))
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise ArgumentError(
                f"this is not a saved LedgerEntry: {type(error).__name__}: {error}"
            ) from error


_TEXT_OR_NONE = (str, type(None))
_KINDS: Mapping[str, tuple[type, ...]] = {
    "at": (datetime,),
    "operation": (str,),
    "model": (str,),
    "answered_by": _TEXT_OR_NONE,
    "tier": _TEXT_OR_NONE,
    "usage": (Usage, type(None)),
    "cost_usd": (Decimal, type(None)),
    "request_id": _TEXT_OR_NONE,
    "carried": (bool,),
}


def _usage_cells(usage: Usage | None) -> Mapping[str, Cell]:
    if usage is None:
        return _NO_USAGE
    return {
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "estimated": usage.estimated,
    }


_COLUMNS = tuple(
    column
    for each in fields(LedgerEntry)
    for column in (_USAGE if each.name == "usage" else (each.name,))
)
_PLAIN = frozenset(_COLUMNS) - {*_USAGE, "at", "cost_usd"}


def _entry(row: Mapping[str, Any]) -> LedgerEntry:
    used = {name: row[name] for name in _USAGE}
    cost = row["cost_usd"]
    return LedgerEntry(
        at=datetime.fromisoformat(row["at"]),
        usage=None if used == _NO_USAGE else Usage(**used),
        cost_usd=None if cost is None else Decimal(str(cost)),
        **{name: row[name] for name in _PLAIN},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What several attempts took together; `+` adds exactly, starting from `Totals()`.

    Attributes:
        entries: How many attempts they were.
        unmeasured: How many of them have an unknown cost, which is missing in `cost_usd`.
        usage: Their tokens, as far as they are known.
        cost_usd: US dollars of the attempts whose cost is known.
        carried_usd: US dollars of those that an earlier run made; part of `cost_usd`.
    """

    entries: int = 0
    unmeasured: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: Decimal = Decimal(0)
    carried_usd: Decimal = Decimal(0)

    def __add__(self, other: object) -> Totals:
        if not isinstance(other, Totals):
            return NotImplemented
        return Totals(
            entries=self.entries + other.entries,
            unmeasured=self.unmeasured + other.unmeasured,
            usage=self.usage + other.usage,
            cost_usd=add_usd(self.cost_usd, other.cost_usd),
            carried_usd=add_usd(self.carried_usd, other.carried_usd),
        )


class _Sum:
    """Totals that grow in place, which takes a fifth of the time of adding values."""

    __slots__ = ("carried", "cost", "counts", "entries", "estimated", "unmeasured")

    def __init__(self) -> None:
        self.entries = self.unmeasured = 0
        self.counts = [0] * len(_COUNTS)
        self.estimated = False
        self.cost = self.carried = Decimal(0)

    def include(self, entry: LedgerEntry) -> None:
        self.entries += 1
        if entry.usage is not None:
            self.counts = list(map(add, self.counts, _counts(entry.usage)))
            self.estimated |= entry.usage.estimated
        if entry.cost_usd is None:
            self.unmeasured += 1
            return
        self.cost = add_usd(self.cost, entry.cost_usd)
        if entry.carried:
            self.carried = add_usd(self.carried, entry.cost_usd)

    def totals(self) -> Totals:
        counts = dict(zip(_COUNTS, self.counts, strict=True))
        return Totals(
            entries=self.entries,
            unmeasured=self.unmeasured,
            usage=Usage(**counts, estimated=self.estimated),
            cost_usd=self.cost,
            carried_usd=self.carried,
        )


class Ledger:
    """The attempts of a client's calls, in the order in which they ended. Thread-safe.

    Totals are kept as they come. The entries are kept as one zlib stream of JSON lines, so that
    100,000 of them take a few megabytes, and no single `record` has many to compress.
    """

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._zip = zlib.compressobj(level=1)  # half the time of level 6, a sixth more bytes
        self._zipped: list[bytes] = []
        self._sums: defaultdict[tuple[str, str], _Sum] = defaultdict(_Sum)

    def __repr__(self) -> str:
        total = self.total
        return (
            f"<Ledger: {total.entries} attempts, ${total.cost_usd.normalize():f}, "
            f"{total.unmeasured} unmeasured>"
        )

    def record(self, entry: LedgerEntry) -> None:
        """Add an entry."""
        line = entry.to_json().encode() + b"\n"
        with self._lock:
            self._sums[entry.model, entry.operation].include(entry)
            if piece := self._zip.compress(line):
                self._zipped.append(piece)

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """Every entry; read from the compressed lines each time."""
        return tuple(map(LedgerEntry.from_json, self._lines()))

    @property
    def total(self) -> Totals:
        """The totals of all entries."""
        return sum(self._by(0).values(), Totals())

    def by_model(self) -> dict[str, Totals]:
        """Return the totals for each model that was asked."""
        return self._by(0)

    def by_operation(self) -> dict[str, Totals]:
        """Return the totals for each operation."""
        return self._by(1)

    def rows(self) -> list[dict[str, Cell]]:
        """Return every entry as `LedgerEntry.row()`, as for `pandas.DataFrame`."""
        return [LedgerEntry.from_json(line).row() for line in self._lines()]

    def to_jsonl(self, path: str | Path) -> None:
        """Write every entry as a line of JSON, which `LedgerEntry.from_json` reads."""
        with Path(path).open("wb") as file:
            file.writelines(line + b"\n" for line in self._lines())

    def to_csv(self, path: str | Path) -> None:
        """Write a head and a row for each entry; unknown values are empty cells.

        A lone surrogate in a name, which UTF-8 has no bytes for, is written as an escape.
        """
        import csv
        import json

        with Path(path).open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(map(json.loads, self._lines()))

    def _by(self, part: Literal[0, 1]) -> dict[str, Totals]:
        with self._lock:
            totals = [(key[part], each.totals()) for key, each in self._sums.items()]
        sums: dict[str, Totals] = {}
        for name, each in totals:
            sums[name] = sums.get(name, Totals()) + each
        return sums

    def _lines(self) -> Iterator[bytes]:
        with self._lock:
            pieces = [*self._zipped, self._zip.copy().flush()]
        unzip = zlib.decompressobj()
        rest = b""
        for piece in pieces:
            *lines, rest = (rest + unzip.decompress(piece)).split(b"\n")
            yield from lines
