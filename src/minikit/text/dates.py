"""The dates in a text, however they are written: 12 March 2024 = March 12th, 2024 = 2024-03-12.

"03/12/2024" is in March in some countries and in December in others: a date may have two readings.
Names of months are known in eight languages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.text.numerals import word_numbers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["MONTHS", "Date", "agree", "dates"]

# English, German, French, Spanish, Italian, Portuguese, Dutch and Russian, case folded.
_NAMES = """
january jan januar jänner janvier enero gennaio janeiro januari январь января
february feb februar février febrero febbraio fevereiro februari февраль февраля
march mar märz mars marzo março maart март марта
april apr avril abril aprile апрель апреля
may mai mayo maggio maio mei май мая
june jun juni juin junio giugno junho июнь июня
july jul juli juillet julio luglio julho июль июля
august aug août agosto augustus август августа
september sep sept septembre septiembre settembre setembro сентябрь сентября
october oct oktober octobre octubre ottobre outubro октябрь октября
november nov novembre noviembre novembro ноябрь ноября
december dec dezember décembre diciembre dicembre dezembro декабрь декабря
"""

MONTHS = {
    name: month
    for month, names in enumerate(_NAMES.strip().split("\n"), 1)
    for name in names.split()
}
"""The number of each month, 1 to 12, by its names, case folded."""

_VERBS = frozenset({"may", "march"})
# White space within a paragraph.
_SPACE = r"(?=\s)[^\S\n]*\n?[^\S\n]*"
_DAY_BEFORE = re.compile(
    r"(?<![^\W_])(?:(?P<day>\d{1,2})(?:st|nd|rd|th|er|[.ºª])?"
    r"|(?P<ordinal>(?:(?:twenty|thirty)[ -])?[a-z]+(?:st|nd|rd|th)))"
    rf"(?:{_SPACE}(?:of|de|di))?(?:{_SPACE})?\Z",
    re.IGNORECASE,
)
_DAY_AFTER = re.compile(
    rf"\.?,?{_SPACE}(?:the{_SPACE})?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)", re.IGNORECASE
)
_YEAR_AFTER = re.compile(
    rf"\.?,?{_SPACE}(?:(?:of|de|del){_SPACE})?(?P<year>\d{{4}})(?!\d)", re.IGNORECASE
)
_REACH = 40
_DIGITS = re.compile(r"\d+")
_YEAR_FIRST = re.compile(
    r"(?<![./-])(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})(?![\d/-])"
)
_YEAR_LAST = re.compile(
    r"(?<![./-])(?P<month>\d{1,2})(?P<sign>[-/.])(?P<day>\d{1,2})(?P=sign)"
    r"(?P<year>\d{4}|(?<=/)\d{2})(?![\d/-])"
)
_HAN = re.compile(
    r"(?:(?P<year>\d{4})\s?年\s?)?(?P<month>\d{1,2})\s?月(?:\s?(?P<day>\d{1,2})\s?日)?"
)

Reading = tuple[int | None, int, int | None]
"""A year (of two digits or four), a month and a day; None for what is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Date:
    """A date in a text: a month with a day or a year, or all three.

    Attributes:
        start: Offset of its first character, in code points.
        end: Offset after its last character.
        readings: The days or months that it may mean.
    """

    start: int
    end: int
    readings: tuple[Reading, ...]

    @property
    def year(self) -> int | None:
        """The year, if it is said."""
        return self.readings[0][0]


def dates(text: str, names: Collection[str] = MONTHS) -> list[Date]:
    """Find the dates of `text`, in order.

    Args:
        text: Any str.
        names: The names of months to look for, keys of `MONTHS`: the fewer, the faster.
    """
    found = [*_named(text, names), *_by_number(text)]
    return sorted(found, key=lambda date: (date.start, date.end))


def agree(date: Date, other: Date) -> bool:
    """Tell whether `other` may mean the day or month of `date`, or a day in it.

    A year that `other` does not tell is no matter here.
    """
    return any(
        month == other_month
        and day in (None, other_day)
        and (None in (year, other_year) or _same_year(year or 0, other_year or 0))
        for year, month, day in date.readings
        for other_year, other_month, other_day in other.readings
    )


def _same_year(year: int, other: int) -> bool:
    return year == other or (min(year, other) < 100 and year % 100 == other % 100)


def _named(text: str, names: Collection[str]) -> Iterator[Date]:
    if not names:
        return
    # Longer names first, since "mar" begins "march".
    choice = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    for found in re.finditer(rf"(?<![^\W_])(?:{choice})(?![^\W_])", text, re.IGNORECASE):
        month = MONTHS.get(found[0].casefold())  # None of "aprİl", which the pattern takes too
        if month and found[0] not in _VERBS and (date := _around(found, month)):
            yield date


def _around(found: re.Match[str], month: int) -> Date | None:
    """Return the date that a name of a month stands in, if there is a day or a year beside it."""
    text, (start, end) = found.string, found.span()
    before = _DAY_BEFORE.search(text, max(0, start - _REACH), start)
    after = _DAY_AFTER.match(text, end)
    days = list[int | None]()
    if before and (day := _day(before)):
        days, start = [day], before.start()
    if after and (not days or (before and "." in before[0])):  # "It is 1. March 12 came."
        days, end = [*days, int(after["day"])], after.end()
    year = _YEAR_AFTER.match(text, end)
    if not days and not year:
        return None
    said = int(year["year"]) if year else None
    readings = tuple((said, month, day) for day in days or [None])
    return Date(start=start, end=year.end() if year else end, readings=readings)


def _day(before: re.Match[str]) -> int | None:
    """Return the day that is said before a month: "12th of", "twelfth", "the thirty-first"."""
    if before["day"]:
        return int(before["day"])
    words = before["ordinal"].casefold().replace("-", " ").split()
    return next((int(reading) for _, _, reading in word_numbers(words)), None)


def _by_number(text: str) -> Iterator[Date]:
    end = 0
    # Patterns are tried where digits begin; at each character of a book they take a second.
    for digits in _DIGITS.finditer(text):
        at = digits.start()
        tried = (pattern.match(text, at) for pattern in (_YEAR_FIRST, _YEAR_LAST, _HAN))
        found = next(filter(None, tried), None) if at >= end else None
        if found and (readings := _readings(found)):
            end = found.end()
            yield Date(start=at, end=end, readings=readings)


def _readings(found: re.Match[str]) -> tuple[Reading, ...]:
    year, month, day = (
        int(found[name]) if found[name] else None for name in ("year", "month", "day")
    )
    orders = [(month, day), (day, month)] if found.re is _YEAR_LAST else [(month, day)]
    return tuple(
        (year, month, day)
        for month, day in dict.fromkeys(orders)
        if month and 1 <= month <= 12 and (day is None or 1 <= day <= 31)
    )
