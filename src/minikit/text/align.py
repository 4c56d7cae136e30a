"""Where a text says what a model quotes from it, and whether it does.

A quote and the text are compared as they are when normalized (see `minikit.text.normalize`): word
for word first, then nearly. What is nearly the same may still say something else, so a quote with
another number, another name or another negation than the source is no quote of it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Literal

from minikit.text.document import Span
from minikit.text.misquote import adds_notes, adds_words, denies, is_misquote
from minikit.text.normalize import JOINED, UNSPACED, Normalized
from minikit.text.quotation import (
    SUBSTANTIAL,
    Quotation,
    Wording,
    are_of_one,
    can_begin,
    can_end,
    label_of,
    may_be_joined,
)
from minikit.text.words import count_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Alignment", "QuoteFinder", "QuoteVerdict"]

QuoteVerdict = Literal["found", "fuzzy", "misattributed", "spliced", "fabricated"]

_THRESHOLD = 90.0  # how alike is nearly the same

# Part of a quote may be less like its passage than the whole: words were left out or added there.
_PROBE_CUTOFF = 80.0
# At worst, in a text that repeats itself, rapidfuzz takes a time quadratic in the probe; so it does
# when whole quotes are compared.
_PROBE = 128
_LONGEST = 20_000

_REACH = 2_000  # characters that an ellipsis stands for at most,
_REACH_PER_LETTER = 50  # and fewer where a piece is short
_MOST_PIECES = 16
_MOST_MISSED = 0.1  # of a spliced quote may stand nowhere
_NEAR = 12  # characters between pieces that stand together
_MOVED = 32  # characters by which the start or end of a passage may seem moved
_NOTE = 8  # characters after a passage in which a note may stand
_ANCHORS = 50  # occurrences of a piece around which the others are sought
_TRIES = 1_000  # occurrences that are looked at

_JOINING = re.compile(JOINED)
_TOKEN = re.compile(rf"{JOINED}+(?:'{JOINED}+)*|[{UNSPACED}]")
_START = re.compile(rf"(?<!{JOINED})(?=[^\W_])|(?=[{UNSPACED}])")
_END = re.compile(rf"(?<={JOINED})(?!{JOINED})|(?<=[{UNSPACED}])")


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
            quote: What a model says stands there; any str. Quotation marks around it, a last full
                stop and the label of a speaker ("Professor E:") need not be there, but the line
                may not begin with another label. "..." or "[…]" stand for words left out.
            within: The part of the text that it is said to come from; None for all of it.

        Returns:
            The first verdict of these that is true:

            - "found" or "fuzzy": it stands in the part, word for word but for what normalizing
              leaves out, or at least 90 % alike with the same facts (see
              `minikit.text.misquote`). Of equal passages the first. With an ellipsis, its pieces
              stand there in order, each within 2,000 characters of the one before, with no
              negation between them in a sentence; pieces of less than four words stand within 60
              characters, and the same sentence, of others.
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
        here = self._place(wanted, *part, nearly=True)
        if _are_true(here):
            return self._alignment(
                "found" if all(match.score == 100 for match in here) else "fuzzy", here
            )
        elsewhere = part != everything and wanted.said.has_words(SUBSTANTIAL)
        there = self._place(wanted, *everything, nearly=not here) if elsewhere else []
        if _are_true(there):
            return self._alignment("misattributed", there)
        changed = [*here, *there]
        spliced = self._spliced(wanted.said.bare, *part, is_changed=bool(changed))
        score = max((match.score for match in changed), default=0.0)
        return spliced or Alignment(verdict="fabricated", spans=(), score=score)

    @cached_property
    def _normal(self) -> Normalized:
        return Normalized(self._source)

    def _alignment(self, verdict: QuoteVerdict, matches: Sequence[_Match]) -> Alignment:
        spans = tuple(self._normal.span(match.start, match.end) for match in matches)
        return Alignment(verdict=verdict, spans=spans, score=min(match.score for match in matches))

    def _place(self, quote: Quotation, low: int, high: int, *, nearly: bool) -> list[_Match]:
        """Find a quote between two offsets; what is found may not be true."""
        exact = (self._exactly(words, low, high) for words in quote.wordings())
        match = next(filter(None, exact), None)
        matches = [match] if match else self._in_order(quote, low, high)
        if nearly and not matches and (match := self._nearly(quote.said, low, high)):
            matches = [match]
        is_true = self._is_kept(quote, matches)
        return matches if is_true else [replace(match, is_true=False) for match in matches]

    def _is_kept(self, quote: Quotation, matches: Sequence[_Match]) -> bool:
        """Tell whether what is left out of a quote to find it stands where it is found."""
        spans = [self._normal.span(match.start, match.end) for match in matches]
        passages = (self._source[span.start : span.end + _NOTE] for span in spans)
        return not adds_notes(quote.said.raw, " ".join(passages)) and not (
            quote.label and any(self._is_of_another(quote.label, span.start) for span in spans)
        )

    def _is_of_another(self, label: str, at: int) -> bool:
        """Tell whether the line around an offset begins with the label of another speaker."""
        line = self._source[max(0, at - _LONGEST) : at + 1].rpartition("\n")[2]
        speaker = label_of(line.lstrip())
        return bool(speaker) and not are_of_one(label, speaker)

    def _exactly(self, words: str, low: int, high: int) -> _Match | None:
        return next(self._matches(words, low, high), None)

    def _matches(self, words: str, low: int, high: int) -> Iterator[_Match]:
        """Yield where `words` stand between two offsets, not cut out of more."""
        for start in _occurrences(self._normal.text, words, low, high):
            end = start + len(words)
            span = self._normal.span(start, end)
            if can_begin(self._source, span.start) and can_end(self._source, span.end):
                yield _Match(start, end)

    def _nearly(self, wording: Wording, low: int, high: int) -> _Match | None:
        from rapidfuzz import fuzz

        words = wording.bare
        if len(words) > _LONGEST or not wording.has_words(SUBSTANTIAL):
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
        start = _beginning(text, words[:_PROBE], max(low, near - slack), min(high, near + slack))
        if start is None:
            return None
        far = start + len(words)
        end = _ending(text, words[-_PROBE:], max(start, far - slack), min(high, far + slack))
        if end is None:
            return None
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
            not _JOINING.fullmatch(self._source[max(0, at - 1) : at])
            and not _JOINING.match(self._source, at + len(word))
            for at in _occurrences(self._source, word, 0, len(self._source))
        )

    def _in_order(self, quote: Quotation, low: int, high: int) -> list[_Match]:
        """Find pieces one after the other; [] if one is not there, or a negation is left out."""
        pieces, counts = quote.pieces, [piece.words for piece in quote.pieces]
        longest = max(pieces, key=lambda piece: len(piece.bare), default=None)
        if longest is None or not longest.proves:
            return []
        at = pieces.index(longest)
        anchors = list(islice(self._matches(longest.bare, low, high), _ANCHORS))
        for anchor in anchors or filter(None, [self._nearly(longest, low, high)]):
            matches = self._around(anchor, pieces, at, low, high) if anchor.is_true else []
            gaps = [self._normal.text[one.end : two.start] for one, two in pairwise(matches)]
            if matches and may_be_joined(counts, gaps) and self._is_kept(quote, matches):
                return matches
        return []

    def _around(
        self, anchor: _Match, pieces: Sequence[Wording], at: int, low: int, high: int
    ) -> list[_Match]:
        """Find the pieces after and before the one at `at`, each in reach of its neighbour."""
        matches = {at: anchor}
        for number in (*range(at + 1, len(pieces)), *range(at - 1, -1, -1)):
            piece = pieces[number]
            if number > at:
                after = matches[number - 1].end
                match = self._piece(piece, after, min(high, after + _reach(piece)))
            else:
                before = matches[number + 1].start
                match = self._piece(piece, max(low, before - _reach(piece)), before)
            if not match:
                return []
            matches[number] = match
        return [matches[number] for number in range(len(pieces))]

    def _piece(self, piece: Wording, low: int, high: int) -> _Match | None:
        if not piece.proves and denies(piece.raw):
            return None
        match = self._exactly(piece.bare, low, high) or self._nearly(piece, low, high)
        return match if match and match.is_true else None

    def _spliced(self, words: str, low: int, high: int, *, is_changed: bool) -> Alignment | None:
        """Tell whether a quote is made of pieces that stand apart.

        Where a passage was found that a quote changes the facts of, its pieces must be all of it
        and twice as long: a few words with another number may stand anywhere by chance.
        """
        pieces = self._pieces(words, 0.0 if is_changed else _MOST_MISSED)
        if is_changed and any(count_words(piece) < 2 * SUBSTANTIAL for piece in pieces):
            return None
        matches: list[_Match] = []
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
            return None
        spans = tuple(self._normal.span(match.start, match.end) for match in matches)
        score = 100.0 * sum(map(len, pieces)) / len(words)
        return Alignment(verdict="spliced", spans=spans, score=score)

    def _pieces(self, words: str, missing: float) -> list[str]:
        """Part a quote into the fewest pieces that stand in the text.

        Returns:
            The pieces; [] where more than the share `missing` of the quote is in none, or they are
            too many.
        """
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
            if missed > missing * len(words) or len(pieces) > _MOST_PIECES:
                return []
        return pieces

    def _longest(self, words: str, tokens: Sequence[tuple[int, int]], at: int) -> int:
        """Return after which token the longest piece ends that begins at one; `at` if none does."""

        def is_missing(end: int) -> bool:
            return not self._exactly(words[start : tokens[end - 1][1]], 0, len(self._normal.text))

        start = tokens[at][0]
        for end in range(at + 1, min(at + 2 * SUBSTANTIAL, len(tokens)) + 1):
            if count_words(words[start : tokens[end - 1][1]]) >= SUBSTANTIAL:
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


def _beginning(text: str, head: str, low: int, high: int) -> int | None:
    """Return where a passage that begins like `head` does so, from `low` to `high`."""
    from rapidfuzz import fuzz
    from rapidfuzz.distance import Indel

    # The pattern looks one character ahead.
    found = (match.start() for match in _START.finditer(text, low, high + 1))
    starts = [at for at in found if at <= high]
    about = max(starts, key=lambda at: fuzz.ratio(head, text[at : at + len(head)]), default=low)
    # A word more or less may have moved that; of places that are as near the last.
    start = min(
        (at for at in reversed(starts) if abs(at - about) <= _MOVED),
        key=lambda at: Indel.distance(head, text[at : about + len(head)]),
        default=low,
    )
    return next((at for at in reversed(starts) if at <= start and can_begin(text, at)), None)


def _ending(text: str, tail: str, low: int, high: int) -> int | None:
    """Return where a passage that ends like `tail` does so, from `low` to `high`."""
    from rapidfuzz import fuzz
    from rapidfuzz.distance import Indel

    found = (match.start() for match in _END.finditer(text, low, high + 1))
    ends = [at for at in found if at <= high]
    about = max(
        ends, key=lambda at: fuzz.ratio(tail, text[max(0, at - len(tail)) : at]), default=high
    )
    end = min(
        (at for at in ends if abs(at - about) <= _MOVED),
        key=lambda at: Indel.distance(tail, text[max(0, about - len(tail)) : at]),
        default=high,
    )
    return next((at for at in ends if at >= end and can_end(text, at)), None)


def _reach(piece: Wording) -> int:
    return len(piece.bare) + min(_REACH, _REACH_PER_LETTER * len(piece.bare))


def _are_true(matches: Sequence[_Match]) -> bool:
    return bool(matches) and all(match.is_true for match in matches)
