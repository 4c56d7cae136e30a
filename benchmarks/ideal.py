"""The least time that a summary can take on the simulated server, whoever asks for it.

The server takes 0.4 s + prompt / 20,000 s + reply / 80 s for a call; a reply is 8 % of the prompt
and at most 800 tokens. The text is read in equal parts, all that have a place at once, and merged
in one call when the last part is read. A limit in tokens a minute is a bucket, full at the start,
from which each call takes a quarter of its characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import ceil

__all__ = ["ideal_s", "latency_s", "reply_tokens", "scheduled_s"]

MOST_REPLY = 800
SHARE = 0.08


def reply_tokens(prompt: float) -> int:
    """Return how long the server's reply to a prompt is."""
    return min(MOST_REPLY, max(1, int(prompt * SHARE)))


def latency_s(prompt: float, reply: float | None = None) -> float:
    """Return how long the server takes for a prompt, and a reply if it is known."""
    return 0.4 + prompt / 20_000 + (reply_tokens(prompt) if reply is None else reply) / 80


@dataclass
class Bucket:
    """A limit in tokens a minute, or none."""

    per_minute: float | None
    level: float = 0.0
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.per_minute or 0.0

    def take(self, amount: float, now: float) -> float:
        """Take `amount` as soon after `now` as it is there; return when."""
        if not self.per_minute:
            return now
        rate = self.per_minute / 60
        now = max(now, self.at)
        self.level = min(self.per_minute, self.level + rate * (now - self.at))
        start = now + max(0.0, min(amount, self.per_minute) - self.level) / rate
        self.level += rate * (start - now) - amount
        self.at = start
        return start


def scheduled_s(
    calls: Sequence[tuple[float, float]],
    *,
    places: int | None = None,
    tokens_per_minute: float | None = None,
) -> float:
    """Return the least seconds from the first request to the last reply of these calls.

    Args:
        calls: The seconds that each takes, and the tokens that it takes from the limit, in the
            order in which they are sent. The last one needs the replies of all others.
        places: Calls in flight at most; None for all at once.
        tokens_per_minute: The account's limit.
    """
    if not calls:
        return 0.0
    *parts, (last_s, last_charge) = calls
    bucket = Bucket(tokens_per_minute)
    free = [0.0] * min(places or len(calls), len(calls))
    end = 0.0
    for seconds, charge in parts:
        replied = bucket.take(charge, heappop(free)) + seconds
        heappush(free, replied)
        end = max(end, replied)
    return bucket.take(last_charge, end) + last_s


def ideal_s(
    tokens: int,
    chunk: int,
    *,
    characters: int = 0,
    places: int | None = None,
    tokens_per_minute: float | None = None,
) -> float:
    """Return the least seconds for a text in equal parts, and their merge, without any overhead.

    Args:
        tokens: Of the text.
        chunk: Tokens of a part at most.
        characters: Of the text; needed with `tokens_per_minute`.
        places: Calls in flight at most; None for all at once.
        tokens_per_minute: The account's limit.
    """
    parts = ceil(tokens / chunk)
    prompt = tokens / parts
    calls = [(latency_s(prompt), characters / parts / 4)] * parts
    if parts > 1:
        merged = parts * reply_tokens(prompt)
        calls.append((latency_s(merged), merged * characters / tokens / 4))
    return scheduled_s(calls, places=places, tokens_per_minute=tokens_per_minute)
