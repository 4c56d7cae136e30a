"""The pieces that a summary can be made of: sentences, lines, and parts of what never ends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minikit.text.sentences import sentence_spans
from minikit.text.words import word_ends

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["sentences", "units"]

_LONGEST = 100
_PIECE = 50
_CLAUSE_ENDS = frozenset(",;:.!?)]}…，、；：。！？）】」")
_LINE_BREAK = re.compile(r"[^\n]{40}\n(?:([a-z])|[^\n])")
# sentencex 1.0.32 takes time quadratic in the ideographic full stops of one line (11 s for 20,000),
# so that it is given a text in blocks, which end where a sentence surely does.
_BLOCK = re.compile(r"[\s\S]{1000}[\s\S]*?(?:[。！？｡]+[」』）”’]*|\n[^\S\n]*\n|\Z)|[\s\S]+")
_LINE = re.compile(r"\S[^\n]*")
_PARAGRAPH = re.compile(r"\S(?:[^\n]|\n(?![^\S\n]*\n))*")


def units(text: str) -> list[tuple[int, int]]:
    """Cut `text` into sentences; linear in its length, whatever it holds.

    A line end closes a sentence too (a heading, a list, a turn of a transcript, code), except in
    prose that was wrapped at a width. What has more than 100 words without an end is cut at
    clauses, or at words, into pieces of at most 50.

    Returns:
        Start and end (exclusive) of each, in code points, in order, without the white space around
        it; none is blank.
    """
    pattern = _PARAGRAPH if _is_wrapped(text) else _LINE
    found: list[tuple[int, int]] = []
    for start, end in sentences(text):
        for line in pattern.finditer(text, start, end):
            found.extend(_pieces(text, line.start(), line.start() + len(line[0].rstrip())))
    return found


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the sentences of `text` as `sentence_spans` does, in time linear in its length."""
    for block in _BLOCK.finditer(text):
        for start, end in sentence_spans(block[0]):
            yield block.start() + start, block.start() + end


def _is_wrapped(text: str) -> bool:
    """Tell whether many line ends stand in the middle of a sentence: a long line, then lower case.

    Indented code, turns of a transcript and lists seldom look so.
    """
    goes_on = [bool(letter) for letter in _LINE_BREAK.findall(text)]
    return sum(goes_on) > len(goes_on) / 4


def _pieces(text: str, start: int, end: int) -> list[tuple[int, int]]:
    ends = word_ends(text, start, end)
    if len(ends) <= _LONGEST:
        return [(start, end)]
    pieces: list[tuple[int, int]] = []
    first = 0
    while first < len(ends):
        after = _after_clause(text, ends, first)
        # The text between two words is white space or nothing.
        begin = start if first == 0 else _next_word(text, ends[first - 1])
        pieces.append((begin, ends[after - 1]))
        first = after
    return pieces


def _after_clause(text: str, ends: list[int], first: int) -> int:
    """Return the number of the word before which the piece that begins at `first` ends."""
    last = min(first + _PIECE, len(ends))
    if last == len(ends):
        return last
    for number in range(last, first + _PIECE // 2, -1):
        if text[ends[number - 1] - 1] in _CLAUSE_ENDS:
            return number
    return last


def _next_word(text: str, position: int) -> int:
    while text[position].isspace():
        position += 1
    return position
