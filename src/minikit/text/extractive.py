"""An extractive summary: the sentences of a text that say most of it, chosen without a model.

Sentences are ranked by TextRank and taken by maximal marginal relevance (Carbonell and Goldstein,
SIGIR 1998), a quarter of the length from each quarter of the text. Nothing is written: what the
summary says stands in the text, but pronouns may point at sentences that were left out.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import compress
from operator import mul
from typing import TYPE_CHECKING

from minikit.errors import ArgumentError
from minikit.text.prose import body, is_prose, readability
from minikit.text.ranking import rank, term_rows
from minikit.text.units import marker_length, units
from minikit.text.words import end_of_words, terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minikit.text.ranking import Row
    from minikit.text.units import Unit

__all__ = ["Excerpt", "extract"]

_BANDS = 4
_RELEVANCE = 0.6
_SAME = 0.8
_SHORTEST = (12, 6)
_POOL = 200
_PROSE_SHARE = 0.1
_NO_PROSE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A stretch of a text: a sentence or a line, or several that follow each other in a passage.

    Attributes:
        start: Offset of its first character, in code points.
        end: Offset after its last character.
        is_whole: False when it breaks off in the middle of a sentence.
    """

    start: int
    end: int
    is_whole: bool = True


def extract(text: str, *, max_words: int) -> list[Excerpt]:
    """Choose the sentences of `text` that summarize it best in `max_words` words.

    Headings, code, tables and the like are passed over where sentences are enough. The same text
    gives the same choice. Time and memory are linear in the length of `text`.

    Args:
        text: Any str: prose, a transcript, code, lines, scripts without spaces.
        max_words: Limit of the summary in words (see `minikit.text.words.count_words`); >= 1.

    Returns:
        What was chosen, in the order of the text, without white space around it; everything where
        everything fits. Where no sentence fits, the beginning of the best one, cut after a word,
        with room for a mark. [] only when `text` is blank.

    Raises:
        ArgumentError: `max_words` is not an int >= 1.
    """
    if type(max_words) is not int or max_words < 1:
        raise ArgumentError(f"max_words is an int of at least 1, not {max_words!r}")
    found = units(text)
    if sum(unit.words for unit in found) <= max_words:
        return _joined(text, found)
    found, factors = _readable(text, _distinct(text, found), max_words)
    sentences = [terms(text[unit.start : unit.end]) for unit in found]
    rows = term_rows(sentences)
    # Of two sentences that rank alike, one says it with fewer words that say nothing.
    density = (len(row[0]) / max(1, len(each)) for row, each in zip(rows, sentences, strict=True))
    ranks = list(map(mul, map(mul, rank(rows), factors), map(math.sqrt, density)))
    words = [unit.words + (not unit.is_whole) for unit in found]  # a mark follows what breaks off
    fitting = [number for number in range(len(found)) if words[number] <= max_words]
    if not fitting:
        return [_beginning(text, found[ranks.index(max(ranks))], max_words)]
    candidates = _long_enough(fitting, [len(sentence) for sentence in sentences], words, max_words)
    selection = _Selection.over(candidates, rows, ranks, words)
    for band in range(_BANDS):
        low, high = len(text) * band // _BANDS, len(text) * (band + 1) // _BANDS
        pool = [number for number in candidates if low <= found[number].start < high]
        selection.take(pool, max_words * (band + 1) // _BANDS)
    selection.take(candidates, max_words)
    return _joined(text, [found[number] for number in sorted(selection.chosen)])


def _distinct(text: str, found: list[Unit]) -> list[Unit]:
    """Leave out what stands in the text before, which would vote for itself."""
    first: dict[str, Unit] = {}
    for unit in found:
        first.setdefault(text[unit.start : unit.end], unit)
    return list(first.values())


def _beginning(text: str, unit: Unit, words: int) -> Excerpt:
    end = end_of_words(text, unit.start, unit.end, max(1, words - 1))
    return Excerpt(start=unit.start, end=end, is_whole=False)


def _readable(text: str, found: list[Unit], max_words: int) -> tuple[list[Unit], list[float]]:
    """Leave out what is no prose where the rest fills half the summary and is no mere remark.

    Returns:
        The units that are left, and the factor by which each is valued.
    """
    start, end = body(text)
    prose = [start <= unit.start < end and is_prose(text[unit.start : unit.end]) for unit in found]
    words = [unit.words for unit in found]
    if sum(compress(words, prose)) >= max(max_words / 2, _PROSE_SHARE * sum(words)):
        found = [_without_marker(text, unit) for unit in compress(found, prose)]
        prose = [True] * len(found)
    factors = [
        readability(text[unit.start : unit.end]) * (1 if reads else _NO_PROSE)
        for unit, reads in zip(found, prose, strict=True)
    ]
    return found, factors


def _without_marker(text: str, unit: Unit) -> Unit:
    """Leave out the mark of a list item, which is lost without its list."""
    marker = marker_length(text[unit.start : unit.end])
    return replace(unit, start=unit.start + marker, words=unit.words - 1) if marker else unit


def _long_enough(
    numbers: list[int], lengths: Sequence[int], words: Sequence[int], max_words: int
) -> list[int]:
    """Leave out short sentences, as long as the others could fill the summary twice."""
    for shortest in _SHORTEST:
        long = [number for number in numbers if lengths[number] >= shortest]
        if sum(words[number] for number in long) >= 2 * max_words:
            return long
    return numbers


@dataclass(slots=True)
class _Selection:
    """Sentences chosen one after the other by rank, less their likeness to those chosen before."""

    rows: Sequence[Row]
    ranks: Sequence[float]
    words: Sequence[int]
    postings: dict[int, list[tuple[int, float]]]
    likeness: defaultdict[int, float]
    chosen: list[int]
    used: int = 0

    @classmethod
    def over(
        cls,
        candidates: Iterable[int],
        rows: Sequence[Row],
        ranks: Sequence[float],
        words: Sequence[int],
    ) -> _Selection:
        postings: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
        for number in candidates:
            for term, weight in zip(*rows[number], strict=True):
                postings[term].append((number, weight))
        return cls(rows, ranks, words, postings, defaultdict(float), [])

    def take(self, pool: Sequence[int], limit: int) -> None:
        """Choose from `pool` until no sentence fits into `limit` words in all."""
        best_first = sorted(pool, key=lambda number: -self.ranks[number])
        left = best_first[: _POOL + limit // _SHORTEST[0]]
        while left := [number for number in left if self._can_have(number, limit)]:
            self._choose(max(left, key=self._value))

    def _can_have(self, number: int, limit: int) -> bool:
        # A chosen sentence is as like itself as can be.
        return self.used + self.words[number] <= limit and self.likeness[number] < _SAME

    def _value(self, number: int) -> float:
        return _RELEVANCE * self.ranks[number] - (1 - _RELEVANCE) * self.likeness[number]

    def _choose(self, number: int) -> None:
        self.chosen.append(number)
        self.used += self.words[number]
        likeness: defaultdict[int, float] = defaultdict(float)
        for term, weight in zip(*self.rows[number], strict=True):
            for other, other_weight in self.postings[term]:
                likeness[other] += weight * other_weight
        likeness[number] = 1.0
        for other, value in likeness.items():
            self.likeness[other] = max(self.likeness[other], value)


def _joined(text: str, chosen: Iterable[Unit]) -> list[Excerpt]:
    """Join units that follow each other in a passage."""
    joined: list[Excerpt] = []
    passage = -1
    for unit in chosen:
        start = unit.start
        if unit.passage == passage and not text[joined[-1].end : start].strip():
            start = joined.pop().start
        joined.append(Excerpt(start=start, end=unit.end, is_whole=unit.is_whole))
        passage = unit.passage
    return joined
