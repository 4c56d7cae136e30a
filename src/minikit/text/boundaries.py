"""The best place to cut a text within reach of a wanted one."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from minikit.text.clusters import cluster_boundary
from minikit.text.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["best_boundary", "nearest_boundary"]

_NEWLINE = r"(?:\r\n?+|[\n\v\f\x85\u2028\u2029])"
_BLANK_LINES = re.compile(rf"{_NEWLINE}(?:[^\S\r\n\v\f\x85\u2028\u2029]*{_NEWLINE})+")
_LINE_END = re.compile(_NEWLINE)
_SPACE = re.compile(r"(?<=\S)(?=\s)")
_SIGN = re.compile(r"(?<=[^\w\s'’.])(?=\w)")
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
    ends = _ends(_BLANK_LINES, text, low, high)
    if not ends:
        ends = [end for end in _ends(_LINE_END, text, low, high) if not _is_wrapped(text, end)]
    if not ends:
        ends = _sentence_ends(text, low, high)
    return _nearest(ends, near) if ends else None


def nearest_boundary(text: str, low: int, near: int, high: int, floor: int) -> int:
    """Find the best place to cut in low..high of `text` where no sentence, line or paragraph ends.

    This is the end of a wrapped line, else of a word, else a sign beside a word, and where there is
    none, the last boundary of grapheme clusters in floor..near. Only a cluster that is longer than
    that is taken apart, but neither a CRLF nor a pair of surrogates.

    Args:
        text: Any str.
        low: Smallest offset wanted.
        near: The offset wanted most.
        high: Largest offset wanted; < len(text).
        floor: Smallest offset that will do; >= 1.
    """
    for pattern in (_LINE_END, _SPACE, _SIGN):
        if ends := _ends(pattern, text, low, high):
            return _nearest(ends, near)
    cluster = cluster_boundary(text, near, floor)
    if cluster is not None:
        return cluster
    if _is_pair(text, near):
        return near - 1 if near > floor else near + 1
    return near


def _nearest(offsets: Iterable[int], near: int) -> int:
    return min(offsets, key=lambda offset: abs(offset - near))


def _ends(pattern: re.Pattern[str], text: str, low: int, high: int) -> list[int]:
    matches = pattern.finditer(text, low - 1, high)
    return [
        match.end()
        for match in matches
        if low <= match.end() <= high and not _is_pair(text, match.end())
    ]


def _is_pair(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    return (before, after) == ("\r", "\n") or "\ud800" <= before < "\udc00" <= after <= "\udfff"


def _is_wrapped(text: str, end: int) -> bool:
    """Whether the line that ends before `end` goes on: a letter or comma before, a letter after."""
    before = text[end - 3 : end].rstrip()[-1:]
    return text[end].isalpha() and (before.isalpha() or before in ",;")


def _sentence_ends(text: str, low: int, high: int) -> list[int]:
    start = max(0, low - _CONTEXT)
    stretch = text[start : high + _CONTEXT]
    ends: list[int] = []
    for first, last in sentence_spans(stretch)[:-1]:
        end = start + first + len(stretch[first:last].rstrip())
        if low <= end <= high and cluster_boundary(text, end, end):
            ends.append(end)
    return ends
