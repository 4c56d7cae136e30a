"""Holding a summary against its source: its quotes, and what stands behind the rest of it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, groupby
from threading import Lock
from typing import TYPE_CHECKING

from minikit.jobs.points import Point, has_bare_mark, read_marks, unmarked
from minikit.jobs.provenance import Citation, Claim, weakest
from minikit.text.align import QuoteFinder
from minikit.text.attribution import Studied, attribute, evidence
from minikit.text.document import Span
from minikit.text.passage import Places
from minikit.text.sentences import GERMAN_MONTH
from minikit.text.stopwords import guess_language
from minikit.text.units import marker_length, units
from minikit.text.words import terms

if TYPE_CHECKING:
    from minikit.text.document import Document
    from minikit.text.units import Unit

__all__ = ["Grounds", "without_unsupported"]

CITATIONS_AT_MOST = 12
"""Of one sentence; a merge may name any number of points for it."""

_HEADING = re.compile(r"#{1,6}\s")
_LINES = ("#", "|")
_CLOSING = ".!?…。！？｡\"'”’»)]」』）"
_TAIL = 40
# "14." or "Wilhelm II."; an abbreviation before a number; what surely begins a sentence of its own.
_WITH_ORDINALS = frozenset({"cs", "da", "de", "et", "fi", "hr", "hu", "no", "pl", "sk", "sl", "tr"})
_ORDINAL = re.compile(r"(?<![\w.,])(?:\d{1,2}|([^\W\d_])\w*\s[IVXL]{1,6})\.\Z")
_ABBREVIATION = re.compile(
    r"(?<!\w)(?:abb|abs|approx|art|bd|bzw|ca|cap|cf|ch|chap|circa|eq|est|fig|figs|kap|max|min|nos?"
    r"|nr|núm|par|pp?|sec|sect|tab|vgl|vol|vols|vs|ziff)\.\Z",
    re.IGNORECASE,
)
_OPENER = re.compile(
    r"(?:a|an|at|he|her|his|i|in|its?|on|she|that|the|their|then|they|this|we"
    r"|am|das|dann|der|die|eine?|er|es|im|sie|und|wir|el|en|ils?|elles?|la|les?|los|une?)\b",
    re.IGNORECASE,
)
_WIDE_END = re.compile(r"[。！？｡][」』）”’]*\Z")


class Grounds:
    """Holds claims against one document; safe to use from several threads. CPU-bound."""

    def __init__(self, document: Document, index: int = 0) -> None:
        """Index the document, whose number among the sources is `index`."""
        self.document = document
        self._index = index
        self._finder = QuoteFinder(document.text)
        self._lock = Lock()
        self._evidence: dict[tuple[str, Span, int], list[str]] = {}
        self._studied: dict[Span, Studied] = {}

    @cached_property
    def places(self) -> Places:
        """The headings and pages of the document."""
        return Places(self.document, self._index)

    def quoted(
        self, points: Sequence[Point], within: Span, known: Sequence[Claim] = ()
    ) -> tuple[str, tuple[Claim, ...]]:
        """Return the text that `points` make, and its claims with what was found of their quotes.

        Args:
            points: What a model wrote.
            within: The part of the document that it was given.
            known: The claims that it was given beside; a point may take over some of them.
        """
        pieces, claims, length = [""], list[Claim](), 0
        for point in points:
            gap = _gap(pieces[-1], point.text)
            pieces += [gap, point.text]
            citations = [self._citation(quote, within) for quote in point.quotes]
            taken = _taken(point.points, known)
            claims.append(_claim(point.text, length + len(gap), [*taken, *citations]))
            length = claims[-1].end
        return "".join(pieces), self._backed(claims)

    def kept(self, written: str, known: Sequence[Claim]) -> tuple[str, tuple[Claim, ...]]:
        """Return `written` without the numbers of points, and its sentences with what they cite.

        A sentence without a number that repeats a point, or a sentence of one, word for word cites
        what the point does. Else it is unsupported, and the passages most like it are told.
        """
        is_copied = self._has_bare_marks or any(has_bare_mark(claim.text) for claim in known)
        marked = read_marks(written, 0 if is_copied else len(known))
        text = marked.text.strip()
        shift = marked.text.find(text)
        marks = [(min(max(0, at - shift), len(text)), found) for at, found in marked.marks]
        sentences = _sentences(text, [at for at, _ in marks])
        numbers = _recalled(text, _numbers(text, sentences, marks), known)
        claims = [
            _claim(text[each.start : each.end], each.start, _taken(numbers[each], known))
            for each in sentences
        ]
        return text, self._backed(claims)

    def attributed(self, text: str) -> tuple[Claim, ...]:
        """Return the sentences of `text` with the passages of the document most like them."""
        sentences = _sentences(text)
        claims = (
            Claim(
                text=text[at.start : at.end],
                start=at.start,
                end=at.end,
                citations=found,
                verdict=weakest(found),
            )
            for at, found in zip(
                sentences, self._likest([text[at.start : at.end] for at in sentences]), strict=True
            )
        )
        return tuple(claims)

    def evidence(self, text: str, within: Span, *, max_characters: int) -> list[str]:
        """Return the sentences of a part of the document that best back its summary `text`.

        They are remembered, so that they can be looked up before they are needed.
        """
        asked = (text, within, max_characters)
        if asked not in self._evidence:
            spans = evidence(
                text,
                self.document.text,
                within,
                max_characters=max_characters,
                studied=self._studied.pop(within, None),
            )
            self._evidence[asked] = [" ".join(self.document[span].split()) for span in spans]
        return self._evidence[asked]

    def study(self, within: Span) -> None:
        """Do what can be done of `evidence` before there is a summary; kept until it is asked."""
        self._studied[within] = Studied.of(self.document.text, within)

    @cached_property
    def _has_bare_marks(self) -> bool:
        """Whether the document itself holds numbers such as "[3]", which a model may copy."""
        return has_bare_mark(self.document.text)

    def _citation(self, quote: str, within: Span) -> Citation:
        with self._lock:
            found = self._finder.align(quote, within)
        return Citation(
            quote=quote,
            passages=self.places.passages(found.spans),
            verdict=found.verdict,
            score=found.score,
        )

    def _backed(self, claims: Sequence[Claim]) -> tuple[Claim, ...]:
        """Add the likest passages to claims that cite nothing; they stay unsupported."""
        bare = [index for index, claim in enumerate(claims) if not claim.citations]
        found = dict(zip(bare, self._likest([claims[index].text for index in bare]), strict=True))
        return tuple(
            replace(claim, citations=found.get(index, claim.citations))
            for index, claim in enumerate(claims)
        )

    def _likest(self, sentences: Sequence[str]) -> list[tuple[Citation, ...]]:
        if not sentences:
            return []
        matches = attribute(sentences, self.document.text)
        return [
            tuple(
                Citation(
                    quote="",
                    passages=(self.places.passage(match.span),),
                    verdict="attributed",
                    score=match.score,
                )
                for match in found
            )
            for found in matches
        ]


def without_unsupported(text: str, claims: Sequence[Claim]) -> tuple[str, tuple[Claim, ...]]:
    """Take the sentences out of `text` whose claims are not supported; the others keep theirs.

    A line of which nothing is left goes with its list mark; the other lines stay apart.
    """
    pieces, kept, length = list[str](), list[Claim](), 0
    ends = [*(claim.start for claim in claims), len(text)]
    between = text[: ends[0]]
    for claim, end in zip(claims, ends[1:], strict=True):
        after = text[claim.end : end]
        if not claim.is_supported:
            between = _closed(between, after, begins_line=not pieces or "\n" in between)
            continue
        start = length + len(between)
        length = start + len(claim.text)
        kept.append(replace(claim, start=start, end=length))
        pieces += [between, claim.text]
        between = after
    return "".join([*pieces, between]).rstrip(), tuple(kept)


def _closed(before: str, after: str, *, begins_line: bool) -> str:
    """Return what stands between two sentences once the one between `before` and `after` is out."""
    if after and "\n" not in after:  # its line goes on
        return before
    if not begins_line:
        return after
    line_start = before.rfind("\n") + 1
    mark = before[line_start:].lstrip()
    if marker_length(f"{mark}.") != len(mark):  # something else is left on its line
        return before.rstrip() + after
    following = after.lstrip()
    indent = after[: len(after) - len(following)].rpartition("\n")[2]
    return before[:line_start] + indent + following


def _taken(numbers: Sequence[int], known: Sequence[Claim]) -> list[Citation]:
    """Return the quotes of the points that `numbers` name, each once."""
    taken = [known[number - 1] for number in dict.fromkeys(numbers) if 1 <= number <= len(known)]
    quotes = (each for claim in taken for each in claim.citations if each.verdict != "attributed")
    return list({(each.quote, each.spans): each for each in quotes}.values())


def _claim(text: str, start: int, citations: Sequence[Citation]) -> Claim:
    verdict = weakest(tuple(citations))
    few = list(citations[:CITATIONS_AT_MOST])
    if few and weakest(tuple(few)) != verdict:  # the weakest is told, however many there are
        few[-1] = next(each for each in citations if each.verdict == verdict)
    end = start + len(text)
    return Claim(text=text, start=start, end=end, citations=tuple(few), verdict=verdict)


def _gap(before: str, point: str) -> str:
    """Return what parts a point from the one before it: a line end or a space."""
    if not before:
        return ""
    is_line = marker_length(point) > 0 or point.startswith(_LINES)
    return "\n" if is_line or before.rpartition("\n")[2].startswith(_LINES) else " "


def _sentences(text: str, marks: Sequence[int] = ()) -> list[Span]:
    """Return where the sentences of a summary stand, without list marks; headings are none.

    Args:
        text: The summary.
        marks: Offsets of numbers, in order; a sentence ends where one stands after it.
    """
    found = list[Span]()
    line = None
    for passage, whole in _whole(text, marks):
        is_heading = passage != line and _HEADING.match(text, whole.start)
        line = passage
        sentence = f"{text[whole.start : whole.end]} ."  # or "1." alone, which is a mark
        start = whole.start + marker_length(sentence)
        if not is_heading and any(map(str.isalnum, text[start : whole.end])):
            found.append(Span(start, whole.end))
    return found


def _whole(text: str, marks: Sequence[int]) -> list[tuple[int, Span]]:
    """Return the units of `text` with their lines; those that were torn apart are one again."""
    found = list[tuple[int, Span]]()
    before: Unit | None = None
    for unit in chain.from_iterable(_parted(each, text, marks) for each in units(text)):
        start = unit.start
        if before and before.is_whole and before.passage == unit.passage:
            first = found[-1][1].start
            if _is_torn(text, before, unit, text[first]) and not _parts(marks, text, before, unit):
                found.pop()
                start = first
        found.append((unit.passage, Span(start, unit.end)))
        before = unit
    return found


def _parted(unit: Unit, text: str, marks: Sequence[int]) -> Iterator[Unit]:
    """Cut a unit where a number stands between what else is a day and its month: "14. März"."""
    for at in marks[bisect_right(marks, unit.start) : bisect_left(marks, unit.end)]:
        closed = text[at : unit.end].lstrip(_CLOSING)
        end = unit.end - len(closed)
        if GERMAN_MONTH.match(closed.lstrip()) and _ORDINAL.search(text, unit.start, end):
            yield replace(unit, end=end)
            unit = replace(unit, start=unit.end - len(closed.lstrip()))
    yield unit


def _is_torn(text: str, before: Unit, after: Unit, first: str) -> bool:
    """Whether a sentence seems to have been cut in two, after an ordinal or an abbreviation.

    `first` is the character that it begins with: some write all sentences in lower case.
    """
    end = text[max(before.start, before.end - _TAIL) : before.end]
    following = text[after.start]
    if following.islower():
        return not first.islower() and not _WIDE_END.search(end)
    if following.isdigit():
        return _ABBREVIATION.search(end) is not None
    ordinal = _ORDINAL.search(end)
    is_name = ordinal is not None and (ordinal[1] is None or ordinal[1].isupper())
    return is_name and not _OPENER.match(text, after.start) and _has_ordinals(text)


def _has_ordinals(text: str) -> bool:
    """Whether a text is in a language that writes ordinals with a full stop: "14. März"."""
    return guess_language(Counter(terms(text))) in _WITH_ORDINALS


def _parts(marks: Sequence[int], text: str, before: Unit, after: Unit) -> bool:
    """Whether a number stands between two units, or within the signs that the first ends with."""
    end = text[max(before.start, before.end - _TAIL) : before.end]
    closed = before.end - len(end) + len(end.rstrip(_CLOSING))
    at = bisect_left(marks, closed)
    return at < len(marks) and marks[at] <= after.start


def _key(text: str) -> str:
    """Return a sentence as it is compared with those of points, which stand on one line."""
    return unmarked(" ".join(text.split())).casefold().rstrip(_CLOSING)


def _recalled(
    text: str, numbers: Mapping[Span, list[int]], known: Sequence[Claim]
) -> Mapping[Span, list[int]]:
    """Give a sentence without a number that of the point that it repeats, whole or in part.

    Where several say the same, it is one whose number follows, as where a point of several
    sentences was copied with its number at the end; else the first that says no more.
    """
    if all(numbers.values()):
        return numbers
    told = _told(known)
    recalled = dict[Span, list[int]]()
    following = list[int]()
    for each, found in reversed(list(numbers.items())):
        same = [] if found else told.get(_key(text[each.start : each.end]), [])
        following = found or [number for number in same if number in following] or same[:1]
        recalled[each] = following
    return recalled


def _told(known: Sequence[Claim]) -> dict[str, list[int]]:
    """Return the numbers of the points that say a sentence: alone, then among others."""
    lines = [" ".join(claim.text.split()) for claim in known]
    parts = [[line[each.start : each.end] for each in _sentences(line)] for line in lines]
    told = dict[str, list[int]]()
    for said in ([[line] for line in lines], parts):
        for number, texts in enumerate(said, 1):
            for each in texts:
                told.setdefault(_key(each), []).append(number)
    return told


def _numbers(
    text: str, sentences: Sequence[Span], marks: Sequence[tuple[int, Sequence[int]]]
) -> dict[Span, list[int]]:
    """Return the numbers that stand at each sentence.

    They stand after it; in a line that begins with one and ends with none, before it. That of a
    heading is no sentence's; on a line that goes on after one, the others count.
    """
    named: dict[Span, list[int]] = {each: [] for each in sentences}
    ends = [*(found.start() for found in re.finditer("\n", text)), len(text)]
    for number, group in groupby(marks, key=lambda mark: bisect_left(ends, mark[0])):
        line = Span(ends[number - 1] + 1 if number else 0, ends[number])
        found = list(group)
        head = text[line.start : found[0][0]].strip()
        tail = text[found[-1][0] : line.end]
        leads = marker_length(f"{head} .") >= len(head) and any(map(str.isalnum, tail))
        is_heading = _HEADING.match(text, line.start)
        for offset, numbers in found:
            sentence = _sentence_at(sentences, offset, line, leads=leads)
            if sentence and not (is_heading and not line.start < sentence.start < offset):
                named[sentence] += numbers
    return named


def _sentence_at(sentences: Sequence[Span], offset: int, line: Span, *, leads: bool) -> Span | None:
    """Return the sentence that a number at `offset` stands after, or before."""
    at = bisect_left(sentences, offset, key=lambda each: each.start)
    before = sentences[at - 1] if at else None
    following = sentences[at] if at < len(sentences) and sentences[at].start < line.end else None
    is_first = before is None or before.end <= line.start
    return following if following and (leads or is_first) else before
