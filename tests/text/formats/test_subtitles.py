"""Subtitles: the words of cues are found, and numbers, times, settings and notes stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from minikit.errors import SourceError
from minikit.text.formats.subtitles import read_srt, read_vtt

if TYPE_CHECKING:
    from collections.abc import Callable

    from minikit.text.formats.segments import Segmented

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i>
there

2
00:00:03,000 --> 00:00:04,000 X1:1
{\\an8}Two

words after a blank line

3
00:00:05,000 --> 00:00:06,000

4
00:00:05,000 --> 00:00:06,000
5
00:00:07,000 --> 00:00:08,000
...
6
"""
VTT = """WEBVTT - some title
Kind: captions

NOTE a comment here

STYLE
::cue { color: red }

intro
00:01.000 --> 00:04.000 line:0
<v Bob>Hello &amp; bye
second

01:00:05.000 --> 01:00:06.000
Last
"""


def test_cues_of_subrip_are_found() -> None:
    """Also after a blank line, and where a cue is empty; numbers are none."""
    file = read_srt(SRT)
    assert [segment.text for segment in file.segments] == [
        "<i>Hello</i>\nthere",
        "{\\an8}Two",
        "words after a blank line",
    ]
    assert {segment.kind for segment in file.segments} == {"cue"}


def test_cues_of_webvtt_are_found() -> None:
    """The header, notes, styles and identifiers are not."""
    file = read_vtt(VTT)
    assert [segment.text for segment in file.segments] == ["<v Bob>Hello &amp; bye\nsecond", "Last"]


def test_a_cue_is_written_without_blank_lines() -> None:
    """One would end it."""
    file = read_srt(SRT.replace("\n", "\r\n"))
    written = file.join(["Hallo\n\ndu", None, None])
    assert written == SRT.replace("<i>Hello</i>\nthere", "Hallo\ndu").replace("\n", "\r\n")


def test_a_text_without_times_has_no_cue() -> None:
    """Its words are left."""
    assert read_srt("Hello there").segments == ()
    assert read_vtt("WEBVTT\n\nHello there").segments == ()


def test_times_are_read_as_players_do() -> None:
    """Hours left out, a comma or a point, frames, and a cue right after another."""
    text = (
        "WEBVTT\n\n0:00:01,000-->0:00:02,000 align:start\n<c.a>One</c>\n00:03 -> 00:04\nTwo\n\n"
        "name\n10:00:00:12 --> 10:00:01;13\nThree 1 --> 2\n"
    )
    assert [segment.text for segment in read_vtt(text).segments] == [
        "<c.a>One</c>",
        "Two",
        "Three 1 --> 2",
    ]
    assert [segment.text for segment in read_srt(text.partition("\n\n")[2]).segments] == [
        "<c.a>One</c>",
        "Two",
        "name",
        "Three 1 --> 2",
    ]


@pytest.mark.parametrize("read", [read_srt, read_vtt], ids=["srt", "vtt"])
def test_times_that_cannot_be_read_are_told(read: Callable[[str], Segmented]) -> None:
    """Else they would pass for a text, and the text under them would be left."""
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\nOne\n\n3.5 --> 4.5\nTwo\n"
    with pytest.raises(SourceError, match=r"line 6 .*cannot be read: '3\.5 --> 4\.5'; expected"):
        read(text)
