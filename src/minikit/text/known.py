"""What a source holds of numbers, dates and names; found out as far as it is asked for."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from minikit.text.dates import MONTHS, agree, dates
from minikit.text.names import LETTER
from minikit.text.numerals import han_readings, numbers, word_numbers
from minikit.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Container

    from minikit.text.dates import Date
    from minikit.text.names import Name
    from minikit.text.numerals import Number

__all__ = ["Known"]

# Numbers that a summary counts for itself: "two reasons", "third".
_COUNTED = frozenset({"0", "1", "2", "3"})
# Up to so much is written as a word in most languages, and only those of English are known here.
_OFTEN_A_WORD = frozenset(map(str, range(4, 13)))
_WORD = re.compile(rf"{LETTER}+")
_STEM = 4
_ENDING = 3
_PARTS = re.compile(r"[^\W\d_][^\W\d_A-Z]+")
_MOST_INITIALS = 6
_LITTLE = 3
_SCRIPT_SHARE = 0.1


class Known:
    """The numbers, dates and names of a source, generously read: doubt is settled for the summary.

    Each kind is found when it is first asked for, in time linear in the length of the source.

    Args:
        source: Any str.
        months: The months of the dates that will be asked for, 1 to 12.
    """

    def __init__(self, source: str, months: Container[int]) -> None:
        self._source = source
        self._months = months

    @cached_property
    def is_english(self) -> bool:
        """Whether the source is in English, at least in part."""
        return "the" in self._vocabulary

    def has_number(self, number: Number) -> bool:
        """Tell whether `number` may stand in the source, or need not."""
        readings = frozenset(number.readings)
        often = _COUNTED if self.is_english else _COUNTED | _OFTEN_A_WORD
        if readings & often or readings & self._numbers:
            return True
        return bool(number.parts) and self._numbers.issuperset(number.parts)

    def has_decade(self, number: Number) -> bool:
        """Tell whether a year of the decade that begins with `number`, as 1990, may stand in it."""
        decades = {reading[:-1] for reading in number.readings if reading.endswith("0")}
        return any(each[:-1] in decades for each in self._numbers)

    def has_date(self, date: Date) -> bool:
        """Tell whether `date` stands in the source; its year may stand apart from it."""
        return any(
            agree(date, other)
            and (date.year is None or other.year is not None or str(date.year) in self._numbers)
            for other in self._dates
        )

    def has_month(self, month: int) -> bool:
        """Tell whether a month, 1 to 12, stands in the source, by name or by number."""
        return any(MONTHS.get(word) == month for word in self._vocabulary) or any(
            each == month for date in self._dates for _, each, _ in date.readings
        )

    def has_name(self, name: Name) -> bool:
        """Tell whether `name` may stand in the source: its last word, or of a doubtful one any."""
        words = name.words if name.is_doubtful else name.words[-1:]
        return any(map(self.has_word, words))

    def has_word(self, word: str) -> bool:
        """Tell whether a word of a name may stand in the source, in any case and inflected."""
        plain = _plain(word)
        if plain in self._plain or _script(plain) not in self._scripts:
            return True
        return (
            self._has_stem(plain[: max(_STEM, len(plain) - _ENDING)])
            or self._has_initials(word)
            or self._has_parts(word)
        )

    @cached_property
    def _terms(self) -> list[str]:
        return terms(self._source)

    @cached_property
    def _vocabulary(self) -> set[str]:
        return set(self._terms)

    @cached_property
    def _plain(self) -> set[str]:
        """The words without accents, endings such as 's told apart."""
        parts = (part for word in self._vocabulary for part in word.split("'"))
        return set(map(_plain, parts))

    @cached_property
    def _capitalised(self) -> list[str]:
        """The words with a capital, sorted: "Paris" is no form of "parity"."""
        words = set(_WORD.findall(self._source))
        return sorted({_plain(word) for word in words if word[0].isupper()})

    @cached_property
    def _scripts(self) -> frozenset[str]:
        """The scripts that a tenth of the words at least are in."""
        counts = Counter(map(_script, self._plain))
        least = _SCRIPT_SHARE * counts.total()
        return frozenset(script for script, count in counts.items() if count >= least)

    @cached_property
    def _numbers(self) -> set[str]:
        found = han_readings(self._source)
        for number in numbers(self._source):
            found.update(number.readings, number.parts)
        for first, after, reading in word_numbers(self._terms):
            found.add(reading)
            # The terms do not tell where a sentence ends: "one hundred. Twelve".
            for at in range(first, after) if after > first + 1 else ():
                found.update(each for _, _, each in word_numbers(self._terms[at : at + 1]))
        return found

    @cached_property
    def _dates(self) -> list[Date]:
        names = [word for word in self._vocabulary if MONTHS.get(word, 0) in self._months]
        return dates(self._source, names)

    def _has_stem(self, stem: str) -> bool:
        at = bisect_left(self._capitalised, stem)
        following = self._capitalised[at : at + 1]
        return len(stem) >= _STEM and bool(following) and following[0].startswith(stem)

    @cached_property
    def _initials(self) -> str:
        """The first letters of the words, but for little ones such as "of the"."""
        words = _WORD.findall(self._source)
        return "".join(word[0] for word in words if len(word) > _LITTLE or word[0].isupper())

    def _has_initials(self, word: str) -> bool:
        """Tell whether the source spells `word`: "E.U.", "E_U_", "European Union"."""
        letters = word.replace(".", "")
        return (
            letters.isupper() and 1 < len(letters) <= _MOST_INITIALS and letters in self._initials
        )

    def _has_parts(self, word: str) -> bool:
        """Tell whether the source has the parts of "JavaBayes"."""
        parts = _PARTS.findall(word)
        return len(parts) > 1 and all(_plain(part) in self._plain for part in parts)


def _plain(word: str) -> str:
    """Return `word` case folded, without accents and dots: "Natásha" is "Natasha", "U.S." "us"."""
    folded = word.casefold().replace(".", "")
    if folded.isascii():
        return folded
    marked = unicodedata.normalize("NFD", folded)
    return "".join(sign for sign in marked if not unicodedata.combining(sign))


def _script(word: str) -> str:
    """Return the script of the first letter, such as "LATIN"; what is no word has none."""
    return unicodedata.name(word[0], "?").split()[0] if word else "?"
