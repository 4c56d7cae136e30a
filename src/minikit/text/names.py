"""The names in a text: words with a capital that they do not owe to their place.

Only scripts with case have them. German gives every noun a capital: in such a text nothing but
several of them side by side is taken for a name, and even that is doubtful.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.text.stopwords import guess_language
from minikit.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LETTER", "Name", "names"]

_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\ua48f\uac00-\ud7ff\uf900-\ufaff"
    r"\uff66-\uffdc\U00020000-\U0003134f"
)
LETTER = rf"[^\W\d_{_UNSPACED}]"
"""A letter of a script with spaces between words: others have no capitals. Of a pattern."""

_WORD = re.compile(rf"(?:{LETTER}\.){{2,}}|(?:{LETTER}|\d)(?:{LETTER}|[\d\u0300-\u036f])*")
_WITHIN = re.compile(r" |-|['’]|\. ")
_SENTENCE_START = re.compile(r"[.!?:;…\n\r\"“„«|]|\s[-–—*•]\s")
# A heading, or the number of an item of a list.
_LEFT_OUT = re.compile(
    r"^[^\S\n]*(?:#.*|\*\*[^*\n]*\*\*:?[^\S\n]*$|[*_(\[]*\d{1,3}[.)\]](?!\w))", re.MULTILINE
)
_LABEL_END = re.compile(r"[*_ ]{0,4}:")
_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_TITLES = frozenset({"mr", "mrs", "ms", "dr", "prof", "st", "gen", "col", "lt", "capt", "rev"})
_NOUNS_HAVE_CAPITALS = frozenset({"de", "lb"})
_MANY = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name in a text.

    Attributes:
        start: Offset of its first character, in code points.
        end: Offset after its last character.
        words: Its words as they stand, without initials and Roman numerals; at least one.
        is_doubtful: Whether so many words of the text have capitals that it may be none.
    """

    start: int
    end: int
    words: tuple[str, ...]
    is_doubtful: bool = False


def names(text: str) -> list[Name]:
    """Find the names of `text`, in order.

    A word at the start of a sentence counts only where its capital is not for that: it has
    several, or one within a sentence too. Headings and labels ("Key points:") are left out.
    """
    words = list(_words(_LEFT_OUT.sub(lambda found: "\n" * len(found[0]), text)))
    within = [word for word in words if not word.is_start and len(word.text) > 1]
    known = {word.text for word in within if word.has_capital}
    is_doubtful = _has_many_capitals(within) or _is_german(text)
    found = [
        Name(start=run[0].start, end=run[-1].end, words=said, is_doubtful=is_doubtful)
        for run in _runs(text, words, known)
        if (said := tuple(word.text for word in run if word.says))
    ]
    return [name for name in found if len(name.words) > is_doubtful]


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int
    is_start: bool

    @property
    def has_capital(self) -> bool:
        return self.text[0].isupper()

    @property
    def has_own_capital(self) -> bool:
        """Whether it has capitals that no place gives: "NATO", "McDonald"."""
        return self.has_capital and any(map(str.isupper, self.text[1:]))

    @property
    def says(self) -> bool:
        """Whether it is more than an initial or a number of a chapter."""
        return len(self.text) > 1 and not _ROMAN.fullmatch(self.text)


def _words(text: str) -> Iterator[_Word]:
    before, end = "", 0
    for found in _WORD.finditer(text):
        start = found.start()
        sign = _SENTENCE_START.search(text, end, start)
        is_abbreviated = (len(before) == 1 and before != "I") or before.casefold() in _TITLES
        is_start = not before or (sign is not None and not (sign[0] == "." and is_abbreviated))
        yield _Word(found[0], start, found.end(), is_start)
        before, end = found[0], found.end()


def _runs(text: str, words: list[_Word], known: set[str]) -> Iterator[list[_Word]]:
    """Yield words with capitals that stand side by side, without one that its place explains."""
    run: list[_Word] = []
    for word in [*words, _Word(" ", len(text), len(text), is_start=True)]:
        goes_on = run and not word.is_start and _WITHIN.fullmatch(text, run[-1].end, word.start)
        if run and not (goes_on and word.has_capital):
            is_label = run[0].is_start and _LABEL_END.match(text, run[-1].end)
            explained = run[0].is_start and not (run[0].has_own_capital or run[0].text in known)
            if run[explained:] and not is_label:
                yield run[explained:]
            run = []
        if word.has_capital:
            run.append(word)


def _has_many_capitals(within: list[_Word]) -> bool:
    capitals = sum(word.has_capital for word in within)
    return capitals >= _MANY and 2 * capitals > len(within)


def _is_german(text: str) -> bool:
    return guess_language(Counter(terms(text))) in _NOUNS_HAVE_CAPITALS
