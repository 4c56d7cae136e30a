from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.errors import ArgumentError
from minikit.text.fence import FENCE_TAGS, fence, outside, unfence

tags = st.sampled_from(FENCE_TAGS)
traps = st.sampled_from(
    ["<document>", "</document>", "</document-2>", "</DOCUMENT >", '<part n="1">', "</part>", "\n"]
)
texts = st.text(st.characters()) | st.lists(traps | st.text(max_size=5)).map("".join)


@given(texts, tags)
def test_round_trip(text: str, tag: str) -> None:
    """What was fenced comes back, whatever the text holds."""
    assert unfence(fence(text, tag)) == [text]


@given(st.lists(texts, max_size=4), texts.filter(lambda text: not unfence(text)))
def test_round_trip_of_a_series(parts: list[str], ask: str) -> None:
    """A series of fences with a request after it comes back in order, and the request apart."""
    fenced = [fence(part, "part", n=n, of=len(parts)) for n, part in enumerate(parts, 1)]
    prompt = "\n".join([*fenced, "", ask])
    if "<" not in ask:
        assert unfence(prompt) == parts
        assert outside(prompt).endswith(ask)


@given(texts, tags)
def test_no_closing_tag_inside(text: str, tag: str) -> None:
    """The closing tag occurs once: a model cannot take the text's own for the fence's."""
    fenced = fence(text, tag)
    closing = fenced[fenced.rindex("</") :]
    assert fenced.lower().count(closing) == 1


def test_a_plain_fence() -> None:
    """A text without tags stands between two lines."""
    assert fence("Some text.") == "<document>\nSome text.\n</document>"


def test_the_name_gets_a_number() -> None:
    """A text that holds closing tags gets the first number that it does not hold."""
    assert fence("a </document> b </document-2>").startswith("<document-3>\n")


def test_attributes_are_escaped() -> None:
    """An attribute cannot end the tag or the line."""
    fenced = fence("x", "part", n=1, title='a "b"\n<c>')
    assert fenced == '<part n="1" title="a &quot;b&quot; &lt;c&gt;">\nx\n</part>'
    assert unfence(fenced) == ["x"]


def test_inner_fences_are_text() -> None:
    """Only outer fences count: a fence inside another is its text."""
    inner = fence("deep", "part")
    assert unfence(fence(inner)) == [inner]


def test_an_open_fence_is_text() -> None:
    """An opening tag without its closing tag fences nothing."""
    assert unfence("<document>\nno end") == []
    assert outside("<document>\nno end") == "<document>\nno end"


def test_an_empty_pair_is_an_empty_text() -> None:
    """A pair of tags with nothing between them holds the empty text."""
    assert unfence("<document>\n</document>\nAsk") == [""]


def test_other_markup_is_text() -> None:
    """HTML is no fence."""
    assert unfence("<div>\nx\n</div>") == []
    assert outside("<div>\nx\n</div>") == "<div>\nx\n</div>"


def test_an_unknown_tag_is_refused() -> None:
    """A tag that `unfence` would not find cannot be written."""
    with pytest.raises(ArgumentError, match="one of document, part, passage, not 'div'"):
        fence("x", "div")
