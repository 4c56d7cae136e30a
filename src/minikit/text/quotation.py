"""A quote as a model writes it: with quotation marks, the label of a speaker, ellipses.

And where one may begin and end in the text that it is taken from.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from minikit.text.misquote import denies
from minikit.text.normalize import JOINED, Normalized
from minikit.text.numerals import han_numbers, numbers, spelled_numbers
from minikit.text.words import count_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "SUBSTANTIAL",
    "Quotation",
    "Wording",
    "are_of_one",
    "can_begin",
    "can_end",
    "label_of",
    "may_be_joined",
]

SUBSTANTIAL = 4
"""Words of what proves something wherever it stands."""


_LEAST_WORDS, _LEAST_LETTERS = 2, 4
_MOST_PIECES = 16
_CLOSE = 60  # characters between pieces that need not prove anything each
_HIDDEN = 5  # words within which a negation belongs to what stands around an ellipsis
_SENTENCE_END = re.compile(
    r"(?<!\bmr)(?<!\bdr)(?<!\bst)(?<!\bmrs)(?<!\bprof)[.!?…]['’)\]]*\s|[。！？]"
)
_ELLIPSIS = re.compile(r"[\[(]\s?(?:\.{3,}|…+)\s?[\])]|\.{3,}|…+|\.(?:\s\.){2,}")
_LABEL, _LABEL_WORDS = 40, 5
_WORD = re.compile(r"[^\W_]+")
_SIGNED = re.compile(r"-\d")
_SIGNS = "PZC"  # categories: punctuation, white space, what nobody sees;
_SYMBOLS = ("Sk", "So")  # but not those of money and of mathematics
_MEANT = "%‰°"

# What a quote may not begin or end within: a word, with hyphens or without; a number with its
# sign, scale and unit; a verb with its "not".
_HYPHEN = r"(?:[-\xad\u2010\u2011](?:[ \t]*\r?\n\s*)?)"
_CUT_BEFORE = re.compile(
    rf"""(?:{JOINED}(?:['’]|{_HYPHEN})?{JOINED} | (?:\A|[\s(])[-−]\d
    | (?:\b(?:not|never|cannot|nicht|не)|n['’]t)\s{{1,4}}\S | [不没沒未].)\Z""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_CUT_AFTER = re.compile(
    rf"""{JOINED}(?:(?:['’]|{_HYPHEN})?{JOINED}
    | \s{{1,4}}(?:not|n['’]t|nicht|pas|niet|ikke|inte|не|değil|नहीं)(?!{JOINED}))""",
    re.VERBOSE | re.IGNORECASE,
)
_MEASURE = re.compile(
    r"""[$€£¥₹₽]\s?\d | \d\s?(?:[%‰°€£¥₹₽] | [ap]\.?m\b | \$(?!\d))
    | \d[.,]\d | \d\s(?:hundred|thousand|million|billion|trillion)""",
    re.VERBOSE | re.IGNORECASE,
)
_AROUND = 12  # characters that these look at
_LONG = 40  # and characters in which a number stands


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
        return self.words >= words

    @property
    def words(self) -> int:
        """How many words it has, with two characters for each in unspaced scripts."""
        return count_words(self.bare)

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
        label: The label of a speaker that is left out of what is said; "" where it has none.
    """

    whole: Wording
    said: Wording
    pieces: tuple[Wording, ...]
    label: str

    @classmethod
    def of(cls, raw: str) -> Quotation:
        """Read `raw`, which may be any str."""
        whole = Wording.of(raw)
        label = label_of(raw)
        rest = Wording.of(raw[len(label) + 1 :] if label else "")
        said = rest if rest.proves else whole
        parts = _ELLIPSIS.split(said.raw, _MOST_PIECES)
        pieces = map(Wording.of, parts if 1 < len(parts) <= _MOST_PIECES else ())
        said_by = label if said is rest else ""
        return cls(whole, said, tuple(piece for piece in pieces if piece.bare), said_by)

    def wordings(self) -> Iterable[str]:
        """Return what may stand in a normalized text word for word, the most first."""
        texts = (self.whole.normal, self.whole.bare, self.said.normal, self.said.bare)
        return dict.fromkeys(texts)


def can_begin(text: str, at: int) -> bool:
    """Tell whether a quote of `text` may begin at an offset: within no word and no number."""
    return not (_CUT_BEFORE.search(text[max(0, at - _AROUND) : at + 1]) or _is_in_number(text, at))


def can_end(text: str, at: int) -> bool:
    """Tell whether a quote of `text` may end before an offset."""
    return not (_CUT_AFTER.match(text[max(0, at - 1) : at + _AROUND]) or _is_in_number(text, at))


def may_be_joined(words: Sequence[int], gaps: Sequence[str]) -> bool:
    """Tell whether ellipses may stand for what is between the pieces of a quote.

    That hides no negation, and pieces of a few words stand close to others: any subject and any
    predicate of a text could be joined else.

    Args:
        words: How many each piece has, at least one piece.
        gaps: What stands between the pieces in the text, normalized.
    """
    together = [words[0]]
    for gap, count in zip(gaps, words[1:], strict=True):
        is_sentence = not _SENTENCE_END.search(gap)
        if denies(gap) and (is_sentence or count_words(gap) <= _HIDDEN):
            return False
        if is_sentence and len(gap) <= _CLOSE:
            together[-1] += count
        else:
            together.append(count)
    return len(together) == 1 or min(together) >= SUBSTANTIAL


def _is_in_number(text: str, at: int) -> bool:
    low = max(0, at - _LONG)
    around = text[low : at + _LONG]
    at -= low
    spans = chain(
        (found.span() for found in _MEASURE.finditer(around)),
        ((number.start, number.end) for number in numbers(around)),
        ((number.start, number.end) for number in spelled_numbers(around)),
        ((number.start, number.end) for number in han_numbers(around)),
    )
    # "Chapter twenty", and after an empty line "One day", are no number.
    return any(start < at < end and around.count("\n", start, end) <= 1 for start, end in spans)


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


def label_of(text: str) -> str:
    """Return the label of a speaker that `text` begins with, "" if it begins with none.

    A label is at most five words that begin with no small letter, and a colon.
    """
    head, colon, rest = text.replace("：", ":").partition(":")
    is_label = (
        colon
        and len(head) <= _LABEL
        and 0 < count_words(head) <= _LABEL_WORDS
        and all(not word[0].islower() for word in _WORD.findall(head))
        and not rest[:1].isdigit()  # a time of day
    )
    return head if is_label else ""


def are_of_one(label: str, other: str) -> bool:
    """Tell whether two labels may be of one speaker: all words of one begin words of the other."""
    few, many = sorted((_WORD.findall(each.casefold()) for each in (label, other)), key=len)
    return all(any(a.startswith(b) or b.startswith(a) for b in many) for a in few)
