"""Formats: told by the name of a file, else by what it looks like."""

from __future__ import annotations

import pytest

from minikit.errors import SourceError
from minikit.text.document import Document
from minikit.text.formats.reading import AnyFormat, format_of, read_segments
from minikit.text.formats.segments import Format
from minikit.text.languages import read_language


@pytest.mark.parametrize(
    ("text", "name", "asked", "expected"),
    [
        ("# a", "a.txt", "auto", "text"),
        ("a", "dir/A.MD", "auto", "markdown"),
        ("{}", "app_en.arb", "auto", "json"),
        ("a", "x.pot", "auto", "po"),
        ("a", "x.srt", "text", "text"),
        ("WEBVTT\n\n", None, "auto", "vtt"),
        ("\n1\n00:00:01,000 --> 00:00:02,000\na", None, "auto", "srt"),
        ('# a\n\nmsgid ""\nmsgstr ""\n', None, "auto", "po"),
        ('{\n "a": "b"}', None, "auto", "json"),
        ('\ufeff# a\r\n\r\nmsgid ""\r\n', None, "auto", "po"),
        ('\ufeff[\n{"a": "b"}]', None, "auto", "json"),
        ("00:01,000 --> 00:02,000\na", None, "auto", "srt"),
        ("a: b", "en.yml", "text", "text"),
        ("# A heading\n", None, "auto", "markdown"),
        ("see [a](b)", "notes.docx", "auto", "markdown"),
        ("Dear Ann,\n\nWEBVTT is a format.", None, "auto", "text"),
        ("{name} is a placeholder", None, "auto", "text"),
    ],
)
def test_the_format_is_told(
    text: str, name: str | None, asked: AnyFormat, expected: Format
) -> None:
    """What was asked for counts most, then the name, then the shape."""
    assert format_of(Document(text=text, title=name), asked) == expected
    assert format_of(Document(text=text, origin=name), asked) == expected


@pytest.mark.parametrize("name", ["en.yml", "dir/App.XLIFF", "manual.rst"])
def test_a_format_that_is_not_known_is_refused(name: str) -> None:
    """As a text, what is none in it would be translated; who wants that can say so."""
    with pytest.raises(SourceError, match=r'does not know.*JSON, PO or Markdown, or say format="t'):
        format_of(Document(text="a: b", origin=name), "auto")


def test_a_catalogue_is_read_for_its_language() -> None:
    """The forms of a plural are those of the language."""
    text = 'msgid "a"\nmsgid_plural "b"\nmsgstr[0] ""\n'
    file = read_segments(Document(text=text), "po", read_language("ru"))
    assert len(file.segments) == 3


@pytest.mark.parametrize(
    ("kind", "times"), [("srt", "00:00:01,000 --> "), ("vtt", "00:01.000 --> ")]
)
def test_subtitles_without_cues_are_refused(kind: Format, times: str) -> None:
    """The message shows what a cue begins with."""
    with pytest.raises(SourceError, match=f"the source has no cue: .*{times}"):
        read_segments(Document(text="Hello there"), kind, read_language("de"))
