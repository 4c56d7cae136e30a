"""The pieces that a summary can be made of: sentences, lines, and parts of what never ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from minikit.text.sentences import sentence_spans
from minikit.text.words import count_words, word_ends

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Unit", "marker_length", "sentences", "units"]

_LONGEST = 100
_PIECE = 50
_ALPHABETS = "\u0900"
_CLAUSE_ENDS = frozenset(",;:.!?)]}…，、；：。！？）】」")
_LINE = re.compile(r"\S[^\n]*")
_FULL_LINE = 30
_SHORT_LINE = 20
_NEARLY = 0.75
_GOES_ON = frozenset(",;-–—")
_PLAIN_WORD = re.compile(r"[^\W\d_]{1,40}(?![\w(\[=]|\.\w)")
# A list item, a prompt, a row of a table, a heading, a quotation, or a line of signs alone.
_OPENING = re.compile(r"(?:[-*+•|#>$]|>>>|\d{1,3}[.)])(?:\s|\Z)|[^\w\s]{3,}\s*\Z")
_MARKER = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s+(?=\S)")
# sentencex 1.0.32 takes time quadratic in the ideographic full stops, quotation marks and brackets
# of one line (11 s for 20,000), so that it is given a text in blocks: they end where a sentence
# surely does, and else, cut short, after white space.
_BLOCK = re.compile(
    r"(?P<whole>[\s\S]{1000,4000}?(?:[。！？｡]{1,100}[」』）”’]{0,100}|\n[^\S\n]{0,100}\n|\Z)"
    r"|[\s\S]{1,1000}\Z)|[\s\S]{1000,4000}(?<=\s)|[\s\S]{4000}"
)
_BLOCK_AT_LEAST = 1_000
_SURELY = 3_000  # characters; what is quoted after them may be closed in the next block alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A sentence or a line.

    Attributes:
        start: Offset of its first character, in code points.
        end: Offset after its last character.
        passage: Number of the line or wrapped paragraph in which it stands.
        words: Its length (see `minikit.text.words.count_words`).
        is_whole: False when it breaks off in the middle of a sentence that is too long.
    """

    start: int
    end: int
    passage: int
    words: int
    is_whole: bool = True


def units(text: str) -> list[Unit]:
    """Cut `text` into sentences; linear in its length, whatever it holds.

    A line end closes a sentence too (a heading, a list, a turn of a transcript, code), except in
    prose that was wrapped at a width. What has more than 100 words without an end is cut at
    clauses, or at words, into pieces of at most 50.

    Returns:
        The units in order, without the white space around them; none is blank.
    """
    found: list[Unit] = []
    for passage, (first, last) in enumerate(_passages(text)):
        # Nearly all time of a text of short lines would go into looking for ends in them.
        short = last - first < _SHORT_LINE
        for start, end in [(0, last - first)] if short else sentences(text[first:last]):
            sentence = text[first + start : first + end]
            begin = first + end - len(sentence.lstrip())
            found.extend(_pieces(sentence.strip(), begin, passage))
    return [unit for unit in found if unit.words]


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the sentences of `text` as `sentence_spans` does, in time linear in its length.

    But a sentence of an alphabet ends before white space, not within "dict"."items()".
    """
    start = begin = 0
    while block := _BLOCK.match(text, begin):
        ends = [begin + end for _, end in sentence_spans(block[0])]
        begin = block.end()
        if block["whole"] is None:
            # What is left of it is read again, at the beginning of the next block.
            ends = [end for end in ends if end <= block.start() + _SURELY]
            if ends and ends[-1] > block.start() + _BLOCK_AT_LEAST:
                begin = ends[-1]
        for after in ends:
            last = text[after - 1]
            if last.isspace() or last > _ALPHABETS or after == len(text):
                yield start, after
                start = after


def _passages(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each line, or of each run of lines that was wrapped at a width."""
    lines = [_Line.of(found) for found in _LINE.finditer(text)]
    width = _wrap_width(text, lines)
    first = 0
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else None
        if following and width and _is_soft(text, line, following, width, number == first):
            continue
        yield lines[first].start, line.end
        first = number + 1


@dataclass(slots=True)
class _Line:
    """A line that is not blank: `start` and `end` without the white space around it."""

    begin: int
    start: int
    end: int
    stop: int

    @classmethod
    def of(cls, found: re.Match[str]) -> _Line:
        start, stop = found.span()
        begin = found.string.rfind("\n", 0, start) + 1
        return cls(begin, start, start + len(found[0].rstrip()), stop)

    @property
    def width(self) -> int:
        return self.end - self.begin

    @property
    def indent(self) -> int:
        return self.start - self.begin


def _wrap_width(text: str, lines: list[_Line]) -> int:
    """Return the width at which prose was wrapped, 0 where it was not.

    It was where many long lines stop in the middle of a sentence, nearly all at one width.
    """
    pairs = [
        (line, following)
        for line, following in pairwise(lines)
        if line.width >= _FULL_LINE and line.stop + 1 == following.begin
    ]
    widths = sorted(line.width for line, following in pairs if _goes_on(text, line, following))
    if len(widths) <= len(pairs) / 4:
        return 0
    width = widths[len(widths) // 2]
    near = sum(abs(each - width) <= width * (1 - _NEARLY) for each in widths)
    return width if near >= _NEARLY * len(widths) else 0


def _goes_on(text: str, line: _Line, following: _Line) -> bool:
    """Tell whether a sentence seems to run over a line end; code and lists seldom look so."""
    last = text[line.end - 1]
    return (
        line.indent == following.indent
        and (last.isalnum() or last in _GOES_ON)
        and _PLAIN_WORD.match(text, following.start) is not None
        and not text[following.start].isupper()
    )


def _is_soft(text: str, line: _Line, following: _Line, width: int, is_first: bool) -> bool:
    """Tell whether a line end only wraps: a new indent, or room for the next word, is meant."""
    if line.stop + 1 != following.begin:
        return False
    if line.indent != following.indent and not (is_first and _may_shift(text, line, following)):
        return False
    after = text[following.start : following.start + width]
    next_word = len(after.split(maxsplit=1)[0])
    return line.width + 1 + next_word > _NEARLY * width and not _OPENING.match(after)


def _may_shift(text: str, line: _Line, following: _Line) -> bool:
    """Tell whether `line` is the indented first of a paragraph, or `following` hangs in an item."""
    marker = marker_length(text[line.start : line.start + _FULL_LINE])
    return following.indent < line.indent or (
        marker > 0 and following.indent == line.indent + marker
    )


def marker_length(line: str) -> int:
    """Return the length of the mark of a list item at the start of `line`, white space included."""
    marker = _MARKER.match(line)
    return marker.end() if marker else 0


def _pieces(sentence: str, start: int, passage: int) -> list[Unit]:
    words = count_words(sentence)
    if words <= _LONGEST:
        return [Unit(start=start, end=start + len(sentence), passage=passage, words=words)]
    ends = word_ends(sentence)
    pieces: list[Unit] = []
    first = 0
    while first < len(ends):
        after = _after_clause(sentence, ends, first)
        # The text between two words is white space or nothing.
        begin = 0 if first == 0 else _next_word(sentence, ends[first - 1])
        piece = Unit(
            start=start + begin,
            end=start + ends[after - 1],
            passage=passage,
            words=after - first,
            is_whole=after == len(ends),
        )
        pieces.append(piece)
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
