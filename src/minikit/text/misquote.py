"""Whether a quote that is nearly the same as its passage still says what the passage says."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

from minikit.text.normalize import UNSPACED, Normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["adds_words", "denies", "is_misquote"]

_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
_VALUES = {word: str(value) for value, word in enumerate(_NUMBERS.split())}
# "May" and "march" need not be months, but a quote that is true has them only where the source has.
_WORDS = (
    "thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|trillion|"
    "dozen|half|quarter|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|january|"
    "february|march|april|may|june|july|august|september|october|november|december|monday|tuesday|"
    "wednesday|thursday|friday|saturday|sunday"
)
_NUMBER = re.compile(
    rf"(?<!\d)\d{{1,3}}(?:\s\d{{3}})+(?!\d)|\d+(?:[.,:]\d+)*|\b(?:{'|'.join(_VALUES)}|{_WORDS})\b|[〇一二三四五六七八九十百千万萬亿億]"
)
_GROUPING = re.compile(r"[.,\s](?=\d{3}(?!\d))")
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
_SPACED = re.compile(rf"[^\W_{UNSPACED}]")
_WORD = re.compile(rf"[^\W_{UNSPACED}]+|[{UNSPACED}]")
_ADDED = 3  # words in a row
_ALIKE = 60.0  # a word and the same word mistyped, at least


def is_misquote(quote: str, passage: str, *, stands: Callable[[str], bool]) -> bool:
    """Tell whether `quote` has other facts than `passage`, which is nearly the same.

    These are numbers and dates that the passage has not, negations that only one of the two has,
    and names (in a script with capitals) that the passage has not in their place. Any other change
    of a word ("fell" for "rose") can not be told from a slip.

    Args:
        quote: As written.
        passage: The words of the source.
        stands: Tells whether a word stands in the source, with these very letters.
    """
    said, source = (_AGAIN.sub(r"\1", _plain(each)) for each in (quote, passage))
    return (
        bool(_numbers(said) - _numbers(source))
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


def denies(text: str) -> bool:
    """Tell whether there is a negation in `text`."""
    return _NEGATION.search(_plain(text)) is not None


def _plain(text: str) -> str:
    return Normalized(_HYPHEN.sub(" ", text)).text


def _numbers(text: str) -> Counter[str]:
    return Counter(map(_number, _NUMBER.findall(text)))


def _number(word: str) -> str:
    digits = "".join(str(unicodedata.decimal(sign, sign)) for sign in word)
    return _VALUES.get(word) or _GROUPING.sub("", digits)


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
