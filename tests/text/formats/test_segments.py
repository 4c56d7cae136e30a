"""Files as segments: joining them without a change gives the file back, whatever it holds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import ArgumentError, SourceError
from minikit.text.document import Document
from minikit.text.formats.reading import read_segments
from minikit.text.formats.segments import (
    Format,
    lines_of,
    restored,
    trimmed,
    with_newlines,
)
from minikit.text.languages import read_language
from strategies import hostile_texts, texts

GERMAN = read_language("de")
PLAIN: tuple[Format, ...] = ("text", "markdown", "srt", "vtt")
SHAPES = [
    *("1\n00:00:01,000 --> 00:00:02,000\n", "WEBVTT\n\n", "00:01.000 --> 00:02.000\n", "NOTE a\n"),
    *(
        "| a b | c d |\n|---|---|\n| e f | `g` |\n",
        "> ",
        "- ",
        "1. ",
        "    ",
        "<div>\n",
        "</div>\n",
    ),
    *(
        "[a](b) ",
        "[r]: http://x\n",
        "[^1]: note this\n",
        "---\n",
        "***\n",
        "{n} ",
        "<b>",
        "\\",
        "&amp;",
    ),
    *("\n\n", "\r\n\r\n", "hello there ", "\r", "<pre>", "<!-- ", "# ", "\ufeff"),
]


def shapes() -> st.SearchStrategy[str]:
    """What the formats are made of, in any order, with any text between."""
    return st.lists(st.one_of(st.sampled_from(SHAPES), texts(2)), max_size=14).map("".join)


@settings(max_examples=50)
@given(shapes())
def test_what_does_not_change_is_as_it_was(text: str) -> None:
    """No translation, and a translation that is the text itself, leave every character."""
    document = Document(text=text)
    for kind in PLAIN:
        try:
            file = read_segments(document, kind, GERMAN)
        except SourceError:
            assert "-->" not in text
            continue
        assert file.join([None] * len(file.segments)) == text
        assert file.join([segment.text for segment in file.segments]) == text
        assert [slot.end for slot in file.slots] == sorted(slot.end for slot in file.slots)
        for slot, after in zip(file.slots, file.slots[1:], strict=False):
            assert slot.start < slot.end <= after.start


@settings(max_examples=50)
@given(shapes(), st.integers(0, 20))
def test_one_change_leaves_the_rest(text: str, index: int) -> None:
    """What is written stands in the place of one segment; all before and after is untouched."""
    for kind in ("text", "markdown", "srt"):
        file = read_segments(Document(text=text + "\n\n1:1:1 --> 1:1:2\n"), kind, GERMAN)
        if not file.segments:
            continue
        index %= len(file.segments)
        slot = file.slots[index]
        changed = [None] * index + ["zwei Worte"] + [None] * (len(file.segments) - index - 1)
        joined = file.join(changed)
        assert joined.startswith(file.text[: slot.start] + "zwei Worte")
        assert joined.endswith(file.text[slot.end :])


def test_hostile_texts_are_read() -> None:
    """Runs of one letter, NULs and lone surrogates are files too."""
    for text in hostile_texts(20_000).values():
        for kind in ("text", "markdown"):
            file = read_segments(Document(text=text), kind, GERMAN)
            assert file.join([segment.text for segment in file.segments]) == text


def test_segments_need_as_many_translations() -> None:
    """A list of another length is a mistake of the caller."""
    file = read_segments(Document(text="a\n\nb"), "text", GERMAN)
    with pytest.raises(ArgumentError, match="2 segments need as many translations, not 1"):
        file.join(["x"])
    assert file.count(["x", None]) == 1


@given(texts())
def test_lines_join_to_the_text(text: str) -> None:
    """Each line knows its place and its end."""
    lines = list(lines_of(text))
    assert "".join(line.text + line.newline for line in lines) == text
    assert all(text[line.start : line.end] == line.text for line in lines)


@settings(max_examples=40)
@given(texts(6), texts(6), texts(6))
def test_trimmed_finds_what_is_not_white(before: str, inside: str, after: str) -> None:
    """The stretch is what `strip` would leave."""
    start, end = trimmed(before + inside + after, len(before), len(before) + len(inside))
    assert (before + inside + after)[start:end] == inside.strip()
    assert start >= len(before) or not inside.strip()


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        ("a", " x\r\n", "x"),
        ("a\n  b  \nc", "x\r\ny\rz ", "x\n  y  \nz"),
        ("a  \nb", "x y", "x y"),
        ("a\n\nb", "x\n\ny", "x\n\ny"),
    ],
)
def test_white_space_is_restored(source: str, translation: str, expected: str) -> None:
    """As far as the lines are the same."""
    assert restored(source, translation) == expected


@pytest.mark.parametrize(
    ("like", "expected"), [("a", "x\ny"), ("a\nb", "x\ny"), ("a\r\nb", "x\r\ny"), ("a\rb", "x\ry")]
)
def test_line_ends_are_those_of_the_source(like: str, expected: str) -> None:
    """A file of Windows stays one."""
    assert with_newlines("x\ny", like) == expected
