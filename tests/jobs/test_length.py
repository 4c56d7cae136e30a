"""The length of a summary: asked for, measured, and shortened once where a number is passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from citing import honest, is_merge, numbers, prompt

from minikit import AsyncClient, Client, Model, Price, Retry, Summary, TextDelta
from server import Reply, error, ok

if TYPE_CHECKING:
    from server import ChatServer

SMALL = Model(
    id="small",
    context_window=6_000,
    max_output_tokens=1_500,
    price=Price(input_usd_per_mtok=3, output_usd_per_mtok=5),
)
STORY = "".join(f"Sentence {n} tells of a river and the {n % 7} towns. " for n in range(60))


def client_of(server: ChatServer, **options: Any) -> Client:  # noqa: ANN401
    """Make a client for the small model."""
    retry = Retry(attempts=1, wait_initial_s=0.0)
    return Client(model=SMALL, api_key="k", base_url=server.base_url, retry=retry, **options)


def summarize(server: ChatServer, **options: Any) -> Summary:  # noqa: ANN401
    """Summarize the story."""
    with client_of(server) as client:
        return client.summarize(STORY, **options)


def words(number: int) -> Reply:
    """Answer with so many words."""
    return ok("river " * (number - 1) + "end.")


def test_length_is_measured(server: ChatServer) -> None:
    """A summary tells how many words were asked for and how many came."""
    server.script([words(45)])
    summary = summarize(server, length=50)
    assert (summary.words_asked, summary.words) == (50, 45)
    assert summary.chunk_tokens <= summary.chunk_tokens_asked
    assert not [each for each in summary.warnings if each.kind == "length"]


def test_too_long_is_shortened_once(server: ChatServer) -> None:
    """More than a quarter over the number takes one more call, which stands apart."""
    server.script([words(90), words(55)])
    summary = summarize(server, length=50)
    assert summary.words == 55
    assert [(call.operation, call.redone) for call in summary.calls] == [
        ("single", False),
        ("revise", True),
    ]
    assert summary.redone_cost_usd == summary.calls[1].cost_usd
    assert "This summary has 90 words. Shorten it to about 50 words" in prompt(server.bodies[1])
    assert summary.tree.calls == (0, 1)
    assert len(summary.partials) == 1


@pytest.mark.parametrize(("number", "asked"), [(64, 50), (400, "short"), (67, 50)])
def test_near_enough_or_a_name_is_left(server: ChatServer, number: int, asked: int | str) -> None:
    """A quarter more, five words more, or a name in place of a number: no more calls."""
    server.script([words(number)])
    summary = summarize(server, length=asked)
    assert len(summary.calls) == 1
    assert not [each for each in summary.warnings if each.kind == "length"]


@pytest.mark.parametrize(
    "second",
    [words(120), words(2), error(500), ok("Cut", finish_reason="length"), ok(None)],
    ids=["longer", "far too short", "failed", "cut off", "empty"],
)
def test_what_was_written_is_kept_where_shortening_fails(server: ChatServer, second: Reply) -> None:
    """A second text that is no better, or none, costs no more than itself; a warning tells."""
    server.script([words(90), second])
    summary = summarize(server, length=50)
    assert summary.words == 90
    (warning,) = [each for each in summary.warnings if each.kind == "length"]
    assert str(warning) == "50 words were asked for, and the summary has 90"


def test_failed_shortening_is_noted(server: ChatServer) -> None:
    """Why a text was not shortened is told."""
    server.script([words(90), error(500, message="out of order")])
    assert any("was not shortened" in note for note in summarize(server, length=50).notes)


def test_budget_that_is_used_up_keeps_the_text(server: ChatServer) -> None:
    """A budget that allows no more calls leaves the summary as it is."""
    server.script([words(90)])
    with client_of(server) as client:
        at_most = client.plan(STORY, length=50).cost_usd_at_most
    assert at_most is not None
    summary = summarize(server, length=50, budget_usd=at_most)
    assert (summary.words, len(server.requests)) == (90, 1)
    assert any("budget" in note for note in summary.notes)


def test_too_short_is_told(server: ChatServer) -> None:
    """Nothing is added to a text that is too short, since that would be made up."""
    server.script([words(20)])
    summary = summarize(server, length=50)
    assert [str(each) for each in summary.warnings if each.kind == "length"] == [
        "50 words were asked for, and the summary has 20"
    ]


def test_shortened_text_keeps_its_citations(server: ChatServer) -> None:
    """A cited text is shortened by its numbered sentences."""

    def answer(body: dict[str, Any]) -> Reply:
        if not is_merge(body):
            return honest(body)
        number, text = numbers(body)[1]
        return ok(f"{text} [#{number}]")

    server.handler = answer
    summary = summarize(server, length=15, cite=True)
    (claim,) = summary.claims
    assert claim.verdict == "found"
    assert STORY[claim.spans[0].start : claim.spans[0].end] == claim.cited_text
    assert [call.operation for call in summary.calls] == ["single", "revise"]


@pytest.mark.anyio
async def test_stream_begins_anew_with_the_shorter_text(server: ChatServer) -> None:
    """What was told of the long text is void where a shorter one takes its place."""
    server.script([words(90), words(55)])
    async with (
        AsyncClient(model=SMALL, api_key="k", base_url=server.base_url) as client,
        client.stream_summary(STORY, length=50) as events,
    ):
        told = [event async for event in events if isinstance(event, TextDelta)]
    last = max(index for index, event in enumerate(told) if event.is_first)
    assert "".join(event.text for event in told[last:]) == events.summary.text
    assert last > 0
