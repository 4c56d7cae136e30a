"""TextRank over sentences without its graph: rank = M (M' rank), in plain Python, linear in length.

The graph that TextRank walks joins each two sentences by the cosine of their term vectors. With
the vectors as rows of M (length 1), the weighted sum over all neighbours is `M (M' x) - x`, so the
graph of n^2 edges is never built. (Mihalcea and Tarau, TextRank, EMNLP 2004; damping 0.85.)
"""

from __future__ import annotations

import math
from collections import Counter
from operator import mul
from typing import TYPE_CHECKING

from minikit.text.stopwords import guess_language, stop_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Row", "rank", "term_rows"]

Row = tuple[list[int], list[float]]
"""A sparse vector: numbers of its terms, and their weights; its length is 1, or it is empty."""

_ITERATIONS = 10
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
    dropped = _stop_terms(Counter(term for terms in sentences for term in terms))
    counts = [Counter(term for term in terms if term not in dropped) for terms in sentences]
    spread = Counter(term for count in counts for term in count)
    common = max(_COMMON_AT_LEAST, _COMMON_SHARE * len(sentences))
    idf = {term: math.log1p(len(sentences) / n) for term, n in spread.items() if n <= common}
    numbers = {term: number for number, term in enumerate(idf)}
    return [_row(count, idf, numbers) for count in counts]


def rank(rows: Sequence[Row]) -> list[float]:
    """Return the TextRank of each row, scaled so that the highest is 1; empty rows get 0."""
    degrees = [max(degree, 1e-9) for degree in _neighbours(rows, [1.0] * len(rows))]
    ranks = [1.0] * len(rows)
    for _ in range(_ITERATIONS):
        given = [own / degree for own, degree in zip(ranks, degrees, strict=True)]
        ranks = [1 - _DAMPING + _DAMPING * got for got in _neighbours(rows, given)]
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


def _neighbours(rows: Sequence[Row], given: Sequence[float]) -> Iterable[float]:
    """Return for each row the sum of what the others give, weighted by cosine: M (M' x) - x."""
    terms: dict[int, float] = {}
    for (numbers, weights), amount in zip(rows, given, strict=True):
        for number, weight in zip(numbers, weights, strict=True):
            terms[number] = terms.get(number, 0.0) + weight * amount
    at = terms.__getitem__
    return [
        max(0.0, sum(map(mul, weights, map(at, numbers))) - amount) if numbers else 0.0
        for (numbers, weights), amount in zip(rows, given, strict=True)
    ]
