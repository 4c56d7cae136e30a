"""Events reach every hook, and no hook fails a call."""

from __future__ import annotations

import logging
import pickle
import warnings
from dataclasses import FrozenInstanceError, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import attempted, ended, retried, started
from minikit import ArgumentError
from minikit.calls.hooks import CallStarted, Event, Hooks, RetryScheduled

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = (started(), attempted(), retried(), ended())


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Event):
    """An event of a kind that calls do not know."""

    done: int


class AsyncHook:
    """A hook that would have to be awaited."""

    async def __call__(self, event: Event, /) -> None:
        """Do nothing."""


async def async_function(event: Event, /) -> None:
    """Do nothing."""


def failing(event: Event, /) -> None:
    """Fail at every event."""
    raise LookupError(type(event).__name__)


def raising(error: BaseException) -> Callable[[Event], None]:
    """Return a hook that raises `error`."""

    def hook(event: Event, /) -> None:
        raise error

    return hook


def test_every_hook_hears_every_event_in_order() -> None:
    """Hooks are called with the events themselves, also with kinds that others add."""
    one: list[Event] = []
    other: list[Event] = []
    events = [*EVENTS, Progress(done=1)]
    hooks = Hooks([one.append, other.append])
    for event in events:
        hooks.emit(event)
    assert one == other == events


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_a_value(event: Event) -> None:
    """An event cannot be changed, equals its like, and goes to another process and back."""
    with pytest.raises(FrozenInstanceError, match="call_id"):
        event.call_id = "other"  # type: ignore[attr-defined] # the point of this test
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301 - our own
    assert not hasattr(event, "__dict__")


def test_a_failing_hook_warns_and_fails_nothing() -> None:
    """The warning names hook, event and error; the hooks after it are told all the same."""
    heard: list[Event] = []
    hooks = Hooks([failing, heard.append])
    with pytest.warns(RuntimeWarning, match=r"hook failing failed at CallEnded: LookupError\('Cal"):
        hooks.emit(ended())
    assert heard == [ended()]


def test_a_failing_hook_is_logged_where_warnings_are_errors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A call that was paid for is not lost to `python -W error`."""
    heard: list[Event] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Hooks([failing, heard.append]).emit(ended())
    assert heard == [ended()]
    assert "the hook failing failed at CallEnded" in caplog.text


def test_a_failing_hook_without_a_name_is_named_by_its_class() -> None:
    """An object that is a hook is known by its class."""
    with pytest.warns(RuntimeWarning, match="the hook partial failed"):
        Hooks([partial(failing)]).emit(ended())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_a_hook_can_end_the_program(error: BaseException) -> None:
    """What is meant to end the program is not swallowed."""
    with pytest.raises(type(error), match=r"^3?$"):
        Hooks([raising(error)]).emit(started())


@given(st.lists(st.booleans()), st.lists(st.sampled_from(EVENTS)))
def test_faults_stay_where_they_are(faulty: list[bool], events: list[Event]) -> None:
    """Whatever hooks fail, the sound ones hear all, and each fault warns."""
    sound: list[list[Event]] = [[] for fails in faulty if not fails]
    left = iter(sound)
    hooks = Hooks([failing if fails else next(left).append for fails in faulty])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for event in events:
            hooks.emit(event)
    assert sound == [events] * len(sound)
    assert len(caught) == sum(faulty) * len(events)


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        ([None], "None cannot be called"),
        ("log", "'l' cannot be called"),
        (print, "hooks is a sequence of callables, not <built-in function print>"),
        ([dict], r"an object, not a class: write dict\(\)"),
        ([async_function], "async_function must be no coroutine function"),
        ([partial(async_function)], "must be no coroutine function"),
        ([AsyncHook()], "AsyncHook must be no coroutine function"),
    ],
)
def test_what_is_no_hook_is_refused(hooks: Any, message: str) -> None:  # noqa: ANN401 - wrong on purpose
    """A hook that could never work is an error where it is given."""
    with pytest.raises(ArgumentError, match=message):
        Hooks(hooks)


def test_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    """Without hooks an event is wanted where the logger is on for its level."""
    caplog.set_level(logging.WARNING, "minikit")
    hooks = Hooks()
    assert not hooks.wants(CallStarted)
    assert hooks.wants(RetryScheduled)
    caplog.set_level(logging.DEBUG, "minikit")
    assert hooks.wants(CallStarted)


def test_somebody_listens(caplog: pytest.LogCaptureFixture) -> None:
    """A hook hears all kinds of events, whatever is logged."""
    caplog.set_level(logging.CRITICAL, "minikit")
    assert Hooks([print]).wants(CallStarted)
