"""The numbers in a text, however they are written: 1,204 = 1 204 = 1204, 12 = twelve = 十二.

"1.204" is a thousand in German and one and a bit in English; the text alone does not say which, so
that a number may have several readings. Each is a str such as "1204" or "0.5", without zeros that
say nothing, since a number may have a million digits.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Number", "han_numbers", "han_readings", "numbers", "spelled_numbers", "word_numbers"]

_NUMBER = re.compile(
    r"\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?!\d)(?:[.,\u066b]\d+)?|\d+(?:[.,'’\u066b\u066c]\d+)*"
)
_NO_DIGITS = re.compile(r"\D")
_DECIMAL_SIGNS = frozenset(".,\u066b")
_THOUSANDS = 3
_SCALE = re.compile(
    r"[\s-]?(?:(?P<n3>k|thousand|tausend)|(?P<n6>m|mn|mio|millions?|millionen)"
    r"|(?P<n9>bn|b|mrd|billions?|milliarden?)|(?P<n12>trillions?))(?![^\W_])"
    r"|\s?(?:(?P<n4>[万萬])|(?P<n8>[亿億]))",
    re.IGNORECASE,
)

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORD = re.compile(r"[^\W\d_]+")
_JOINT = re.compile(r"[\s-]+")
_SMALL = (
    {word: value for words in (_UNITS, _ORDINALS) for value, word in enumerate(words.split())}
    | {word: 10 * value for value, word in enumerate(_TENS.split(), 2)}
    | {f"{word[:-1]}ieth": 10 * value for value, word in enumerate(_TENS.split(), 2)}
)
_LARGE = {
    word + ending: value
    for word, value in {
        "hundred": 100,
        "thousand": 10**3,
        "million": 10**6,
        "billion": 10**9,
    }.items()
    for ending in ("", "th")
}

_HAN_DIGITS = {
    sign: value
    for signs in ("〇一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖", "零壹貳參肆伍陸柒捌玖")
    for value, sign in enumerate(signs)
} | {"两": 2, "兩": 2}
_HAN_SCALES = {
    "十": 10,
    "百": 100,
    "千": 1000,
    "拾": 10,
    "佰": 100,
    "仟": 1000,
    "万": 10**4,
    "萬": 10**4,
    "亿": 10**8,
    "億": 10**8,
}
_HAN = re.compile(f"[{''.join(_HAN_DIGITS)}{''.join(_HAN_SCALES)}]{{1,24}}|半")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number in a text.

    Attributes:
        start: Offset of its first character, in code points.
        end: Offset after its last character.
        readings: What it may mean; () of a version or a date, which mean no number.
        parts: The numbers that it may be made of instead: "1999 204" may be two, "3.11.2" is three.
    """

    start: int
    end: int
    readings: tuple[str, ...]
    parts: tuple[str, ...] = ()


def numbers(text: str) -> Iterator[Number]:
    """Yield what is written in digits of any script, in order."""
    for found in _NUMBER.finditer(text):
        groups = [_plain(group) for group in _NO_DIGITS.split(found[0])]
        signs = _NO_DIGITS.findall(found[0])
        readings = list(dict.fromkeys(_readings(groups, signs)))
        scale = _SCALE.match(text, found.end())
        if scale:
            zeros = int((scale.lastgroup or "")[1:])
            readings += [_scaled(reading, zeros) for reading in readings]
        is_doubtful = not readings or any(map(str.isspace, signs))
        yield Number(
            start=found.start(),
            end=found.end(),
            readings=tuple(readings),
            parts=tuple(_reading(group) for group in groups) if is_doubtful else (),
        )


def _plain(digits: str) -> str:
    """Return `digits` as those of ASCII."""
    if digits.isascii():
        return digits
    return "".join(str(unicodedata.decimal(digit)) for digit in digits)


def _readings(groups: Sequence[str], signs: Sequence[str]) -> Iterator[str]:
    """Yield the numbers that groups of digits with signs between them may be."""
    *firsts, last = groups
    if len(set(signs)) <= 1 and _are_thousands(groups):
        yield _reading("".join(groups))
    has_fraction = bool(signs) and signs[-1] in _DECIMAL_SIGNS and signs[-1] not in signs[:-1]
    if has_fraction and len(set(signs[:-1])) <= 1 and _are_thousands(firsts):
        yield _reading("".join(firsts), last)


def _are_thousands(groups: Sequence[str]) -> bool:
    """Tell whether `groups` are one, or the first of up to three digits and others of three."""
    first, *others = groups
    return not others or (
        len(first) <= _THOUSANDS and all(len(group) == _THOUSANDS for group in others)
    )


def _reading(whole: str, fraction: str = "") -> str:
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def _scaled(reading: str, zeros: int) -> str:
    """Return `reading` times ten to the power of `zeros`."""
    whole, _, fraction = reading.partition(".")
    fraction = fraction.ljust(zeros, "0")
    return _reading(whole + fraction[:zeros], fraction[zeros:])


def word_numbers(words: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the numbers that words of English are: "twenty five", "a hundred and two", "third".

    Args:
        words: Case folded, without hyphens, as `minikit.text.words.terms` gives them.

    Yields:
        The position of its first word, the position after its last word, and its reading; of an
        ordinal, that of its number.
    """
    after = 0
    for start in [at for at, word in enumerate(words) if word in _SMALL or word in _LARGE]:
        if start >= after:
            after, value = _word_number(words, start)
            yield start, after, str(value)


def spelled_numbers(text: str) -> Iterator[Number]:
    """Yield what is written in words of English, in order."""
    words: list[str] = []
    places: list[tuple[int, int]] = []
    for found in _WORD.finditer(text):
        if places and not _JOINT.fullmatch(text, places[-1][1], found.start()):
            words.append("")  # a number ends at a comma
            places.append(found.span())
        words.append(found[0].casefold())
        places.append(found.span())
    for first, after, reading in word_numbers(words):
        yield Number(start=places[first][0], end=places[after - 1][1], readings=(reading,))


def _word_number(words: Sequence[str], start: int) -> tuple[int, int]:
    """Return the position after the number that begins at `start`, and its value."""
    total = current = 0
    scale = 10**12
    position = start
    while position < len(words):
        joins = words[position] == "and" and (total or current) and current % 100 == 0
        word = words[position + joins] if position + joins < len(words) else ""
        small, large = _SMALL.get(word), _LARGE.get(word, scale)
        if small is not None and (position == start or _may_add(total, current, small)):
            current += small
        elif large == 100 and current < 100 and (current or position == start):
            current = max(1, current) * large
        elif 100 < large < scale and (current or position == start):
            total, current, scale = total + max(1, current) * large, 0, large
        else:
            break
        position += 1 + joins
    return position, total + current


def _may_add(total: int, current: int, small: int) -> bool:
    """Tell whether a number goes on with `small`: 100 and 12, 20 and 5, 1000 and 1."""
    if current % 100 == 0:
        return total + current > 0 and small > 0
    return current % 100 >= 20 and current % 10 == 0 and 0 < small < 10


def han_numbers(text: str) -> Iterator[Number]:
    """Yield what is written with Chinese characters, in order: 二十五, 二〇二四, 三万, 半."""
    for run in _HAN.finditer(text):
        readings = tuple(dict.fromkeys(_han_readings(run[0])))
        yield Number(start=run.start(), end=run.end(), readings=readings)


def han_readings(text: str) -> set[str]:
    """Return the numbers that are written with Chinese characters."""
    return {reading for number in han_numbers(text) for reading in number.readings}


def _han_readings(run: str) -> Iterator[str]:
    if run == "半":
        yield "0.5"
        return
    if all(sign in _HAN_DIGITS for sign in run):
        yield _reading("".join(str(_HAN_DIGITS[sign]) for sign in run))
        return
    total = section = digit = 0
    for sign in run:
        scale = _HAN_SCALES.get(sign)
        if scale is None:
            digit = _HAN_DIGITS[sign]
        elif scale < 10**4:
            section, digit = section + max(1, digit) * scale, 0
        else:
            total, section, digit = (total + section + digit) * scale, 0, 0
    yield str(total + section + digit)
