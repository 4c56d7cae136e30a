"""A comparison as a page: nothing in it runs, and what one reply alone says is marked."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.jobs.measuring.comparison import Comparison, Likeness, ModelReply
from minikit.jobs.result import CallRecord, SummaryWarning
from minikit.models.usage import Usage
from minikit.report.compared import render_comparison
from minikit.report.markup import sha256_source
from minikit.text.differences import Difference
from minikit.text.document import Span
from strategies import texts

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)> &amp; \" ' $style <!--"
TEXT = "It costs 90,000 euros. A bus line is new. All agreed."


def reply(model: str, text: str | None, **changes: object) -> ModelReply:
    """A reply of one call."""
    usage = Usage(input_tokens=1_234, output_tokens=56)
    call = CallRecord(
        operation="single",
        level=0,
        span=Span(0, 1),
        model=model,
        usage=usage,
        cost_usd=Decimal("0.0012"),
        finish_reason="stop",
        attempts=1,
        latency_s=1.25,
    )
    made = ModelReply(
        model=model,
        usage=usage,
        cost_usd=Decimal("0.0012"),
        calls=(call,),
        provider="custom",
        text=text,
        finish_reason="stop",
    )
    return replace(made, **changes)  # type: ignore[arg-type] # fields of it


def comparison(
    *replies: ModelReply, prompt: str | None = None, title: str | None = None
) -> Comparison:
    """A comparison of these replies."""
    return Comparison(
        model="a, b",
        usage=Usage(),
        cost_usd=Decimal("0.0024"),
        calls=(),
        prompt=prompt,
        title=title,
        replies=replies,
        likenesses=(Likeness(first="a", second="b", share=0.5),) if len(replies) > 1 else (),
    )


class Outline(HTMLParser):
    """The names and attributes of the elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text += data


def test_the_page_shows_all() -> None:
    """Figures, replies, marks, warnings, failures and likenesses stand on the page."""
    only = (
        Difference(kind="sentence", text=TEXT[23:41], start=23, end=41),
        Difference(kind="number", text="90,000", start=9, end=15),
    )
    warning = SummaryWarning(kind="number", message="the number is odd")
    one = reply("a", TEXT, only=only, warnings=(warning,))
    two = reply("b", None, error="no key", error_type="MissingKeyError", calls=(), usage=Usage())
    estimated = reply("c", "All agreed.", usage=Usage(input_tokens=5, estimated=True), calls=())
    page = render_comparison(
        replace(
            comparison(one, two, estimated, prompt="What?\nWhy?", title="Minutes"),
            failed_cost_usd=Decimal("0.5"),
        )
    )
    assert "<mark>A bus line is new.</mark>" in page
    assert '<mark class="fact">90,000</mark>' in page
    shown = Outline(page).text
    for told in ("Minutes", "What?\nWhy?", "1,234", "1.25", "$0.0012", "no key", "MissingKeyError"):
        assert told in shown
    for told in ("the number is odd", "50%", "about 5", "cheapest", "fastest", "$0.5000"):
        assert told in shown


def test_a_lone_reply() -> None:
    """A single reply has no likeness, and an unknown price and time are told as such."""
    replayed = replace(reply("a", TEXT).calls[0], replayed=True)
    shown = Outline(
        render_comparison(comparison(reply("a", TEXT, cost_usd=None, calls=(replayed,))))
    ).text
    assert "How much of both" not in shown
    assert shown.count("unknown") == 2
    assert "The same summary" in shown


def test_marks_within_marks() -> None:
    """A fact within a sentence is marked within the mark of the sentence, and shown once."""
    only = (
        Difference(kind="sentence", text=TEXT[:22], start=0, end=22),
        Difference(kind="number", text="90,000", start=9, end=15),
    )
    page = render_comparison(comparison(reply("a", TEXT, only=only)))
    assert '<mark><mark class="fact">90,000</mark></mark>' in page
    assert TEXT in Outline(page).text


def test_nothing_on_the_page_runs() -> None:
    """Hostile texts are text: the page has no element or attribute that a plain one lacks."""
    plain = Outline(render_comparison(comparison(reply("a", "b"), prompt="c", title="d")))
    page = render_comparison(
        comparison(
            reply(HOSTILE, HOSTILE, provider=HOSTILE, finish_reason=HOSTILE),
            prompt=HOSTILE,
            title=HOSTILE,
        )
    )
    hostile = Outline(page)
    assert hostile.tags == plain.tags
    assert "script" not in hostile.tags
    assert hostile.attributes == plain.attributes
    assert not {name for name in hostile.attributes if name.startswith("on") or name == "style"}
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert style
    assert f"default-src 'none'; style-src {sha256_source(style[1])};" in page
    assert "http" not in page.replace("http-equiv", "")


@settings(max_examples=25)
@given(texts(), st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=6))
def test_any_text_is_shown(text: str, places: list[tuple[int, int]]) -> None:
    """Whatever the texts hold, and wherever marks lie, the page is legal UTF-8."""
    only = tuple(
        Difference(kind=kind, text="", start=min(place), end=max(place))
        for place in places
        for kind in ("sentence", "name")
        if max(place) <= len(text)
    )
    page = render_comparison(comparison(reply("a", text, only=only), title=text, prompt=text))
    assert page.encode().decode() == page
    assert page == render_comparison(
        comparison(reply("a", text, only=only), title=text, prompt=text)
    )
