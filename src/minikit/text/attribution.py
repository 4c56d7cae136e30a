"""Which passages of a text a sentence rests on, told without a model: BM25 in two steps.

First the text is searched in pieces of some forty words, of which only the terms of the sentences
are kept; then the best places are cut into sentences, and windows of whole sentences are weighed.
So a book costs little more than finding its words. (Robertson and Zaragoza, The Probabilistic
Relevance Framework: BM25 and Beyond, 2009.)
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from minikit.text.document import Span
from minikit.text.stopwords import guess_language, stop_words
from minikit.text.units import units
from minikit.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Match", "attribute", "evidence"]

# Chosen on the meetings of benchmarks/grounding.py; neighbouring values do as well within the noise.
_K1 = 1.2
_B = 0.5
_USUAL_WORDS = 40
_STEM = 7  # what inflects does so at the end: seven letters stand for a word
_PLACES = 2  # looked at for each passage that is wanted
_MOST_WORDS = 80
_EVIDENCE_WORDS = 40
_LEAST_SCORE = 25.0

_PIECE = re.compile(r"[\s\S]{1,240}(?!\w)|[\s\S]{1,240}")
_MARGIN = 3  # pieces beside a place, so that its sentences are seen whole
_SAMPLE = 20_000
_BANDS = 4
_TRIES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A passage that is like a sentence.

    Attributes:
        span: Where it stands, without white space around it.
        score: How much of the sentence it holds, 0 to 100: the share of its terms, weighed by how
            rare they are in the text, less where the passage is long. 100 is for a passage that is
            the sentence, word for word.
    """

    span: Span
    score: float


def attribute(
    sentences: Sequence[str], text: str, *, spans: Sequence[Span] | None = None, most: int = 3
) -> list[tuple[Match, ...]]:
    """Find for each sentence the passages of `text` that are most like it.

    A passage is a sentence of the text, or several that follow each other, of at most 80 words
    unless one sentence is longer. A sentence that stands in the text word for word (white space
    apart) has that place first. The same arguments give the same passages. Time and memory are
    linear in the length of `text`, whatever it holds.

    Args:
        sentences: What to look for; any strs, in the language of the text.
        text: Any str, in any script.
        spans: The stretches of `text` that passages may stand in; None for all of it.
        most: Passages for each sentence; >= 1.

    Returns:
        For each sentence its passages, the best first; they do not overlap. () where none is like
        it in more than a few words.
    """
    stretches = _stretches([Span(0, len(text))] if spans is None else spans, len(text))
    index = _Index.over(text, stretches, sentences)
    verbatim = _Verbatim(text, stretches)
    found: list[tuple[Match, ...]] = []
    for sentence in sentences:
        exact = verbatim.find(sentence)
        likest = index.matches(sentence, most, _MOST_WORDS)
        found.append(tuple(_apart(chain(exact, likest), most)))
    return found


def evidence(text: str, source: str, within: Span, *, max_characters: int) -> tuple[Span, ...]:
    """Find the sentences of a part of `source` that best back its summary `text`.

    Each sentence of the summary names the passage of at most 40 words (or one longer sentence)
    that is most like it; where not all fit, each quarter of the part has its share.

    Args:
        text: The summary of `source[within.start : within.end]`.
        source: Any str.
        within: The part.
        max_characters: Limit of the passages' length in total, in code points.

    Returns:
        Where they stand, in the order of the source, without white space around them; they do not
        overlap.
    """
    sentences = [text[unit.start : unit.end] for unit in units(text)]
    stretches = _stretches([within], len(source))
    index = _Index.over(source, stretches, sentences)
    found = [match for each in sentences for match in index.matches(each, 1, _EVIDENCE_WORDS)]
    found.sort(key=lambda match: (-match.score, match.span))
    chosen: list[Match] = []
    room = 0
    for band in range(_BANDS + 1):
        low, high = (len(within) * each // _BANDS + within.start for each in (band, band + 1))
        room = min(max_characters, max_characters * (band + 1) // _BANDS)
        for match in found:
            if band < _BANDS and not low <= match.span.start < high:
                continue
            used = sum(len(each.span) for each in chosen)
            if used + len(match.span) <= room and not any(_overlap(match, each) for each in chosen):
                chosen.append(match)
    return tuple(sorted(match.span for match in chosen))


def _stretches(spans: Sequence[Span], length: int) -> list[Span]:
    """Return what `spans` cover of a text, in order, those that touch joined."""
    joined: list[Span] = []
    for span in sorted(spans):
        start, end = min(span.start, length), min(span.end, length)
        if joined and start <= joined[-1].end:
            start, end = joined[-1].start, max(end, joined.pop().end)
        joined.append(Span(start, end))
    return joined


def _apart(matches: Iterable[Match], most: int) -> list[Match]:
    """Return the first `most` that do not overlap."""
    chosen: list[Match] = []
    for match in matches:
        if len(chosen) < most and not any(_overlap(match, each) for each in chosen):
            chosen.append(match)
    return chosen


def _overlap(one: Match, other: Match) -> bool:
    return one.span.start < other.span.end and other.span.start < one.span.end


def _stems(text: str) -> list[str]:
    return [term[:_STEM] for term in terms(text)]


@dataclass(slots=True)
class _Index:
    """Where in a text the terms of some sentences stand.

    Attributes:
        text: The text.
        stretches: What of it was searched.
        stops: Terms that say nothing.
        pieces: Start and end of the pieces, in order.
        postings: The numbers of the pieces that hold each term, in order.
    """

    text: str
    stretches: Sequence[Span]
    stops: frozenset[str]
    pieces: list[tuple[int, int]]
    postings: dict[str, list[int]]

    @classmethod
    def over(cls, text: str, stretches: Sequence[Span], sentences: Sequence[str]) -> _Index:
        index = cls(text, stretches, _stop_words(text, stretches, sentences), [], {})
        wanted = {term for sentence in sentences for term in index.query(sentence)}
        for stretch in stretches:
            for piece in _PIECE.finditer(text, stretch.start, stretch.end):
                for term in wanted.intersection(_stems(piece[0])):
                    index.postings.setdefault(term, []).append(len(index.pieces))
                index.pieces.append(piece.span())
        return index

    def query(self, sentence: str) -> list[str]:
        """Return the terms of `sentence` that say something, each once."""
        telling = (term for term in terms(sentence) if len(term) > 1 and term not in self.stops)
        return list(dict.fromkeys(term[:_STEM] for term in telling))

    def matches(self, sentence: str, most: int, most_words: int) -> list[Match]:
        """Return passages for `sentence`, the best first, that do not overlap."""
        weights = {term: self._weight(term) for term in self.query(sentence)}
        total = sum(weights.values())
        weights = {term: weights[term] / total for term in weights if term in self.postings}
        found = [
            match
            for place in self._places(weights, _PLACES * most)
            for match in self._windows(place, weights, most_words)
            if match.score >= _LEAST_SCORE
        ]
        return _apart(sorted(found, key=lambda match: (-match.score, match.span)), most)

    def _weight(self, term: str) -> float:
        """Return the inverse document frequency; a term that never stands counts as a rare one."""
        return math.log1p(len(self.pieces) / len(self.postings.get(term, "1")))

    def _places(self, weights: Mapping[str, float], most: int) -> list[int]:
        """Return the numbers of the best pieces; each stands for itself and the one before."""
        scores: defaultdict[int, float] = defaultdict(float)
        for term, weight in weights.items():
            held = self.postings[term]
            for piece in {*held, *(number + 1 for number in held)}:
                scores[piece] += weight
        best: dict[int, None] = {}
        for piece in nsmallest(3 * most, scores, key=lambda piece: (-scores[piece], piece)):
            if piece - 1 not in best and piece + 1 not in best:
                best[piece] = None
        return list(best)[:most]

    def _windows(
        self, piece: int, weights: Mapping[str, float], most_words: int
    ) -> Iterator[Match]:
        """Yield the windows of sentences at a place that hold a term, with their scores."""
        found = [
            (start, end, words, Counter(filter(weights.__contains__, _stems(self.text[start:end]))))
            for start, end, words in self._sentences(piece)
        ]
        for number, (start, *_, held) in enumerate(found):
            counts: Counter[str] = Counter()
            words = 0
            for _, end, more_words, more in found[number:] if held else ():
                words += more_words
                if counts and words > most_words:
                    break
                counts.update(more)
                if more:
                    score = min(99.0, _score(counts, weights, words))
                    yield Match(span=Span(start, end), score=score)

    def _sentences(self, piece: int) -> list[tuple[int, int, int]]:
        """Return start, end and words of the sentences at a place."""
        last = len(self.pieces) - 1
        low, high = self.pieces[max(0, piece - 1)][0], self.pieces[min(last, piece)][1]
        stretch = self.stretches[bisect_right(self.stretches, low, key=lambda each: each.start) - 1]
        start = max(stretch.start, self.pieces[max(0, piece - 1 - _MARGIN)][0])
        end = min(stretch.end, self.pieces[min(last, piece + _MARGIN)][1])
        found = ((start + u.start, start + u.end, u.words) for u in units(self.text[start:end]))
        return [each for each in found if each[1] > low and each[0] < high]


def _score(counts: Mapping[str, int], weights: Mapping[str, float], words: int) -> float:
    norm = _K1 * (1 - _B + _B * words / _USUAL_WORDS)
    return 100 * sum(weights[term] * n * (_K1 + 1) / (n + norm) for term, n in counts.items())


def _stop_words(text: str, stretches: Sequence[Span], sentences: Sequence[str]) -> frozenset[str]:
    """Return the stop words of the language that the sentences and the text seem to be in."""
    frequencies = Counter(term for sentence in sentences for term in terms(sentence))
    for stretch in stretches[:1]:
        frequencies.update(terms(text[stretch.start : min(stretch.end, stretch.start + _SAMPLE)]))
    return stop_words(guess_language(frequencies))


class _Verbatim:
    """Finds a sentence word for word, white space apart."""

    def __init__(self, text: str, stretches: Sequence[Span]) -> None:
        self.text = text
        self.flat = "".join(chain.from_iterable(text[s.start : s.end].split() for s in stretches))
        self.stretches = stretches

    @cached_property
    def _runs(self) -> tuple[list[int], list[int]]:
        """Where the runs without white space start, in the flat text and in the text."""
        runs = [
            run.span() for s in self.stretches for run in _RUN.finditer(self.text, s.start, s.end)
        ]
        lengths = accumulate((end - start for start, end in runs), initial=0)
        return list(lengths), [start for start, _ in runs]

    def find(self, sentence: str) -> list[Match]:
        """Return the first place of `sentence`, if any."""
        flat = "".join(sentence.split())
        at = self.flat.find(flat) if flat else -1
        for _ in range(_TRIES):
            if at < 0:
                break
            span = Span(self._offset(at), self._offset(at + len(flat) - 1) + 1)
            if self._is_apart(span):
                return [Match(span=span, score=100.0)]
            at = self.flat.find(flat, at + 1)
        return []

    def _offset(self, at: int) -> int:
        """Return the offset in the text of a character of the flat text."""
        flat, starts = self._runs
        run = bisect_right(flat, at) - 1
        return starts[run] + at - flat[run]

    def _is_apart(self, span: Span) -> bool:
        """Tell whether `span` begins and ends with whole words."""
        before, after = self.text[: span.start][-1:], self.text[span.end : span.end + 1]
        return not (before.isalnum() and self.text[span.start].isalnum()) and not (
            after.isalnum() and self.text[span.end - 1].isalnum()
        )


_RUN = re.compile(r"\S+")
