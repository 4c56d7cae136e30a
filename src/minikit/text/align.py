"""Where a text says what a model quotes from it, and whether it does.

A quote and the text are compared as they are when normalized (see `minikit.text.normalize`): word
for word first, then nearly. What is nearly the same may still say something else, so a quote with
another number, another name or another negation than the source is no quote of it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from minikit.text.document import Span
from minikit.text.misquote import adds_words, denies, is_misquote
from minikit.text.normalize import UNSPACED, Normalized
from minikit.text.quotation import Quotation, Wording
from minikit.text.words import count_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Alignment", "QuoteFinder", "QuoteVerdict"]

QuoteVerdict = Literal["found", "fuzzy", "misattributed", "spliced", "fabricated"]

_THRESHOLD = 90.0  # how alike is nearly the same
_SUBSTANTIAL = 4  # words of what proves something wherever it stands

# Part of a quote may be less like its passage than the whole: words were left out or added there.
_PROBE_CUTOFF = 80.0
# At worst, in a text that repeats itself, rapidfuzz takes a time quadratic in the probe; so it does
# when whole quotes are compared.
_PROBE = 128
_LONGEST = 20_000

_REACH = 2_000  # characters that an ellipsis stands for at most,
_REACH_PER_LETTER = 50  # and fewer where a piece is short
_HIDDEN = 5  # words within which a negation belongs to what stands around an ellipsis
_MOST_PIECES = 16
_MOST_MISSED = 0.1  # of a spliced quote may stand nowhere
_NEAR = 12  # characters between pieces that stand together
_TRIES = 1_000  # occurrences that are looked at

_JOINED = rf"[^\W_{UNSPACED}]"
_TOKEN = re.compile(rf"{_JOINED}+(?:'{_JOINED}+)*|[{UNSPACED}]")
# A quote does not begin or end within a word or a number, nor after the sign of one.
_START = re.compile(rf"(?=[^\W_])(?<!{_JOINED})(?<!{_JOINED}')(?<!\d[.,])|(?=[{UNSPACED}])")
_END = re.compile(rf"(?<={_JOINED})(?!'?{_JOINED}|[.,]\d)|(?<=[{UNSPACED}])")
_CUT_BEFORE = re.compile(rf"{_JOINED}['’]?{_JOINED}\Z|\d[.,]\d\Z|(?:\A|[\s(])[-−]\d\Z")
_CUT_AFTER = re.compile(rf"{_JOINED}['’]?{_JOINED}|\d[.,]\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """What came of holding a quote against a text.

    Attributes:
        verdict: "found" (word for word), "fuzzy" (nearly), "misattributed" (either, but elsewhere
            than claimed), "spliced" (joined of what stands apart) or "fabricated".
        spans: Where its pieces stand, in the order of the quote; several where it is spliced or an
            ellipsis leaves something out, () where it is fabricated.
        score: How alike the quote and the spans are, 0 to 100: of the least alike of several
            pieces; of a spliced quote the share that stands in the text. Of a fabricated quote, how
            alike the passage is that it changes the facts of, else 0.
    """

    verdict: QuoteVerdict
    spans: tuple[Span, ...]
    score: float


@dataclass(frozen=True, slots=True)
class _Match:
    """A stretch of the normalized text that a quote, or a piece of it, is like."""

    start: int
    end: int
    score: float = 100.0
    is_true: bool = True


class QuoteFinder:
    """Finds in a text what is quoted from it.

    The text is normalized once, when the first quote is looked for.
    """

    def __init__(self, text: str) -> None:
        """Take the text that is quoted, which may be any str."""
        self._source = text

    def align(self, quote: str, within: Span | None = None) -> Alignment:
        """Find `quote` in the text, and tell whether it is one.

        Args:
            quote: What a model says stands there; any str. Quotation marks around it, the label of
                a speaker before it ("Professor E:") and a last full stop need not be there. "..."
                or "[…]" in it stand for words left out.
            within: The part of the text that it is said to come from; None for all of it.

        Returns:
            The first verdict of these that is true:

            - "found" or "fuzzy": it stands in the part, word for word but for what normalizing
              leaves out, or at least 90 % alike with the same facts (see
              `minikit.text.misquote`). Of equal passages the first. With an ellipsis, its pieces
              stand there in order, each within 2,000 characters of the one before.
            - "misattributed": the same, elsewhere in the text, for quotes of four words or more.
            - "spliced": nine tenths of it are pieces of four words or more that stand word for
              word in the text, but not together.
            - "fabricated": all else, and what proves nothing: fewer than two words or four letters
              (two characters of a script without spaces are a word).

            A quote longer than 20,000 characters is found only word for word.
        """
        wanted = Quotation.of(quote)
        if not wanted.whole.proves:
            return Alignment(verdict="fabricated", spans=(), score=0.0)
        everything = (0, len(self._normal.text))
        part = everything if within is None else self._normal.locate(within)
        here = self._place(wanted, *part)
        if _are_true(here):
            return self._alignment("found" if _score(here) == 100 else "fuzzy", here)
        elsewhere = part != everything and wanted.said.has_words(_SUBSTANTIAL)
        there = self._place(wanted, *everything) if elsewhere else []
        if _are_true(there):
            return self._alignment("misattributed", there)
        if here or there:
            score = max(map(_score, filter(None, (here, there))))
            return Alignment(verdict="fabricated", spans=(), score=score)
        return self._spliced(wanted.said.bare, *part)

    @cached_property
    def _normal(self) -> Normalized:
        return Normalized(self._source)

    def _alignment(self, verdict: QuoteVerdict, matches: Sequence[_Match]) -> Alignment:
        spans = tuple(self._normal.span(match.start, match.end) for match in matches)
        return Alignment(verdict=verdict, spans=spans, score=_score(matches))

    def _place(self, quote: Quotation, low: int, high: int) -> list[_Match]:
        """Find a quote between two offsets; what is found may not be true."""
        for words in quote.wordings():
            if match := self._exactly(words, low, high):
                return [match]
        if matches := self._in_order(quote.pieces, low, high):
            return matches
        match = self._nearly(quote.said, low, high)
        return [match] if match else []

    def _exactly(self, words: str, low: int, high: int) -> _Match | None:
        for start in _occurrences(self._normal.text, words, low, high):
            end = start + len(words)
            span = self._normal.span(start, end)
            before = self._source[max(0, span.start - 2) : span.start + 1]
            after = self._source[span.end - 1 : span.end + 2]
            if not _CUT_BEFORE.search(before) and not _CUT_AFTER.match(after):
                return _Match(start, end)
        return None

    def _nearly(self, wording: Wording, low: int, high: int) -> _Match | None:
        from rapidfuzz import fuzz

        words = wording.bare
        if len(words) > _LONGEST or not wording.has_words(_SUBSTANTIAL):
            return None
        text = self._normal.text[low:high]
        best = None
        for at in _probes(len(words)):
            probe = words[at : at + _PROBE]
            hit = fuzz.partial_ratio_alignment(probe, text, score_cutoff=_PROBE_CUTOFF)
            if hit:
                near = low + hit.dest_start - hit.src_start - at
                match = self._fit(wording, near, low, high)
                if match and match.is_true:
                    return match
                best = best or match
        return best

    def _fit(self, wording: Wording, near: int, low: int, high: int) -> _Match | None:
        """Find the whole words that a quote is most like, which begin near an offset."""
        from rapidfuzz import fuzz

        text, words = self._normal.text, wording.bare
        slack = len(words) // 8 + 16
        head, tail = words[:_PROBE], words[-_PROBE:]
        start = max(
            _places(_START, text, max(low, near - slack), min(high, near + slack)),
            key=lambda at: fuzz.ratio(head, text[at : at + len(head)]),
            default=high,
        )
        far = start + len(words)
        most = len(tail) if len(tail) < len(words) else high  # of characters before an end
        end = max(
            _places(_END, text, max(start, far - slack), min(high, far + slack)),
            key=lambda at: fuzz.ratio(tail, text[max(start, at - most) : at]),
            default=start,
        )
        passage = text[start:end]
        score = fuzz.ratio(words, passage)
        if score < _THRESHOLD or adds_words(words, passage):
            return None
        span = self._normal.span(start, end)
        source = self._source[span.start : span.end]
        return _Match(start, end, score, not is_misquote(wording.raw, source, stands=self._stands))

    def _stands(self, word: str) -> bool:
        """Tell whether a word stands in the source, with these very letters."""
        return any(
            not _CUT_BEFORE.search(self._source[max(0, at - 1) : at + 1])
            and not _CUT_AFTER.match(self._source[at + len(word) - 1 : at + len(word) + 1])
            for at in _occurrences(self._source, word, 0, len(self._source))
        )

    def _in_order(self, pieces: Sequence[Wording], low: int, high: int) -> list[_Match]:
        """Find pieces one after the other; [] if one is not there, or a negation is left out."""
        anchor = max(pieces, key=lambda piece: len(piece.bare), default=None)
        match = self._piece(anchor, low, high) if anchor and anchor.proves else None
        if not anchor or not match:
            return []
        at = pieces.index(anchor)
        matches = [match]
        for piece in pieces[at + 1 :]:
            after = matches[-1].end
            if not (match := self._piece(piece, after, min(high, after + _reach(piece)))):
                return []
            matches.append(match)
        for piece in reversed(pieces[:at]):
            before = matches[0].start
            if not (match := self._piece(piece, max(low, before - _reach(piece)), before)):
                return []
            matches.insert(0, match)
        gaps = (self._normal.text[one.end : two.start] for one, two in pairwise(matches))
        return [] if any(count_words(gap) <= _HIDDEN and denies(gap) for gap in gaps) else matches

    def _piece(self, piece: Wording, low: int, high: int) -> _Match | None:
        if not piece.proves and denies(piece.raw):
            return None
        match = self._exactly(piece.bare, low, high) or self._nearly(piece, low, high)
        return match if match and match.is_true else None

    def _spliced(self, words: str, low: int, high: int) -> Alignment:
        """Tell whether a quote that stands nowhere is made of pieces that stand apart."""
        matches: list[_Match] = []
        pieces = self._pieces(words)
        for piece in pieces:
            after = matches[-1].end if matches else low
            match = (
                self._exactly(piece, after, after + _REACH)
                or self._exactly(piece, low, high)
                or self._exactly(piece, 0, len(self._normal.text))
            )
            if match and matches and 0 <= match.start - after <= _NEAR:
                match = _Match(matches.pop().start, match.end)
            matches += [match] if match else []
        if len(matches) < 2:
            return Alignment(verdict="fabricated", spans=(), score=0.0)
        spans = tuple(self._normal.span(match.start, match.end) for match in matches)
        score = 100.0 * sum(map(len, pieces)) / len(words)
        return Alignment(verdict="spliced", spans=spans, score=score)

    def _pieces(self, words: str) -> list[str]:
        """Part a quote into the fewest pieces that stand in the text; [] where too few do."""
        if len(words) > _LONGEST:
            return []
        pieces: list[str] = []
        tokens = [token.span() for token in _TOKEN.finditer(words)]
        at = missed = 0
        while at < len(tokens):
            end = self._longest(words, tokens, at)
            if end > at:
                pieces.append(words[tokens[at][0] : tokens[end - 1][1]])
            else:
                missed += tokens[at][1] - tokens[at][0]
                end += 1
            at = end
            if missed > _MOST_MISSED * len(words) or len(pieces) > _MOST_PIECES:
                return []
        return pieces

    def _longest(self, words: str, tokens: Sequence[tuple[int, int]], at: int) -> int:
        """Return after which token the longest piece ends that begins at one; `at` if none does."""

        def is_missing(end: int) -> bool:
            return not self._exactly(words[start : tokens[end - 1][1]], 0, len(self._normal.text))

        start = tokens[at][0]
        for end in range(at + 1, min(at + 2 * _SUBSTANTIAL, len(tokens)) + 1):
            if count_words(words[start : tokens[end - 1][1]]) >= _SUBSTANTIAL:
                ends = range(end, len(tokens) + 1)
                found = 0 if is_missing(end) else bisect_left(ends, True, key=is_missing)
                return ends[found - 1] if found else at
        return at


def _occurrences(text: str, words: str, low: int, high: int) -> Iterator[int]:
    """Yield where `words` stand between two offsets, not too often."""
    at = text.find(words, low, high)
    for _ in range(_TRIES):
        if at < 0:
            return
        yield at
        at = text.find(words, at + 1, high)


def _probes(length: int) -> list[int]:
    """Return where the probes of a quote begin: all of it, or its start, middle and end."""
    last = max(0, length - _PROBE)
    return sorted({0, last // 2, last})


def _places(pattern: re.Pattern[str], text: str, low: int, high: int) -> list[int]:
    """Return the offsets from `low` to `high` that `pattern` matches, which sees two beyond."""
    return [at for match in pattern.finditer(text, low, high + 2) if (at := match.start()) <= high]


def _reach(piece: Wording) -> int:
    return len(piece.bare) + min(_REACH, _REACH_PER_LETTER * len(piece.bare))


def _are_true(matches: Sequence[_Match]) -> bool:
    return bool(matches) and all(match.is_true for match in matches)


def _score(matches: Sequence[_Match]) -> float:
    return min(match.score for match in matches)
