"""The log says what calls did, in one line an event, and no text."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from events import attempted, ended, retried, started
from minikit.calls.hooks import BatchWatched, Event, Hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINES = [
    (
        started(),
        "DEBUG",
        "call c1 started: operation=map model=gpt-4o-mini provider=openai server=api.openai.com "
        "input_tokens=2006 max_output_tokens=400",
    ),
    (
        attempted(),
        "DEBUG",
        "call c1 attempt 1: outcome=ok latency_s=2.500 input_tokens=2006 output_tokens=300 "
        "cost_usd=0.0003369 request_id='req_1'",
    ),
    (
        attempted(outcome="timeout", usage=None, cost_usd=None, request_id=None),
        "DEBUG",
        "call c1 attempt 1: outcome=timeout latency_s=2.500 input_tokens=None output_tokens=None "
        "cost_usd=None request_id=None",
    ),
    (
        retried(),
        "WARNING",
        "call c1 attempt 1 failed, next in 1.50 s: error=RateLimitError status=429 "
        "code='rate_limit_exceeded'",
    ),
    (
        ended(),
        "INFO",
        "call c1 ended: outcome='stop' operation=map model=gpt-4o-mini "
        "answered_by='gpt-4o-mini-2024-07-18' attempts=1 latency_s=2.500 input_tokens=2006 "
        "output_tokens=300 cost_usd=0.0003369 request_id='req_1' replayed=False",
    ),
    (
        ended(error="RateLimitError", answered_by=None, usage=None, cost_usd=None, attempts=6),
        "INFO",
        "call c1 ended: outcome='RateLimitError' operation=map model=gpt-4o-mini "
        "answered_by=None attempts=6 latency_s=2.500 input_tokens=None output_tokens=None "
        "cost_usd=None request_id='req_1' replayed=False",
    ),
    (
        BatchWatched(
            batch_id="batch_\n1",
            model="gpt-4o-mini",
            status="in_progress",
            requests=6,
            completed=3,
            failed=1,
        ),
        "INFO",
        r"batch 'batch_\n1': status='in_progress' model=gpt-4o-mini "
        "requests=6 completed=3 failed=1",
    ),
]


class Shy(Event):
    """An event that must not be looked at."""

    def __repr__(self) -> str:
        raise AssertionError("put into words although nobody reads it")


class Tick(Event):
    """An event without a line of its own."""

    def __repr__(self) -> str:
        return "Tick()"


@pytest.fixture
def filtered() -> Iterator[Callable[[Callable[[logging.LogRecord], bool]], None]]:
    """Add filters to the logger for this test only."""
    logger = logging.getLogger("minikit")
    before = list(logger.filters)
    yield logger.addFilter
    logger.filters[:] = before


@pytest.mark.parametrize(("event", "level", "line"), LINES)
def test_a_line_for_each_event(
    event: Event, level: str, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An event is one line at the level of its kind, with all its figures."""
    caplog.set_level(logging.DEBUG, "minikit")
    Hooks().emit(event)
    (record,) = caplog.records
    assert (record.name, record.levelname, record.getMessage()) == ("minikit", level, line)


def test_an_event_of_another_kind_is_logged_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """A new kind of event needs no line of its own."""
    caplog.set_level(logging.DEBUG, "minikit")
    Hooks().emit(Tick())
    assert caplog.messages == ["Tick()"]


def test_nothing_is_put_into_words_below_the_level(caplog: pytest.LogCaptureFixture) -> None:
    """A level that is off costs no formatting."""
    caplog.set_level(logging.INFO, "minikit")
    Hooks().emit(Shy())
    assert caplog.records == []


def test_a_server_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """A line break in what a server says is escaped."""
    caplog.set_level(logging.DEBUG, "minikit")
    forged = "x\nERROR root: the disk is full"
    Hooks().emit(ended(answered_by=forged, finish_reason=forged, request_id=forged))
    Hooks().emit(retried(code=forged))
    Hooks().emit(attempted(request_id=forged))
    assert [message for message in caplog.messages if "\n" in message] == []


def test_a_logging_fault_fails_no_call(
    filtered: Callable[[Callable[[logging.LogRecord], bool]], None],
) -> None:
    """A filter of the user's that raises is a warning, and the hooks are told all the same."""

    def broken(record: logging.LogRecord) -> bool:
        raise LookupError(record.name)

    filtered(broken)
    heard: list[Event] = []
    with pytest.warns(RuntimeWarning, match="the hook log failed at RetryScheduled"):
        Hooks([heard.append]).emit(retried())
    assert heard == [retried()]


PROGRAM = """
import logging, sys
from minikit.calls.hooks import Hooks, RetryScheduled
if sys.argv[1:]:
    logging.basicConfig(level=logging.INFO)
Hooks().emit(
    RetryScheduled(call_id="c1", attempt=1, wait_s=1, error="ServerError", status=500, code=None)
)
"""


@pytest.mark.parametrize(("arguments", "lines"), [((), 0), (("configured",), 1)])
def test_a_program_chooses_to_see_the_log(arguments: tuple[str, ...], lines: int) -> None:
    """Nothing is printed before logging is configured, warnings included."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True
    )
    assert len(done.stderr.splitlines()) == lines
    assert done.stdout == ""
