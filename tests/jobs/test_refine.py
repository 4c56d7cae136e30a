"""Refinement: one part after the other, each with the summary so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from citing import prompt

from minikit import Client, JobError, Model, Price, RefusalError, Retry, Summary, TextDelta
from minikit.text.fence import unfence
from server import Reply, error, extract, ok

if TYPE_CHECKING:
    from server import ChatServer

SMALL = Model(
    id="small",
    context_window=3_000,
    max_output_tokens=1_000,
    price=Price(input_usd_per_mtok=3, output_usd_per_mtok=5),
)
FAST = Retry(attempts=2, wait_initial_s=0.0)


def story(sentences: int) -> str:
    """Write a text of numbered sentences in paragraphs of five."""
    return "".join(
        f"Sentence {number} tells of a river and the {number % 7} towns beside it."
        + ("\n\n" if number % 5 == 4 else " ")
        for number in range(sentences)
    )


def client_of(server: ChatServer) -> Client:
    """Make a client for the small model."""
    return Client(model=SMALL, api_key="k", base_url=server.base_url, retry=FAST)


def refine(server: ChatServer, source: str, **options: Any) -> Summary:  # noqa: ANN401
    """Summarize by refinement."""
    with client_of(server) as client:
        return client.summarize(source, strategy="refine", **options)


def numbered(server: ChatServer) -> Any:  # noqa: ANN401
    """Return a handler that answers with the number of the call."""
    return lambda _body: ok(f"Summary {len(server.requests)}.")


def test_each_step_has_the_one_before(server: ChatServer) -> None:
    """Every prompt after the first holds the summary so far, then the next part; in order."""
    server.handler = numbered(server)
    text = story(400)
    summary = refine(server, text)
    read = [unfence(prompt(body)) for body in server.bodies]
    assert [texts[:-1] for texts in read] == [
        [],
        *([f"Summary {number}."] for number in range(1, len(read))),
    ]
    assert "".join(texts[-1] for texts in read) == text
    assert summary.text == f"Summary {len(read)}."
    assert [part.text for part in summary.partials] == [
        f"Summary {number}." for number in range(1, len(read) + 1)
    ]
    assert "".join(text[span.start : span.end] for span in summary.spans) == text
    assert 'place="0%-' in prompt(server.bodies[-1])


@pytest.mark.parametrize("marker", ["Sentence 3 ", "Sentence 77 "])
def test_refused_passage_becomes_a_gap(server: ChatServer, marker: str) -> None:
    """What a filter refuses is narrowed down and left out, and the rest is read in order."""
    text = story(400)

    def answer(body: dict[str, Any]) -> Reply:
        if marker in unfence(prompt(body))[-1]:
            return ok(None, finish_reason="content_filter")
        return ok(f"Summary {len(server.requests)}.")

    server.handler = answer
    summary = refine(server, text)
    (gap,) = summary.gaps
    assert marker in text[gap.span.start : gap.span.end]
    assert len(gap.span) < 600
    assert "".join(text[span.start : span.end] for span in summary.spans) == text
    assert summary.text.endswith(f"({gap.reason}).]")
    assert f"{gap.span.start:,} to {gap.span.end:,}" in summary.text
    assert any(call.redone for call in summary.calls)
    read = "".join(text[part.span.start : part.span.end] for part in summary.partials)
    assert read == text[: gap.span.start] + text[gap.span.end :]


def test_all_refused_is_an_error(server: ChatServer) -> None:
    """A text of which nothing can be read has no summary."""
    server.handler = lambda _body: ok(None, finish_reason="content_filter")
    with pytest.raises(JobError, match="no part of the document could be read") as caught:
        refine(server, story(120))
    assert isinstance(caught.value.errors[0], RefusalError)
    assert caught.value.tree is not None
    assert {leaf.kind for leaf in caught.value.tree.leaves()} == {"gap"}
    assert caught.value.partial == ()


def test_failing_step_keeps_those_before(server: ChatServer) -> None:
    """An error that no other passage may be spared ends the job, and carries the tree so far."""
    server.script([ok("One."), ok("Two."), error(500), error(500)])
    text = story(400)
    with pytest.raises(JobError, match="2 of") as caught:
        refine(server, text)
    assert [part.text for part in caught.value.partial] == ["One.", "Two."]
    assert caught.value.tree is not None
    kinds = [node.kind for node in caught.value.tree.walk()]
    assert kinds == ["summary", "partial", "chunk", "partial", "chunk"]


def test_white_space_is_not_asked_about(server: ChatServer) -> None:
    """A part of white space stands in the tree, and no call is made for it."""
    text = story(40) + "\n " * 6_000 + story(40)
    server.handler = numbered(server)
    summary = refine(server, text, chunk_tokens=600)
    assert all(unfence(prompt(body))[-1].strip() for body in server.bodies)
    assert "".join(text[span.start : span.end] for span in summary.spans) == text
    assert len(summary.spans) > len(server.bodies)


def test_summary_that_outgrows_its_room_is_an_error(server: ChatServer) -> None:
    """A server that ignores the limit cannot push the next part out of the window."""
    server.handler = lambda _body: ok("word " * 2_500)
    with pytest.raises(JobError, match="writes more than it is allowed to") as caught:
        refine(server, story(400), length="short")
    assert len(caught.value.partial) == 1


def test_text_is_told_at_its_end(server: ChatServer) -> None:
    """A stream tells the last summary once, not each on the way to it."""
    server.handler = extract
    with (
        client_of(server) as client,
        client.stream_summary(story(400), strategy="refine") as events,
    ):
        told = [event for event in events if isinstance(event, TextDelta)]
    assert [event.text for event in told] == [events.summary.text]
