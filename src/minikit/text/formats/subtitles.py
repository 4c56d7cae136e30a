"""Subtitles (SubRip and WebVTT): the texts of cues are translated, all else stays.

WebVTT: https://www.w3.org/TR/webvtt1/; SubRip has no standard, and what players take is read. Read
2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby, pairwise

from minikit.text.formats.paragraphs import paragraph
from minikit.text.formats.segments import Line, Segmented, Slot, lines_of, with_newlines

__all__ = ["read_srt", "read_vtt"]

_SRT_TIMES = re.compile(
    r"\s*\d{1,3}:\d{1,2}:\d{1,2}(?:[,.]\d{1,3})?\s*-->\s*\d{1,3}:\d{1,2}:\d{1,2}(?:[,.]\d{1,3})?"
)
_VTT_TIMES = re.compile(r"\s*(?:\d{2,}:)?\d{2}:\d{2}\.\d{3}\s+-->\s+(?:\d{2,}:)?\d{2}:\d{2}\.\d{3}")
_NUMBER = re.compile(r"\s*\d+\s*")


def read_srt(text: str) -> Segmented:
    """Cut SubRip subtitles into cues.

    A text runs to the number of the next cue; blank lines in it part it, and stay.
    """
    lines = list(lines_of(text))
    times = [number for number, line in enumerate(lines) if _SRT_TIMES.match(line.text)]
    slots: list[Slot] = []
    for time, after in pairwise([*times, len(lines)]):
        last = after
        if after < len(lines) and after > time + 1 and _NUMBER.fullmatch(lines[after - 1].text):
            last -= 1
        slots.extend(_cues(text, lines[time + 1 : last]))
    return Segmented(text=text, format="srt", slots=tuple(slots))


def read_vtt(text: str) -> Segmented:
    """Cut WebVTT subtitles into cues; the header, notes, styles and regions stay."""
    slots: list[Slot] = []
    for blank, group in groupby(lines_of(text), key=lambda line: not line.text.strip()):
        block = [] if blank else list(group)
        times = next((at for at, line in enumerate(block[:2]) if _VTT_TIMES.match(line.text)), None)
        if times is not None:
            slots.extend(_cues(text, block[times + 1 :]))
    return Segmented(text=text, format="vtt", slots=tuple(slots))


def _cues(text: str, lines: Sequence[Line]) -> Iterator[Slot]:
    for blank, group in groupby(lines, key=lambda line: not line.text.strip()):
        block = [] if blank else list(group)
        slot = paragraph(text, block[0].start, block[-1].end, kind="cue") if block else None
        if slot is not None:
            raw = text[slot.start : slot.end]
            yield Slot(
                start=slot.start, end=slot.end, segments=slot.segments, write=partial(_write, raw)
            )


def _write(raw: str, texts: Sequence[str]) -> str:
    """Write a cue without blank lines, which would end it."""
    return with_newlines(re.sub(r"\n\s*\n", "\n", texts[0]), raw)
