"""What a summary is beside its text: its tree, its sources, JSON, and the HTML page."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit import (
    ArgumentError,
    BudgetExceededError,
    Client,
    Document,
    Gap,
    JobError,
    Model,
    Node,
    Price,
    Retry,
    Span,
    Summary,
    summarize,
)
from minikit.jobs.provenance import Citation, weakest
from minikit.jobs.summarizing.finishing import planted
from minikit.jobs.summarizing.summary import gaps_of
from server import Reply, error, extract, ok
from strategies import texts

if TYPE_CHECKING:
    from pathlib import Path

    from minikit.jobs.provenance import NodeKind, Verdict
    from server import ChatServer

SMALL = Model(
    id="small",
    context_window=3_000,
    max_output_tokens=1_000,
    price=Price(input_usd_per_mtok=3, output_usd_per_mtok=5),
)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
BOOK = "".join(
    f"\f# Chapter {chapter}\n\n"
    + "".join(f"In chapter {chapter} the {n}th heron flew over mill {n}. " for n in range(60))
    for chapter in range(1, 7)
)


def client_of(server: ChatServer) -> Client:
    """Make a client for the small model."""
    retry = Retry(attempts=2, wait_initial_s=0.0)
    return Client(model=SMALL, api_key="k", base_url=server.base_url, retry=retry)


def made(server: ChatServer, source: str | Document = BOOK, **options: Any) -> Summary:  # noqa: ANN401
    """Summarize the book."""
    with client_of(server) as client:
        return client.summarize(source, **options)


def test_each_sentence_leads_to_passages(server: ChatServer) -> None:
    """Without quotes the sentences are attributed afterwards, and marked as such."""
    server.handler = lambda _body: ok("In chapter 3 the 5th heron flew over mill 5. Qqq zzz vvv.")
    summary = made(server, Document(text=BOOK, title="Herons"))
    known, unknown = summary.claims
    assert known.verdict == "attributed"
    passage = known.passages[0]
    assert passage.cited_text == BOOK[passage.start : passage.end]
    assert "In chapter 3 the 5th heron flew over mill 5" in passage.cited_text
    assert (passage.document, passage.headings, passage.page) == ("Herons", ("Chapter 3",), 4)
    assert known.citations[0].start == passage.start
    assert known.citations[0].end == known.citations[0].passages[-1].end
    assert (unknown.verdict, unknown.citations, unknown.cited_text) == ("unsupported", (), "")
    assert not any(claim.is_supported for claim in summary.claims)
    assert passage in summary.sources
    assert sum(summary.coverage.bins) == 1


def test_tree_tells_headings_pages_and_calls(server: ChatServer) -> None:
    """Each part of the tree knows where it begins and which call wrote it."""
    summary = made(server, chunk_tokens=1_100)
    assert summary.tree.kind == "summary"
    assert summary.tree.text == summary.text
    parts = [node for node in summary.tree.walk() if node.kind == "partial"]
    assert [part.headings for part in parts] == [(f"Chapter {n}",) for n in range(1, 7)]
    assert [part.page for part in parts] == [2, 3, 4, 5, 6, 7]
    for part in parts:
        (chunk,) = part.children
        (call,) = part.calls
        assert summary.calls[call].span == part.span == chunk.span
    assert summary.calls[summary.tree.calls[0]].operation == "merge"


def test_gaps_stand_in_the_text(server: ChatServer) -> None:
    """What could not be read is said in the text, the gaps, the warnings and the tree."""

    def answer(body: dict[str, Any]) -> Reply:
        prompt = body["messages"][-1]["content"]
        if "In chapter 4 the 7th" in prompt:
            return ok(None, finish_reason="content_filter")
        return extract(body)

    server.handler = answer
    summary = made(server)
    (gap,) = summary.gaps
    note = f"[Not read: characters {gap.span.start:,} to {gap.span.end:,} (content_filter).]"
    assert summary.text.endswith(f"\n\n{note}")
    assert note not in summary.tree.text
    assert [str(each) for each in summary.warnings if each.kind == "gap"] == [note]
    assert [leaf.reason for leaf in summary.tree.leaves() if leaf.kind == "gap"]
    assert "".join(BOOK[span.start : span.end] for span in summary.spans) == BOOK
    asked = [body["messages"][-1]["content"] for body in server.bodies]
    assert "could not be read; do not guess" in asked[-1]
    assert not any("could not be read" in each for each in asked[:-1])


def test_error_carries_the_tree(server: ChatServer) -> None:
    """One chunk that fails for good leaves the tree of all others in the error."""

    def answer(body: dict[str, Any]) -> Reply:
        fails = "In chapter 4 the 7th" in body["messages"][-1]["content"]
        return error(400, code="odd") if fails else extract(body)

    server.handler = answer
    with pytest.raises(JobError, match=r"\.tree") as caught:
        made(server)
    tree = caught.value.tree
    assert tree is not None
    assert len([node for node in tree.walk() if node.kind == "partial"]) == 3
    assert tree.span == Span(0, len(BOOK))
    assert pickle.loads(pickle.dumps(caught.value)).tree == tree  # noqa: S301


def test_budget_error_carries_the_tree(server: ChatServer) -> None:
    """A budget that ends a job loses nothing of what was brought."""
    server.handler = lambda _body: ok("word " * 100)
    with client_of(server) as client:
        cost_usd = client.plan(BOOK).cost_usd_at_most
        assert cost_usd is not None
        with pytest.raises(BudgetExceededError) as caught:
            client.summarize(BOOK, budget_usd=cost_usd / 2)
    assert caught.value.tree is not None
    assert len(caught.value.partial) >= 2


def test_json_without_the_document(server: ChatServer, tmp_path: Path) -> None:
    """A summary can be saved without its document, and shown beside it all the same."""
    summary = made(server)
    saved = summary.to_json(document=False)
    assert len(saved) < len(summary.to_json()) - len(BOOK)
    assert json.loads(saved)["document"] is None
    read = Summary.from_json(saved)
    assert read == replace(summary, document=None)
    with pytest.raises(ArgumentError, match="source="):
        read.to_html(tmp_path / "page.html")
    read.to_html(tmp_path / "page.html", source=BOOK)
    summary.to_html(tmp_path / "same.html")
    page = (tmp_path / "page.html").read_bytes()
    assert page == (tmp_path / "same.html").read_bytes()
    assert b"heron" in page


@pytest.mark.parametrize("other", [BOOK + ".", BOOK.replace("heron", "crane")])
def test_another_source_is_refused(server: ChatServer, tmp_path: Path, other: str) -> None:
    """A page is not made of a summary and a text that it is not of."""
    server.handler = lambda _body: ok("The 5th heron flew over mill 5 in chapter 3.")
    read = Summary.from_json(made(server).to_json(document=False))
    with pytest.raises(ArgumentError, match="not the one that was summarized"):
        read.to_html(tmp_path / "page.html", source=other)


def test_notebooks_show_a_short_form(server: ChatServer) -> None:
    """A notebook shows the text without the document."""
    server.handler = lambda _body: ok("Herons <flew>.")
    summary = made(server)
    assert "Herons &lt;flew&gt;." in summary._repr_html_()
    assert len(summary._repr_html_()) < len(BOOK) * 2


@settings(max_examples=30)
@given(text=texts(), title=st.none() | st.text(max_size=20))
def test_any_text_goes_to_json_and_back(text: str, title: str | None) -> None:
    """Summaries of texts with lone surrogates and worse go to JSON and back without loss."""
    if not text.strip() or _PAIR.search(text):
        return
    summary = summarize(Document(text=text, title=title), model="offline", cite=True)
    assert Summary.from_json(summary.to_json()) == summary
    assert "".join(text[span.start : span.end] for span in summary.spans) == text


@pytest.mark.parametrize("saved", ["nonsense", b"\xff", "[" * 100_000, "3"])
def test_what_is_no_summary_is_refused(saved: str | bytes) -> None:
    """What was not saved by `to_json` is told so."""
    with pytest.raises(ArgumentError, match="not a saved Summary"):
        Summary.from_json(saved)


def node(kind: NodeKind, start: int, end: int, *children: Node, reason: str | None = None) -> Node:
    """Make a part of a tree."""
    return Node(kind=kind, span=Span(start, end), children=children, reason=reason)


def test_gaps_are_put_where_they_belong() -> None:
    """A gap stands in the lowest section around it, and gaps that touch are told as one."""
    section = node("section", 0, 30, node("partial", 0, 10), node("partial", 20, 30))
    root = node("summary", 0, 60, section, node("partial", 50, 60))
    leaves = [
        node("gap", 40, 50, reason="refusal"),
        node("gap", 10, 20, reason="refusal"),
        node("gap", 30, 40, reason="refusal"),
    ]
    tree = planted(root, leaves)
    assert [child.span for child in tree.children[0].children] == [
        Span(0, 10),
        Span(10, 20),
        Span(20, 30),
    ]
    assert [child.kind for child in tree.children] == ["section", "gap", "gap", "partial"]
    assert gaps_of(tree) == (
        Gap(span=Span(10, 20), reason="refusal"),
        Gap(span=Span(30, 50), reason="refusal"),
    )


def test_weakest_citation_gives_the_verdict() -> None:
    """A claim is no better than the worst of its quotes."""
    verdicts: list[Verdict] = ["found", "fabricated", "fuzzy"]
    citations = [Citation(quote="x", passages=(), verdict=verdict, score=0) for verdict in verdicts]
    assert weakest(tuple(citations)) == "fabricated"
    assert weakest(()) == "unsupported"
    assert (citations[0].start, citations[0].end, citations[0].document) == (None, None, None)


def test_ipython_shows_the_text_and_the_bill() -> None:
    """A result at the end of a cell is what it says, not all its records."""
    shown: list[str] = []
    printer = SimpleNamespace(text=shown.append)
    summary = summarize("The herons flew over the mill.", model="offline")
    summary._repr_pretty_(printer, False)
    assert shown == [f"{summary.text}\n\n1 call, $0.0000"]
