"""Whether a quote that is nearly the same as its passage still says what the passage says."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

from minikit.text.normalize import UNSPACED, Normalized
from minikit.text.words import count_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["adds_words", "denies", "is_misquote"]

_NUMBERS = (
    "zero - two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
# "One" is mostly no number; "may" and "march" count, since both sides have them or none has.
_VALUES = {word: str(value) for value, word in enumerate(_NUMBERS.split()) if word != "-"}
_WORDS = (
    "thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|trillion|"
    "dozen|half|quarter|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|january|"
    "february|march|april|may|june|july|august|september|october|november|december|monday|tuesday|"
    "wednesday|thursday|friday|saturday|sunday"
)
_NUMBER = re.compile(
    rf"\d+(?:[.,:]\d+)*|\b(?:{'|'.join(_VALUES)}|{_WORDS})\b|[〇一二三四五六七八九十百千万萬亿億]"
)
_GROUPING = re.compile(r"[.,](?=\d{3}(?!\d))")
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
_WORD = re.compile(rf"[^\W{UNSPACED}]+(?:'[^\W{UNSPACED}]+)*|[{UNSPACED}]")
# Speech begins again: "I don't, I don't think so".
_AGAIN = re.compile(r"\b(\w+(?:\W{1,3}\w+){0,4})(?:\W{1,3}\1\b)+")
_LETTERS = re.compile(r"[^\W\d_]+")
_ADDED = 4  # words in a row
_ALIKE = 60.0  # a word and the same word mistyped, at least


def is_misquote(quote: str, passage: str, *, stands: Callable[[str], bool]) -> bool:
    """Tell whether `quote` has facts that `passage`, which is nearly the same, has not.

    These are numbers, dates and names (in a script with capitals) that the passage has not, and
    negations that only one of the two has. What can not be told is any other change of a word
    ("rose" for "fell"), or of a name into a word that the text has in small letters.

    Args:
        quote: As written.
        passage: The words of the source.
        stands: Tells whether a word stands in the source, with these very letters.
    """
    said, source = (_AGAIN.sub(r"\1", Normalized(each).text) for each in (quote, passage))
    return (
        bool(_numbers(said) - _numbers(source))
        or len(_NEGATION.findall(said)) != len(_NEGATION.findall(source))
        or _has_other_name(quote, passage, stands)
    )


def denies(text: str) -> bool:
    """Tell whether there is a negation in `text`."""
    return _NEGATION.search(Normalized(text).text) is not None


def adds_words(quote: str, passage: str) -> bool:
    """Tell whether four or more words of `quote` in a row are like nothing in `passage`.

    Args:
        quote: Normalized.
        passage: Normalized, and nearly the same.
    """
    from rapidfuzz import fuzz
    from rapidfuzz.distance import Levenshtein

    said, source = (list(_WORD.finditer(each)) for each in (quote, passage))
    edits = Levenshtein.editops([word[0] for word in said], [word[0] for word in source])
    at = other = 0
    for block in edits.as_matching_blocks():
        added = _between(quote, said[at : block.a])
        if count_words(added) >= _ADDED:
            replaced = _between(passage, source[other : block.b])
            if fuzz.ratio(added, replaced) < _ALIKE:
                return True
        at, other = block.a + block.size, block.b + block.size
    return False


def _between(text: str, words: Sequence[re.Match[str]]) -> str:
    return text[words[0].start() : words[-1].end()] if words else ""


def _numbers(text: str) -> Counter[str]:
    return Counter(map(_number, _NUMBER.findall(text)))


def _number(word: str) -> str:
    digits = "".join(str(unicodedata.decimal(sign, sign)) for sign in word)
    return _VALUES.get(word) or _GROUPING.sub("", digits)


def _has_other_name(quote: str, passage: str, stands: Callable[[str], bool]) -> bool:
    from rapidfuzz import process

    own = {word.casefold() for word in _LETTERS.findall(passage)}
    own.update(_LETTERS.findall(Normalized(passage).text))
    for name in sorted(set(_LETTERS.findall(unicodedata.normalize("NFC", quote)))):
        if (
            name[0].isupper()
            and name.casefold() not in own
            and not stands(name.lower())
            and (stands(name) or not process.extractOne(name.casefold(), own, score_cutoff=_ALIKE))
        ):
            return True
    return False
