"""Subtitles (SubRip and WebVTT): the texts of cues are translated, all else stays.

WebVTT: https://www.w3.org/TR/webvtt1/; SubRip has no standard, and what players take is read. Read
2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, pairwise

from minikit.errors import SourceError
from minikit.text.formats.paragraphs import paragraph
from minikit.text.formats.segments import Line, Segmented, Slot, lines_of, with_newlines

__all__ = ["read_srt", "read_vtt"]

# As players read them, which is more than the standard has: hours may be left out, and a fraction
# begins with a comma or a point; frames with a colon or semicolon.
_TIME = r"(?:\d{1,4}:)?\d{1,2}:\d{1,2}(?:[,.:;]\d{1,3})?"
_TIMES = re.compile(rf"\s*{_TIME}\s*--?>\s*{_TIME}(?!\d)")
_ALMOST = re.compile(r"\s*\d[\d:.,;]*+\s*--?>")
_NUMBER = re.compile(r"\s*\d+\s*")


def read_srt(text: str) -> Segmented:
    """Cut SubRip subtitles into cues.

    A text runs to the number of the next cue; blank lines in it part it, and stay.

    Raises:
        SourceError: Times cannot be read.
    """
    lines = list(lines_of(text))
    times = _times(lines, lines)
    slots: list[Slot] = []
    for number, (time, after) in enumerate(pairwise([*times, len(lines)]), 1):
        last = after
        if after < len(lines) and after > time + 1 and _NUMBER.fullmatch(lines[after - 1].text):
            last -= 1
        slots.extend(_cues(text, lines[time + 1 : last], number))
    return Segmented(text=text, format="srt", slots=tuple(slots))


def read_vtt(text: str) -> Segmented:
    """Cut WebVTT subtitles into cues; the header, notes, styles and regions stay.

    A line of times begins another cue, also where no blank line stands before it.

    Raises:
        SourceError: Times cannot be read.
    """
    slots: list[Slot] = []
    lines = list(lines_of(text))
    number = 0
    for blank, group in groupby(lines, key=lambda line: not line.text.strip()):
        block = [] if blank else list(group)
        times = _times(block, lines)
        if times and times[0] < 2:  # the first line may be its name
            for time, after in pairwise([*times, len(block)]):
                number += 1
                slots.extend(_cues(text, block[time + 1 : after], number))
    return Segmented(text=text, format="vtt", slots=tuple(slots))


def _times(block: Sequence[Line], lines: Sequence[Line]) -> list[int]:
    """Return which lines of a block tell times."""
    times: list[int] = []
    for at, line in enumerate(block):
        if _TIMES.match(line.text):
            times.append(at)
        elif _ALMOST.match(line.text):
            raise SourceError(
                f"line {lines.index(line) + 1} of the source tells times that cannot be read: "
                f"{line.text.strip()[:80]!r}; expected such as 00:00:01,000 --> 00:00:04,000"
            )
    return times


def _cues(text: str, lines: Sequence[Line], number: int) -> Iterator[Slot]:
    for blank, group in groupby(lines, key=lambda line: not line.text.strip()):
        block = [] if blank else list(group)
        slot = paragraph(text, block[0].start, block[-1].end, kind="cue") if block else None
        if slot is not None:
            raw = text[slot.start : slot.end]
            yield Slot(
                start=slot.start,
                end=slot.end,
                segments=tuple(replace(each, key=(number,)) for each in slot.segments),
                write=partial(_write, raw),
            )


def _write(raw: str, texts: Sequence[str]) -> str:
    """Write a cue without blank lines, which would end it."""
    return with_newlines(re.sub(r"\n\s*\n", "\n", texts[0]), raw)
