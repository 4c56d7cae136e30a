"""Rate limits: token buckets, and what the headers and messages of a server tell of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["KINDS", "MINUTE_S", "Bucket", "Reading", "read_duration_s", "read_limits"]

KINDS = ("requests", "tokens", "input-tokens")
"""What is limited. Anthropic's `output-tokens` is left out: it counts what will be written, which
nobody knows when a request starts; its 429s carry `retry-after`."""

FAMILIES = ("x-ratelimit-{field}-{kind}", "anthropic-ratelimit-{kind}-{field}")
"""OpenAI and most compatible servers (OpenAI API reference, Rate limits, read 2026-11-22);
Anthropic (API reference, Rate limits, read 2026-11-22)."""

MINUTE_S = 60.0
LONGEST_S = 31 * 86_400.0
"""No limit counts for longer than a month; a larger number is a time of day or nonsense."""

LARGEST = 1e15
"""A limit above this is no limit."""

LEAST_SHARE = 0.1
"""The share of a limit above which what is used tells the period."""

ARRIVAL_S = 0.25
"""How long a request is usually on its way; a full bucket of the server's stays full until then."""

ARRIVAL_SHARE = 0.005
"""The same as a share of the period, for buckets that fill faster than in a minute."""

_UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_WORDS_S = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1, "millisecond": 1e-3}
_PART = re.compile(r"(\d{1,12}(?:\.\d{0,12})?)(ms|us|µs|[dhms])", re.ASCII)
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{0,12})?", re.ASCII)
_PARTS = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_TOLD = re.compile(
    r"(?:try again|retry) (?:in|after) (?:about )?"
    rf"(?:((?:{_PART.pattern})+)|({_NUMBER.pattern}) ?({'|'.join(_WORDS_S)})s?)\b",
    re.ASCII | re.IGNORECASE,
)


@dataclass(slots=True)
class Bucket:
    """A token bucket: fills evenly up to its limit.

    Attributes:
        limit: How much it holds.
        level: What it holds at the time `at`; below 0 it is in debt.
        at: In seconds, on a clock of the owner's; may lie ahead.
        period_s: Seconds in which it fills, when empty.
        others: The share of what flows in that others take; below 1.
    """

    limit: float
    level: float
    at: float
    period_s: float = MINUTE_S
    others: float = 0.0

    @property
    def rate(self) -> float:
        """What flows in, a second."""
        return self.limit / self.period_s * (1 - self.others)

    @property
    def arrival_s(self) -> float:
        """How long a request is on its way to the bucket."""
        return min(ARRIVAL_S, ARRIVAL_SHARE * self.period_s)

    def flow(self, since: float, until: float) -> float:
        """Return what flows in between two times, but for what the limit stops."""
        return self.rate * max(0.0, until - since)

    def fill(self, clock: float) -> None:
        """Let it fill until `clock`."""
        self.level = min(self.limit, self.level + self.flow(self.at, clock))
        self.at = max(self.at, clock)

    def take(self, amount: float, clock: float) -> None:
        """Take `amount`; where it was full, it fills from when the request arrives."""
        self.fill(clock)
        if self.level >= self.limit:
            self.at = max(self.at, clock + self.arrival_s)
        self.level -= amount

    def give_back(self, amount: float) -> None:
        """Put back what was taken and not used."""
        self.level = min(self.limit, self.level + max(0.0, amount))

    def wait_s(self, amount: float, clock: float) -> float:
        """Return how long until `amount` is there, or all that the bucket holds.

        And as much more as others may take before the request arrives.
        """
        self.fill(clock)
        missing = min(amount * (1 + self.others), self.limit) - self.level
        return self.at - clock + missing / self.rate if missing > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one reply tells of one limit, a token bucket.

    Attributes:
        limit: How much the bucket holds.
        remaining: How much was left when the server looked; 0 to `limit`.
        period_s: Seconds in which an empty bucket fills, or None where the reply does not tell.
    """

    limit: float
    remaining: float
    period_s: float | None


def read_limits(headers: Mapping[str, str]) -> dict[str, Reading]:
    """Return the limits that the headers of a reply tell, by kind; what is odd is left out."""
    known = {name.lower(): text for name, text in headers.items()}
    readings = {kind: _reading(known, kind) for kind in KINDS}
    return {kind: reading for kind, reading in readings.items() if reading}


def read_duration_s(text: str) -> float | None:
    """Return the duration that `text` is, or that it asks to wait, in seconds; None without one.

    Reads `1s`, `12ms`, `6m0s`, `2m59.56s`, `1h2m3s`, `1d2h`, bare seconds, and sentences that hold
    "try again in 644ms" or "retry after 6 seconds".
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if _PARTS.fullmatch(text):
        return _sum_s(text)
    told = _TOLD.search(text)
    if told is None:
        return None
    parts, *_, number, word = told.groups()
    return _sum_s(parts.lower()) if parts else float(number) * _WORDS_S[word.lower()]


def _sum_s(parts: str) -> float:
    return sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(parts))


def _reading(headers: Mapping[str, str], kind: str) -> Reading | None:
    for family in FAMILIES:
        limit, remaining, reset = (
            headers.get(family.format(kind=kind, field=field), "")
            for field in ("limit", "remaining", "reset")
        )
        most, left = _amount(limit), _amount(remaining)
        if most and most >= 1 and left is not None:  # Azure sends -1 and 0 for what it cannot tell
            left = min(left, most)
            until_full_s = _until_s(reset, headers.get("date", ""))
            return Reading(
                limit=most, remaining=left, period_s=_period_s(most, most - left, until_full_s)
            )
    return None


def _amount(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= LARGEST else None


def _until_s(reset: str, date: str) -> float | None:
    """Return the seconds until the bucket is full, told as a duration or as a moment.

    A moment is taken from the server's own `date`, so that it does not matter which time it is
    here.
    """
    seconds = read_duration_s(reset)
    return seconds if seconds is not None else _between_s(date, reset)


def _between_s(date: str, moment: str) -> float | None:
    from datetime import datetime
    from email.utils import parsedate_to_datetime

    try:
        return (datetime.fromisoformat(moment) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None


def _period_s(limit: float, used: float, until_full_s: float | None) -> float | None:
    """Return in how many seconds an empty bucket fills, from how long its used part takes.

    The amounts are rounded to one and the seconds may be: where a minute, which is the rule, lies
    within that error, it is a minute. With little used nothing is told, and nothing depends on it:
    the period matters when the bucket is nearly empty.
    """
    if until_full_s is None or until_full_s <= 0 or used <= max(1, LEAST_SHARE * limit):
        return None
    least = (until_full_s - 1) * limit / used
    most = (until_full_s + 1) * limit / (used - 1)
    period_s = MINUTE_S if least <= MINUTE_S <= most else until_full_s * limit / used
    return period_s if period_s <= LONGEST_S else None
