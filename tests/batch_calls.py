"""Calls that travel in batches, as the tests of batches make them."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio

from batches import BatchServer
from minikit import AsyncClient, MinikitError, Model, Retry
from minikit.calls.batching.settings import Batch
from minikit.calls.hooks import BatchWatched, Event
from minikit.calls.request import Request
from server import ok

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from minikit.calls.batching.lane import Lane
    from minikit.calls.completion import Completion
    from minikit.calls.pipeline import Pipeline
    from server import Body, Reply

QUICK = Batch(gather_s=0.5, poll_s=0.001, listed_within_s=0)
"""What `ask` asks is sent as soon as it has come; the half second is for what comes otherwise. A
batch that was asked for and is not listed is taken for one that was not made, at once."""

ALONE = replace(QUICK, gather_s=0)
"""For one call, or where the number of batches does not matter."""

LISTED_LATE = replace(QUICK, listed_within_s=86_400)
"""Where a server may be slow to list a batch."""

SOON = Retry(attempts=4, wait_initial_s=0.0)
MINI = Model.resolve("gpt-4o-mini")


def echo(body: Body) -> Reply:
    """Answer with what was asked."""
    return ok(f"You said: {body['messages'][-1]['content']}")


@asynccontextmanager
async def client_of(server: BatchServer, **options: Any) -> AsyncGenerator[AsyncClient]:  # noqa: ANN401 - of AsyncClient
    """Make a client of the server, one that hears of batches."""
    defaults = {"api_key": "sk-test-0123456789", "base_url": server.base_url, "retry": SOON}
    async with AsyncClient(**{**defaults, **options}) as client:
        yield client


class Watched:
    """A hook that keeps what is told of batches."""

    def __init__(self) -> None:
        self.events: list[BatchWatched] = []

    def __call__(self, event: Event) -> None:
        """Keep the event."""
        if isinstance(event, BatchWatched):
            self.events.append(event)

    @property
    def states(self) -> list[str]:
        """The states, in order, without repetitions."""
        return list(dict.fromkeys(event.status for event in self.events))


def request_of(prompt: str, **options: Any) -> Request:  # noqa: ANN401 - of Request
    """Return what is asked for a prompt."""
    return Request.of(prompt, **{"model": MINI, "max_output_tokens": 40, **options})


async def ask(
    pipeline: Pipeline,
    prompts: Iterable[str],
    **options: Any,  # noqa: ANN401 - of Request
) -> list[Completion | MinikitError]:
    """Ask for each prompt at the same time; return what came, in the order of the prompts.

    All that has no reply yet travels together, however slowly it comes.
    """
    asked = dict(enumerate(prompts))
    came: dict[int, Completion | MinikitError] = {}

    async def one(number: int, prompt: str) -> None:
        try:
            came[number] = await pipeline.send(request_of(prompt, **options))
        except MinikitError as error:
            came[number] = error

    def left() -> int:
        prompts = [prompt for number, prompt in asked.items() if number not in came]
        return len(set(prompts) if pipeline._journal else prompts)  # it sends equal ones once

    async with anyio.create_task_group() as around:
        around.start_soon(_depart, pipeline, left)
        async with anyio.create_task_group() as group:
            for number, prompt in asked.items():
                group.start_soon(one, number, prompt)
        around.cancel_scope.cancel()
    return [came[number] for number in sorted(came)]


async def _depart(pipeline: Pipeline, left: Callable[[], int]) -> None:
    """Send a wave when all that are left have joined it; no clock can tell that they have."""
    while True:
        for lane in lanes(pipeline):
            for flight in filter(None, (lane._gathering, *lane._adopted.values())):
                if len(flight.waiting) + len(flight.aboard) == left():
                    flight.last = -math.inf
                    flight.stirred.set()
        await anyio.sleep(0.001)


def lanes(pipeline: Pipeline) -> list[Lane]:
    """Return the ways on which calls travel in this event loop."""
    rooms = pipeline._connections.session().rooms
    return [lane for room in rooms.values() for lane in room.lanes.values()]


async def until(happened: Callable[[], object]) -> None:
    """Wait until something has happened that no event tells of."""
    with anyio.fail_after(60), anyio.CancelScope(shield=True):
        while not happened():  # noqa: ASYNC110 - a server's thread does it
            await anyio.sleep(0.002)


def said(came: Iterable[Completion | MinikitError]) -> list[str]:
    """Return the texts of replies, and the classes of errors."""
    return [type(one).__name__ if isinstance(one, MinikitError) else one.text for one in came]


def echoes(prompts: Iterable[str]) -> list[str]:
    """Return what `said` returns where all went well."""
    return [f"You said: {prompt}" for prompt in prompts]
