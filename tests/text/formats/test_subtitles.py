"""Subtitles: the words of cues are found, and numbers, times, settings and notes stay."""

from __future__ import annotations

from minikit.text.formats.subtitles import read_srt, read_vtt

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
