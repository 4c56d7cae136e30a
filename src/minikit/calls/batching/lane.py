"""The way to one model of one server, on which calls travel in batches."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import count
from typing import TYPE_CHECKING
from weakref import WeakSet

from minikit.calls.attempt import Attempt, Replayed
from minikit.calls.batching.flight import Flight, Item
from minikit.calls.batching.packing import MOST_BYTES, row_of
from minikit.calls.batching.pilot import Pilot
from minikit.calls.batching.watching import FIRST_POLL_S, in_thread
from minikit.calls.hooks import BatchHeldBack, warned
from minikit.calls.journal_rows import Attempt as JournaledAttempt
from minikit.calls.journal_rows import Wave
from minikit.calls.transport import RawReply
from minikit.errors import CallError

if TYPE_CHECKING:
    from anyio import Event, Semaphore

    from minikit.calls.batching.post import Post
    from minikit.calls.batching.settings import Batch
    from minikit.calls.call import Call
    from minikit.calls.completion import Completion
    from minikit.calls.hooks import Hooks
    from minikit.calls.journal import Journal
    from minikit.calls.line import Line

__all__ = ["GaveUp", "Lane", "Room"]

Recall = Callable[["Call"], Awaitable["Completion | None"]]
"""Looks a call up in the journal, and notes what it can go on with; see `Call.under_way`."""


class GaveUp(Exception):  # noqa: N818 - it never leaves this floor
    """A call failed with all others of its batch, after what they need was tried again."""

    def __init__(self, error: CallError) -> None:
        super().__init__()
        self.error = error


class Lane(Pilot):
    """Gathers calls to one model of one server, and has them travel together.

    Belongs to an event loop, and has no task of its own.
    """

    def __init__(
        self,
        post: Post,
        hooks: Hooks,
        journal: Journal | None,
        batch: Batch,
        *,
        model: str,
        recall: Recall,
    ) -> None:
        """Make one; nothing is sent.

        Args:
            post: What asks the server.
            hooks: Who is told.
            journal: Where waves are noted, or None.
            batch: How calls are gathered.
            model: The model that is asked.
            recall: Looks a call up in the journal.
        """
        super().__init__(post, hooks, journal, batch)
        self._model = model
        self._recall = recall
        self._gathering: Flight | None = None
        self._adopted: dict[str, Flight] = {}
        self._live: dict[str, Event | None] = {}
        self._ended: dict[str, float] = {}
        self._numbers = count(1)
        self._told: WeakSet[Line] = WeakSet()

    async def attempt(self, call: Call) -> Completion:
        """Make one attempt of a call, from its reservation to its settlement.

        Raises:
            Replayed: An equal call, or another process, has brought the reply meanwhile.
            GaveUp: Trying again cannot help.
            MinikitError: There is no reply that can be used.
        """
        async with self._alone(call):
            found = call.under_way
            attempt = await Attempt.admitted(call)
            item = self._item(attempt, found)
            try:
                reply = await self._delivered(item)
                completion = await attempt.read(reply)
            except BaseException as error:
                await self._settled(item, error)
                if item.is_final and isinstance(error, CallError):
                    raise GaveUp(error) from None
                raise
            await attempt.succeed(completion)
            return completion

    @asynccontextmanager
    async def _alone(self, call: Call) -> AsyncGenerator[None]:
        """Wait while an equal call is in flight, where a journal can give both the same reply.

        Raises:
            Replayed: It has brought the reply.
        """
        from anyio import Event

        name = call.fingerprint
        while name and (name in self._live or self._may_have_come(call)):
            if name in self._live:
                other = self._live[name] = self._live[name] or Event()
                await other.wait()
            if (completion := await self._recall(call)) is not None:
                raise Replayed(completion)
        if not name:
            yield
            return
        self._live[name] = None
        try:
            yield
        finally:
            waiting, self._ended[name] = self._live.pop(name), time.monotonic()
            if waiting is not None:
                waiting.set()

    def _may_have_come(self, call: Call) -> bool:
        """Tell whether the journal may have a reply that it had not when it was looked into."""
        wave = None if call.under_way is None else call.under_way.wave
        ended, brought = self._ended.get(call.fingerprint), self.brought_at.get(wave or "")
        return call.looked_at <= max(ended or 0.0, brought or 0.0)

    def _item(self, attempt: Attempt, found: JournaledAttempt | None) -> Item:
        """Let an attempt join those that it can travel with."""
        from anyio import Event

        flight = self._open_flight()
        name = attempt.call.fingerprint or f"call-{next(self._numbers)}"
        item = Item(attempt=attempt, name=name, flight=flight, woken=Event())
        if found is None:
            flight.join(item)
            if len(flight.waiting) >= self._batch.max_requests or flight.size >= MOST_BYTES:
                self._close(flight)
        else:
            self.adopt(item, found)
        return item

    async def _delivered(self, item: Item) -> RawReply:
        """Wait for a reply; drive the flight where it falls to this call."""
        from anyio import Event

        try:
            while not item.is_over:
                if item.flight.driver is item:
                    await self._drive(item.flight)
                else:
                    await item.woken.wait()
                    item.woken = Event()
        finally:
            flight = item.flight
            flight.leave(item)
            if flight.is_empty and not item.is_over:
                await self.abandon(flight)
        if item.error is not None:
            raise item.error
        if item.answer is not None:
            item.attempt.call.attempts -= 1  # it was not sent
            raise Replayed(item.answer)
        assert item.reply is not None  # noqa: S101 - it is over
        return item.reply

    async def _drive(self, flight: Flight) -> None:
        """Take a flight from where it is to its end, and give its error to all who wait."""
        try:
            if flight.is_open and not flight.adopted:
                await self._gather(flight)
                self._tell_of_waiting(flight)
            if not flight.adopted or await self._find(flight):
                await self.fly(flight)
        except Exception as error:  # noqa: BLE001 - every call raises it
            self._close(flight)
            self.settle_all(flight, error)
        finally:
            flight.hand_over()

    async def _settled(self, item: Item, error: BaseException) -> None:
        """Book what an attempt came to that brings no reply."""
        attempt = item.attempt
        is_open = item.fate == "aboard" or (item.reply and not isinstance(error, CallError))
        if item.fate == "unsent":
            await attempt.withdraw()
        elif is_open and self.journal is not None and attempt.row is not None:
            await attempt.detach(attempt.row)
        else:
            sent = item.fate == "aboard"
            await attempt.fail(error, in_stream=sent, is_free=item.fate == "free")

    def _open_flight(self) -> Flight:
        """Return the flight that calls can join."""
        from anyio import Event

        if self._gathering is None:
            self._gathering = Flight(note=self._wave_of(None), stirred=Event())
        return self._gathering

    def _wave_of(self, wave: str | None) -> Wave:
        from uuid import uuid4

        server, now = self.post.transport.server, datetime.now(UTC)
        return Wave(id=wave or uuid4().hex, server=server, model=self._model, begun_at=now)

    def _close(self, flight: Flight) -> None:
        """Let no more calls join a flight."""
        flight.is_open = False
        flight.stirred.set()
        if self._gathering is flight:
            self._gathering = None
        if self._adopted.get(flight.note.id) is flight:
            del self._adopted[flight.note.id]

    async def _gather(self, flight: Flight) -> None:
        """Wait until no call has come for a while, or there is no more room."""
        from anyio import move_on_after

        while flight.is_open:
            left_s = flight.last + self._batch.gather_s - time.monotonic()
            if left_s <= 0:
                self._close(flight)
                return
            with move_on_after(left_s):
                await flight.stirred.wait()

    def _tell_of_waiting(self, flight: Flight) -> None:
        """Tell of calls that have no money to travel with the others, before these are paid for."""
        calls = [item.attempt.call for item in flight.waiting.values()]
        lines = {call.desk.money: call for call in calls}
        money, call = max(lines.items(), key=lambda pair: pair[0].waiting)
        budgets = [account.budget for account in call.accounts if account.budget is not None]
        if not (money.waiting and budgets):
            return
        held = BatchHeldBack(
            model=self._model,
            requests=len(calls),
            waiting=money.waiting,
            budget_usd=min(budgets, key=lambda budget: budget.left_usd).limit_usd,
            worst_usd=call.worst_usd or Decimal(0),
        )
        self.hooks.emit(held)
        if money not in self._told:
            self._told.add(money)
            warned(str(held))

    def adopt(self, item: Item, found: JournaledAttempt | Completion) -> None:
        """Let a call wait for what was sent before; what has come by now is its reply."""
        from anyio import Event

        if not isinstance(found, JournaledAttempt):
            item.flight.answer(item, found)
            return
        item.attempt.row, item.wave = found.id, found.wave
        if found.body is not None:
            reply = RawReply(body=found.body, request_id=found.request_id, is_kept=True)
            item.flight.bring(item, reply)
            return
        assert found.wave is not None  # noqa: S101 - it is under way
        flight = self._adopted.get(found.wave)
        if flight is None:
            note = self._wave_of(found.wave)
            flight = self._adopted[found.wave] = Flight(note=note, stirred=Event(), adopted=True)
        flight.join(item)

    async def _find(self, flight: Flight) -> bool:
        """Find the batch of a wave that was begun before; where there is none, take it over.

        Returns:
            Whether the flight goes on; else its calls have joined others.
        """
        from anyio import sleep

        assert self.journal is not None  # noqa: S101 - what is adopted comes from there
        while True:
            waves = await in_thread(partial(self.journal.waves, flight.note.id))
            flight.note = next(iter(waves), flight.note)  # a journal that was cleared has none
            if flight.note.batch_id is not None:
                return True
            was_tried = flight.note.tried_at is not None
            if was_tried and (found := await self.find(flight.note)) is not None:
                flight.note = replace(flight.note, batch_id=found.id)
                return True
            if not self.may_be_listed(flight.note):
                return await self._take_over(flight)
            await sleep(min(FIRST_POLL_S, self._batch.poll_s))

    async def _take_over(self, flight: Flight) -> bool:
        """Claim the calls of a wave that became no batch; see `Journal.claim`."""
        assert self.journal is not None  # noqa: S101 - as above
        await self._gather(flight)
        old, items = flight.note, [*flight.aboard.values()]
        flight.renew()
        rows = [row_of(item) for item in items]
        if await in_thread(partial(self.journal.claim, rows, old, flight.note)):
            for item in items:
                item.wave = flight.note.id
            return True
        await self.regroup(flight)
        return False

    async def landing(self, flight: Flight) -> None:
        """Let no more calls join a flight whose batch is over; see what has been kept of it."""
        self._close(flight)
        if flight.adopted:
            await self._look_up(flight)

    async def regroup(self, flight: Flight) -> None:
        """Let calls join what the journal says that they travel with by now."""
        await self._look_up(flight)
        flight.renew()

    async def _look_up(self, flight: Flight) -> None:
        """Give calls what the journal has of them: a reply, or another wave."""
        assert self.journal is not None  # noqa: S101 - it has told of them
        journal, items = self.journal, [*flight.aboard.values(), *flight.waiting.values()]

        def looked_up() -> list[JournaledAttempt | None]:
            return [_own(journal.recall(item.name), item) for item in items]

        for item, attempt in zip(items, await in_thread(looked_up), strict=True):
            if item.is_gone or item.is_over:
                continue
            if attempt is None or not (attempt.is_under_way or attempt.body):
                item.attempt.row = None  # another process has settled it: it begins anew
            elif attempt.body is not None or attempt.wave != flight.note.id:
                item.flight.drop(item)
                self.adopt(item, attempt)


def _own(past: tuple[JournaledAttempt, ...], item: Item) -> JournaledAttempt | None:
    return next((each for each in past if each.id == item.attempt.row), None)


@dataclass(slots=True)
class Room:
    """What calls that travel in batches have in one event loop.

    Attributes:
        places: For calls that wait.
        lanes: The ways, by where they lead.
    """

    places: Semaphore
    lanes: dict[object, Lane] = field(default_factory=dict[object, Lane])
