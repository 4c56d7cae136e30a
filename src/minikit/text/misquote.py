"""Whether a quote that is nearly the same as its passage still says what the passage says."""

from __future__ import annotations

import re
import unicodedata
from itertools import chain
from typing import TYPE_CHECKING

from minikit.text.dates import MONTHS
from minikit.text.normalize import JOINED, UNSPACED, Normalized
from minikit.text.numerals import han_numbers, numbers, spelled_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["adds_notes", "adds_words", "denies", "is_misquote"]

_NEGATIONS = {
    "en": (
        r"not|no|never|none|nobody|nothing|nowhere|neither|nor|without|hardly|scarcely|barely"
        r"|im(?:possibl[ey]|probabl[ey])|un(?:able|certain|known|likely|necessary|willing)|\w*n't"
    ),
    "de": "nicht|nichts|kein(?:e[mnrs]?)?|nie|niemals|niemand|ohne",
    "es, fr, it, pt": (
        "aucune?|jamais|jamás|não|nessun[ao]?|ningun[ao]?|ningún|non|nunca|pas|rien|sans|sem|senza"
        "|sin"
    ),
    "nl, sv, da, nb": "aldrig|geen|ikke|inte|niet|nooit",
    "ru, uk": "не|нет|никогда|ничего|ни|нельзя|ні|немає",
    "pl, cs, tr, id, vi": "değil|bukan|không|ne|není|tidak|yok",
    "ar, fa, he": "لا|لم|لن|ليس|ليست|نه|نیست|אין|לא",
}
_NEGATION = re.compile(
    rf"\b(?:{'|'.join(_NEGATIONS.values())})(?!\w)"
    # Scripts whose words are not parted by spaces, or end in marks.
    "|拒绝|拒絕|[不没沒無无非未別别勿莫]|ない|なかった|ません|않|못|아니|없|नहीं|ไม่"
)
# Written in one with a verb, and with the apostrophe forgotten.
_CONTRACTED = re.compile(
    r"\b(ai|are|ca|could|did|do|does|had|has|have|is|must|need|should|was|were|wo|would)n'?t\b"
    r"|\b(can)not\b"
)
_SIGN = re.compile(
    r"(?P<minus>(?<!\w)-(?=\d)|\bminus\b)|(?P<percent>%|\bper\s?cent\b)|(?P<permille>‰)"
    r"|(?P<dollar>\$|\bdollars?\b)|(?P<euro>€|\beuros?\b)|(?P<pound>£|\bpounds?\b)"
    r"|(?P<yen>¥|\byen\b)|(?P<rupee>₹|\brupees?\b)|(?P<rouble>₽|\bro?ubles?\b)"
    r"|(?<=\d)\s?(?:(?P<morning>a)|(?P<evening>p))\.?\s?m\b"
    r"|\b(?P<once>once)\b|\b(?P<twice>twice)\b|\b(?P<thrice>thrice)\b|\b(?P<half>half)\b"
    r"|\b(?P<dozen>dozens?)\b"
)
_NOT = "¬"
_TOKEN = re.compile(rf"{_NOT}|{JOINED}+|[{UNSPACED}]")
# A word before which no sentence begins.
_MID = re.compile(r"(?:[\w,;]|\b(?:mrs?|ms|dr|st|prof)\.)\s+\Z", re.IGNORECASE)
# Speech begins again: "I don't, I don't think so".
_AGAIN = re.compile(r"\b(\w+(?:\W{1,3}\w+){0,4})(?:\W{1,3}\1\b)+")
_BROKEN = re.compile(r"(?<=[^\W\d_])(?:\xad|-[ \t]*\r?\n\s*)(?=[^\W\d_])")
_HYPHEN = re.compile(r"(?<=\w)[-\u2010-\u2013](?=\w)")
_SPACED = re.compile(JOINED)
_WORD = re.compile(rf"{JOINED}+|[{UNSPACED}]")
_NOTE = re.compile(r"\[\s?(\d{1,3})\s?\]")
_ADDED = 3  # words in a row
_ALIKE = 60.0  # a word and the same word mistyped, at least;
_SAME_NAME = 70.0  # a name and the same name mistyped,
_WITH_CAPITAL = 80.0  # that has lost its capital
_BEFORE = 8  # characters that tell whether a sentence goes on


def is_misquote(quote: str, passage: str, *, stands: Callable[[str], bool]) -> bool:
    """Tell whether `quote` has other facts than `passage`, which is nearly the same.

    These are numbers, months, currencies and signs of numbers, in their order; negations, and where
    they stand; and names (in a script with capitals) that the passage has not in their place. Any
    other change of a word ("fell" for "rose") can not be told from a slip.

    Args:
        quote: As written.
        passage: The words of the source.
        stands: Tells whether a word stands in the source, with these very letters.
    """
    said, source = (_AGAIN.sub(r"\1", _plain(each)) for each in (quote, passage))
    said = _with_numbers_mended(said, source, stands)
    return (
        _numbers(said) != _numbers(source)
        or _signs(said) != _signs(source)
        or not _deny_the_same(said, source)
        or any(_names_another(*change, stands) for change in _changes(quote, passage))
    )


def adds_words(quote: str, passage: str) -> bool:
    """Tell whether three words of `quote` in a row, or more, are like nothing in `passage`.

    Two characters of a script without spaces between words are a word.
    """
    from rapidfuzz import fuzz

    changes = (
        ([word[0] for word in added], [word[0] for word in removed])
        for added, removed in _changes(quote, passage)
    )
    return any(
        sum(1.0 if _SPACED.match(word) else 0.5 for word in added) >= _ADDED
        and fuzz.ratio(" ".join(added), " ".join(removed)) < _ALIKE
        for added, removed in changes
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
    plain = Normalized(_HYPHEN.sub(" ", text)).text
    return _CONTRACTED.sub(lambda found: f"{found[1] or found[2]} not", plain)


def _with_numbers_mended(said: str, source: str, stands: Callable[[str], bool]) -> str:
    """Return a quote with the words for numbers that are mistyped in it, as no words at all are."""
    from rapidfuzz import fuzz

    mended = said
    for added, removed in reversed([*_changes(said, source)]):
        pairs = zip(added, removed, strict=True) if len(added) == len(removed) else ()
        for word, other in reversed([*pairs]):
            is_slip = (
                word[0].isalpha()
                and _numbers(other[0])
                and not _numbers(word[0])
                and fuzz.ratio(word[0], other[0]) >= _ALIKE
            )
            if is_slip and not stands(word[0]):
                mended = mended[: word.start()] + other[0] + mended[word.end() :]
    return mended


def _signs(text: str) -> list[str | None]:
    return [sign.lastgroup for sign in _SIGN.finditer(text)]


def _deny_the_same(said: str, source: str) -> bool:
    """Tell whether there are as many negations in both, between the same words."""
    from rapidfuzz.distance import Levenshtein

    (words, negations), (others, wanted) = _negated(said), _negated(source)
    if len(negations) != len(wanted):
        return False
    edits = Levenshtein.editops(words, others) if negations else ()
    for at, there in zip(negations, wanted, strict=True):
        moved = [edit.tag for edit in edits if edit.src_pos < at]
        first = at + moved.count("insert") - moved.count("delete")
        beside = sum(edit.tag == "insert" and edit.src_pos == at for edit in edits)
        if not first <= there <= first + beside:
            return False
    return True


def _negated(text: str) -> tuple[list[str], list[int]]:
    """Return the words of a text without negations, and before which of them these stand."""
    words: list[str] = []
    negations: list[int] = []
    for token in _TOKEN.findall(_NEGATION.sub(f" {_NOT} ", text)):
        if token == _NOT:
            negations.append(len(words))
        else:
            words.append(token)
    return words, negations


def _numbers(text: str) -> list[str]:
    found = [
        (number.start, max(number.readings, key=_size, default="/".join(number.parts)))
        for number in chain(numbers(text), spelled_numbers(text), han_numbers(text))
    ]
    found += (
        (word.start(), f"month {month}")
        for word in _WORD.finditer(text)
        if (month := MONTHS.get(word[0].casefold()))
    )
    return [number for _, number in sorted(found)]


def _size(reading: str) -> tuple[int, str]:
    return len(reading.partition(".")[0]), reading


def _changes(quote: str, passage: str) -> Iterator[tuple[list[re.Match[str]], list[re.Match[str]]]]:
    """Yield the words of a quote that are not those of the passage, and those in their place."""
    from rapidfuzz.distance import Levenshtein

    said, source = (
        [*_WORD.finditer(_BROKEN.sub("", unicodedata.normalize("NFC", each)))]
        for each in (quote, passage)
    )
    edits = Levenshtein.editops(
        [word[0].casefold() for word in said], [word[0].casefold() for word in source]
    )
    at = other = 0
    for block in edits.as_matching_blocks():
        if at < block.a:
            yield said[at : block.a], source[other : block.b]
        at, other = block.a + block.size, block.b + block.size


def _names_another(
    added: Sequence[re.Match[str]],
    removed: Sequence[re.Match[str]],
    stands: Callable[[str], bool],
) -> bool:
    """Tell whether a name was put into a quote, or another word with a capital for a name."""

    def is_name(word: str) -> bool:
        return word[0].isupper() and not stands(word.lower())

    for at, match in enumerate(added):
        word = match[0]
        aligned = removed[at : at + 1] if len(added) == len(removed) else removed
        others = [other[0] for other in aligned]
        if not word[0].isupper():
            continue
        is_slip = any(_is_mistyped(word, other) for other in others)
        if is_name(word):
            if stands(word) or not is_slip:
                return True
        elif not is_slip and (any(map(is_name, others)) or (others and _is_mid(match))):
            return True
    return False


def _is_mistyped(word: str, other: str) -> bool:
    """Tell whether a word with a capital is another one, mistyped."""
    from rapidfuzz import fuzz

    least = _SAME_NAME if other[0].isupper() else _WITH_CAPITAL
    return fuzz.ratio(word.casefold(), other.casefold()) >= least


def _is_mid(word: re.Match[str]) -> bool:
    """Tell whether a word with a capital stands within a sentence, and is not "I"."""
    before = word.string[max(0, word.start() - _BEFORE) : word.start()]
    return len(word[0]) > 1 and _MID.search(before) is not None
