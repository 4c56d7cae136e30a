"""What is left of a job of many rows, judged by what is done."""

from __future__ import annotations

from decimal import Decimal
from statistics import stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.calls.completion import Completion
from minikit.calls.hooks import Event
from minikit.calls.pipeline import Pipeline
from minikit.calls.retry import Retry
from minikit.jobs.completing import progress as rows_progress
from minikit.jobs.completing.plan import ManyPlan
from minikit.jobs.completing.progress import ENOUGH, Mean, RowsProgress, RowsTally
from minikit.models.usage import Usage


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the job."""
    made = Clock()
    monkeypatch.setattr(rows_progress, "time", made)
    return made


def tally(total: int | None, heard: list[RowsProgress], **options: Any) -> RowsTally:  # noqa: ANN401
    """Open the account of a job of so many rows."""
    pipeline = Pipeline(
        api_key=None,
        base_url=None,
        openai_client=None,
        retry=Retry(),
        max_concurrency=1,
        timeout_s=None,
        **options,
    )
    plan = ManyPlan(
        verb="complete_many",
        model="m",
        document_characters=0,
        document_tokens=0,
        levels=(),
        cost_usd_at_least=None,
        cost_usd_at_most=None,
        max_concurrency=1,
        rows=total,
        rows_unusable=0,
    )
    return RowsTally(
        pipeline, plan, digest="d", limit_usd=None, total=total, on_progress=heard.append
    )


def reply(cost_usd: str | None = "0.01", **changes: Any) -> Completion:  # noqa: ANN401 - its fields
    """A reply of a price."""
    return Completion(
        text="Fine.",
        usage=Usage(input_tokens=1, output_tokens=1),
        cost_usd=None if cost_usd is None else Decimal(cost_usd),
        finish_reason="stop",
        model="m",
        **changes,
    )


@given(st.lists(st.floats(0, 1e6), min_size=2), st.integers(0, 10_000))
def test_sums_are_likely_to_be_so_much(values: list[float], more: int) -> None:
    """The mean counts, and so does the spread of what was observed; nothing is below 0."""
    mean = Mean()
    for value in values:
        mean.add(value)
    likely, least, most = mean.sum_of(more)
    assert likely == pytest.approx(more * sum(values) / len(values), rel=1e-6, abs=1e-3)
    spread = 2 * stdev(values) * (more * (1 + more / len(values))) ** 0.5
    assert most == pytest.approx(likely + spread, rel=1e-4, abs=1e-1)
    assert least == pytest.approx(max(0, likely - spread), rel=1e-4, abs=1e-1)


def test_remaining_comes_of_the_pace_and_the_mean(clock: Clock) -> None:
    """Rows that are alike leave no doubt."""
    heard: list[RowsProgress] = []
    job = tally(100, heard)
    for _ in range(20):
        clock.now += 0.5
        job.end_row(reply(), failed=False)
    assert [each.remaining is None for each in heard] == [True] * (ENOUGH - 1) + [False] * 11
    last = heard[-1].remaining
    assert last is not None
    assert (last.seconds_at_least, last.seconds, last.seconds_at_most) == (40, 40, 40)
    assert last.cost_usd_at_least == last.cost_usd == last.cost_usd_at_most == Decimal("0.8")


def test_doubt_shrinks(clock: Clock) -> None:
    """The more rows are done, the closer the bounds."""
    heard: list[RowsProgress] = []
    job = tally(1_000, heard)
    for number in range(999):
        clock.now += number % 3
        job.end_row(reply(f"0.0{number % 4}"), failed=False)
    spreads = [
        (each.remaining.seconds_at_most - each.remaining.seconds_at_least) / each.remaining.seconds
        for each in heard[20:500:60]
        if each.remaining
    ]
    assert spreads == sorted(spreads, reverse=True)
    assert all(
        each.remaining.seconds_at_least <= 1_000 - each.done <= each.remaining.seconds_at_most
        for each in heard
        if each.remaining
    )


def test_rows_that_the_journal_answers_tell_no_pace(clock: Clock) -> None:
    """What they cost then counts; how fast they come does not."""
    heard: list[RowsProgress] = []
    job = tally(100, heard)
    for _ in range(30):
        clock.now += 0.001
        job.end_row(reply(replayed=True), failed=False)
    assert heard[-1].remaining is None
    for _ in range(10):
        clock.now += 2
        job.end_row(reply(), failed=False)
    assert heard[-1].remaining is not None
    assert heard[-1].remaining.seconds == pytest.approx(120)
    assert heard[-1].remaining.cost_usd == Decimal("0.6")


def test_rows_that_fail_cost_nothing(clock: Clock) -> None:
    """Where half of the rows cannot be sent, half of the others likely cannot."""
    heard: list[RowsProgress] = []
    job = tally(40, heard)
    for number in range(20):
        clock.now += 1
        job.end_row(reply() if number % 2 else None, failed=number % 2 == 0)
    assert heard[-1].failed == 10
    assert heard[-1].remaining is not None
    assert heard[-1].remaining.cost_usd == Decimal("0.1")


def test_what_nobody_can_know(clock: Clock) -> None:
    """Without a total nothing is said, and without a price nothing of the cost."""
    once: list[RowsProgress] = []
    job = tally(None, once)
    unpriced: list[RowsProgress] = []
    other = tally(20, unpriced)
    for _ in range(ENOUGH):
        clock.now += 1
        job.end_row(reply(), failed=False)
        other.cost_usd = None
        other.end_row(reply(None), failed=False)
    assert once[-1].remaining is None
    assert unpriced[-1].remaining is not None
    assert unpriced[-1].remaining.cost_usd is None
    assert unpriced[-1].remaining.seconds == 10


def test_a_file_that_grew(clock: Clock) -> None:
    """More rows than were counted leave nothing, and not less."""
    heard: list[RowsProgress] = []
    job = tally(ENOUGH, heard)
    for _ in range(ENOUGH + 2):
        clock.now += 1
        job.end_row(reply(), failed=False)
    assert heard[-1].remaining is not None
    assert heard[-1].remaining.seconds == 0
    assert heard[-1].remaining.cost_usd == 0


def test_hooks_hear_of_rows() -> None:
    """The client's hooks get each event, and one that fails warns."""
    events: list[Event] = []
    heard: list[RowsProgress] = []
    tally(1, heard, hooks=[events.append]).end_row(reply(), failed=False)
    assert events == heard

    def fail(_: object) -> None:
        raise KeyError("mine")

    job = tally(1, heard)
    job._on_progress = fail
    with pytest.warns(RuntimeWarning, match="on_event failed: KeyError"):
        job.end_row(reply(), failed=False)
    quiet = tally(1, heard)
    quiet._on_progress = None
    quiet.end_row(reply(), failed=False)
    assert quiet.done == 1


def test_what_to_know() -> None:
    """Replies that were cut off, and fields that a file has no column for, are told."""
    job = tally(2, [])
    assert not job.told
    job.end_row(reply(), failed=False)
    cut = Completion(
        text="Fi",
        usage=Usage(),
        cost_usd=None,
        finish_reason="length",
        model="m",
    )
    job.end_row(cut, failed=False)
    job.unwritten = {"b": None, "c": None}
    assert job.told == (
        "replies that were cut off by their limit: 1; raise max_output_tokens",
        "the first row lacks 'b', 'c', so that the file has no such column",
    )
