"""Whether a quote that is nearly the same as its passage still says what the passage says."""

from __future__ import annotations

import re
import unicodedata
from itertools import chain
from typing import TYPE_CHECKING

from minikit.text.dates import MONTHS
from minikit.text.normalize import JOINED, UNSPACED, Normalized
from minikit.text.numerals import han_readings, numbers, spelled_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["adds_notes", "adds_words", "denies", "is_misquote"]

_NEGATIONS = {
    "en": r"not|no|never|none|nobody|nothing|nowhere|neither|nor|cannot|\w*n't",
    "de": "nicht|nichts|kein(?:e[mnrs]?)?|nie|niemals|niemand",
    "es, fr, it, pt": "aucune?|jamais|jamás|não|nessun[ao]?|ningun[ao]?|ningún|non|nunca|pas|rien",
    "nl, sv, da, nb": "aldrig|geen|ikke|inte|niet|nooit",
    "ru, uk": "не|нет|никогда|ничего|ни|нельзя|ні|немає",
    "pl, cs, tr, id, vi": "değil|bukan|không|ne|není|tidak|yok",
    "ar, fa, he": "لا|لم|لن|ليس|ليست|نه|نیست|אין|לא",
}
_NEGATION = re.compile(
    rf"\b(?:{'|'.join(_NEGATIONS.values())})(?!\w)"
    # Scripts whose words are not parted by spaces, or end in marks.
    "|[不没沒無无非未別别勿莫]|ない|なかった|ません|않|못|아니|없|नहीं|ไม่"
)
# Speech begins again: "I don't, I don't think so".
_AGAIN = re.compile(r"\b(\w+(?:\W{1,3}\w+){0,4})(?:\W{1,3}\1\b)+")
_BROKEN = re.compile(r"(?<=[^\W\d_])(?:\xad|-[ \t]*\r?\n\s*)(?=[^\W\d_])")
_HYPHEN = re.compile(r"(?<=\w)[-\u2010-\u2013](?=\w)")
_SPACED = re.compile(JOINED)
_WORD = re.compile(rf"{JOINED}+|[{UNSPACED}]")
_NOTE = re.compile(r"\[\s?(\d{1,3})\s?\]")
_ADDED = 3  # words in a row
_ALIKE = 60.0  # a word and the same word mistyped, at least


def is_misquote(quote: str, passage: str, *, stands: Callable[[str], bool]) -> bool:
    """Tell whether `quote` has other facts than `passage`, which is nearly the same.

    These are numbers and months that the passage has not, negations that only one of the two has,
    and names (in a script with capitals) that the passage has not in their place. Any other change
    of a word ("fell" for "rose") can not be told from a slip.

    Args:
        quote: As written.
        passage: The words of the source.
        stands: Tells whether a word stands in the source, with these very letters.
    """
    said, source = (_AGAIN.sub(r"\1", _plain(each)) for each in (quote, passage))
    return (
        not _has_numbers(quote, passage)
        or len(_NEGATION.findall(said)) != len(_NEGATION.findall(source))
        or any(_names_another(*change, stands) for change in _changes(quote, passage))
    )


def adds_words(quote: str, passage: str) -> bool:
    """Tell whether three words of `quote` in a row, or more, are like nothing in `passage`.

    Two characters of a script without spaces between words are a word.
    """
    from rapidfuzz import fuzz

    return any(
        sum(1.0 if _SPACED.match(word) else 0.5 for word in added) >= _ADDED
        and fuzz.ratio(" ".join(added), " ".join(removed)) < _ALIKE
        for added, removed in _changes(quote, passage)
    )


def adds_notes(quote: str, passage: str) -> bool:
    """Tell whether `quote` has a number in square brackets that `passage` has not in its place.

    The number of a footnote may be left out of a quote, but not put in.
    """
    others = iter(_NOTE.findall(passage))
    return not all(note in others for note in _NOTE.findall(quote))


def denies(text: str) -> bool:
    """Tell whether there is a negation in `text`."""
    return _NEGATION.search(_plain(text)) is not None


def _plain(text: str) -> str:
    return Normalized(_HYPHEN.sub(" ", text)).text


def _has_numbers(quote: str, passage: str) -> bool:
    """Tell whether the passage has the numbers and months of the quote, in their order."""
    others = iter(_numbers(passage))
    return han_readings(quote) <= han_readings(passage) and all(
        number in others for number in _numbers(quote)
    )


def _numbers(text: str) -> list[str]:
    found = [
        (number.start, max(number.readings, key=_size, default="/".join(number.parts)))
        for number in chain(numbers(text), spelled_numbers(text))
    ]
    found += (
        (word.start(), f"month {month}")
        for word in _WORD.finditer(text)
        if (month := MONTHS.get(word[0].casefold()))
    )
    return [number for _, number in sorted(found)]


def _size(reading: str) -> tuple[int, str]:
    return len(reading.partition(".")[0]), reading


def _changes(quote: str, passage: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the words of a quote that are not those of the passage, and those in their place."""
    from rapidfuzz.distance import Levenshtein

    said, source = (
        [word[0] for word in _WORD.finditer(_BROKEN.sub("", unicodedata.normalize("NFC", each)))]
        for each in (quote, passage)
    )
    edits = Levenshtein.editops(
        [word.casefold() for word in said], [word.casefold() for word in source]
    )
    at = other = 0
    for block in edits.as_matching_blocks():
        if at < block.a:
            yield said[at : block.a], source[other : block.b]
        at, other = block.a + block.size, block.b + block.size


def _names_another(
    added: Sequence[str], removed: Sequence[str], stands: Callable[[str], bool]
) -> bool:
    """Tell whether a name was put into a quote, or another word with a capital for a name."""
    from rapidfuzz import fuzz

    def is_name(word: str) -> bool:
        return word[0].isupper() and not stands(word.lower())

    for word in (word for word in added if word[0].isupper()):
        scores = (fuzz.ratio(word.casefold(), other.casefold()) for other in removed)
        is_slip = max(scores, default=0.0) >= _ALIKE
        if is_name(word):
            if stands(word) or not is_slip:
                return True
        elif not is_slip and any(map(is_name, removed)):
            return True
    return False
