"""Calls that travel together, and what becomes of each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from minikit.calls.journal_rows import Begun, Wave

if TYPE_CHECKING:
    from anyio import Event

    from minikit.calls.attempt import Attempt
    from minikit.calls.completion import Completion
    from minikit.calls.transport import RawReply

__all__ = ["Fate", "Flight", "Item", "wave_like"]

Fate = Literal["unsent", "aboard", "free", "known"]
"""What to book for a call that brings no reply: nothing, as nothing was sent; nothing yet, as its
batch may still bring it; that it cost nothing; or what its error says."""


@dataclass(slots=True, eq=False)
class Item:
    """A call that waits for its reply.

    Attributes:
        attempt: The attempt that it is.
        name: Its name in the file.
        flight: What it travels with.
        woken: Set when there is something for it to do: to take its reply, or to drive.
        fate: What to book where there is no reply.
        wave: The wave that the journal has it in, as far as is known here; or None.
        reply: The reply, or None.
        answer: What another process was answered before it was sent, or None.
        error: Why there is none, or None.
        is_final: Whether all that can be done about the error was done.
        is_gone: Whether it waits no more.
    """

    attempt: Attempt
    name: str
    flight: Flight
    woken: Event
    fate: Fate = "unsent"
    wave: str | None = None
    reply: RawReply | None = None
    answer: Completion | None = None
    error: Exception | None = None
    is_final: bool = False
    is_gone: bool = False

    @property
    def is_over(self) -> bool:
        """Whether there is a reply, or will be none."""
        return any(one is not None for one in (self.reply, self.answer, self.error))

    def begun(self) -> Begun:
        """Return what the journal is told of it."""
        call = self.attempt.call
        return Begun(
            fingerprint=call.fingerprint,
            run=call.desk.run,
            job=call.accounts[-1].job,
            operation=call.operation,
            model=call.request.model.id,
            reserved_usd=call.worst_usd,
            attempt=self.attempt.row,
            wave=self.wave,
        )


@dataclass(slots=True, eq=False)
class Flight:
    """Calls that travel together: one of their tasks drives, and the others sleep.

    Where the driver is cancelled, another takes its place; so a flight needs no task of its own,
    and goes on at the point that its fields tell.

    Attributes:
        note: What the journal is told of it.
        stirred: Set when the wait for more calls may end.
        adopted: Whether an earlier run, or another process, has begun it.
        is_open: Whether calls may still join before it starts.
        last: When the last call joined, in seconds of the monotonic clock.
        size: Code points of all that is asked, about.
        waiting: Calls that are in no file yet, by their names.
        aboard: Calls whose file is on its way, or there.
        rows: Numbers of the attempts in that file; some may be of calls that have left.
        names: The names in that file, line by line; none where another process wrote it.
        file_id: The server's id of it, once it is there.
        size_bytes: Its size.
        in_doubt: Whether a batch may have been made of it that we do not know.
        replied: The names of requests whose replies its batch has brought so far.
        driver: Who drives.
        rounds: How often it was sent again without the requests that the server found wrong.
    """

    note: Wave
    stirred: Event
    adopted: bool = False
    is_open: bool = True
    last: float = field(default_factory=time.monotonic)
    size: int = 0
    waiting: dict[str, Item] = field(default_factory=dict[str, Item])
    aboard: dict[str, Item] = field(default_factory=dict[str, Item])
    rows: list[int] = field(default_factory=list[int])
    names: list[str] = field(default_factory=list[str])
    file_id: str | None = None
    size_bytes: int = 0
    in_doubt: bool = False
    replied: set[str] = field(default_factory=set[str])
    driver: Item | None = None
    rounds: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits for it."""
        return not (self.waiting or self.aboard)

    @property
    def is_led(self) -> bool:
        """Whether the driver is one of those who wait."""
        driver = self.driver
        return driver is not None and driver in (
            self.aboard.get(driver.name),
            self.waiting.get(driver.name),
        )

    def join(self, item: Item) -> None:
        """Take a call in; the first one drives."""
        item.flight = self
        if self.adopted:
            self.aboard[item.name] = item
            item.fate = "aboard"
        else:
            self.waiting[item.name] = item
            item.fate = "unsent"
        self.last = time.monotonic()
        self.size += _size(item)
        if self.driver is None:
            self.driver = item
            item.woken.set()

    def leave(self, item: Item) -> None:
        """Let a call go, with its reply or without."""
        item.is_gone = True
        self.drop(item)
        if self.driver is item:  # else whoever drives may go on for others, its own reply in hand
            self.hand_over()

    def drop(self, item: Item) -> None:
        """Let a call go elsewhere; where it drives, it hands over when it comes to it."""
        for calls in (self.waiting, self.aboard):
            if calls.get(item.name) is item:
                del calls[item.name]

    def hand_over(self) -> None:
        """Let another drive, where the driver is here no more."""
        if self.driver is not None and not self.is_led:
            self.driver = next(chain(self.aboard.values(), self.waiting.values()), None)
            if self.driver is not None:
                self.driver.woken.set()

    def bring(self, item: Item, reply: RawReply) -> None:
        """Give a call its reply."""
        item.reply, item.fate = reply, "known"
        self._end(item)

    def answer(self, item: Item, completion: Completion) -> None:
        """Give a call what another process was answered; it is not sent."""
        item.answer, item.fate = completion, "unsent"
        self._end(item)

    def fail(self, items: Iterable[Item], error: Exception, fate: Fate) -> None:
        """Give calls an error, each one of its own."""
        for item in tuple(items):
            item.error, item.fate = copy(error).with_traceback(error.__traceback__), fate
            item.error.__cause__ = error.__cause__
            self._end(item)

    def renew(self) -> None:
        """Begin anew with all who wait: what was sent has come to nothing, and cost nothing."""
        self.waiting, self.aboard = {**self.aboard, **self.waiting}, {}
        self.note = wave_like(self.note)
        self.adopted = self.is_open = self.in_doubt = False
        self.file_id, self.replied = None, set()
        for item in self.waiting.values():
            item.fate = "unsent"

    def _end(self, item: Item) -> None:
        """Wake a call that is over; its driver goes on for the others."""
        self.drop(item)
        item.woken.set()


def wave_like(note: Wave) -> Wave:
    """Return what a new wave to the same model begins with."""
    now = datetime.now(UTC)
    return replace(note, id=uuid4().hex, begun_at=now, tried_at=None, batch_id=None)


def _size(item: Item) -> int:
    """Return how much is asked, without reading it: images are texts too, as base64."""
    contents = [message.content for message in item.attempt.call.request.messages]
    parts = (part for content in contents if not isinstance(content, str) for part in content)
    images = sum(len(getattr(part, "url", "")) for part in parts)
    return item.attempt.call.request.characters + images
