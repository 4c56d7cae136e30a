"""Plans: what they name is what a run does, and their upper bound is near what it costs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from citing import is_merge, numbers, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit import (
    ArgumentError,
    AsyncClient,
    Client,
    ContextOverflowError,
    Model,
    Plan,
    Plans,
    Price,
    RateLimit,
    aplan,
    plan,
)
from minikit.text.fence import unfence
from server import ChatServer, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minikit import Summary

WORDS = re.findall(
    "[a-z]+",
    "the river rose in spring and carried timber past two mills while people of both towns met to "
    "talk about dams money fish the old bridge a new road and who should pay for all of it",
)
SERVER: ChatServer


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[None]:
    """One server for all examples of the properties."""
    global SERVER
    with ChatServer() as SERVER:
        yield


def prose(words: int, seed: int) -> str:
    """Write ordinary text: sentences of twelve words, paragraphs of six sentences."""
    written = [WORDS[(seed + 7 * number + number // 5) % len(WORDS)] for number in range(words)]
    sentences = [" ".join(written[at : at + 12]).capitalize() for at in range(0, words, 12)]
    paragraphs = [". ".join(sentences[at : at + 6]) + "." for at in range(0, len(sentences), 6)]
    return "\n\n".join(paragraphs)


def as_asked(body: dict[str, Any]) -> Any:  # noqa: ANN401
    """Answer with as many words as are asked for, and quotes or numbers where these are."""
    asked = prompt(body)
    found = re.search(r"about (\d+) words", asked)
    assert found is not None
    words = int(found[1])
    text = " ".join(unfence(asked)).split()
    said = [" ".join(text[at : at + 20]) for at in range(0, min(words, len(text)), 20)]
    if is_merge(body) and "[#3]" in asked:
        known = numbers(body)
        return ok(" ".join(f"{each} [#{known[0][0]}]." for each in said[: max(1, words // 20)]))
    if '"points"' in asked:
        kept = [1] if numbers(body) else []
        points = [{"text": f"So {each}", "quotes": [each], "points": kept} for each in said]
        return ok(json.dumps({"points": points}))
    return ok(". ".join(said))


def planned_and_run(
    text: str, model: Model, concurrency: int, options: dict[str, Any]
) -> tuple[Plan, Summary]:
    """Plan a summary, then make it."""
    SERVER.handler = as_asked
    SERVER.context_window = model.context_window
    with Client(
        model=model, api_key="k", base_url=SERVER.base_url, max_concurrency=concurrency
    ) as client:
        return client.plan(text, **options), client.summarize(text, **options)


MINI = Model(
    id="gpt-like",
    context_window=128_000,
    max_output_tokens=16_384,
    supports=frozenset({"json_schema", "sampling", "streaming"}),
    price=Price(input_usd_per_mtok="0.15", output_usd_per_mtok="0.6", cached_usd_per_mtok="0.075"),
)


@settings(max_examples=20, deadline=None)
@given(
    words=st.integers(500, 20_000),
    seed=st.integers(0, 50),
    window=st.sampled_from([8_000, 16_000, 128_000]),
    concurrency=st.integers(1, 8),
    options=st.fixed_dictionaries(
        {
            "length": st.sampled_from(["short", "medium", 60, 150]),
            "detail": st.sampled_from([0, 0.25, 0.5, 1]),
            "strategy": st.sampled_from(["auto", "map_reduce", "refine"]),
            "cite": st.booleans(),
        }
    ),
)
def test_upper_bound_is_near(
    words: int, seed: int, window: int, concurrency: int, options: dict[str, Any]
) -> None:
    """On ordinary text and replies as asked for, the most a plan allows is 1.5 times the cost."""
    model = Model(
        id="gpt-like",
        context_window=window,
        max_output_tokens=min(16_384, window // 4),
        supports=MINI.supports,
        price=MINI.price,
    )
    before = len(SERVER.requests)
    planned, summary = planned_and_run(prose(words, seed), model, concurrency, options)
    assert not [call for call in summary.calls if call.redone]
    assert len(SERVER.requests) - before == len(summary.calls)
    assert planned.calls_at_least <= len(summary.calls) <= planned.calls_at_most
    at_least, at_most = planned.cost_usd_at_least, planned.cost_usd_at_most
    assert summary.cost_usd is not None
    assert at_least is not None
    assert at_most is not None
    assert at_least <= summary.cost_usd <= at_most
    # Beside a page or two of text, what is asked and how the reply is written weigh more.
    is_long = words > 15_000 and window == 128_000 if options["cite"] else words > 5_000
    assert at_most <= summary.cost_usd * Decimal("1.5" if is_long else "2")


def test_strategies_are_planned() -> None:
    """A plan says how the source is read, and its calls are those of a run."""
    text = prose(4_000, 3)
    for strategy, operations in (
        ("single", ["single"]),
        ("map_reduce", ["map", "map", "merge"]),
        ("refine", ["refine", "refine"]),
    ):
        planned, summary = planned_and_run(text, MINI, 4, {"strategy": strategy})
        assert planned.strategy == strategy
        assert [call.operation for call in summary.calls] == operations
        assert planned.calls_at_least == planned.calls_at_most == len(operations)
        assert "".join(text[span.start : span.end] for span in summary.spans) == text


def test_single_must_fit() -> None:
    """One call that cannot hold the source is refused before anything is sent."""
    model = replace(MINI, context_window=4_000, max_output_tokens=1_000)
    with Client(model=model) as client, pytest.raises(ContextOverflowError, match="strategy"):
        client.plan(prose(4_000, 3), strategy="single")


def test_one_character_is_read_in_one_call() -> None:
    """What cannot be cut is not, whatever the strategy."""
    with Client(model=MINI) as client:
        plans = [client.plan("x", strategy="map_reduce"), client.plan("x", strategy="refine")]
    assert [planned.strategy for planned in plans] == ["single", "single"]


def test_plan_knows_the_limits() -> None:
    """The limits that a client was told stand in its plans."""
    limit = RateLimit(requests_per_minute=500, tokens_per_minute=200_000)
    with Client(model=MINI, rate_limit=limit, max_concurrency=3) as client:
        planned = client.plan(prose(400, 3))
    assert (planned.requests_per_minute, planned.tokens_per_minute) == (500, 200_000)
    assert planned.max_concurrency == 3
    assert Plan.from_json(planned.to_json()) == planned


def test_headings_of_the_parts_stand_in_the_plan() -> None:
    """A plan tells under which headings its parts begin."""
    text = f"# One\n\n{prose(2_000, 1)}\n\n# Two\n\n{prose(2_000, 2)}"
    with Client(model=MINI) as client:
        planned = client.plan(text, strategy="map_reduce")
    assert planned.headings == (("One",), ("Two",))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"strategy": "tree"}, 'strategy is "auto" or "single"'),
        ({"cite": 1}, "cite is True or False"),
        ({"unsupported": "drop"}, "needs cite=True"),
        ({"unsupported": "hide", "cite": True}, 'unsupported is "mark" or "drop"'),
        ({"strategy": "single", "chunk_tokens": 100}, "leave one of them out"),
        ({"prompts": "Summarize."}, "prompts is a SummarizePrompts"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], match: str) -> None:
    """A choice that is none, or that another leaves without effect, is refused."""
    with Client(model=MINI) as client, pytest.raises(ArgumentError, match=match):
        client.plan("A text.", **options)


@pytest.mark.anyio
async def test_several_models_side_by_side() -> None:
    """A plan for several models is one for each, and a table of them."""
    text = prose(3_000, 3)
    async with AsyncClient() as client:
        planned = await client.plan(text, model=("gpt-4o-mini", MINI))
    assert [each.model for each in planned] == ["gpt-4o-mini", "gpt-like"]
    assert len(planned) == 2
    assert planned == await aplan(text, model=("gpt-4o-mini", MINI))
    assert Plans.from_json(planned.to_json()) == planned
    assert "gpt-like" in str(planned)
    assert "cheapest" in str(planned)


def test_a_plan_draws_itself() -> None:
    """What a plan prints is its tree, and it tells how long it takes."""
    planned = plan(prose(9_000, 3), model=MINI, detail=1)
    assert str(planned).startswith("summary: merge of")
    assert 0 < planned.duration.at_least_s <= planned.duration.likely_s
    assert plan("A text.", model=("gpt-4o-mini",)).plans[0] == plan("A text.", model="gpt-4o-mini")
