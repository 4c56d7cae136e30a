"""The best place to cut a text within reach of a wanted one."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from minikit.text.clusters import cluster_boundary
from minikit.text.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["best_boundary", "nearest_boundary"]

_LINE_END = re.compile(r"\r\n?+|[\n\v\f\x85\u2028\u2029]")
_SPACE = re.compile(r"(?<=\S)(?=\s)")
_SIGN = re.compile(  # no apostrophe or dot, and no sign within a number
    r"(?<=[!-&(-\-/:-@\[-`{-~\u2010-\u2018\u201a-\u2027\u3001-\u301f\uff01-\uff0f\uff1a-\uff20])"
    r"(?<!\d[,:])(?=\w)"
)
_CONTEXT = 80  # characters around a stretch that sentencex sees too


def best_boundary(
    text: str, low: int, near: int, high: int, starts: Sequence[int] = ()
) -> int | None:
    """Find the best end of a sentence, line or paragraph in low..high of `text`.

    The best is the start of a heading, then the end of a paragraph, of a line, of a sentence; of
    several of the same kind the nearest to `near`. The end of a line that prose was wrapped at is
    none of these. A cut comes after line ends but before other white space.

    Args:
        text: Any str.
        low: Smallest offset wanted; >= 1.
        near: The offset wanted most.
        high: Largest offset wanted; < len(text).
        starts: Offsets of headings, ascending.

    Returns:
        An offset, or None where there is no such place.
    """
    headings = starts[bisect_left(starts, low) : bisect_right(starts, high)]
    if headings:
        return _nearest(headings, near)
    paragraphs, lines = _line_ends(text, low, high)
    return _nearest(paragraphs or lines or _sentence_ends(text, low, high), near)


def nearest_boundary(text: str, start: int, low: int, near: int, high: int) -> int:
    """Find the best place to cut where no sentence, line or paragraph ends in low..high.

    This is the end of a wrapped line, else of a word, else a sign beside a word, nearest to `near`
    in low..high, or from half-way between `start` and `near`; else the last boundary of grapheme
    clusters up to `near`, or the first up to `high`. Only a cluster longer than that is taken
    apart, but neither a CRLF nor a pair of surrogates.

    Args:
        text: Any str.
        start: Where the chunk starts.
        low: Smallest offset wanted; > `start`.
        near: The offset wanted most.
        high: Largest offset wanted; < len(text).

    Returns:
        An offset after `start`; it is above `high` only where a pair stands at `start`.
    """
    for first in (low, (start + near) // 2 + 1):
        for pattern in (_LINE_END, _SPACE, _SIGN):
            end = _nearest(_ends(pattern, text, first, high), near)
            if end is not None:
                return end
    before = cluster_boundary(text, near, start + 1)
    after = (at for at in range(near + 1, high + 1) if cluster_boundary(text, at, at))
    cluster = before or next(after, None)
    if cluster or not _is_pair(text, near):
        return cluster or near
    return near - 1 if near - 1 > start else near + 1


def _nearest(offsets: Iterable[int], near: int) -> int | None:
    return min(offsets, key=lambda offset: abs(offset - near), default=None)


def _line_ends(text: str, low: int, high: int) -> tuple[list[int], list[int]]:
    """Return the offsets after blank lines, and those after lines that are not merely wrapped."""
    paragraphs: list[int] = []
    lines: list[int] = []
    end = max(0, low - 3)  # to see more of the first line than its CRLF
    for line, following in pairwise(text[end : high + 1].splitlines(keepends=True)):
        end += len(line)
        if end < low or following.isspace():
            continue
        if line.isspace():
            paragraphs.append(end)
        elif not _is_wrapped(line, following):
            lines.append(end)
    return paragraphs, lines


def _is_wrapped(line: str, following: str) -> bool:
    """Whether what `line` says goes on: a letter or a comma at its end, and a letter after it."""
    return following[0].isalpha() and (line.rstrip()[-1].isalpha() or line.rstrip()[-1] in ",;")


def _ends(pattern: re.Pattern[str], text: str, low: int, high: int) -> list[int]:
    matches = pattern.finditer(text, low - 1, high + 1)
    return [
        match.end()
        for match in matches
        if low <= match.end() <= high and not _is_pair(text, match.end())
    ]


def _is_pair(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    return (before, after) == ("\r", "\n") or "\ud800" <= before < "\udc00" <= after <= "\udfff"


def _sentence_ends(text: str, low: int, high: int) -> list[int]:
    start = max(0, low - _CONTEXT)
    stretch = text[start : high + _CONTEXT]
    ends: list[int] = []
    for first, last in sentence_spans(stretch)[:-1]:
        end = start + first + len(stretch[first:last].rstrip())
        if low <= end <= high and cluster_boundary(text, end, end):
            ends.append(end)
    return ends
