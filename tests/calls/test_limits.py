"""What headers and messages tell of rate limits; each form is one that a server sends."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.calls.limits import KINDS, Bucket, Reading, read_duration_s, read_limits


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1s", 1),
        ("12ms", 0.012),
        ("850µs", 0.00085),
        ("6m0s", 360),
        ("2m59.56s", 179.56),
        ("7.66s", 7.66),
        ("1h2m3s", 3723),
        ("1d2h", 93_600),
        (" 55 ", 55),
        ("0", 0),
        (
            "Limit 200000, Used 199000, Requested 48000. Please try again in 644ms. Visit https://",
            0.644,
        ),
        ("Please try again in 1m2.5s.", 62.5),
        ("Please retry after 6 seconds.", 6),
        ("Please retry in 34.07s.", 34.07),
        ("Please retry after 1 minute.", 60),
        ("TRY AGAIN IN 2S", 2),
    ],
)
def test_durations(text: str, expected: float) -> None:
    """Durations are read as OpenAI, Azure, Groq and Google write them, alone or in a message."""
    assert read_duration_s(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "soon",
        "1x",
        "s",
        "1.2.3s",
        "1e3",
        "nan",
        "inf",
        "gpt-4o: Limit 3, Used 3",
        "9" * 30,
    ],
)
def test_what_is_no_duration(text: str) -> None:
    """A number in a message is no duration, and nonsense is none."""
    assert read_duration_s(text) is None


def openai_headers(limit: object, remaining: object, reset: object) -> dict[str, str]:
    """Return the headers of a limit of tokens."""
    told = {"limit": limit, "remaining": remaining, "reset": reset}
    return {f"x-ratelimit-{field}-tokens": str(value) for field, value in told.items()}


def test_headers_of_openai() -> None:
    """Requests and tokens are read apart; the names of headers have no case."""
    headers = {
        "X-RateLimit-Limit-Requests": "60",
        "X-RateLimit-Remaining-Requests": "30",
        "X-RateLimit-Reset-Requests": "30s",
        **openai_headers(150_000, 149_984, "6m0s"),
    }
    assert read_limits(headers) == {
        "requests": Reading(limit=60, remaining=30, period_s=60),
        "tokens": Reading(limit=150_000, remaining=149_984, period_s=None),
    }


def test_headers_of_anthropic() -> None:
    """Resets are moments, counted from the server's own date."""
    headers = {
        "date": "Sun, 22 Nov 2026 10:00:00 GMT",
        "anthropic-ratelimit-input-tokens-limit": "50000",
        "anthropic-ratelimit-input-tokens-remaining": "10000",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-22T10:00:48Z",
        "anthropic-ratelimit-output-tokens-limit": "8000",
        "anthropic-ratelimit-output-tokens-remaining": "8000",
    }
    assert read_limits(headers) == {
        "input-tokens": Reading(limit=50_000, remaining=10_000, period_s=60)
    }


@pytest.mark.parametrize(
    ("limit", "remaining", "reset", "period_s"),
    [
        (14_400, 7_200, "12h0m0s", 86_400),  # a free tier's, per day
        (50, 10, "800ms", 1),
        (500_000, 100_000, "4.8s", 6),
        (20, 0, "60", 60),
        (20, 5, "42.9s", 60),  # 15 used, or 14.3 and rounded
        (30_000, 29_900, "200ms", None),  # too little used
        (5, 4, "200ms", None),  # one used, or nearly none and rounded
        (30_000, 0, "", None),
        (30_000, 0, "0", None),
        (30_000, 0, "400d", None),
        (30_000, 0, "tomorrow", None),
        (30_000, 0, "2026-11-22T10:00:48Z", None),  # but no date
    ],
)
def test_the_period_of_a_limit(
    limit: int, remaining: int, reset: str, period_s: float | None
) -> None:
    """The period follows from how long the used part takes to come back, where that is told."""
    reading = read_limits(openai_headers(limit, remaining, reset))["tokens"]
    assert reading.period_s == (period_s and pytest.approx(period_s))


@pytest.mark.parametrize(
    ("limit", "remaining"),
    [
        (-1, -1),  # Azure, where it cannot tell
        (0, 0),
        ("", 79),  # Azure, older
        (100, ""),
        (100, -1),
        ("inf", "inf"),
        ("nan", "nan"),
        ("100, 100;w=60", "99"),
        (0.5, 0),
        (1e16, 1),
    ],
)
def test_odd_headers_tell_nothing(limit: object, remaining: object) -> None:
    """A limit that is unknown, endless or no number is left out."""
    assert read_limits(openai_headers(limit, remaining, "1s")) == {}


def test_more_remaining_than_the_limit() -> None:
    """A bucket holds no more than its limit."""
    assert read_limits(openai_headers(100, 150, "0")) == {
        "tokens": Reading(limit=100, remaining=100, period_s=None)
    }


NAMES = [
    family.format(kind=kind, field=field)
    for family in ("x-ratelimit-{field}-{kind}", "anthropic-ratelimit-{kind}-{field}")
    for kind in KINDS
    for field in ("limit", "remaining", "reset")
]
values = (
    st.text(max_size=20)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.floats(0, 1e9).map(lambda s: f"{s:.3f}s")
    | st.datetimes().map(lambda moment: moment.isoformat() + "Z")
    | st.sampled_from(["Sun, 22 Nov 2026 10:00:00 GMT", "Sun, 22 Nov 2026 10:00:00 +9999", "99d"])
)


@given(st.dictionaries(st.sampled_from([*NAMES, "date"]), values))
def test_any_headers_are_read(headers: dict[str, str]) -> None:
    """Whatever a server sends, what is read makes sense."""
    for reading in read_limits(headers).values():
        assert 0 <= reading.remaining <= reading.limit
        assert 1 <= reading.limit < math.inf
        assert reading.period_s is None or 0 < reading.period_s < math.inf


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """A message without a duration is no error."""
    assert (read_duration_s(text) or 0) >= 0


def test_a_bucket_fills_evenly() -> None:
    """What is missing comes back at the rate, and never more than fits."""
    bucket = Bucket(limit=60, level=0, at=0)
    assert bucket.wait_s(10, clock=0) == 10
    assert bucket.wait_s(10, clock=4) == 6
    assert bucket.wait_s(10, clock=4_000) == 0
    assert bucket.level == 60


def test_a_full_bucket_fills_from_when_the_request_arrives() -> None:
    """Until then the server's stays full, and what would flow in is lost."""
    bucket = Bucket(limit=60, level=60, at=0)
    bucket.take(60, clock=0)
    assert bucket.wait_s(1, clock=0) == 1.25


def test_more_than_a_bucket_holds() -> None:
    """It may go when the bucket is full, and the debt is paid before the next."""
    bucket = Bucket(limit=60, level=60, at=0)
    assert bucket.wait_s(100, clock=0) == 0
    bucket.take(100, clock=0)
    assert bucket.wait_s(10, clock=0.25) == 50


def test_giving_back_fills_no_further_than_the_limit() -> None:
    """What flowed in meanwhile has taken the room."""
    bucket = Bucket(limit=60, level=50, at=0)
    bucket.give_back(20)
    assert bucket.level == 60
    bucket.give_back(-20)
    assert bucket.level == 60
