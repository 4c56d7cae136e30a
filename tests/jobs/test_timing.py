"""How long a plan takes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.jobs.timing import (
    LIKELY_SHARE,
    OVERHEAD_S,
    READ_TOKENS_PER_S,
    WRITTEN_TOKENS_PER_S,
    duration,
)
from plans import level, plan

ONE = OVERHEAD_S + 1 / WRITTEN_TOKENS_PER_S
"""Seconds of a call that reads nothing and writes one token."""


def test_one_call() -> None:
    """A call takes what the assumptions say: some time anyway, and some for each token."""
    took = duration(plan(level("single", (1, 1), tokens_in=(10_000, 10_000), tokens_out=1600)))
    assert took.at_least_s == pytest.approx(ONE + 10_000 / READ_TOKENS_PER_S)
    written = LIKELY_SHARE * 1600 / WRITTEN_TOKENS_PER_S
    assert took.likely_s == pytest.approx(OVERHEAD_S + 10_000 / READ_TOKENS_PER_S + written)


@pytest.mark.parametrize(("calls", "waves"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3)])
def test_waves(calls: int, waves: int) -> None:
    """As many calls run at a time as may be in flight."""
    took = duration(plan(level("map", (calls, calls)), parts=calls))
    assert took.at_least_s == pytest.approx(waves * ONE)


def test_refining_is_one_call_after_the_other() -> None:
    """However many may be in flight, each call waits for the one before it."""
    took = duration(plan(level("refine", (7, 7)), parts=7, strategy="refine"))
    assert took.at_least_s == pytest.approx(7 * ONE)


@pytest.mark.parametrize(
    ("merges", "least", "likely"),
    [
        ([(1, 1)], 1, 1),
        ([(1, 1), (0, 1)], 1, 1),
        ([(1, 3), (0, 1)], 1, 2),
        ([(2, 9), (1, 3), (0, 1)], 2, 3),
        ([(2, 9), (1, 5), (0, 2), (0, 1)], 2, 3),
    ],
)
def test_merges_end_with_one(merges: list[tuple[int, int]], least: int, likely: int) -> None:
    """A level waits for the one before it, and where that was one call, none follows."""
    levels = (level("merge", calls) for calls in merges)
    took = duration(plan(level("map", (4, 4)), *levels, parts=4, max_concurrency=100))
    assert took.at_least_s == pytest.approx((1 + least) * ONE)
    assert took.likely_s == pytest.approx((1 + likely) * ONE)


def test_a_limit_of_requests() -> None:
    """A minute's worth of requests can start at once, the others as the limit allows."""
    calls = level("map", (150, 150))
    took = duration(plan(calls, parts=150, max_concurrency=1000, requests_per_minute=60))
    assert took.at_least_s == pytest.approx(90 + ONE, abs=0.3)


def test_a_limit_of_tokens() -> None:
    """A request takes its output limit from the tokens a minute, or its input if that is more."""
    out = level("map", (10, 10), tokens_in=(2500, 2500), tokens_out=10_000)
    took = duration(plan(out, parts=10, max_concurrency=1000, tokens_per_minute=5000))
    assert took.at_least_s == pytest.approx(60 + ONE, abs=0.3)
    long = level("map", (10, 10), tokens_in=(20_000, 20_000), tokens_out=10_000)
    took = duration(plan(long, parts=10, max_concurrency=1000, tokens_per_minute=5000))
    assert took.at_least_s == pytest.approx(180 + ONE + 2000 / READ_TOKENS_PER_S, abs=0.3)
    wide = plan(long, parts=10, document_characters=20_000, tokens_per_minute=5000)
    assert duration(wide).likely_s > duration(plan(long, parts=10)).likely_s


def test_a_request_above_the_limit() -> None:
    """One that takes more than a minute's worth starts when there is all, and is paid back."""
    large = level("map", (3, 3), tokens_out=30_000)
    took = duration(plan(large, parts=3, tokens_per_minute=5000))
    assert took.at_least_s == pytest.approx(240 + ONE, abs=0.6)


def test_a_level_leaves_its_debt_to_the_next() -> None:
    """What the parts have used up, the merge has to wait for."""
    levels = level("map", (4, 4), tokens_out=4000), level("merge", (1, 1), tokens_out=1000)
    took = duration(plan(*levels, parts=4, tokens_per_minute=4000))
    assert took.at_least_s == pytest.approx(15 + ONE, abs=0.3)


@given(
    st.integers(1, 60),
    st.integers(1, 20),
    st.integers(0, 5000),
    st.none() | st.integers(1, 100),
    st.none() | st.integers(1, 100_000),
)
def test_what_limits_allow_is_not_passed(
    calls: int, in_flight: int, output: int, requests: int | None, tokens: int | None
) -> None:
    """No plan is faster than calls in flight and limits allow, or slower where it need not be."""
    parts = level("map", (calls, calls), tokens_out=calls * output)
    made = plan(
        parts,
        level("merge", (1, 1), tokens_out=output),
        parts=calls,
        max_concurrency=in_flight,
        requests_per_minute=requests,
        tokens_per_minute=tokens,
    )
    took = duration(made)
    waves = math.ceil(calls / in_flight) + 1
    least = [waves * ONE]
    least += [(calls + 1 - requests) / requests * 60] if requests else []
    least += [(calls * output + min(output, tokens) - tokens) / tokens * 60] if tokens else []
    assert took.at_least_s >= max(least) - 1e-6
    assert took.at_least_s <= sum(max(0, each) for each in least) + 0.3 * (calls + 2) + ONE
    assert took.likely_s >= took.at_least_s
