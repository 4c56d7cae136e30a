"""What an engine means for options, plans and what refuses it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batches import BatchServer
from minikit import ArgumentError, Batch, BatchWatched, CallError, Client, Plan, VerbPlan
from minikit.jobs.timing import duration
from plans import level, plan
from server import ok

ROWS = [{"name": "Ada"}]


def client() -> Client:
    """A client that nothing is sent with."""
    return Client(api_key="k", model="gpt-4o-mini")


@pytest.mark.parametrize("engine", ["batches", "", None, 1])
def test_an_engine_is_a_name_or_a_batch(engine: Any) -> None:  # noqa: ANN401 - what is no engine
    """Anything else is refused before anything is read or sent."""
    with client() as asked:
        with pytest.raises(ArgumentError, match="engine is"):
            asked.summarize("A text.", engine=engine)
        with pytest.raises(ArgumentError, match="engine is"):
            asked.plan("A text.", verb="ask", question="What?", engine=engine)


def test_what_waits_for_each_reply_takes_no_batch() -> None:
    """A chat and a stream say so."""
    with client() as asked:
        with pytest.raises(ArgumentError, match="a chat waits for each reply"):
            asked.chat(engine="batch")
        with pytest.raises(ArgumentError, match="a stream is read as it is written"):
            asked.stream_summary("A text.", engine=Batch())


def test_the_offline_model_knows_no_batches() -> None:
    """Neither a summary nor another verb, nor a plan of one."""
    with Client(model="offline") as asked:
        with pytest.raises(ArgumentError, match="knows no batches: leave engine out"):
            asked.summarize("A text.", engine="batch")
        with pytest.raises(ArgumentError, match="knows no batches"):
            asked.plan(ROWS, verb="complete_many", template="{name}", engine="batch")


def test_a_tier_and_a_batch_are_two_prices() -> None:
    """A row is sent at one of them."""
    with client() as asked, pytest.raises(ArgumentError, match="tier='flex' and a batch"):
        asked.plan(ROWS, verb="complete_many", template="{name}", tier="flex", engine="batch")


def test_a_plan_says_how_calls_travel() -> None:
    """It is saved with that; one that was saved before is of calls that travel one by one."""
    with client() as asked:
        local = asked.plan("A text. " * 900, chunk_tokens=500)
        batch = asked.plan("A text. " * 900, chunk_tokens=500, engine=Batch(poll_s=1))
        both = asked.plan("A text.", model=["gpt-4o-mini", "gpt-4o"], engine="batch")
    assert (local.engine, batch.engine) == ("local", "batch")
    assert local.spans == batch.spans
    assert local.cost_usd_at_most is not None
    assert batch.cost_usd_at_most == local.cost_usd_at_most / 2
    assert Plan.from_json(batch.to_json()) == batch
    old = json.loads(local.to_json())
    del old["engine"]
    assert Plan.from_json(json.dumps(old)) == local
    assert "up to 24 h" in str(both)


def test_the_time_of_batches() -> None:
    """A level is a day at most, and each part that is refined is one of its own."""
    levels = (level("map", (9, 9)), level("merge", (0, 3)))
    took = duration(plan(*levels, parts=9, engine="batch"))
    assert took.at_most_s == took.likely_s == 2 * 86_400
    assert 0 < took.at_least_s < duration(plan(*levels, parts=9, max_concurrency=1)).at_least_s
    refined = plan(level("refine", (7, 7)), parts=7, strategy="refine", engine="batch")
    assert duration(refined).at_most_s == 7 * 86_400
    assert duration(plan(level("map", (1, 1)))).at_most_s is None
    told = VerbPlan.__str__(plan(*levels, parts=9, engine="batch"))
    assert told.endswith("time: up to 48 h in batches, 24 h at most for each level")


def test_both_clients_look_after_batches(tmp_path: Path) -> None:
    """Batches are listed, awaited and cancelled."""
    heard: list[BatchWatched] = []

    def hook(event: object) -> None:
        if isinstance(event, BatchWatched):
            heard.append(event)

    with BatchServer(handler=lambda _body: ok("Fine.")) as server:
        server.at_once = True
        settings: dict[str, Any] = {"journal": tmp_path / "calls.db", "hooks": [hook]}
        with Client(api_key="k", base_url=server.base_url, **settings) as asked:
            quick = Batch(gather_s=0.01, poll_s=0.01)
            with asked.complete_many(ROWS, "{name}?", model="gpt-4o", engine=quick) as outcomes:
                assert [outcome.text for outcome in outcomes] == ["Fine."]
            [listed] = asked.batches(model="gpt-4o")
            assert (listed.status, listed.completed, listed.waiting) == ("completed", 1, 0)
            assert asked.wait_for_batch(listed.id, poll_s=0.01) == listed
            with pytest.raises(CallError, match="can no longer be cancelled"):
                asked.cancel_batch(listed.id)
            with pytest.raises(ArgumentError, match="poll_s"):
                asked.wait_for_batch(listed.id, poll_s=0)
    assert heard[-1].status == "completed"
