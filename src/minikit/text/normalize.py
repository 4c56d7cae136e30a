"""A text made comparable, with the way back to where each character of it came from.

Two texts that differ only in how they are set become the same. That is done in two passes of edits:
letters are folded (compatibility forms, accents, case), and then what stands between the words is
(white space, dashes, quotation marks, emphasis, remarks of a transcript).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from minikit.text.document import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["JOINED", "UNSPACED", "Normalized"]

UNSPACED = (
    r"\u0e01-\u0e4e\u0e80-\u0ecd\u1000-\u1049\u1050-\u109f\u1780-\u17d3\u3001-\u303f\u3041-\u30ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
)
"""Letters and signs of scripts that put no space between words, for the class of a pattern."""

# `\w` leaves out the vowel signs of Indic scripts, and accents that stand apart.
_MARKS = (
    r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u200c\u200d"
)
JOINED = rf"(?:[^\W_{UNSPACED}]|[{_MARKS}])"
"""A letter, digit or mark of a script that puts spaces between words, of a pattern."""

_LETTER = r"[^\W\d_]"
_APOSTROPHES = "'`\u02bc\u2018\u2019\u201a\u201b"
_HYPHENS = r"\-\xad\u2010\u2012\u2013\u2212"
_DASHES = "\u2014\u2015\u2e3a\u2e3b"
# Quotation marks, and what nobody sees: default ignorable characters, the lengthening of Arabic.
_IGNORED = (
    r'"\xab\xbb\u201c-\u201f\u2039\u203a\u3008-\u300f\u301d-\u301f'
    r"\u034f\u061c\u0640\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    r"\U000e0100-\U000e01ef"
)
# Words with a hyphen, at the end of a line or not, are compared as if written in one.
_HYPHEN = rf"(?<={_LETTER})[{_HYPHENS}](?:[ \t]*(?:\r\n?|\n)[ \t]*)?(?={_LETTER})"
# Transcripts set contractions apart, as the Penn Treebank does: "I 'm", "do n't".
_CONTRACTION = rf"(?:[{_APOSTROPHES}](?:s|m|d|t|re|ll|ve)|n[{_APOSTROPHES}]t)\b"
# What transcripts remark, and the numbers of footnotes. Other words in brackets are words: "[not]".
_REMARKS = (
    "applause|cheer(?:s|ing)|comment|cough(?:s|ing)?|crosstalk|disfmarker|gap|inaudible"
    "|laugh(?:s|ing|ter)?|music|noise|nonvocalsound|pause|sic|sigh(?:s|ing)?|silence"
    "|unintelligible|vocalsound"
)
_REMARK = rf"(?:\{{(?:{_REMARKS})\}}|\[(?:{_REMARKS}|\d{{1,3}})\])"
_EDIT = re.compile(
    rf"""
    (?=[\s{_IGNORED}{_DASHES}{_APOSTROPHES}{_HYPHENS}.*_{{\[])(?:
    (?P<hyphen>{_HYPHEN})
    # One space between two words stays as it is.
    | (?!\s(?!{_CONTRACTION})[^\W_{UNSPACED}])(?P<gap>(?:
        [\s{_IGNORED}{_DASHES}]
      | \.(?:\s?\.)+
      | (?!(?<={_LETTER}).{_LETTER}|{_CONTRACTION})[{_APOSTROPHES}]
      | (?!{_HYPHEN})(?:[{_HYPHENS}]{{2,}}|[{_HYPHENS}](?!\d))
      | (?<![^\W_])[*_]{{1,3}}(?=[^\s*_]) | (?<=[^\s*_])[*_]{{1,3}}(?![^\W_])
      | {_REMARK}
      )+)
    | (?<=[{UNSPACED}])\s
    )""",
    re.VERBOSE,
)
_PARTING = re.compile(rf"[\s{_DASHES}{_HYPHENS}.{{\[]")
_CLOSING = re.compile(rf"[.,;:!?)\]}}%{UNSPACED}]|{_CONTRACTION}|\Z")
_UNSPACED = re.compile(rf"[{UNSPACED}]")
_UNIFIED = (
    *((sign, " ") for sign in map(chr, range(0x3001)) if sign.isspace() and sign != " "),
    *((sign, "'") for sign in _APOSTROPHES[1:]),
    *((sign, "-") for sign in "\xad\u2010\u2012\u2013\u2212"),
)
# Half-width voice marks, vowels and final consonants of Hangul: letters by category that compose
# with what stands before them, as marks do.
_COMPOSING = re.compile(r"[\uff9e\uff9f\u1160-\u11ff]")
_MOST_MARKS = 30  # on one letter, as UAX #15 has it (Stream-Safe Text); sorting them is quadratic


class Normalized:
    """A text made comparable: `text` is what is compared, `span` the way back.

    Left out are case, compatibility forms (full-width letters, ligatures) and the way in which
    accents are written; quotation marks, invisible characters, soft hyphens and hyphens between
    letters (also at the end of a line), Markdown's emphasis; how much white space there is, and
    whether it stands before a closing sign, before the end of a contraction or beside a letter of a
    script that has none between words. Dashes, ellipses, [12] and a few remarks of transcripts
    ({pause}, [laughter]) are white space; other words in brackets, apostrophes within words and the
    sign of a number stay.

    Time and memory are linear in the length of the text: about 0.4 s for 3.3 million characters.

    Attributes:
        text: The comparable text.
    """

    __slots__ = ("_folded", "_set", "text")

    def __init__(self, text: str) -> None:
        self._folded = _folded(text)
        folded = self._folded.text.casefold()
        self._set = _Edited(folded, _settings(folded))
        self.text = _unified(self._set.text)

    def span(self, start: int, end: int) -> Span:
        """Return where in the original the characters of `text` from `start` to `end` stand.

        It begins and ends with these characters: what was left out around them is not in it.

        Args:
            start: Offset of the first character; >= 0.
            end: Offset after the last; > `start`, at most the length of `text`.
        """
        return Span(*self._folded.origin(*self._set.origin(start, end)))

    def locate(self, span: Span) -> tuple[int, int]:
        """Return from where to where `text` was made of the characters within `span` alone.

        Where it was made of none of them, the end is not after the start.

        Args:
            span: A place in the original; what lies beyond its end counts for nothing.
        """
        return self._set.locate(*self._folded.locate(span.start, span.end))


class _Edited:
    """A text after edits, and the way back.

    Each piece of it, from one of the `starts` to the next, came from the stretch that begins at the
    same place among the `origins`: character by character where they are equally long, else as a
    whole.
    """

    __slots__ = ("_origins", "_starts", "text")

    def __init__(self, text: str, edits: Iterable[tuple[int, int, str]]) -> None:
        """Replace the stretches of `text` that `edits` name: in order, without overlap."""
        pieces: list[str] = []
        self._starts = [0]
        self._origins = [0]
        at = length = 0
        for start, end, new in edits:
            length += start - at
            pieces += (text[at:start], new)
            self._starts += (length, length + len(new))
            self._origins += (start, end)
            length += len(new)
            at = end
        pieces.append(text[at:])
        self._starts.append(length + len(text) - at)
        self._origins.append(len(text))
        self.text = "".join(pieces)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch that the characters from `start` to `end`, at least one, came from."""
        starts, origins = self._starts, self._origins
        first = bisect_right(starts, start) - 1
        last = bisect_right(starts, end - 1)
        return (
            origins[first] + (start - starts[first] if self._is_copy(first) else 0),
            origins[last] - (starts[last] - end if self._is_copy(last - 1) else 0),
        )

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Return from where to where the text came from the stretch from `start` to `end` alone."""
        starts, origins = self._starts, self._origins
        start, end = (min(offset, origins[-1]) for offset in (start, end))
        after = bisect_left(origins, start, 1)
        before = bisect_right(origins, end, hi=len(origins) - 1) - 1
        return (
            starts[after] - (origins[after] - start if self._is_copy(after - 1) else 0),
            starts[before] + (end - origins[before] if self._is_copy(before) else 0),
        )

    def _is_copy(self, piece: int) -> bool:
        starts, origins = self._starts, self._origins
        return starts[piece + 1] - starts[piece] == origins[piece + 1] - origins[piece]


def _fold(text: str) -> str:
    # The acute accent is typed for an apostrophe; its compatibility form is a space with an accent.
    return unicodedata.normalize("NFKC", text.replace("\xb4", "'")).casefold()


def _folded(text: str) -> _Edited:
    """Fold `text`, but for the case of letters of which each folds into one."""
    if text.isascii() or (
        len(text.casefold()) == len(text) and unicodedata.is_normalized("NFKC", text)
    ):
        return _Edited(text, ())
    signs = {sign: _fold(sign) for sign in sorted(set(text))}
    marks = {sign for sign in signs if unicodedata.category(sign)[0] == "M"}
    marks.update(filter(_COMPOSING.match, signs))
    text = text.translate(
        {ord(sign): new for sign, new in signs.items() if len(new) == 1 and sign not in marks}
    )
    return _Edited(text, _foldings(text, marks, [s for s, new in signs.items() if len(new) > 1]))


def _foldings(
    text: str, marks: Iterable[str], expanding: Iterable[str]
) -> Iterator[tuple[int, int, str]]:
    mark, sign = (re.escape("".join(each)) for each in (marks, expanding))
    patterns = [rf"[^{mark}]?[{mark}]{{1,{_MOST_MARKS}}}"] if mark else []
    patterns += [f"[{sign}]"] if sign else []
    for match in re.finditer("|".join(patterns), text, re.DOTALL) if patterns else ():
        old, new = match[0], _fold(match[0])
        if len(new) != len(old) or new != old.casefold():
            yield match.start(), match.end(), new


def _settings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the edits that leave of what stands between words what is compared."""
    for match in _EDIT.finditer(text):
        start, end = match.span()
        if match.lastgroup == "gap" and _parts(text, start, end):
            if end - start > 1:
                yield start, end, " "
        else:
            yield start, end, ""


def _parts(text: str, start: int, end: int) -> bool:
    """Tell whether a gap parts what stands around it, as white space between words does."""
    return (
        start > 0
        and _PARTING.search(text, start, end) is not None
        and not _UNSPACED.match(text, start - 1)
        and not _CLOSING.match(text, end)
    )


def _unified(text: str) -> str:
    for sign, common in _UNIFIED:
        text = text.replace(sign, common)
    return text
