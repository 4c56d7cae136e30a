"""Which passages of a text a sentence rests on, told without a model: BM25 in two steps.

First the text is searched in pieces of some forty words, of which only the terms of the sentences
are kept; then the best places are cut into sentences, and windows of whole sentences are weighed.
So a book costs little more than finding its words. (Robertson and Zaragoza, The Probabilistic
Relevance Framework: BM25 and Beyond, 2009.)
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from heapq import nsmallest
from typing import TYPE_CHECKING

from minikit.text.document import Span
from minikit.text.stopwords import guess_language, stop_words
from minikit.text.units import units
from minikit.text.verbatim import Match, Verbatim
from minikit.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from minikit.text.units import Unit

__all__ = ["Match", "Studied", "attribute", "evidence"]

# Chosen on the meetings of benchmarks/grounding.py, where neighbouring values do as well within
# the noise. With the least score, sentences of true summaries find a passage and nearly half of
# those that tell of another meeting do not.
_K1 = 1.2
_B = 0.5
_USUAL_WORDS = 40
_LEAST_SCORE = 15.0
_STEM = 7  # what inflects does so at the end: seven letters stand for a word
_PLACES = 2  # looked at for each passage that is wanted
_MOST_WORDS = 80
_EVIDENCE_WORDS = 40
_EVIDENCE_TERMS = 3  # of what shares fewer with a sentence, half stands elsewhere than it should
_QUARTERS = 4

_PIECE = re.compile(r"[\s\S]{1,240}(?!\w)|[\s\S]{1,240}")
_AROUND = 800  # characters beside a place, so that its sentences are seen whole
_SAMPLE = 5_000


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
    index = _Index.over(text, [Span(0, len(text))] if spans is None else spans, sentences)
    verbatim = Verbatim(text, index.pieces)
    found: list[tuple[Match, ...]] = []
    for sentence in sentences:
        exact = verbatim.find(sentence)
        likest = index.matches(sentence, most, _MOST_WORDS)
        found.append(tuple(_apart([*exact, *likest], most)))
    return found


@dataclass(frozen=True, slots=True)
class Studied:
    """What of a part of a text can be known before its summary is there: nearly all of the work.

    Attributes:
        within: The part, within the text.
        pieces: Where its pieces stand, and the stems of each.
        sentences: Its sentences, and the stems of each, in order.
    """

    within: Span
    pieces: list[tuple[tuple[int, int], frozenset[str]]]
    sentences: list[tuple[Unit, list[str]]]

    @classmethod
    def of(cls, source: str, within: Span) -> Studied:
        """Study a part of `source`; time and memory are linear in its length."""
        (within,) = _joined([within], len(source))
        part = source[within.start : within.end]
        return cls(
            within,
            [
                (piece.span(), frozenset(_stems(terms(piece[0]))))
                for piece in _PIECE.finditer(source, within.start, within.end)
            ],
            [
                (_moved(unit, within.start), _stems(terms(part[unit.start : unit.end])))
                for unit in units(part)
            ],
        )

    def around(self, place: Span) -> list[tuple[Unit, list[str]]]:
        """Return the sentences that stand at a place, if only in part."""
        first = bisect_right(self.sentences, place.start, key=lambda each: each[0].end)
        last = bisect_left(self.sentences, place.end, key=lambda each: each[0].start)
        return self.sentences[first:last]


def evidence(
    text: str,
    source: str,
    within: Span,
    *,
    max_characters: int,
    studied: Studied | None = None,
) -> tuple[Span, ...]:
    """Find the sentences of a part of `source` that best back its summary `text`.

    Each sentence of the summary names the passage of at most 40 words (or one longer sentence)
    that is most like it, if that shares three terms with it; one that stands in the part word for
    word is its own evidence and names none. Where not all fit, each quarter of the part has its
    share.

    Args:
        text: The summary of `source[within.start : within.end]`.
        source: Any str.
        within: The part.
        max_characters: Limit of the passages' length in total, in code points.
        studied: `Studied.of(source, within)`, if there has been time for it.

    Returns:
        Where they stand, in the order of the source, without white space around them; they do not
        overlap.
    """
    sentences = [text[unit.start : unit.end] for unit in units(text)]
    index = _Index.of(source, studied or Studied.of(source, within), sentences)
    verbatim = Verbatim(source, index.pieces)
    found = [
        match
        for each in sentences
        if not verbatim.find(each)
        for match in index.matches(each, 1, _EVIDENCE_WORDS, least_terms=_EVIDENCE_TERMS)
    ]
    found.sort(key=lambda match: (-match.score, match.span))
    left = [match.span for match in _apart(found, len(found))]
    chosen: set[Span] = set()
    for share in range(1, _QUARTERS + 1):
        low, high = (len(within) * each // _QUARTERS for each in (share - 1, share))
        pool = [span for span in left if low <= span.start - within.start < high]
        chosen |= _fitting(pool, max_characters * share // _QUARTERS, chosen)
    return tuple(sorted(chosen | _fitting(left, max_characters, chosen)))


def _fitting(spans: Iterable[Span], limit: int, chosen: set[Span]) -> set[Span]:
    """Return the first of `spans` that fit into the limit, with what is chosen already."""
    fitting: set[Span] = set()
    room = limit - sum(map(len, chosen))
    for span in spans:
        if span not in chosen and len(span) <= room:
            fitting.add(span)
            room -= len(span)
    return fitting


def _apart(matches: Iterable[Match], most: int) -> list[Match]:
    """Return the first `most` that do not overlap."""
    chosen: list[Match] = []
    for match in matches:
        if len(chosen) == most:
            break
        if not any(_overlap(match.span, each.span) for each in chosen):
            chosen.append(match)
    return chosen


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _stems(words: Iterable[str]) -> list[str]:
    """Return what of each word does not inflect; names with digits differ by their ends."""
    return [stem if (stem := word[:_STEM]).isalpha() else word for word in words]


@dataclass(frozen=True, slots=True)
class _Index:
    """Where in a text the terms of some sentences stand.

    Attributes:
        text: The text.
        stretches: What of it was searched: in order, apart.
        stops: Terms that say nothing.
        pieces: Where the pieces stand, in order; those of a stretch touch.
        postings: The numbers of the pieces that hold each term, in order.
        seen: The sentences at the places that were looked at, with their stems: in a short text
            most sentences are looked for at the same few.
        studied: The one stretch that is searched, where all its sentences are known.
    """

    text: str
    stretches: Sequence[Span]
    stops: frozenset[str]
    pieces: list[tuple[int, int]]
    postings: dict[str, list[int]]
    seen: dict[Span, list[tuple[Unit, list[str]]]]
    studied: Studied | None = None

    @classmethod
    def of(cls, text: str, studied: Studied, sentences: Sequence[str]) -> _Index:
        stretches = [studied.within]
        stops = _stop_words(text, stretches, sentences)
        index = cls(text, stretches, stops, [], {}, {}, studied)
        wanted = {term for sentence in sentences for term in index.query(sentence)}
        for span, stems in studied.pieces:
            index._add(span, wanted & stems)
        return index

    @classmethod
    def over(cls, text: str, spans: Sequence[Span], sentences: Sequence[str]) -> _Index:
        stretches = _joined(spans, len(text))
        index = cls(text, stretches, _stop_words(text, stretches, sentences), [], {}, {})
        wanted = {term for sentence in sentences for term in index.query(sentence)}
        for stretch in stretches:
            for piece in _PIECE.finditer(text, stretch.start, stretch.end):
                index._add(piece.span(), wanted.intersection(_stems(terms(piece[0]))))
        return index

    def _add(self, piece: tuple[int, int], held: Iterable[str]) -> None:
        for term in held:
            self.postings.setdefault(term, []).append(len(self.pieces))
        self.pieces.append(piece)

    def query(self, sentence: str) -> list[str]:
        """Return the terms of `sentence` that say something, each once."""
        telling = (term for term in terms(sentence) if len(term) > 1 and term not in self.stops)
        return list(dict.fromkeys(_stems(telling)))

    def matches(
        self, sentence: str, most: int, most_words: int, *, least_terms: int = 1
    ) -> list[Match]:
        """Return passages that are like `sentence`, the best first; they do not overlap.

        Each shares at least so many terms with it.
        """
        weights = {term: self._weight(term) for term in self.query(sentence)}
        total = sum(weights.values())
        known = {term: weights[term] / total for term in weights if term in self.postings}
        found = [
            (-score, start, end)
            for place in self._places(known, _PLACES * most)
            for score, shared, start, end in self._windows(place, known, most_words)
            if score >= _LEAST_SCORE and shared >= least_terms
        ]
        best_first = (
            Match(span=Span(start, end), score=min(99.0, -score))
            for score, start, end in sorted(found)
        )
        return _apart(best_first, most)

    def _weight(self, term: str) -> float:
        """Return the inverse document frequency; a term that never stands counts as a rare one."""
        return math.log1p(len(self.pieces) / len(self.postings.get(term, [0])))

    def _places(self, weights: Mapping[str, float], most: int) -> list[Span]:
        """Return the best places: two pieces that touch, or one."""
        scores: defaultdict[int, float] = defaultdict(float)
        for term, weight in weights.items():
            held = self.postings[term]
            for number in {*held, *(each + 1 for each in held if self._goes_on(each))}:
                scores[number] += weight
        best = nsmallest(3 * most, scores, key=lambda number: (-scores[number], number))
        places: list[Span] = []
        for place in map(self._place, best):
            if len(places) < most and not any(_overlap(place, each) for each in places):
                places.append(place)
        return places

    def _goes_on(self, number: int) -> bool:
        after = self.pieces[number + 1 : number + 2]
        return bool(after) and after[0][0] == self.pieces[number][1]

    def _place(self, last: int) -> Span:
        first = last - 1 if last and self._goes_on(last - 1) else last
        return Span(self.pieces[first][0], self.pieces[last][1])

    def _windows(
        self, place: Span, weights: Mapping[str, float], most_words: int
    ) -> Iterator[tuple[float, int, int, int]]:
        """Yield score, terms, start and end of the windows of sentences at a place."""
        found = [
            (unit, Counter(filter(weights.__contains__, stems)))
            for unit, stems in self._sentences(place)
        ]
        for number, (first, held) in enumerate(found):
            counts: Counter[str] = Counter()
            words = 0
            # A window begins and ends with a sentence that holds a term.
            for unit, more in found[number:] if held else []:
                words += unit.words
                if counts and words > most_words:
                    break
                counts.update(more)
                if more:
                    yield _score(counts, weights, words), len(counts), first.start, unit.end

    def _sentences(self, place: Span) -> list[tuple[Unit, list[str]]]:
        """Return the sentences that stand at a place, if only in part, and the stems of each."""
        if self.studied:
            return self.studied.around(place)
        if place not in self.seen:
            self.seen[place] = [
                (unit, _stems(terms(self.text[unit.start : unit.end])))
                for unit in self._units(place)
            ]
        return self.seen[place]

    def _units(self, place: Span) -> list[Unit]:
        number = bisect_right(self.stretches, place.start, key=lambda stretch: stretch.start) - 1
        start = max(self.stretches[number].start, place.start - _AROUND)
        end = min(self.stretches[number].end, place.end + _AROUND)
        found = (_moved(unit, start) for unit in units(self.text[start:end]))
        return [unit for unit in found if unit.end > place.start and unit.start < place.end]


def _moved(unit: Unit, by: int) -> Unit:
    return replace(unit, start=by + unit.start, end=by + unit.end)


def _joined(spans: Sequence[Span], length: int) -> list[Span]:
    """Return what `spans` cover of a text, in order, those that touch joined."""
    joined: list[Span] = []
    for span in sorted(spans):
        start, end = min(span.start, length), min(span.end, length)
        if joined and start <= joined[-1].end:
            start, end = joined[-1].start, max(end, joined.pop().end)
        joined.append(Span(start, end))
    return joined


def _stop_words(text: str, stretches: Sequence[Span], sentences: Sequence[str]) -> frozenset[str]:
    """Return the stop words of the language that the sentences and the text seem to be in."""
    frequencies = Counter(term for sentence in sentences for term in terms(sentence))
    for stretch in stretches[:1]:
        frequencies.update(terms(text[stretch.start : stretch.end][:_SAMPLE]))
    return stop_words(guess_language(frequencies))


def _score(counts: Mapping[str, int], weights: Mapping[str, float], words: int) -> float:
    norm = _K1 * (1 - _B + _B * words / _USUAL_WORDS)
    return 100 * sum(weights[term] * n * (_K1 + 1) / (n + norm) for term, n in counts.items())
