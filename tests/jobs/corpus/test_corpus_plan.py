"""What a run over a corpus will take, before anything is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from minikit import (
    ArgumentError,
    AsyncClient,
    Client,
    CorpusProgress,
    Document,
    JournalError,
    SourceError,
)
from minikit.jobs.corpus.entries import Entry
from pictures import png
from server import ChatServer, ok


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder of short texts, one of which takes several calls and one of which is no PDF."""
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text(f"Report {number}. The bridge was closed. ")
    (tmp_path / "5.txt").write_text("The bridge was closed, and then it was open. " * 200)
    (tmp_path / "6.pdf").write_text("no PDF")
    return tmp_path


def test_a_plan_is_the_sum_of_its_documents(archive: Path) -> None:
    """Calls, tokens and cost are those of the plans of all documents; nothing is sent."""
    told: list[CorpusProgress] = []
    asked: Any = {"length": 20, "chunk_tokens": 400}
    with Client() as client:
        plan = client.summarize_many(archive, on_event=told.append, **asked).plan()
        each = [client.plan(archive / f"{number}.txt", **asked) for number in range(6)]
    assert (plan.documents, plan.failed) == (7, 1)
    assert plan.problems == (
        f"6.pdf: {str(archive / '6.pdf')!r} has the name of a PDF and is none",
    )
    for name in ("calls_at_least", "calls_at_most", "document_tokens", "document_characters"):
        assert getattr(plan, name) == sum(getattr(one, name) for one in each)
    assert plan.cost_usd_at_most == sum(one.cost_usd_at_most or Decimal(0) for one in each)
    assert [level.operation for level in plan.levels][:2] == ["single", "map"]
    assert [one.documents for one in told] == list(range(1, 8))
    shown = str(plan)
    assert shown.startswith("7 documents, ")
    assert "1 of them cannot be done" in shown
    assert "calls in flight" in shown
    assert shown.endswith("note: " + plan.problems[0])


def test_a_plan_of_many_that_cannot_be_done() -> None:
    """The first reasons are told, and how many more there are; what can be done is as it was."""
    with Client() as client:
        outcomes = client.summarize_many(["", *[""] * 20, "A b."])
        shown = str(outcomes.plan())
        assert "note: document 0: " in shown
        assert shown.endswith("note: and 11 more such")
        assert "of them cannot" not in str(client.summarize_many(["A b."]).plan())


@pytest.mark.anyio
async def test_a_plan_and_then_the_outcomes(server: ChatServer) -> None:
    """Both read the documents; of images and in batches it is told, too."""
    server.handler = lambda _: ok("Fine.")
    async with AsyncClient(api_key="k", base_url=server.base_url) as client:
        looked = client.run_many([png(), png(2, 2)], verb="describe")
        plan = await looked.plan()
        assert not server.requests
        found = [outcome async for outcome in looked]
        batches = await client.summarize_many(["A b."], engine="batch").plan()
        online = await client.summarize_many(["A b."]).plan()
    assert (plan.documents, plan.calls_at_most) == (len(found), len(server.requests)) == (2, 2)
    assert batches.engine == "batch"
    assert batches.cost_usd_at_most is not None
    assert online.cost_usd_at_most is not None
    assert batches.cost_usd_at_most * 2 == online.cost_usd_at_most


@pytest.mark.anyio
async def test_what_is_wrong_with_all_ends_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no fault of a document ends it."""

    def broken(_: Entry) -> Document:
        raise JournalError("lost")

    monkeypatch.setattr(Entry, "read", broken)
    async with AsyncClient() as client:
        with pytest.raises(JournalError, match="lost"):
            await client.summarize_many(["A b."]).plan()


@pytest.mark.anyio
async def test_what_cannot_be_planned(tmp_path: Path) -> None:
    """What is read once would be used up, and what is wrong with all documents is told at once."""

    async def stream() -> AsyncIterator[str]:
        yield "A b."

    async with AsyncClient() as client:
        for once in (iter(["A b."]), stream()):
            with pytest.raises(ArgumentError, match="read only once, and a plan would use them"):
                await client.summarize_many(once).plan()
        with pytest.raises(ArgumentError, match="length=0"):
            await client.summarize_many(["A b."], length=0).plan()
        with pytest.raises(ArgumentError, match="engine is "):
            await client.summarize_many(["A b."], engine="cloud").plan()  # type: ignore[arg-type] # as is tested
        with pytest.raises(SourceError, match="there is no file to read"):
            await client.summarize_many(tmp_path).plan()


def test_notes_of_documents_are_told_a_few_times() -> None:
    """What is to be known before stands in the plan, and not once for each image."""
    with Client() as client:
        images = [png(1_000 + size, 1_000) for size in range(10)]
        plan = client.run_many(images, verb="describe").plan()
    assert 0 < len(plan.notes) <= 3
    assert f"note: {plan.notes[0]}" in str(plan)
    assert "0 tokens" not in str(plan)
