"""How long a plan takes: arithmetic on its levels, the calls in flight, and the account's limits.

What the limits allow is exact for an account that is idle at the start. How fast a model answers is
an assumption, measured on none: models of the class of gpt-4o-mini write some 50 to 120 tokens a
second, and that is what the constants below say. A server in trouble, and one's own, are slower.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from minikit.calls.limits import Bucket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minikit.jobs.plan import Level, VerbPlan

__all__ = ["Duration", "duration"]

OVERHEAD_S = 0.4
"""Assumed: from the start of a request to its first token, beside what reading the prompt takes."""

READ_TOKENS_PER_S = 20_000
"""Assumed: how fast a prompt is read."""

WRITTEN_TOKENS_PER_S = 80
"""Assumed: how fast a reply is written."""

DAY_S = 86_400.0
"""A batch is given up after a day (OpenAI API reference, Batch: completion_window, read
2026-11-23)."""

LIKELY_SHARE = 0.5
"""Where a figure likely lies between the plan's bounds. A reply takes about three quarters of its
output limit where the prompt is short, and a quarter where it is long (see `Sizes.limit`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """How long a plan takes, in seconds.

    Attributes:
        at_least_s: If every reply is as short as can be.
        likely_s: If replies are as long as they usually are; of batches the longest that it can
            take, since nobody knows what is likely.
        at_most_s: In batches a day for each level, since a batch that is not done after a day is
            given up, and for each batch that waits for another; None where calls travel one by one.
    """

    at_least_s: float
    likely_s: float
    at_most_s: float | None = None


def duration(plan: VerbPlan) -> Duration:
    """Work out how long `plan` takes, with its calls in flight and under its limits.

    A level waits for the one before it. `max_concurrency` of its calls run at a time, of "refine"
    one, and they start no faster than requests and tokens a minute allow. Of both an account has
    a minute's worth at the start; a request takes the larger of its output limit and a quarter of
    its characters (see `minikit.calls.pace.charge`). Retries come on top. Linear in the calls.

    In batches all calls of a level travel together, and those of "refine" one after the other.
    """
    if plan.engine == "batch":
        together = replace(plan, max_concurrency=max(1, plan.calls_at_most))
        most = sum(_rounds(level) * DAY_S for level in plan.levels)
        return Duration(at_least_s=_seconds(together, 0.0), likely_s=most, at_most_s=most)
    least, likely = (_seconds(plan, share) for share in (0.0, LIKELY_SHARE))
    return Duration(at_least_s=least, likely_s=max(least, likely))


def _rounds(level: Level) -> int:
    """Return how many batches of a level wait for one another."""
    refined = level.operation == "refine"
    return level.calls_at_most if refined else min(level.batches_at_least, level.calls_at_most)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calls:
    """The calls of a level, all alike.

    Attributes:
        number: How many.
        in_flight: How many of them at a time.
        latency_s: Seconds from the start of one to its reply.
        charge_tokens: What each takes from a limit of tokens.
    """

    number: int
    in_flight: int
    latency_s: float
    charge_tokens: float


def _seconds(plan: VerbPlan, share: float) -> float:
    """Run the calls of a plan, whose figures lie at `share` between its bounds, on a clock."""
    requests, tokens = (
        Bucket(limit=limit, level=limit, at=0.0) if limit else None
        for limit in (plan.requests_per_minute, plan.tokens_per_minute)
    )
    clock = 0.0
    for calls in _levels(plan, share):
        limits = [
            (bucket, amount)
            for bucket, amount in ((requests, 1), (tokens, calls.charge_tokens))
            if bucket
        ]
        ends = deque([clock] * min(calls.in_flight, calls.number))
        for _ in range(calls.number):
            # The first in flight is the first to end, and none overtakes another.
            clock = max(clock, ends.popleft())
            clock += max((bucket.wait_s(amount, clock) for bucket, amount in limits), default=0.0)
            for bucket, amount in limits:
                bucket.take(amount, clock)
            ends.append(clock + calls.latency_s)
        clock = ends[-1]
    return clock


def _levels(plan: VerbPlan, share: float) -> Iterator[_Calls]:
    characters_per_token = plan.document_characters / max(1, plan.document_tokens)
    before = 0
    for level in plan.levels:
        number = _number(level, before, share)
        if not number:
            return
        limit = level.output_tokens_at_most / level.calls_at_most
        tokens = _between(level.input_tokens_at_least, level.input_tokens_at_most, share) / number
        yield _Calls(
            number=number,
            in_flight=1 if level.operation == "refine" else plan.max_concurrency,
            latency_s=_latency_s(tokens, max(1.0, share * limit)),
            charge_tokens=max(limit, tokens * characters_per_token / 4),
        )
        before = number


def _number(level: Level, before: int, share: float) -> int:
    """Return the calls of a level; none where the merges before it have come down to one."""
    least, most = level.calls_at_least, level.calls_at_most
    if least == 0 and before == 1:
        return 0
    return max(1, round(_between(least, most, share)))


def _latency_s(input_tokens: float, output_tokens: float) -> float:
    return OVERHEAD_S + input_tokens / READ_TOKENS_PER_S + output_tokens / WRITTEN_TOKENS_PER_S


def _between(least: float, most: float, share: float) -> float:
    return least + share * (most - least)
