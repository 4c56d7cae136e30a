"""The page is one inert file that holds its data unchanged."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import ArgumentError
from minikit.jobs.provenance import Claim, Node, weakest
from minikit.jobs.result import SummaryWarning
from minikit.jobs.summarizing.summary import Summary
from minikit.report.data import is_hard_wrapped
from minikit.report.markup import sha256_source
from minikit.report.page import render
from minikit.text.document import Document, Span
from minikit.text.passage import Places
from reporting import SOURCE, cited, example, summary_of
from strategies import texts

HOSTILE = (
    "</script><script>alert(1)</script><!-- ]]> <img src=x onerror=alert(1)> &amp; \" ' $style"
)


class Outline(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, Any]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, attrs))

    def handle_comment(self, data: str) -> None:
        """Keep a comment."""
        self.elements.append(("comment", data))


@cache
def usual_elements() -> list[tuple[str, Any]]:
    """Return the elements of a page of plain texts."""
    return Outline(render(example())).elements


def data_of(page: str) -> Any:  # noqa: ANN401 - JSON
    """Return the data in a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def units(text: str) -> list[int]:
    """Return the UTF-16 units of a text, as JavaScript holds it."""
    encoded = text.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(encoded[at : at + 2], "little") for at in range(0, len(encoded), 2)]


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    """A summary of any text, with any texts in it and claims at any place."""
    document = Document(text=draw(texts()), title=draw(texts(3)), origin=draw(texts(3)))
    text = draw(texts(10))
    places = Places(document)

    def span(length: int) -> Span:
        return Span(*sorted(draw(st.tuples(*[st.integers(0, length)] * 2))))

    def claim() -> Claim:
        where = span(len(text))
        citations = tuple(
            cited(places, span(len(document.text)), quote=draw(texts(3)))
            for _ in range(draw(st.integers(0, 2)))
        )
        return Claim(
            text=text[where.start : where.end],
            start=where.start,
            end=where.end,
            citations=citations,
            verdict=weakest(citations),
        )

    claims = tuple(claim() for _ in range(draw(st.integers(0, 4))))
    whole = Span(0, len(document.text))
    gap = Node(kind="gap", span=span(len(document.text)), reason=draw(texts(2)))
    return replace(
        summary_of(
            document,
            text,
            claims,
            tree=Node(
                kind="summary",
                span=whole,
                children=(Node(kind="partial", span=whole, text=text, claims=claims), gap),
            ),
            warnings=(
                SummaryWarning(kind="name", message=draw(texts(3)), start=0, end=len(text)),
                SummaryWarning(kind="gap", message=draw(texts(3))),
            ),
        ),
        model=draw(texts(2)),
        notes=(draw(texts(2)),),
    )


@settings(max_examples=40)
@given(summaries())
def test_the_source_comes_back_unchanged_and_offsets_point_to_the_same_words(
    summary: Summary,
) -> None:
    """Whatever stands in a document, a script reads it, and each passage in it, as it was."""
    assert summary.document
    data = data_of(render(summary))
    source = units(data["source"])
    assert source == units(summary.document.text)
    passages = {(p.start, p.end): p for claim in summary.claims for p in claim.passages}
    assert [source[place["start"] : place["end"]] for place in data["places"]] == [
        units(passage.cited_text) for passage in passages.values()
    ]
    text = units(data["text"])
    assert [text[claim["start"] : claim["end"]] for claim in data["claims"]] == 2 * [
        units(claim.text) for claim in summary.claims
    ]


@settings(max_examples=40)
@given(summaries())
def test_no_text_becomes_markup(summary: Summary) -> None:
    """The elements of a page are the same whatever the texts in it, and it is legal UTF-8."""
    page = render(summary)
    assert page.encode()
    assert Outline(page).elements == usual_elements()


def test_hostile_text_stands_in_the_data_alone() -> None:
    """What would end the script, open a comment or fill a template stays as it is in the data."""
    summary = replace(summary_of(Document(text=HOSTILE, title=HOSTILE), HOSTILE), notes=(HOSTILE,))
    page = render(summary)
    data = data_of(page)
    assert (data["source"], data["title"], data["text"], data["notes"]) == (
        *[HOSTILE] * 3,
        [HOSTILE],
    )
    assert Outline(page).elements == usual_elements()
    assert "onerror=alert(1)>" not in page


def test_the_same_summary_gives_the_same_page() -> None:
    """Nothing of the day, the machine or chance stands in a page."""
    assert render(example()) == render(example())


def test_only_the_own_style_and_script_are_allowed() -> None:
    """The policy names the hashes of the style and the script, and allows nothing else."""
    page = render(example())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    script = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    assert policy
    assert style
    assert script
    assert policy[1] == (
        f"default-src 'none'; style-src {sha256_source(style[1])}; "
        f"script-src {sha256_source(script[1])}; base-uri 'none'; form-action 'none'"
    )


def test_the_script_sets_text_only_as_text() -> None:
    """No way from a string to markup or code is used."""
    page = render(example())
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|setTimeout"
    assert re.search(ways, page) is None


def test_nothing_is_loaded() -> None:
    """No address stands in the page but the names of XML."""
    addresses = set(re.findall(r"https?://[^\s\"'<]+", render(summary_of(Document(text=""), ""))))
    assert addresses == {"http://www.w3.org/2000/svg"}


def test_a_summary_without_its_document_says_what_to_pass() -> None:
    """The page needs the source; the error names the way out."""
    with pytest.raises(ArgumentError, match=r"to_html\(path, source=\.\.\.\)"):
        render(replace(example(), document=None))


def test_another_source_is_refused() -> None:
    """Passages that read differently would be highlighted at a wrong place."""
    other = Document(text="#" * len(SOURCE))
    with pytest.raises(ArgumentError, match="pass the source that was summarized, unchanged"):
        render(replace(example(), document=other))


def test_the_data_name_each_place_once() -> None:
    """Passages that several claims share are one place; the summary's own come first."""
    data = data_of(render(example()))
    spans = [(place["start"], place["end"]) for place in data["places"]]
    assert len(set(spans)) == len(spans) == 4
    assert data["cited"] == 4
    assert data["ownClaims"] == 5


def test_the_tree_is_a_list_from_above() -> None:
    """Each part knows its children by their numbers; that of the root has no text twice."""
    nodes = data_of(render(example()))["nodes"]
    assert [(node["kind"], node["children"]) for node in nodes] == [
        ("summary", [1, 4, 5]),
        ("section", [2]),
        ("partial", [3]),
        ("chunk", []),
        ("gap", []),
        ("partial", []),
    ]
    assert [bool(node["text"]) for node in nodes] == [False, True, True, False, False, True]
    assert nodes[4]["reason"] == "refused by a content filter"


def test_a_call_that_is_not_there_is_left_out() -> None:
    """A tree whose calls are not all recorded is shown with those that are."""
    summary = example()
    data = data_of(render(replace(summary, calls=summary.calls[:1])))
    assert [node["calls"] for node in data["nodes"]] == [[], [], [0], [], [], []]


@pytest.mark.parametrize(
    ("line", "count", "expected"),
    [("x" * 70, 30, True), ("x" * 70, 5, False), ("x" * 300, 30, False), ("x" * 20, 30, False)],
)
def test_lines_broken_to_a_width_are_known(line: str, count: int, *, expected: bool) -> None:
    """Many lines of about one width were broken; few, long or short ones were not."""
    assert is_hard_wrapped("\n".join([line] * count)) is expected
