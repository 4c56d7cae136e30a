"""Warnings point at the line that called minikit, whatever thread they come from."""

from __future__ import annotations

import linecache
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from anyio import create_task_group

import minikit
from minikit import AsyncClient, Client, Document, Model
from minikit.notices import caller, remember, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from server import ChatServer

_number = count()
pytestmark = pytest.mark.filterwarnings("always")


def ending() -> Model:
    """Return a model of which nobody was warned yet, and that ends in a month."""
    return Model(
        id=f"ends-{next(_number)}",
        context_window=9_000,
        max_output_tokens=1_000,
        shutdown_date=datetime.now(UTC).date() + timedelta(days=30),
    )


@pytest.fixture
def shown() -> Iterator[list[warnings.WarningMessage]]:
    """Return the warnings that are given."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        yield given


def source_of(warning: warnings.WarningMessage) -> str:
    """Return the line that a warning points at."""
    assert warning.filename == __file__
    return linecache.getline(warning.filename, warning.lineno).strip()


def streamed(client: Client) -> None:
    """Read a stream."""
    with client.stream("Hello") as stream:  # asks
        list(stream)


CALLS: list[Callable[[Client], Any]] = [
    lambda client: client.complete("Hello"),  # asks
    lambda client: client.summarize("One. Two. " * 2_000, chunk_tokens=500),  # asks
    lambda client: list(client.complete_many([{"a": 1}], "{a}")),  # asks
    streamed,
    lambda client: list(client.summarize_many([Document(text="One.")])),  # asks
    lambda client: client.chat().send("Hello"),  # asks
]


@pytest.mark.parametrize("call", CALLS)
def test_the_line_that_called(
    server: ChatServer, call: Callable[[Client], Any], shown: list[warnings.WarningMessage]
) -> None:
    """The blocking client works in another thread; the caller's line is told, and once."""
    with Client(model=ending(), api_key="k", base_url=server.base_url) as client:
        call(client)
        call(client)
    (warning,) = shown
    assert warning.category is minikit.ModelRetirementWarning
    assert source_of(warning).endswith("# asks")


@pytest.mark.anyio
async def test_the_line_that_awaited(
    server: ChatServer, shown: list[warnings.WarningMessage]
) -> None:
    """So is that of an async caller, for whom other tasks send the calls."""
    text = "One. Two. " * 2_000
    async with AsyncClient(model=ending(), api_key="k", base_url=server.base_url) as client:
        await client.summarize(text, chunk_tokens=500)  # awaits
    async with AsyncClient(model=ending(), api_key="k", base_url=server.base_url) as client:
        await client.complete("Hello")  # awaits
    assert [source_of(warning).partition("#")[2] for warning in shown] == [" awaits"] * 2


@pytest.mark.anyio
async def test_no_line_of_an_earlier_call(shown: list[warnings.WarningMessage]) -> None:
    """Each call has its own, also where tasks work on it: rows, documents, parts, streams."""

    def fails(_event: object) -> None:
        raise ValueError("no")

    documents = [Document(text="One.")]
    async with AsyncClient(model="offline", hooks=[fails]) as client:
        await client.summarize("One. Two. " * 2_000, chunk_tokens=500)  # 1
        async for _ in client.complete_many([{"a": 1}], "{a}"):  # 2
            pass
        await client.summarize("One. Two. " * 2_000, chunk_tokens=500)  # 3
        async for _ in client.summarize_many(documents):  # 4
            pass
        async with client.stream_summary("One. Two. " * 2_000, chunk_tokens=500) as read:  # 5
            async for _ in read:  # 5
                pass
        shown_before = len(shown)
        await client.summarize("One. Two. ")  # 6
        async with create_task_group() as group:
            group.start_soon(client.complete, "Hello")
    lines = [source_of(warning)[-1] for warning in shown[:shown_before]]
    assert list(dict.fromkeys(lines)) == ["1", "2", "3", "4", "5"]
    # Of a call that is a task of the user's the caller is whoever runs the loop.
    of_others = [warning.filename != __file__ for warning in shown[shown_before:]]
    assert of_others == sorted(of_others)
    assert any(of_others)


def test_other_warnings(tmp_path: Path, shown: list[warnings.WarningMessage]) -> None:
    """Sources, budgets and listeners are told of in the same way."""
    file = tmp_path / "a.txt"
    file.write_bytes("Größe über alles".encode("cp1252"))

    def fails(_event: object) -> None:
        raise ValueError("no")

    with Client(model="offline", budget_usd=0.5) as client:  # type: ignore[arg-type] # told  # 1
        client.summarize(file)  # 2
        client.summarize("One. Two.", on_event=fails)  # 3
        Document.from_path(file)  # 4
    assert [source_of(warning)[-1] for warning in shown] == ["1", "2", "3", "4"]


def test_a_thread_of_its_own(shown: list[warnings.WarningMessage]) -> None:
    """A thread without a caller tells the line that is remembered, and else its own."""
    line = caller()
    context = copy_context()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(caller).result() is None
        pool.submit(warn, "Beware", UserWarning).result()
        context.run(remember, line)
        context.run(remember, None)
        assert pool.submit(context.run, caller).result() == line
        pool.submit(context.run, warn, "Beware", UserWarning).result()
    assert shown[0].filename != __file__
    assert source_of(shown[1]) == "line = caller()"


def test_a_filter_of_a_module() -> None:
    """A filter may name the module that calls, and "default" shows a line once."""
    with Client(model="offline") as client, warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("default")
        for _ in range(3):
            client.summarize("One. Two.", on_event=lambda _: 1 / 0)  # type: ignore[arg-type] # told
        warnings.filterwarnings("ignore", module=__name__)
        client.summarize("One. Two.", on_event=lambda _: 1 / 0)  # type: ignore[arg-type] # told
    assert len(given) == 1
