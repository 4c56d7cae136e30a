"""An extractive summary: the sentences of a text that say most of it, chosen without a model.

Sentences are ranked by TextRank and taken by maximal marginal relevance (Carbonell and Goldstein,
SIGIR 1998), a quarter of the length from each quarter of the text. Nothing is written: what the
summary says stands in the text, but pronouns may point at sentences that were left out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.errors import ArgumentError
from minikit.text.ranking import rank, term_rows
from minikit.text.units import units
from minikit.text.words import count_words, end_of_words, terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minikit.text.ranking import Row

__all__ = ["extract"]

_BANDS = 4
_RELEVANCE = 0.7
_SAME = 0.8
_SHORTEST = (12, 6)
_POOL = 200


def extract(text: str, *, max_words: int) -> list[tuple[int, int]]:
    """Choose the sentences of `text` that summarize it best in `max_words` words.

    The same text gives the same choice. Time and memory are linear in the length of `text`.

    Args:
        text: Any str: prose, a transcript, code, lines, scripts without spaces.
        max_words: Limit of the summary in words (see `minikit.text.words.count_words`); >= 1.

    Returns:
        Start and end (exclusive) of each chosen sentence or line, in code points, in the order of
        the text, apart from each other; all of them where all fit. Where none fits, the beginning
        of the best one, cut after a word. [] only when `text` is blank.

    Raises:
        ArgumentError: `max_words` is not an int >= 1.
    """
    if type(max_words) is not int or max_words < 1:
        raise ArgumentError(f"max_words is an int of at least 1, not {max_words!r}")
    found = units(text)
    texts = [text[start:end] for start, end in found]
    words = [count_words(sentence) for sentence in texts]
    if sum(words) <= max_words:
        return _joined(found)
    sentences = [terms(sentence) for sentence in texts]
    rows = term_rows(sentences)
    ranks = rank(rows)
    first = {sentence: number for number, sentence in reversed(list(enumerate(texts)))}
    fitting = sorted(number for number in first.values() if words[number] <= max_words)
    if not fitting:
        best = max(first.values(), key=lambda number: (ranks[number], -number))
        start, end = found[best]
        return [(start, end_of_words(text, start, end, max_words))]
    candidates = _long_enough(fitting, [len(sentence) for sentence in sentences], words, max_words)
    selection = _Selection.over(candidates, rows, ranks, words)
    for band in range(_BANDS):
        low, high = len(text) * band // _BANDS, len(text) * (band + 1) // _BANDS
        pool = [number for number in candidates if low <= found[number][0] < high]
        selection.take(pool, max_words * (band + 1) // _BANDS)
    selection.take(candidates, max_words)
    return _joined(found[number] for number in sorted(selection.chosen))


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


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join spans that touch, as the sentences of Chinese do."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
