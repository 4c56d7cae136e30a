"""Holding a summary against its source: its quotes, and what stands behind the rest of it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING

from minikit.jobs.points import Point, has_bare_mark, read_marks
from minikit.jobs.provenance import Citation, Claim, weakest
from minikit.text.align import QuoteFinder
from minikit.text.attribution import attribute, evidence
from minikit.text.document import Span
from minikit.text.passage import Places
from minikit.text.units import marker_length, units

if TYPE_CHECKING:
    from minikit.text.document import Document

__all__ = ["Grounds", "without_unsupported"]

CITATIONS_AT_MOST = 12
"""Of one sentence; a merge may name any number of points for it."""

_HEADING = re.compile(r"#{1,6}\s")
_LINES = ("#", "|")


class Grounds:
    """Holds claims against one document; safe to use from several threads. CPU-bound."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._finder = QuoteFinder(document.text)
        self._lock = Lock()
        self._evidence: dict[tuple[str, Span, int], list[str]] = {}

    @cached_property
    def places(self) -> Places:
        """The headings and pages of the document."""
        return Places(self.document)

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

        A sentence without a number is unsupported; the passages most like it are told all the same.
        """
        is_copied = self._has_bare_marks or any(has_bare_mark(claim.text) for claim in known)
        marked = read_marks(written, 0 if is_copied else len(known))
        text = marked.text.strip()
        shift = marked.text.find(text)
        sentences = _sentences(text)
        marks = [(min(max(0, at - shift), len(text)), found) for at, found in marked.marks]
        numbers = _numbers(text, sentences, marks)
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
            spans = evidence(text, self.document.text, within, max_characters=max_characters)
            self._evidence[asked] = [" ".join(self.document[span].split()) for span in spans]
        return self._evidence[asked]

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


def _sentences(text: str) -> list[Span]:
    """Return where the sentences of a summary stand, without list marks; headings are none."""
    found = list[Span]()
    line = None
    for unit in units(text):
        is_heading = unit.passage != line and _HEADING.match(text, unit.start)
        line = unit.passage
        sentence = f"{text[unit.start : unit.end]} ."  # or "1." alone, which is a mark
        start = unit.start + marker_length(sentence)
        if not is_heading and any(map(str.isalnum, text[start : unit.end])):
            found.append(Span(start, unit.end))
    return found


def _numbers(
    text: str, sentences: Sequence[Span], marks: Sequence[tuple[int, Sequence[int]]]
) -> dict[Span, list[int]]:
    """Return the numbers that stand at each sentence.

    They stand after it; in a line that begins with one and ends with none, before it.
    """
    named: dict[Span, list[int]] = {each: [] for each in sentences}
    ends = [*(found.start() for found in re.finditer("\n", text)), len(text)]
    for number, group in groupby(marks, key=lambda mark: bisect_left(ends, mark[0])):
        line = Span(ends[number - 1] + 1 if number else 0, ends[number])
        found = list(group)
        head = text[line.start : found[0][0]].strip()
        tail = text[found[-1][0] : line.end]
        leads = marker_length(f"{head} .") >= len(head) and any(map(str.isalnum, tail))
        for offset, numbers in [] if _HEADING.match(text, line.start) else found:
            if sentence := _sentence_at(sentences, offset, line, leads=leads):
                named[sentence] += numbers
    return named


def _sentence_at(sentences: Sequence[Span], offset: int, line: Span, *, leads: bool) -> Span | None:
    """Return the sentence that a number at `offset` stands after, or before."""
    at = bisect_left(sentences, offset, key=lambda each: each.start)
    before = sentences[at - 1] if at else None
    following = sentences[at] if at < len(sentences) and sentences[at].start < line.end else None
    is_first = before is None or before.end <= line.start
    return following if following and (leads or is_first) else before
