"""What a plan tells of batches that wait for one another."""

from __future__ import annotations

from typing import Any

import pytest

from minikit import Batch, Client, Plan

ROWS = [{"name": f"P{number}"} for number in range(2_000)]
TEMPLATE = {"verb": "complete_many", "template": "Write to {name}."}
TEXT = "It rained for a week. The bridge fell. " * 600


def planned(source: Any, *, budget: str | None = None, **options: Any) -> Any:  # noqa: ANN401 - of plan
    """Return a plan for batches, of a client with a budget."""
    with Client(model="gpt-4o-mini", api_key="k", budget_usd=budget) as client:
        return client.plan(source, **{"engine": "batch", **options})


def test_a_budget_without_a_limit_of_replies() -> None:
    """A reply may be as long as the model can write, and so much is set aside for each."""
    plan = planned(ROWS, **TEMPLATE, budget_usd="1", budget="5")
    (note,) = plan.notes
    assert note == (
        "map: at least 10 batches one after another because the budget of $1 covers only 203 of "
        "2,000 calls at once, which can cost $9.8324 together; raise the budget, or limit the "
        "replies (max_output_tokens)"
    )
    assert f"note: {note}" in str(plan)
    assert "time: up to 240 h in batches, 24 h at most for each of the batches" in str(plan)
    assert plan.duration.at_most_s == 10 * 86_400
    assert planned(ROWS, **TEMPLATE, budget="1").notes == plan.notes


def test_a_budget_that_is_enough() -> None:
    """All calls travel at once, as they do without a budget, or at a price that nobody knows."""
    assert planned(ROWS, **TEMPLATE, budget_usd="1", max_output_tokens=200).notes == ()
    assert planned(ROWS, **TEMPLATE).notes == ()
    assert planned(ROWS, **TEMPLATE, budget_usd="1", engine="local").notes == ()
    assert planned(iter(ROWS), **TEMPLATE, budget_usd="1").notes == ()


def test_a_budget_of_less_than_a_call() -> None:
    """Nothing can be sent, which is told before."""
    plan = planned(ROWS, **TEMPLATE, budget_usd="0.004")
    assert "covers no call, each of which can cost $0.0049" in str(plan)
    assert plan.duration.at_most_s == 86_400


def test_amounts_that_are_small_are_not_told_as_none() -> None:
    """Of each the digits that tell it."""
    (note,) = planned(ROWS, **TEMPLATE, budget_usd="0.00001", max_output_tokens=40).notes
    assert "the budget of $0.00001 covers no call, each of which can cost $0.000013;" in note


def test_more_calls_than_wait_at_a_time() -> None:
    """The others are sent as replies come in."""
    plan = planned(ROWS, **TEMPLATE, engine=Batch(max_waiting=500))
    assert "at least 4 batches one after another because only 500 of 2,000 calls" in str(plan)


@pytest.mark.parametrize("model", [None, ["gpt-4o", "gpt-4o-mini"]])
def test_a_summary(model: Any) -> None:  # noqa: ANN401 - of plan
    """Its replies are limited anyway; of several models each has notes of its own."""
    plan = planned(TEXT, model=model, chunk_tokens=500, budget_usd="0.001")
    assert "batches one after another because the budget of $0.001 covers only" in str(plan)
    assert "max_output_tokens" not in str(plan)
    first: Plan = plan if model is None else plan.plans[0]
    assert Plan.from_json(first.to_json()) == first


def test_refining_is_one_call_after_the_other() -> None:
    """There is nothing to wait for but the call before."""
    plan = planned(TEXT, chunk_tokens=500, strategy="refine", budget_usd="1")
    assert plan.notes == ()
    assert plan.duration.at_most_s == plan.calls_at_most * 86_400


def test_a_plan_of_several_models_in_one() -> None:
    """What is compared has one plan for all, which tells nothing of batches."""
    plan = planned("A text.", verb="compare", models=["gpt-4o", "gpt-4o-mini"], budget_usd="1")
    assert plan.notes == ()
