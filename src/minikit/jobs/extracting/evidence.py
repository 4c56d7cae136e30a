"""What stands behind each value that a model read: its record's quotes, and the value in them.

A model gives quotes for a record as a whole, which is what small models can do. Which of them a
value rests on is found here: the quote that holds it, as a word, as a number or as a date in any
notation. No place is ever made up: each is cut out of a passage that a quote was found at, or out
of the part that was read.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, partial
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from minikit.calls.strict import Node, choices
from minikit.jobs.extracting.records import as_list, as_object, branch_of, branches_of, takes_blank
from minikit.jobs.provenance import Citation, Verdict
from minikit.text.align import QuoteFinder
from minikit.text.dates import Date, agree, dates
from minikit.text.normalize import Normalized
from minikit.text.numerals import Number, han_numbers, numbers, spelled_numbers
from minikit.text.passage import Passage, Places
from minikit.text.quotation import Wording, can_begin, can_end

if TYPE_CHECKING:
    from minikit.text.document import Document, Span

__all__ = [
    "Cited",
    "Evidence",
    "Leaf",
    "Listed",
    "Reading",
    "Record",
    "Scalar",
    "Tree",
]

Scalar = str | int | float | bool

CITATIONS_AT_MOST = 12
"""Of one record, or of one value after merges; a model may quote any number of passages."""

_PLACES_AT_MOST = 50
"""Places of a value without a quote that are looked at: words of it may fill the part."""

_TELLING_SIGNS = 4
"""Letters and digits of a value without a quote that is looked for in all that was read."""

_SUPPORT: tuple[Verdict, ...] = ("found", "fuzzy", "attributed", "unsupported")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?![\d-])")
_NUMERAL = re.compile(r"[+-]?\d+(?:\.\d+)?")
_NEGATIVE = re.compile(r"(?<![^\W_])[-−]\Z")
_PERCENT = re.compile(r"\s?%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value that was read for a field, and what stands behind it.

    Attributes:
        value: The value as JSON has it; what is of two kinds in two parts, as a whole.
        key: What it is compared by; equal for two ways to write the same; None of an empty cell.
        verdict: "found", "fuzzy", "attributed" or "unsupported".
        citations: The quotes that it rests on.
        passage: Where the value itself stands; None where it is put in other words.
    """

    value: Any
    key: Hashable
    verdict: Verdict = "unsupported"
    citations: tuple[Citation, ...] = ()
    passage: Passage | None = None

    @property
    def rank(self) -> int:
        """How well it is supported; 0 is best."""
        return _SUPPORT.index(self.verdict)

    def joined(self, other: Reading) -> Reading:
        """Return the better of two readings of one value, with the quotes of both."""
        best, rest = (other, self) if other.rank < self.rank else (self, other)
        more = (each for each in rest.citations if each not in best.citations)
        return replace(best, citations=(*best.citations, *more)[:CITATIONS_AT_MOST])


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A field with one value; where parts of the source disagree, with each that they give.

    Attributes:
        readings: The values, all different, in the order in which they were read.
        is_choice: Whether it is one of a few values, which many records share.
    """

    readings: tuple[Reading, ...]
    is_choice: bool = False

    @property
    def best(self) -> Reading:
        """The value with the best evidence; of equals the first."""
        return min(self.readings, key=lambda each: each.rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A field with a list of values."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was read of one thing: its fields as far as they were said.

    Attributes:
        fields: By name, in the order of the schema.
        parts: Numbers of the parts of the source that it was read from.
    """

    fields: Mapping[str, Tree]
    parts: frozenset[int]


Tree = Leaf | Listed | Record


class Cited:
    """A document that is quoted from; safe to use from several threads. CPU-bound."""

    def __init__(self, document: Document, index: int) -> None:
        """Take a document and its number among the sources."""
        self._finder = QuoteFinder(document.text)
        self._places = Places(document, index)
        self._lock = Lock()

    def passage(self, span: Span) -> Passage:
        """Return a stretch of the document as it is cited."""
        return self._places.passage(span)

    def cite(self, quote: str, within: Span) -> Citation:
        """Hold a quote against a stretch of the document."""
        with self._lock:
            found = self._finder.align(quote, within)
        return Citation(
            quote=quote,
            passages=self._places.passages(found.spans),
            verdict=found.verdict,
            score=found.score,
        )


class Evidence:
    """Finds the evidence for what was read from one part of a source. CPU-bound."""

    def __init__(self, cited: Cited, span: Span, *, part: int, quotes: str) -> None:
        """Take what was read.

        Args:
            cited: The document.
            span: The part of it.
            part: Its number.
            quotes: Name of the property that holds the quotes of a record.
        """
        self._cite = partial(cited.cite, within=span)
        self._read = _Stretch(cited.passage(span))
        self._part = part
        self._quotes = quotes

    def record(self, value: Mapping[str, Any], node: Node) -> Record:
        """Return a record with the evidence for each of its values.

        Args:
            value: What the model wrote; null stands for what is not said.
            node: Its schema, without references.
        """
        return self._record(value, node, ())

    def _record(self, value: Mapping[str, Any], node: Node, around: Sequence[_Quoted]) -> Record:
        """Read a record; one without quotes of its own rests on those around it."""
        quoted = self._quoted(value.get(self._quotes)) or around
        properties: Mapping[str, Node] = node["properties"]
        read = (
            (name, self._tree(value.get(name), properties[name], quoted))
            for name in properties
            if name != self._quotes
        )
        fields = {name: tree for name, tree in read if tree is not None}
        return Record(fields=fields, parts=frozenset({self._part}))

    def _tree(self, value: object, node: Node, quoted: Sequence[_Quoted]) -> Tree | None:
        """Read a value; None where it says nothing."""
        branch = branch_of(value, node)
        if (fields := as_object(value)) is not None:
            record = self._record(fields, branch, quoted)
            return record if record.fields else None
        if (several := as_list(value)) is not None:
            node = branch["items"]
            read = [self._tree(item, node, quoted) for item in several]
            each = (tree or _blank(item, node) for tree, item in zip(read, several, strict=True))
            return Listed(items=tuple(filter(None, each))) if any(read) else None
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        return self._leaf(_Sought.of(cast("Scalar", value), node), quoted)

    def _leaf(self, sought: _Sought, quoted: Sequence[_Quoted]) -> Leaf:
        reading = Reading(value=sought.value, key=sought.key)
        return Leaf(readings=(self._grounded(reading, sought, quoted),), is_choice=sought.is_choice)

    def _grounded(self, reading: Reading, sought: _Sought, quoted: Sequence[_Quoted]) -> Reading:
        """Add to a reading what stands behind it, the strongest that there is."""
        for quote in quoted:
            if passage := quote.place(sought):
                citation = quote.citation
                return replace(
                    reading, verdict=citation.verdict, citations=(citation,), passage=passage
                )
        citations = tuple(quote.citation for quote in quoted)
        if sought.proves and (passage := self._nearest(sought, citations)):
            return replace(reading, verdict="found", citations=(_bare(passage),), passage=passage)
        if citations:
            return replace(reading, verdict="attributed", citations=citations)
        if sought.is_telling and (passage := self._nearest(sought, ())):
            bare = (_bare(passage, "attributed"),)
            return replace(reading, verdict="attributed", citations=bare, passage=passage)
        return reading

    def _quoted(self, quotes: object) -> tuple[_Quoted, ...]:
        """Return the quotes of a record that stand in the part; the others prove nothing."""
        given = as_list(quotes) or [quotes]
        texts = [each for each in given if isinstance(each, str) and each.strip()]
        cited = (self._cite(text) for text in dict.fromkeys(texts[:CITATIONS_AT_MOST]))
        return tuple(_Quoted(each) for each in cited if each.verdict in ("found", "fuzzy"))

    def _nearest(self, sought: _Sought, citations: Sequence[Citation]) -> Passage | None:
        """Return where a value stands in all that was read, nearest to the quotes."""
        near = next((each.start for each in citations if each.start is not None), 0)
        return min(self._read.find(sought), key=lambda place: abs(place.start - near), default=None)


class _Quoted:
    """A quote that was found, and where in it values stand."""

    def __init__(self, citation: Citation) -> None:
        self.citation = citation
        self._stretches = [_Stretch(passage) for passage in citation.passages]

    def place(self, sought: _Sought) -> Passage | None:
        """Return the first place of a value in the passages of the quote."""
        return next(chain.from_iterable(each.find(sought) for each in self._stretches), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sought:
    """A value that is looked for, as what it may be written."""

    value: Scalar
    wording: Wording
    number: Decimal | None
    date: Date | None
    is_choice: bool

    @classmethod
    def of(cls, value: Scalar, node: Node) -> _Sought:
        kinds = list(branches_of(node))
        is_number = any(kind.get("type") in ("number", "integer") for kind in kinds)
        is_date = any(kind.get("format") in ("date", "date-time") for kind in kinds)
        return cls(
            value=value,
            wording=Wording.of(value if isinstance(value, str) else ""),
            number=_number(value) if is_number else None,
            date=_date(value) if is_date else None,
            is_choice=isinstance(value, bool) or any(map(choices, kinds)),
        )

    @property
    def key(self) -> Hashable:
        """What the value is compared by."""
        if self.number is not None:
            return self.number
        if isinstance(self.value, str):
            return self.wording.normal or self.value
        return type(self.value).__name__, self.value

    @property
    def proves(self) -> bool:
        """Whether the value is as good as a quote of itself."""
        return self.date is not None or (not self.is_choice and self.wording.proves)

    @property
    def is_telling(self) -> bool:
        """Whether it hardly stands anywhere by chance."""
        return not self.is_choice and sum(map(str.isalnum, str(self.value))) >= _TELLING_SIGNS


class _Stretch:
    """A passage that values are looked for in; what it holds is found out as it is asked for."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self._text = passage.cited_text

    def find(self, sought: _Sought) -> Iterator[Passage]:
        """Yield where a value stands; linear in the length of the passage."""
        if sought.number is not None:
            places = self._numerals(sought.number)
        elif sought.date is not None:
            date = sought.date
            places = ((each.start, each.end) for each in self._dates if agree(date, each))
        else:
            places = self._words(sought.wording)
        return (narrowed(self._passage, start, end) for start, end in places)

    @cached_property
    def _normal(self) -> Normalized:
        return Normalized(self._text)

    @cached_property
    def _dates(self) -> list[Date]:
        return dates(self._text)

    @cached_property
    def _numbers(self) -> dict[str, list[Number]]:
        found = dict[str, list[Number]]()
        finders = (numbers, spelled_numbers, han_numbers)
        for number in chain.from_iterable(find(self._text) for find in finders):
            for reading in number.readings:
                found.setdefault(reading, []).append(number)
        return found

    def _numerals(self, value: Decimal) -> Iterator[tuple[int, int]]:
        """Yield where a number stands; "5 %" is 0.05 too, and "-5" is not 5."""
        for factor in (1, 100):
            for each in self._numbers.get(_plain(abs(value) * factor), ()):
                is_negative = _NEGATIVE.search(self._text[max(0, each.start - 2) : each.start])
                is_percent = _PERCENT.match(self._text, each.end)
                if (value < 0 or not is_negative) and (factor == 1 or is_percent):
                    yield each.start, each.end

    def _words(self, wording: Wording) -> Iterator[tuple[int, int]]:
        """Yield where words stand, not cut out of more."""
        text, words = self._normal.text, wording.bare
        at = text.find(words) if words else -1
        while at >= 0:
            span = self._normal.span(at, at + len(words))
            if can_begin(self._text, span.start) and can_end(self._text, span.end):
                yield span.start, span.end
            at = text.find(words, at + len(words))


def _blank(value: object, node: Node) -> Leaf | None:
    """Return what keeps the place of an empty cell, in a list that may have such."""
    return Leaf(readings=(Reading(value=value, key=None),)) if takes_blank(value, node) else None


def narrowed(passage: Passage, start: int, end: int) -> Passage:
    """Return a part of a passage, by offsets in its text."""
    return replace(
        passage,
        cited_text=passage.cited_text[start:end],
        start=passage.start + start,
        end=passage.start + end,
    )


def _bare(passage: Passage, verdict: Verdict = "found") -> Citation:
    """Return a citation of a value that no quote holds."""
    return Citation(quote="", passages=(passage,), verdict=verdict, score=100.0)


def _number(value: Scalar) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and not _NUMERAL.fullmatch(value.strip()):
        return None
    return Decimal(str(value))


def _date(value: Scalar) -> Date | None:
    found = _DATE.match(value) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day = map(int, found.groups())
    return Date(start=0, end=0, readings=((year, month, day),))


def _plain(number: Decimal) -> str:
    """Return a number as `minikit.text.numerals` gives its readings."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
