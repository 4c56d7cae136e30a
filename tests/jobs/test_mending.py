"""What a model does wrong, and what becomes of it: nothing is lost in silence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import pytest
from citing import honest, is_merge, numbers, points, prompt, quoting, sentences

from minikit import Client, JobError, Model, Price, Retry, Summary
from server import ChatServer, Reply, cut_to, error, ok, output_limit

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Model(
    id="small",
    context_window=6_000,
    max_output_tokens=2_000,
    supports=frozenset({"json_schema", "sampling", "streaming"}),
    price=Price(input_usd_per_mtok=3, output_usd_per_mtok=5),
)
FAST = Retry(attempts=2, wait_initial_s=0.0)


def story(sentences: int) -> str:
    """Write a text in which each sentence is told from each other by its numbers."""
    return "".join(
        f"In the year {1000 + number} the heron of mill {number} was seen by the river in "
        f"village {number * 7}." + ("\n\n" if number % 5 == 4 else " ")
        for number in range(sentences)
    )


def made(server: ChatServer, source: str, **options: Any) -> Summary:  # noqa: ANN401
    """Summarize with citations."""
    with Client(model=SMALL, api_key="k", base_url=server.base_url, retry=FAST) as client:
        return client.summarize(source, **{"cite": True, **options})


def test_another_rejection_does_not_turn_the_form_off(server: ChatServer, tmp_path: Path) -> None:
    """A request that is rejected with the form and without says nothing of the form."""

    def answer(body: dict[str, Any]) -> Reply:
        if "mill 8 " in prompt(body) and not is_merge(body):
            return error(400, message="I will not")
        return honest(body)

    server.handler = answer
    journal = tmp_path / "journal.sqlite"
    for handler in (answer, honest):
        server.handler = handler
        before = len(server.requests)
        with Client(
            model=SMALL, api_key="k", base_url=server.base_url, retry=FAST, journal=journal
        ) as client:
            if handler is answer:
                with pytest.raises(JobError):
                    client.summarize(story(400), cite=True)
                read = len(server.requests) - before - 2
            else:
                summary = client.summarize(story(400), cite=True)
    assert not summary.notes
    assert sum(call.replayed for call in summary.calls) == read > 1


def test_shorter_text_that_lost_its_quotes_is_not_taken(server: ChatServer) -> None:
    """A revision without numbers would turn what was found into what is unsupported."""

    def answer(body: dict[str, Any]) -> Reply:
        return ok("The heron flew off and all was well.") if is_merge(body) else honest(body)

    server.handler = answer
    summary = made(server, story(30), length=10, unsupported="drop")
    assert {claim.verdict for claim in summary.claims} == {"found"}
    assert any("lost its quotes" in note for note in summary.notes)
    assert summary.calls[-1].operation == "revise"


def test_shorter_text_that_is_further_off_is_not_taken(server: ChatServer) -> None:
    """A tenth of the words is further off than twice as many."""
    server.script([ok("word " * 100), ok("word " * 5)])
    summary = made(server, story(10), cite=False, length=50)
    assert summary.words == 100
    assert any("further off" in note for note in summary.notes)


@pytest.mark.parametrize("strategy", ["map_reduce", "refine"])
def test_broken_points_are_read_again_in_halves(server: ChatServer, strategy: str) -> None:
    """JSON that breaks off is no summary of its part; its halves are read, or it is a gap."""
    text = story(400)

    def answer(body: dict[str, Any]) -> Reply:
        if not is_merge(body) and "heron of mill 8 " in prompt(body):
            return ok('{"points": [{"text": "The heron of mi')
        first = sentences(body)[0] if not is_merge(body) else ""
        return honest(body) if is_merge(body) else points((first, [first]))

    server.handler = answer
    summary = made(server, text, strategy=strategy)
    (gap,) = summary.gaps
    assert gap.reason == "unreadable"
    assert "heron of mill 8 " in text[gap.span.start : gap.span.end]
    assert '{"points"' not in summary.text


def test_broken_points_of_a_short_text_are_an_error_at_last(server: ChatServer) -> None:
    """Where nothing can be read the error says why."""
    server.handler = lambda _body: ok('{"points": [{"text": "The')
    with pytest.raises(JobError, match="no part of the document could be read: unreadable"):
        made(server, story(10))


@pytest.mark.parametrize("strategy", ["map_reduce", "refine"])
def test_part_of_which_nothing_is_said(server: ChatServer, strategy: str) -> None:
    """No point is an answer: the part is no gap, costs one call, and is warned of."""

    def answer(body: dict[str, Any]) -> Reply:
        if is_merge(body):
            number, text = numbers(body)[0]
            return ok(f"{text} [#{number}]")
        first = sentences(body)[0]
        known = [number for number, _ in numbers(body)] or None
        return (
            points()
            if "heron of mill 200 " in prompt(body)
            else points((first, [first]), kept=known)
        )

    server.handler = answer
    summary = made(server, story(400), strategy=strategy, focus="What of the heron?")
    assert not summary.gaps
    assert not [call for call in summary.calls if call.redone]
    silent = [str(each) for each in summary.warnings if "nothing was said of" in str(each)]
    assert len(silent) == (1 if strategy == "map_reduce" else 0)
    assert all(claim.is_supported for claim in summary.claims)


@pytest.mark.parametrize("count", [10, 400])
@pytest.mark.parametrize("strategy", ["auto", "refine"])
def test_source_of_which_nothing_is_said(
    server: ChatServer, count: int, strategy: Literal["auto", "refine"]
) -> None:
    """A source that says nothing to a question costs no more than planned, and is no error."""
    server.handler = lambda _body: points()
    with Client(model=SMALL, api_key="k", base_url=server.base_url) as client:
        planned = client.plan(story(count), cite=True, strategy=strategy, focus="Penguins?")
    summary = made(server, story(count), strategy=strategy, focus="Penguins?", unsupported="drop")
    assert (summary.text, summary.claims, summary.gaps) == ("", (), ())
    assert any("nothing was said of characters 0 to" in str(each) for each in summary.warnings)
    assert len(summary.calls) <= planned.calls_at_most


def test_replies_without_quotes_are_noted(server: ChatServer) -> None:
    """Prose in the place of points is told, and with "drop" it does not reach a merge."""

    def answer(body: dict[str, Any]) -> Reply:
        if not is_merge(body) and "heron of mill 8 " in prompt(body):
            return ok("In this part a dragon rules.")
        return honest(body)

    server.handler = answer
    summary = made(server, story(400), unsupported="drop")
    assert any("gave no quotes" in note for note in summary.notes)
    assert not any("dragon" in prompt(body) for body in server.bodies if is_merge(body))
    assert any("dragon" in part.text for part in summary.partials)
    text = story(400)
    assert "".join(text[span.start : span.end] for span in summary.spans) == text


def test_what_was_dropped_is_counted(server: ChatServer) -> None:
    """With "drop" a warning tells how much is missing."""

    def answer(body: dict[str, Any]) -> Reply:
        reply = quoting(lambda sentence: sentence)(body)
        if not is_merge(body):
            return reply
        number, text = numbers(body)[0]
        return ok(f"{text} [#{number}]\n\nA dragon rules the mill.")

    server.handler = answer
    summary = made(server, story(400), unsupported="drop")
    (warning,) = [each for each in summary.warnings if each.kind == "claim"]
    assert str(warning).startswith("1 sentences of the summary and 0 of the summaries")


def test_wordy_model_gets_more_room_for_halves(server: ChatServer) -> None:
    """A model that always writes three times too much loses nothing."""

    def wordy(body: dict[str, Any]) -> Reply:
        limit = output_limit(body) or 0
        text, is_cut = cut_to("A long story. " * 70, limit)
        return ok(text, finish_reason="length" if is_cut else "stop")

    server.handler = wordy
    text = story(400)
    summary = made(server, text, cite=False, length="short", chunk_tokens=800)
    assert not summary.gaps
    assert "".join(text[span.start : span.end] for span in summary.spans) == text


def test_wordy_model_can_refine(server: ChatServer) -> None:
    """A summary that was cut off gets no more room than the next part leaves."""

    def wordy(body: dict[str, Any]) -> Reply:
        text, is_cut = cut_to("A long story. " * 90, output_limit(body) or 0)
        return ok(text, finish_reason="length" if is_cut else "stop")

    server.handler = wordy
    assert made(server, story(400), cite=False, length="short", strategy="refine").text


def test_error_tells_what_failed_attempts_cost(server: ChatServer) -> None:
    """The bill of a failed job is that of its replies and of its failed attempts."""

    def answer(body: dict[str, Any]) -> Reply:
        return ok(None) if "heron of mill 8 " in prompt(body) else honest(body)

    server.handler = answer
    with pytest.raises(JobError) as caught:
        made(server, story(400), on_gap="raise")
    assert caught.value.failed_cost_usd
    assert caught.value.unmeasured == 0
    tree = caught.value.tree
    assert tree is not None
    assert {leaf.kind for leaf in tree.leaves()} == {"chunk", "gap"}


def test_last_text_is_in_the_tree_of_the_error(server: ChatServer) -> None:
    """Where all of a text would be dropped, the error has it all the same."""

    def answer(body: dict[str, Any]) -> Reply:
        return ok("A dragon rules.") if is_merge(body) else honest(body)

    server.handler = answer
    with pytest.raises(JobError, match="nothing would be left") as caught:
        made(server, story(400), unsupported="drop")
    assert caught.value.tree is not None
    assert caught.value.tree.text == "A dragon rules."


def test_points_survive_a_refinement_in_prose(server: ChatServer) -> None:
    """One reply in prose that repeats what was known keeps its quotes."""
    step = 0

    def answer(body: dict[str, Any]) -> Reply:
        nonlocal step
        step += 1
        first = sentences(body)[0]
        known = numbers(body)
        if step == 3:
            return ok(" ".join(text for _, text in known))
        made: list[dict[str, Any]] = [{"text": f"It says: {first}", "quotes": [first]}]
        made += [{"text": text, "quotes": [], "points": [number]} for number, text in known]
        return ok(json.dumps({"points": made}))

    server.handler = answer
    summary = made(server, story(300), strategy="refine")
    assert step > 4
    assert {claim.verdict for claim in summary.claims} == {"found"}
