"""A quote as a model writes it: with quotation marks, the label of a speaker, ellipses."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from minikit.text.normalize import Normalized
from minikit.text.words import count_words

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Quotation", "Wording"]

_LEAST_WORDS, _LEAST_LETTERS = 2, 4
_MOST_PIECES = 16
_ELLIPSIS = re.compile(r"[\[(]\s?(?:\.{3,}|…+)\s?[\])]|\.{3,}|…+|\.(?:\s\.){2,}")
_LABEL, _LABEL_WORDS = 40, 5
_WORD = re.compile(r"[^\W_]+")
_SIGNED = re.compile(r"-\d")
_SIGNS = "PZC"  # categories: punctuation, white space, what nobody sees;
_SYMBOLS = ("Sk", "So")  # but not those of money and of mathematics
_MEANT = "%‰°"


@dataclass(frozen=True, slots=True)
class Wording:
    """A quote, or a piece of one.

    Attributes:
        raw: As it is written.
        normal: Normalized (see `minikit.text.normalize`), without white space around it.
        bare: The same without the signs around it, but for those that belong to a number.
    """

    raw: str
    normal: str
    bare: str

    @classmethod
    def of(cls, raw: str) -> Wording:
        """Read `raw`, which may be any str."""
        normal = Normalized(raw).text.strip()
        return cls(raw, normal, _without_signs(normal))

    def has_words(self, words: int) -> bool:
        """Tell whether it has so many words, or two characters for each in unspaced scripts."""
        return count_words(self.bare) >= words

    @property
    def proves(self) -> bool:
        """Whether it has the two words and four letters without which nothing is proved."""
        letters = islice(filter(str.isalnum, self.bare), _LEAST_LETTERS)
        return self.has_words(_LEAST_WORDS) and len(list(letters)) == _LEAST_LETTERS


@dataclass(frozen=True, slots=True)
class Quotation:
    """A quote and what is quoted by it.

    Attributes:
        whole: All of it.
        said: The same without the label of a speaker ("Professor E:"), where it begins with one.
        pieces: What stands between the ellipses of what is said; () where there are none, or more
            than 15.
    """

    whole: Wording
    said: Wording
    pieces: tuple[Wording, ...]

    @classmethod
    def of(cls, raw: str) -> Quotation:
        """Read `raw`, which may be any str."""
        whole = Wording.of(raw)
        rest = Wording.of(_without_label(raw))
        said = rest if rest.proves else whole
        parts = _ELLIPSIS.split(said.raw, _MOST_PIECES)
        pieces = map(Wording.of, parts if 1 < len(parts) <= _MOST_PIECES else ())
        return cls(whole, said, tuple(piece for piece in pieces if piece.bare))

    def wordings(self) -> Iterable[str]:
        """Return what may stand in a normalized text word for word, the most first."""
        texts = (self.whole.normal, self.whole.bare, self.said.normal, self.said.bare)
        return dict.fromkeys(texts)


def _without_signs(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_sign(text[start]) and not _SIGNED.match(text, start):
        start += 1
    while start < end and _is_sign(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_sign(sign: str) -> bool:
    category = unicodedata.category(sign)
    return (category[0] in _SIGNS or category in _SYMBOLS) and sign not in _MEANT


def _without_label(quote: str) -> str:
    """Leave out a label: at most five words that begin with no small letter, and a colon.

    Returns:
        The rest; "" where there is no label.
    """
    head, _, rest = quote.replace("：", ":").partition(":")
    is_label = (
        len(head) <= _LABEL
        and 0 < count_words(head) <= _LABEL_WORDS
        and all(not word[0].islower() for word in _WORD.findall(head))
        and not rest[:1].isdigit()  # a time of day
    )
    return rest if is_label else ""
