"""Numbers, dates and names of a summary that are not in its source, told without a model.

What is told is worth a look and no more: true summaries, too, hold numbers that were reckoned and
names that the source spells otherwise. What cannot be seen at all: negations, and what is said
of the wrong one of two things that both stand in the source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

from minikit.text.dates import MONTHS, dates
from minikit.text.known import Known
from minikit.text.names import names
from minikit.text.numerals import numbers, spelled_numbers
from minikit.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Ungrounded", "grusky_coverage", "ungrounded"]

_LETTER = re.compile(r"[^\W\d_\u0e00-\uffff]")
_LIST_MARK = re.compile(r"^[^\S\n]*[*_(\[]*\d{1,3}[.)\]](?!\w)", re.MULTILINE)
_CHAPTER = re.compile(
    r"\b(?:chapter|part|book|section|volume|act|scene|kapitel|teil|chapitre|capítulo|глава)\s+\Z",
    re.IGNORECASE,
)
_YEAR = re.compile(r"1\d{3}|20\d\d")
_BEFORE_YEAR = re.compile(
    r"\b(?:in|since|until|till|by|from|year|early|late|mid|im|jahr|seit|en|année|año|anno|в"
    r"|(?:spring|summer|autumn|fall|winter|start|beginning|middle|end)\s+of)[\s-]+\Z",
    re.IGNORECASE,
)
_REACH = 20
_WEEKDAYS = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

Kind = Literal["number", "date", "name"]
_Found = tuple[Kind, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ungrounded:
    """A number, a date or a name of a summary that does not stand in its source.

    Attributes:
        kind: What it is.
        text: The words of the summary.
        start: Offset of the first character in the summary, in code points.
        end: Offset after the last character.
    """

    kind: Kind
    text: str
    start: int
    end: int


def ungrounded(summary: str, source: str) -> tuple[Ungrounded, ...]:
    """Find the numbers, dates and names of `summary` that are not in `source`.

    Numbers may be written in digits of any script, and in words where the source is English;
    dates by name or by number; names may be inflected, and their last word decides. Doubt is
    settled for the summary. Time and memory are linear in the length of `source`.

    Args:
        summary: Any str.
        source: Any str; where it is in another language, names in another script and numbers
            that it may write as words are not told.

    Returns:
        What was found, in the order of the summary; they do not overlap.
    """
    stated = dates(summary)
    known = Known(source, {month for date in stated for _, month, _ in date.readings})
    free = bytearray(b"\1" * len(summary))
    for date in stated:
        free[date.start : date.end] = bytes(date.end - date.start)
    found: list[_Found] = [
        ("date", date.start, date.end) for date in stated if not known.has_date(date)
    ]
    others = chain(_numbers(summary, known), _names(summary, known))
    found += (each for each in others if free[each[1]])
    return tuple(
        Ungrounded(kind=kind, text=summary[start:end], start=start, end=end)
        for kind, start, end in sorted(found, key=itemgetter(1))
    )


def grusky_coverage(summary: str, source: str) -> float:
    """Return the share of the words of `summary` that stand in `source`, 0 to 1; 1 for none.

    It is the coverage by extractive fragments of Grusky, Naaman and Artzi (NAACL 2018): a fragment
    begins at every word that stands in the source and is outside of the fragment before, so that
    fragments leave out no such word, however long they are. Linear in the length of both.
    """
    said = terms(summary)
    known = set(terms(source)).intersection(said)
    return sum(term in known for term in said) / len(said) if said else 1.0


def _numbers(summary: str, known: Known) -> Iterator[_Found]:
    """Yield the numbers, and the years, that are not known."""
    unmarked = _LIST_MARK.sub(lambda mark: " " * len(mark[0]), summary)
    for number in numbers(unmarked):
        start, end = number.start, number.end
        before = summary[max(0, start - _REACH) : start]
        if _LETTER.match(before[-1:]) or _CHAPTER.search(before) or known.has_number(number):
            continue
        if not (summary[end : end + 1] == "s" and known.has_decade(number)):
            is_year = _YEAR.fullmatch(summary, start, end) and _BEFORE_YEAR.search(before)
            yield "date" if is_year else "number", start, end
    for number in spelled_numbers(summary) if known.is_english else ():
        if not known.has_number(number):
            yield "number", number.start, number.end


def _names(summary: str, known: Known) -> Iterator[_Found]:
    """Yield the names that are not known; those of months and weekdays are dates."""
    for name in names(summary):
        last = name.words[-1].casefold()
        month = MONTHS.get(last)
        if not (known.has_name(name) or (month and known.has_month(month))):
            yield "date" if month or last in _WEEKDAYS else "name", name.start, name.end
