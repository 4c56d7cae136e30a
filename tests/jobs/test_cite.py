"""Citations: quotes are held against the source, kept through merges, and told with a verdict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from citing import honest, is_merge, numbers, points, prompt, quoting, sentences

from minikit import (
    AsyncClient,
    Client,
    Document,
    Model,
    Price,
    Retry,
    Summary,
    TextDelta,
    summarize,
)
from server import ChatServer, error, ok

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = Model(
    id="small",
    context_window=6_000,
    max_output_tokens=2_000,
    supports=frozenset({"json_schema", "sampling", "streaming"}),
    price=Price(input_usd_per_mtok=3, output_usd_per_mtok=5),
)
FAST = Retry(attempts=2, wait_initial_s=0.0)
ANIMALS = ("heron", "otter", "beaver", "kingfisher", "salmon", "lynx", "badger")


def story(sentences: int) -> str:
    """Write a text in which each sentence is told from each other by its number and animal."""
    return "".join(
        f"In the year {1000 + number} a {ANIMALS[number % 7]} number {number} was seen by the river"
        f" near the mill of the {number}th village." + ("\n\n" if number % 5 == 4 else " ")
        for number in range(sentences)
    )


def cited(server: ChatServer, source: str | Document, **options: Any) -> Summary:  # noqa: ANN401
    """Summarize with citations."""
    with Client(model=SMALL, api_key="k", base_url=server.base_url, retry=FAST) as client:
        return client.summarize(source, cite=True, **options)


@pytest.mark.parametrize("count", [20, 400])
def test_true_quotes_are_found(server: ChatServer, count: int) -> None:
    """Each claim of a summary leads to the words that it quotes, in one call and through merges."""
    server.handler = honest
    text = story(count)
    summary = cited(server, Document(text=text, title="Rivers"))
    assert len(summary.claims) >= 3
    for claim in summary.claims:
        assert claim.verdict == "found"
        assert claim.is_supported
        (span,) = claim.spans
        assert text[span.start : span.end] == claim.cited_text
        assert claim.cited_text.rstrip(".") in claim.text
        assert summary.text[claim.start : claim.end] == claim.text
        assert claim.citations[0].document == "Rivers"
    assert "#" not in summary.text
    assert not [each for each in summary.warnings if each.kind == "claim"]
    assert [each.span for each in summary.sources] == sorted(
        {span for claim in summary.claims for span in claim.spans}
    )


def test_form_is_asked_for_where_the_model_takes_it(server: ChatServer) -> None:
    """The calls that read ask for JSON by a schema, and in words; the merges for numbers."""
    server.handler = honest
    cited(server, story(400))
    for body in server.bodies:
        if is_merge(body):
            assert "response_format" not in body
            assert "such as [#3]" in prompt(body)
        else:
            assert body["response_format"]["json_schema"]["strict"] is True
            assert '{"points": [{"text"' in prompt(body)


def test_form_is_left_out_for_a_model_of_which_nothing_is_known(server: ChatServer) -> None:
    """A model of one's own is asked in words alone."""
    server.handler = honest
    with Client(
        model=Model(id="mine", context_window=6_000, max_output_tokens=2_000),
        api_key="k",
        base_url=server.base_url,
    ) as client:
        summary = client.summarize(story(20), cite=True)
    assert "response_format" not in server.bodies[0]
    assert {claim.verdict for claim in summary.claims} == {"found"}


def test_server_without_forms_is_asked_in_words(server: ChatServer) -> None:
    """A server that rejects the form is asked without it from then on, which a note tells."""

    def answer(body: dict[str, Any]) -> Any:  # noqa: ANN401
        if "response_format" in body:
            return error(400, code="unsupported_parameter", message="no response_format here")
        return honest(body)

    server.handler = answer
    with Client(
        model=SMALL, api_key="k", base_url=server.base_url, retry=FAST, max_concurrency=1
    ) as client:
        summary = client.summarize(story(400), cite=True)
    assert sum("response_format" in body for body in server.bodies) == 1
    assert {claim.verdict for claim in summary.claims} == {"found"}
    assert any("response format" in note for note in summary.notes)


LIES: dict[str, Callable[[str], str]] = {
    "fabricated": lambda _sentence: "The emperor rode to Berlin with nine hundred horses at dawn",
    "fuzzy": lambda sentence: sentence.replace("was seen by", "was sen by"),
    "found": lambda sentence: f"“{sentence.upper()}”",
}


@pytest.mark.parametrize("count", [20, 400])
@pytest.mark.parametrize("verdict", LIES)
def test_quotes_get_their_verdict(server: ChatServer, count: int, verdict: str) -> None:
    """Quotes that were changed or made up are told from true ones, also behind a merge."""
    server.handler = quoting(LIES[verdict])
    summary = cited(server, story(count))
    assert {claim.verdict for claim in summary.claims} == {verdict}
    warned = [each for each in summary.warnings if each.kind == "claim"]
    assert len(warned) == (len(summary.claims) if verdict == "fabricated" else 0)
    for claim in summary.claims:
        assert bool(claim.cited_text) == (verdict != "fabricated")
        assert claim.citations[0].quote


def test_quote_from_another_part_is_misattributed(server: ChatServer) -> None:
    """A quote that stands in the source, but not in the part it was given for, is told so."""
    text = story(400)
    last = text.strip().rpartition("In the year")
    server.handler = quoting(lambda _sentence: f"In the year{last[2]}")
    summary = cited(server, text)
    verdicts = [claim.verdict for claim in summary.claims]
    assert verdicts[0] == "misattributed"
    assert summary.claims[0].is_supported
    assert "another part" in str(summary.warnings[0])


def test_spliced_quote(server: ChatServer) -> None:
    """A quote made of two that stand apart is spliced, and both places are told."""
    text = story(20)

    def splice(body: dict[str, Any]) -> Any:  # noqa: ANN401
        first, second = sentences(body)[1], sentences(body)[15]
        return points(("Both.", [f"{first.rstrip('.')} {second}"]))

    server.handler = splice
    (claim,) = cited(server, text).claims
    assert claim.verdict == "spliced"
    assert len(claim.spans) == 2
    assert not claim.is_supported


def test_unsupported_claims_can_be_dropped(server: ChatServer) -> None:
    """With "drop" what is not supported is no part of the text, and never reaches a merge."""
    lies = iter(range(10_000))

    def now_and_then(sentence: str) -> str:
        return LIES["fabricated"](sentence) if next(lies) % 2 else sentence

    server.handler = quoting(now_and_then)
    summary = cited(server, story(400), unsupported="drop")
    merged = "".join(prompt(body) for body in server.bodies if is_merge(body))
    assert {claim.verdict for claim in summary.claims} == {"found"}
    assert "quote was not found" not in merged
    verdicts = {claim.verdict for node in summary.tree.walk() for claim in node.claims}
    assert "fabricated" in verdicts
    for claim in summary.claims:
        assert summary.text[claim.start : claim.end] == claim.text


def test_unsupported_claims_are_marked_for_the_merge(server: ChatServer) -> None:
    """With "mark" a merge is told of which points the quote was not found."""
    server.handler = quoting(LIES["fabricated"])
    cited(server, story(400))
    merges = [prompt(body) for body in server.bodies if is_merge(body)]
    assert all("(its quote was not found)" in each for each in merges)


@pytest.mark.parametrize("count", [20, 400])
def test_nothing_supported_is_an_error_where_it_is_dropped(server: ChatServer, count: int) -> None:
    """A summary of which nothing would be left says so, and how to see it."""
    server.handler = quoting(LIES["fabricated"])
    with pytest.raises(Exception, match="unsupported='mark'"):
        cited(server, story(count), unsupported="drop")


def test_sentence_without_a_number_is_unsupported(server: ChatServer) -> None:
    """What a merge adds of its own is marked, with the likest passages beside it."""

    def add(body: dict[str, Any]) -> Any:  # noqa: ANN401
        if not is_merge(body):
            return honest(body)
        number, text = numbers(body)[0]
        return ok(f"{text} [#{number}]\n\nThe river has a mill near the 5th village.")

    server.handler = add
    summary = cited(server, story(400))
    assert [claim.verdict for claim in summary.claims] == ["found", "unsupported"]
    assert summary.claims[1].citations[0].verdict == "attributed"
    assert summary.text.endswith("5th village.")


@pytest.mark.parametrize("count", [20, 400])
def test_prose_instead_of_points(server: ChatServer, count: int) -> None:
    """A model that gives no quotes is believed nothing, and nothing of what it says is lost."""
    server.handler = lambda _body: ok("The river has a mill. A heron was seen.")
    summary = cited(server, story(count))
    assert summary.text == "The river has a mill. A heron was seen."
    assert {claim.verdict for claim in summary.claims} == {"unsupported"}
    assert all(part.text == summary.text for part in summary.partials)


def test_refined_points_are_taken_over(server: ChatServer) -> None:
    """In a refinement a sentence keeps its quotes by the number of the earlier one."""

    def answer(body: dict[str, Any]) -> Any:  # noqa: ANN401
        first = sentences(body)[0]
        known = [number for number, _ in numbers(body)]
        return points((f"New: {first}", [first]), kept=known or None)

    server.handler = answer
    text = story(300)
    summary = cited(server, text, strategy="refine")
    parts = len(summary.spans)
    new, kept = summary.claims
    assert new.verdict == kept.verdict == "found"
    assert len(kept.spans) == min(12, parts - 1)
    assert [call.operation for call in summary.calls] == ["refine"] * parts
    assert (
        "points"
        in server.bodies[1]["response_format"]["json_schema"]["schema"]["properties"]["points"][
            "items"
        ]["properties"]
    )


def test_tree_of_a_cited_summary_leads_from_sections_to_chunks(server: ChatServer) -> None:
    """Sections, partial summaries and chunks stand in the tree, with the calls that wrote them."""
    server.handler = quoting(lambda sentence: sentence, every=2)
    text = story(1_500)
    summary = cited(server, text)
    kinds = [node.kind for node in summary.tree.walk()]
    assert kinds[0] == "summary"
    assert kinds.count("section") > 1
    assert "".join(text[leaf.span.start : leaf.span.end] for leaf in summary.tree.leaves()) == text
    for node in summary.tree.walk():
        inner = [child.span for child in node.children]
        assert inner == sorted(inner)
        assert all(node.span.start <= each.start <= each.end <= node.span.end for each in inner)
        for claim in node.claims:
            assert node.text[claim.start : claim.end] == claim.text
        operations = {summary.calls[call].operation for call in node.calls}
        assert operations <= {"map", "merge"}
    assert Summary.from_json(summary.to_json()) == summary


def test_offline_sentences_are_their_own_quotes() -> None:
    """The offline model cites what it selects, in one call and through merges."""
    for count, options in (
        (60, {}),
        (3_000, {"chunk_tokens": 5_000}),
        (300, {"strategy": "refine"}),
    ):
        text = story(count)
        summary = summarize(text, model="offline", cite=True, **options)
        assert summary.claims
        assert {claim.verdict for claim in summary.claims} == {"found"}
        for claim in summary.claims:
            assert " ".join(claim.cited_text.split()) == claim.text


@pytest.mark.anyio
async def test_cited_text_is_told_when_it_has_been_checked(server: ChatServer) -> None:
    """A stream tells a cited text at once, without numbers or JSON."""
    server.handler = honest
    async with (
        AsyncClient(model=SMALL, api_key="k", base_url=server.base_url) as client,
        client.stream_summary(story(400), cite=True) as events,
    ):
        told = [event async for event in events if isinstance(event, TextDelta)]
    assert [each.text for each in told] == [events.summary.text]


def test_reply_in_a_markdown_fence(server: ChatServer) -> None:
    """JSON is found in what stands around it."""

    def answer(body: dict[str, Any]) -> Any:  # noqa: ANN401
        first = sentences(body)[0]
        made = {"points": [{"text": "One.", "quotes": first}, {"quotes": []}, "Two.", 3]}
        return ok(f"Here you are:\n```json\n{json.dumps(made)}\n```")

    server.handler = answer
    one, two = cited(server, story(20)).claims
    assert (one.verdict, two.verdict) == ("found", "unsupported")
