"""TextRank over sentences without its graph: rank = M (M' rank), in plain Python, linear in length.

The graph that TextRank walks joins each two sentences by the cosine of their term vectors. With
the vectors as rows of M (length 1), the weighted sum over all neighbours is `M (M' x) - x`, so the
graph of n^2 edges is never built. (Mihalcea and Tarau, TextRank, EMNLP 2004; damping 0.85.)
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import chain
from operator import mul
from typing import TYPE_CHECKING

from minikit.text.stopwords import guess_language, stop_words

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Row", "rank", "term_rows"]

Row = tuple[list[int], list[float]]
"""A sparse vector: numbers of its terms, and their weights; its length is 1, or it is empty."""

# The 200 highest of 2,000 to 11,000 sentences are then all but 3 those of 40 iterations.
_ITERATIONS = 6
_DAMPING = 0.85
# Speakers' names, markup and the subject of the whole text stand in sentences of every kind; left
# in, they rank highest. On the 35 validation meetings of QMSum, on which the share was chosen,
# leaving them out brings ROUGE-1 from 16.9 to 24.9 (benchmarks/extractive.py).
_COMMON_SHARE = 0.03
_COMMON_AT_LEAST = 5


def term_rows(sentences: Sequence[Sequence[str]]) -> list[Row]:
    """Weigh the terms of each sentence by sublinear TF-IDF.

    Left out are stop words of the language that the terms seem to be in, single letters, and
    terms in more than 3 % of the sentences (but in at least 5).

    Args:
        sentences: The terms of each (see `minikit.text.words.terms`).

    Returns:
        A row a sentence, in the same order.
    """
    dropped = _stop_terms(Counter(chain.from_iterable(sentences)))
    counts = [Counter(term for term in terms if term not in dropped) for terms in sentences]
    spread = Counter(term for count in counts for term in count)
    common = max(_COMMON_AT_LEAST, _COMMON_SHARE * len(sentences))
    idf = {term: math.log1p(len(sentences) / n) for term, n in spread.items() if n <= common}
    numbers = {term: number for number, term in enumerate(idf)}
    return [_row(count, idf, numbers) for count in counts]


def rank(rows: Sequence[Row]) -> list[float]:
    """Return the TextRank of each row, scaled so that the highest is 1; empty rows get 0."""
    graph = _Graph.of(rows)
    degrees = [max(degree, 1e-9) for degree in graph.neighbours([1.0] * len(rows))]
    ranks = [1.0] * len(rows)
    for _ in range(_ITERATIONS):
        given = [own / degree for own, degree in zip(ranks, degrees, strict=True)]
        ranks = [1 - _DAMPING + _DAMPING * got for got in graph.neighbours(given)]
    ranks = [own if row[0] else 0.0 for own, row in zip(ranks, rows, strict=True)]
    highest = max(ranks, default=0.0) or 1.0
    return [own / highest for own in ranks]


def _stop_terms(frequencies: Counter[str]) -> set[str]:
    stops = stop_words(guess_language(frequencies))
    letters = {stop for stop in stops if len(stop) == 1}
    return {
        term for term in frequencies if len(term) == 1 or term in stops or _joins(term, letters)
    }


def _joins(term: str, letters: set[str]) -> bool:
    """Tell whether `term` is two characters of an unspaced script that are stop words each."""
    return len(term) == 2 and term[0] >= "\u0e00" and term[0] in letters and term[1] in letters


def _row(count: Counter[str], idf: dict[str, float], numbers: dict[str, int]) -> Row:
    weights = {
        numbers[term]: (1 + math.log(n)) * idf[term] for term, n in count.items() if term in idf
    }
    length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    return list(weights), [weight / length for weight in weights.values()]


@dataclass(frozen=True, slots=True)
class _Graph:
    """The graph as M and M', without terms of a single sentence, which join it to none."""

    rows: Sequence[Row]
    columns: Sequence[Row]
    loops: Sequence[float]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Graph:
        columns: defaultdict[int, Row] = defaultdict(lambda: ([], []))
        for number, row in enumerate(rows):
            for term, weight in zip(*row, strict=True):
                sentences, weights = columns[term]
                sentences.append(number)
                weights.append(weight)
        shared = {term: column for term, column in columns.items() if len(column[0]) > 1}
        numbers = {term: number for number, term in enumerate(shared)}
        kept: list[Row] = []
        for row in rows:
            pairs = [(numbers[n], weight) for n, weight in zip(*row, strict=True) if n in numbers]
            kept.append(([number for number, _ in pairs], [weight for _, weight in pairs]))
        loops = [sum(map(mul, weights, weights)) for _, weights in kept]
        return cls(kept, list(shared.values()), loops)

    def neighbours(self, given: Sequence[float]) -> list[float]:
        """Return for each row the sum of what the others give, weighted by cosine."""
        back = zip(
            _product(self.rows, _product(self.columns, given)), self.loops, given, strict=True
        )
        return [max(0.0, got - loop * amount) for got, loop, amount in back]


def _product(matrix: Sequence[Row], vector: Sequence[float]) -> list[float]:
    at = vector.__getitem__
    return [sum(map(mul, weights, map(at, numbers))) for numbers, weights in matrix]
